//! Rows of the two active feeds and of the modified feed.

use serde_json::{Map, Value};

use super::ids::{optional_id, row_id};
use super::readers::{Place, Salary};
use crate::json::{DateTime, Decimal, empty_as_none, list, model};

/// Declares a row: the fields that all rows have, then the fields of one feed.
macro_rules! job {
    ($(#[$meta:meta])* struct $name:ident { $($own:tt)* }) => {
        model! {
            $(#[$meta])*
            pub struct $name debug(id, date_created, title, source) {
                /// The id, 64 bits. The older product sent a string. Whether an id can occur in both feeds is unknown,
                /// so store the feed with it.
                id: u64 = required "id" => row_id,
                /// When the row was indexed, UTC. Always set, and never decreases (vendor page). All syncs use it.
                date_created: Option<DateTime> = "date_created" => empty_as_none,
                /// When the ad was posted, UTC. Often midnight; may be before or after `date_created`.
                date_posted: Option<DateTime> = "date_posted" => empty_as_none,
                /// When the ad expires.
                date_valid_through: Option<DateTime> = "date_valid_through" | "date_validthrough" => empty_as_none,
                /// The title.
                title: Option<String> = "title",
                /// The URL of the ad; unique for each row (vendor page).
                url: Option<String> = "url" => empty_as_none,
                /// The employer, as the source writes it.
                organization: Option<String> = "organization",
                /// The employer's page.
                organization_url: Option<String> = "organization_url" => empty_as_none,
                /// The employer's logo.
                organization_logo: Option<String> = "organization_logo" => empty_as_none,
                /// `ats` or `jobboard`.
                source_type: Option<String> = "source_type" => empty_as_none,
                /// The ATS or the job board, such as `greenhouse` or `linkedin`.
                source: Option<String> = "source" => empty_as_none,
                /// The host of the ad.
                source_domain: Option<String> = "source_domain" => empty_as_none,
                /// The employer's name in the source's URLs.
                source_slug: Option<String> = "source_slug" => empty_as_none,
                /// The places of the ad's structured data, unchanged. See [`Self::places`].
                locations: Option<Value> = "locations" | "locations_raw",
                /// `TELECOMMUTE`, or absent.
                location_type: Option<String> = "location_type" => empty_as_none,
                /// Where applicants must be, unchanged; the shape is unknown.
                location_requirements: Option<Value> = "location_requirements" | "location_requirements_raw",
                /// The salary of the ad's structured data, unchanged. See [`Self::salary`].
                raw_salary: Option<Value> = "salary" | "salary_raw",
                /// Kinds of employment in the ad's structured data.
                employment_type: Vec<String> = "employment_type" => list,
                /// Recognised cities, full English names.
                cities_derived: Vec<String> = "cities_derived" => list,
                /// Recognised counties.
                counties_derived: Vec<String> = "counties_derived" => list,
                /// Recognised regions.
                regions_derived: Vec<String> = "regions_derived" => list,
                /// Recognised countries.
                countries_derived: Vec<String> = "countries_derived" => list,
                /// Recognised places as "City, Region, Country".
                locations_derived: Vec<String> = "locations_derived" => list,
                /// IANA time zones.
                timezones_derived: Vec<String> = "timezones_derived" => list,
                /// Latitudes in degrees, in the order of the places.
                lats_derived: Vec<Option<f64>> = "lats_derived" => list,
                /// Longitudes in degrees, in the order of the places.
                lngs_derived: Vec<Option<f64>> = "lngs_derived" => list,
                /// The description as text; only when requested.
                description_text: Option<String> = "description_text",
                /// The description as HTML, not sanitised; only when requested.
                description_html: Option<String> = "description_html",
                /// The salary's currency, ISO 4217. All fields that begin with `ai` are extracted by a model.
                ai_salary_currency: Option<String> = "ai_salary_currency" => empty_as_none,
                /// The salary, if it is one amount.
                ai_salary_value: Option<Decimal> = "ai_salary_value" => empty_as_none,
                /// The lower bound of the salary.
                ai_salary_min_value: Option<Decimal> = "ai_salary_min_value" | "ai_salary_minvalue" => empty_as_none,
                /// The upper bound of the salary.
                ai_salary_max_value: Option<Decimal> = "ai_salary_max_value" | "ai_salary_maxvalue" => empty_as_none,
                /// The time unit of the salary: `HOUR`, `DAY`, `WEEK`, `MONTH` or `YEAR`.
                ai_salary_unit_text: Option<String> = "ai_salary_unit_text" | "ai_salary_unittext" => empty_as_none,
                /// Benefits.
                ai_benefits: Vec<String> = "ai_benefits" => list,
                /// Key skills.
                ai_key_skills: Vec<String> = "ai_key_skills" => list,
                /// Keywords.
                ai_keywords: Vec<String> = "ai_keywords" => list,
                /// Categories; the first one is the primary.
                ai_taxonomies_a: Vec<String> = "ai_taxonomies_a" => list,
                /// Education.
                ai_education: Vec<String> = "ai_education" | "ai_education_requirements" => list,
                /// Kinds of employment, such as `FULL_TIME`.
                ai_employment_type: Vec<String> = "ai_employment_type" => list,
                /// Where remote workers may work.
                ai_remote_location: Vec<String> = "ai_remote_location" => list,
                /// Where remote workers may work, as recognised places.
                ai_remote_location_derived: Vec<String> = "ai_remote_location_derived" => list,
                /// Years of experience, such as `2-5`.
                ai_experience_level: Option<String> = "ai_experience_level" => empty_as_none,
                /// `On-site`, `Hybrid`, `Remote OK`, `Remote Solely`.
                ai_work_arrangement: Option<String> = "ai_work_arrangement" => empty_as_none,
                /// Days in the office each week.
                ai_work_arrangement_office_days: Option<Decimal> = "ai_work_arrangement_office_days" => empty_as_none,
                /// Hours a week.
                ai_working_hours: Option<Decimal> = "ai_working_hours" => empty_as_none,
                /// The language of the ad.
                ai_job_language: Option<String> = "ai_job_language" => empty_as_none,
                /// What the job is about.
                ai_core_responsibilities: Option<String> = "ai_core_responsibilities" => empty_as_none,
                /// The requirements.
                ai_requirements_summary: Option<String> = "ai_requirements_summary" => empty_as_none,
                /// Whether a visa is sponsored.
                ai_visa_sponsorship: Option<bool> = "ai_visa_sponsorship",
                /// **Personal data**: the hiring manager's name.
                ai_hiring_manager_name: Option<String> = "ai_hiring_manager_name" => empty_as_none,
                /// **Personal data**: the hiring manager's e-mail address.
                ai_hiring_manager_email_address: Option<String> = "ai_hiring_manager_email_address" => empty_as_none,
                /// The employer's LinkedIn slug, equal to the slug of its organization. ATS rows have the other
                /// `org_linkedin` fields only when requested.
                org_linkedin_slug: Option<String> = "org_linkedin_slug" | "linkedin_org_slug" => empty_as_none,
                /// The number of employees.
                org_linkedin_headcount: Option<Decimal> = "org_linkedin_headcount" | "linkedin_org_employees" => empty_as_none,
                /// The number of followers.
                org_linkedin_followers: Option<Decimal> = "org_linkedin_followers" | "linkedin_org_followers" => empty_as_none,
                /// The website.
                org_linkedin_website: Option<String> = "org_linkedin_website" | "linkedin_org_url" => empty_as_none,
                /// Slogan.
                org_linkedin_slogan: Option<String> = "org_linkedin_slogan" | "linkedin_org_slogan" => empty_as_none,
                /// Industry.
                org_linkedin_industry: Option<String> = "org_linkedin_industry" | "linkedin_org_industry" => empty_as_none,
                /// Headquarters.
                org_linkedin_headquarters: Option<String> = "org_linkedin_headquarters" | "linkedin_org_headquarters" => empty_as_none,
                /// Legal form.
                org_linkedin_type: Option<String> = "org_linkedin_type" | "linkedin_org_type" => empty_as_none,
                /// The description of the employer.
                org_linkedin_description: Option<String> = "org_linkedin_description" | "linkedin_org_description" => empty_as_none,
                /// Size, such as `11-50 employees`.
                org_linkedin_size: Option<String> = "org_linkedin_size" | "linkedin_org_size" => empty_as_none,
                /// The year of foundation.
                org_linkedin_founded_date: Option<String> = "org_linkedin_founded_date" | "linkedin_org_foundeddate" => empty_as_none,
                /// The employer's specialties.
                org_linkedin_specialties: Vec<String> = "org_linkedin_specialties" | "linkedin_org_specialties" => list,
                /// The employer's locations.
                org_linkedin_locations: Vec<String> = "org_linkedin_locations" | "linkedin_org_locations" => list,
                /// Whether it is a recruitment agency.
                org_linkedin_recruitment_agency_derived: Option<bool> = "org_linkedin_recruitment_agency_derived" | "linkedin_org_recruitment_agency_derived",
                $($own)*
            }
        }

        impl $name {
            /// The salary of the ad's structured data, as far as it can be read.
            pub fn salary(&self) -> Option<Salary> {
                Salary::read(self.raw_salary.as_ref()?)
            }

            /// The places of the ad's structured data, as far as they can be read.
            pub fn places(&self) -> Vec<Place> {
                self.locations.as_ref().map(Place::read_all).unwrap_or_default()
            }
        }
    };
}

/// The fields of the ATS feed, active and modified.
macro_rules! ats_job {
    ($(#[$meta:meta])* struct $name:ident) => {
        job! {
            $(#[$meta])*
            struct $name {
                /// The employer's internet domain.
                domain_derived: Option<String> = "domain_derived" => empty_as_none,
                /// Further places in the ad.
                locations_alt: Option<Value> = "locations_alt" | "locations_alt_raw",
                /// When the row was last edited, UTC. Filled over `6m` and on the modified feed.
                date_modified: Option<DateTime> = "date_modified" => empty_as_none,
                /// The names of the edited fields.
                modified_fields: Vec<String> = "modified_fields" => list,
                /// The employer's name on LinkedIn; only when requested.
                org_linkedin_name: Option<String> = "org_linkedin_name" | "linkedin_org_name" => empty_as_none,
                /// Crunchbase categories; only when requested.
                org_crunchbase_categories: Vec<String> = "org_crunchbase_categories" => list,
                /// Total funding in USD; only when requested.
                org_crunchbase_total_investment: Option<Decimal> = "org_crunchbase_total_investment" => empty_as_none,
                /// A permanent link to the logo; only when requested.
                org_logo_permalink: Option<String> = "org_logo_permalink" => empty_as_none,
            }
        }
    };
}

ats_job! {
    /// A row of the ATS feed. `Debug` shows `id`, `date_created`, `title` and `source` only.
    ///
    /// ```
    /// use jobfeed::fantastic_jobs::ActiveAtsJob;
    ///
    /// let raw = r#"{"id": "70", "date_created": "2026-09-12T23:22:43", "x": 2}"#;
    /// let job: ActiveAtsJob = serde_json::from_str(raw)?;
    /// let created = job.date_created.and_then(|at| at.timestamp());
    /// assert_eq!(created, "2026-09-12T23:22:43Z".parse().ok());
    /// assert_eq!((job.id, job.extra["x"].as_i64()), (70, Some(2)));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    struct ActiveAtsJob
}

ats_job! {
    /// An edited row of the ATS feed: the current row, with the names of the fields that changed.
    struct ModifiedAtsJob
}

job! {
    /// A row of the job-board feed. `Debug` shows `id`, `date_created`, `title` and `source` only.
    struct ActiveJbJob {
        /// LinkedIn's id of the ad, which differs from `id`.
        linkedin_id: Option<u64> = "linkedin_id" => optional_id,
        /// The seniority level by LinkedIn's names.
        seniority: Option<String> = "seniority" => empty_as_none,
        /// Whether the application form is on the job board itself.
        direct_apply: Option<bool> = "direct_apply" | "directapply",
        /// Whether the ATS feed has the job too. The vendor's comparison is incomplete.
        ats_duplicate: Option<bool> = "ats_duplicate",
        /// The URL of an application form outside the job board.
        external_apply_url: Option<String> = "external_apply_url" => empty_as_none,
        /// **Personal data**: the recruiter.
        recruiter_name: Option<String> = "recruiter_name" => empty_as_none,
        /// **Personal data**: the recruiter's title.
        recruiter_title: Option<String> = "recruiter_title" => empty_as_none,
        /// **Personal data**: the recruiter's page.
        recruiter_url: Option<String> = "recruiter_url" => empty_as_none,
    }
}

impl ModifiedAtsJob {
    /// The changed fields only, from the row's JSON text (see [`crate::Page::rows`]). A field that was not requested,
    /// such as a description, is not in the row and not in the result: do not change its column.
    ///
    /// ```
    /// use jobfeed::fantastic_jobs::ModifiedAtsJob;
    ///
    /// let raw = r#"{"id": 7, "title": "Baker", "modified_fields": ["title"]}"#;
    /// let job: ModifiedAtsJob = serde_json::from_str(raw)?;
    /// let changed = job.changed(raw);
    /// assert_eq!(changed.len(), 1);
    /// assert_eq!(changed["title"], "Baker");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn changed(&self, raw: &str) -> Map<String, Value> {
        let mut fields: Map<String, Value> = serde_json::from_str(raw).unwrap_or_default();
        fields.retain(|name, _| self.modified_fields.iter().any(|field| field == name));
        fields
    }
}
