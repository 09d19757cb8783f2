//! The endpoints of each provider, one after the other: new postings come before removals, so that what is to be removed is there.

use futures::future::{FutureExt, ready};
use jobfeed::fantastic_jobs::{self, Depth};
use jobfeed::http::StatusCode;
use jobfeed::jiff::ToSpan;
use jobfeed::jobaffinity::{self, JobStatus};
use jobfeed::posting::Posting;
use jobfeed::{BoxError, Checkpoint, Credentials, employjoy, jobdataapi};
use serde_json::Value;

use super::board::posting;
use super::config;
use super::pipeline::Pipeline;
use super::report::EndpointReport;
use super::table::Feeds;
use super::task::{Change, Changes, Task};

/// How long before the first run postings may have expired: they expire after 180 days at the latest.
const OLDEST_DAYS: i64 = 180;

pub(crate) async fn jobdataapi(
    pipeline: &Pipeline,
    provider: &config::JobDataApi,
    feeds: &mut Feeds,
    reports: &mut Vec<EndpointReport>,
) {
    let api = || -> Result<jobdataapi::Client, BoxError> {
        let builder = jobdataapi::Client::builder().api_key(pipeline.secret(&provider.api_key_env)?);
        pipeline.client(builder, provider.base_url.as_ref())
    };
    let api = api();
    let ids = feeds.entry("jobs".to_owned()).or_default();
    if let Some(schedule) = provider.jobs {
        let task = Task::new(pipeline, "jobdataapi", "jobs", "jobs", schedule.every, ids);
        reports.push(match &api {
            Ok(api) => {
                let run = api.jobs().page_size(500).sync_by_id(task.key.as_str(), pipeline.store.clone()).await;
                task.drive(run, Vec::new(), |jobs: &[jobdataapi::Job]| ready(Ok(Change::all(jobs))).boxed()).await
            }
            Err(error) => task.failed(&**error),
        });
    }
    if let Some(schedule) = provider.expired {
        let task = Task::new(pipeline, "jobdataapi", "expired", "jobs", schedule.every, ids);
        reports.push(match &api {
            Ok(api) => {
                let since = pipeline.clock.today().saturating_sub(OLDEST_DAYS.days());
                let sync = api.expired_jobs().sync_expired(task.key.as_str(), pipeline.store.clone());
                let removals = |jobs: &[jobdataapi::ExpiredJob]| -> Changes {
                    Ok(jobs.iter().filter_map(|job| Some(Change::Remove(job.job()?.to_string()))).collect())
                };
                task.drive(sync.since(since).await, Vec::new(), move |jobs| ready(removals(jobs)).boxed()).await
            }
            Err(error) => task.failed(&**error),
        });
    }
}

pub(crate) async fn fantastic_jobs(
    pipeline: &Pipeline,
    provider: &config::FantasticJobs,
    feeds: &mut Feeds,
    reports: &mut Vec<EndpointReport>,
) {
    let api = || -> Result<fantastic_jobs::Client, BoxError> {
        let builder = fantastic_jobs::Client::builder().api_key(pipeline.secret(&provider.api_key_env)?);
        pipeline.client(builder, provider.base_url.as_ref())
    };
    let (api, store) = (api(), pipeline.store.clone());
    let ids = feeds.entry("ats".to_owned()).or_default();
    if let Some(schedule) = provider.ats {
        let task = Task::new(pipeline, "fantastic_jobs", "ats", "ats", schedule.every, ids);
        reports.push(match &api {
            Ok(api) => {
                // The first run buys the week in which no row has expired; later runs go on from its end.
                let state = store.load(&task.key).await;
                let sync = match state {
                    Ok(Some(state)) if state.watermark().is_some() => {
                        api.active_ats().sync_hourly(task.key.as_str(), store.clone())
                    }
                    _ => api.active_ats().backfill(task.key.as_str(), store.clone(), Depth::Week),
                };
                let run = sync.max_jobs(provider.max_jobs).await;
                let changes = |rows: &[fantastic_jobs::ActiveAtsJob]| -> Changes { Ok(Change::all(rows)) };
                task.drive(run, Vec::new(), move |rows| ready(changes(rows)).boxed()).await
            }
            Err(error) => task.failed(&**error),
        });
    }
    if let Some(schedule) = provider.ats_expired {
        let task = Task::new(pipeline, "fantastic_jobs", "ats_expired", "ats", schedule.every, ids);
        let task = task.with_early_removals();
        reports.push(match &api {
            Ok(api) => {
                let run = api.expired_ats().sync_expired(task.key.as_str(), store.clone()).await;
                let removals = |rows: &[fantastic_jobs::ExpiredId]| -> Changes {
                    Ok(rows.iter().map(|row| Change::Remove(row.0.to_string())).collect())
                };
                task.drive(run, Vec::new(), move |rows| ready(removals(rows)).boxed()).await
            }
            Err(error) => task.failed(&**error),
        });
    }
}

pub(crate) async fn employjoy(
    pipeline: &Pipeline,
    provider: &config::EmployJoy,
    feeds: &mut Feeds,
    reports: &mut Vec<EndpointReport>,
) {
    let Some(schedule) = provider.jobs else { return };
    let ids = feeds.entry("jobs".to_owned()).or_default();
    let known: Vec<String> = ids.keys().cloned().collect();
    let task = Task::new(pipeline, "employjoy", "jobs", "jobs", schedule.every, ids);
    let begin = async || -> Result<_, BoxError> {
        let builder = employjoy::Client::builder().api_key(pipeline.secret(&provider.api_key_env)?);
        let api: employjoy::Client = pipeline.client(builder, provider.base_url.as_ref())?;
        // A job that is closed is removed from the list without a notice: only the whole list shows it.
        let diff = api.jobs().full_list_diff(known).await?;
        Ok((api, diff.vanished.into_iter().map(Change::Remove).collect()))
    };
    reports.push(match begin().await {
        Ok((api, gone)) => {
            let run = api.jobs().sync_by_update(task.key.as_str(), pipeline.store.clone()).await;
            task.drive(run, gone, |jobs: &[employjoy::Job]| ready(Ok(Change::all(jobs))).boxed()).await
        }
        Err(error) => task.failed(&*error),
    });
}

pub(crate) async fn jobaffinity(
    pipeline: &Pipeline,
    provider: &config::JobAffinity,
    feeds: &mut Feeds,
    reports: &mut Vec<EndpointReport>,
) {
    let Some(schedule) = provider.jobs else { return };
    let ids = feeds.entry("jobs".to_owned()).or_default();
    let status = |status: &Option<String>| JobStatus::from(status.clone().unwrap_or_default());
    let known: Vec<_> = ids.iter().filter_map(|(id, raw)| Some((id.parse().ok()?, status(raw)))).collect();
    let task = Task::new(pipeline, "jobaffinity", "jobs", "jobs", schedule.every, ids);
    let begin = async || -> Result<_, BoxError> {
        let (login, password) = (pipeline.secret(&provider.login_env)?, pipeline.secret(&provider.password_env)?);
        let builder = jobaffinity::Client::builder().login(login, password);
        let api: jobaffinity::Client = pipeline.client(builder, provider.base_url.as_ref())?;
        // The service tells of no change and no deletion: only the whole list shows them.
        let diff = api.jobs().full_list_diff(known).await?;
        let mut first = details(&api, diff.changed).await?;
        first.extend(diff.ids.vanished.iter().map(|id| Change::Remove(id.to_string())));
        Ok((api, first))
    };
    reports.push(match begin().await {
        Ok((api, first)) => {
            let run = api.jobs().sync_since(task.key.as_str(), pipeline.store.clone()).await;
            let read = move |jobs: &[jobaffinity::Job]| {
                let (api, ids) = (api.clone(), jobs.iter().filter_map(|job| job.id).collect::<Vec<_>>());
                async move { details(&api, ids).await }.boxed()
            };
            task.drive(run, first, read).await
        }
        Err(error) => task.failed(&*error),
    });
}

/// The details of jobs: a list has little more than their ids.
async fn details(api: &jobaffinity::Client, ids: impl IntoIterator<Item = u64>) -> Changes {
    let mut changes = Vec::new();
    for id in ids {
        changes.push(match api.job(id).send().await {
            Ok(job) => Change::of(Posting::from(&job)),
            // It was removed after the list was read.
            Err(error) if matches!(error.status(), Some(StatusCode::FORBIDDEN | StatusCode::NOT_FOUND)) => {
                Change::Remove(id.to_string())
            }
            Err(error) => return Err(error.into()),
        });
    }
    Ok(changes)
}

pub(crate) async fn rest(
    pipeline: &Pipeline,
    name: &str,
    provider: &config::Rest,
    feeds: &mut Feeds,
    reports: &mut Vec<EndpointReport>,
) {
    for (list, fields) in &provider.lists {
        let mut task = Task::new(pipeline, name, list, list, fields.every, feeds.entry(list.clone()).or_default());
        let begin = || -> Result<_, BoxError> {
            let credentials = match &provider.secret_env {
                Some(secret) => provider.api.credentials(pipeline.secret(secret)?)?,
                None => Credentials::none(),
            };
            let client = pipeline.client(provider.api.builder()?.credentials(credentials), None)?;
            Ok(provider.api.over(client)?.list::<Value>(list)?)
        };
        let key = provider.api.endpoints.get(list).and_then(|endpoint| endpoint.key.as_deref()).unwrap_or_default();
        task.removal_key = Some(key);
        reports.push(match begin() {
            Ok(records) => {
                let run = records.sync_since(task.key.as_str(), pipeline.store.clone()).await;
                let changes = |records: &[Value]| -> Changes {
                    records.iter().map(|record| Ok(Change::of(posting(name, list, key, fields, record)?))).collect()
                };
                task.drive(run, Vec::new(), move |records| ready(changes(records)).boxed()).await
            }
            Err(error) => task.failed(&*error),
        });
    }
}
