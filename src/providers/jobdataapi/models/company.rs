//! Companies.

use super::{CompanyType, Industry};
use crate::json::{empty_as_none, model, one_or_many};

model! {
    /// A company: part of a job, and the record of `/api/companies/` and `/api/companies/{id}/`.
    ///
    /// Only the company endpoints return the `info_` fields (observed). They also return the headquarters, the size,
    /// the founding year, the specialties and job counts (vendor page: companies; changelog). The names of those are
    /// not known: they are in [`extra`](Self::extra). `Debug` omits the description and the accounts.
    pub struct Company debug(id, source_id, name, is_agency) {
        /// The company's id (observed).
        id: Option<u64> = "id",
        /// The id of the data source of the company's jobs, mostly an applicant tracking system (vendor page: changelog
        /// of API 1.17.1).
        source_id: Option<u64> = "source_id",
        /// The name (observed).
        name: Option<String> = "name",
        /// The URL of the logo (observed).
        logo: Option<String> = "logo" => empty_as_none,
        /// The company's own website (observed).
        website_url: Option<String> = "website_url" => empty_as_none,
        /// The company's page on `LinkedIn` (observed).
        linkedin_url: Option<String> = "linkedin_url" => empty_as_none,
        /// The account name on Twitter, not a URL (observed).
        twitter_handle: Option<String> = "twitter_handle" => empty_as_none,
        /// The company's page on GitHub (observed).
        github_url: Option<String> = "github_url" => empty_as_none,
        /// Whether it recruits for others (observed). Jobs of agencies are listed only on request (inferred).
        is_agency: Option<bool> = "is_agency",
        /// The company's description of itself (observed).
        info_description: Option<String> = "info_description",
        /// The types of the company. Observed as one object, and later as a list.
        info_type: Vec<CompanyType> = "info_type" => one_or_many,
        /// The industries. Observed as one object; a list is accepted too, because `info_type` changed to one.
        info_industry: Vec<Industry> = "info_industry" => one_or_many,
    }
}
