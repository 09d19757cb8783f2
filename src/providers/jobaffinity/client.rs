//! The client of JobAffinity.

use std::time::Duration;

use http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::apply::{ApplicationForm, ApplyRequest, CanApplyRequest};
use super::endpoint::{EndpointSpec, ListEndpoint, MAX_PAGE_SIZE};
use super::models::{Application, Candidate, Job, Process, Profile, Root, Team, Written};
use super::requests::{
    self, CandidateApplicationsRequest, CandidatesRequest, FollowRequest, JobApplicationsRequest, JobsRequest,
    NotesRequest, ProcessesRequest, StepsRequest, WebhookTasksRequest,
};
use crate::client::{
    ApiRequest, Check, ClientBuilder, Credentials, DownloadRequest, GetRequest, LimitScope, Provider, RateLimit,
    WriteRequest,
};
use crate::error::{AnswerError, Error, FieldError, Result, ServerError, is_code};
use crate::json::{BodyProblem, Fields};

/// A client of JobAffinity. Cheap to clone; all clients in the process with the same host share one rate limit.
#[derive(Debug, Clone)]
pub struct Client {
    core: crate::client::Client,
}

impl Provider for Client {
    const BASE_URL: &'static str = "https://jobaffinity.fr/restapi/v1/";
    /// 45 requests a minute (vendor page). The interval is slightly more than 60 s / 45, so that the server does not
    /// count 46 in a minute when a slow request is followed by a fast one.
    const RATE_LIMIT: RateLimit = RateLimit::every(Duration::from_millis(1_340));
    /// The limit applies to the IP address, independent of the credentials (vendor page).
    const LIMIT_SCOPE: LimitScope = LimitScope::Host;
    /// No header of a 429 is documented, and the limit is per minute.
    const THROTTLED_WAIT: Option<Duration> = Some(Duration::from_secs(60));
    const CHECK: Option<Check> = Some(check);

    fn server_error(body: &Fields) -> ServerError {
        let mut error = ServerError::read(body);
        error.code = error.code.or_else(|| body.get("_status").filter(|code: &String| is_code(code)));
        let invalid = error.details.get("invalid").and_then(Value::as_object);
        // Its shape is not documented. The names of parameters can be shown, but the messages may contain their values.
        let names = invalid.into_iter().flat_map(|fields| fields.keys()).filter(|name| is_code(name));
        let refused: Vec<FieldError> =
            names.map(|field| FieldError { field: field.clone(), ..FieldError::default() }).collect();
        error.fields.extend(refused);
        error
    }

    fn advice(status: StatusCode, _: Option<&ServerError>) -> Option<&'static str> {
        match status {
            StatusCode::UNAUTHORIZED => Some("check the login and the password"),
            StatusCode::FORBIDDEN => Some("check what this API user may read and do; the vendor's support sets it"),
            _ => None,
        }
    }

    fn from_core(core: crate::client::Client) -> Self {
        Self { core }
    }
}

/// Every response has a `_status`; `INVALID` is an error although the HTTP status is 200 (vendor page: responses).
fn check(body: &Fields) -> Result<(), AnswerError> {
    match body.raw("_status") {
        None | Some("null" | "\"OK\"") => Ok(()),
        Some("\"INVALID\"") => Err(BodyProblem::ErrorObject.into()),
        Some(other) => {
            let shown: String = other.chars().filter(char::is_ascii_alphanumeric).take(20).collect();
            Err(AnswerError::shape(format!("`_status` is neither OK nor INVALID: {shown}")))
        }
    }
}

fn credentials(login: &SecretString, password: SecretString) -> Result<Credentials> {
    if password.expose_secret().is_empty() {
        return Err(Error::invalid("password", "(empty)", "a text that is not empty"));
    }
    Credentials::basic(login.expose_secret(), password)
}

impl ClientBuilder<Client> {
    /// Login and password, sent by HTTP Basic authentication (vendor page). They come from the vendor's support.
    pub fn login(self, login: impl Into<SecretString>, password: impl Into<SecretString>) -> Self {
        self.try_credentials(credentials(&login.into(), password.into()))
    }
}

impl Client {
    /// A client with the provider's defaults.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the login or the password is empty, or the login contains a colon.
    pub fn new(login: impl Into<SecretString>, password: impl Into<SecretString>) -> Result<Self> {
        Self::builder().login(login, password).build()
    }

    /// A builder, to change the defaults.
    pub fn builder() -> ClientBuilder<Self> {
        ClientBuilder::default()
    }

    /// Replaces login and password while this client and its clones are in use. Every attempt that begins afterwards uses the new ones.
    ///
    /// # Errors
    /// [`Error::Invalid`] as for [`Client::new`], and when a [`CredentialSource`](crate::CredentialSource) gives this client its
    /// credentials.
    pub fn replace_login(&self, login: impl Into<SecretString>, password: impl Into<SecretString>) -> Result<()> {
        self.core.replace_credentials(credentials(&login.into(), password.into())?)
    }

    fn get<T: DeserializeOwned + Send + 'static>(&self, name: &'static str, path: String) -> GetRequest<T> {
        GetRequest::new(self.core.clone(), name, path)
    }

    /// A resource with personal data: errors contain nothing of the response.
    fn get_private<T: DeserializeOwned + Send + 'static>(&self, name: &'static str, path: String) -> GetRequest<T> {
        let request = ApiRequest { private: true, ..ApiRequest::get(path) };
        GetRequest::of(self.core.clone(), name, request)
    }

    /// The root: the version of the API and its entry points. Read it once a day, see [`Root`].
    pub fn root(&self) -> GetRequest<Root> {
        // The root has no slash at its end (vendor page), but the base URL has.
        let path = self.core.base_url().path().trim_end_matches('/').to_owned();
        self.get("jobaffinity/root", if path.is_empty() { "/".to_owned() } else { path })
    }

    /// The jobs that the API user may see.
    pub fn jobs(&self) -> JobsRequest {
        JobsRequest::new(&self.core, paged(&requests::JOBS, "job"))
    }

    /// One job with all its fields.
    pub fn job(&self, id: u64) -> GetRequest<Job> {
        self.get("jobaffinity/job", format!("job/{id}"))
    }

    /// The applications of a job.
    pub fn job_applications(&self, job: u64) -> JobApplicationsRequest {
        JobApplicationsRequest::new(&self.core, paged(&requests::JOB_APPLICATIONS, format!("job/{job}/application")))
    }

    /// The users who work on a job.
    pub fn job_team(&self, job: u64) -> GetRequest<Team> {
        self.get_private("jobaffinity/job-team", format!("job/{job}/team"))
    }

    /// The candidates that the API user may see, with all their fields.
    pub fn candidates(&self) -> CandidatesRequest {
        CandidatesRequest::new(&self.core, paged(&requests::CANDIDATES, "candidate"))
    }

    /// One candidate.
    pub fn candidate(&self, id: u64) -> GetRequest<Candidate> {
        self.get_private("jobaffinity/candidate", format!("candidate/{id}"))
    }

    /// The applications of a candidate.
    pub fn candidate_applications(&self, candidate: u64) -> CandidateApplicationsRequest {
        CandidateApplicationsRequest::new(
            &self.core,
            paged(&requests::CANDIDATE_APPLICATIONS, format!("candidate/{candidate}/application")),
        )
    }

    /// One application.
    pub fn application(&self, id: u64) -> GetRequest<Application> {
        self.get_private("jobaffinity/application", format!("application/{id}"))
    }

    /// The profile that the service extracted from the CV of an application.
    pub fn profile(&self, application: u64) -> GetRequest<Profile> {
        self.get_private("jobaffinity/profile", format!("application/{application}/profile"))
    }

    /// The recruitment processes.
    pub fn processes(&self) -> ProcessesRequest {
        // Not paginated, so without a page size.
        ProcessesRequest::new(&self.core, ListEndpoint::new(&requests::PROCESSES, "process", None))
    }

    /// One process with its steps.
    pub fn process(&self, id: u64) -> GetRequest<Process> {
        self.get("jobaffinity/process", format!("process/{id}"))
    }

    /// The step changes of all applications. The only feed over all jobs.
    pub fn steps(&self) -> StepsRequest {
        StepsRequest::new(&self.core, paged(&requests::STEPS, "step"))
    }

    /// The notes.
    pub fn notes(&self) -> NotesRequest {
        NotesRequest::new(&self.core, paged(&requests::NOTES, "note"))
    }

    /// The history of the calls that the service made to your webhook.
    pub fn webhook_tasks(&self) -> WebhookTasksRequest {
        WebhookTasksRequest::new(&self.core, paged(&requests::WEBHOOK_TASKS, "webhook/task"))
    }

    /// Moves an application to a step of its process. The response has no id of the change; after
    /// [`Error::OutcomeUnknown`] read the application and check its current step.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an id of 0.
    pub fn add_step(&self, application: u64, process_step: u64) -> Result<WriteRequest<Written>> {
        check_id("application_id", application)?;
        check_id("process_step_id", process_step)?;
        let body = json!({ "application_id": application, "process_step_id": process_step });
        Ok(self.post("jobaffinity/add-step", "step", &body))
    }

    /// Adds a note on a candidate, visible to the users of the organisation ([`Job::organisation`]). The text may
    /// contain basic HTML; the server removes scripts and styles (vendor page). The response has no id of the note;
    /// after [`Error::OutcomeUnknown`] read the notes.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an id of 0 or an empty text.
    pub fn add_note(&self, candidate: u64, organisation: u64, text: &str) -> Result<WriteRequest<Written>> {
        check_id("candidate_id", candidate)?;
        check_id("organisation_id", organisation)?;
        if text.trim().is_empty() {
            return Err(Error::invalid("text", "(empty)", "a text that is not empty"));
        }
        let body = json!({ "candidate_id": candidate, "organisation_id": organisation, "text": text });
        Ok(self.post("jobaffinity/add-note", "note", &body))
    }

    /// A `POST` with personal data.
    fn post(&self, name: &'static str, path: &str, body: &Value) -> WriteRequest<Written> {
        let request = ApiRequest { private: true, ..ApiRequest::post(path, body.to_string()) };
        WriteRequest::new(self.core.clone(), name, request)
    }

    /// Applies for a job at its `apply_url`, unchanged from the customer's job feed; building this URL is forbidden
    /// (vendor page). No credentials are sent, because the URL itself gives access.
    pub fn apply(&self, apply_url: &str, form: ApplicationForm) -> ApplyRequest {
        ApplyRequest::new(self.core.clone(), apply_url, form)
    }

    /// Whether a job can still be applied for. Sends a `HEAD` request to the `apply_url`, without credentials.
    pub fn can_apply(&self, apply_url: &str) -> CanApplyRequest {
        CanApplyRequest::new(self.core.clone(), apply_url)
    }

    /// Downloads a file that a response links to: the CV of an application ([`Application::latest_cv_url`]), or a URL
    /// of a [`Profile`].
    ///
    /// Credentials go to links below the base URL only: other links, such as those of a [`Profile`], are presigned
    /// (vendor page: profile; [`DownloadRequest::with_credentials`] sends them all the same). A link or redirect to
    /// another origin is an error, unless [`DownloadRequest::other_origins`] allows it, without credentials.
    pub fn download(&self, link: &str) -> DownloadRequest {
        DownloadRequest::new(self.core.clone(), "jobaffinity/download", link)
    }

    /// The resource of a `_self` or other link, as any type. The vendor may change all URLs except the root without a
    /// new version, so follow links instead of building URLs. Nothing is sent to another origin: that is an error.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use jobfeed::jobaffinity::{self, Application, Job};
    ///
    /// # let server = jobfeed::testing::JobAffinity::builder().jobs(3).start().await?;
    /// # let api = server.client().build()?;
    /// let first = api.jobs().page_size(1).send().await?.items.remove(0);
    /// let link = first.self_link.unwrap_or_default();
    /// let job: Job = api.follow(&link).send().await?;
    /// let link = job.applications.and_then(|link| link.url).unwrap_or_default();
    /// let page = api.follow_list::<Application>(&link).send().await?;
    /// assert!(page.items.iter().all(|item| item.id.is_some()));
    /// # Ok(()) }
    /// ```
    pub fn follow<T: DeserializeOwned + Send + 'static>(&self, link: &str) -> GetRequest<T> {
        self.get_private("jobaffinity/follow", link.to_owned())
    }

    /// The list of a link in a response, such as the applications of a job or the candidates of a pool.
    pub fn follow_list<T: DeserializeOwned + Send + 'static>(&self, link: &str) -> FollowRequest<T> {
        FollowRequest::new(&self.core, ListEndpoint::new(&requests::FOLLOW, link, None))
    }
}

/// An endpoint with a page size. The default is the largest page, because the rate limit counts requests.
fn paged(spec: &'static EndpointSpec, path: impl Into<String>) -> ListEndpoint {
    ListEndpoint::new(spec, path, Some(MAX_PAGE_SIZE))
}

fn check_id(name: &str, id: u64) -> Result<()> {
    if id == 0 { Err(Error::invalid(name, "0", "1 or more")) } else { Ok(()) }
}
