//! The options that the sync examples share.

use clap::Args;
use jobfeed::jiff::civil::Date;
use jobfeed::jobdataapi::{self, ExpiredJobsRequest, JobsRequest};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The base URL of the API, or of a compatible server.
    #[arg(long, default_value = "https://jobdataapi.com/api/")]
    pub(crate) base_url: String,
    /// The SQLite file.
    #[arg(long, default_value = "jobs.sqlite3")]
    pub(crate) db: String,
    /// Records on a page, 1 to 5000.
    #[arg(long, default_value_t = 1000)]
    pub(crate) page_size: u32,
    /// Stop after about this many records. The next start continues there.
    #[arg(long)]
    pub(crate) limit: Option<u64>,
    /// Country codes, such as US,CA.
    #[arg(long, value_delimiter = ',')]
    pub(crate) country_code: Vec<String>,
    /// The first publication day of the first run, YYYY-MM-DD.
    #[arg(long)]
    pub(crate) since: Option<Date>,
    /// The API key.
    #[arg(env = "JOBDATA_API_KEY", long, hide_env_values = true, value_name = "KEY, OR SET JOBDATA_API_KEY")]
    pub(crate) api_key: String,
}

impl Options {
    fn client(&self) -> jobfeed::Result<jobdataapi::Client> {
        jobdataapi::Client::builder().api_key(self.api_key.as_str()).base_url(&self.base_url).build()
    }

    pub(crate) fn jobs(&self) -> jobfeed::Result<JobsRequest> {
        let jobs = self.client()?.jobs().page_size(self.page_size);
        Ok(if self.country_code.is_empty() { jobs } else { jobs.country_codes(&self.country_code) })
    }

    #[allow(dead_code, reason = "not every example takes jobs down")]
    pub(crate) fn expired_jobs(&self) -> jobfeed::Result<ExpiredJobsRequest> {
        let jobs = self.client()?.expired_jobs().page_size(self.page_size);
        Ok(if self.country_code.is_empty() { jobs } else { jobs.country_codes(&self.country_code) })
    }
}
