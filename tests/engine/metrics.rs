//! The metrics of a client, as the recorder of an application gets them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jobfeed::checkpoint::MemoryStore;
use jobfeed::{Error, RateLimit};
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};

use crate::support::{Reply, Script, envelope_of};

/// All values by name and labels.
#[derive(Clone, Default)]
pub(crate) struct Recorded(Arc<Mutex<BTreeMap<String, Vec<f64>>>>);

struct Values(Recorded, String);

impl Values {
    fn push(&self, value: f64) {
        self.0.0.lock().unwrap().entry(self.1.clone()).or_default().push(value);
    }
}

impl CounterFn for Values {
    fn increment(&self, value: u64) {
        self.push(value as f64);
    }
    fn absolute(&self, _: u64) {}
}

impl GaugeFn for Values {
    fn increment(&self, _: f64) {}
    fn decrement(&self, _: f64) {}
    fn set(&self, value: f64) {
        self.push(value);
    }
}

impl HistogramFn for Values {
    fn record(&self, value: f64) {
        self.push(value);
    }
}

impl Recorded {
    fn values(&self, key: &Key) -> Arc<Values> {
        let labels: BTreeMap<&str, &str> = key.labels().map(|label| (label.key(), label.value())).collect();
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Arc::new(Values(self.clone(), format!("{} {}", key.name(), labels.join(" "))))
    }

    pub(crate) fn text(&self) -> String {
        format!("{:?}", self.0.lock().unwrap())
    }

    fn sums(&self) -> BTreeMap<String, f64> {
        self.0.lock().unwrap().iter().map(|(name, values)| (name.clone(), values.iter().sum())).collect()
    }
}

impl Recorder for Recorded {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.values(key))
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.values(key))
    }
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.values(key))
    }
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_a_duration_and_rows_retries_and_waits_are_counted() {
    let recorded = Recorded::default();
    let _guard = metrics::set_default_local_recorder(&recorded);
    let body = envelope_of([r#"{"id":1}"#.to_owned(), r#"{"id":"x"}"#.to_owned()].into_iter(), 2, None);
    let replies = vec![
        Reply::status(503),
        Reply::status(429).header("retry-after", 2),
        Reply::page(&body).header("x-ratelimit-remaining", 7),
    ];
    let api = Script::replies(replies).client().rate_limit(RateLimit::every(Duration::from_secs(30)));
    let mut pages = api.build().unwrap().jobs().pages();
    futures::StreamExt::next(&mut pages).await.unwrap().unwrap();

    let sums = recorded.sums();
    let names: Vec<&str> = sums.keys().map(String::as_str).collect();
    let of = |rest: &str| {
        format!(
            "http.client.request.duration {rest} jobfeed.endpoint=jobdataapi/jobs server.address=api.test server.port=80"
        )
    };
    let failed =
        |status| of(&format!("error.type={status} http.request.method=GET http.response.status_code={status}"));
    assert_eq!(
        names,
        [
            &failed(429),
            &failed(503),
            &of("http.request.method=GET http.response.status_code=200"),
            "jobfeed.pages jobfeed.endpoint=jobdataapi/jobs",
            "jobfeed.quota.remaining jobfeed.endpoint=jobdataapi/jobs",
            "jobfeed.retries jobfeed.endpoint=jobdataapi/jobs",
            "jobfeed.rows jobfeed.endpoint=jobdataapi/jobs",
            "jobfeed.rows.rejected jobfeed.endpoint=jobdataapi/jobs",
            "jobfeed.wait.duration jobfeed.endpoint=jobdataapi/jobs jobfeed.wait.reason=rate_limit",
            "jobfeed.wait.duration jobfeed.endpoint=jobdataapi/jobs jobfeed.wait.reason=retry",
        ]
    );
    let sum = |name: &str| sums[&format!("{name} jobfeed.endpoint=jobdataapi/jobs")];
    assert_eq!([sum("jobfeed.rows"), sum("jobfeed.rows.rejected"), sum("jobfeed.retries")], [2.0, 1.0, 2.0]);
    assert_eq!([sum("jobfeed.pages"), sum("jobfeed.quota.remaining")], [1.0, 7.0]);
    let waited: f64 =
        sums.iter().filter(|(name, _)| name.starts_with("jobfeed.wait")).map(|(_, seconds)| seconds).sum();
    assert!((59.9..60.1).contains(&waited), "two intervals of 30 s: {waited}");
}

/// A label for each page or key would fill the memory of whoever collects the metrics.
#[tokio::test(start_paused = true)]
async fn the_number_of_label_sets_does_not_grow_with_pages_and_keys() {
    let recorded = Recorded::default();
    let _guard = metrics::set_default_local_recorder(&recorded);
    let api = Script::jobs((1..=400).collect()).client().build().unwrap();
    let store = MemoryStore::new();
    for key in ["first-key", "second-key"] {
        let mut run = api.jobs().page_size(10).sync_by_id(key, &store).await.unwrap();
        run.for_each(|_| async { Ok::<_, Error>(()) }).await.unwrap();
    }
    let text = recorded.text();
    assert_eq!(recorded.sums().len(), 4, "{text}");
    assert!(!text.contains("-key"), "{text}");
}
