//! The two search languages as types, with builders that quote.

use std::fmt;

/// A search in a text field, in one of the two languages. A field takes one of them (vendor page of the older API), so
/// a later search replaces an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Search {
    /// Words and phrases, as in a search box.
    Natural(Natural),
    /// A boolean expression.
    Advanced(Expression),
}

/// A search in the natural language: neighbouring words must all occur, `OR` in capitals separates alternatives, double
/// quotes make a phrase, a minus sign excludes (vendor page; there is no grouping, observed).
///
/// A plain text is sent unchanged. The builders quote terms where necessary:
///
/// ```
/// use jobfeed::fantastic_jobs::Natural;
///
/// let jobs = Natural::any_of(["data engineer", "analyst"]);
/// assert_eq!(jobs.to_string(), "\"data engineer\" OR analyst");
/// let jobs = Natural::all_of(["java", "spring boot"]).without("manager");
/// assert_eq!(jobs.to_string(), "java \"spring boot\" -manager");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Natural {
    text: String,
    problem: Option<&'static str>,
}

impl Natural {
    /// A text in the natural language, sent unchanged.
    pub fn raw(text: impl Into<String>) -> Self {
        Self { text: text.into(), problem: None }
    }

    /// Any of these words or phrases.
    pub fn any_of<S: AsRef<str>>(terms: impl IntoIterator<Item = S>) -> Self {
        Self::joined(terms, " OR ")
    }

    /// All of these words or phrases.
    pub fn all_of<S: AsRef<str>>(terms: impl IntoIterator<Item = S>) -> Self {
        Self::joined(terms, " ")
    }

    /// Excludes this word or phrase. An error after [`Natural::any_of`], because there the minus sign applies to the
    /// last alternative only (observed). Use an [`Expression`] instead.
    #[must_use]
    pub fn without(mut self, term: &str) -> Self {
        if self.text.contains(" OR ") {
            self.problem =
                Some("no exclusion after OR, where it applies to the last alternative only; use an `Expression`");
        }
        let (term, problem) = natural(term);
        self.problem = self.problem.or(problem);
        self.text = format!("{} -{term}", self.text);
        self
    }

    fn joined<S: AsRef<str>>(terms: impl IntoIterator<Item = S>, separator: &str) -> Self {
        let (texts, problems): (Vec<_>, Vec<_>) = terms.into_iter().map(|term| natural(term.as_ref())).unzip();
        Self { text: texts.join(separator), problem: problems.into_iter().flatten().next() }
    }
}

/// One term, quoted unless it is one word of letters and digits and not the operator `OR`.
fn natural(term: &str) -> (String, Option<&'static str>) {
    let term = term.trim();
    let problem = match term {
        "" => Some("terms that are not empty"),
        _ if term.contains('"') => Some("terms without double quotes"),
        _ => None,
    };
    let plain = term.chars().all(char::is_alphanumeric) && term != "OR";
    (if plain { term.to_owned() } else { format!("\"{term}\"") }, problem)
}

impl fmt::Display for Natural {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A boolean expression (vendor page of the older API, observed in the current one): `&`, `|`, `!`, `<->` for "followed
/// by", `'two words'`, `:*` for a prefix, parentheses.
///
/// ```
/// use jobfeed::fantastic_jobs::Expression;
///
/// let lead = Expression::word("head").or(Expression::prefix("lead"));
/// let search = Expression::phrase("data engineer").and(lead.not());
/// assert_eq!(search.to_string(), "'data engineer' & !(head | lead:*)");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    text: String,
    kind: ExpressionKind,
    problem: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ExpressionKind {
    Term,
    And,
    Or,
    Raw,
}

impl Expression {
    /// One word, quoted unless it has letters and digits only. A single quote in it is doubled (inferred).
    pub fn word(word: &str) -> Self {
        Self::term(word)
    }

    /// Words in this order, directly after each other.
    pub fn phrase(words: &str) -> Self {
        Self::term(words)
    }

    /// Words with this prefix of letters and digits; a quoted term cannot be a prefix (vendor page of the older API).
    pub fn prefix(start: &str) -> Self {
        let start = start.trim();
        let plain = !start.is_empty() && start.chars().all(char::is_alphanumeric);
        let problem = (!plain).then_some("a prefix of letters and digits");
        Self { text: format!("{start}:*"), kind: ExpressionKind::Term, problem }
    }

    /// An expression in the server's language, sent unchanged.
    pub fn raw(text: impl Into<String>) -> Self {
        Self { text: text.into(), kind: ExpressionKind::Raw, problem: None }
    }

    /// Rows that match both.
    #[must_use]
    #[allow(clippy::needless_pass_by_value, reason = "expressions are built from temporaries")]
    pub fn and(self, other: Self) -> Self {
        self.join(&other, ExpressionKind::And, " & ")
    }

    /// Rows that match at least one of the two.
    #[must_use]
    #[allow(clippy::needless_pass_by_value, reason = "expressions are built from temporaries")]
    pub fn or(self, other: Self) -> Self {
        self.join(&other, ExpressionKind::Or, " | ")
    }

    /// This term, directly followed by the other. Both must be words, phrases or prefixes.
    #[must_use]
    #[allow(clippy::needless_pass_by_value, reason = "expressions are built from temporaries")]
    pub fn then(self, other: Self) -> Self {
        let terms = self.kind == ExpressionKind::Term && other.kind == ExpressionKind::Term;
        let problem = (!terms).then_some("words, phrases or prefixes on both sides of <->");
        let problem = self.problem.or(other.problem).or(problem);
        Self { text: format!("{} <-> {}", self.text, other.text), kind: ExpressionKind::And, problem }
    }

    /// Rows that do not match this.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "a method chain reads better than the operator `!`")]
    pub fn not(self) -> Self {
        Self {
            text: format!("!{}", self.group(ExpressionKind::Term)),
            kind: ExpressionKind::Term,
            problem: self.problem,
        }
    }

    fn term(text: &str) -> Self {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let problem = match text.as_str() {
            "" => Some("terms that are not empty"),
            _ if text.contains('\\') => Some("terms without backslashes"),
            _ => None,
        };
        let plain = text.chars().all(char::is_alphanumeric);
        let text = if plain { text } else { format!("'{}'", text.replace('\'', "''")) };
        Self { text, kind: ExpressionKind::Term, problem }
    }

    fn join(&self, other: &Self, kind: ExpressionKind, operator: &str) -> Self {
        let text = format!("{}{operator}{}", self.group(kind), other.group(kind));
        Self { text, kind, problem: self.problem.or(other.problem) }
    }

    /// The text, in parentheses unless it is one term or the outer operator is the same.
    fn group(&self, outer: ExpressionKind) -> String {
        if self.kind == ExpressionKind::Term || self.kind == outer {
            self.text.clone()
        } else {
            format!("({})", self.text)
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Search {
    pub(super) fn is_advanced(&self) -> bool {
        matches!(self, Self::Advanced(_))
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::Natural(natural) => &natural.text,
            Self::Advanced(expression) => &expression.text,
        }
    }

    /// The rule that the search violates, if any.
    pub(super) fn problem(&self) -> Option<&'static str> {
        let built = match self {
            Self::Natural(natural) => natural.problem,
            Self::Advanced(expression) => expression.problem,
        };
        built.or_else(|| self.text().trim().is_empty().then_some("a search that is not empty"))
    }
}

impl From<&str> for Search {
    /// A search in the natural language.
    fn from(text: &str) -> Self {
        Self::Natural(Natural::raw(text))
    }
}

impl From<String> for Search {
    /// A search in the natural language.
    fn from(text: String) -> Self {
        Self::Natural(Natural::raw(text))
    }
}

impl From<Natural> for Search {
    fn from(natural: Natural) -> Self {
        Self::Natural(natural)
    }
}

impl From<Expression> for Search {
    fn from(expression: Expression) -> Self {
        Self::Advanced(expression)
    }
}
