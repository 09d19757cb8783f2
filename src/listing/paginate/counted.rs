//! Page numbers and offsets, where no answer names the next page.

use super::value_at::{ValueAt, total_at};
use crate::error::AnswerError;
use crate::listing::cursor::Position;
use crate::listing::endpoint::{Answer, Paging};
use crate::listing::overlap::Overlap;

/// What says that a list which is read by page number or offset has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum End<'a> {
    /// As many records as the total at this place of each answer were passed. An empty or short page before that is not the
    /// end, and the walk is compared with the total. An answer without the total is an error.
    Total(ValueAt<'a>),
    /// A page with fewer records than the longest one before it; an empty page. The first page is the last one only when it is
    /// empty: the server may have reduced the page size. So it costs one request more than the pages only when the last page is the
    /// first one, or as long as the others. Only for servers that fill all pages but the last: the walk of others ends early.
    ShortPage,
    /// An empty page, which costs one request.
    EmptyPage,
}

/// Page numbers that no answer names. `first` is the number of the first page, usually 0 or 1.
///
/// * **End**: as `end` says.
/// * **Resume**: at the number of the page that was not read.
/// * **Skipped or repeated records**: when a record leaves or enters before the position, one moves over the boundary of a page and
///   is skipped or comes twice. A total that changes and a record that comes twice end the walk as
///   [`Completeness::Drifted`](crate::Completeness); when one leaves and one enters at the same time, it is not noticed. The pages
///   of a server that reduces the page size are smaller, and none is skipped.
///
/// ```
/// use jobfeed::Position;
/// use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Paging};
/// use jobfeed::paginate::{self, End, ValueAt};
///
/// fn request(at: &Position) -> ApiRequest {
///     ApiRequest::get("posts").query("page", at.number(1)).query("per_page", 100)
/// }
///
/// fn next(at: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
///     paginate::numbered(at, answer, 1, End::Total(ValueAt::Header("x-total")))
/// }
/// ```
///
/// # Errors
/// [`AnswerError`] when there is no total where `end` needs one.
pub fn numbered(at: &Position, answer: &Answer<'_>, first: u64, end: End<'_>) -> Result<Paging, AnswerError> {
    let (number, rows) = (at.number(first), answer.rows as u64);
    let (before, longest) = read_before(at);
    let total = total_of(answer, end)?;
    let passed = before.saturating_add(rows);
    let last = match total {
        // After an empty page, the pages before it could have held as many.
        Some(total) if rows == 0 => number.saturating_sub(first).saturating_mul(longest) >= total || longest == 0,
        Some(total) => passed >= total,
        None => rows == 0 || end == End::ShortPage && rows < longest,
    };
    let next = Position::Counted { number: number.saturating_add(1), rows: passed, longest: longest.max(rows) };
    Ok(Paging { next: (!last).then_some(next), total })
}

/// A number of records to skip. The walk advances by the records that were received, so a short page costs nothing.
///
/// * **End**: as `end` says.
/// * **Resume**: at the record that was not read.
/// * **Skipped or repeated records**: without an overlap as [`numbered`]. With [`Overlap::Row`], each page begins with the last
///   record of the page before, which proves that nothing was skipped; when it is another one, the list has shifted, and the walk ends as
///   [`Completeness::Drifted`](crate::Completeness) even when no total changed. A listing does not deliver that record again, a
///   sync delivers it with both pages. Pages of one record share none.
///
/// `overlap` is what the endpoint returns as [`Endpoint::overlap`](crate::Endpoint::overlap). With an overlap, ask for one more
/// record from the second page on, where the server allows it; else a walk of 100 pages of 100 records needs one page more.
///
/// ```
/// use jobfeed::Position;
/// use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Overlap, Paging};
/// use jobfeed::paginate::{self, End};
///
/// fn request(at: &Position) -> ApiRequest {
///     ApiRequest::get("jobs").query("offset", at.number(0)).query("limit", 100)
/// }
///
/// fn next(at: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
///     paginate::offsets(at, answer, Overlap::Row, End::EmptyPage)
/// }
///
/// fn overlap() -> Overlap {
///     Overlap::Row
/// }
/// ```
///
/// # Errors
/// [`AnswerError`] when there is no total where `end` needs one.
pub fn offsets(at: &Position, answer: &Answer<'_>, overlap: Overlap, end: End<'_>) -> Result<Paging, AnswerError> {
    let (offset, rows) = (at.number(0), answer.rows as u64);
    let (before, longest) = read_before(at);
    // A page of one record shares none with the next: both would be the same page.
    let shared = |longest: u64| u64::from(overlap == Overlap::Row && longest > 1);
    let new = rows.saturating_sub(shared(longest));
    let total = total_of(answer, end)?;
    let passed = offset.saturating_add(rows);
    let after = passed.saturating_sub(shared(longest.max(rows)));
    let (last, number) = match total {
        // The records of an empty page before the total are passed over, which the comparison with the total shows.
        Some(total) if new == 0 => {
            (passed.saturating_add(longest) >= total || longest == 0, offset.saturating_add(longest))
        }
        Some(total) => (passed >= total, after),
        None => (new == 0 || end == End::ShortPage && rows < longest, after),
    };
    let next = Position::Counted { number, rows: before.saturating_add(new), longest: longest.max(rows) };
    Ok(Paging { next: (!last).then_some(next), total })
}

/// The records before a position, and those of the longest page.
fn read_before(at: &Position) -> (u64, u64) {
    match at {
        Position::Counted { rows, longest, .. } => (*rows, *longest),
        _ => (0, 0),
    }
}

fn total_of(answer: &Answer<'_>, end: End<'_>) -> Result<Option<u64>, AnswerError> {
    let End::Total(at) = end else { return Ok(None) };
    match total_at(answer, at)? {
        Some(total) => Ok(Some(total)),
        None => Err(AnswerError::shape(format!(
            "there is no total at {at}, so it is not known whether this is the last page"
        ))),
    }
}
