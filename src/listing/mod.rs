//! Paginated listings: what an endpoint tells, and the stream of its pages.

mod chunked;
mod completeness;
mod cursor;
mod endpoint;
mod fetch;
mod page;
pub mod paginate;
mod prefetch;
mod request;
mod stream;
mod walk;

pub(crate) use chunked::LongList;
pub use cursor::{Cursor, Fingerprint, Position};
pub use endpoint::{Answer, Endpoint, Listing, Paging};
pub(crate) use fetch::Fetched;
pub(crate) use page::hash;
pub use page::{Page, Rejected};
pub(crate) use prefetch::Ahead;
pub use request::ListRequest;
pub(crate) use stream::Manner;
pub use stream::{ItemStream, PageStream};
pub(crate) use walk::Walk;
