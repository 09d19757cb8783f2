//! Faults that a test switches on, and when they happen.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::service::{Answer, Received};

/// One way to misbehave. Give it to `fault(…)` of a simulator together with a [`When`].
///
/// Faults of several rules may meet in one answer. Those that stand in for the answer
/// ([`Status`](Self::Status), [`Html`](Self::Html), [`ErrorObject`](Self::ErrorObject),
/// [`Redirect`](Self::Redirect), [`Drop`](Self::Drop), [`Stall`](Self::Stall)) win over all others,
/// the first given one among them; the service is then not asked, so no throttle counts the request.
/// All others change a good answer (status 200 to 299) and leave any other answer alone.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Answers with this status: an error object below 500, an HTML page from 500 on.
    Status {
        /// The status code, 100 to 999.
        code: u16,
        /// Seconds for a `Retry-After` header. For the date form use [`Fault::Header`] as well.
        retry_after: Option<u64>,
    },
    /// Promises the whole body in `Content-Length`, sends half and closes the connection.
    CutBody,
    /// A complete HTTP answer whose JSON ends in the middle.
    TruncatedJson,
    /// Status 200 with an HTML page.
    Html,
    /// Status 200 with an error object where a list belongs.
    ErrorObject,
    /// Leaves out this many rows at the end of the page; `next` and the total stay as they were.
    ShortPage(usize),
    /// Says that there is no next page although there is one.
    LostNext,
    /// The link or cursor to the next page leads to this page again, on the last page too.
    RepeatNext,
    /// The link or cursor to the next page leads to the page before this one. Nothing happens on a first page.
    CycleNext,
    /// The link to the next page is this URL, on the last page too.
    ForeignNext(String),
    /// Status 302 to this location.
    Redirect(String),
    /// The body takes this long; the head comes at once.
    SlowBody(Duration),
    /// The body is padded with white space to at least this many bytes, and its length is not announced.
    Oversized(u64),
    /// No rows on this page, but `next` and the total stay as they were.
    EmptyPage,
    /// Bytes in the middle of the body are overwritten with some that are not UTF-8.
    Garbled,
    /// Rows are handed out in pages of half the size that was asked for.
    HalveLimit,
    /// One record of the page, the middle one, has a text where its identity is a number.
    BadRecord,
    /// All records of the page have a text or a null where their identity is a number.
    AllBadRecords,
    /// Adds this header (replaces one of the same name), to any answer, also to one that another fault made.
    Header(String, String),
    /// Closes the connection without an answer.
    Drop,
    /// Never answers.
    Stall,
}

impl Fault {
    /// The variant's name, as it stands in the log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Status { .. } => "Status",
            Self::CutBody => "CutBody",
            Self::TruncatedJson => "TruncatedJson",
            Self::Html => "Html",
            Self::ErrorObject => "ErrorObject",
            Self::ShortPage(_) => "ShortPage",
            Self::LostNext => "LostNext",
            Self::RepeatNext => "RepeatNext",
            Self::CycleNext => "CycleNext",
            Self::ForeignNext(_) => "ForeignNext",
            Self::Redirect(_) => "Redirect",
            Self::SlowBody(_) => "SlowBody",
            Self::Oversized(_) => "Oversized",
            Self::EmptyPage => "EmptyPage",
            Self::Garbled => "Garbled",
            Self::HalveLimit => "HalveLimit",
            Self::BadRecord => "BadRecord",
            Self::AllBadRecords => "AllBadRecords",
            Self::Header(..) => "Header",
            Self::Drop => "Drop",
            Self::Stall => "Stall",
        }
    }

    /// What comes instead of the service's answer, if this fault replaces it.
    pub(crate) fn stand_in(&self, error_object: &str) -> Option<StandIn> {
        let answer = match self {
            Self::Status { code, retry_after } => status(*code, *retry_after),
            Self::Html => Answer::html(
                200,
                "<!doctype html><html><head><title>One moment</title></head><body><p>Checking your browser…</p></body></html>",
            ),
            Self::ErrorObject => Answer::json(200, error_object.to_owned()),
            Self::Redirect(location) => Answer::html(302, "").header("location", location),
            Self::Drop => return Some(StandIn::Drop),
            Self::Stall => return Some(StandIn::Stall),
            _ => return None,
        };
        Some(StandIn::Answer(answer))
    }
}

/// What a fault does in place of an answer.
pub(crate) enum StandIn {
    Answer(Answer),
    Drop,
    Stall,
}

fn status(code: u16, retry_after: Option<u64>) -> Answer {
    let answer = match (code, retry_after) {
        (429, Some(seconds)) => {
            Answer::detail(429, &format!("Request was throttled. Expected available in {seconds} seconds."))
        }
        (429, None) => Answer::detail(429, "Request was throttled."),
        (500.., _) => Answer::html(code, format!("<h1>Server Error ({code})</h1>")),
        _ => Answer::detail(code, "This answer was asked for by a test."),
    };
    match retry_after {
        Some(seconds) => answer.header("retry-after", &seconds.to_string()),
        None => answer,
    }
}

/// The requests that a [`Fault`] hits.
///
/// The variants that count ([`Request`](Self::Request), [`Requests`](Self::Requests), [`Every`](Self::Every)) count
/// **list requests**, from 1, from the start of the server, retries included. The other variants look at every
/// request, single records too.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum When {
    /// The n-th list request.
    Request(u64),
    /// The list requests of this range.
    Requests(RangeInclusive<u64>),
    /// Every n-th list request: n, 2n, 3n and so on. `Every(0)` hits nothing.
    Every(u64),
    /// Every request.
    Always,
    /// The requests that have this query parameter with this (decoded) value.
    Matching(String, String),
    /// The requests whose path starts with this text, such as `/api/companies/`.
    Path(String),
    /// The next requests, this many, from the moment of the call of `fault(…)`.
    Next(u64),
}

impl When {
    /// [`When::Matching`] from borrowed text.
    pub fn matching(name: &str, value: &str) -> Self {
        Self::Matching(name.to_owned(), value.to_owned())
    }

    /// Whether the request is hit; a `Next` is used up by asking.
    fn hits(&mut self, request: &Received) -> bool {
        let number = request.list_number();
        match self {
            Self::Request(n) => number == Some(*n),
            Self::Requests(range) => number.is_some_and(|number| range.contains(&number)),
            Self::Every(n) => *n > 0 && number.is_some_and(|number| number.is_multiple_of(*n)),
            Self::Always => true,
            Self::Matching(name, value) => request.query().iter().any(|(key, given)| key == name && given == value),
            Self::Path(prefix) => request.path().starts_with(prefix.as_str()),
            Self::Next(left) => {
                let hit = *left > 0;
                *left = left.saturating_sub(1);
                hit
            }
        }
    }
}

/// The faults that are switched on.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<(Fault, When)>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault, when: When) {
        self.rules.push((fault, when));
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// The faults for this request, in the order in which they were given.
    pub(crate) fn for_request(&mut self, request: &Received) -> Vec<Fault> {
        self.rules.iter_mut().filter_map(|(fault, when)| when.hits(request).then(|| fault.clone())).collect()
    }
}

/// The faults that only a provider can apply, because they concern its rows and its way of paging.
///
/// A [`Service`](super::Service) passes this to its page renderer. The default is no fault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PageFaults {
    /// Leave out this many rows at the end of the page.
    pub drop_rows: usize,
    /// Leave out all rows of the page.
    pub withhold_rows: bool,
    /// Hand out pages of half the size that was asked for (at least 1).
    pub halve_limit: bool,
    /// What to do with the way to the next page.
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
    /// Say that there is none.
    Lost,
    /// Lead to this page.
    Repeat,
    /// Lead to the page before this one.
    Cycle,
    /// Lead to this URL.
    Foreign(String),
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
    /// Whether the record at `index` of a page of `rows` is to be a bad one.
    pub fn hits(self, index: usize, rows: usize) -> bool {
        match self {
            Self::None => false,
            Self::One => index == rows / 2,
            Self::All => true,
        }
    }
}

impl PageFaults {
    /// Gathers what concerns the page.
    pub(crate) fn gather(faults: &[Fault]) -> Self {
        let mut page = Self::default();
        for fault in faults {
            match fault {
                Fault::ShortPage(rows) => page.drop_rows = *rows,
                Fault::EmptyPage => page.withhold_rows = true,
                Fault::HalveLimit => page.halve_limit = true,
                Fault::LostNext => page.next = NextFault::Lost,
                Fault::RepeatNext => page.next = NextFault::Repeat,
                Fault::CycleNext => page.next = NextFault::Cycle,
                Fault::ForeignNext(url) => page.next = NextFault::Foreign(url.clone()),
                Fault::BadRecord => page.bad_records = BadRecords::One,
                Fault::AllBadRecords => page.bad_records = BadRecords::All,
                _ => {}
            }
        }
        page
    }

    /// The page size to use for one that was asked for.
    pub fn page_size(&self, asked: usize) -> usize {
        if self.halve_limit { (asked / 2).max(1) } else { asked }
    }

    /// How many of a page's `rows` to send.
    pub fn rows(&self, rows: usize) -> usize {
        if self.withhold_rows { 0 } else { rows.saturating_sub(self.drop_rows) }
    }
}

/// A record whose first member, by convention its identity, has a value of a wrong type: a text, or a null when `null` is true.
///
/// Works on JSON text, so that the rest of the record stays byte for byte; text that is not an object comes back unchanged.
pub fn spoil_record(json: &str, null: bool) -> String {
    let Some((name, rest)) = json.split_once(':') else {
        return json.to_owned();
    };
    let value = if null { "null" } else { "\"x\"" };
    match rest.split_once(',') {
        Some((_, rest)) => format!("{name}:{value},{rest}"),
        None => format!("{name}:{value}}}"),
    }
}
