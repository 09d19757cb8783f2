//! What is seen of a run: on a terminal a line that moves for each endpoint in progress, and always a plain line at its end.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::report::{Ending, EndpointReport, RunReport};

pub(crate) struct Screen {
    bars: MultiProgress,
    /// Whether each endpoint has a line. In a simulation, each run has one.
    each_endpoint: bool,
    is_terminal: bool,
}

impl Screen {
    pub(crate) fn new(each_endpoint: bool) -> Self {
        Self { bars: MultiProgress::new(), each_endpoint, is_terminal: std::io::stderr().is_terminal() }
    }

    pub(crate) fn line(&self, line: &str) {
        self.bars.suspend(|| println!("{line}"));
    }

    /// The progress of an endpoint, until it is dropped.
    pub(crate) fn bar(&self, key: &str) -> Bar {
        let bar = ProgressBar::new_spinner();
        if !self.is_terminal {
            return Bar(ProgressBar::hidden());
        }
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg:24} {human_pos} rows, {elapsed}") {
            bar.set_style(style);
        }
        let bar = self.bars.add(bar.with_message(key.to_owned()));
        bar.enable_steady_tick(Duration::from_millis(100));
        Bar(bar)
    }

    pub(crate) fn ended(&self, endpoint: &EndpointReport) {
        if !self.each_endpoint {
            return;
        }
        let EndpointReport { key, rows, new, removed, .. } = endpoint;
        let ending = endpoint.ending.word();
        self.line(&format!("{key:<26} {ending:<9} {rows:>9} rows {new:>9} new {removed:>7} removed"));
        if let Some(why) = why(endpoint) {
            self.line(&format!("    {why}"));
        }
    }

    /// One run in one line, and why an endpoint is not complete.
    pub(crate) fn run(&self, run: &RunReport) {
        let (rows, new) = (run.sum(|endpoint| endpoint.rows), run.sum(|endpoint| endpoint.new));
        let (removed, day) = (run.sum(|endpoint| endpoint.removed), run.started.strftime("%Y-%m-%d"));
        self.line(&format!("{day}  {:<22} {rows:>6} rows {new:>6} new {removed:>6} removed", run.endings()));
        for endpoint in &run.endpoints {
            if let Some(why) = why(endpoint) {
                self.line(&format!("    {} {}: {why}", endpoint.key, endpoint.ending.word()));
            }
        }
    }
}

/// Why an endpoint is not complete.
fn why(endpoint: &EndpointReport) -> Option<&str> {
    let why = endpoint.error.as_deref().unwrap_or(&endpoint.outcome);
    (endpoint.ending != Ending::Complete).then_some(why)
}

/// A line that is removed when this is dropped.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn set_position(&self, rows: u64) {
        self.0.set_position(rows);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
