//! The faults that change the rows of a page and its link to the next one.

use std::borrow::Borrow;

/// The faults that only a provider can apply, because they concern its rows and its way of paging.
///
/// A [`Service`](super::Service) gets this with each request. The default is no fault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PageFaults {
    /// Leave out this many rows at the end of the page.
    pub drop_rows: usize,
    /// Leave out all rows of the page.
    pub drop_all_rows: bool,
    /// Use pages of half the size that was asked for (at least 1).
    pub halve_limit: bool,
    /// Leave out this many of the newest rows of the whole list, before it is divided into pages.
    pub behind: usize,
    /// Send the middle record of the page as a copy of the one before it.
    pub duplicate: bool,
    /// How the total is written.
    pub total: TotalForm,
    /// What to do with the link or cursor to the next page.
    pub next: NextFault,
    /// Which records get a wrong type.
    pub bad_records: BadRecords,
}

/// What to do with the link or cursor to the next page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NextFault {
    /// Nothing.
    #[default]
    Good,
    /// State that there is no next page.
    Lost,
    /// Lead to this page.
    Repeat,
    /// Lead to the page before this one.
    Cycle,
    /// Lead to this URL.
    Foreign(String),
}

/// How a total is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TotalForm {
    /// As a whole number: `400`.
    #[default]
    Whole,
    /// As a text: `"400"`.
    Text,
    /// With a fraction: `400.0`.
    Fraction,
    /// With an exponent: `400e0`.
    Exponent,
    /// As `true`, which is no number.
    True,
}

/// Which records of a page get a value of the wrong type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadRecords {
    /// None.
    #[default]
    None,
    /// The middle one.
    One,
    /// All.
    All,
}

impl BadRecords {
    /// Whether the record at `index` of a page of `rows` gets a wrong value.
    pub fn hits(self, index: usize, rows: usize) -> bool {
        match self {
            Self::None => false,
            Self::One => index == rows / 2,
            Self::All => true,
        }
    }
}

impl PageFaults {
    /// The page size to use for one that was asked for.
    pub fn page_size(&self, asked: usize) -> usize {
        if self.halve_limit { (asked / 2).max(1) } else { asked }
    }

    /// How many of a page's `rows` to send.
    pub fn rows(&self, rows: usize) -> usize {
        if self.drop_all_rows { 0 } else { rows.saturating_sub(self.drop_rows) }
    }

    /// The JSON text of the total of a list.
    pub fn total(&self, rows: usize) -> String {
        match self.total {
            TotalForm::Whole => rows.to_string(),
            TotalForm::Text => format!("\"{rows}\""),
            TotalForm::Fraction => format!("{rows}.0"),
            TotalForm::Exponent => format!("{rows}e0"),
            TotalForm::True => "true".to_owned(),
        }
    }

    /// Applies the faults that concern the rows of a page: leaves rows out, sends one twice, and gives others a wrong value by [`make_bad_record`]. `null` gets
    /// the index of such a row in the page, and tells whether its wrong value is a null.
    pub fn apply<T: Borrow<str> + From<String>>(&self, page: &mut Vec<T>, null: impl Fn(usize) -> bool) {
        page.truncate(self.rows(page.len()));
        let rows = page.len();
        let before = (rows / 2).checked_sub(1).and_then(|index| page.get(index));
        if let Some(copy) = before.filter(|_| self.duplicate).map(|row| T::from(row.borrow().to_owned()))
            && let Some(middle) = page.get_mut(rows / 2)
        {
            *middle = copy;
        }
        for (index, row) in page.iter_mut().enumerate() {
            if self.bad_records.hits(index, rows) {
                *row = make_bad_record((*row).borrow(), null(index)).into();
            }
        }
    }
}

/// A record whose first member, by convention its identity, has a value of a wrong type: a text, or a null when `null` is true.
///
/// The rest of the JSON text does not change. JSON that is not an object is replaced by a text.
pub fn make_bad_record(json: &str, null: bool) -> String {
    let Some((name, rest)) = json.split_once(':') else {
        return "\"x\"".to_owned();
    };
    let value = if null { "null" } else { "\"x\"" };
    match rest.split_once(',') {
        Some((_, rest)) => format!("{name}:{value},{rest}"),
        None => format!("{name}:{value}}}"),
    }
}
