//! The running simulator, its settings, and what all its lists have in common.

use std::collections::BTreeMap;
use std::io;
use std::ops::Deref;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::page;
use super::route::ListRoute;
use crate::client::setters;
use crate::testing::page_faults::PageFaults;
use crate::testing::received::Received;
use crate::testing::reply::Reply;
use crate::testing::service::Service;
use crate::testing::simulator::Simulator;
use crate::testing::throttle::Throttle;

/// Any API on loopback: lists of JSON records, described as an endpoint describes them. The
/// [`Scheme`](crate::paginate::Scheme) that tells a client how to page tells this server too.
///
/// It has all methods of [`Simulator`]: faults, hooks, what was served. Its data are [`Lists`].
///
/// ```
/// use futures::TryStreamExt;
/// use jobfeed::endpoint::{Answer, AnswerError, ApiRequest, Endpoint, Listing, Paging};
/// use jobfeed::paginate::{ReadAt, Scheme};
/// use jobfeed::testing::{AnyApi, Fault, ListRoute, When};
/// use jobfeed::{Client, Credentials, ListAt, Position};
/// use serde_json::{Value, json};
///
/// /// Used by the client and by the server.
/// fn scheme() -> Scheme {
///     Scheme::token_at(ReadAt::pointer("/meta/next"), "cursor").page_size("limit", 20)
/// }
///
/// #[derive(Clone)]
/// struct Orders;
///
/// impl Endpoint for Orders {
///     fn name(&self) -> &str {
///         "example/orders"
///     }
///     fn request(&self, at: &Position) -> ApiRequest {
///         scheme().apply(ApiRequest::get("orders"), at)
///     }
///     fn list(&self) -> ListAt {
///         ListAt::Field("data")
///     }
///     fn next(&self, at: &Position, answer: &Answer<'_>) -> Result<Paging, AnswerError> {
///         scheme().next(at, answer)
///     }
/// }
///
/// impl Listing for Orders {
///     type Item = Value;
/// }
///
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let rows = (1..=50).map(|id| json!({"id": id, "total": 7 * id}));
/// let orders = ListRoute::new("orders", scheme()).rows(rows).records_at("/data");
/// let server = AnyApi::builder().bearer("a-key").list(orders).start().await?;
/// server.fault(Fault::CutBody, When::Request(2));
/// server.before_request(3, |lists| lists.rows("orders").push(json!({"id": 51, "total": 0})));
///
/// let api = Client::builder().base_url(server.base_url()).credentials(Credentials::bearer("a-key")?).build()?;
/// let read: Vec<Value> = api.list(Orders).items().try_collect().await?;
/// assert_eq!(read.len(), 51);
/// assert_eq!(server.served().requests, 4); // three pages, one of them twice
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct AnyApi(Simulator<AnyService>);

impl Deref for AnyApi {
    type Target = Simulator<AnyService>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// Settings of an [`AnyApi`], from [`AnyApi::builder`].
#[derive(Debug)]
#[must_use = "it starts with `start`"]
pub struct Builder {
    routes: Vec<ListRoute>,
    header: Option<(String, String)>,
    throttle: Option<Throttle>,
    port: u16,
}

impl AnyApi {
    /// Settings without lists; no credentials are needed, and there is no rate limit.
    pub fn builder() -> Builder {
        Builder { routes: Vec::new(), header: None, throttle: None, port: 0 }
    }
}

setters! { Builder {
    /// Requires `Authorization: Bearer …`; other requests get status 401. One of these methods counts, the last one.
    bearer(token: &str) => header = Some(("authorization".to_owned(), format!("Bearer {token}")));
    /// Requires `Authorization: Basic …`.
    basic(user: &str, password: &str) => header = {
        let text = STANDARD.encode(format!("{user}:{password}"));
        Some(("authorization".to_owned(), format!("Basic {text}")))
    };
    /// Requires a header with this value, such as `x-api-key`.
    required_header(name: &str, value: &str) => header = Some((name.to_owned(), value.to_owned()));
    /// Limits the requests with these credentials, and says in `X-RateLimit-Limit`, `-Remaining` and `-Reset` (seconds) what is left.
    /// Default: no limit.
    throttle(throttle: Throttle) => throttle = Some(throttle);
    /// The port of 127.0.0.1 to listen on. Default 0: a free one.
    port(port: u16) => port = port;
} }

impl Builder {
    /// Adds a list.
    pub fn list(mut self, route: ListRoute) -> Self {
        self.routes.push(route);
        self
    }

    /// Starts on the tokio runtime of the caller.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for a description that contradicts itself; else when the port cannot be bound.
    pub async fn start(self) -> io::Result<AnyApi> {
        let port = self.port;
        Ok(AnyApi(Simulator::start_on(port, self.service()?).await?))
    }

    /// Starts without a port: only [`Simulator::transport`] leads to it, and it needs no runtime.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for a description that contradicts itself.
    pub fn in_memory(self) -> io::Result<AnyApi> {
        Ok(AnyApi(Simulator::in_memory(self.service()?)?))
    }

    fn service(mut self) -> io::Result<AnyService> {
        let mut lists = Lists(BTreeMap::new());
        for route in &mut self.routes {
            route.check().map_err(|text| io::Error::new(io::ErrorKind::InvalidInput, text))?;
            lists.rows(&route.path).append(&mut route.rows);
        }
        Ok(AnyService { routes: self.routes, lists, header: self.header, throttle: self.throttle })
    }
}

/// The records of an [`AnyApi`], to be read and changed between two requests.
#[derive(Debug)]
pub struct Lists(BTreeMap<String, Vec<Value>>);

impl Lists {
    /// The records of the list at this path, in the order in which they were added. A record that only tells of a removal is a record
    /// as any other.
    pub fn rows(&mut self, path: &str) -> &mut Vec<Value> {
        self.0.entry(path.trim_matches('/').to_owned()).or_default()
    }
}

/// The [`Service`] of an [`AnyApi`].
#[derive(Debug)]
pub struct AnyService {
    routes: Vec<ListRoute>,
    lists: Lists,
    header: Option<(String, String)>,
    throttle: Option<Throttle>,
}

impl AnyService {
    /// Refuses a request without the right credentials; counts one that has them. Returns the headers about the limit.
    fn admit(&mut self, request: &Received) -> Result<Vec<(&'static str, String)>, Reply> {
        let mut caller = "";
        if let Some((name, value)) = &self.header {
            caller = request.header(name).unwrap_or_default();
            if caller != value {
                return Err(Reply::detail(401, "The credentials are missing or wrong."));
            }
        }
        let Some(throttle) = &mut self.throttle else { return Ok(Vec::new()) };
        let admitted = throttle.admit(caller);
        let (left, reset) = throttle.remaining(caller);
        let headers = vec![
            ("x-ratelimit-limit", throttle.limit().to_string()),
            ("x-ratelimit-remaining", left.to_string()),
            ("x-ratelimit-reset", reset.to_string()),
        ];
        match admitted {
            Ok(()) => Ok(headers),
            Err(wait) => {
                let refused = Reply::detail(429, "Too many requests.").header("retry-after", &wait.to_string());
                Err(headers.iter().fold(refused, |reply, (name, value)| reply.header(name, value)))
            }
        }
    }
}

impl Service for AnyService {
    type Data = Lists;

    fn data(&mut self) -> &mut Lists {
        &mut self.lists
    }

    fn is_list(&self, request: &Received) -> bool {
        self.routes.iter().any(|route| route.is_at(request.path()))
    }

    fn reply(&mut self, request: &Received, faults: &PageFaults) -> Reply {
        let headers = match self.admit(request) {
            Ok(headers) => headers,
            Err(refused) => return refused,
        };
        let Some(route) = self.routes.iter().find(|route| route.is_at(request.path())) else {
            return Reply::detail(404, "There is no such list.");
        };
        let reply = page::reply(route, self.lists.rows(&route.path), request, faults);
        headers.iter().fold(reply, |reply, (name, value)| reply.header(name, value))
    }
}
