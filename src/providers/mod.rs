//! One folder for each provider: everything that one API needs and nothing that another does.

pub mod employjoy;
pub mod fantastic_jobs;
pub mod jobaffinity;
pub mod jobdataapi;
