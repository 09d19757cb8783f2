//! The two search languages, as types that exclude each other, and builders that quote.

use std::fmt;

/// A search in a text field, in one of the two languages. A field takes one or the other (vendor page of the older API), so
/// the later one replaces the earlier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Search {
    /// Words and phrases, as people type them.
    Natural(Natural),
    /// A boolean expression.
    Advanced(Expression),
}

/// A search in the natural language: neighbouring words must all occur, `OR` in capitals separates alternatives, double
/// quotes make a phrase, a minus sign excludes (vendor page; there is no grouping, observed).
///
/// A plain text is taken as it is. The builders quote what has to be:
///
/// ```
/// use jobfeed::fantastic_jobs::Natural;
///
/// let jobs = Natural::any_of(["data engineer", "analyst"]);
/// assert_eq!(jobs.to_string(), "\"data engineer\" OR analyst");
/// assert_eq!(Natural::all_of(["java", "spring boot"]).without("manager").to_string(), "java \"spring boot\" -manager");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Natural {
    text: String,
    problem: Option<&'static str>,
}

impl Natural {
    /// A text in the natural language, sent as it is.
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

    /// Not this word or phrase. After [`Natural::any_of`] it is an error: there the minus sign would bind to the last
    /// alternative only (observed). Use an [`Expression`] then.
    #[must_use]
    pub fn without(mut self, term: &str) -> Self {
        if self.text.contains(" OR ") {
            self.problem =
                Some("no exclusion after OR, where it binds to the last alternative only; use an `Expression`");
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

/// One term: quoted unless it is one plain word that is no operator.
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

/// A boolean expression (vendor page of the older API, observed in the present one): `&`, `|`, `!`, `<->` for "followed by",
/// `'two words'`, `:*` for a prefix, parentheses.
///
/// ```
/// use jobfeed::fantastic_jobs::Expression;
///
/// let engineer = Expression::phrase("software engineer").or(Expression::prefix("develop"));
/// let search = engineer.and(Expression::word("manager").or(Expression::word("director")).not());
/// assert_eq!(search.to_string(), "('software engineer' | develop:*) & !(manager | director)");
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
    /// One word, quoted where it holds anything but letters and digits. A single quote in it is doubled; that the server reads
    /// it so is inferred.
    pub fn word(word: &str) -> Self {
        Self::term(word)
    }

    /// Words that follow each other.
    pub fn phrase(words: &str) -> Self {
        Self::term(words)
    }

    /// Words that begin so. Letters and digits only: the quoted form takes no prefix (vendor page of the older API).
    pub fn prefix(start: &str) -> Self {
        let start = start.trim();
        let plain = !start.is_empty() && start.chars().all(char::is_alphanumeric);
        let problem = (!plain).then_some("a prefix of letters and digits");
        Self { text: format!("{start}:*"), kind: ExpressionKind::Term, problem }
    }

    /// An expression in the server's language, sent as it is.
    pub fn raw(text: impl Into<String>) -> Self {
        Self { text: text.into(), kind: ExpressionKind::Raw, problem: None }
    }

    /// Both.
    #[must_use]
    #[allow(clippy::needless_pass_by_value, reason = "expressions are built from temporaries")]
    pub fn and(self, other: Self) -> Self {
        self.join(&other, ExpressionKind::And, " & ")
    }

    /// At least one of the two.
    #[must_use]
    #[allow(clippy::needless_pass_by_value, reason = "expressions are built from temporaries")]
    pub fn or(self, other: Self) -> Self {
        self.join(&other, ExpressionKind::Or, " | ")
    }

    /// This, directly followed by the other. Both must be words, phrases or prefixes.
    #[must_use]
    #[allow(clippy::needless_pass_by_value, reason = "as its sisters")]
    pub fn then(self, other: Self) -> Self {
        let terms = self.kind == ExpressionKind::Term && other.kind == ExpressionKind::Term;
        let problem = (!terms).then_some("words, phrases or prefixes on both sides of <->");
        let problem = self.problem.or(other.problem).or(problem);
        Self { text: format!("{} <-> {}", self.text, other.text), kind: ExpressionKind::And, problem }
    }

    /// Not this.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "`!search` would be shorter, but nobody would look for it")]
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

    /// The text, in parentheses unless it stands beside its own operator.
    fn group(&self, beside: ExpressionKind) -> String {
        if self.kind == ExpressionKind::Term || self.kind == beside {
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

    /// What the builders found wrong.
    pub(super) fn problem(&self) -> Option<&'static str> {
        let built = match self {
            Self::Natural(natural) => natural.problem,
            Self::Advanced(expression) => expression.problem,
        };
        built.or_else(|| self.text().trim().is_empty().then_some("a search that is not empty"))
    }
}

impl From<&str> for Search {
    /// The natural language.
    fn from(text: &str) -> Self {
        Self::Natural(Natural::raw(text))
    }
}

impl From<String> for Search {
    /// The natural language.
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
