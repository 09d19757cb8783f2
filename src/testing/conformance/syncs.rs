//! The checks of syncs: a row that was there is delivered by this run or a later one, whatever happens.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::case::{ROWS, Settings, SyncCase};
use super::violation::{Violation, equal, holds};
use super::walk::{Walk, start};
use crate::checkpoint::MemoryStore;
use crate::error::{Error, Result};
use crate::json::BodyProblem;
use crate::sync::Outcome;
use crate::testing::fault::{Fault, When};
use crate::testing::page_faults::TotalForm;

/// One run that commits each batch.
struct Run {
    /// The keys that it delivered.
    keys: BTreeSet<String>,
    ended: Result<Outcome>,
}

/// The most batches that a run may have, in which there are some hundred records at most.
const MANY: usize = 100_000;

async fn run<C: SyncCase>(case: &C, settings: &Settings, store: &MemoryStore) -> Run {
    let mut keys = BTreeSet::new();
    let ended = run_until(case, settings, store, MANY, &mut keys).await;
    Run { keys, ended }
}

/// Commits this many batches, then takes one more and drops it with the run, as in a process that is killed.
async fn run_until<C: SyncCase>(
    case: &C,
    settings: &Settings,
    store: &MemoryStore,
    batches: usize,
    keys: &mut BTreeSet<String>,
) -> Result<Outcome> {
    let mut run = case.sync(settings, store.clone()).await?;
    let mut committed = 0;
    while let Some(batch) = run.next().await? {
        if committed == batches {
            break;
        }
        keys.extend(batch.items().iter().filter_map(|row| row.get(C::KEY)).map(ToString::to_string));
        batch.commit().await?;
        committed += 1;
    }
    Ok(run.report().outcome)
}

/// Runs until nothing is due, without faults. Then every row must have been delivered.
async fn nothing_is_lost<C: SyncCase>(
    case: &C,
    store: &MemoryStore,
    mut got: BTreeSet<String>,
    what: &str,
) -> Result<(), Violation> {
    case.server().clear_faults();
    for _ in 0..2 {
        let run = run(case, &Settings::default(), store).await;
        run.ended.map_err(|error| Violation::failed(what, error))?;
        got.extend(run.keys);
    }
    let wanted = case.expected(store).await;
    holds(format!("{what}: the case"), wanted.len() >= ROWS, "at least 1000 expected keys", wanted.len())?;
    let missing: Vec<&String> = wanted.difference(&got).collect();
    let found = format!("{} of {} are missing, {:?} first", missing.len(), wanted.len(), missing.first());
    holds(what, missing.is_empty(), "all rows", found)
}

/// Answers that come from an older copy of the data lose no row.
///
/// # Errors
/// The [`Violation`].
pub async fn promise_1_answers_of_older_copies_lose_no_row<C: SyncCase>() -> Result<(), Violation> {
    for every in [2, 3, 5] {
        let (case, store, mut got) = (start::<C>().await?, MemoryStore::new(), BTreeSet::new());
        case.server().fault(Fault::OlderCopy(5), When::Every(every));
        for _ in 0..6 {
            // A run may end with an error, but what it did not deliver must come later.
            got.extend(run(&case, &Settings::default(), &store).await.keys);
            case.add_rows();
        }
        nothing_is_lost(&case, &store, got, &format!("one answer in {every} from an older copy")).await?;
    }
    Ok(())
}

/// A client whose clock is an hour wrong loses no row; where it cannot work with the clock, the error says so.
///
/// # Errors
/// The [`Violation`].
pub async fn promise_1_a_clock_that_is_an_hour_wrong_loses_no_row<C: SyncCase>() -> Result<(), Violation> {
    for hours in [-1, 1] {
        let what = format!("a clock that is {hours} hours ahead");
        let (case, store, mut got) = (start::<C>().await?, MemoryStore::new(), BTreeSet::new());
        let wrong = Settings::ahead(SignedDuration::from_hours(hours));
        Walk::whole(&case, &wrong).await?.delivered_all(&what)?;
        let right = Settings::default();
        for settings in [&wrong, &right, &wrong, &wrong] {
            let run = run(&case, settings, &store).await;
            if let Err(error) = &run.ended {
                holds(&what, error.to_string().contains("set the clock"), "an error that names the clock", error)?;
            }
            got.extend(run.keys);
            case.add_rows();
            case.pass_time();
        }
        nothing_is_lost(&case, &store, got, &what).await?;
    }
    Ok(())
}

/// A page on which one record comes twice hides no other one from this run and the next.
///
/// # Errors
/// The [`Violation`].
pub async fn promise_1_a_record_twice_in_a_page_hides_no_other<C: SyncCase>() -> Result<(), Violation> {
    for request in [1, 3, 6] {
        let (case, store) = (start::<C>().await?, MemoryStore::new());
        case.server().fault(Fault::DuplicateRecord, When::Request(request));
        let got = run(&case, &Settings::default(), &store).await.keys;
        nothing_is_lost(&case, &store, got, &format!("a record twice in answer {request}")).await?;
    }
    Ok(())
}

/// A process that is killed with a batch in hand, after any number of commits, loses no row. Only the rows of committed batches count
/// as delivered.
///
/// # Errors
/// The [`Violation`].
pub async fn promise_1_a_sync_that_is_killed_at_any_page_loses_no_row<C: SyncCase>() -> Result<(), Violation> {
    for batches in 0..12 {
        let (case, store, mut got) = (start::<C>().await?, MemoryStore::new(), BTreeSet::new());
        for _ in 0..2 {
            run_until(&case, &Settings::default(), &store, batches, &mut got).await?;
            case.add_rows();
        }
        nothing_is_lost(&case, &store, got, &format!("killed after {batches} commits")).await?;
    }
    Ok(())
}

/// A sync reads counts and totals in each form that servers write a number in; where it needs one that is no number, it is an error.
///
/// # Errors
/// The [`Violation`].
pub async fn promise_4_a_sync_reads_totals_in_any_form_of_a_number<C: SyncCase>() -> Result<(), Violation> {
    for form in [TotalForm::Text, TotalForm::Fraction, TotalForm::Exponent] {
        let what = format!("a total as {form:?}");
        let (case, store) = (start::<C>().await?, MemoryStore::new());
        case.server().fault(Fault::Total(form), When::Always);
        let run = run(&case, &Settings::default(), &store).await;
        let outcome = run.ended.map_err(|error| Violation::failed(&what, error))?;
        equal(&what, outcome, Outcome::Complete)?;
        let wanted = case.expected(&store).await;
        let differ: Vec<&String> = run.keys.symmetric_difference(&wanted).collect();
        holds(&what, differ.is_empty(), "exactly the expected rows", differ)?;
    }
    let (case, store) = (start::<C>().await?, MemoryStore::new());
    case.server().fault(Fault::Total(TotalForm::True), When::Always);
    let ended = run(&case, &Settings::default(), &store).await.ended;
    let is_shape = |error: &Error| matches!(error, Error::Body { problem: BodyProblem::Shape(_), .. });
    let (right, expected) = if C::COUNTS {
        (ended.as_ref().is_err_and(is_shape), "Body, Shape")
    } else {
        (ended.as_ref().is_ok_and(|outcome| *outcome == Outcome::Complete), "Complete, because it reads no total")
    };
    holds("a total that is `true`", right, expected, ended)
}
