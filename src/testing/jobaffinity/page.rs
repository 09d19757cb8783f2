//! Pages with a link to the next one, whose cursor only the server can read.

use std::collections::HashMap;

use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use super::variants::{LastPage, Links, Variants};
use crate::testing::page_faults::{NextFault, PageFaults};
use crate::testing::received::Received;
use crate::testing::reply::Reply;

/// Records on a page when no `limit` is given.
const DEFAULT: usize = 20;

/// Where a page starts: the parameters of the first request, and the rank of the row that the page comes after.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct PageStart {
    path: String,
    pub(super) query: Vec<(String, String)>,
    limit: usize,
    after: Option<(u64, u64)>,
}

/// The cursors that were given out.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    numbers: HashMap<PageStart, u64>,
    starts: HashMap<u64, PageStart>,
    previous: HashMap<u64, String>,
    next: u64,
    expired: u64,
}

impl Cursors {
    /// Refuses all cursors that were given out so far.
    pub(super) fn expire(&mut self) {
        self.expired = self.next;
        self.numbers.clear();
    }

    fn number(&mut self, start: PageStart) -> u64 {
        if let Some(number) = self.numbers.get(&start) {
            return *number;
        }
        let number = self.next;
        self.next += 1;
        self.numbers.insert(start.clone(), number);
        self.starts.insert(number, start);
        number
    }

    /// Where the page of a request starts: by its cursor, else by its other parameters.
    pub(super) fn start(&self, request: &Received) -> Result<PageStart, Reply> {
        let Some(cursor) = request.param("pagecursor") else {
            let limit = match request.param("limit").map(str::parse::<usize>) {
                None => DEFAULT,
                Some(Ok(limit)) if (1..=100).contains(&limit) => limit,
                Some(_) => return Err(invalid("limit", "must be between 1 and 100")),
            };
            let query = request.query().iter().filter(|(name, _)| name != "limit").cloned().collect();
            return Ok(PageStart { path: request.path().to_owned(), query, limit, after: None });
        };
        let number = cursor.strip_prefix('c').and_then(|number| number.parse::<u64>().ok());
        let valid = number.filter(|number| *number >= self.expired);
        let start = valid.and_then(|number| self.starts.get(&number)).filter(|start| start.path == request.path());
        start.cloned().ok_or_else(|| invalid("pagecursor", "is not known"))
    }
}

/// The reply to bad parameters: an error under status 200.
pub(super) fn invalid(field: &str, what: &str) -> Reply {
    let body = json!({ "_status": "INVALID", "invalid": { field: [what] }, "_actions": [] });
    Reply::json(200, body.to_string())
}

/// The page that begins at `start`, of rows with their ids.
pub(super) fn page(
    cursors: &mut Cursors,
    variants: &Variants,
    request: &Received,
    start: &PageStart,
    faults: &PageFaults,
    mut rows: Vec<(u64, String)>,
) -> Reply {
    if faults.behind > 0 {
        rows.sort_unstable_by_key(|(id, _)| *id);
        rows.truncate(rows.len().saturating_sub(faults.behind));
    }
    let mut rows: Vec<((u64, u64), String)> = rows
        .into_iter()
        .map(|(id, row)| (variants.order.rank(id), row))
        .filter(|(rank, _)| start.after.is_none_or(|after| *rank > after))
        .collect();
    rows.sort_unstable_by_key(|(rank, _)| *rank);
    let size = faults.page_size(start.limit);
    let more = rows.len() > size;
    rows.truncate(size);
    let here = match request.raw_query() {
        Some(query) => format!("{}?{query}", request.path()),
        None => request.path().to_owned(),
    };
    let next = rows.last().filter(|_| more).map(|(rank, _)| {
        let number = cursors.number(PageStart { after: Some(*rank), ..start.clone() });
        cursors.previous.entry(number).or_insert_with(|| here.clone());
        let mut link = Serializer::new(String::new());
        if variants.next_repeats_query {
            link.extend_pairs(&start.query);
        }
        format!("{}?{}", request.path(), link.append_pair("pagecursor", &format!("c{number}")).finish())
    });
    let own = request.param("pagecursor").and_then(|cursor| cursor.strip_prefix('c')?.parse::<u64>().ok());
    let next = match &faults.next {
        NextFault::Lost => None,
        NextFault::Repeat => Some(here),
        NextFault::Cycle => own.and_then(|own| cursors.previous.get(&own).cloned()).or(next),
        NextFault::Foreign(url) => Some(url.clone()),
        NextFault::Good => next,
    };
    let next = next.map(|link| match variants.links {
        Links::Absolute if link.starts_with('/') => format!("{}{link}", request.origin()),
        _ => link,
    });
    let member = match (next, variants.last_page) {
        (Some(link), _) => format!(r#","_next":{}"#, Value::from(link)),
        (None, LastPage::Absent) => String::new(),
        (None, LastPage::Null) => r#","_next":null"#.to_owned(),
        (None, LastPage::Empty) => r#","_next":"""#.to_owned(),
    };
    let mut texts: Vec<String> = rows.into_iter().map(|(_, row)| row).collect();
    // Never a null: a client may read a null identity as no identity, which is allowed here.
    faults.apply(&mut texts, |_| false);
    Reply::page(&format!(r#"{{"_status":"OK","_self":"{}"{member},"items":"#, request.path()), &texts, "}")
}
