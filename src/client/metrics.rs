//! Passes events to the recorder of the `metrics` facade. The names are in the documentation of `jobfeed::telemetry`.

use metrics::{Label, counter, gauge, histogram};

use super::observe::{Attempt, Event, EventKind};
use crate::error::Error;

/// The host in labels of a request to another origin than the client's, such as a presigned link: there may be many.
const OTHER_HOST: &str = "other";

pub(super) fn record(event: &Event<'_>, own_host: &str) {
    let labels = || vec![Label::new("jobfeed.endpoint", event.endpoint.to_owned())];
    let with = |name: &'static str, value: &'static str| [labels(), vec![Label::new(name, value)]].concat();
    match event.kind {
        EventKind::AttemptSent(attempt) if attempt.number > 1 => {
            counter!("jobfeed.retries", labels()).increment(1);
        }
        EventKind::AttemptAnswered(attempt) => duration(labels(), attempt, None, own_host),
        EventKind::AttemptFailed { attempt, error } => duration(labels(), attempt, Some(error), own_host),
        EventKind::Retrying { wait, .. } => {
            histogram!("jobfeed.wait.duration", with("jobfeed.wait.reason", "retry")).record(wait);
        }
        EventKind::Waited { wait, reason } => {
            histogram!("jobfeed.wait.duration", with("jobfeed.wait.reason", reason.as_str())).record(wait);
        }
        EventKind::QuotaLeft { requests } => {
            #[allow(clippy::cast_precision_loss, reason = "gauges are floating-point numbers")]
            gauge!("jobfeed.quota.remaining", labels()).set(requests as f64);
        }
        EventKind::Page { rows, rejected } => {
            counter!("jobfeed.pages", labels()).increment(1);
            counter!("jobfeed.rows", labels()).increment(rows);
            counter!("jobfeed.rows.rejected", labels()).increment(rejected);
        }
        EventKind::AttemptSent(_) | EventKind::Waiting { .. } | EventKind::BodyPart { .. } => {}
    }
}

fn duration(mut labels: Vec<Label>, attempt: Attempt<'_>, error: Option<&Error>, own_host: &str) {
    let host = if attempt.host == own_host { own_host } else { OTHER_HOST };
    labels.push(Label::new("http.request.method", attempt.method.to_string()));
    labels.push(Label::new("server.address", host.to_owned()));
    labels.push(Label::new("server.port", attempt.port.to_string()));
    if let Some(status) = attempt.status {
        labels.push(Label::new("http.response.status_code", status.as_str().to_owned()));
    }
    if let Some(error) = error {
        labels.push(Label::new("error.type", error.label().into_owned()));
    }
    histogram!("http.client.request.duration", labels).record(attempt.duration);
}
