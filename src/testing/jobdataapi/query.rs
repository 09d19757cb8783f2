//! Query parameters and how their values are written.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::testing::received::Received;

/// The parameters that replace the default window, and that the lite subscription does not include.
pub(super) const SLICING: [&str; 6] = ["published_since", "published_until", "min_id", "max_id", "min_age", "max_age"];
/// The most values in one parameter.
const MOST_VALUES: usize = 50;

/// The UTC day of an instant.
pub(super) fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// A parameter with a wrong value; the reply has status 400.
#[derive(Debug)]
pub(super) struct Invalid {
    pub(super) field: &'static str,
    pub(super) message: &'static str,
}

/// Access to the parameters of a request. Empty values count as absent.
#[derive(Clone, Copy)]
pub(super) struct Params<'a>(pub(super) &'a Received);

impl<'a> Params<'a> {
    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        self.0.param(name).filter(|value| !value.is_empty())
    }

    pub(super) fn has_any(self, names: &[&'static str]) -> Option<&'static str> {
        names.iter().copied().find(|name| self.text(name).is_some())
    }

    /// Whether every parameter is in one of these lists.
    pub(super) fn all_in(self, lists: &[&[&str]]) -> bool {
        self.0.query().iter().all(|(name, _)| lists.iter().any(|list| list.contains(&name.as_str())))
    }

    pub(super) fn number(self, field: &'static str) -> Result<Option<u64>, Invalid> {
        let message = "Enter a whole number.";
        self.parsed(field, message, |text| text.parse().ok())
    }

    pub(super) fn date(self, field: &'static str) -> Result<Option<Date>, Invalid> {
        // Exactly `YYYY-MM-DD`: jiff also reads a date with a time.
        let date = |text: &str| text.parse().ok().filter(|_| text.len() == 10);
        self.parsed(field, "Enter a valid date.", date)
    }

    pub(super) fn flag(self, field: &'static str) -> Result<bool, Invalid> {
        let flag = self.parsed(field, "Must be a valid boolean.", |text| match text {
            "true" | "True" | "1" => Some(true),
            "false" | "False" | "0" => Some(false),
            _ => None,
        })?;
        Ok(flag.unwrap_or(false))
    }

    fn parsed<T>(
        self,
        field: &'static str,
        message: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Invalid> {
        self.text(field).map(|text| parse(text).ok_or(Invalid { field, message })).transpose()
    }

    /// `a|b|-c` of codes.
    pub(super) fn codes(self, field: &'static str) -> Result<Multi<String>, Invalid> {
        self.multi(field, |code| Some(code.to_owned()))
    }

    /// `1|2|-3` of ids.
    pub(super) fn ids(self, field: &'static str) -> Result<Multi<u32>, Invalid> {
        self.multi(field, |id| id.parse().ok())
    }

    /// `word|OR|other word|OR|-not this`, compared without regard to case.
    pub(super) fn keywords(self, field: &'static str, shortest: usize) -> Result<Multi<String>, Invalid> {
        let mut found = Multi { include: Vec::new(), exclude: Vec::new() };
        for keyword in self.text(field).unwrap_or_default().split("|OR|") {
            let (word, list) = match keyword.strip_prefix('-') {
                Some(word) => (word, &mut found.exclude),
                None => (
                    keyword.strip_prefix('\\').filter(|word| word.starts_with('-')).unwrap_or(keyword),
                    &mut found.include,
                ),
            };
            if word.chars().count() >= shortest.max(1) {
                list.push(word.to_lowercase());
            }
        }
        if found.include.len() + found.exclude.len() > 10 * MOST_VALUES {
            return Err(Invalid { field, message: "Too many values." });
        }
        Ok(found)
    }

    fn multi<T>(self, field: &'static str, parse: impl Fn(&str) -> Option<T>) -> Result<Multi<T>, Invalid> {
        let mut multi = Multi { include: Vec::new(), exclude: Vec::new() };
        for value in self.text(field).iter().flat_map(|text| text.split('|')) {
            let (value, list) = match value.strip_prefix('-') {
                Some(value) => (value, &mut multi.exclude),
                None => (value, &mut multi.include),
            };
            let message = "Enter a valid value.";
            let value = Some(value).filter(|value| !value.is_empty()).and_then(&parse);
            list.push(value.ok_or(Invalid { field, message })?);
        }
        if multi.include.len() + multi.exclude.len() > MOST_VALUES {
            return Err(Invalid { field, message: "At most 50 values are allowed." });
        }
        Ok(multi)
    }
}

/// Values to include and to exclude.
pub(super) struct Multi<T> {
    include: Vec<T>,
    exclude: Vec<T>,
}

impl<T> Multi<T> {
    /// Whether a row passes: it has one of the included values, if there are any, and none of the excluded ones. `holds` tells
    /// whether the row has a value.
    pub(super) fn passes(&self, holds: impl Fn(&T) -> bool) -> bool {
        (self.include.is_empty() || self.include.iter().any(&holds)) && !self.exclude.iter().any(holds)
    }
}

impl Multi<String> {
    /// Whether a text passes: it contains one of the included keywords and none of the excluded ones, without regard to case.
    pub(super) fn passes_text(&self, text: &str) -> bool {
        if self.include.is_empty() && self.exclude.is_empty() {
            return true;
        }
        let text = text.to_lowercase();
        self.passes(|word| text.contains(word.as_str()))
    }
}

/// The description in a JSON record.
pub(super) fn description_of(json: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Described {
        description: String,
    }
    serde_json::from_str(json).map_or_else(|_| String::new(), |described: Described| described.description)
}

/// The rows of a catalog at these indexes.
pub(super) fn look_up<'a, T>(all: &'a [T], indexes: &[usize]) -> impl Iterator<Item = &'a T> {
    indexes.iter().filter_map(|&index| all.get(index))
}

/// The instant this many times 24 hours before `now`, or the earliest there is.
pub(super) fn days_before(now: Timestamp, days: u64) -> Timestamp {
    let hours = i64::try_from(days).unwrap_or(i64::MAX).min(20_000_000) * 24;
    now.checked_sub(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MIN)
}
