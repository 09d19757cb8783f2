//! What differs between simulated providers.

use super::page_faults::PageFaults;
use super::received::Received;
use super::reply::Reply;

/// A simulated provider: its data, its routes, its way of paging.
///
/// Everything else (connections, faults, hooks, counting) is done by the [`Simulator`](super::Simulator). It calls the
/// service under a lock, for one request at a time, so `reply` must be quick.
///
/// ```
/// use jobfeed::testing::{PageFaults, Received, Reply, Service};
///
/// struct Titles(Vec<String>);
///
/// impl Service for Titles {
///     type Data = Vec<String>;
///
///     fn data(&mut self) -> &mut Vec<String> {
///         &mut self.0
///     }
///
///     fn is_list(&self, request: &Received) -> bool {
///         request.path() == "/titles"
///     }
///
///     fn reply(&mut self, _: &Received, faults: &PageFaults) -> Reply {
///         let rows = self.0.iter().map(|title| format!("{title:?}"));
///         let mut rows: Vec<String> = rows.collect();
///         faults.apply(&mut rows, |_| true);
///         Reply::page(r#"{"titles":"#, &rows, "}")
///     }
/// }
/// ```
pub trait Service: Send + 'static {
    /// The data that tests read and change between two requests, by [`with`](super::Simulator::with) and the hooks.
    type Data;

    /// The path of the base URL, with a slash at both ends.
    const BASE_PATH: &'static str = "/";

    /// The data.
    fn data(&mut self) -> &mut Self::Data;

    /// Whether the request asks for a list. List requests are numbered, for [`When`](super::When) and for the hooks.
    fn is_list(&self, request: &Received) -> bool;

    /// Replies to a request. A good reply to a list request applies `faults` to its page; every other reply ignores them.
    fn reply(&mut self, request: &Received, faults: &PageFaults) -> Reply;

    /// The body of [`Fault::ErrorObject`](super::Fault::ErrorObject): what this provider sends when something failed.
    fn error_object(&self) -> String {
        r#"{"detail":"Something went wrong on our side."}"#.to_owned()
    }

    /// Query parameters that carry a secret: the log does not keep their values.
    fn secret_parameters(&self) -> &'static [&'static str] {
        &[]
    }
}
