//! Helpers for several test files.
#![allow(dead_code, unreachable_pub, clippy::type_complexity)] // each test file uses some of it

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use jobfeed::jobdataapi::{self, JobsRequest};
use jobfeed::testing::JobDataApi;
use jobfeed::{
    Body, Checkpoint, ClientBuilder, PageStream, RateLimit, RetryPolicy, SyncRun, Transport, TransportError,
};

/// Waits of at most a few milliseconds, for tests over real sockets.
pub fn impatient() -> RetryPolicy {
    RetryPolicy::default().backoff(Duration::from_millis(1), Duration::from_millis(4)).max_wait(Duration::from_secs(2))
}

/// A client of a simulated provider, without spacing between requests.
pub fn client_of(server: &JobDataApi) -> jobdataapi::Client {
    builder_of(server).build().unwrap()
}

pub fn builder_of(server: &JobDataApi) -> ClientBuilder<jobdataapi::Client> {
    jobdataapi::Client::builder()
        .api_key(server.api_key())
        .base_url(server.base_url())
        .rate_limit(RateLimit::unlimited())
        .retry(impatient())
}

pub fn jobs_of(server: &JobDataApi, page_size: u32) -> JobsRequest {
    client_of(server).jobs().page_size(page_size)
}

/// A hundred tasks that make one call each, in the order in which their calls ended.
pub async fn a_hundred_callers(api: &jobdataapi::Client) -> Vec<usize> {
    let done = Arc::new(Mutex::new(Vec::new()));
    let calls = (0..100).map(|caller| {
        let (jobs, done) = (api.jobs(), done.clone());
        tokio::spawn(async move {
            jobs.send().await.unwrap();
            done.lock().unwrap().push(caller);
        })
    });
    for call in futures::future::join_all(calls.collect::<Vec<_>>()).await {
        call.unwrap();
    }
    std::mem::take(&mut *done.lock().unwrap())
}

/// The ids that a stream delivers, and the error at its end.
pub async fn drain(mut pages: PageStream<jobdataapi::Job>) -> (Vec<u64>, Option<jobfeed::Error>) {
    let mut ids = Vec::new();
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => ids.extend(page.items.iter().map(|job| job.id)),
            Err(error) => return (ids, Some(error)),
        }
    }
    (ids, None)
}

/// Runs a sync to its end, commits each batch, and returns the ids in the order in which they arrived.
pub async fn finish<C: Checkpoint>(run: &mut SyncRun<jobdataapi::Job, C>) -> jobfeed::Result<Vec<u64>> {
    let mut ids = Vec::new();
    while let Some(batch) = run.next().await? {
        ids.extend(batch.items().iter().map(|job| job.id));
        batch.commit().await?;
    }
    Ok(ids)
}

pub fn set(ids: &[u64]) -> BTreeSet<u64> {
    ids.iter().copied().collect()
}

/// A runtime on a paused clock, for [`kill_after`].
pub fn paused_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// Polls a future `polls` times, then drops it, as in a killed process. Its spawned tasks run between the polls. Returns
/// whether it ended before.
pub fn kill_after(
    runtime: &tokio::runtime::Runtime,
    polls: usize,
    future: impl Future<Output = jobfeed::Result<()>>,
) -> bool {
    runtime.block_on(async {
        let mut future = pin!(future);
        for _ in 0..polls {
            if let Poll::Ready(ended) = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
                ended.unwrap();
                return true;
            }
            tokio::task::yield_now().await;
        }
        false
    })
}

/// One answer of a [`Script`].
#[derive(Clone)]
pub enum Reply {
    Json(u16, Vec<(&'static str, String)>, String),
    /// No connection.
    Refused,
    /// The connection fails after the first half of the body.
    Cut(String),
    /// No answer, for ever.
    Silent,
    /// The answer comes after this time.
    Late(Duration, String),
    /// This answer comes after this time.
    Slow(Duration, Box<Self>),
    /// A head with this status and these headers; the body never comes.
    Hanging(u16, Vec<(&'static str, String)>),
    /// The body begins like this, and white space follows for ever, a byte each second.
    Trickling(String),
}

impl Reply {
    pub fn page(body: &str) -> Self {
        Self::Json(200, Vec::new(), body.to_owned())
    }

    pub fn status(status: u16) -> Self {
        Self::Json(status, Vec::new(), r#"{"detail":"said"}"#.to_owned())
    }

    pub fn header(self, name: &'static str, value: impl ToString) -> Self {
        match self {
            Self::Json(status, mut headers, body) => {
                headers.push((name, value.to_string()));
                Self::Json(status, headers, body)
            }
            other => other,
        }
    }
}

/// A transport in memory: a function of the number of the request makes the answer, and the time of each request is logged.
/// For tests on a paused clock, where real sockets cause false timeouts.
#[derive(Clone)]
pub struct Script {
    answer: Arc<dyn Fn(usize, &http::Request<Bytes>) -> Reply + Send + Sync>,
    pub log: Arc<Mutex<Vec<(tokio::time::Instant, http::Request<Bytes>)>>>,
}

impl Script {
    pub fn new(answer: impl Fn(usize, &http::Request<Bytes>) -> Reply + Send + Sync + 'static) -> Self {
        Self { answer: Arc::new(answer), log: Arc::default() }
    }

    /// These replies in their order, then always the last one.
    pub fn replies(replies: Vec<Reply>) -> Self {
        Self::new(move |index, _| replies[index.min(replies.len() - 1)].clone())
    }

    /// The jobs listing with records of these ids.
    pub fn jobs(ids: Vec<u64>) -> Self {
        Self::listing(ids, |id| format!(r#"{{"id":{id}}}"#))
    }

    /// A listing with records of these ids; `row` makes a record. The id window, page number and page size are applied.
    pub fn listing(ids: Vec<u64>, row: impl Fn(u64) -> String + Send + Sync + 'static) -> Self {
        Self::changing(move |_| ids.clone(), row)
    }

    /// The same with the ids that the data has at each request, by the number of the request.
    pub fn changing(
        ids: impl Fn(usize) -> Vec<u64> + Send + Sync + 'static,
        row: impl Fn(u64) -> String + Send + Sync + 'static,
    ) -> Self {
        Self::new(move |index, request| {
            let query: Vec<(String, String)> =
                url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
                    .into_owned()
                    .collect();
            let number =
                |name: &str| query.iter().find(|pair| pair.0 == name).and_then(|pair| pair.1.parse::<u64>().ok());
            let (min, max) = (number("min_id").unwrap_or(0), number("max_id").unwrap_or(u64::MAX));
            let (size, page) = (number("page_size").unwrap_or(20) as usize, number("page").unwrap_or(1) as usize);
            let window: Vec<u64> = ids(index).into_iter().filter(|id| (min..=max).contains(id)).collect();
            let next = (page * size < window.len()).then(|| format!("http://api.test/api/jobs/?page={}", page + 1));
            let shown = window.iter().skip((page - 1) * size).take(size).map(|id| row(*id));
            Reply::page(&envelope_of(shown, window.len() as u64, next.as_deref()))
        })
    }

    /// The answer to the request of this number, for a script that changes some answers of another.
    pub fn reply(&self, index: usize, request: &http::Request<Bytes>) -> Reply {
        (self.answer)(index, request)
    }

    pub fn requests(&self) -> usize {
        self.log.lock().unwrap().len()
    }

    /// When each request was sent, in milliseconds after the first.
    pub fn times(&self) -> Vec<u64> {
        let log = self.log.lock().unwrap();
        let first = log.first().map(|(at, _)| *at);
        log.iter().map(|(at, _)| (*at - first.unwrap()).as_millis() as u64).collect()
    }

    pub fn client(&self) -> ClientBuilder<jobdataapi::Client> {
        jobdataapi::Client::builder()
            .api_key("a-key")
            .base_url("http://api.test/api/")
            .rate_limit(RateLimit::unlimited())
            .transport(self.clone())
    }
}

impl Transport for Script {
    #[allow(clippy::disallowed_methods)]
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'static, Result<http::Response<Body>, TransportError>> {
        let index = {
            let mut log = self.log.lock().unwrap();
            log.push((tokio::time::Instant::now(), request.clone()));
            log.len() - 1
        };
        let mut reply = self.reply(index, &request);
        async move {
            while let Reply::Slow(after, slow) = reply {
                tokio::time::sleep(after).await;
                reply = *slow;
            }
            // A point where a test can kill the caller.
            tokio::task::yield_now().await;
            let answer = |status: u16, headers: Vec<(&'static str, String)>, pieces: Vec<Result<Bytes, _>>| {
                let mut response = http::Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                let body: Body = stream::iter(pieces).boxed();
                Ok(response.body(body).unwrap())
            };
            match reply {
                Reply::Json(status, headers, body) => answer(status, headers, vec![Ok(body.into())]),
                Reply::Refused => Err(TransportError::connect("refused")),
                Reply::Cut(body) => {
                    let half = Bytes::from(body[..body.len() / 2].to_owned());
                    answer(200, Vec::new(), vec![Ok(half), Err(TransportError::exchange("reset"))])
                }
                Reply::Silent => futures::future::pending().await,
                Reply::Hanging(status, headers) => {
                    let answer: Result<http::Response<Body>, _> = answer(status, headers, Vec::new());
                    answer.map(|answer| answer.map(|body| body.chain(stream::pending()).boxed()))
                }
                Reply::Trickling(start) => {
                    let answer: Result<http::Response<Body>, _> = answer(200, Vec::new(), vec![Ok(start.into())]);
                    let spaces = stream::repeat(()).then(|()| async {
                        tokio::time::sleep(Duration::from_secs(1)).await;
                        Ok(Bytes::from_static(b" "))
                    });
                    answer.map(|answer| answer.map(|body| body.chain(spaces).boxed()))
                }
                Reply::Slow(..) => unreachable!("it was waited for"),
                Reply::Late(after, body) => {
                    tokio::time::sleep(after).await;
                    answer(200, Vec::new(), vec![Ok(body.into())])
                }
            }
        }
        .boxed()
    }
}

/// An envelope with records of these ids.
pub fn envelope(ids: impl IntoIterator<Item = u64>, total: u64, next: Option<&str>) -> String {
    envelope_of(ids.into_iter().map(|id| format!(r#"{{"id":{id}}}"#)), total, next)
}

pub fn envelope_of(rows: impl Iterator<Item = String>, total: u64, next: Option<&str>) -> String {
    let rows: Vec<String> = rows.collect();
    let next = next.map_or("null".to_owned(), |next| format!("{next:?}"));
    format!(r#"{{"count":{total},"next":{next},"previous":null,"results":[{}]}}"#, rows.join(","))
}
