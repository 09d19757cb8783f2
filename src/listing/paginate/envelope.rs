//! The envelope of Django REST framework and similar, and tokens and totals in a field of it.

use crate::error::AnswerError;
use crate::listing::cursor::Position;
use crate::listing::endpoint::{Answer, Paging};

/// Page numbers with the envelope `count`, `next`, `previous` (Django REST framework and similar).
///
/// The next request is built from the page number. The `next` link only states whether there is a next page; its page
/// number and host are checked, and it is never followed.
///
/// * **End**: `next` is null.
/// * **Resume**: at the number of the page that was not read.
/// * **Skipped or repeated records**: as [`numbered`](super::numbered); the total is compared.
///
/// ```
/// use jobfeed::Position;
/// use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Paging};
/// use jobfeed::paginate;
///
/// fn request(at: &Position) -> ApiRequest {
///     ApiRequest::get("items/").query("page", at.number(1))
/// }
///
/// fn next(at: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
///     paginate::page_numbers(at, answer)
/// }
/// ```
///
/// # Errors
/// [`AnswerError`] when the envelope has no `next`, or when it skips pages or names another host.
pub fn page_numbers(at: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
    let total = total(answer, "count")?;
    let Some(next) = answer.fields.raw("next") else {
        return Err(AnswerError::shape("there is no `next`, so it is not known whether this is the last page"));
    };
    if next == "null" {
        return Ok(Paging { next: None, total });
    }
    let next: String =
        serde_json::from_str(next).map_err(|_| AnswerError::shape("`next` is neither a link nor null"))?;
    let link = answer.same_host(&next)?;
    let here = match at {
        Position::Page(page) => *page,
        _ => 1,
    };
    let named = link.query_pairs().find_map(|(name, value)| (name == "page").then(|| value.parse::<u64>()));
    let page = match named {
        None => here.saturating_add(1),
        Some(Ok(page)) if page <= here.saturating_add(1) => page,
        Some(_) => {
            return Err(AnswerError::shape(format!(
                "`next` does not lead from page {here} to page {}",
                here.saturating_add(1)
            )));
        }
    };
    Ok(Paging { next: Some(Position::Page(page)), total })
}

/// A token in a field of the envelope, which is sent back unchanged. Absent, null or empty: this is the last page.
/// For a token elsewhere, or one that is a number, see [`token_at`](super::token_at), which has the same rules.
///
/// ```
/// use jobfeed::endpoint::{Answer, AnswerError, Paging};
/// use jobfeed::paginate;
///
/// fn next(answer: &Answer<'_>) -> Result<Paging, AnswerError> {
///     paginate::token(answer, "next_cursor")
/// }
/// ```
///
/// # Errors
/// [`AnswerError`] when the field is not a text.
pub fn token(answer: &Answer<'_>, field: &str) -> Result<Paging, AnswerError> {
    let token = match answer.fields.raw(field) {
        None => None,
        Some(raw) => serde_json::from_str::<Option<String>>(raw)
            .map_err(|_| AnswerError::shape(format!("`{field}` is neither a text nor null")))?,
    };
    Ok(Paging { next: token.filter(|token| !token.is_empty()).map(Position::Token), total: None })
}

/// A total in a field of the envelope: a number of records in any form that JSON has for it (`400`, `400.0`, `4e2`, `"400"`).
/// Absent and null say that the server tells none.
///
/// # Errors
/// [`AnswerError`] when the field is something else, such as a fraction or `true`.
pub fn total(answer: &Answer<'_>, field: &str) -> Result<Option<u64>, AnswerError> {
    let Some(raw) = answer.fields.raw(field).filter(|raw| *raw != "null") else { return Ok(None) };
    match number_of_records(raw) {
        Some(total) => Ok(Some(total)),
        None => Err(AnswerError::shape(format!("`{field}` is not a number of records"))),
    }
}

/// A number of records in any form that JSON has for it, from its JSON text.
pub(crate) fn number_of_records(json: &str) -> Option<u64> {
    let text = json.trim_matches('"').trim();
    let whole = |number: f64| number.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&number);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number below 2^53")]
    let number =
        text.parse().ok().or_else(|| text.parse().ok().filter(|number| whole(*number)).map(|number| number as u64));
    number
}
