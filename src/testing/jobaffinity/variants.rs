//! What the vendor's documentation leaves open, or states in two ways.

/// The edition of the vendor's reference that the names in the records follow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Edition {
    /// The later one.
    #[default]
    Later,
    /// The older one: `address`, `mobile`, bare links, step changes without `change_id`.
    Older,
}

/// The order of the lists, which is not documented.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// By id.
    #[default]
    Ascending,
    /// By id, the newest first.
    Descending,
    /// Any other order: a new record may come anywhere.
    Shuffled,
}

impl Order {
    /// The sort key of the record with this id.
    pub(super) fn rank(self, id: u64) -> (u64, u64) {
        match self {
            Self::Ascending => (id, 0),
            Self::Descending => (u64::MAX - id, 0),
            Self::Shuffled => {
                let mixed = (id ^ (id >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9), id)
            }
        }
    }
}

/// The form of the links to next pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Links {
    /// A path, as in the vendor's guide.
    #[default]
    Relative,
    /// A whole URL, as in the vendor's reference.
    Absolute,
}

/// What `_next` is on the last page: the vendor's guide and reference differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LastPage {
    /// An empty text.
    #[default]
    Empty,
    /// Null.
    Null,
    /// No such member.
    Absent,
}

/// What was chosen in the builder.
#[derive(Debug, Clone, Default)]
pub(super) struct Variants {
    pub(super) order: Order,
    pub(super) links: Links,
    pub(super) last_page: LastPage,
    pub(super) next_repeats_query: bool,
    pub(super) since_excludes: bool,
    pub(super) cv_origin: String,
}
