//! The typed requests of the two lists.

use jiff::Timestamp;

use super::endpoint::ListEndpoint;
use super::models::{Application, ApplicationStatus, Job, JobStatus};
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

            /// A parameter or value that is not documented, sent unchanged with every page.
            #[allow(clippy::needless_pass_by_value)]
            pub fn param(self, name: &str, value: impl ToString) -> Self {
                self.with(|list| {
                    if matches!(name, "limit" | "updated_since" | "company_id" | "cursor") {
                        list.query.refuse("parameter", name, "the method of that parameter");
                    }
                    list.query.set(name, value.to_string());
                })
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
        self.with(|list| {
            if let ApplicationStatus::Other(other) = &status {
                list.query.refuse("status", other, "received, in_progress, accepted or rejected");
            }
            list.query.set("status", status);
        })
    }
}

impl JobsRequest {
    /// Only jobs with this status. Only [`JobStatus::Open`] is documented, and the list has open jobs only (vendor page:
    /// jobs); another status is refused, because what the server does with it is unknown.
    pub fn status(self, status: &JobStatus) -> Self {
        self.with(|list| {
            if *status != JobStatus::Open {
                list.query.refuse("status", status.as_str(), "open");
            }
            list.query.set("status", status);
        })
    }
}
