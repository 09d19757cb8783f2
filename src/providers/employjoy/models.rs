//! Jobs and applications, as the lists answer them.

use crate::json::{DateTime, Decimal, empty_as_none, list, model, open_enum};

model! {
    /// An open job (vendor page: jobs). The API has no description, no URL and no posting date.
    ///
    /// ```
    /// use jobfeed::employjoy::Job;
    ///
    /// let job: Job = serde_json::from_str(r#"{"id": "job_7", "title": "Baker", "schedule": "night_shift", "perk": 1}"#)?;
    /// assert_eq!(job.schedule.unwrap().as_str(), "night_shift");
    /// assert_eq!(job.extra["perk"], 1);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub struct Job {
        /// The job's stable id (vendor page). Opaque.
        id: String = required "id",
        /// The title (vendor page).
        title: Option<String> = "title",
        /// Who hires (vendor page).
        company: Option<Company> = "company",
        /// Where (vendor page).
        location: Option<Location> = "location",
        /// What is paid (vendor page).
        compensation: Option<Compensation> = "compensation",
        /// Full time, part time and the like (vendor page; an open set).
        schedule: Option<Schedule> = "schedule" => empty_as_none,
        /// Always open in this version: closed jobs are in no list (vendor page).
        status: Option<JobStatus> = "status" => empty_as_none,
        /// How many are wanted (vendor page).
        headcount: Option<Headcount> = "headcount",
        /// When it was made (vendor page).
        created_at: Option<DateTime> = "createdAt" => empty_as_none,
        /// When it last changed (vendor page).
        updated_at: Option<DateTime> = "updatedAt" => empty_as_none,
        /// The questions that an application answers; null and none are the same (vendor page; inferred).
        application_form_schema: Vec<Question> = "applicationFormSchema" => list,
    }
}

model! {
    /// A company that granted access (vendor page). Only ever seen inside a job.
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
    /// What is paid (vendor page).
    pub struct Compensation {
        /// What the numbers are for: an hour, in this version (vendor page).
        kind: Option<CompensationKind> = "type" => empty_as_none,
        /// The least, in whole units of the currency, decimals allowed (vendor page).
        min: Option<Decimal> = "min" => empty_as_none,
        /// The most.
        max: Option<Decimal> = "max" => empty_as_none,
        /// The currency's code (vendor page).
        currency: Option<String> = "currency",
    }
}

model! {
    /// How many are wanted (vendor page).
    pub struct Headcount {
        /// All; none when it is not set.
        total: Option<u64> = "total",
        /// Those hired so far.
        filled: Option<u64> = "filled",
    }
}

model! {
    /// A question of a job, to be answered in [`NewApplication`](super::NewApplication) (vendor page).
    pub struct Question {
        /// Its key among the answers.
        key: Option<String> = "key",
        /// Its text.
        label: Option<String> = "label",
        /// The type of the answer.
        kind: Option<QuestionKind> = "type" => empty_as_none,
        /// Whether an answer is asked for. Whether the server refuses an application without one is not documented.
        required: Option<bool> = "required",
    }
}

model! {
    /// An application of this partner key and what became of it (vendor page: applications). Holds no data of the
    /// candidate but the partner's own id; `Debug` leaves that out.
    pub struct Application debug(id, job_id, status) {
        /// EmployJoy's id of it (vendor page). Opaque.
        id: String = required "id",
        /// The partner's own id, if one was sent (vendor page).
        source_application_id: Option<String> = "sourceApplicationId" => empty_as_none,
        /// The job (vendor page).
        job_id: Option<String> = "jobId",
        /// How far it is (vendor page).
        status: Option<ApplicationStatus> = "status" => empty_as_none,
        /// The stage's label for people (vendor page; an open set).
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
        /// It no longer does. Not in lists; in the details of an error (vendor page: errors).
        Closed = "closed",
    }
}

open_enum! {
    /// How much of the week a job takes (vendor page; an open set).
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
    /// What the amounts of a compensation are for (vendor page).
    pub enum CompensationKind {
        /// One hour.
        Hourly = "hourly",
    }
}

open_enum! {
    /// The type of an answer (vendor page; others are not shown).
    pub enum QuestionKind {
        /// Yes or no.
        Boolean = "boolean",
    }
}

open_enum! {
    /// How far an application is (vendor page).
    pub enum ApplicationStatus {
        /// Submitted.
        Received = "received",
        /// Being evaluated.
        InProgress = "in_progress",
        /// Hired. An end.
        Accepted = "accepted",
        /// Not selected. An end.
        Rejected = "rejected",
    }
}

open_enum! {
    /// The stage of an application, as people are shown it (vendor page; an open set).
    pub enum Stage {
        /// Just submitted.
        InitialOutreach = "Initial Outreach",
        /// The video interview is awaited, or under way.
        VideoInterview = "Video Interview",
        /// The video is being looked at.
        UnderReview = "Under Review",
        /// The last decision is being made.
        FinalReview = "Final Review",
        /// Hired.
        Hired = "Hired",
        /// Not selected.
        Closed = "Closed",
    }
}
