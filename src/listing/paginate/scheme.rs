//! A paging scheme as data, for endpoints that are described at run time.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::counted::{End, numbered, offsets};
use super::envelope::page_numbers;
use super::keys::{has_more, inclusive_key, keyset, keyset_inclusive};
use super::link::{link_header, next_url};
use super::places::{ReadAt, SendAt, check_pointer};
use super::tokens::token_at;
use super::value_at::total_at;
use crate::client::{ApiRequest, setters};
use crate::error::{AnswerError, Error, Result};
use crate::listing::cursor::Position;
use crate::listing::endpoint::{Answer, Paging};
use crate::listing::overlap::Overlap;

/// A paging scheme as data: where a request has its position, where an answer tells of the next page, and when the list ends. Made
/// by a constructor, or read by serde.
///
/// It only calls the functions of [`paginate`](crate::paginate), whose documentation says of each scheme when a walk ends, where it
/// goes on, and when it may skip or repeat records. An endpoint of your own uses it like this:
///
/// ```
/// use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Endpoint, Overlap, Paging};
/// use jobfeed::paginate::{EndRule, ReadAt, Scheme};
/// use jobfeed::{ListAt, Position};
///
/// #[derive(Clone)]
/// struct Items(Scheme);
///
/// impl Endpoint for Items {
///     fn name(&self) -> &str {
///         "example/items"
///     }
///     fn validate(&self) -> jobfeed::Result<()> {
///         self.0.check()
///     }
///     fn request(&self, at: &Position) -> ApiRequest {
///         self.0.apply(ApiRequest::get("items"), at)
///     }
///     fn list(&self) -> ListAt {
///         ListAt::Field("items")
///     }
///     fn next(&self, at: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
///         self.0.next(at, answer)
///     }
///     fn key(&self) -> Option<&str> {
///         Some("id")
///     }
///     fn overlap(&self) -> Overlap {
///         self.0.overlap()
///     }
///     fn positions_shift(&self) -> bool {
///         self.0.positions_shift()
///     }
/// }
///
/// let pages = Scheme::numbered("page", 1, EndRule::Total).total(ReadAt::header("x-total-count"));
/// let items = Items(pages.page_size("per_page", 100));
/// assert_eq!(items.request(&items.start()).query.len(), 2);
///
/// // The same from a file.
/// let json = r#"{
///     "by": {"numbered": {"send": {"query": "page"}, "end": "total"}},
///     "page_size": {"send": {"query": "per_page"}, "records": 100},
///     "total": {"header": "x-total-count"}
/// }"#;
/// assert_eq!(jobfeed::serde_json::from_str::<Scheme>(json)?, items.0);
/// # Ok::<(), jobfeed::serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
#[must_use]
pub struct Scheme {
    /// How the server pages.
    pub by: By,
    /// The page size that each request asks for. Default: none, the server's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_size: Option<PageSize>,
    /// Where an answer has the total, with which the walk is compared. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<ReadAt>,
    /// Whether a token or URL of the server leads to the same records whatever enters or leaves before it, because it names a record or
    /// a snapshot, or because in this order nothing enters or leaves there. Default: no. With keys it does in any case, with page
    /// numbers and offsets it never does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fixed_positions: bool,
}

/// How a server pages. Each has the name of its function in [`paginate`](crate::paginate), and a constructor of [`Scheme`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum By {
    /// Not at all: the first answer has all records.
    SinglePage,
    /// [`paginate::page_numbers`](page_numbers).
    PageNumbers {
        /// Where the number is sent.
        send: SendAt,
    },
    /// [`paginate::numbered`](numbered).
    Numbered {
        /// Where the number is sent.
        send: SendAt,
        /// The number of the first page. Default 1.
        #[serde(default = "one")]
        first: u64,
        /// What says that the list has ended.
        end: EndRule,
    },
    /// [`paginate::offsets`](offsets).
    Offsets {
        /// Where the number of records to skip is sent.
        send: SendAt,
        /// What says that the list has ended.
        end: EndRule,
        /// Whether each page begins with the last record of the page before ([`Overlap::Row`]). Default: no.
        #[serde(default)]
        overlap: bool,
    },
    /// [`paginate::token_at`](token_at).
    TokenAt {
        /// Where an answer has the token for the next page.
        at: ReadAt,
        /// Where the token is sent back.
        send: SendAt,
    },
    /// [`paginate::keyset`](keyset).
    Keyset {
        /// The JSON pointer of the key in a record, such as `/id`.
        key: String,
        /// Where the key is sent, after which the page begins.
        send: SendAt,
    },
    /// [`paginate::keyset_inclusive`](keyset_inclusive).
    KeysetInclusive {
        /// The JSON pointer of the sort key in a record, such as `/updated_at`.
        key: String,
        /// Where the key is sent, with which the page begins.
        send: SendAt,
    },
    /// [`paginate::has_more`](has_more).
    HasMore {
        /// Where an answer says whether there are more records.
        flag: ReadAt,
        /// The JSON pointer of the key in a record, such as `/id`.
        key: String,
        /// Where the key of the last record is sent.
        send: SendAt,
    },
    /// [`paginate::next_url`](next_url).
    NextUrl {
        /// Where an answer has the URL.
        at: ReadAt,
    },
    /// [`paginate::link_header`](link_header).
    LinkHeader,
}

const fn one() -> u64 {
    1
}

/// What says that a list which is read by page number or offset has ended: [`End`] as data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndRule {
    /// [`End::Total`], at [`Scheme::total`], which the scheme must have then.
    Total,
    /// [`End::ShortPage`].
    ShortPage,
    /// [`End::EmptyPage`].
    EmptyPage,
}

/// The page size that a request asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PageSize {
    /// Where it is sent.
    pub send: SendAt,
    /// Records on a page, 1 or more.
    pub records: u32,
}

impl From<By> for Scheme {
    fn from(by: By) -> Self {
        Self { by, page_size: None, total: None, fixed_positions: false }
    }
}

/// One constructor for each scheme. A text for `send` is the name of a query parameter.
impl Scheme {
    /// Not paged: the first answer has all records.
    pub fn single_page() -> Self {
        By::SinglePage.into()
    }

    /// Page numbers from 1, and an envelope with `count` and `next`: [`page_numbers`].
    pub fn page_numbers(send: impl Into<SendAt>) -> Self {
        By::PageNumbers { send: send.into() }.into()
    }

    /// Page numbers from `first`, that no answer names: [`numbered`].
    pub fn numbered(send: impl Into<SendAt>, first: u64, end: EndRule) -> Self {
        By::Numbered { send: send.into(), first, end }.into()
    }

    /// A number of records to skip: [`offsets`].
    pub fn offsets(send: impl Into<SendAt>, end: EndRule) -> Self {
        By::Offsets { send: send.into(), end, overlap: false }.into()
    }

    /// A number of records to skip, and each page begins with the last record of the page before, so that a list that shifts is
    /// noticed: [`offsets`] with [`Overlap::Row`]. The endpoint must have a key.
    pub fn offsets_with_overlap(send: impl Into<SendAt>, end: EndRule) -> Self {
        By::Offsets { send: send.into(), end, overlap: true }.into()
    }

    /// A token of the server: [`token_at`].
    pub fn token_at(at: ReadAt, send: impl Into<SendAt>) -> Self {
        By::TokenAt { at, send: send.into() }.into()
    }

    /// Records after the key of the last one: [`keyset`]. `key` is its JSON pointer in a record.
    pub fn keyset(key: impl Into<String>, send: impl Into<SendAt>) -> Self {
        By::Keyset { key: key.into(), send: send.into() }.into()
    }

    /// Records from the key of the last one on: [`keyset_inclusive`]. `key` is its JSON pointer in a record. The endpoint must have
    /// a key that identifies a record.
    pub fn keyset_inclusive(key: impl Into<String>, send: impl Into<SendAt>) -> Self {
        By::KeysetInclusive { key: key.into(), send: send.into() }.into()
    }

    /// A flag that says whether there are more records, which follow the last one: [`has_more`]. `key` is its JSON pointer in
    /// a record.
    pub fn has_more(flag: ReadAt, key: impl Into<String>, send: impl Into<SendAt>) -> Self {
        By::HasMore { flag, key: key.into(), send: send.into() }.into()
    }

    /// The URL of the next page: [`next_url`].
    pub fn next_url(at: ReadAt) -> Self {
        By::NextUrl { at }.into()
    }

    /// The link with the relation `next` in the `Link` header: [`link_header`].
    pub fn link_header() -> Self {
        By::LinkHeader.into()
    }
}

setters! { Scheme {
    /// Asks for pages of this many records, 1 or more. Default: the server's own page size.
    page_size(send: impl Into<SendAt>, records: u32) => page_size = Some(PageSize { send: send.into(), records });
    /// Compares the walk with the total at this place of each answer. Default: no comparison.
    total(at: ReadAt) => total = Some(at);
    /// The token or URL of the server leads to the same records whatever enters or leaves before it, because it names a record or a
    /// snapshot, or because in this order nothing enters or leaves there ([`Endpoint::positions_shift`](crate::Endpoint::positions_shift)).
    /// Then a total that changes and a record that comes again are no sign that a record is missing. Not with page numbers and offsets.
    fixed_positions() => fixed_positions = true;
} }

impl Scheme {
    /// The request for the page at `at`: `request` with the page size and the position. A URL of the server replaces its path and
    /// query.
    #[must_use]
    pub fn apply(&self, request: ApiRequest, at: &Position) -> ApiRequest {
        if let (By::NextUrl { .. } | By::LinkHeader, Some(url)) = (&self.by, at.token()) {
            return ApiRequest { path: url.to_owned(), query: Vec::new(), ..request };
        }
        let request = match &self.page_size {
            Some(PageSize { send, records }) => send.set(request, &Value::from(*records)),
            None => request,
        };
        let position: Option<(&SendAt, Value)> = match &self.by {
            By::SinglePage | By::NextUrl { .. } | By::LinkHeader => None,
            By::PageNumbers { send } => Some((send, at.number(1).into())),
            By::Numbered { send, first, .. } => Some((send, at.number(*first).into())),
            By::Offsets { send, .. } => Some((send, at.number(0).into())),
            By::TokenAt { send, .. } | By::Keyset { send, .. } | By::HasMore { send, .. } => {
                at.token().map(|token| (send, token.into()))
            }
            By::KeysetInclusive { send, .. } => inclusive_key(at).map(|key| (send, key.into())),
        };
        match position {
            Some((send, value)) => send.set(request, &value),
            None => request,
        }
    }

    /// Where the next page is.
    ///
    /// # Errors
    /// As the function of the scheme, and [`total_at`].
    pub fn next(&self, at: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        let paging = match &self.by {
            By::SinglePage => Paging::default(),
            By::PageNumbers { .. } => page_numbers(at, answer)?,
            By::Numbered { first, end, .. } => numbered(at, answer, *first, self.end(*end)?)?,
            By::Offsets { end, .. } => offsets(at, answer, self.overlap(), self.end(*end)?)?,
            By::TokenAt { at, .. } => token_at(answer, at.value_at())?,
            By::Keyset { key, .. } => keyset(answer, key)?,
            // A page of one record is a page of ties only when the server is asked for such pages.
            By::KeysetInclusive { key, .. } if answer.rows == 1 && !self.asks_for_one() => {
                let paging = keyset_inclusive(at, answer, key)?;
                Paging { next: paging.next.filter(|next| next != at), ..paging }
            }
            By::KeysetInclusive { key, .. } => keyset_inclusive(at, answer, key)?,
            By::HasMore { flag, key, .. } => has_more(answer, flag.value_at(), key)?,
            By::NextUrl { at } => next_url(answer, at.value_at())?,
            By::LinkHeader => link_header(answer)?,
        };
        let total = match (&self.total, paging.total) {
            (Some(at), None) => total_at(answer, at.value_at())?,
            (_, total) => total,
        };
        Ok(Paging { total, ..paging })
    }

    fn asks_for_one(&self) -> bool {
        self.page_size.as_ref().is_some_and(|size| size.records == 1)
    }

    fn end(&self, end: EndRule) -> Result<End<'_>, AnswerError> {
        match (end, &self.total) {
            (EndRule::Total, Some(at)) => Ok(End::Total(at.value_at())),
            (EndRule::Total, None) => Err(AnswerError::shape("the paging scheme does not say where the total is")),
            (EndRule::ShortPage, _) => Ok(End::ShortPage),
            (EndRule::EmptyPage, _) => Ok(End::EmptyPage),
        }
    }

    /// For [`Endpoint::overlap`](crate::Endpoint::overlap).
    pub fn overlap(&self) -> Overlap {
        match &self.by {
            By::Offsets { overlap: true, .. } => Overlap::Row,
            By::KeysetInclusive { .. } => Overlap::Ties,
            _ => Overlap::None,
        }
    }

    /// For [`Endpoint::positions_shift`](crate::Endpoint::positions_shift).
    pub fn positions_shift(&self) -> bool {
        let by_key = matches!(self.by, By::Keyset { .. } | By::KeysetInclusive { .. } | By::HasMore { .. });
        !self.fixed_positions && !by_key
    }

    /// Checks the scheme, for [`Endpoint::validate`](crate::Endpoint::validate).
    ///
    /// # Errors
    /// [`Error::Invalid`] that names the field, such as `paginate.by.token_at.at.pointer`.
    pub fn check(&self) -> Result<()> {
        self.check_at("paginate")
    }

    /// `path` is the field of the description.
    pub(crate) fn check_at(&self, path: &str) -> Result<()> {
        let field = |name: &str| format!("{path}.by.{}.{name}", self.by);
        match &self.by {
            By::SinglePage | By::LinkHeader => {}
            By::PageNumbers { send } => send.check(&field("send"))?,
            By::Numbered { send, end, .. } | By::Offsets { send, end, .. } => {
                send.check(&field("send"))?;
                if *end == EndRule::Total && self.total.is_none() {
                    return Err(Error::invalid(field("end"), "total", "`total`, the place of the total, next to `by`"));
                }
            }
            By::TokenAt { at, send } => {
                at.check(&field("at"))?;
                send.check(&field("send"))?;
            }
            By::Keyset { key, send } | By::KeysetInclusive { key, send } => {
                check_pointer(&field("key"), key)?;
                send.check(&field("send"))?;
            }
            By::HasMore { flag, key, send } => {
                flag.check(&field("flag"))?;
                check_pointer(&field("key"), key)?;
                send.check(&field("send"))?;
            }
            By::NextUrl { at } => at.check(&field("at"))?,
        }
        let numbers = matches!(self.by, By::PageNumbers { .. } | By::Numbered { .. } | By::Offsets { .. });
        if self.fixed_positions && numbers {
            let rule = "false, because page numbers and offsets shift when records enter or leave";
            return Err(Error::invalid(format!("{path}.fixed_positions"), "true", rule));
        }
        if let Some(PageSize { send, records }) = &self.page_size {
            send.check(&format!("{path}.page_size.send"))?;
            if *records == 0 {
                return Err(Error::invalid(format!("{path}.page_size.records"), "0", "1 or more"));
            }
        }
        if let (Some(PageSize { send, .. }), Some(position)) = (&self.page_size, self.position())
            && send.is_same_place(position)
        {
            let rule = "another place, because the position is sent there";
            return Err(Error::invalid(format!("{path}.page_size.send"), "(the same)", rule));
        }
        self.total.as_ref().map_or(Ok(()), |total| total.check(&format!("{path}.total")))
    }

    /// Whether each request, also the first one, has a value of the scheme at this place.
    pub(crate) fn always_sends(&self, at: &SendAt) -> bool {
        let numbers = matches!(self.by, By::PageNumbers { .. } | By::Numbered { .. } | By::Offsets { .. });
        let number = self.position().filter(|_| numbers);
        number.into_iter().chain(self.page_size.as_ref().map(|size| &size.send)).any(|send| send.is_same_place(at))
    }

    /// Every place in a request that the scheme writes.
    pub(crate) fn sends(&self) -> impl Iterator<Item = &SendAt> {
        self.position().into_iter().chain(self.page_size.as_ref().map(|size| &size.send))
    }

    /// Where the position is sent.
    fn position(&self) -> Option<&SendAt> {
        match &self.by {
            By::SinglePage | By::NextUrl { .. } | By::LinkHeader => None,
            By::PageNumbers { send }
            | By::Numbered { send, .. }
            | By::Offsets { send, .. }
            | By::TokenAt { send, .. }
            | By::Keyset { send, .. }
            | By::KeysetInclusive { send, .. }
            | By::HasMore { send, .. } => Some(send),
        }
    }
}

/// Its name in a description.
impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SinglePage => "single_page",
            Self::PageNumbers { .. } => "page_numbers",
            Self::Numbered { .. } => "numbered",
            Self::Offsets { .. } => "offsets",
            Self::TokenAt { .. } => "token_at",
            Self::Keyset { .. } => "keyset",
            Self::KeysetInclusive { .. } => "keyset_inclusive",
            Self::HasMore { .. } => "has_more",
            Self::NextUrl { .. } => "next_url",
            Self::LinkHeader => "link_header",
        })
    }
}
