//! Filters, pages and their JSON text.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::data::{FeedName, JobRow, Shown};
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
    organization: Option<Vec<String>>,
    exclude_organization: Option<Vec<String>>,
    /// Whether only agencies pass, or none of them.
    agency: Option<bool>,
    headcount: (Option<u64>, Option<u64>),
    exclude_duplicates: bool,
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
            organization: list(request, "organization"),
            exclude_organization: list(request, "exclude_organization"),
            agency: match request.param("organization_agency") {
                None => None,
                Some("only") => Some(true),
                Some("exclude") => Some(false),
                Some(_) => return Err(bad("organization_agency must be only or exclude")),
            },
            headcount: (number(request, "organization_headcount_gte")?, number(request, "organization_headcount_lt")?),
            exclude_duplicates: flag(request, "exclude_ats_duplicate")?,
        })
    }

    pub(super) fn passes(&self, row: &JobRow) -> bool {
        self.id.is_none_or(|id| id == row.id)
            && self.title.as_ref().is_none_or(|title| row.title.to_lowercase().contains(title.trim_matches('"')))
            && self.location.is_none_or(|place| place.trim_matches('"') == row.country)
            && self.source.as_ref().is_none_or(|list| list.contains(&row.source(self.feed)))
            && self.organization.as_ref().is_none_or(|list| list.contains(&row.organization()))
            && !self.exclude_organization.as_ref().is_some_and(|list| list.contains(&row.organization()))
            // A row without details is no agency.
            && self.agency.is_none_or(|wanted| row.is_agency(self.feed).unwrap_or(false) == wanted)
            && self.has_headcount(row)
            && !(self.exclude_duplicates && row.is_ats_duplicate(self.feed))
    }
}

impl Filter<'_> {
    /// A row without a number of employees does not pass a bound (observed).
    fn has_headcount(&self, row: &JobRow) -> bool {
        let (least, below) = self.headcount;
        let within = |count: u64| least.is_none_or(|least| count >= least) && below.is_none_or(|below| count < below);
        (least, below) == (None, None) || row.headcount(self.feed).is_some_and(within)
    }
}

/// What a request asks to see of each row.
pub(super) fn shown(request: &Received, edits: bool) -> Result<Shown<'_>, Reply> {
    Ok(Shown {
        description: request.param("description_format"),
        edits,
        details: flag(request, "include_basic_organization_details")?,
        recruiter: !flag(request, "exclude_recruiter_fields")?,
    })
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

/// A parameter that is `true` or `false`.
fn flag(request: &Received, name: &str) -> Result<bool, Reply> {
    match request.param(name) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(bad(&format!("{name} must be true or false"))),
    }
}

/// A parameter that is a list of texts without commas in them.
fn list(request: &Received, name: &str) -> Option<Vec<String>> {
    request.param(name).map(|list| list.split(',').map(str::to_owned).collect())
}

/// A parameter that is a time, with or without a zone, or a day.
pub(super) fn instant(request: &Received, name: &str) -> Result<Option<Timestamp>, Reply> {
    let Some(text) = request.param(name) else { return Ok(None) };
    let zoneless = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
    let parsed = text.parse::<Timestamp>().ok().or_else(|| Some(zoneless()?.timestamp()));
    parsed.map(Some).ok_or_else(|| bad(&format!("{name} must be an ISO 8601 date or time")))
}
