//! The response models of jobdataapi.com.
//!
//! The vendor publishes no complete response, so each field has the source of its meaning: a *vendor page* (with its
//! subject), *observed* (in public clients of the API and their payloads) or *inferred*. Only [`Job::id`] is required.
//! Every other value may be null or absent. Fields without a place in the model are in `extra` under the API's name.
//!
//! Text is never changed. This API was observed to send wrongly decoded text;
//! [`fix_mojibake`](crate::value::fix_mojibake) repairs it.

mod company;
mod job;
mod reference;

pub use company::Company;
pub use job::{ExperienceLevel, ExpiredJob, Job};
pub use reference::{City, CompanyType, Country, CurrencyRate, Industry, JobType, NamedId, Region, State, Tag};
