//! Paginated listings: the endpoint trait, and the stream of pages.

mod chunked;
mod completeness;
mod cursor;
mod endpoint;
mod fetch;
mod hash;
mod overlap;
mod page;
mod page_content;
mod page_source;
pub mod paginate;
mod params;
mod prefetch;
mod query;
mod request;
mod stream;
mod walk;

pub(crate) use chunked::ChunkedList;
pub(crate) use completeness::Walked;
pub use cursor::{Cursor, Fingerprint, Position};
pub use endpoint::{Answer, Endpoint, Listing, Paging};
pub(crate) use fetch::Fetched;
#[cfg(feature = "archive")]
pub(crate) use fetch::decode;
pub(crate) use hash::key_hash;
pub use overlap::Overlap;
pub(crate) use page::OnRejected;
pub use page::{Page, Rejected};
pub(crate) use page_content::PageContent;
pub use page_source::PageSource;
pub(crate) use params::params;
pub(crate) use prefetch::PageFetch;
pub(crate) use query::Query;
pub use request::ListRequest;
pub(crate) use request::list_request;
pub use stream::{ItemStream, PageStream};
pub(crate) use walk::Walk;
