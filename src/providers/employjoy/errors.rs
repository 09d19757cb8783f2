//! The errors of the API: their codes, and the scope of a rate limit.

use std::time::Duration;

use crate::error::{Error, FieldError, ServerError, WaitScope};
use crate::json::{Fields, open_enum};

open_enum! {
    /// The code of an error (vendor page: errors).
    ///
    /// ```
    /// use jobfeed::employjoy::{Client, ErrorCode};
    ///
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = jobfeed::testing::EmployJoy::builder().start().await?;
    /// # let url = server.base_url();
    /// let api = Client::builder().api_key("wrong").base_url(url).build()?;
    /// let error = api.jobs().send().await.unwrap_err();
    /// assert_eq!(ErrorCode::of(&error), Some(ErrorCode::Unauthorized));
    /// # Ok(()) }
    /// ```
    pub enum ErrorCode {
        /// 401: no key, or it is wrong, revoked, suspended, or was rotated too long ago. Stop until it is replaced.
        Unauthorized = "UNAUTHORIZED",
        /// 403: the key's access to the company was revoked. `companyId` in the details.
        AccessRevoked = "ACCESS_REVOKED",
        /// 404: no such job, or one of a company that never gave access. `jobId` in the details.
        JobNotFound = "JOB_NOT_FOUND",
        /// 404: no such application of this key. `id` in the details.
        ApplicationNotFound = "APPLICATION_NOT_FOUND",
        /// 409: the job takes no more applications. `jobId` and `status` in the details.
        JobClosed = "JOB_CLOSED",
        /// 409: this own id was used before. For a repetition after 24 hours: the first one was accepted (inferred).
        DuplicateSourceApplicationId = "DUPLICATE_SOURCE_APPLICATION_ID",
        /// 422: [`ServerError::fields`] lists the invalid fields.
        ValidationError = "VALIDATION_ERROR",
        /// 422: a POST without an idempotency key. This client always sends one.
        IdempotencyKeyRequired = "IDEMPOTENCY_KEY_REQUIRED",
        /// 422: the idempotency key was used before with other bytes.
        IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED",
        /// 429: a rate limit is used up; see [`RateScope`].
        RateLimited = "RATE_LIMITED",
        /// 500: an error inside the server.
        InternalError = "INTERNAL_ERROR",
    }
}

impl ErrorCode {
    /// The code of an error, `None` when there was no answer or it has no code.
    pub fn of(error: &Error) -> Option<Self> {
        error.server()?.code.as_deref().map(Self::from)
    }
}

open_enum! {
    /// The code of a refused field (vendor page: errors; the full set is not documented).
    pub enum FieldCode {
        /// Not an e-mail address.
        InvalidEmail = "INVALID_EMAIL",
        /// The consent is not exactly `true`.
        ConsentRequired = "CONSENT_REQUIRED",
    }
}

impl FieldCode {
    /// The code of a refused field.
    pub fn of(field: &FieldError) -> Option<Self> {
        field.code.as_deref().map(Self::from)
    }
}

open_enum! {
    /// The requests that a 429 applies to (vendor page: rate limits).
    pub enum RateScope {
        /// Submissions to one company, `companyId` in the details. Others are not affected.
        PartnerCompany = "partner_company",
        /// All requests of the partner.
        Partner = "partner",
    }
}

impl RateScope {
    /// The scope of a 429, also of one whose wait is longer than the client may sleep ([`Error::Paused`]). A call that was
    /// not sent, because an earlier answer asked to wait, has none.
    pub fn of(error: &Error) -> Option<Self> {
        error.server()?.details.get("scope")?.as_str().map(Self::from)
    }
}

/// What to do after an error with this code, where the general advice does not fit.
pub(super) fn advice(code: &str) -> Option<&'static str> {
    match ErrorCode::from(code) {
        ErrorCode::Unauthorized => Some("the key is wrong, revoked or suspended: stop until it is replaced"),
        ErrorCode::AccessRevoked => Some("the company no longer gives this key access: stop the calls for it"),
        ErrorCode::JobClosed => Some("the job takes no more applications"),
        _ => None,
    }
}

/// The rate bucket of submissions to a company, or to a job whose company is not known.
pub(super) fn submission_bucket(company_or_job: &str) -> String {
    format!("submit/{company_or_job}")
}

/// Reads the common error envelope, and the members that a 429 has in addition.
pub(super) fn read(body: &Fields) -> ServerError {
    let mut error = ServerError::read(body);
    let seconds = body.get::<f64>("retryAfter");
    error.retry_after = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let scope = body.get::<String>("scope").map(RateScope::from);
    // An unknown scope is treated as the whole client.
    error.wait_scope = if scope == Some(RateScope::PartnerCompany) { WaitScope::Bucket } else { WaitScope::Client };
    // Submissions to the same company wait too, also those whose bucket is named after the company and not after the job.
    error.wait_bucket = body.get::<String>("companyId").map(|company| submission_bucket(&company));
    error
}
