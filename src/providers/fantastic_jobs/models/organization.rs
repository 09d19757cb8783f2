//! Organizations.

use crate::json::{empty_as_none, model};

model! {
    /// An organization. The vendor describes the content in prose and the field names are **unknown**, so only the few that
    /// are named there are fields; everything else is in [`extra`](Self::extra).
    pub struct Organization {
        /// The name (inferred).
        name: Option<String> = "name" => empty_as_none,
        /// The internet domain (inferred).
        domain: Option<String> = "domain" => empty_as_none,
        /// The LinkedIn slug, the key to `org_linkedin_slug` of the rows (inferred).
        slug: Option<String> = "slug" | "org_linkedin_slug" | "linkedin_slug" => empty_as_none,
    }
}
