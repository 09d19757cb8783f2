//! Lists in the order of a key, which are continued at the key of the last record.

use super::value_at::ValueAt;
use crate::error::AnswerError;
use crate::json;
use crate::listing::cursor::Position;
use crate::listing::endpoint::{Answer, Paging};

/// The key of the last record; the request asks for the records **after** it. `key` is its JSON pointer in a record, such as
/// `/id`. The server must sort by this key, and no two records may have the same one.
///
/// * **End**: an empty page, which costs one request.
/// * **Resume**: after the key of the last record that was read.
/// * **Skipped or repeated records**: none, whatever enters or leaves the list, except records that enter before the position,
///   and records whose key changes. Records with equal keys are skipped at the end of a page: use [`keyset_inclusive`] then.
///
/// ```
/// use jobfeed::Position;
/// use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Paging};
/// use jobfeed::paginate;
///
/// fn request(at: &Position) -> ApiRequest {
///     let request = ApiRequest::get("orders").query("sort", "id").query("limit", 100);
///     at.token().map_or_else(|| request.clone(), |id| request.clone().query("id_gt", id))
/// }
///
/// fn next(answer: &Answer<'_>) -> Result<Paging, AnswerError> {
///     paginate::keyset(answer, "/id")
/// }
/// ```
///
/// # Errors
/// [`AnswerError`] when the last record has no such key, or one that is neither a text nor a number; and when the keys of a page are
/// numbers in no order.
pub fn keyset(answer: &Answer<'_>, key: &str) -> Result<Paging, AnswerError> {
    check_order(answer, key)?;
    after_last(answer, key)
}

/// The key of the last record; the request asks for the records **from** it, so that records with the same key are not skipped.
/// For keys that several records share, such as the time of a change. Get the key for the request with [`inclusive_key`].
///
/// Each page begins with records of the page before. The endpoint must have a [`key`](crate::Endpoint::key) that identifies a
/// record and [`Overlap::Ties`](crate::endpoint::Overlap::Ties): then a listing does not deliver these records again.
///
/// * **End**: all records of the page have the key from which it was asked, and an earlier page had more records; an empty page.
///   When all of a longest page have that key, it is [`Error::CursorLoop`](crate::Error::CursorLoop): ask for larger pages. So it is when all
///   records of the list have one key, because the page could be full; a [`Scheme`](super::Scheme) takes one such record for the end.
/// * **Resume**: at the key of the last record that was read. Up to four of the records with this key are recognised then.
/// * **Skipped or repeated records**: as [`keyset`], and records with equal keys are not skipped. A sync delivers the records that
///   two pages share with both.
///
/// ```
/// use jobfeed::Position;
/// use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Overlap, Paging};
/// use jobfeed::paginate;
///
/// fn request(at: &Position) -> ApiRequest {
///     let request = ApiRequest::get("changes").query("sort", "updated_at").query("limit", 100);
///     match paginate::inclusive_key(at) {
///         Some(time) => request.query("updated_at_gte", time),
///         None => request,
///     }
/// }
///
/// fn next(at: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
///     paginate::keyset_inclusive(at, answer, "/updated_at")
/// }
///
/// fn overlap() -> Overlap {
///     Overlap::Ties
/// }
/// ```
///
/// # Errors
/// As [`keyset`].
pub fn keyset_inclusive(at: &Position, answer: &Answer<'_>, key: &str) -> Result<Paging, AnswerError> {
    check_order(answer, key)?;
    let Some(last) = last_key(answer, key)? else { return Ok(Paging::default()) };
    let (largest, asked) = longest_and_key(at).unzip();
    let rows = answer.rows as u64;
    if asked == Some(last.as_str()) {
        let full = largest.is_some_and(|largest| rows >= largest);
        return Ok(Paging { next: full.then(|| at.clone()), total: None });
    }
    let largest = largest.unwrap_or_default().max(rows);
    Ok(Paging { next: Some(Position::Token(format!("{largest}.{last}"))), total: None })
}

/// The key from which a page of [`keyset_inclusive`] is asked; `None` for the first page.
pub fn inclusive_key(at: &Position) -> Option<&str> {
    longest_and_key(at).map(|(_, key)| key)
}

/// The records of the longest page before, and the key.
fn longest_and_key(at: &Position) -> Option<(u64, &str)> {
    let (largest, key) = at.token()?.split_once('.')?;
    Some((largest.parse().ok()?, key))
}

/// A flag that says whether there are more records, which follow the last one: `has_more` and the id of the last record. `key` is
/// its JSON pointer in a record, such as `/id`.
///
/// * **End**: the flag is false.
/// * **Resume**: after the last record that was read.
/// * **Skipped or repeated records**: as [`keyset`], where the server sorts by this key; otherwise as the server allows.
///
/// ```
/// use jobfeed::Position;
/// use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Paging};
/// use jobfeed::paginate::{self, ValueAt};
///
/// fn request(at: &Position) -> ApiRequest {
///     let request = ApiRequest::get("charges").query("limit", 100);
///     match at.token() {
///         Some(id) => request.query("starting_after", id),
///         None => request,
///     }
/// }
///
/// fn next(answer: &Answer<'_>) -> Result<Paging, AnswerError> {
///     paginate::has_more(answer, ValueAt::Pointer("/has_more"), "/id")
/// }
/// ```
///
/// # Errors
/// [`AnswerError`] when the flag is neither `true` nor `false`, when there are more records after an empty page, or as [`keyset`].
pub fn has_more(answer: &Answer<'_>, flag: ValueAt<'_>, key: &str) -> Result<Paging, AnswerError> {
    let value = match flag {
        ValueAt::Pointer(pointer) => answer.fields.pointer(pointer),
        ValueAt::Header(name) => answer.headers.get(name).and_then(|value| value.to_str().ok()),
    };
    match value {
        Some("false") => Ok(Paging::default()),
        Some("true") if answer.rows == 0 => Err(AnswerError::shape(format!(
            "{flag} is true on an empty page, so it is not known where the rest begins"
        ))),
        Some("true") => after_last(answer, key),
        _ => Err(AnswerError::shape(format!(
            "{flag} is neither true nor false, so it is not known whether this is the last page"
        ))),
    }
}

fn after_last(answer: &Answer<'_>, key: &str) -> Result<Paging, AnswerError> {
    Ok(Paging { next: last_key(answer, key)?.map(Position::Token), total: None })
}

/// An error when the keys are numbers that neither grow nor fall: then the server sorts by something else, and records would be
/// skipped. How a server sorts texts is not known.
fn check_order(answer: &Answer<'_>, key: &str) -> Result<(), AnswerError> {
    let Some(path) = json::segments(key) else { return Ok(()) };
    let number = |record| json::find(record, &path)?.parse::<f64>().ok();
    let keys: Vec<f64> = answer.records().filter_map(number).collect();
    if keys.is_sorted() || keys.is_sorted_by(|before, after| before >= after) {
        return Ok(());
    }
    Err(AnswerError::shape(format!(
        "the records are not in the order of `{key}`, so records would be skipped: ask the server to sort by it"
    )))
}

/// The key of the last record; `None` on an empty page.
fn last_key(answer: &Answer<'_>, key: &str) -> Result<Option<String>, AnswerError> {
    let Some(record) = answer.records().last() else { return Ok(None) };
    let found = json::segments(key)
        .and_then(|path| json::scalar_text(json::find(record, &path)?))
        .filter(|key| !key.is_empty());
    match found {
        Some(key) => Ok(Some(key)),
        None => Err(AnswerError::shape(format!(
            "the last record has no key at `{key}`, so it is not known where the next page begins"
        ))),
    }
}
