//! Pages by a link to the next one, whose cursor only the server understands.

use std::collections::HashMap;

use url::form_urlencoded::Serializer;

use super::{LastPage, Links, Order, Style};
use crate::testing::fault::{NextFault, PageFaults, spoil_record};
use crate::testing::service::{Answer, Received};

/// The records of a page when nothing is asked for.
const DEFAULT: usize = 20;

/// Where a list goes on: what was asked for at first, and the place of the last row in the order of the list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    path: String,
    pub(super) query: Vec<(String, String)>,
    limit: usize,
    after: Option<(u64, u64)>,
}

/// The cursors that were given out.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    numbers: HashMap<Place, u64>,
    places: HashMap<u64, Place>,
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

    fn number(&mut self, place: Place) -> u64 {
        if let Some(number) = self.numbers.get(&place) {
            return *number;
        }
        let number = self.next;
        self.next += 1;
        self.numbers.insert(place.clone(), number);
        self.places.insert(number, place);
        number
    }

    /// What a request asks for: by its cursor, else by its own parameters.
    pub(super) fn place(&self, request: &Received) -> Result<Place, Answer> {
        let Some(cursor) = request.param("pagecursor") else {
            let limit = match request.param("limit").map(str::parse::<usize>) {
                None => DEFAULT,
                Some(Ok(limit)) if (1..=100).contains(&limit) => limit,
                Some(_) => return Err(invalid("limit", "must be between 1 and 100")),
            };
            let query = request.query().iter().filter(|(name, _)| name != "limit").cloned().collect();
            return Ok(Place { path: request.path().to_owned(), query, limit, after: None });
        };
        let number = cursor.strip_prefix('c').and_then(|number| number.parse::<u64>().ok());
        let live = number.filter(|number| *number >= self.expired);
        let place = live.and_then(|number| self.places.get(&number)).filter(|place| place.path == request.path());
        place.cloned().ok_or_else(|| invalid("pagecursor", "is not known"))
    }
}

/// The answer to bad parameters: an error under status 200.
pub(super) fn invalid(field: &str, what: &str) -> Answer {
    let body = serde_json::json!({ "_status": "INVALID", "invalid": { field: [what] }, "_actions": [] });
    Answer::json(200, body.to_string())
}

/// Answers with the page that a place asks for, of rows with their ids.
pub(super) fn page(
    (cursors, style): (&mut Cursors, &Style),
    request: &Received,
    place: &Place,
    faults: &PageFaults,
    rows: impl Iterator<Item = (u64, String)>,
) -> Answer {
    let mut rows: Vec<((u64, u64), String)> = rows
        .map(|(id, row)| (style.order.rank(id), row))
        .filter(|(rank, _)| place.after.is_none_or(|after| *rank > after))
        .collect();
    rows.sort_unstable_by_key(|(rank, _)| *rank);
    let size = faults.page_size(place.limit);
    let more = rows.len() > size;
    rows.truncate(size);
    let here = match request.raw_query() {
        Some(query) => format!("{}?{query}", request.path()),
        None => request.path().to_owned(),
    };
    let next = rows.last().filter(|_| more).map(|(rank, _)| {
        let place = Place { after: Some(*rank), ..place.clone() };
        let query = place.query.clone();
        let number = cursors.number(place);
        cursors.previous.entry(number).or_insert_with(|| here.clone());
        let mut link = Serializer::new(String::new());
        if style.next_repeats_query {
            link.extend_pairs(query);
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
    let next = next.map(|link| match style.links {
        Links::Absolute if link.starts_with('/') => format!("{}{link}", request.origin()),
        _ => link,
    });
    let member = match (&next, style.last_page) {
        (Some(link), _) => format!(r#","_next":{}"#, serde_json::Value::from(link.as_str())),
        (None, LastPage::Absent) => String::new(),
        (None, LastPage::Null) => r#","_next":null"#.to_owned(),
        (None, LastPage::Empty) => r#","_next":"""#.to_owned(),
    };
    let mut texts: Vec<String> = rows.into_iter().map(|(_, row)| row).collect();
    texts.truncate(faults.rows(texts.len()));
    let total = texts.len();
    for (index, text) in texts.iter_mut().enumerate() {
        if faults.bad_records.hits(index, total) {
            // A null identity would be read as none, which is in order here.
            *text = spoil_record(text, false);
        }
    }
    let body = format!(r#"{{"_status":"OK","_self":"{}"{member},"items":[{}]}}"#, request.path(), texts.join(","));
    Answer::json(200, body).rows(total)
}

impl Order {
    /// The place of an id in the order; the same for as long as the server runs.
    fn rank(self, id: u64) -> (u64, u64) {
        match self {
            Self::Ascending => (id, 0),
            Self::Descending => (u64::MAX - id, 0),
            Self::Shuffled => {
                let mixed = (id ^ (id >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9), id)
            }
        }
    }
}
