//! The events that EmployJoy delivers to a webhook. They are hints: the lists are the truth (vendor page: webhooks).

use serde_json::Value;

use super::{ApplicationStatus, Stage};
use crate::json::{DateTime, empty_as_none, model, open_enum};

model! {
    /// A delivered event (vendor page: webhooks). Verify a delivery before it is parsed.
    ///
    /// Deliveries come at least once and in any order (inferred): keep the ids that are done, and go by
    /// [`Event::created_at`]. `Debug` leaves the data out.
    ///
    /// ```
    /// use jobfeed::employjoy::{CloseReason, Event, EventData};
    ///
    /// let body = br#"{"id":"evt_1","type":"job.closed","data":{"jobId":"job_7","reason":"access_revoked"}}"#;
    /// let event: Event = serde_json::from_slice(body)?;
    /// let EventData::JobClosed(closed) = event.data() else { panic!("another event") };
    /// assert_eq!(closed.reason, Some(CloseReason::AccessRevoked));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub struct Event debug(id, event_type, created_at) {
        /// The event's id, the same at every repetition (vendor page).
        id: String = required "id",
        /// What happened.
        event_type: Option<EventType> = "type" => empty_as_none,
        /// When it happened, not when it was sent (vendor page).
        created_at: Option<DateTime> = "createdAt" => empty_as_none,
        /// The version of the form, `v1` (vendor page).
        api_version: Option<String> = "apiVersion",
        /// The data as they came; [`Event::data`] reads them.
        raw_data: Option<Value> = "data",
    }
}

impl Event {
    /// The data by the type of the event. What is of a type unknown here, or does not fit, comes as
    /// [`EventData::Other`].
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
    /// An application reached its end.
    ApplicationStatusChanged(ApplicationStatusChanged),
    /// A job began to show for this key.
    JobOpened(JobOpened),
    /// A job no longer shows for this key.
    JobClosed(JobClosed),
    /// Anything else, as it came.
    Other(Value),
}

open_enum! {
    /// What happened (vendor page: webhooks).
    pub enum EventType {
        /// An application was accepted or rejected. Other changes are not delivered.
        ApplicationStatusChanged = "application.status_changed",
        /// A job is new, taken out of the archive, or of a company that granted access.
        JobOpened = "job.opened",
        /// A job was closed, or access to it ended.
        JobClosed = "job.closed",
    }
}

model! {
    /// An application reached its end (vendor page: webhooks). `Debug` leaves the partner's own id out.
    pub struct ApplicationStatusChanged debug(application_id, job_id, new_status) {
        /// EmployJoy's id of the application.
        application_id: Option<String> = "applicationId",
        /// The partner's own id, if one was sent.
        source_application_id: Option<String> = "sourceApplicationId" => empty_as_none,
        /// The job.
        job_id: Option<String> = "jobId",
        /// The status before.
        old_status: Option<ApplicationStatus> = "oldStatus" => empty_as_none,
        /// The status now: accepted or rejected.
        new_status: Option<ApplicationStatus> = "newStatus" => empty_as_none,
        /// The stage now.
        current_stage: Option<Stage> = "currentStage" => empty_as_none,
        /// When.
        occurred_at: Option<DateTime> = "occurredAt" => empty_as_none,
    }
}

model! {
    /// A job began to show (vendor page: webhooks). Fetch the whole of it from the list of jobs.
    pub struct JobOpened {
        /// The job.
        job_id: Option<String> = "jobId",
        /// The company.
        company_id: Option<String> = "companyId",
        /// The job's title.
        title: Option<String> = "title",
        /// When.
        opened_at: Option<DateTime> = "openedAt" => empty_as_none,
    }
}

model! {
    /// A job no longer shows (vendor page: webhooks).
    pub struct JobClosed {
        /// The job.
        job_id: Option<String> = "jobId",
        /// The company.
        company_id: Option<String> = "companyId",
        /// Why.
        reason: Option<CloseReason> = "reason" => empty_as_none,
        /// When.
        closed_at: Option<DateTime> = "closedAt" => empty_as_none,
    }
}

open_enum! {
    /// Why a job no longer shows (vendor page: webhooks).
    pub enum CloseReason {
        /// The company closed it.
        ClosedByCustomer = "closed_by_customer",
        /// The company switched this partner's access off.
        AccessRevoked = "access_revoked",
        /// The company fills it without partners.
        InternalSourcingOnly = "internal_sourcing_only",
    }
}

/// Verifies EmployJoy's deliveries: `X-EmployJoy-Signature: t=…,v1=…`, five minutes either way (vendor page: webhooks).
///
/// The secret is taken whole, whatever its prefix.
///
/// ```
/// use jobfeed::{Clock, employjoy};
///
/// // The vendor's own example.
/// let clock = Clock::fixed("2024-05-22T16:00:11Z".parse()?);
/// let verifier = employjoy::verifier("whsec_test_abcdef1234567890")?.clock(clock);
/// let body = br#"{"id":"evt_test","type":"application.status_changed","data":{}}"#;
/// let signature = "t=1716393611,v1=d7b4ed92ded8c3629bad3c1ef456e80e0e7dd4681675693b1684575562da6a12";
/// let mut headers = http::HeaderMap::new();
/// headers.insert("x-employjoy-signature", signature.parse()?);
/// verifier.verify(&headers, body)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`crate::Error::Invalid`] when the secret is empty.
#[cfg(feature = "webhook")]
pub fn verifier(secret: impl Into<secrecy::SecretString>) -> crate::Result<crate::webhook::Verifier> {
    crate::webhook::Verifier::timestamped("x-employjoy-signature", secret)
}
