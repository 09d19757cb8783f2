//! Jobs, and the notices of their removal.

use super::{City, Company, Country, JobType, Region};
use crate::json::{DateTime, Decimal, empty_as_none, list, model, open_enum};

model! {
    /// A job, as `/api/jobs/` and `/api/jobs/{id}/` answer it.
    ///
    /// `Debug` shows what identifies the job and leaves out the texts, which may hold contact data of people.
    ///
    /// Fields that the vendor announced without their names (remote work mode, salary estimates and conversions, role
    /// tags, the Markdown description, the embedding) are in [`extra`](Self::extra).
    ///
    /// ```
    /// use jobfeed::jobdataapi::Job;
    ///
    /// let job: Job = serde_json::from_str(r#"{"id": 7, "title": "Baker", "salary_min": "31000", "shift": "night"}"#)?;
    /// assert_eq!(job.title.as_deref(), Some("Baker"));
    /// assert_eq!(job.salary_min.and_then(|salary| salary.to_f64()), Some(31_000.0));
    /// assert_eq!(job.extra["shift"], "night");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub struct Job debug(id, ext_id, title, published, expired) {
        /// The job's permanent number. It grows in the order in which jobs enter the data set, which is not the order in
        /// which they were published (vendor page: ingestion guide).
        id: u64 = required "id",
        /// The job's id at its source, mostly an applicant tracking system (observed).
        ext_id: Option<String> = "ext_id" => empty_as_none,
        /// Who hires (vendor page: ingestion guide). Of the company's own fields the nested form has only a part.
        company: Option<Company> = "company",
        /// The title, without a documented maximum length (observed).
        title: Option<String> = "title",
        /// The place in the words of the ad, may be empty (observed). The places that the vendor recognised in it are in
        /// `cities`, `countries` and `regions`.
        location: Option<String> = "location",
        /// The kinds of employment, such as full time (observed).
        types: Vec<JobType> = "types" => list,
        /// The recognised cities (observed).
        cities: Vec<City> = "cities" => list,
        /// The recognised countries (vendor page: ingestion guide).
        countries: Vec<Country> = "countries" => list,
        /// The regions of the world that those countries are in (observed).
        regions: Vec<Region> = "regions" => list,
        /// Whether the job can be done remotely, at least in part (observed).
        has_remote: Option<bool> = "has_remote",
        /// When the ad was posted, in UTC (observed). The server moves dates in the future to the present (vendor page:
        /// changelog).
        published: Option<DateTime> = "published" => empty_as_none,
        /// When the job was taken down; none while it is open (vendor page: changelog; observed). A job that nobody takes
        /// down expires after 180 days (vendor page: expired jobs).
        expired: Option<DateTime> = "expired" => empty_as_none,
        /// The ad as HTML, may be empty (observed).
        description: Option<String> = "description",
        /// The ad as plain text; only when the request asks for it (observed; vendor page: changelog).
        description_string: Option<String> = "description_string",
        /// How much experience is asked for (observed).
        experience_level: Option<ExperienceLevel> = "experience_level" => empty_as_none,
        /// Where to apply (observed).
        application_url: Option<String> = "application_url" => empty_as_none,
        /// The ad's language, an ISO 639-1 code such as `en` (observed).
        language: Option<String> = "language" => empty_as_none,
        /// The lower end of the salary in `salary_currency` (observed). No field tells the period; that it is a year is
        /// inferred.
        salary_min: Option<Decimal> = "salary_min" => empty_as_none,
        /// The upper end of the salary; see `salary_min`.
        salary_max: Option<Decimal> = "salary_max" => empty_as_none,
        /// The currency of the salary, an ISO 4217 code (observed).
        salary_currency: Option<String> = "salary_currency" => empty_as_none,
    }
}

model! {
    /// A removed job, as `/api/jobsexpired/` answers it.
    ///
    /// The vendor documents the feed but not its records, and no payload has been seen. That a record tells the job's id
    /// and the time of its removal is inferred; look into [`extra`](Self::extra) for the rest.
    pub struct ExpiredJob debug(id, job_id, expired) {
        /// The record's id, which is the job's as well: the path of a single record takes a job's id (vendor page: expired
        /// jobs).
        id: Option<u64> = "id",
        /// The job's id, should the record have it apart from its own (inferred). See [`ExpiredJob::job`].
        job_id: Option<u64> = "job_id",
        /// When the job was taken down (inferred). One in ten to one in five removals is seen some days late (vendor page:
        /// expired jobs).
        expired: Option<DateTime> = "expired" | "expired_at" | "expired_date" => empty_as_none,
    }
}

impl ExpiredJob {
    /// The [`Job::id`] of the job that is gone, as far as the record tells it.
    pub fn job(&self) -> Option<u64> {
        self.job_id.or(self.id)
    }
}

open_enum! {
    /// How much experience a job asks for. The codes are observed, their meanings are from the vendor's salary data set.
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
