//! Sends requests: credentials, rate limits, retries, and the one loop that uses them.

mod api_request;
mod body_memory;
mod builder;
mod call;
mod classify;
mod clock;
mod core;
mod credential_cache;
mod credential_source;
mod credentials;
mod exchange;
mod http_transport;
#[cfg(feature = "metrics")]
mod metrics;
mod oauth2;
mod observe;
mod progress;
mod rate_buckets;
mod rate_headers;
mod rate_limit;
pub(crate) mod redact;
mod requests;
mod response;
mod retry;
mod secrets;
mod setters;
mod sunset;
mod telemetry;
mod transport;
#[cfg(feature = "webhook")]
pub mod webhook;

pub use self::core::{Check, Client};
pub use api_request::{ApiRequest, Origins, UrlKind};
pub use builder::{ClientBuilder, Provider};
pub(crate) use builder::{PAGE_TIMEOUT, parse_base_url};
pub use clock::Clock;
pub(crate) use clock::{monotonic, sleep_until};
pub use credential_source::CredentialSource;
pub use credentials::{Credentials, Issued};
pub(crate) use exchange::Opened;
pub use http_transport::{HttpTransport, HttpTransportBuilder};
pub use oauth2::OAuth2;
pub use observe::{Attempt, Event, EventKind, Purpose, WaitReason};
pub use progress::{Activity, Counts, Progress};
pub use rate_limit::{LimitScope, RateLimit};
pub(crate) use requests::read_single;
pub use requests::{Download, DownloadRequest, GetRequest, HeadRequest, WriteRequest};
pub(crate) use response::Response;
pub use retry::RetryPolicy;
pub(crate) use setters::setters;
pub use sunset::Sunset;
pub(crate) use telemetry::CallInfo;
pub use transport::{Body, Transport};
