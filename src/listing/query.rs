//! The query parameters of a provider's listing, and the check of their values.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// Parameters in the order in which they were set, and the first invalid value: an error before anything is sent.
#[derive(Clone, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
    problem: Option<Problem>,
}

#[derive(Clone)]
struct Problem {
    what: String,
    value: String,
    rule: String,
}

impl Query {
    /// Sets a parameter that has one value.
    #[allow(clippy::needless_pass_by_value, reason = "numbers, dates and texts alike")]
    pub(crate) fn set(&mut self, name: &str, value: impl ToString) {
        let value = value.to_string();
        if value.chars().any(char::is_control) {
            self.refuse(name, "(control characters)", "a text without control characters");
        }
        match self.pairs.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.pairs.push((name.to_owned(), value)),
        }
    }

    /// Adds a value to a parameter that is sent once for each value.
    pub(crate) fn add(&mut self, name: &str, value: &str) {
        self.pairs.push((name.to_owned(), value.to_owned()));
    }

    /// Adds values to a parameter that is sent once, with a separator between the values.
    pub(crate) fn join(&mut self, name: &str, separator: &str, values: &[String]) {
        if values.is_empty() {
            self.refuse(name, "(no value)", "1 or more values");
            return;
        }
        let values = values.join(separator);
        let value = self.get(name).map_or_else(|| values.clone(), |before| format!("{before}{separator}{values}"));
        self.set(name, value);
    }

    /// Sets a text that must not be empty: a server may read an empty one as "no filter".
    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.check_text(name, value);
        self.set(name, value);
    }

    pub(crate) fn check_text(&mut self, name: &str, value: &str) {
        if value.trim().is_empty() {
            self.refuse(name, "(empty)", "a text that is not empty");
        }
    }

    pub(crate) fn unset(&mut self, name: &str) {
        self.pairs.retain(|(known, _)| known != name);
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// Stores the first invalid value.
    pub(crate) fn refuse(&mut self, what: &str, value: &str, rule: &str) {
        let problem = || Problem { what: what.to_owned(), value: value.to_owned(), rule: rule.to_owned() };
        self.problem.get_or_insert_with(problem);
    }

    /// # Errors
    /// [`Error::Invalid`] for the first value that was refused.
    pub(crate) fn check(&self) -> Result<()> {
        match &self.problem {
            Some(Problem { what, value, rule }) => Err(Error::invalid(what, value, rule)),
            None => Ok(()),
        }
    }

    /// Checks a lower and an upper bound, when both are set and can be read as `V`.
    pub(crate) fn check_order<V: PartialOrd + FromStr>(&self, from: &str, to: &str) -> Result<()> {
        let (Some(low), Some(high)) = (self.get(from), self.get(to)) else { return Ok(()) };
        match (low.parse::<V>(), high.parse::<V>()) {
            (Ok(first), Ok(second)) if first > second => Err(Error::invalid(
                format!("{from}, {to}"),
                format!("{low} to {high}"),
                "the first not greater than the second",
            )),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Query {
    /// Shows only names: values may be personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.pairs.iter().map(|(name, _)| name)).finish()
    }
}
