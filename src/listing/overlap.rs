//! Records that two pages share on purpose.

/// With which records each page repeats the end of the page before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overlap {
    /// With none.
    #[default]
    None,
    /// With its last record, which must come first. When another one comes first, the list has shifted, and the walk ends as
    /// [`Completeness::Drifted`](crate::Completeness). For [`paginate::offsets`](crate::paginate::offsets).
    Row,
    /// With all records that have the sort key of its last record. For
    /// [`paginate::keyset_inclusive`](crate::paginate::keyset_inclusive).
    Ties,
}
