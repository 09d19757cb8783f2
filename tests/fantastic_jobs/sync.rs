//! The syncs of the active and modified feeds.

use crate::kit::{RowCounts, assert_same, at, client, client_with, hours, ids, run, simulator};
use jobfeed::checkpoint::MemoryStore;
use jobfeed::fantastic_jobs::{Client, Depth, Interval, Natural};
use jobfeed::jiff::SignedDuration;
use jobfeed::testing::{Fault, When, fantastic_jobs::FeedName, fantastic_jobs::Subscription};
use jobfeed::{Checkpoint, Clock, Completeness, Error, Outcome, RetryPolicy};

/// The requests so far: the path, and the parameters in the order sent.
fn log(server: &jobfeed::testing::FantasticJobs) -> Vec<String> {
    let text = |request: &jobfeed::testing::ServedRequest| {
        let query: Vec<String> = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{}?{}", request.path.trim_start_matches("/v1/"), query.join("&"))
    };
    server.served().log.iter().map(text).collect()
}

#[tokio::test]
async fn an_hour_costs_one_count_and_one_page() {
    let server = simulator().start().await.unwrap();
    let (api, store, mut got) = (client(&server), MemoryStore::new(), RowCounts::new());
    let report = run(api.active_ats().sync_hourly("ats", &store), &mut got).await.unwrap();
    assert_eq!(report.outcome, Outcome::Complete);
    assert_eq!((report.counts.rows, report.counts.requests), (30, 2));
    assert_eq!(report.details["jobs"], 30);
    assert_eq!(report.details["credits"]["next_billing_date"], "2026-04-01");
    assert_eq!(ids(&got), server.indexed(FeedName::Ats, at("2026-03-10T07:00:00Z"), at("2026-03-10T08:00:00Z")));
    let bounds = "date_created_gte=2026-03-10T07:00:00&date_created_lt=2026-03-10T08:00:00";
    assert_eq!(
        log(&server),
        [format!("active-ats-count?time_frame=1h&{bounds}"), format!("active-ats?time_frame=1h&{bounds}&limit=1000"),]
    );

    let report = run(api.active_ats().sync_hourly("ats", &store), &mut got).await.unwrap();
    assert_eq!(
        report.outcome,
        Outcome::Paused { until: at("2026-03-10T10:01:00Z") },
        "nothing is due in the same hour"
    );
    assert_eq!(server.served().requests, 2);
}

#[tokio::test]
async fn an_outage_of_three_hours_is_repaired_exactly() {
    let server = simulator().start().await.unwrap();
    let (api, store, mut got) = (client(&server), MemoryStore::new(), RowCounts::new());
    run(api.active_ats().sync_hourly("ats", &store), &mut got).await.unwrap();
    server.advance(hours(4));
    let report = run(api.active_ats().sync_hourly("ats", &store), &mut got).await.unwrap();
    assert_eq!((report.outcome, report.counts.rows), (Outcome::Complete, 120));
    assert_eq!(ids(&got), server.indexed(FeedName::Ats, at("2026-03-10T07:00:00Z"), at("2026-03-10T12:00:00Z")));
    assert_eq!(server.jobs_billed(), 150, "no row was bought twice");
    assert!(log(&server)[3].starts_with("active-ats?time_frame=24h&date_created_gte=2026-03-10T08:00:00"));
}

#[tokio::test]
async fn a_daily_sync_is_exact_for_a_24h_window_of_24_or_25_hours() {
    for long_day in [false, true] {
        let server = simulator().long_day(long_day).start().await.unwrap();
        let (api, store, mut got) = (client(&server), MemoryStore::new(), RowCounts::new());
        // At different minutes, and after different numbers of hours.
        for pause in [0, 1, 24, 23, 26, 40, 24] {
            server.advance(hours(pause) + SignedDuration::from_mins(7));
            run(api.active_ats().sync_daily("ats", &store), &mut got).await.unwrap();
        }
        let until = at("2026-03-16T04:00:00Z") - hours(1);
        let wanted = server.indexed(FeedName::Ats, at("2026-03-09T08:00:00Z"), until);
        let missing: Vec<_> = wanted.iter().filter(|id| !got.contains_key(id)).collect();
        assert!(got.values().all(|times| *times == 1) && server.jobs_billed() == got.len() as u64);
        assert!(missing.len() <= 24 * 30, "only rows that are not due yet: {}", missing.len());
        assert_eq!(ids(&got), wanted[..got.len()], "no row is missing in between");
    }
}

#[tokio::test]
async fn an_hourly_sync_continues_after_a_backfill() {
    for (depth, slices) in [(Depth::Week, 3), (Depth::SixMonths, 1), (Depth::SixMonths, 7)] {
        let server = simulator().rows_per_hour(4).history(hours(24 * 200)).start().await.unwrap();
        let (api, store, mut got) = (client(&server), MemoryStore::new(), RowCounts::new());
        let report = run(api.active_ats().backfill("ats", &store, depth).slices(slices), &mut got).await.unwrap();
        assert_eq!(report.outcome, Outcome::Complete);
        let from = report.details["window"]["from"].as_str().unwrap().parse().unwrap();
        let length = if depth == Depth::Week { hours(7 * 24 - 2) } else { hours(178 * 24) };
        assert!(server.now().duration_since(from) > length, "{from}");
        server.advance(hours(1));
        run(api.active_ats().sync_hourly("ats", &store), &mut got).await.unwrap();
        assert_eq!(ids(&got), server.indexed(FeedName::Ats, from, at("2026-03-10T09:00:00Z")));
        assert_eq!(server.jobs_billed(), got.len() as u64, "{depth:?} in {slices} slices");
        let cursors =
            log(&server).iter().filter(|line| line.contains("time_frame=6m") && line.contains("cursor=")).count();
        assert_eq!(cursors > 0, depth == Depth::SixMonths);
    }
}

#[tokio::test]
async fn a_gap_longer_than_the_longest_window_is_an_error_unless_the_loss_is_accepted() {
    let server = simulator().rows_per_hour(2).history(hours(24)).start().await.unwrap();
    let (api, store, mut got) = (client(&server), MemoryStore::new(), RowCounts::new());
    run(api.active_ats().sync_hourly("ats", &store), &mut got).await.unwrap();
    server.advance(hours(24 * 200));
    let requests = server.served().requests;
    let error = run(api.active_ats().sync_hourly("ats", &store), &mut got).await.unwrap_err();
    let Error::Gap { from, until, .. } = error else { panic!("{error}") };
    assert_eq!(from, at("2026-03-10T08:00:00Z"));
    assert!(server.now().duration_since(until) >= hours(178 * 24));
    assert_eq!(server.served().requests, requests, "nothing was sent");
    assert_eq!(store.load("ats").await.unwrap().unwrap().revision(), 1, "the state is unchanged");

    let report = run(api.active_ats().sync_hourly("ats", &store).accept_loss(), &mut got).await.unwrap();
    assert_eq!(report.details["lost"][0]["from"], "2026-03-10T08:00:00Z");
    let end: jobfeed::jiff::Timestamp = report.details["lost"][0]["until"].as_str().unwrap().parse().unwrap();
    let mut wanted = server.indexed(FeedName::Ats, at("2026-03-10T07:00:00Z"), from);
    wanted.extend(server.indexed(FeedName::Ats, end, at("2026-09-26T08:00:00Z")));
    assert_eq!(ids(&got), wanted, "all rows except those in `lost`");
}

#[tokio::test]
async fn a_run_pauses_before_it_exceeds_max_jobs_and_the_next_run_continues() {
    let server = simulator().start().await.unwrap();
    let (api, store, mut got) = (client(&server), MemoryStore::new(), RowCounts::new());
    let sync = || api.active_ats().page_size(100).backfill("ats", &store, Depth::Week);
    let price = sync().plan().await.unwrap();
    assert!(price.exact && price.jobs > 4_000 && price.due.is_none(), "{price:?}");
    assert_eq!(server.jobs_billed(), 0, "`plan` costs no job credits");
    for nth in 1.. {
        let report = run(sync().max_jobs(333), &mut got).await.unwrap();
        assert!(report.details["jobs"].as_u64().unwrap() <= 333);
        assert!(server.jobs_billed() <= nth * 333);
        if report.outcome == Outcome::Complete {
            break;
        }
        assert!(matches!(report.outcome, Outcome::Paused { .. }), "{report:?}");
        assert!(nth < 40, "each run makes progress");
    }
    assert_eq!(got.len() as u64, price.jobs, "the price was exact");
    assert_eq!(server.jobs_billed(), price.jobs, "no row was bought twice");
    let price = api.active_ats().page_size(100).sync_hourly("ats", &store).plan().await.unwrap();
    assert_eq!((price.jobs, price.due), (0, Some(at("2026-03-10T10:01:00Z"))));
}

#[tokio::test]
async fn an_exhausted_quota_pauses_until_the_billing_date() {
    let server = simulator().quotas(60, 1_000).start().await.unwrap();
    let (api, store, mut got) = (client(&server), MemoryStore::new(), RowCounts::new());
    let sync = || api.active_ats().page_size(10).sync_hourly("ats", &store).since(at("2026-03-10T02:00:00Z"));
    let report = run(sync(), &mut got).await.unwrap();
    assert_eq!(report.outcome, Outcome::Paused { until: at("2026-04-01T00:00:00Z") });
    assert!((60..70).contains(&server.jobs_billed()), "{}", server.jobs_billed());
    let report = run(sync().allow_overage(), &mut got).await.unwrap();
    assert_eq!((report.outcome, got.len()), (Outcome::Complete, 180));
    assert_eq!(server.jobs_billed(), 180);
}

/// Drops the run at every batch, before or after its commit, and starts a new run.
#[tokio::test]
async fn a_run_that_stops_at_any_batch_loses_no_row() {
    for depth in [Depth::Week, Depth::SixMonths] {
        let server = simulator().rows_per_hour(3).history(hours(24 * 30)).start().await.unwrap();
        let (api, store, mut got, mut stops) = (client(&server), MemoryStore::new(), RowCounts::new(), 0);
        loop {
            let mut run = api.active_ats().page_size(40).backfill("ats", &store, depth).await.unwrap();
            let Some(batch) = run.next().await.unwrap() else { break };
            if stops % 2 == 0 {
                for job in batch.items() {
                    *got.entry(job.id).or_default() += 1;
                }
                batch.commit().await.unwrap();
            }
            stops += 1;
        }
        let from = server.now() - if depth == Depth::Week { hours(7 * 24 - 1) } else { hours(179 * 24) };
        let wanted = server.indexed(FeedName::Ats, from + SignedDuration::from_mins(3), at("2026-03-10T08:00:00Z"));
        assert!(wanted.iter().all(|id| got.get(id) == Some(&1)), "each row once");
        assert!(stops > 20, "{stops}");
    }
}

#[tokio::test]
async fn rows_that_expire_while_a_gap_is_read_cause_no_missing_rows() {
    for (gap, halved) in [(100, false), (190, false), (100, true), (190, true)] {
        let server = simulator().start().await.unwrap();
        let (api, store, mut got) = (client(&server), MemoryStore::new(), RowCounts::new());
        run(api.active_ats().page_size(50).sync_hourly("ats", &store), &mut got).await.unwrap();
        server.advance(hours(gap));
        if halved {
            // Then the rows of a slice no longer fit the page that they should fit.
            server.fault(Fault::HalveLimit, When::Always);
        }
        let (from, until, now) = (at("2026-03-10T07:00:00Z"), server.now() - hours(1), server.now());
        let mut expiring = Vec::new();
        let all = server.indexed(FeedName::Ats, from, until);
        for id in all.iter().step_by(5) {
            expiring.push(*id);
        }
        let mut remaining = expiring.clone();
        server.on_request(FeedName::Ats, move |_, data| {
            // From the start of every window, so that all later rows shift.
            let next: Vec<u64> = remaining.drain(..7.min(remaining.len())).collect();
            data.expire(&next, now);
        });
        let report = run(api.active_ats().page_size(50).sync_hourly("ats", &store), &mut got).await.unwrap();
        assert_eq!(report.outcome, Outcome::Complete, "{gap} h, {halved}");
        let until = at(report.details["window"]["until"].as_str().unwrap());
        let missing: Vec<u64> =
            server.indexed(FeedName::Ats, from, until).into_iter().filter(|id| !got.contains_key(id)).collect();
        assert!(missing.iter().all(|id| expiring.contains(id)), "a row that did not expire is missing");
        assert!(got.values().all(|times| *times == 1) || report.details["bought_again"].as_u64() > Some(0));
    }
}

#[tokio::test]
async fn server_faults_lose_no_row() {
    let faults = [
        (Fault::HalveLimit, When::Always),
        (Fault::ShortPage(3), When::Every(2)),
        (Fault::EmptyPage, When::Every(3)),
        (Fault::Status { code: 500, retry_after: None }, When::Every(3)),
        (Fault::CutBody, When::Every(4)),
        (Fault::TruncatedJson, When::Every(4)),
        (Fault::Drop, When::Every(5)),
        (Fault::RepeatNext, When::Always),
    ];
    for gap in [4, 60, 190] {
        for (fault, when) in faults.clone() {
            let server = simulator().start().await.unwrap();
            let (api, store, mut got) = (client(&server), MemoryStore::new(), RowCounts::new());
            run(api.active_ats().page_size(60).sync_hourly("ats", &store), &mut got).await.unwrap();
            server.advance(hours(gap));
            server.fault(fault.clone(), when);
            let report = run(api.active_ats().page_size(60).sync_hourly("ats", &store), &mut got).await.unwrap();
            assert_eq!(report.outcome, Outcome::Complete, "{fault:?}");
            let until = at(report.details["window"]["until"].as_str().unwrap());
            let wanted = server.indexed(FeedName::Ats, at("2026-03-10T07:00:00Z"), until);
            assert_same(&got, &wanted, &format!("{fault:?} over {gap} h"));
            let twice: u64 = got.values().map(|times| u64::from(*times) - 1).sum();
            assert!(twice <= report.details["bought_again"].as_u64().unwrap(), "{fault:?}: {twice} rows came twice");
        }
    }
}

#[tokio::test]
async fn a_page_with_fewer_rows_than_its_count_is_an_error() {
    let server = simulator().start().await.unwrap();
    let (api, store, mut got) = (client(&server), MemoryStore::new(), RowCounts::new());
    server.fault(Fault::EmptyPage, When::Always);
    let error = run(api.active_ats().sync_hourly("ats", &store), &mut got).await.unwrap_err();
    assert!(matches!(error, Error::Incomplete { completeness: Completeness::ShortBy(30), .. }), "{error}");
    assert!(store.load("ats").await.unwrap().is_none(), "the watermark did not move");
    for fault in [Fault::Html, Fault::ErrorObject, Fault::Garbled, Fault::AllBadRecords] {
        server.clear_faults();
        server.fault(fault.clone(), When::Path("/v1/active-ats".to_owned()));
        let error = run(api.active_ats().sync_hourly("ats", &store), &mut got).await.unwrap_err();
        assert!(matches!(error, Error::Body { .. } | Error::AllRejected { .. }), "{fault:?}: {error}");
    }
    server.clear_faults();
    run(api.active_ats().sync_hourly("ats", &store).trust_listing(), &mut got).await.unwrap();
    assert_eq!(got.len(), 30);
}

#[tokio::test]
async fn a_slice_is_requested_again_when_its_window_moved_before_the_response() {
    let server = simulator().now(at("2026-03-10T09:58:00Z")).start().await.unwrap();
    let (api, store, mut got) = (client(&server), MemoryStore::new(), RowCounts::new());
    // The hour changes between the request and the response, so the window `1h` moves.
    server.advance_at_request(1, SignedDuration::from_mins(4));
    let report = run(api.active_ats().sync_hourly("ats", &store), &mut got).await.unwrap();
    assert_eq!(report.outcome, Outcome::Complete);
    assert_eq!(ids(&got), server.indexed(FeedName::Ats, at("2026-03-10T07:00:00Z"), at("2026-03-10T08:00:00Z")));
    assert!(log(&server).last().unwrap().starts_with("active-ats?time_frame=24h"));
}

#[tokio::test]
async fn a_wrong_clock_is_an_error_before_anything_is_bought() {
    let server = simulator().start().await.unwrap();
    for wrong in ["2026-03-10T11:15:00Z", "2026-03-10T06:15:00Z", "2027-03-10T09:15:00Z"] {
        let builder = Client::builder().api_key(server.api_key()).base_url(server.base_url());
        let api = builder.clock(Clock::fixed(at(wrong))).build().unwrap();
        let error =
            run(api.active_ats().sync_hourly("ats", &MemoryStore::new()), &mut RowCounts::new()).await.unwrap_err();
        assert!(error.to_string().contains("set the clock"), "{error}");
    }
    assert_eq!(server.jobs_billed(), 0);
}

#[tokio::test]
async fn a_filter_that_the_count_endpoint_lacks_still_filters_the_rows() {
    let server = simulator().start().await.unwrap();
    let (api, store, mut got) = (client(&server), MemoryStore::new(), RowCounts::new());
    let feed = || api.active_ats().source(["workday"]).location("Germany");
    run(feed().sync_hourly("ats", &store).since(at("2026-03-05T00:00:00Z")), &mut got).await.unwrap();
    let price = feed().sync_hourly("other", &store).since(at("2026-03-05T00:00:00Z")).plan().await.unwrap();
    assert!(!price.exact && price.jobs > got.len() as u64, "an upper bound");
    let counts: Vec<_> = log(&server).into_iter().filter(|line| line.starts_with("active-ats-count")).collect();
    assert!(counts.iter().all(|line| !line.contains("source=") && line.contains("location=Germany")));
    assert!(got.len() > 100 && got.len() as u64 == server.jobs_billed());

    let other = run(api.active_ats().title("nurse").sync_hourly("ats", &store), &mut got).await.unwrap_err();
    assert!(other.to_string().contains("another query"), "{other}");
}

#[tokio::test]
async fn an_interval_is_recovered_once_for_each_key() {
    let server = simulator().start().await.unwrap();
    let (api, store, mut got) = (client(&server), MemoryStore::new(), RowCounts::new());
    let interval = Interval { from: at("2026-03-07T10:30:00Z"), until: at("2026-03-08T11:00:00.5Z") };
    let feed = api.active_ats().title(Natural::any_of(["nurse"]));
    run(feed.clone().recover("interval", &store, interval), &mut got).await.unwrap();
    assert!(got.len() > 50 && got.len() < 300);
    let report = run(feed.clone().recover("interval", &store, interval), &mut got).await.unwrap();
    assert_eq!((report.outcome, report.counts.requests), (Outcome::Complete, 0), "the run is already complete");
    let late = Interval { until: server.now(), ..interval };
    let error = run(feed.recover("late", &store, late), &mut got).await.unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error}");
}

#[tokio::test]
async fn settings_of_a_sync_are_checked_before_anything_is_sent() {
    use jobfeed::fantastic_jobs::TimeFrame;
    let server = simulator().start().await.unwrap();
    let (api, store) = (client(&server), MemoryStore::new());
    let feeds = [
        api.active_ats().time_frame(TimeFrame::Hour),
        api.active_ats().date_created_gte(at("2026-03-01T00:00:00Z")),
        api.active_ats().offset(0),
        api.active_ats().page_size(0),
    ];
    for feed in feeds {
        let error = run(feed.sync_hourly("ats", &store), &mut RowCounts::new()).await.unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{error}");
    }
    let error =
        run(api.active_ats().backfill("ats", &store, Depth::Week).slices(0), &mut RowCounts::new()).await.unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error}");
    assert_eq!(server.served().requests, 0);
}

#[tokio::test]
async fn edits_arrive_with_the_names_of_their_fields() {
    let server = simulator().start().await.unwrap();
    let (api, store) = (client(&server), MemoryStore::new());
    let rows = server.indexed(FeedName::Ats, at("2026-03-08T00:00:00Z"), at("2026-03-09T00:00:00Z"));
    let edit = |from: usize, to: usize, ago: i64| {
        let when = server.now() - hours(ago);
        server.with(FeedName::Ats, |data| data.retitle(&rows[from..to], "Chief Baker", when));
    };
    edit(0, 120, 3);
    let sync = || api.modified_ats().page_size(50).sync_modified("edits", &store);
    let mut seen = Vec::new();
    let mut run = sync().await.unwrap();
    while let Some(batch) = run.next().await.unwrap() {
        for (job, raw) in batch.page().rows() {
            assert_eq!(job.changed(raw)["title"], "Chief Baker");
            assert_eq!(job.changed(raw).len(), 1);
            seen.push(job.id);
        }
        batch.commit().await.unwrap();
    }
    assert_eq!(seen, rows[..120]);
    let cursors: Vec<_> = log(&server).iter().map(|line| line.rsplit('=').next().unwrap().to_owned()).collect();
    assert_eq!(
        cursors,
        ["1".to_owned(), rows[49].to_string(), rows[99].to_string(), rows[119].to_string(), rows[119].to_string()]
    );

    server.advance(hours(23));
    edit(200, 210, 1);
    let mut run = sync().await.unwrap();
    let batch = run.next().await.unwrap().unwrap();
    assert_eq!(batch.items().len(), 10, "only the new edits");
    // Dropped before the commit: the page is delivered again.
    drop(batch);
    drop(run);
    let mut run = sync().await.unwrap();
    run.next().await.unwrap().unwrap().commit().await.unwrap();
    while let Some(batch) = run.next().await.unwrap() {
        batch.commit().await.unwrap();
    }
    server.advance(hours(25));
    let error = sync().await.unwrap_err();
    assert!(matches!(&error, Error::Gap { from, .. } if *from == server.now() - hours(25)), "{error}");
    let run = sync().accept_loss().await.unwrap();
    assert_eq!(run.report().details["lost"].as_array().unwrap().len(), 1);
}

/// The count is free and says that no job remains: then no page is requested.
#[tokio::test]
async fn no_row_is_bought_when_the_count_says_that_no_job_remains() {
    let server = simulator().quotas(0, 1_000).start().await.unwrap();
    let (api, store) = (client(&server), MemoryStore::new());
    let report = run(api.active_ats().sync_hourly("ats", &store), &mut RowCounts::new()).await.unwrap();
    assert!(matches!(report.outcome, Outcome::Paused { until } if until > server.now()), "{report}");
    assert_eq!((server.jobs_billed(), server.served().requests), (0, 1), "only the count");

    // Every clone of the client knows it, whatever the sync, until the next billing period.
    let report = run(api.clone().active_ats().sync_hourly("other", &store), &mut RowCounts::new()).await.unwrap();
    assert!(matches!(report.outcome, Outcome::Paused { until } if until == at("2026-04-01T00:00:00Z")), "{report}");
    assert_eq!(server.served().requests, 1, "nothing is sent");
    server.advance(hours(24 * 40));
    run(api.active_ats().sync_hourly("other", &store), &mut RowCounts::new()).await.unwrap();
    assert_eq!(server.served().requests, 2, "in the next period the server is asked again");
}

#[tokio::test]
async fn promise_7_a_used_up_requests_quota_pauses_the_client_until_the_billing_date() {
    let server = simulator().quotas(1_000, 2).start().await.unwrap();
    let (api, store) = (client(&server), MemoryStore::new());
    for _ in 0..2 {
        let sync = api.active_ats().page_size(10).sync_hourly("ats", &store).since(at("2026-03-10T02:00:00Z"));
        let report = run(sync, &mut RowCounts::new()).await.unwrap();
        let Outcome::Paused { until } = report.outcome else { panic!("{report}") };
        assert!(until.duration_since(at("2026-04-01T00:00:00Z")).abs() < SignedDuration::from_mins(1), "{until}");
        assert_eq!(server.served().requests, 2, "the server said with the second answer that no request remains");
    }
    // Another client with the same key knows it too.
    let report = run(client(&server).active_ats().sync_hourly("b", &store), &mut RowCounts::new()).await.unwrap();
    assert!(matches!(report.outcome, Outcome::Paused { .. }), "{report}");
    assert_eq!(server.served().requests, 2);
    // Another process learns it from the 429, and does not retry.
    drop(api);
    let report = run(client(&server).active_ats().sync_hourly("b", &store), &mut RowCounts::new()).await.unwrap();
    assert!(matches!(report.outcome, Outcome::Paused { .. }), "{report}");
    assert_eq!(server.served().requests, 3);
}

/// The feed's 24 hours are those of the answer, not of the start of the run.
#[tokio::test]
async fn promise_1_edits_that_the_feed_no_longer_has_are_reported() {
    let server = simulator().start().await.unwrap();
    let (api, store) = (client(&server), MemoryStore::new());
    let sync = || api.modified_ats().sync_modified("edits", &store);
    let first = server.now();
    sync().await.unwrap().for_each(|_| async { Ok::<_, Error>(()) }).await.unwrap();

    server.advance(hours(23));
    let mut run = sync().await.unwrap();
    server.advance_at_request(server.served().requests + 1, hours(2));
    let error = run.next().await.unwrap_err();
    assert!(
        matches!(&error, Error::Gap { from, until, .. } if (*from, *until) == (first, first + hours(1))),
        "{error}"
    );

    let mut run = sync().accept_loss().await.unwrap();
    let report = run.for_each(|_| async { Ok::<_, Error>(()) }).await.unwrap();
    assert_eq!(report.details["lost"][0]["until"], (first + hours(1)).to_string());

    // A delay within the tolerance is no error, but is reported.
    server.advance(hours(24) + SignedDuration::from_mins(5));
    let report = sync().await.unwrap().for_each(|_| async { Ok::<_, Error>(()) }).await.unwrap();
    assert_eq!(report.details["lost"][0]["from"], (first + hours(25)).to_string());
}

#[tokio::test]
async fn a_plan_without_the_modified_feed_gets_a_clear_error() {
    let server = simulator().subscription(Subscription::Starter).start().await.unwrap();
    let api = client_with(&server, RetryPolicy::none());
    let mut run = api.modified_ats().sync_modified("edits", MemoryStore::new()).await.unwrap();
    let error = run.next().await.unwrap_err();
    assert_eq!(error.status().unwrap(), 403);
    assert!(error.to_string().contains("what your plan includes"), "{error}");
}
