//! Paging schemes: functions that an [`Endpoint`](crate::Endpoint)'s `next` calls, each for one way in which servers page.
//!
//! | the server | function | the request needs |
//! |---|---|---|
//! | numbers its pages, and links the next one in an envelope with `count` and `next` | [`page_numbers`] | [`Position::number`](crate::Position::number) |
//! | numbers its pages, without a link | [`numbered`] | [`Position::number`](crate::Position::number) |
//! | skips a number of records | [`offsets`] | [`Position::number`](crate::Position::number) |
//! | gives a token for the next page | [`token`], [`token_at`] | [`Position::token`](crate::Position::token) |
//! | continues after, or from, the key of the last record | [`keyset`], [`keyset_inclusive`] | [`Position::token`](crate::Position::token), [`inclusive_key`] |
//! | says whether there is more, and continues after the last record | [`has_more`] | [`Position::token`](crate::Position::token) |
//! | gives the URL of the next page, in the body or in a header | [`next_url`] | [`Position::token`](crate::Position::token) |
//! | gives it in a `Link` header | [`link_header`] | [`Position::token`](crate::Position::token) |
//!
//! [`Scheme`] is each of them as data: for [`rest`](crate::rest), for APIs that are described in a file, and for endpoints of your own.
//!
//! A walk is one reading of the list, page by page. Each function says when a walk ends (**End**), where it continues after an
//! interruption (**Resume**), and when it may skip or repeat records. A total makes them safer: add it with [`total`] or [`total_at`],
//! and the walk is compared with it.
//!
//! ```
//! use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Endpoint, Listing, Paging};
//! use jobfeed::paginate::{self, ValueAt};
//! use jobfeed::{ListAt, Position};
//!
//! /// The list of an API that pages by `Link` header and tells its total in another header.
//! #[derive(Clone)]
//! struct Repos;
//!
//! impl Endpoint for Repos {
//!     fn name(&self) -> &str {
//!         "example/repos"
//!     }
//!
//!     fn request(&self, at: &Position) -> ApiRequest {
//!         match at.token() {
//!             Some(url) => ApiRequest::get(url),
//!             None => ApiRequest::get("repos").query("per_page", 100),
//!         }
//!     }
//!
//!     fn list(&self) -> ListAt {
//!         ListAt::Root
//!     }
//!
//!     fn next(&self, _: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
//!         let total = paginate::total_at(answer, ValueAt::Header("x-total-count"))?;
//!         Ok(Paging { total, ..paginate::link_header(answer)? })
//!     }
//!
//!     fn key(&self) -> Option<&str> {
//!         Some("id")
//!     }
//! }
//!
//! impl Listing for Repos {
//!     type Item = serde_json::Value;
//! }
//! ```

mod counted;
mod envelope;
mod keys;
mod link;
mod link_field;
mod places;
mod scheme;
mod tokens;
mod value_at;

pub use counted::{End, numbered, offsets};
pub(crate) use envelope::number_of_records;
pub use envelope::{page_numbers, token, total};
pub use keys::{has_more, inclusive_key, keyset, keyset_inclusive};
pub use link::{link_header, next_url};
pub use places::{ReadAt, SendAt};
pub(crate) use places::{check_header, check_pointer, is_credentials};
pub use scheme::{By, EndRule, PageSize, Scheme};
pub use tokens::token_at;
pub use value_at::{ValueAt, total_at};
