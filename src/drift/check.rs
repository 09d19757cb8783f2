//! The check of a run: it looks at the records of each page, compares them with the baseline, and ends the run where the policy says so.

use std::collections::BTreeMap;
use std::fmt;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;

use super::baseline::{Baseline, Kept};
use super::change::{Change, ChangeKind, DriftError};
use super::compare::changes;
use super::report::{NAME, Report, Volume};
use super::shape::{ANY, JsonType, Shape};
use crate::checkpoint::Checkpoint;
use crate::error::BoxError;
use crate::json::Record;
use crate::sync::{Inspect, InspectedEnd, InspectedPage};

/// One record in so many is looked at, unless that would be fewer than [`LEAST`] of a page.
const SAMPLE: usize = 20;
const LEAST: usize = 10;
/// Fewer records with a change do not end a run.
const FEW: u64 = 3;
/// Nor does a change of type in a smaller share of the values.
const RETYPED_SHARE: f64 = 0.1;

/// Which changes end a run. A change of any kind that fewer than three of the sampled records show is only reported: one bad record does
/// not stop a sync.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum FailOn {
    /// A field that no record has any more, on one page or in the whole run.
    Missing,
    /// A tenth or more of the values of a field have a type that the baseline does not have.
    Retyped,
    /// A field is null or missing in more than this share of the records, from 0 to 1, and clearly more often than in the baseline.
    NullRate(f64),
    /// A field that the baseline does not have.
    New,
}

impl FailOn {
    fn forbids(self, change: &Change) -> bool {
        let kind = match self {
            Self::Missing => change.kind == ChangeKind::Missing,
            Self::Retyped => change.kind == ChangeKind::Retyped && change.share() >= RETYPED_SHARE,
            // A field that no record has is in none of them.
            Self::NullRate(above) => {
                matches!(change.kind, ChangeKind::Nulls | ChangeKind::Missing) && change.share() > above
            }
            Self::New => change.kind == ChangeKind::New,
        };
        kind && change.count >= FEW
    }
}

/// Compares the fields and types of a run's records with a baseline: pass it to [`SyncRun::inspect_with`](crate::SyncRun::inspect_with).
///
/// The changes are in the run's report ([`Report::of`]); by default that is all. The baseline is kept in the given store: that of the sync
/// or another one, but not a lease, which only takes its own key. A check is for one run.
pub struct DriftCheck<C> {
    store: C,
    fail_on: Vec<FailOn>,
    every_record: bool,
    kept: Option<Kept>,
    /// Of all pages of the run.
    run: Shape,
    /// Of the page that was refused, when the run as a whole does not show why.
    refused: Option<Shape>,
    /// How many records the baseline was made of, when there was one at the beginning.
    compared: Option<u64>,
    /// Whether another process has begun the run, so that its rows are not all counted.
    resumed: bool,
    /// The key of the first record that shows a change.
    first: BTreeMap<(String, ChangeKind), String>,
    volume: Option<Volume>,
}

impl<C: Checkpoint> DriftCheck<C> {
    /// A check that only reports, with its baseline in `store`.
    pub fn new(store: C) -> Self {
        Self {
            store,
            fail_on: Vec::new(),
            every_record: false,
            kept: None,
            run: Shape::default(),
            refused: None,
            compared: None,
            resumed: false,
            first: BTreeMap::new(),
            volume: None,
        }
    }

    /// Ends the run with a [`DriftError`] before anything of the page is committed, when a change is one of these.
    #[must_use]
    pub fn fail_on(mut self, changes: impl IntoIterator<Item = FailOn>) -> Self {
        self.fail_on.extend(changes);
        self
    }

    /// Looks at every record. Default: at one in twenty, and at ten of each page or more.
    #[must_use]
    pub fn every_record(mut self) -> Self {
        self.every_record = true;
        self
    }

    /// Which records of a page are looked at.
    fn sample<'p>(&self, page: &InspectedPage<'p>) -> Vec<Record<'p>> {
        let rows = page.records().len();
        let wanted = if self.every_record { rows } else { (rows / SAMPLE).max(LEAST) };
        let step = (rows / wanted.max(1)).max(1);
        // Not the same places of all pages: a list may be sorted by what has changed.
        let begin = usize::try_from(page.next_state().revision()).unwrap_or_default() % step;
        page.records().skip(begin).step_by(step).collect()
    }

    async fn load(&mut self, key: &str) -> Result<(), BoxError> {
        let kept = Kept::load(&self.store, key).await?;
        self.compared = kept.baseline.accepted.as_ref().map(|accepted| accepted.seen);
        self.kept = Some(kept);
        Ok(())
    }

    async fn look(&mut self, page: &InspectedPage<'_>) -> Result<(), BoxError> {
        if self.kept.is_none() {
            self.resumed = page.state().run().is_some();
            self.load(page.key()).await?;
        }
        let records = self.sample(page);
        let mut shape = Shape::default();
        for record in &records {
            shape.add(record.text());
        }
        self.run.merge(&shape);
        for change in self.changes(&shape).into_iter().chain(self.changes(&self.run)) {
            let place = (change.path.clone(), change.kind);
            if !self.first.contains_key(&place)
                && let Some(key) = first(&records, &change, page.source().and_then(|source| source.key()))
            {
                self.first.insert(place, key);
            }
        }
        let judged = self.judge(&shape);
        let run_shows_it = self.changes(&self.run).iter().any(|change| self.forbids(change));
        self.refused = (judged.is_err() && !run_shows_it).then_some(shape);
        judged
    }

    fn forbids(&self, change: &Change) -> bool {
        self.fail_on.iter().any(|rule| rule.forbids(change))
    }

    /// An error, when the policy forbids a change of the page or of the run so far.
    fn judge(&self, page: &Shape) -> Result<(), BoxError> {
        let mut forbidden: Vec<Change> = Vec::new();
        for change in self.changes(page).into_iter().chain(self.changes(&self.run)) {
            let is_new = !forbidden.iter().any(|known| (&known.path, known.kind) == (&change.path, change.kind));
            if is_new && self.forbids(&change) {
                forbidden.push(change);
            }
        }
        if forbidden.is_empty() { Ok(()) } else { Err(Box::new(DriftError { changes: forbidden })) }
    }

    fn changes(&self, now: &Shape) -> Vec<Change> {
        let accepted = self.kept.as_ref().and_then(|kept| kept.baseline.accepted.as_ref());
        let mut changes = accepted.map_or_else(Vec::new, |accepted| changes(accepted, now));
        for change in &mut changes {
            change.first = self.first.get(&(change.path.clone(), change.kind)).cloned();
        }
        changes
    }

    async fn keep(&mut self, end: &InspectedEnd<'_>) -> Result<(), BoxError> {
        if self.kept.is_none() {
            // The run had no page.
            self.load(end.key()).await?;
        }
        let latest = self.refused.as_ref().unwrap_or(&self.run);
        let differs = (!self.changes(latest).is_empty()).then(|| latest.clone());
        let Some(kept) = &mut self.kept else { return Ok(()) };
        let mut baseline: Baseline = kept.baseline.clone();
        match &baseline.accepted {
            None if end.is_complete() && self.run.seen > 0 => baseline.accepted = Some(self.run.clone()),
            Some(_) if self.run.seen > 0 => baseline.differs = differs,
            None | Some(_) => {}
        }
        if end.is_complete() && end.is_incremental() && !self.resumed {
            self.volume = Volume::of(end.rows(), &baseline.rows);
            baseline.add_rows(end.rows());
        }
        Ok(kept.save(&self.store, baseline, end.now()).await?)
    }

    fn to_report(&self) -> Report {
        let mut changes = self.changes(&self.run);
        // Those of a refused page take the place of the run's, because they are the reason.
        for change in self.refused.as_ref().map(|page| self.changes(page)).unwrap_or_default() {
            changes.retain(|known| (&known.path, known.kind) != (&change.path, change.kind));
            changes.push(change);
        }
        changes.sort_by(|a, b| (&a.path, a.kind).cmp(&(&b.path, b.kind)));
        Report { records: self.run.seen, baseline: self.compared, changes, volume: self.volume }
    }
}

impl<C: Checkpoint + 'static> Inspect for DriftCheck<C> {
    fn name(&self) -> &'static str {
        NAME
    }

    fn page<'a>(&'a mut self, page: &'a InspectedPage<'_>) -> BoxFuture<'a, Result<(), BoxError>> {
        self.look(page).boxed()
    }

    fn end<'a>(&'a mut self, end: &'a InspectedEnd<'_>) -> BoxFuture<'a, Result<(), BoxError>> {
        self.keep(end).boxed()
    }

    fn report(&self) -> Value {
        serde_json::to_value(self.to_report()).unwrap_or_default()
    }
}

impl<C> fmt::Debug for DriftCheck<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DriftCheck")
            .field("fail_on", &self.fail_on)
            .field("records", &self.run.seen)
            .finish_non_exhaustive()
    }
}

/// The key of the first record that shows a change.
fn first(records: &[Record<'_>], change: &Change, key: Option<&str>) -> Option<String> {
    let key = key?;
    let path: Vec<String> =
        change.path.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~")).collect();
    let shows =
        |record: &&Record<'_>| serde_json::from_str(record.text()).is_ok_and(|value| shows(&value, &path, change));
    let key = records.iter().find(shows)?.raw(key)?;
    Some(serde_json::from_str::<String>(key).unwrap_or_else(|_| key.to_owned()))
}

/// Whether a value shows the change at this path.
fn shows(value: &Value, path: &[String], change: &Change) -> bool {
    match (path, value) {
        ([name, rest @ ..], Value::Array(elements)) if name == ANY => {
            elements.iter().any(|element| shows(element, rest, change))
        }
        ([name, rest @ ..], Value::Object(fields)) if name == ANY && !fields.contains_key(ANY) => {
            fields.values().any(|field| shows(field, rest, change))
        }
        ([name], Value::Object(fields)) => match (fields.get(name), change.kind) {
            (field, ChangeKind::Missing | ChangeKind::Nulls) => field.is_none_or(Value::is_null),
            (Some(field), _) => shows(field, &[], change),
            (None, _) => false,
        },
        ([name, rest @ ..], Value::Object(fields)) => fields.get(name).is_some_and(|field| shows(field, rest, change)),
        ([], value) => match change.kind {
            ChangeKind::Missing | ChangeKind::Nulls => false,
            ChangeKind::New | ChangeKind::Retyped => {
                change.types.1.iter().any(|kind| kind == JsonType::of(value).map_or("null", JsonType::as_str))
            }
        },
        _ => false,
    }
}
