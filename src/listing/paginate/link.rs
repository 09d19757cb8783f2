//! URLs of the next page: in a field, in a header of its own, or in `Link`.

use url::Position as UrlPosition;

use super::link_field::links;
use super::value_at::ValueAt;
use crate::error::AnswerError;
use crate::listing::cursor::Position;
use crate::listing::endpoint::{Answer, Paging};

/// The URL of the next page, absolute or relative to the URL of the request, in the body or in a header. It is requested as it is:
/// only the first request has parameters of its own.
///
/// * **End**: the URL is absent, null or empty.
/// * **Resume**: at the URL. How long it is valid is up to the server.
/// * **Skipped or repeated records**: as the server's URLs allow; those with page numbers or offsets as [`numbered`](super::numbered).
///   A URL that came before in the walk is [`Error::CursorLoop`](crate::Error::CursorLoop); one that the server forgets to send ends the
///   walk, which only a [total](super::total_at) can show.
///
/// The URL must have the origin of the request: the credential belongs to it. Otherwise, and when the URL contains a credential, it
/// is an error and nothing is sent. A parameter of [`Credentials::query`](crate::Credentials::query) is removed from it, and added
/// again when it is requested.
///
/// ```
/// use jobfeed::Position;
/// use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Paging};
/// use jobfeed::paginate::{self, ValueAt};
///
/// fn request(at: &Position) -> ApiRequest {
///     match at.token() {
///         Some(url) => ApiRequest::get(url),
///         None => ApiRequest::get("people").query("page[size]", 100),
///     }
/// }
///
/// fn next(answer: &Answer<'_>) -> Result<Paging, AnswerError> {
///     paginate::next_url(answer, ValueAt::Pointer("/links/next"))
/// }
/// ```
///
/// # Errors
/// [`AnswerError::Foreign`] for another origin; [`AnswerError::Body`] when it is not a URL, or has a user or password.
pub fn next_url(answer: &Answer<'_>, at: ValueAt<'_>) -> Result<Paging, AnswerError> {
    let next = at.text(answer)?.map(|link| position(answer, &link)).transpose()?;
    Ok(Paging { next, total: None })
}

/// The link with the relation `next` in the `Link` headers of the answer (RFC 8288). Otherwise as [`next_url`].
///
/// * **End**: there is no link with this relation, or no `Link` header.
/// * **Resume**, **skipped or repeated records**: as [`next_url`].
///
/// ```
/// use jobfeed::Position;
/// use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Paging};
/// use jobfeed::paginate;
///
/// fn request(at: &Position) -> ApiRequest {
///     match at.token() {
///         Some(url) => ApiRequest::get(url),
///         None => ApiRequest::get("orgs/example/repos").query("per_page", 100),
///     }
/// }
///
/// fn next(answer: &Answer<'_>) -> Result<Paging, AnswerError> {
///     paginate::link_header(answer)
/// }
/// ```
///
/// # Errors
/// As [`next_url`]; [`AnswerError::Body`] for a header that is not well-formed, and for several links to different next pages.
pub fn link_header(answer: &Answer<'_>) -> Result<Paging, AnswerError> {
    let mut next = None;
    for field in answer.headers.get_all(http::header::LINK) {
        let read = field.to_str().ok().and_then(links);
        let Some(read) = read else { return Err(AnswerError::shape("the header `Link` is not well-formed")) };
        for link in read.iter().filter(|link| link.has_rel("next") && !link.anchored) {
            let found = position(answer, link.target)?;
            if next.get_or_insert_with(|| found.clone()) != &found {
                return Err(AnswerError::shape("the header `Link` names several next pages"));
            }
        }
    }
    Ok(Paging { next, total: None })
}

/// The position of a link, without its fragment.
fn position(answer: &Answer<'_>, link: &str) -> Result<Position, AnswerError> {
    let link = answer.same_origin(link)?;
    Ok(Position::Token(link[..UrlPosition::AfterQuery].to_owned()))
}
