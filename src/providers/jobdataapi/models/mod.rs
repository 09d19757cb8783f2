//! What jobdataapi.com answers with.
//!
//! The vendor publishes no complete response, so each field says where its meaning comes from: a *vendor page* (by its
//! subject), *observed* (in public clients of the API and their payloads) or *inferred*. Only [`Job::id`] is required.
//! Every other value may be null or absent, and what has no field here is in `extra` under the API's own name.
//!
//! Text is never changed; [`fix_mojibake`](crate::value::fix_mojibake) is there for the wrongly decoded texts that this
//! API has been seen to send.

mod company;
mod job;
mod reference;

pub use company::Company;
pub use job::{ExperienceLevel, ExpiredJob, Job};
pub use reference::{City, CompanyType, Country, CurrencyRate, Industry, JobType, NamedId, Region, State, Tag};
