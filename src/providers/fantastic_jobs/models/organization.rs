//! Organizations.

use crate::json::{empty_as_none, model};

model! {
    /// An organization. The vendor describes the content but not the field names, which are **unknown**. So only the
    /// few that it names are typed; everything else is in [`extra`](Self::extra).
    pub struct Organization {
        /// The name (inferred).
        name: Option<String> = "name" => empty_as_none,
        /// The internet domain (inferred).
        domain: Option<String> = "domain" => empty_as_none,
        /// The LinkedIn slug, equal to `org_linkedin_slug` of the rows (inferred).
        slug: Option<String> = "slug" | "org_linkedin_slug" | "linkedin_slug" => empty_as_none,
    }
}
