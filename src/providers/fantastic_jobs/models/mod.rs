//! The response models of Fantastic.jobs.
//!
//! There is no complete public example of a current row, so all fields but the id may be null or absent, and fields
//! that are not listed here are in `extra`. The server omits fields that were not requested. The field names of the
//! older RapidAPI product are read too. Names and texts are unchanged, including spaces at the start and end.

mod ids;
mod job;
mod organization;
mod readers;

pub use ids::{Count, ExpiredId};
pub use job::{ActiveAtsJob, ActiveJbJob, ModifiedAtsJob};
pub use organization::Organization;
pub use readers::{Place, Salary};
