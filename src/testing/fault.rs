//! Faults that a test switches on, and when they happen.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::page_faults::{BadRecords, NextFault, PageFaults, TotalForm};
use super::received::Received;
use super::reply::Reply;

/// One way to misbehave. Give it to [`Simulator::fault`](super::Simulator::fault) together with a [`When`].
///
/// Several faults can hit one request. Those that replace the reply ([`Status`](Self::Status), [`Html`](Self::Html),
/// [`ErrorObject`](Self::ErrorObject), [`Redirect`](Self::Redirect), [`RedirectWith`](Self::RedirectWith),
/// [`Drop`](Self::Drop), [`Stall`](Self::Stall)) come before all others, and the first of them that was switched on is used;
/// the service does not get the request, so no throttle counts it. [`Header`](Self::Header) and
/// [`HangingBody`](Self::HangingBody) change every reply. All others change a good reply (status 200 to 299) and leave every
/// other reply alone.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Replies with this status: an error object below 500, an HTML page from 500 on.
    Status {
        /// The status code, 100 to 999.
        code: u16,
        /// Seconds for a `Retry-After` header. For the date form add a [`Fault::Header`].
        retry_after: Option<u64>,
    },
    /// Announces the whole body in `Content-Length`, sends half of it and closes the connection.
    CutBody,
    /// A complete HTTP reply whose JSON ends in the middle.
    TruncatedJson,
    /// Status 200 with an HTML page.
    Html,
    /// Status 200 with an error object where a list belongs.
    ErrorObject,
    /// Leaves out this many rows at the end of the page; `next` and the total do not change.
    ShortPage(usize),
    /// States that there is no next page although there is one.
    LostNext,
    /// The link or cursor to the next page leads to this page again, on the last page too.
    RepeatNext,
    /// The link or cursor to the next page leads to the page before this one. Nothing happens on a first page.
    CycleNext,
    /// The link to the next page is this URL, on the last page too.
    ForeignNext(String),
    /// Status 302 to this location.
    Redirect(String),
    /// A redirect with another status.
    RedirectWith {
        /// The status code, such as 303.
        code: u16,
        /// The location.
        location: String,
    },
    /// The body takes this long; the head is sent at once.
    SlowBody(Duration),
    /// The head is sent, the body never, also that of a reply that another fault made, such as a [`Status`](Self::Status).
    HangingBody,
    /// After the body white space follows without end, a byte in each interval of this length.
    TricklingBody(Duration),
    /// The body is padded with white space to at least this many bytes, and its length is not announced.
    Oversized(u64),
    /// No rows on this page, but `next` and the total do not change.
    EmptyPage,
    /// The page is one of an older copy of the data, which lacks this many of the newest rows. The total and the link to the next page
    /// are those of that copy. It concerns the jobs of jobdataapi.com, the active feeds of Fantastic.jobs (the newest rows of those
    /// that the request selects), and the lists of EmployJoy and JobAffinity.
    OlderCopy(usize),
    /// The middle record of the page is a copy of the one before it, in place of its own. Nothing happens on a page of one record.
    DuplicateRecord,
    /// The total, or the answer of an endpoint that counts, is written in another form.
    Total(TotalForm),
    /// Two bytes in the middle of the body are replaced by two that are not UTF-8.
    Garbled,
    /// Pages have half the size that was asked for.
    HalveLimit,
    /// One record of the page, the middle one, has a text where its identity is a number.
    BadRecord,
    /// All records of the page have a text or a null where their identity is a number.
    AllBadRecords,
    /// Adds this header (replaces one of the same name) to every reply, also to one that another fault made.
    Header(String, String),
    /// Closes the connection without a reply.
    Drop,
    /// Never replies.
    Stall,
}

impl Fault {
    /// The name of the variant, as in the log.
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
            Self::RedirectWith { .. } => "RedirectWith",
            Self::SlowBody(_) => "SlowBody",
            Self::HangingBody => "HangingBody",
            Self::TricklingBody(_) => "TricklingBody",
            Self::Oversized(_) => "Oversized",
            Self::EmptyPage => "EmptyPage",
            Self::OlderCopy(_) => "OlderCopy",
            Self::DuplicateRecord => "DuplicateRecord",
            Self::Total(_) => "Total",
            Self::Garbled => "Garbled",
            Self::HalveLimit => "HalveLimit",
            Self::BadRecord => "BadRecord",
            Self::AllBadRecords => "AllBadRecords",
            Self::Header(..) => "Header",
            Self::Drop => "Drop",
            Self::Stall => "Stall",
        }
    }

    /// The replacement for the reply of the service, if this fault replaces it.
    pub(crate) fn replacement(&self, error_object: &str) -> Option<Result<Reply, NoReply>> {
        Some(match self {
            Self::Status { code, retry_after } => Ok(status(*code, *retry_after)),
            Self::Html => Ok(Reply::html(
                200,
                "<!doctype html><html><head><title>One moment</title></head><body><p>Checking your browser…</p></body></html>",
            )),
            Self::ErrorObject => Ok(Reply::json(200, error_object.to_owned())),
            Self::Redirect(location) => Ok(redirect(302, location)),
            Self::RedirectWith { code, location } => Ok(redirect(*code, location)),
            Self::Drop => Err(NoReply::Drop),
            Self::Stall => Err(NoReply::Stall),
            _ => return None,
        })
    }

    fn change_page(&self, page: &mut PageFaults) {
        match self {
            Self::ShortPage(rows) => page.drop_rows = *rows,
            Self::EmptyPage => page.drop_all_rows = true,
            Self::HalveLimit => page.halve_limit = true,
            Self::OlderCopy(rows) => page.behind = *rows,
            Self::DuplicateRecord => page.duplicate = true,
            Self::Total(form) => page.total = *form,
            Self::LostNext => page.next = NextFault::Lost,
            Self::RepeatNext => page.next = NextFault::Repeat,
            Self::CycleNext => page.next = NextFault::Cycle,
            Self::ForeignNext(url) => page.next = NextFault::Foreign(url.clone()),
            Self::BadRecord => page.bad_records = BadRecords::One,
            Self::AllBadRecords => page.bad_records = BadRecords::All,
            _ => {}
        }
    }
}

/// Collects the faults that concern the page.
pub(crate) fn page_faults(faults: &[Fault]) -> PageFaults {
    let mut page = PageFaults::default();
    for fault in faults {
        fault.change_page(&mut page);
    }
    page
}

/// What happens to a request that gets no reply.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NoReply {
    Drop,
    Stall,
}

fn redirect(code: u16, location: &str) -> Reply {
    Reply::html(code, "").header("location", location)
}

fn status(code: u16, retry_after: Option<u64>) -> Reply {
    let reply = match (code, retry_after) {
        (429, Some(seconds)) => {
            Reply::detail(429, &format!("Request was throttled. Expected available in {seconds} seconds."))
        }
        (429, None) => Reply::detail(429, "Request was throttled."),
        (500.., _) => Reply::html(code, format!("<h1>Server Error ({code})</h1>")),
        _ => Reply::detail(code, "A test asked for this reply."),
    };
    match retry_after {
        Some(seconds) => reply.header("retry-after", &seconds.to_string()),
        None => reply,
    }
}

/// The requests that a [`Fault`] hits.
///
/// The variants that count ([`Request`](Self::Request), [`Requests`](Self::Requests), [`Every`](Self::Every)) count
/// **list requests**, from 1, since the start of the simulator, retries included. The other variants look at every
/// request, those for single records too.
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
    /// This many requests after the call of `fault(…)`.
    Next(u64),
}

impl When {
    /// [`When::Matching`] from borrowed text.
    pub fn matching(name: &str, value: &str) -> Self {
        Self::Matching(name.to_owned(), value.to_owned())
    }

    /// Whether the fault hits the request. Each call counts as one request for `Next`.
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
