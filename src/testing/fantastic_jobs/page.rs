//! Filters, pages and their JSON text.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::data::{FeedName, JobRow};
use crate::testing::page_faults::{BadRecords, PageFaults};
use crate::testing::received::Received;
use crate::testing::reply::Reply;

/// A reply with status 400.
pub(super) fn bad(text: &str) -> Reply {
    Reply::json(400, serde_json::json!({"title": "Bad Request", "status": 400, "detail": text}).to_string())
}

/// The filters that have an effect. All others are accepted, and every row passes them.
pub(super) struct Filter<'r> {
    feed: FeedName,
    id: Option<u64>,
    title: Option<String>,
    location: Option<&'r str>,
    source: Option<Vec<&'r str>>,
}

impl<'r> Filter<'r> {
    pub(super) fn new(feed: FeedName, request: &'r Received) -> Result<Self, Reply> {
        if request.param("title").is_some() && request.param("title_advanced").is_some() {
            return Err(bad("title and title_advanced exclude each other"));
        }
        if request.param("title_advanced").is_some_and(|text| text.contains(" OR ")) {
            return Err(bad("syntax error in title_advanced"));
        }
        Ok(Self {
            feed,
            id: number(request, "id")?,
            title: request.param("title").map(str::to_lowercase),
            location: request.param("location"),
            source: request.param("source").map(|list| list.split(',').collect()),
        })
    }

    pub(super) fn passes(&self, row: &JobRow) -> bool {
        self.id.is_none_or(|id| id == row.id)
            && self.title.as_ref().is_none_or(|title| row.title.to_lowercase().contains(title.trim_matches('"')))
            && self.location.is_none_or(|place| place.trim_matches('"') == row.country)
            && self.source.as_ref().is_none_or(|list| list.contains(&row.source(self.feed)))
    }
}

/// Refuses a search in descriptions over six months.
pub(super) fn check_descriptions(request: &Received, frame: &str) -> Result<(), Reply> {
    let searched = request.param("description").or_else(|| request.param("description_advanced"));
    if frame == "6m" && searched.is_some() {
        return Err(bad("description cannot be searched over 6m"));
    }
    Ok(())
}

/// One page: by cursor in the order of ids, else by offset in the order of the endpoint.
pub(super) fn page<'r, K: Ord>(
    mut rows: Vec<&'r JobRow>,
    request: &Received,
    faults: &PageFaults,
    order: impl Fn(&JobRow) -> K,
) -> Result<Vec<&'r JobRow>, Reply> {
    let limit: usize = number(request, "limit")?.unwrap_or(100);
    if !(1..=1_000).contains(&limit) {
        return Err(bad("limit must be from 1 to 1000"));
    }
    let limit = faults.page_size(limit);
    Ok(if let Some(cursor) = number::<u64>(request, "cursor")? {
        rows.into_iter().filter(|row| row.id > cursor || cursor <= 1).take(limit).collect()
    } else {
        let offset: usize = number(request, "offset")?.unwrap_or(0);
        rows.sort_by_key(|row| order(row));
        rows.into_iter().skip(offset).take(limit).collect()
    })
}

/// A list: an array without an envelope. Every second bad record has a null.
pub(super) fn json_array(mut texts: Vec<String>, faults: &PageFaults) -> Reply {
    faults.apply(&mut texts, |index| index % 2 == 1);
    Reply::page("", &texts, "")
}

pub(super) fn organizations(range: std::ops::Range<usize>, faults: &PageFaults) -> Reply {
    let organization = |n| {
        format!(r#"{{"name":"Employer {n}","domain":"employer-{n}.example","slug":"employer-{n}","followers":{n}}}"#)
    };
    // The first member is a name: a text in its place would not be a wrong type.
    let faults = PageFaults { bad_records: BadRecords::None, ..faults.clone() };
    json_array(range.map(organization).collect(), &faults)
}

/// A parameter that is a whole number.
pub(super) fn number<N: std::str::FromStr>(request: &Received, name: &str) -> Result<Option<N>, Reply> {
    let Some(text) = request.param(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| bad(&format!("{name} must be a whole number")))
}

/// A parameter that is a time, with or without a zone, or a day.
pub(super) fn instant(request: &Received, name: &str) -> Result<Option<Timestamp>, Reply> {
    let Some(text) = request.param(name) else { return Ok(None) };
    let zoneless = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
    let parsed = text.parse::<Timestamp>().ok().or_else(|| Some(zoneless()?.timestamp()));
    parsed.map(Some).ok_or_else(|| bad(&format!("{name} must be an ISO 8601 date or time")))
}
