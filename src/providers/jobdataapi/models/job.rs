//! Jobs and expired jobs.

use super::{City, Company, Country, JobType, Region};
use crate::json::{DateTime, Decimal, empty_as_none, list, model, open_enum};

model! {
    /// A job: the record of `/api/jobs/` and `/api/jobs/{id}/`.
    ///
    /// `Debug` shows the fields that identify the job and omits the texts, which may contain contact data of people.
    ///
    /// Fields that the vendor announced without their names (remote work mode, salary estimates and conversions, role
    /// tags, the Markdown description, the embedding) are in [`extra`](Self::extra).
    ///
    /// ```
    /// use jobfeed::jobdataapi::Job;
    ///
    /// let json = r#"{"id": 7, "salary_min": "31000", "shift": "night"}"#;
    /// let job: Job = serde_json::from_str(json)?;
    /// assert_eq!(job.salary_min.unwrap().to_f64(), Some(31_000.0));
    /// assert_eq!(job.extra["shift"], "night");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub struct Job debug(id, ext_id, title, published, expired) {
        /// The job's permanent id. Ids increase in the order in which jobs are added to the data set, not in the order
        /// of publication (vendor page: ingestion guide).
        id: u64 = required "id",
        /// The job's id at its source, mostly an applicant tracking system (observed).
        ext_id: Option<String> = "ext_id" => empty_as_none,
        /// The hiring company (vendor page: ingestion guide). Inside a job it has only some of its fields.
        company: Option<Company> = "company",
        /// The title, without a documented maximum length (observed).
        title: Option<String> = "title",
        /// The place as free text, may be empty (observed). The places that the vendor recognised in it are in
        /// `cities`, `countries` and `regions`.
        location: Option<String> = "location",
        /// The employment types, such as full time (observed).
        types: Vec<JobType> = "types" => list,
        /// The recognised cities (observed).
        cities: Vec<City> = "cities" => list,
        /// The recognised countries (vendor page: ingestion guide).
        countries: Vec<Country> = "countries" => list,
        /// The regions of the world of those countries (observed).
        regions: Vec<Region> = "regions" => list,
        /// Whether the job can be done remotely, at least in part (observed).
        has_remote: Option<bool> = "has_remote",
        /// When the job was published, in UTC (observed). The server replaces future dates by the present (vendor page:
        /// changelog).
        published: Option<DateTime> = "published" => empty_as_none,
        /// When the job expired; none while it is open (vendor page: changelog; observed). A job that is not removed
        /// earlier expires after 180 days (vendor page: expired jobs).
        expired: Option<DateTime> = "expired" => empty_as_none,
        /// The description as HTML, may be empty (observed).
        description: Option<String> = "description",
        /// The description as plain text, only on request (observed; vendor page: changelog).
        description_string: Option<String> = "description_string",
        /// The required level of experience (observed).
        experience_level: Option<ExperienceLevel> = "experience_level" => empty_as_none,
        /// The URL to apply at (observed).
        application_url: Option<String> = "application_url" => empty_as_none,
        /// The language of the job, an ISO 639-1 code such as `en` (observed).
        language: Option<String> = "language" => empty_as_none,
        /// The minimum salary in `salary_currency` (observed). The period is not given; that it is a year is inferred.
        salary_min: Option<Decimal> = "salary_min" => empty_as_none,
        /// The maximum salary; see `salary_min`.
        salary_max: Option<Decimal> = "salary_max" => empty_as_none,
        /// The currency of the salary, an ISO 4217 code (observed).
        salary_currency: Option<String> = "salary_currency" => empty_as_none,
    }
}

model! {
    /// An expired job: the record of `/api/jobsexpired/`.
    ///
    /// The vendor documents the feed but not its records, and no payload was observed. That a record contains the job's
    /// id and the time of expiry is inferred; other fields are in [`extra`](Self::extra).
    pub struct ExpiredJob debug(id, job_id, expired) {
        /// The record's id; also the job's id, which the path of one record takes (vendor page: expired jobs).
        id: Option<u64> = "id",
        /// The job's id, if the record has it besides its own id (inferred). See [`ExpiredJob::job`].
        job_id: Option<u64> = "job_id",
        /// When it expired (inferred). 10 to 20 percent of removals are seen some days late (vendor page: expired
        /// jobs).
        expired: Option<DateTime> = "expired" | "expired_at" | "expired_date" => empty_as_none,
    }
}

impl ExpiredJob {
    /// The [`Job::id`] of the expired job, if the record has it.
    pub fn job(&self) -> Option<u64> {
        self.job_id.or(self.id)
    }
}

open_enum! {
    /// The required level of experience. The codes are observed; their meanings are from the vendor's salary data set.
    ///
    /// ```
    /// use jobfeed::jobdataapi::ExperienceLevel;
    ///
    /// assert_eq!(ExperienceLevel::from("SE"), ExperienceLevel::Senior);
    /// assert_eq!(ExperienceLevel::from("XX").as_str(), "XX");
    /// ```
    pub enum ExperienceLevel {
        /// Entry level, junior: `EN`.
        Entry = "EN",
        /// Intermediate: `MI`.
        Mid = "MI",
        /// Senior, expert: `SE`.
        Senior = "SE",
        /// Executive, director: `EX`.
        Executive = "EX",
    }
}
