//! The query of one listing: values that join into one parameter, and what is wrong with them.

use jiff::civil::Date;

use crate::error::{Error, Result};

/// The most values that one parameter takes (vendor page "Multi-value parameters").
pub(crate) const MAX_VALUES: usize = 50;

/// The largest page (vendor page "Jobs API endpoint").
pub(crate) const MAX_PAGE_SIZE: u32 = 5000;

/// Parameters in the order in which they were set, and the first problem among them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    params: Vec<Param>,
    problem: Option<Problem>,
}

#[derive(Debug, Clone)]
struct Param {
    name: String,
    separator: Option<&'static str>,
    values: Vec<String>,
}

/// A refused value, kept until the request is about to be sent.
#[derive(Debug, Clone)]
struct Problem {
    what: String,
    value: String,
    rule: String,
}

impl Query {
    /// Sets a parameter that has one value.
    pub(crate) fn set(&mut self, name: &str, value: &impl ToString) {
        let values = vec![value.to_string()];
        match self.params.iter_mut().find(|param| param.name == name) {
            Some(param) => param.values = values,
            None => self.params.push(Param { name: name.to_owned(), separator: None, values }),
        }
    }

    /// Adds values to a parameter that joins them.
    fn join(&mut self, name: &str, separator: &'static str, values: Vec<String>) {
        if values.is_empty() {
            self.refuse(name, "(no value)", "1 or more values");
            return;
        }
        let known = self.params.iter().position(|param| param.name == name);
        let index = known.unwrap_or_else(|| {
            self.params.push(Param { name: name.to_owned(), separator: Some(separator), values: Vec::new() });
            self.params.len() - 1
        });
        let Some(param) = self.params.get_mut(index) else { return };
        param.values.extend(values);
        if separator == "|" && param.values.len() > MAX_VALUES {
            let count = format!("{} values", param.values.len());
            self.refuse(name, &count, "at most 50 values in one parameter");
        }
    }

    /// Ids: joined with a pipe, excluded with a minus sign.
    pub(crate) fn ids(&mut self, name: &str, include: bool, ids: impl IntoIterator<Item = u64>) {
        let sign = if include { "" } else { "-" };
        self.join(name, "|", ids.into_iter().map(|id| format!("{sign}{id}")).collect());
    }

    /// Codes: upper case, joined with a pipe, excluded with a minus sign.
    pub(crate) fn codes<S: AsRef<str>>(
        &mut self,
        name: &str,
        include: bool,
        codes: impl IntoIterator<Item = S>,
        (valid, rule): (fn(&str) -> bool, &str),
    ) {
        let sign = if include { "" } else { "-" };
        let mut values = Vec::new();
        for code in codes {
            let code = code.as_ref().trim().to_ascii_uppercase();
            if !valid(&code) {
                self.refuse(name, &code, rule);
            }
            values.push(format!("{sign}{code}"));
        }
        self.join(name, "|", values);
    }

    /// Keywords: joined with `|OR|`, excluded with a minus sign, a literal minus sign at the front escaped.
    pub(crate) fn keywords<S: AsRef<str>>(
        &mut self,
        name: &str,
        include: bool,
        shortest: usize,
        keywords: impl IntoIterator<Item = S>,
    ) {
        let mut values = Vec::new();
        for keyword in keywords {
            let keyword = keyword.as_ref().trim();
            if keyword.contains('|') {
                self.refuse(name, keyword, "keywords without a pipe; give alternatives as separate keywords");
            }
            // A shorter keyword is dropped by the server without a word, which widens the query.
            if keyword.chars().count() < shortest {
                self.refuse(name, keyword, &format!("keywords of {shortest} or more characters"));
            }
            values.push(match (include, keyword.starts_with('-')) {
                (true, true) => format!("\\{keyword}"),
                (true, false) => keyword.to_owned(),
                (false, _) => format!("-{keyword}"),
            });
        }
        self.join(name, "|OR|", values);
    }

    /// A text that must not be empty.
    pub(crate) fn text(&mut self, name: &str, value: &str) {
        if value.trim().is_empty() {
            self.refuse(name, value, "a text that is not empty");
        }
        self.set(name, &value);
    }

    /// Keeps the first problem.
    pub(crate) fn refuse(&mut self, what: &str, value: &str, rule: &str) {
        let problem = || Problem { what: what.to_owned(), value: value.to_owned(), rule: rule.to_owned() };
        self.problem.get_or_insert_with(problem);
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.params.iter().any(|param| param.name == name)
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|param| param.name == name)?.values.first().map(String::as_str)
    }

    /// Whether a joined parameter holds at least one value that is not excluded.
    fn includes(&self, name: &str) -> bool {
        let param = self.params.iter().find(|param| param.name == name);
        param.is_some_and(|param| param.values.iter().any(|value| !value.starts_with('-')))
    }

    /// All parameters, joined.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (String, String)> {
        self.params.iter().map(|param| (param.name.clone(), param.values.join(param.separator.unwrap_or_default())))
    }

    pub(crate) fn check(&self) -> Result<()> {
        if let Some(Problem { what, value, rule }) = &self.problem {
            return Err(Error::invalid(what.as_str(), value.as_str(), rule.as_str()));
        }
        for state in ["state_code", "code"] {
            if self.has(state) && !self.includes("country_code") && !self.has("country_id") {
                let value = self.value(state).unwrap_or_default();
                return Err(Error::invalid(state, value, "a country beside it: state codes are not unique"));
            }
        }
        self.check_order::<Date>("published_since", "published_until")?;
        self.check_order::<Date>("expired_since", "expired_until")?;
        self.check_order::<Date>("date_from", "date_to")?;
        for (min, max) in [
            ("min_id", "max_id"),
            ("min_age", "max_age"),
            ("min_size", "max_size"),
            ("min_jobs", "max_jobs"),
            ("min_children", "max_children"),
        ] {
            self.check_order::<u64>(min, max)?;
        }
        self.check_window()
    }

    fn check_order<V: PartialOrd + std::str::FromStr>(&self, from: &str, to: &str) -> Result<()> {
        let parse = |name| self.value(name)?.parse::<V>().ok();
        match (parse(from), parse(to)) {
            (Some(low), Some(high)) if low > high => {
                let value =
                    format!("{} to {}", self.value(from).unwrap_or_default(), self.value(to).unwrap_or_default());
                Err(Error::invalid(format!("{from}, {to}"), value, "the first not above the second"))
            }
            _ => Ok(()),
        }
    }

    /// A window parameter that is set.
    pub(crate) fn window_parameter(&self) -> Option<&str> {
        const WINDOW: [&str; 6] = ["published_since", "published_until", "min_id", "max_id", "min_age", "max_age"];
        self.params.iter().map(|param| param.name.as_str()).find(|name| WINDOW.contains(name))
    }

    /// Ages and dates say the same thing in two ways; what the server makes of both is not documented.
    fn check_window(&self) -> Result<()> {
        let published = self.has("published_since") || self.has("published_until");
        let ids = self.has("min_id") || self.has("max_id");
        let age = self.has("min_age") || self.has("max_age");
        let off = self.value("max_age") == Some("off");
        if age && (published || (off && ids)) || (off && self.has("min_age")) {
            let rule = "one kind of window: publication dates, ids, ages, or all ages";
            return Err(Error::invalid("window", "several kinds at once", rule));
        }
        Ok(())
    }
}

/// The check of country codes.
pub(crate) const COUNTRY: (fn(&str) -> bool, &str) =
    (|code| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()), "ISO 3166-1 codes of two letters");

/// The check of other codes.
pub(crate) const CODE: (fn(&str) -> bool, &str) =
    (|code| !code.is_empty() && code.bytes().all(|b| b.is_ascii_alphanumeric()), "codes of letters and digits");
