//! Faults that any server can have, during the sync of a listing: a row that was there is delivered by this run or a later one.

use jobfeed::testing::TotalForm;

use super::*;

/// Runs until nothing is due, without faults. Then every row must have been delivered.
async fn assert_nothing_is_lost<C: Case>(case: &C, store: &MemoryStore, mut got: BTreeSet<String>, name: &str) {
    case.clear_faults();
    for _ in 0..2 {
        let run = case.sync(Settings::default(), store).await;
        run.ended.unwrap_or_else(|error| panic!("{name}: {error}"));
        got.extend(run.keys);
    }
    let wanted = case.synced_rows(store).await;
    let missing: Vec<_> = wanted.difference(&got).collect();
    assert!(
        missing.is_empty(),
        "{name}: {} of {} rows are missing, {:?} first",
        missing.len(),
        wanted.len(),
        missing.first()
    );
    assert!(wanted.len() >= ROWS, "{name}: {}", wanted.len());
}

pub(super) async fn promise_1_answers_of_older_copies_lose_no_row<C: Case>() {
    for every in [2, 3, 5] {
        let (case, store, mut got) = (C::start().await, MemoryStore::new(), BTreeSet::new());
        case.fault(Fault::OlderCopy(5), When::Every(every));
        for _ in 0..6 {
            // A run may end with an error, but what it did not deliver must come later.
            got.extend(case.sync(Settings::default(), &store).await.keys);
            case.add_rows();
        }
        assert_nothing_is_lost(&case, &store, got, &format!("one answer in {every}")).await;
    }
}

pub(super) async fn promise_1_a_clock_that_is_an_hour_wrong_loses_no_row<C: Case>() {
    for hours in [-1, 1] {
        let (case, store, mut got) = (C::start().await, MemoryStore::new(), BTreeSet::new());
        let settings = Settings { ahead: SignedDuration::from_hours(hours), ..Settings::default() };
        let listed = walk::<C>(case.pages(settings, true, None), usize::MAX).await;
        assert!(listed.error.is_none() && listed.distinct() == ROWS, "{hours}: {:?}", listed.error);
        for settings in [settings, Settings::default(), settings, settings] {
            let run = case.sync(settings, &store).await;
            if let Err(error) = &run.ended {
                assert!(error.to_string().contains("set the clock"), "{hours}: {error}");
            }
            got.extend(run.keys);
            case.add_rows();
            case.pass_time();
        }
        assert_nothing_is_lost(&case, &store, got, &format!("{hours} hours")).await;
    }
}

pub(super) async fn promise_1_a_record_twice_in_a_page_hides_no_other<C: Case>() {
    for request in [1, 3, 6] {
        let (case, store) = (C::start().await, MemoryStore::new());
        case.fault(Fault::DuplicateRecord, When::Request(request));
        let got = case.sync(Settings::default(), &store).await.keys.into_iter().collect();
        assert_nothing_is_lost(&case, &store, got, &format!("in answer {request}")).await;
    }
}

pub(super) async fn promise_4_a_sync_reads_totals_in_any_form_of_a_number<C: Case>() {
    for form in [TotalForm::Text, TotalForm::Fraction, TotalForm::Exponent] {
        let (case, store) = (C::start().await, MemoryStore::new());
        case.fault(Fault::Total(form), When::Always);
        let run = case.sync(Settings::default(), &store).await;
        assert_eq!(run.ended.unwrap(), Outcome::Complete, "{form:?}");
        let got: BTreeSet<String> = run.keys.into_iter().collect();
        assert_eq!(got, case.synced_rows(&store).await, "{form:?}");
    }
    let (case, store) = (C::start().await, MemoryStore::new());
    case.fault(Fault::Total(TotalForm::True), When::Always);
    let run = case.sync(Settings::default(), &store).await;
    match run.ended {
        Ok(outcome) => assert!(!C::SYNC_COUNTS && outcome == Outcome::Complete, "{outcome:?}"),
        Err(error) => {
            assert!(C::SYNC_COUNTS, "{error}");
            assert!(matches!(error, Error::Body { problem: BodyProblem::Shape(_), .. }), "{error}");
        }
    }
}
