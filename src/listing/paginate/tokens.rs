//! Tokens of the server for the next page.

use super::value_at::ValueAt;
use crate::error::AnswerError;
use crate::listing::cursor::Position;
use crate::listing::endpoint::{Answer, Paging};

/// A token anywhere in the answer: a text or a number, in the body or in a header. It is sent back unchanged, in the query, in
/// a header or in the body of the next request.
///
/// * **End**: the token is absent, null or empty.
/// * **Resume**: at the token. How long it is valid is up to the server.
/// * **Skipped or repeated records**: as the server's tokens allow. A token that came before in the walk is
///   [`Error::CursorLoop`](crate::Error::CursorLoop); a token that the server forgets to send ends the walk, which only a
///   [total](super::total_at) can show.
///
/// ```
/// use jobfeed::Position;
/// use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Paging};
/// use jobfeed::paginate::{self, ValueAt};
///
/// fn request(at: &Position) -> ApiRequest {
///     let request = ApiRequest::get("events").query("limit", 500);
///     match at.token() {
///         Some(token) => request.query("cursor", token), // or .header("x-cursor", token)
///         None => request,
///     }
/// }
///
/// fn next(answer: &Answer<'_>) -> Result<Paging, AnswerError> {
///     paginate::token_at(answer, ValueAt::Pointer("/meta/next_cursor"))
/// }
/// ```
///
/// In a search by `POST`, the position is part of the body:
///
/// ```
/// use jobfeed::{Position, endpoint::ApiRequest};
/// use serde_json::json;
///
/// fn request(at: &Position) -> ApiRequest {
///     let search = json!({"query": {"state": "open"}, "after": at.token()});
///     ApiRequest::search("search", search.to_string())
/// }
/// ```
///
/// # Errors
/// [`AnswerError`] when there is something else, such as `true` or an object.
pub fn token_at(answer: &Answer<'_>, at: ValueAt<'_>) -> Result<Paging, AnswerError> {
    Ok(Paging { next: at.text(answer)?.map(Position::Token), total: None })
}
