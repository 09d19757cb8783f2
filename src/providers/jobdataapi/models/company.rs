//! Companies.

use super::{CompanyType, Industry};
use crate::json::{empty_as_none, model, one_or_many};

model! {
    /// A company, as it stands in a job, in `/api/companies/` and in `/api/companies/{id}/`.
    ///
    /// The `info_` fields come only from the company endpoints (observed). These also tell the headquarters, the size, the
    /// founding year, the specialties and job counts (vendor page: companies; changelog), under names that are not known:
    /// they are in [`extra`](Self::extra). `Debug` leaves out the description and the accounts.
    pub struct Company debug(id, source_id, name, is_agency) {
        /// The company's number (observed).
        id: Option<u64> = "id",
        /// The number of the data source, mostly an applicant tracking system, that the company's jobs come from (vendor
        /// page: changelog of API 1.17.1).
        source_id: Option<u64> = "source_id",
        /// The name (observed).
        name: Option<String> = "name",
        /// The URL of the logo (observed).
        logo: Option<String> = "logo" => empty_as_none,
        /// The company's own site (observed).
        website_url: Option<String> = "website_url" => empty_as_none,
        /// The page at `LinkedIn` (observed).
        linkedin_url: Option<String> = "linkedin_url" => empty_as_none,
        /// The account at Twitter, without the address (observed).
        twitter_handle: Option<String> = "twitter_handle" => empty_as_none,
        /// The page at GitHub (observed).
        github_url: Option<String> = "github_url" => empty_as_none,
        /// Whether it recruits for others (observed). Their jobs are left out of a listing that does not ask for them
        /// (inferred).
        is_agency: Option<bool> = "is_agency",
        /// What the company says about itself (observed).
        info_description: Option<String> = "info_description",
        /// The kind of company. It was observed as one object and later as a list.
        info_type: Vec<CompanyType> = "info_type" => one_or_many,
        /// The industry. Observed as one object; a list is read too, because `info_type` became one.
        info_industry: Vec<Industry> = "info_industry" => one_or_many,
    }
}
