//! Submissions of applications: the typed body, its idempotency key and bytes, and the request.

use bytes::Bytes;
use http::HeaderValue;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;
use uuid::Uuid;

use super::ApplicationStatus;
use super::errors::{ErrorCode, submission_bucket};
use crate::client::{ApiRequest, Client, read_single, setters};
use crate::error::{Error, Result};
use crate::json::{DateTime, debug_fields, empty_as_none, model};

/// The server keeps keys for 24 hours (vendor page: applications). A submission older than this value needs an own id.
const KEY_LIFETIME: SignedDuration = SignedDuration::from_hours(23);

/// The person who applies. Personal data: `Debug` shows none of it.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    first_name: String,
    last_name: String,
    email: String,
    phone: String,
}

impl Candidate {
    /// First and last name (1 to 100 characters each), e-mail address, phone number, best in E.164 form (vendor page).
    pub fn new(
        first_name: impl Into<String>,
        last_name: impl Into<String>,
        email: impl Into<String>,
        phone: impl Into<String>,
    ) -> Self {
        let (first_name, last_name) = (first_name.into(), last_name.into());
        Self { first_name, last_name, email: email.into(), phone: phone.into() }
    }
}

debug_fields!(Candidate());

/// An application to submit. `Debug` shows the job id and nothing of the candidate.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use]
pub struct NewApplication {
    job_id: String,
    candidate: Candidate,
    consent_to_contact: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_application_id: Option<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    application_form_answers: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resume_url: Option<String>,
    #[serde(skip)]
    company_id: Option<String>,
    #[serde(skip)]
    key: Option<String>,
}

impl NewApplication {
    /// An application to the job with this id. It is refused without [`NewApplication::consent_to_contact`].
    pub fn new(job_id: impl Into<String>, candidate: Candidate) -> Self {
        Self {
            job_id: job_id.into(),
            candidate,
            consent_to_contact: false,
            source: None,
            source_application_id: None,
            application_form_answers: Map::new(),
            resume_url: None,
            company_id: None,
            key: None,
        }
    }

    /// The answer to a question of the job, under the question's key (vendor page).
    pub fn answer(mut self, key: impl Into<String>, answer: impl Into<Value>) -> Self {
        self.application_form_answers.insert(key.into(), answer.into());
        self
    }
}

setters! { NewApplication {
    /// Whether the candidate agreed to be contacted by text message and e-mail. It must be `true` (vendor page).
    consent_to_contact(yes: bool) => consent_to_contact = yes;
    /// The source of the candidate, such as `indeed`; at most 100 characters (vendor specification).
    source(source: impl Into<String>) => source = Some(source.into());
    /// Your own id of the application, 1 to 128 characters, unique for each partner (vendor page). Always set it: after
    /// 24 hours it alone prevents a second application, and you can find the application in the list by it.
    source_application_id(id: impl Into<String>) => source_application_id = Some(id.into());
    /// The URL of the résumé. The server fetches it later; if that fails, the application is still valid (vendor page).
    resume_url(url: impl Into<String>) => resume_url = Some(url.into());
    /// The company of the job. It is not sent. The server's rate limit counts by company, and so does the client if
    /// this is set; otherwise the client counts by job.
    company_id(id: impl Into<String>) => company_id = Some(id.into());
    /// Your own idempotency key, a UUID (vendor page), instead of a random one: one key for one application.
    idempotency_key(key: impl Into<String>) => key = Some(key.into());
} }

impl NewApplication {
    pub(super) fn submission(self, now: Timestamp) -> Result<Submission> {
        self.validate()?;
        let key = match &self.key {
            Some(key) => Uuid::try_parse(key).map_err(|_| refused("idempotency key", "a UUID"))?,
            None => Uuid::new_v4(),
        };
        let body = serde_json::to_string(&self).map_err(|_| refused("application", "JSON-compatible data"))?;
        Ok(Submission {
            key,
            body,
            prepared_at: now,
            bucket: submission_bucket(self.company_id.as_ref().unwrap_or(&self.job_id)),
            unique: self.source_application_id.is_some(),
        })
    }

    /// Lengths are counted in characters; the vendor does not document the unit.
    fn validate(&self) -> Result<()> {
        let length = |what, text: &str, min: usize, max: usize| {
            let fits = (min..=max).contains(&text.chars().count()) && (min == 0 || !text.trim().is_empty());
            let rule = format!("{min} to {max} characters");
            if fits { Ok(()) } else { Err(Error::invalid(what, "(hidden)", rule)) }
        };
        if self.job_id.trim().is_empty() {
            return Err(Error::invalid("jobId", self.job_id.as_str(), "an id from the list of jobs"));
        }
        length("candidate.firstName", &self.candidate.first_name, 1, 100)?;
        length("candidate.lastName", &self.candidate.last_name, 1, 100)?;
        let at = self.candidate.email.trim().split_once('@');
        if !at.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty()) {
            return Err(refused("candidate.email", "an e-mail address"));
        }
        if self.candidate.phone.trim().is_empty() {
            return Err(refused("candidate.phone", "a phone number"));
        }
        if !self.consent_to_contact {
            return Err(Error::invalid("consentToContact", "false", "true: the candidate's consent is required"));
        }
        length("source", self.source.as_deref().unwrap_or_default(), 0, 100)?;
        if let Some(id) = &self.source_application_id {
            length("sourceApplicationId", id, 1, 128)?;
        }
        if self.company_id.as_ref().is_some_and(|id| id.trim().is_empty()) {
            return Err(Error::invalid("company_id", "", "a text that is not empty"));
        }
        match self.resume_url.as_deref().map(Url::parse) {
            Some(Ok(url)) if url.has_host() => Ok(()),
            Some(_) => Err(refused("resumeUrl", "an absolute URL")),
            None => Ok(()),
        }
    }
}

fn refused(what: &str, rule: &str) -> Error {
    Error::invalid(what, "(hidden)", rule)
}

debug_fields!(NewApplication(job_id));

/// An application ready to send: the idempotency key and the exact bytes, made once by [`super::Client::prepare`].
///
/// The server recognises a repetition only by the same key and bytes (vendor page). Keep it until the submission is
/// accepted; serde can write it for a later process. **It contains personal data**; `Debug` shows none.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    key: Uuid,
    body: String,
    prepared_at: Timestamp,
    bucket: String,
    unique: bool,
}

impl Submission {
    /// The `Idempotency-Key`.
    pub fn idempotency_key(&self) -> String {
        self.key.to_string()
    }

    /// The body, as it is sent. It contains personal data.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// When it was prepared, by the client's clock.
    pub fn prepared_at(&self) -> Timestamp {
        self.prepared_at
    }

    fn request(&self) -> Result<ApiRequest> {
        let mut request = ApiRequest::post("applications", Bytes::from(self.body.clone()));
        let key = HeaderValue::try_from(self.key.to_string()).map_err(|_| refused("idempotency key", "a UUID"))?;
        request.headers.insert("idempotency-key", key);
        request.idempotent = true;
        request.bucket = Some(self.bucket.clone());
        request.private = true;
        Ok(request)
    }
}

debug_fields!(Submission(key, prepared_at));

/// The request of a submission.
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before `send`"]
pub struct SubmitRequest {
    client: Client,
    submission: Submission,
}

impl SubmitRequest {
    pub(super) fn new(client: Client, submission: Submission) -> Self {
        Self { client, submission }
    }

    /// Sends it. Connection errors, timeouts, 429 and 5xx are retried with the same key and the same bytes. A redirect
    /// is not followed.
    ///
    /// When the server knows the `sourceApplicationId` already and this submission may have been received before, it is
    /// [`SubmissionOutcome::AlreadySubmitted`], not an error.
    ///
    /// # Errors
    /// [`Error::Status`] with the server's code in [`Error::server`] (see [`super::ErrorCode`]), without the server's
    /// text, which may repeat personal data. [`Error::Paused`] when the server asks for a longer wait: send it again
    /// later. [`Error::Invalid`] for a submission older than 23 hours without a `sourceApplicationId`, which the server
    /// might accept a second time: search the list for it, and prepare it again if it is not there.
    pub async fn send(self) -> Result<SubmissionOutcome> {
        let Self { client, submission } = self;
        let age = client.clock().now().duration_since(submission.prepared_at);
        if age > KEY_LIFETIME && !submission.unique {
            let rule = "at most 23 hours, or an application with a sourceApplicationId; search the list for it first";
            return Err(Error::invalid("age of the submission", format!("{} hours", age.as_hours()), rule));
        }
        let request = submission.request()?;
        let sent = client.call("employjoy/submit", &request, &|status| status.is_success(), read_single).await;
        match sent {
            Ok(submitted) => Ok(SubmissionOutcome::Accepted(submitted)),
            // With the same key and bytes the server repeats its first reply for 24 hours. So this submission was sent
            // before when an attempt of this call may have arrived, or when the server no longer has the key.
            Err(error) if is_duplicate(&error) && (age > KEY_LIFETIME || is_uncertain(&error)) => {
                Ok(SubmissionOutcome::AlreadySubmitted)
            }
            Err(error) => Err(error),
        }
    }
}

fn is_duplicate(error: &Error) -> bool {
    ErrorCode::of(error) == Some(ErrorCode::DuplicateSourceApplicationId)
}

/// Whether an attempt before the last one may have been received.
fn is_uncertain(error: &Error) -> bool {
    matches!(error, Error::Status { call, .. } if call.uncertain)
}

/// What became of a submission that the server has.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SubmissionOutcome {
    /// The server's reply: to this call, or to an earlier one with the same key and bytes.
    Accepted(Submitted),
    /// The server has an application with this `sourceApplicationId`, and does not send its reply again. It is the one of
    /// this submission, which was sent before: an answer was lost in this call, or it is older than 23 hours (inferred;
    /// it is another one if you used the id for two applications). Its id is in the list of applications.
    AlreadySubmitted,
}

impl SubmissionOutcome {
    /// The reply, `None` when the application was submitted before and the server does not repeat its reply.
    pub fn submitted(self) -> Option<Submitted> {
        match self {
            Self::Accepted(submitted) => Some(submitted),
            Self::AlreadySubmitted => None,
        }
    }
}

model! {
    /// The reply to a submission (vendor page: applications), with fewer fields than an
    /// [`Application`](super::Application). A repetition gets the same reply. `Debug` omits the partner's own id.
    pub struct Submitted debug(id, job_id, status) {
        /// EmployJoy's id of the application (vendor page).
        id: String = required "id",
        /// The partner's own id, if one was sent (vendor page).
        source_application_id: Option<String> = "sourceApplicationId" => empty_as_none,
        /// The id of the job (vendor page).
        job_id: Option<String> = "jobId",
        /// The status (vendor page).
        status: Option<ApplicationStatus> = "status" => empty_as_none,
        /// When the application was created (vendor page).
        created_at: Option<DateTime> = "createdAt" => empty_as_none,
    }
}
