//! The check of a call that changes something on the server.

use http::StatusCode;

use super::case::{PostCase, Settings};
use super::violation::{Violation, equal, holds};
use super::walk::start;
use crate::error::Error;
use crate::testing::fault::{Fault, When};

/// A 303 after a `POST` may mean that it was done: it is not followed, and the outcome is left open, except where the same bytes can
/// be sent again.
///
/// # Errors
/// The [`Violation`].
pub async fn promise_2_a_303_after_a_post_is_neither_followed_nor_taken_for_a_refusal<C: PostCase>()
-> Result<(), Violation> {
    let case = start::<C>().await?;
    let location = case.server().base_url().to_string();
    case.server().fault(Fault::RedirectWith { code: 303, location }, When::Always);
    let Err(error) = case.post(&Settings::default()).await else {
        return Err(Violation::new("a POST that is answered with 303", "an error", "none"));
    };
    equal("the status of the error", error.status(), Some(StatusCode::SEE_OTHER))?;
    holds("the error", !error.is_retryable(), "one that is not retryable", &error)?;
    let served = case.server().served();
    let methods: Vec<&str> = served.log.iter().map(|request| request.method.as_str()).collect();
    equal("requests", methods, vec!["POST"])?;
    let open = matches!(error, Error::OutcomeUnknown { .. });
    equal("whether the outcome is unknown", open, !C::REPEATABLE)
}
