//! The providers, one module for each: its client, requests, models and syncs. Nothing here is shared by two providers.

pub mod employjoy;
pub mod fantastic_jobs;
pub mod jobaffinity;
pub mod jobdataapi;
pub mod rest;
