//! The endpoints of Fantastic.jobs without I/O: their parameters and their paging.

use http::header::DATE;
use jiff::Timestamp;

use super::credits::{Credits, SharedCredits};
use super::planner::floor_hour;
use super::query;
use crate::client::ApiRequest;
use crate::error::{AnswerError, Result};
use crate::json::{BodyProblem, ListAt};
use crate::listing::{Answer, Endpoint, Fingerprint, Paging, Position, Query, paginate};
use crate::sync::server_date;

/// Rows on a page by default.
const LIMIT: u32 = 1000;

/// The paging of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PageBy {
    /// One body with the whole list.
    Whole,
    /// One object, no list.
    Object,
    /// `limit`, with `offset` or `cursor`.
    Rows,
    /// A page number, 100 rows on each page.
    Numbers,
}

/// The constants of one endpoint.
#[derive(Debug)]
pub(super) struct EndpointSpec {
    /// The name in errors and reports.
    pub(super) name: &'static str,
    /// The path below the base URL.
    pub(super) path: &'static str,
    pub(super) page_by: PageBy,
    /// Whether it needs a `time_frame`.
    pub(super) needs_time_frame: bool,
    /// Whether descriptions can be searched with `time_frame=6m`.
    pub(super) deep_descriptions: bool,
}

/// Where a listing starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StartAt {
    /// As the time frame requires: by cursor for `6m` and the modified feed, else by offset.
    Default,
    Offset(u64),
    Cursor(u64),
}

/// An endpoint with its parameters.
#[derive(Debug, Clone)]
pub(super) struct ListEndpoint {
    pub(super) spec: &'static EndpointSpec,
    pub(super) query: Query,
    pub(super) limit: u32,
    pub(super) until_empty: bool,
    pub(super) path: String,
    /// The name of the page parameter, and the number of the first page.
    pub(super) page: (String, u64),
    /// Where in the body the records are.
    pub(super) list: ListAt,
    start_at: StartAt,
    /// When the request was built, because a position in a moving window is valid for a limited time.
    made: Timestamp,
    /// The quotas of the client, which every answer updates.
    pub(super) credits: SharedCredits,
}

impl ListEndpoint {
    pub(super) fn new(spec: &'static EndpointSpec, made: Timestamp, credits: SharedCredits) -> Self {
        Self {
            spec,
            query: Query::default(),
            limit: LIMIT,
            until_empty: true,
            path: spec.path.to_owned(),
            page: ("page".to_owned(), 1),
            list: if spec.page_by == PageBy::Object { ListAt::Single } else { ListAt::Root },
            start_at: StartAt::Default,
            made,
            credits,
        }
    }

    /// The same filters on another endpoint.
    pub(super) fn with_spec(&self, spec: &'static EndpointSpec) -> Self {
        Self { query: self.query.clone(), ..Self::new(spec, self.made, self.credits.clone()) }
    }

    pub(super) fn set_offset(&mut self, rows: u64) {
        if matches!(self.start_at, StartAt::Cursor(_)) {
            self.query.refuse("offset", &rows.to_string(), "an offset or a cursor, not both");
        }
        self.start_at = StartAt::Offset(rows);
    }

    pub(super) fn set_cursor(&mut self, id: u64) {
        if matches!(self.start_at, StartAt::Offset(_)) {
            self.query.refuse("cursor", &id.to_string(), "an offset or a cursor, not both");
        }
        if id == 0 {
            self.query.refuse("cursor", "0", "1 for the first page, or the id of the last row");
        }
        self.start_at = StartAt::Cursor(id.max(1));
    }

    pub(super) fn frame(&self) -> Option<&str> {
        self.query.get("time_frame")
    }

    /// Whether the caller set an offset or a cursor.
    pub(super) fn has_position(&self) -> bool {
        self.start_at != StartAt::Default
    }

    fn next_number(&self, at: &Position, answer: &Answer<'_>) -> Result<Option<Position>, AnswerError> {
        let NumberedPage { number, before } = NumberedPage::at(at, self.page.1);
        // In any order, because a server that ignores the page may not sort either.
        let mut records: Vec<&str> = answer.records().collect();
        records.sort_unstable();
        let records = Fingerprint::of(records);
        if before == Some(records) && answer.rows > 0 {
            let hint = "name the parameter with `page_parameter`";
            let what = format!(
                "page {number} has the same records as the page before it: the server does not apply `{}`; {hint}",
                self.page.0
            );
            return Err(BodyProblem::Ignored(what).into());
        }
        let next = NumberedPage { number: number.saturating_add(1), before: Some(records) };
        Ok((answer.rows > 0).then(|| next.position()))
    }

    fn next_rows(&self, at: &Position, answer: &Answer<'_>) -> Result<Option<Position>, AnswerError> {
        let (rows, limit) = (answer.rows as u64, u64::from(self.limit));
        if rows > limit {
            return Err(AnswerError::shape(format!("{rows} rows, but at most {limit} were requested")));
        }
        // The guide ends at a short page, but a server that sends smaller pages than requested would end there too.
        let more = if self.until_empty { rows > 0 } else { rows == limit };
        if let Position::Offset(before) = at {
            return Ok(more.then_some(Position::Offset(before.saturating_add(rows))));
        }
        let last = cursor_of(at).unwrap_or(1);
        let mut highest = None;
        for id in answer.values("id").filter_map(id_of) {
            if id < highest.unwrap_or(last) || (id == last && last > 1) {
                return Err(AnswerError::shape("the ids of a page by cursor do not ascend"));
            }
            highest = Some(id);
        }
        match highest {
            _ if !more => Ok(None),
            Some(id) => Ok(Some(Position::Token(id.to_string()))),
            None => Err(AnswerError::shape("no row of the page has an id for the next cursor")),
        }
    }
}

/// The position in a listing by page number. The end of these listings is an empty page (inferred). A server that does not
/// apply the guessed page parameter sends the same page for ever, and the records have no documented id by which the walk
/// could tell; so the position has a hash of the records of the page before.
struct NumberedPage {
    number: u64,
    before: Option<Fingerprint>,
}

impl NumberedPage {
    fn at(at: &Position, first: u64) -> Self {
        let Position::Token(token) = at else { return Self { number: first, before: None } };
        let (number, before) = token.split_once('/').unwrap_or((token, ""));
        Self { number: number.parse().unwrap_or(first), before: before.parse().ok() }
    }

    fn position(&self) -> Position {
        Position::Token(match self.before {
            Some(before) => format!("{}/{before}", self.number),
            None => self.number.to_string(),
        })
    }
}

/// Reads an id: a number or a string of digits.
pub(super) fn id_of(json: &str) -> Option<u64> {
    json.trim_matches('"').parse().ok()
}

pub(super) fn cursor_of(at: &Position) -> Option<u64> {
    match at {
        Position::Token(token) => token.parse().ok(),
        _ => None,
    }
}

impl Endpoint for ListEndpoint {
    /// No: rows are billed.
    fn may_prefetch(&self) -> bool {
        false
    }

    fn name(&self) -> &str {
        self.spec.name
    }

    fn validate(&self) -> Result<()> {
        query::check_frame(self.spec.needs_time_frame, self.frame())?;
        query::check(&self.query, self.frame(), self.spec.deep_descriptions)?;
        query::check_path(&self.path)?;
        query::check_length(&self.path, &self.request(&self.start()).query)
    }

    fn start(&self) -> Position {
        match (self.spec.page_by, self.start_at) {
            (PageBy::Numbers, _) => NumberedPage { number: self.page.1, before: None }.position(),
            (PageBy::Whole | PageBy::Object, _) => Position::Start,
            (PageBy::Rows, StartAt::Offset(rows)) => Position::Offset(rows),
            (PageBy::Rows, StartAt::Cursor(id)) => Position::Token(id.to_string()),
            // Only the modified feed has no time frame.
            (PageBy::Rows, StartAt::Default) if matches!(self.frame(), None | Some("6m")) => {
                Position::Token("1".to_owned())
            }
            (PageBy::Rows, StartAt::Default) => Position::Offset(0),
        }
    }

    fn rows_before_start(&self) -> u64 {
        match self.start_at {
            StartAt::Offset(rows) => rows,
            _ => 0,
        }
    }

    fn request(&self, at: &Position) -> ApiRequest {
        let mut request = ApiRequest::get(self.path.as_str());
        request.query.extend_from_slice(self.query.pairs());
        if self.spec.page_by == PageBy::Numbers {
            return request.query(self.page.0.as_str(), NumberedPage::at(at, self.page.1).number);
        }
        if self.spec.page_by == PageBy::Rows {
            request = request.query("limit", self.limit);
        }
        match at {
            Position::Offset(rows) if *rows > 0 => request.query("offset", rows),
            Position::Token(id) => request.query("cursor", id),
            _ => request,
        }
    }

    fn list(&self) -> ListAt {
        self.list.clone()
    }

    fn next(&self, at: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        let answered = server_date(answer.headers.get(DATE).and_then(|date| date.to_str().ok()));
        self.credits.update(Credits::from_headers(answer.headers), answered.unwrap_or(self.made));
        let next = match self.spec.page_by {
            PageBy::Whole => None,
            PageBy::Object => {
                let count = answer.values("count").find_map(paginate::number_of_records);
                let total = count.ok_or_else(|| AnswerError::shape("`count` is not a number of records"))?;
                return Ok(Paging { next: None, total: Some(total) });
            }
            PageBy::Numbers => self.next_number(at, answer)?,
            PageBy::Rows => self.next_rows(at, answer)?,
        };
        Ok(Paging { next, total: None })
    }

    fn key(&self) -> Option<&str> {
        (self.spec.page_by == PageBy::Rows).then_some("id")
    }

    /// An offset is valid only while the window does not move: for one clock hour (`1h`, `24h`), or for this request
    /// only (`7d` and the others). The time is part of the fingerprint, so a saved offset is refused after that.
    fn fingerprint(&self) -> Fingerprint {
        let start = self.start();
        let request = self.request(&start);
        let mut query: Vec<String> = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if let Position::Offset(_) = start {
            query.push(match self.frame() {
                Some("1h" | "24h") => format!("hour={}", floor_hour(self.made)),
                _ => format!("made={}", self.made),
            });
        }
        query.sort_unstable();
        let parts = [self.spec.name, request.path.as_str()];
        Fingerprint::of(parts.into_iter().chain(query.iter().map(String::as_str)))
    }
}
