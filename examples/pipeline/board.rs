//! A record of an API by description as a posting: the configuration says where its fields are.

use jobfeed::BoxError;
use jobfeed::jiff::Timestamp;
use jobfeed::posting::{Location, Posting, Salary};
use jobfeed::value::Decimal;
use serde_json::Value;

use super::config::RestList;
use super::task::text;

/// The posting of a record. A field that is absent, or not of the right form, is absent.
pub(crate) fn posting(
    provider: &str,
    list: &str,
    key: &str,
    fields: &RestList,
    record: &Value,
) -> Result<Posting, BoxError> {
    let id = record.get(key).filter(|id| id.is_string() || id.is_number());
    let id = id.ok_or_else(|| format!("a record has no `{key}` that is a text or a number"))?;
    let at = |pointer: &Option<String>| record.pointer(pointer.as_deref()?).filter(|value| !value.is_null());
    let string = |pointer| at(pointer)?.as_str().map(str::to_owned);
    let instant = |pointer| at(pointer)?.as_str()?.parse::<Timestamp>().ok();
    let amount = |pointer| at(pointer).map(|amount| Decimal::from(text(amount).as_str()));

    let mut posting = Posting::new(provider, list, text(id));
    posting.title = string(&fields.title);
    posting.url = string(&fields.url);
    posting.description_html = string(&fields.description_html);
    posting.organisation.name = string(&fields.organisation);
    let mut location = Location::default();
    location.city = string(&fields.city);
    location.set_country(string(&fields.country).as_deref());
    if location != Location::default() {
        posting.locations.push(location);
    }
    let mut salary = Salary::default();
    (salary.min, salary.max) = (amount(&fields.salary_min), amount(&fields.salary_max));
    if salary != Salary::default() {
        salary.currency = string(&fields.currency);
        posting.salary = Some(salary);
    }
    (posting.posted, posting.updated) = (instant(&fields.posted), instant(&fields.updated));
    Ok(posting)
}
