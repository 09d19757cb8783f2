//! Webhook events of EmployJoy. They are hints; the lists are authoritative (vendor page: webhooks).

use serde_json::Value;

use super::{ApplicationStatus, Stage};
use crate::json::{DateTime, empty_as_none, model, open_enum};

model! {
    /// A delivered event (vendor page: webhooks). Verify a delivery before you parse it.
    ///
    /// An event is delivered at least once, and events in any order (inferred): store the ids of processed events, and
    /// use [`Event::created_at`] for the order. `Debug` omits the data.
    ///
    /// ```
    /// use jobfeed::employjoy::{CloseReason, Event, EventData};
    ///
    /// let data = r#"{"jobId":"job_7","reason":"access_revoked"}"#;
    /// let body = format!(r#"{{"id":"evt_1","type":"job.closed","data":{data}}}"#);
    /// let event: Event = serde_json::from_str(&body)?;
    /// let EventData::JobClosed(closed) = event.data() else { panic!() };
    /// assert_eq!(closed.reason, Some(CloseReason::AccessRevoked));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub struct Event debug(id, event_type, created_at) {
        /// The event's id, the same in every repetition (vendor page).
        id: String = required "id",
        /// What happened.
        event_type: Option<EventType> = "type" => empty_as_none,
        /// When it happened, not when it was sent (vendor page).
        created_at: Option<DateTime> = "createdAt" => empty_as_none,
        /// The version of the event format, `v1` (vendor page).
        api_version: Option<String> = "apiVersion",
        /// The data as JSON; [`Event::data`] decodes it.
        raw_data: Option<Value> = "data",
    }
}

impl Event {
    /// The data, decoded by the event's type. [`EventData::Other`] when the type is unknown or the data does not fit.
    pub fn data(&self) -> EventData {
        let raw = || self.raw_data.clone().unwrap_or_default();
        let typed = match &self.event_type {
            Some(EventType::ApplicationStatusChanged) => {
                serde_json::from_value(raw()).map(EventData::ApplicationStatusChanged)
            }
            Some(EventType::JobOpened) => serde_json::from_value(raw()).map(EventData::JobOpened),
            Some(EventType::JobClosed) => serde_json::from_value(raw()).map(EventData::JobClosed),
            _ => return EventData::Other(raw()),
        };
        typed.unwrap_or_else(|_| EventData::Other(raw()))
    }
}

/// The data of an event.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum EventData {
    /// An application was accepted or rejected.
    ApplicationStatusChanged(ApplicationStatusChanged),
    /// A job became visible to this key.
    JobOpened(JobOpened),
    /// A job is no longer visible to this key.
    JobClosed(JobClosed),
    /// Any other data, as JSON.
    Other(Value),
}

open_enum! {
    /// What happened (vendor page: webhooks).
    pub enum EventType {
        /// An application was accepted or rejected. Other changes are not delivered.
        ApplicationStatusChanged = "application.status_changed",
        /// A job is new, was restored from the archive, or its company granted access.
        JobOpened = "job.opened",
        /// A job was closed, or access to it ended.
        JobClosed = "job.closed",
    }
}

model! {
    /// An application was accepted or rejected (vendor page: webhooks). `Debug` omits the partner's own id.
    pub struct ApplicationStatusChanged debug(application_id, job_id, new_status) {
        /// EmployJoy's id of the application.
        application_id: Option<String> = "applicationId",
        /// The partner's own id, if one was sent.
        source_application_id: Option<String> = "sourceApplicationId" => empty_as_none,
        /// The id of the job.
        job_id: Option<String> = "jobId",
        /// The status before.
        old_status: Option<ApplicationStatus> = "oldStatus" => empty_as_none,
        /// The status now: accepted or rejected.
        new_status: Option<ApplicationStatus> = "newStatus" => empty_as_none,
        /// The stage now.
        current_stage: Option<Stage> = "currentStage" => empty_as_none,
        /// When it happened.
        occurred_at: Option<DateTime> = "occurredAt" => empty_as_none,
    }
}

model! {
    /// A job became visible (vendor page: webhooks). The list of jobs has the complete record.
    pub struct JobOpened {
        /// The id of the job.
        job_id: Option<String> = "jobId",
        /// The id of the company.
        company_id: Option<String> = "companyId",
        /// The job's title.
        title: Option<String> = "title",
        /// When it became visible.
        opened_at: Option<DateTime> = "openedAt" => empty_as_none,
    }
}

model! {
    /// A job is no longer visible (vendor page: webhooks).
    pub struct JobClosed {
        /// The id of the job.
        job_id: Option<String> = "jobId",
        /// The id of the company.
        company_id: Option<String> = "companyId",
        /// The reason.
        reason: Option<CloseReason> = "reason" => empty_as_none,
        /// When it ceased to be visible.
        closed_at: Option<DateTime> = "closedAt" => empty_as_none,
    }
}

open_enum! {
    /// Why a job is no longer visible (vendor page: webhooks).
    pub enum CloseReason {
        /// The company closed it.
        ClosedByCustomer = "closed_by_customer",
        /// The company revoked this partner's access.
        AccessRevoked = "access_revoked",
        /// The company recruits for it without partners.
        InternalSourcingOnly = "internal_sourcing_only",
    }
}

/// Verifies deliveries: `X-EmployJoy-Signature: t=…,v1=…`, at most five minutes old or ahead (vendor page: webhooks).
///
/// The whole secret is the key, including any prefix.
///
/// ```
/// use jobfeed::{Clock, employjoy};
///
/// // The vendor's own example.
/// let clock = Clock::fixed("2024-05-22T16:00:11Z".parse()?);
/// let verifier = employjoy::verifier("whsec_test_abcdef1234567890")?;
/// let body =
///     r#"{"id":"evt_test","type":"application.status_changed","data":{}}"#;
/// let signature = "t=1716393611,\
///     v1=d7b4ed92ded8c3629bad3c1ef456e80e0e7dd4681675693b1684575562da6a12";
/// let mut headers = http::HeaderMap::new();
/// headers.insert("x-employjoy-signature", signature.parse()?);
/// verifier.clock(clock).verify(&headers, body.as_bytes())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`crate::Error::Invalid`] when the secret is empty.
#[cfg(feature = "webhook")]
pub fn verifier(secret: impl Into<secrecy::SecretString>) -> crate::error::Result<crate::client::webhook::Verifier> {
    crate::client::webhook::Verifier::timestamped("x-employjoy-signature", secret)
}
