//! The models of jobs and applications.

use crate::json::{DateTime, Decimal, empty_as_none, list, model, open_enum};

model! {
    /// An open job (vendor page: jobs). The API has no description, no URL and no posting date.
    ///
    /// ```
    /// use jobfeed::employjoy::Job;
    ///
    /// let json = r#"{"id": "job_7", "schedule": "night_shift", "perk": 1}"#;
    /// let job: Job = serde_json::from_str(json)?;
    /// assert_eq!(job.schedule.unwrap().as_str(), "night_shift");
    /// assert_eq!(job.extra["perk"], 1);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub struct Job {
        /// The job's stable id (vendor page). Opaque.
        id: String = required "id",
        /// The title (vendor page).
        title: Option<String> = "title",
        /// The company that hires (vendor page).
        company: Option<Company> = "company",
        /// The place of work (vendor page).
        location: Option<Location> = "location",
        /// The pay (vendor page).
        compensation: Option<Compensation> = "compensation",
        /// Full time, part time or similar (vendor page; an open set).
        schedule: Option<Schedule> = "schedule" => empty_as_none,
        /// Always open in this version: closed jobs are not listed (vendor page).
        status: Option<JobStatus> = "status" => empty_as_none,
        /// The number of people to hire (vendor page).
        headcount: Option<Headcount> = "headcount",
        /// When the job was created (vendor page).
        created_at: Option<DateTime> = "createdAt" => empty_as_none,
        /// When it last changed (vendor page).
        updated_at: Option<DateTime> = "updatedAt" => empty_as_none,
        /// The questions that an application answers; null means none (vendor page; inferred).
        application_form_schema: Vec<Question> = "applicationFormSchema" => list,
    }
}

model! {
    /// A company that granted access (vendor page). It occurs only inside a job.
    pub struct Company {
        /// Its id (vendor page). Opaque.
        id: Option<String> = "id" => empty_as_none,
        /// Its name (vendor page).
        name: Option<String> = "name",
    }
}

model! {
    /// A place (vendor page). The code sets are not specified.
    pub struct Location {
        /// The city.
        city: Option<String> = "city",
        /// The state, in the example a code of two letters.
        state: Option<String> = "state",
        /// The country, in the example a code of two letters.
        country: Option<String> = "country",
    }
}

model! {
    /// The pay (vendor page).
    pub struct Compensation {
        /// The unit of time: one hour, in this version (vendor page).
        kind: Option<CompensationKind> = "type" => empty_as_none,
        /// The minimum, in whole units of the currency, decimals allowed (vendor page).
        min: Option<Decimal> = "min" => empty_as_none,
        /// The maximum, in the same unit.
        max: Option<Decimal> = "max" => empty_as_none,
        /// The currency's code (vendor page).
        currency: Option<String> = "currency",
    }
}

model! {
    /// The number of people to hire (vendor page).
    pub struct Headcount {
        /// The total; none when it is not set.
        total: Option<u64> = "total",
        /// Hired so far.
        filled: Option<u64> = "filled",
    }
}

model! {
    /// A question of a job, to be answered in [`NewApplication`](super::NewApplication) (vendor page).
    pub struct Question {
        /// The key of its answer.
        key: Option<String> = "key",
        /// Its text.
        label: Option<String> = "label",
        /// The type of the answer.
        kind: Option<QuestionKind> = "type" => empty_as_none,
        /// Whether an answer is required. Whether the server refuses an application without one is not documented.
        required: Option<bool> = "required",
    }
}

model! {
    /// An application of this partner key and its status (vendor page: applications). It contains no data of the
    /// candidate except the partner's own id; `Debug` omits that.
    pub struct Application debug(id, job_id, status) {
        /// EmployJoy's id of the application (vendor page). Opaque.
        id: String = required "id",
        /// The partner's own id, if one was sent (vendor page).
        source_application_id: Option<String> = "sourceApplicationId" => empty_as_none,
        /// The id of the job (vendor page).
        job_id: Option<String> = "jobId",
        /// The status (vendor page).
        status: Option<ApplicationStatus> = "status" => empty_as_none,
        /// The stage, a text for display (vendor page; an open set).
        current_stage: Option<Stage> = "currentStage" => empty_as_none,
        /// When it was submitted (vendor page).
        submitted_at: Option<DateTime> = "submittedAt" => empty_as_none,
        /// When its status last changed (vendor page).
        last_status_change_at: Option<DateTime> = "lastStatusChangeAt" => empty_as_none,
    }
}

open_enum! {
    /// The status of a job (vendor page).
    pub enum JobStatus {
        /// It takes applications.
        Open = "open",
        /// It takes no more applications. Not in lists; in the details of an error (vendor page: errors).
        Closed = "closed",
    }
}

open_enum! {
    /// The working time or contract (vendor page; an open set).
    pub enum Schedule {
        /// Full time.
        FullTime = "full_time",
        /// Part time.
        PartTime = "part_time",
        /// By contract.
        Contract = "contract",
    }
}

open_enum! {
    /// The unit of time of a compensation (vendor page).
    pub enum CompensationKind {
        /// Per hour.
        Hourly = "hourly",
    }
}

open_enum! {
    /// The type of an answer (vendor page; it shows no others).
    pub enum QuestionKind {
        /// Yes or no.
        Boolean = "boolean",
    }
}

open_enum! {
    /// The status of an application (vendor page).
    pub enum ApplicationStatus {
        /// Submitted.
        Received = "received",
        /// Being evaluated.
        InProgress = "in_progress",
        /// Hired. Final.
        Accepted = "accepted",
        /// Not selected. Final.
        Rejected = "rejected",
    }
}

open_enum! {
    /// The stage of an application, a text for display (vendor page; an open set).
    pub enum Stage {
        /// Just submitted.
        InitialOutreach = "Initial Outreach",
        /// The video interview is to be done or in progress.
        VideoInterview = "Video Interview",
        /// The video is being reviewed.
        UnderReview = "Under Review",
        /// The final decision is being made.
        FinalReview = "Final Review",
        /// Hired.
        Hired = "Hired",
        /// Not selected.
        Closed = "Closed",
    }
}
