//! Which subscription may call what.

use super::query::{Params, SLICING};
use crate::testing::reply::Reply;

const FORBIDDEN: &str = "You do not have permission to perform this action.";
/// Filters of the job list that need the pro subscription.
const PRO_FILTERS: [&str; 2] = ["description", "company_source_id"];

/// The subscription of the API key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Subscription {
    /// No key: 20 rows of the list, whatever `page` and `page_size` say, and about 10 requests an hour.
    Anonymous,
    /// No slicing parameters, only the window of the last 90 days.
    Lite,
    /// Everything that does not need [`Subscription::Pro`].
    #[default]
    Access,
    /// Expired jobs, the list of companies, tags, `description` and `company_source_id` as well.
    Pro,
    /// As [`Subscription::Pro`].
    Ultra,
}

impl Subscription {
    /// Refuses what this subscription does not include with status 403. `single`: one record is asked for, not the list.
    pub(super) fn check(
        self,
        params: Params<'_>,
        resource: &str,
        single: bool,
        lite_ignores_slicing: bool,
    ) -> Result<(), Reply> {
        let pro = matches!(self, Self::Pro | Self::Ultra);
        if !pro && matches!((resource, single), ("jobsexpired" | "tags", _) | ("companies", false)) {
            return Err(Reply::detail(403, FORBIDDEN));
        }
        if resource != "jobs" || single {
            return Ok(());
        }
        let mut refused = (!pro).then(|| params.has_any(&PRO_FILTERS)).flatten();
        if self == Self::Lite && !lite_ignores_slicing {
            refused = refused.or_else(|| params.has_any(&SLICING));
        }
        match refused {
            Some(name) => Err(Reply::detail(403, &format!("{FORBIDDEN} Your subscription does not include `{name}`."))),
            None => Ok(()),
        }
    }
}
