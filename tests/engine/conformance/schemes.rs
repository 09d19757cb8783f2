//! Every paging scheme: one description for the client and for the simulator.

use std::marker::PhantomData;

use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Endpoint, Listing, Overlap, Paging};
use jobfeed::jiff::Timestamp;
use jobfeed::paginate::{EndRule, ReadAt, Scheme, SendAt};
use jobfeed::testing::conformance::{Case, PAGE, ROWS, Settings};
use jobfeed::testing::{AnyApi, ListRoute, Service, Simulator};
use jobfeed::{BoxError, Client, Credentials, ListAt, PageStream, Position};
use serde_json::{Value, json};

const SECRET: &str = "s3cret-token-of-the-client";

/// A scheme, and what the suite must know of it: the constants of [`Case`].
pub(super) trait Paged: Send + Sync + 'static {
    const TOTAL: bool = false;
    const TOKENS: bool = true;
    const NAMES_NEXT: bool = true;
    const CLOSING: u64 = 0;
    const HALVED: u64 = 20 + Self::CLOSING;
    const ADVANCES_BY_ROWS: bool = false;
    const FOLLOWS_REDIRECTS: bool = true;
    const RECORDS_AT: &'static str = "/items";
    const RELATIVE_URLS: bool = false;

    fn scheme() -> Scheme;
}

/// `Name { CONSTANT = value, … } scheme;`
macro_rules! schemes {
    ($($(#[$doc:meta])* $name:ident { $($constant:ident: $kind:ty = $value:expr),* } $scheme:expr;)+) => {$(
        $(#[$doc])*
        pub(super) struct $name;

        impl Paged for $name {
            $(const $constant: $kind = $value;)*

            fn scheme() -> Scheme {
                $scheme
            }
        }
    )+};
}

fn total() -> ReadAt {
    ReadAt::header("X-Total-Count")
}

schemes! {
    PageNumbers { TOTAL: bool = true, TOKENS: bool = false } Scheme::page_numbers("page");
    NumberedToTotal { TOTAL: bool = true, TOKENS: bool = false, NAMES_NEXT: bool = false }
        Scheme::numbered("page", 0, EndRule::Total).total(total());
    NumberedToShortPage { TOKENS: bool = false, NAMES_NEXT: bool = false, CLOSING: u64 = 1 }
        Scheme::numbered("page", 0, EndRule::ShortPage);
    NumberedToEmptyPage { TOKENS: bool = false, NAMES_NEXT: bool = false, CLOSING: u64 = 1 }
        Scheme::numbered("page", 1, EndRule::EmptyPage);
    OffsetsToTotal { TOTAL: bool = true, TOKENS: bool = false, NAMES_NEXT: bool = false, ADVANCES_BY_ROWS: bool = true }
        Scheme::offsets("offset", EndRule::Total).total(ReadAt::pointer("/meta/total"));
    OffsetsToShortPage { TOKENS: bool = false, NAMES_NEXT: bool = false, CLOSING: u64 = 1, ADVANCES_BY_ROWS: bool = true }
        Scheme::offsets("offset", EndRule::ShortPage);
    OffsetsToEmptyPage { TOKENS: bool = false, NAMES_NEXT: bool = false, CLOSING: u64 = 1, ADVANCES_BY_ROWS: bool = true }
        Scheme::offsets("offset", EndRule::EmptyPage);
    /// Offsets with one row on two pages: 50 rows, then 49 new ones on each page, then only the shared one.
    OverlappingOffsets { TOKENS: bool = false, NAMES_NEXT: bool = false, CLOSING: u64 = 1, HALVED: u64 = 1 + 20 + 1 }
        Scheme::offsets_with_overlap("offset", EndRule::EmptyPage);
    /// A number in the body, next to an inner list.
    TokenInBody { RECORDS_AT: &'static str = "/data/~1items~0" } Scheme::token_at(ReadAt::pointer("/data/page/next"), "after");
    /// A text in a header, which is sent back in a header, and names the last row of its page.
    TokenInHeader {} Scheme::token_at(ReadAt::header("X-Next-Cursor"), SendAt::header("X-Cursor")).fixed_positions();
    /// A search by `POST`, with the token and the total in both bodies.
    Search { TOTAL: bool = true, FOLLOWS_REDIRECTS: bool = false }
        Scheme::token_at(ReadAt::pointer("/after"), SendAt::body("/after")).total(ReadAt::pointer("/found")).fixed_positions();
    /// The same with a number.
    SearchByNumber { FOLLOWS_REDIRECTS: bool = false }
        Scheme::token_at(ReadAt::pointer("/after"), SendAt::body_number("/page/after"));
    /// Rows after an id.
    Keyset { NAMES_NEXT: bool = false, CLOSING: u64 = 1, ADVANCES_BY_ROWS: bool = true } Scheme::keyset("/id", "id_gt");
    /// Rows from a time that two of them have, also those at the end of a page: 50 rows, 49 new ones, then 48 on each page because two
    /// rows are on two pages, then only shared ones.
    InclusiveKeyset { NAMES_NEXT: bool = false, CLOSING: u64 = 1, HALVED: u64 = 2 + 19 + 1 }
        Scheme::keyset_inclusive("/time", "time_gte");
    /// `has_more`, and the id of the last row.
    HasMore { NAMES_NEXT: bool = false, ADVANCES_BY_ROWS: bool = true }
        Scheme::has_more(ReadAt::pointer("/has_more"), "/id", "starting_after");
    /// A relative URL in the body.
    UrlInBody { TOKENS: bool = false, RELATIVE_URLS: bool = true } Scheme::next_url(ReadAt::pointer("/links/next"));
    /// An absolute URL in a header, which names the last row of its page.
    UrlInHeader { TOKENS: bool = false } Scheme::next_url(ReadAt::header("X-Next-Page")).fixed_positions();
    /// A `Link` header, and a total in another one.
    LinkHeader { TOTAL: bool = true, TOKENS: bool = false, RECORDS_AT: &'static str = "" } Scheme::link_header().total(total());
}

#[derive(Clone)]
struct Items(Scheme, &'static str);

impl Endpoint for Items {
    fn name(&self) -> &str {
        "any/items"
    }

    /// Pages that begin with a row of the page before have one row more, so that all bring as many new ones.
    fn request(&self, at: &Position) -> ApiRequest {
        let shared = self.0.overlap() != Overlap::None && *at != Position::Start;
        let post = self.0 == Search::scheme() || self.0 == SearchByNumber::scheme();
        let (request, limit) = if post {
            (ApiRequest::search("items", r#"{"state":"open"}"#), SendAt::body("/page/limit"))
        } else {
            (ApiRequest::get("items"), "limit".into())
        };
        self.0.clone().page_size(limit, PAGE + u32::from(shared)).apply(request, at)
    }

    fn list(&self) -> ListAt {
        if self.1.is_empty() { ListAt::Root } else { ListAt::Pointer(self.1.to_owned()) }
    }

    fn next(&self, at: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
        self.0.next(at, answer)
    }

    fn key(&self) -> Option<&str> {
        Some("id")
    }

    fn overlap(&self) -> Overlap {
        self.0.overlap()
    }

    fn positions_shift(&self) -> bool {
        self.0.positions_shift()
    }
}

impl Listing for Items {
    type Item = Value;
}

/// A listing of a simulated API with this scheme. Two rows with neighbouring ids have the same time.
pub(super) struct AnyCase<P: Paged>(AnyApi, PhantomData<P>);

impl<P: Paged> Case for AnyCase<P> {
    const TOTAL: bool = P::TOTAL;
    const TOKENS: bool = P::TOKENS;
    const NAMES_NEXT: bool = P::NAMES_NEXT;
    const CLOSING: u64 = P::CLOSING;
    const HALVED: u64 = P::HALVED;
    const ADVANCES_BY_ROWS: bool = P::ADVANCES_BY_ROWS;
    const FOLLOWS_REDIRECTS: bool = P::FOLLOWS_REDIRECTS;

    async fn start() -> Result<Self, BoxError> {
        let limit = if P::FOLLOWS_REDIRECTS { "limit".into() } else { SendAt::body("/page/limit") };
        let rows = (1..=ROWS).map(|id| json!({"id": id, "time": id / 2}));
        let route = ListRoute::new("items", P::scheme().page_size(limit, PAGE)).rows(rows).records_at(P::RECORDS_AT);
        let route = route.sorted_by(["/id"]).relative_urls(P::RELATIVE_URLS);
        Ok(Self(AnyApi::builder().bearer(SECRET).list(route).start().await?, PhantomData))
    }

    fn server(&self) -> &Simulator<impl Service> {
        &*self.0
    }

    fn pages(&self, settings: &Settings) -> jobfeed::Result<PageStream<Value>> {
        let client = Client::builder().base_url(self.0.base_url()).credentials(Credentials::bearer(SECRET)?);
        let client = settings.client(client, Timestamp::now()).build()?;
        Ok(settings.pages(client.list(Items(P::scheme(), P::RECORDS_AT))))
    }

    fn secret(&self) -> String {
        SECRET.to_owned()
    }
}
