//! Syncs of described listings: every kind of mark, how the lower bound is sent, removals, delta tokens, kills.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jobfeed::checkpoint::MemoryStore;
use jobfeed::endpoint::Coverage;
use jobfeed::jiff::{Timestamp, civil::date};
use jobfeed::paginate::{ReadAt, Scheme, SendAt};
use jobfeed::rest::{BoundFormat, Client, RecordsRequest, Removals, Watermark};
use jobfeed::{Checkpoint, Clock, Error, Mark, Outcome, RateLimit, SyncRun};
use serde_json::{Value, json};

use super::{client, query, sent};
use crate::support::{Reply, Script, kill_after, paused_runtime};

async fn commit<C: Checkpoint>(run: &mut SyncRun<Value, C>) -> jobfeed::Result<Vec<u64>> {
    let mut ids = Vec::new();
    while let Some(batch) = run.next().await? {
        ids.extend(batch.items().iter().map(|row| row["id"].as_u64().unwrap()));
        batch.commit().await?;
    }
    Ok(ids)
}

/// Runs a sync twice over one page of these records and returns the queries.
async fn two_runs(watermark: Watermark, marks: &Value) -> Vec<String> {
    let shown: Vec<Value> =
        marks.as_array().unwrap().iter().enumerate().map(|(id, mark)| json!({"id": id, "m": {"at": mark}})).collect();
    let script = Script::replies(vec![Reply::page(&Value::from(shown.clone()).to_string())]);
    let rows = shown.len();
    // Long after all marks.
    let clock = Clock::fixed("2026-06-01T00:00:00Z".parse().unwrap());
    let builder = Client::builder().base_url("http://own.test/v1/").transport(script.clone()).clock(clock);
    let api = builder.rate_limit(RateLimit::unlimited()).build().unwrap();
    let store = MemoryStore::new();
    for _ in 0..2 {
        let mut run = api.list::<Value>("rows").watermark(watermark.clone()).sync_since("k", &store).await.unwrap();
        assert_eq!(commit(&mut run).await.unwrap().len(), rows);
        assert_eq!(run.report().outcome, Outcome::Complete);
    }
    sent(&script).iter().map(|target| target.split_once('?').map_or("", |(_, query)| query).to_owned()).collect()
}

#[tokio::test]
async fn each_kind_of_mark_is_read_and_sent_as_described() {
    let times = json!(["2026-05-01T10:00:00.25+02:00", "2026-05-01T07:00:00Z"]);
    let seconds = json!([1_777_618_800, "1777622400", 1_777_622_400.75]);
    let days = json!(["2026-05-01", "2026-04-30", "2026-05-01T23:30:00-01:00"]);
    let (milliseconds, before_1970) = (json!([1_777_622_400_250_u64]), json!([-1500]));
    let (ids, texts) = (json!([8, "9"]), json!(["01A", "01B"]));
    let instant = || Watermark::instant("/m/at", "since");
    let cases: Vec<(Watermark, &Value, &str)> = vec![
        (instant(), &times, "2026-05-01T08%3A00%3A00.25Z"),
        (instant().format(BoundFormat::Rfc3339Seconds), &times, "2026-05-01T08%3A00%3A00Z"),
        (instant().format(BoundFormat::UnixSeconds), &times, "1777622400"),
        (instant().format(BoundFormat::UnixMilliseconds), &times, "1777622400250"),
        (instant().format(BoundFormat::Day), &times, "2026-05-01"),
        (instant().overlap(600), &times, "2026-05-01T07%3A50%3A00.25Z"),
        (instant().excludes_bound(), &times, "2026-05-01T07%3A59%3A59.25Z"),
        (instant().format(BoundFormat::UnixMilliseconds).excludes_bound(), &times, "1777622400249"),
        (instant().lag(Duration::from_secs(31 * 86_400)), &times, "2026-05-01T00%3A00%3A00Z"),
        (instant().covers(Coverage::StartOfRun).lag(Duration::from_secs(5)), &times, "2026-05-31T23%3A59%3A55Z"),
        (Watermark::unix_seconds("/m/at", "since"), &seconds, "1777622400"),
        (
            Watermark::unix_seconds("/m/at", "since").format(BoundFormat::Rfc3339),
            &seconds,
            "2026-05-01T08%3A00%3A00.75Z",
        ),
        (Watermark::unix_milliseconds("/m/at", "since"), &milliseconds, "1777622400250"),
        (Watermark::unix_milliseconds("/m/at", "since"), &before_1970, "-1500"),
        (Watermark::unix_milliseconds("/m/at", "since").format(BoundFormat::UnixSeconds), &before_1970, "-2"),
        (Watermark::day("/m/at", "since"), &days, "2026-05-02"),
        (Watermark::day("/m/at", "since").overlap(2).excludes_bound(), &days, "2026-04-29"),
        (Watermark::id("/m/at", "since"), &ids, "9"),
        (Watermark::id("/m/at", "since").overlap(3).excludes_bound(), &ids, "5"),
        (Watermark::text("/m/at", "since"), &texts, "01B"),
    ];
    for (watermark, marks, bound) in cases {
        let queries = two_runs(watermark.clone(), marks).await;
        assert_eq!(queries, [String::new(), format!("since={bound}")], "{watermark:?}");
    }
}

#[tokio::test]
async fn promise_1_a_first_run_has_no_bound_and_records_without_a_mark_are_delivered_and_counted() {
    let rows = r#"[{"id":1,"at":"2026-05-01T10:00:00Z"},{"id":2,"at":null},{"id":3},{"id":4,"at":"soon"}]"#;
    let script = Script::replies(vec![Reply::page(rows)]);
    let list = client(&script).list::<Value>("rows").watermark(Watermark::instant("/at", "since"));
    let mut run = list.sync_since("k", MemoryStore::new()).await.unwrap();
    assert_eq!(commit(&mut run).await.unwrap(), [1, 2, 3, 4]);
    assert_eq!(run.report().details["without_mark"], 3);
    assert_eq!(sent(&script), ["/v1/rows"]);
}

/// In a list that is not in the order of ids, a record may have entered on a page that was read, with a lower id than others.
#[tokio::test]
async fn promise_1_the_watermark_of_ids_in_another_order_is_that_of_the_first_page_unless_described_otherwise() {
    for (covers, bound) in [(None, "9"), (Some(Coverage::HighestSeen), "20")] {
        let script = Script::new(|_, request| match query(request).contains_key("after") {
            false => Reply::page(r#"{"rows":[{"id":5},{"id":9}],"next":"n"}"#),
            true => Reply::page(r#"{"rows":[{"id":20},{"id":1}],"next":null}"#),
        });
        let list = client(&script).list::<Value>("rows").records_at("/rows").key("id");
        let list = list.paginate(Scheme::token_at(ReadAt::pointer("/next"), "after").fixed_positions());
        let watermark = Watermark::id("/id", "since");
        let list = list.watermark(covers.map_or(watermark.clone(), |covers| watermark.covers(covers)));
        let store = MemoryStore::new();
        for _ in 0..2 {
            commit(&mut list.clone().sync_since("k", &store).await.unwrap()).await.unwrap();
        }
        assert_eq!(sent(&script)[2], format!("/v1/rows?since={bound}"));
    }
}

#[tokio::test]
async fn a_first_run_begins_at_the_mark_that_the_caller_gives() {
    let script = Script::replies(vec![Reply::page("[]")]);
    let list = client(&script).list::<Value>("rows").watermark(Watermark::day("/at", SendAt::header("X-Since")));
    let sync = || list.clone().sync_since("k", MemoryStore::new());
    commit(&mut sync().since(Mark::Date(date(2026, 5, 1))).await.unwrap()).await.unwrap();
    assert_eq!(script.log.lock().unwrap()[0].1.headers()["x-since"], "2026-05-01");
    let error = sync().since(Mark::Id(4)).await.unwrap_err();
    assert!(matches!(&error, Error::Invalid { what, .. } if what == "since"), "{error}");
}

#[tokio::test]
async fn removals_are_separated_by_value_or_by_presence() {
    for (removals, row) in [
        (Removals::equals("/meta/state", "gone"), json!({"id": 2, "meta": {"state": "gone"}})),
        (Removals::equals("/deleted", true), json!({"id": 2, "deleted": true})),
        (Removals::present("/meta/deleted_at"), json!({"id": 2, "meta": {"deleted_at": "2026-05-01"}})),
    ] {
        let live = json!({"id": 1, "deleted": false, "meta": {"state": "open", "deleted_at": null}});
        let script = Script::replies(vec![Reply::page(&json!([live, row]).to_string())]);
        let list = client(&script).list::<Value>("rows").watermark(Watermark::id("/id", "since"));
        let mut run = list.removals(removals).sync_since("k", MemoryStore::new()).await.unwrap();
        let batch = run.next().await.unwrap().unwrap();
        assert_eq!((batch.items().len(), batch.removals().len()), (1, 1));
        assert_eq!(batch.removals().next().unwrap().get::<u64>("id"), Some(2));
        batch.commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_delta_token_in_body_or_header_starts_the_next_run_and_410_reads_the_whole_list() {
    for in_header in [false, true] {
        let script = Script::new(move |index, request| match query(request).get("delta").map(String::as_str) {
            Some("t0") if index > 2 => Reply::status(410),
            _ => Reply::page(&format!(r#"{{"rows":[{{"id":{index}}}],"delta":"t{index}"}}"#))
                .header("x-delta", format!("t{index}")),
        });
        let at = if in_header { ReadAt::header("X-Delta") } else { ReadAt::pointer("/delta") };
        let list =
            client(&script).list::<Value>("rows").records_at("/rows").watermark(Watermark::delta_token(at, "delta"));
        let store = MemoryStore::new();
        for expected in [0, 1] {
            let mut run = list.clone().sync_since("k", &store).await.unwrap();
            assert_eq!(commit(&mut run).await.unwrap(), [expected]);
            assert_eq!(run.state().watermark(), Some(Mark::Text(format!("t{expected}"))));
        }
        assert_eq!(sent(&script), ["/v1/rows", "/v1/rows?delta=t0"]);
        // Another checkpoint that stands at the first token, when the server no longer knows it.
        let (old, mut run) = (MemoryStore::new(), list.clone().sync_since("k", MemoryStore::new()).await.unwrap());
        commit(&mut run).await.unwrap();
        let refused = Script::new(|index, request| match query(request).contains_key("delta") {
            true if index > 0 => Reply::status(410),
            _ => Reply::page(r#"{"rows":[{"id":5}],"delta":"n"}"#).header("x-delta", "n"),
        });
        let list = client(&refused).list::<Value>("rows").records_at("/rows");
        let at = if in_header { ReadAt::header("X-Delta") } else { ReadAt::pointer("/delta") };
        let list = list.watermark(Watermark::delta_token(at, "delta"));
        commit(&mut list.clone().sync_since("k", &old).await.unwrap()).await.unwrap();
        let mut run = list.sync_since("k", &old).await.unwrap();
        assert_eq!(commit(&mut run).await.unwrap(), [5]);
        assert_eq!(run.report().details["bound_refused"], true);
        assert_eq!(sent(&refused), ["/v1/rows", "/v1/rows?delta=n", "/v1/rows"]);
    }
}

#[tokio::test]
async fn a_watermark_that_cannot_be_is_refused_before_anything_is_sent() {
    let text = || Watermark::text("/at", "since");
    let cases = [
        (Watermark::instant("at", "since"), "watermark.mark.instant"),
        (Watermark::id("", "since"), "watermark.mark.id"),
        (Watermark::delta_token(ReadAt::header(""), "d"), "watermark.mark.delta_token.header"),
        (Watermark::id("/id", ""), "watermark.send.query"),
        (Watermark::id("/id", "tag"), "query.tag"),
        (Watermark::id("/id", SendAt::body("/since")), "method"),
        (Watermark::id("/id", "since").format(BoundFormat::Day), "watermark.format"),
        (text().excludes_bound(), "watermark.excludes_bound"),
        (text().overlap(1), "watermark.overlap"),
        (Watermark::day("/at", "since").overlap(1 << 40), "watermark.overlap"),
        (Watermark::day("/at", "since").lag(Duration::from_secs(1)), "watermark.lag"),
        (text().covers(Coverage::StartOfRun), "watermark.covers"),
        (text().covers(Coverage::Envelope), "watermark.covers"),
        (Watermark::delta_token(ReadAt::pointer("/d"), "d").covers(Coverage::Settled), "watermark.covers"),
    ];
    for (watermark, field) in cases {
        let script = Script::replies(vec![Reply::page("[]")]);
        let list = client(&script).list::<Value>("rows").query("tag", 1).watermark(watermark.clone());
        let error = list.sync_since("k", MemoryStore::new()).await.unwrap_err();
        assert!(matches!(&error, Error::Invalid { what, .. } if what == field), "{watermark:?}: {error}");
    }
    let list = client(&Script::replies(vec![Reply::page("[]")])).list::<Value>("rows");
    let error = list.sync_since("k", MemoryStore::new()).await.unwrap_err();
    assert!(matches!(&error, Error::Invalid { what, .. } if what == "watermark"), "{error}");
}

#[tokio::test]
async fn promise_10_a_checkpoint_belongs_to_the_description() {
    let script = Script::new(|_, request| match request.uri().path().ends_with("s") {
        true => Reply::page(r#"[{"id":1,"at":"2026-05-01"}]"#),
        false => Reply::page(r#"{"r":[{"id":1}]}"#),
    });
    let api = client(&script);
    let list = || api.list::<Value>("rows").key("id").watermark(Watermark::day("/at", "since"));
    let store = MemoryStore::new();
    commit(&mut list().sync_since("k", &store).await.unwrap()).await.unwrap();
    let same = [
        list(),
        list().header("If-None-Match", "\"a\""),
        list().watermark(Watermark::day("/at", "since").overlap(3)),
        client(&script)
            .header("X-Version", "2")
            .unwrap()
            .list("rows")
            .key("id")
            .watermark(Watermark::day("/at", "since")),
    ];
    for list in same {
        assert!(list.sync_since("k", &store).await.is_ok());
    }
    let others: Vec<RecordsRequest<Value>> = vec![
        list().query("tag", 1),
        list().header("X-Tenant", "b"),
        list().records_at("/r"),
        list().search(json!({})),
        list().paginate(Scheme::link_header()),
        list().paginate(Scheme::single_page().page_size("n", 5)),
        list().watermark(Watermark::day("/created", "since")),
        list().watermark(Watermark::day("/at", "from")),
        api.list("row").key("id").watermark(Watermark::day("/at", "since")),
    ];
    for (index, list) in others.into_iter().enumerate() {
        let error = list.sync_since("k", &store).await.err();
        assert!(matches!(error, Some(Error::Checkpoint { .. })), "{index}: {error:?}");
    }
}

#[tokio::test]
async fn promise_1_a_clock_that_was_ahead_in_another_process_does_not_move_the_watermark_too_far() {
    let server: Timestamp = "2026-05-01T12:00:00Z".parse().unwrap();
    let now = Arc::new(Mutex::new(server));
    let script = Script::new({
        let now = now.clone();
        move |_, request| {
            let date = httpdate::fmt_http_date((*now.lock().unwrap()).into());
            let body = match query(request).contains_key("after") {
                false => r#"{"rows":[{"id":1,"at":"2026-05-01T10:00:00Z"}],"next":"n"}"#,
                true => r#"{"rows":[{"id":2,"at":"2026-05-01T12:20:00Z"}],"next":null}"#,
            };
            Reply::page(body).header("date", date)
        }
    });
    let api = |ahead: Duration| {
        let now = now.clone();
        let clock = Clock::from_fn(move || *now.lock().unwrap() + ahead);
        let builder = Client::builder().base_url("http://own.test/v1/").transport(script.clone()).clock(clock);
        let list = builder.rate_limit(RateLimit::unlimited()).build().unwrap().list::<Value>("rows");
        let list = list.records_at("/rows").key("id").watermark(Watermark::instant("/at", "since"));
        list.paginate(Scheme::token_at(ReadAt::pointer("/next"), "after").fixed_positions())
    };
    let store = MemoryStore::new();
    let mut run = api(Duration::from_secs(3600)).sync_since("k", &store).prefetch(false).await.unwrap();
    run.next().await.unwrap().unwrap().commit().await.unwrap();
    drop(run);
    // At 12:10 record 1 changes; the clock is set; at 12:30 the run goes on.
    *now.lock().unwrap() = "2026-05-01T12:30:00Z".parse().unwrap();
    let mut run = api(Duration::ZERO).sync_since("k", &store).prefetch(false).await.unwrap();
    commit(&mut run).await.unwrap();
    let Some(Mark::Time(mark)) = run.state().watermark() else { panic!() };
    assert!(mark <= server, "{mark}");
}

/// Ids, each with the second of its last change.
type Rows = Arc<Mutex<Vec<(u64, i64)>>>;

/// 37 rows by time, ten on a page, whose next page is in the `Link` header; one row changes at each request.
fn feed() -> (Script, Rows) {
    let rows: Rows = Arc::new(Mutex::new((1..=37).map(|id| (id, id as i64 / 3)).collect()));
    let shared = rows.clone();
    let script = Script::new(move |index, request| {
        let mut rows = shared.lock().unwrap();
        let changing = index % 37;
        rows[changing].1 = 100 + index as i64;
        let query = query(request);
        let instant = |seconds: i64| Timestamp::from_second(1_777_000_000 + seconds).unwrap();
        let since = query.get("since").map(|since| since.parse::<Timestamp>().unwrap());
        let after = query.get("after").map(|after| after.parse::<i64>().unwrap());
        let mut shown: Vec<(i64, u64)> = rows.iter().map(|(id, at)| (*at, *id)).collect();
        shown.sort();
        shown.retain(|(at, _)| since.is_none_or(|since| instant(*at) >= since));
        shown.retain(|(at, id)| after.is_none_or(|after| at * 1000 + *id as i64 > after));
        let more = shown.len() > 10;
        shown.truncate(10);
        let page: Vec<Value> = shown.iter().map(|(at, id)| json!({"id": id, "at": instant(*at)})).collect();
        let reply = Reply::page(&Value::from(page).to_string());
        match shown.last().filter(|_| more) {
            Some((at, id)) => {
                let since = query.get("since").map(|since| format!("&since={since}")).unwrap_or_default();
                reply.header("link", format!("<?after={}{since}>; rel=next", at * 1000 + *id as i64))
            }
            None => reply,
        }
    });
    (script, rows)
}

#[test]
fn promise_1_a_described_sync_that_is_killed_at_any_point_loses_no_row() {
    let runtime = paused_runtime();
    for polls in (1..120).step_by(3) {
        let (script, rows) = feed();
        let scheme = Scheme::link_header().fixed_positions();
        let list = client(&script).list::<Value>("rows").paginate(scheme).key("id");
        let list = list.watermark(Watermark::instant("/at", "since"));
        let (store, got) = (MemoryStore::new(), Mutex::new(BTreeSet::new()));
        let run = || async {
            let mut run = list.clone().sync_since("k", &store).await?;
            while let Some(batch) = run.next().await? {
                got.lock().unwrap().extend(
                    batch
                        .items()
                        .iter()
                        .map(|row| (row["id"].as_u64().unwrap(), row["at"].as_str().unwrap().to_owned())),
                );
                batch.commit().await?;
            }
            Ok(())
        };
        for polls in [polls, polls / 2 + 1] {
            kill_after(&runtime, polls, run());
        }
        let ids: BTreeSet<u64> = {
            runtime.block_on(run()).unwrap();
            got.lock().unwrap().iter().map(|(id, _)| *id).collect()
        };
        assert_eq!(ids.len(), rows.lock().unwrap().len(), "killed after {polls} polls");
    }
}
