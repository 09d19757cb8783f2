//! The errors of the API: their codes, and how far a rate limit reaches.

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
    /// let api = Client::builder().api_key("pek_test_wrong").base_url(server.base_url()).build()?;
    /// let error = api.jobs().send().await.unwrap_err();
    /// assert_eq!(ErrorCode::of(&error), Some(ErrorCode::Unauthorized));
    /// # Ok(()) }
    /// ```
    pub enum ErrorCode {
        /// 401: no key, a wrong, revoked or suspended one, or one whose rotation is over. Stop until it is replaced.
        Unauthorized = "UNAUTHORIZED",
        /// 403: the key had access to the company once; it was switched off. `companyId` in the details.
        AccessRevoked = "ACCESS_REVOKED",
        /// 404: no such job, or one of a company that never gave access. `jobId` in the details.
        JobNotFound = "JOB_NOT_FOUND",
        /// 404: no such application of this key. `id` in the details.
        ApplicationNotFound = "APPLICATION_NOT_FOUND",
        /// 409: the job takes no more applications. `jobId` and `status` in the details.
        JobClosed = "JOB_CLOSED",
        /// 409: the partner's own id was used before. When the same submission is sent again after more than 24 hours, this
        /// says that the first one got through (inferred).
        DuplicateSourceApplicationId = "DUPLICATE_SOURCE_APPLICATION_ID",
        /// 422: [`ServerError::fields`] names the fields.
        ValidationError = "VALIDATION_ERROR",
        /// 422: a POST without a key. This client always sends one.
        IdempotencyKeyRequired = "IDEMPOTENCY_KEY_REQUIRED",
        /// 422: the key was used with other bytes.
        IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED",
        /// 429: a bucket is empty.
        RateLimited = "RATE_LIMITED",
        /// 500: the server's own fault.
        InternalError = "INTERNAL_ERROR",
    }
}

impl ErrorCode {
    /// The code of an error, `None` when there was no answer or it has none.
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
    /// What a 429 applies to (vendor page: rate limits).
    pub enum RateScope {
        /// Submissions to one company, `companyId` in the details. Others go on.
        PartnerCompany = "partner_company",
        /// Everything of the partner.
        Partner = "partner",
    }
}

impl RateScope {
    /// The scope of a 429. A wait that is longer than the client may sleep comes as [`Error::Paused`], which has none.
    pub fn of(error: &Error) -> Option<Self> {
        error.server()?.details.get("scope")?.as_str().map(Self::from)
    }
}

/// The common envelope, and the members that a 429 has beside it.
pub(super) fn read(body: &Fields) -> ServerError {
    let mut error = ServerError::read(body);
    let seconds = body.get::<f64>("retryAfter");
    error.retry_after = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let scope = body.get::<String>("scope").map(RateScope::from);
    // What is not known to be narrow is taken to be wide.
    error.wait_scope = if scope == Some(RateScope::PartnerCompany) { WaitScope::Bucket } else { WaitScope::Client };
    error
}
