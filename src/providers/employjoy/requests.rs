//! The typed requests of the two lists.

use jiff::Timestamp;

use super::endpoint::ListEndpoint;
use super::models::{Application, ApplicationStatus, Job};
use crate::listing::list_request;

/// Declares a request and the parameters that both lists take.
macro_rules! requests {
    ($($(#[$doc:meta])* $request:ident($item:ty);)*) => {$(
        list_request! {
            $(#[$doc])*
            $request = ListEndpoint => $item;
        }

        /// Parameters of both lists.
        impl $request {
            /// Records on a page, 1 to 200 (vendor page), sent as `limit`. Default 200.
            pub fn page_size(self, size: u32) -> Self {
                self.with(|list| list.page_size = size)
            }

            /// Only records changed after this instant (vendor page); whether it is included is not documented.
            pub fn updated_since(self, instant: Timestamp) -> Self {
                self.with(|list| list.updated_since = Some(instant))
            }

            /// Only records of one company (vendor page). Without access to it the list is empty; that is not an error.
            pub fn company_id(self, id: impl Into<String>) -> Self {
                self.with(|list| list.company_id = Some(id.into()))
            }
        }
    )*};
}

requests! {
    /// `GET /jobs`: open jobs of companies with active access.
    JobsRequest(Job);
    /// `GET /applications`: the applications of this key, also to companies whose access was revoked.
    ApplicationsRequest(Application);
}

impl ApplicationsRequest {
    /// Only applications with this status (vendor page).
    pub fn status(self, status: ApplicationStatus) -> Self {
        self.with(|list| list.status = Some(status))
    }
}
