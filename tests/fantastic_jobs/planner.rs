//! The planner: its calls cover an interval exactly, for any clock and any lengths of the windows.

use jobfeed::fantastic_jobs::{Cadence, Interval, Plan, Planner, TimeFrame};
use jobfeed::jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::kit::at;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
const SIX_MONTHS: SignedDuration = SignedDuration::from_hours(180 * 24);

fn plus(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.checked_add(span).unwrap()
}

fn minus(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.checked_sub(span).unwrap()
}

fn floor_hour(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second() - at.as_second().rem_euclid(3600)).unwrap()
}

/// The interval that a window shows at `now`. `long_day`: whether `24h` has 25 hours.
fn shown(frame: TimeFrame, long_day: bool, now: Timestamp) -> Interval {
    let hour = floor_hour(now);
    let back = |span| minus(hour, span);
    let day = HOUR * if long_day { 26 } else { 25 };
    match frame {
        TimeFrame::Hour => Interval { from: back(HOUR * 2), until: back(HOUR) },
        TimeFrame::Day => Interval { from: back(day), until: back(HOUR) },
        TimeFrame::Week => Interval { from: minus(now, WEEK), until: minus(now, SignedDuration::from_mins(45)) },
        TimeFrame::SixMonths => {
            Interval { from: minus(now, SIX_MONTHS), until: minus(now, SignedDuration::from_mins(45)) }
        }
    }
}

fn frame(covered: &str, now: &str) -> Option<TimeFrame> {
    match Planner::hourly().plan(at(covered), at(now)) {
        Plan::Calls(calls) => Some(calls[0].time_frame),
        _ => None,
    }
}

#[test]
fn each_length_of_the_gap_has_its_window() {
    let now = "2026-01-02T09:15:00Z";
    assert_eq!(frame("2026-01-02T07:00:00Z", now), Some(TimeFrame::Hour));
    assert_eq!(frame("2026-01-02T07:30:00Z", now), Some(TimeFrame::Hour), "a part of an hour");
    assert_eq!(frame("2026-01-02T06:59:59Z", now), Some(TimeFrame::Day));
    assert_eq!(frame("2026-01-01T08:00:00Z", now), Some(TimeFrame::Day));
    assert_eq!(frame("2026-01-01T07:59:59Z", now), Some(TimeFrame::Week));
    assert_eq!(frame("2025-12-26T10:16:00Z", now), Some(TimeFrame::Week), "7 days less an hour");
    assert_eq!(frame("2025-12-26T10:15:00Z", now), Some(TimeFrame::SixMonths));
    let covered = at("2026-01-02T08:00:00Z");
    assert_eq!(Planner::hourly().plan(covered, at(now)), Plan::NotYet { due: at("2026-01-02T10:01:00Z") });
}

#[test]
fn a_gap_longer_than_the_longest_window_reports_the_lost_interval() {
    let (covered, now) = (at("2025-01-01T00:00:00Z"), at("2026-01-02T09:15:00Z"));
    let Plan::Lost { lost, rest } = Planner::hourly().plan(covered, now) else { panic!("a year is too long") };
    assert_eq!(lost, Interval { from: covered, until: Planner::hourly().deepest(now) });
    assert_eq!(rest[0].interval, Interval { from: lost.until, until: at("2026-01-02T08:00:00Z") });
}

#[test]
fn around_the_full_hour_a_call_is_valid_in_both_hours() {
    assert_eq!(frame("2026-01-02T07:00:00Z", "2026-01-02T09:59:30Z"), Some(TimeFrame::Day));
    assert_eq!(frame("2026-01-02T08:00:00Z", "2026-01-02T10:00:30Z"), None);
    assert_eq!(frame("2026-01-02T08:00:00Z", "2026-01-02T10:01:00Z"), Some(TimeFrame::Hour));
}

#[test]
fn a_daily_run_is_due_after_24_hours() {
    let plan = |now| Planner::daily().plan(at("2026-01-01T08:00:00Z"), at(now));
    assert_eq!(plan("2026-01-02T08:59:00Z"), Plan::NotYet { due: at("2026-01-02T09:01:00Z") });
    assert!(matches!(plan("2026-01-02T09:01:00Z"), Plan::Calls(_)));
}

proptest! {
    /// Months of runs at random times, with outages, slow calls, both lengths of `24h`, and a wrong local clock.
    #[test]
    fn the_intervals_neither_overlap_nor_leave_a_gap(
        daily: bool, long_day: bool, offset in -60i64..=60,
        steps in proptest::collection::vec((0i64..8, 1i64..7_200, 0i64..4_000), 1..300),
    ) {
        let planner = Planner::new(if daily { Cadence::Daily } else { Cadence::Hourly });
        let begin = at("2026-01-01T00:00:00Z");
        let (mut server, mut covered) = (at("2026-01-01T05:00:00Z"), begin);
        let mut fetched = Vec::new();
        for (kind, seconds, slow) in steps {
            // Mostly about an hour; sometimes an outage of days or weeks.
            let pause = match kind { 0 => seconds * 100, 1 => seconds * 10, _ => seconds };
            server = plus(server, SignedDuration::from_secs(pause));
            let local = |server: Timestamp| plus(server, SignedDuration::from_secs(offset));
            match planner.plan(covered, local(server)) {
                Plan::NotYet { due } => {
                    prop_assert!(due > local(server));
                    let rewound = planner.plan(covered, minus(local(server), HOUR * 5));
                    prop_assert!(matches!(rewound, Plan::NotYet { .. }), "nothing is due when the clock goes back");
                    prop_assert!(matches!(planner.plan(covered, due), Plan::Calls(_)), "a call is due at the due time");
                }
                Plan::Calls(calls) => {
                    let answered = plus(server, SignedDuration::from_secs(slow));
                    for call in calls {
                        // The server may evaluate the call at any time between these two.
                        if planner.holds(&call, local(answered)) {
                            for moment in [server, answered] {
                                let shown = shown(call.time_frame, long_day, moment);
                                prop_assert!(shown.from <= call.interval.from && call.interval.until <= shown.until);
                            }
                            fetched.push(call.interval);
                            covered = call.interval.until;
                        }
                    }
                    server = answered;
                }
                Plan::Lost { .. } => prop_assert!(server.duration_since(covered) >= DAY * 178),
            }
        }
        let mut end = begin;
        for interval in &fetched {
            prop_assert_eq!(interval.from, end, "neither gap nor overlap");
            prop_assert!(interval.from < interval.until);
            end = interval.until;
        }
        prop_assert_eq!(end, covered);
    }

    /// Every gap is covered by a call, or its lost part is reported.
    #[test]
    fn every_gap_is_covered_or_reported(seconds in 0i64..400 * 86_400, now in 0i64..86_400) {
        let now = plus(at("2026-06-01T00:00:00Z"), SignedDuration::from_secs(now));
        let covered = minus(now, SignedDuration::from_secs(seconds));
        let until = Planner::hourly().available(now);
        match Planner::hourly().plan(covered, now) {
            Plan::NotYet { due } => prop_assert!(covered >= until && due > now),
            Plan::Calls(calls) => prop_assert_eq!(calls[0].interval, Interval { from: covered, until }),
            Plan::Lost { lost, rest } => {
                prop_assert_eq!(lost.from, covered);
                prop_assert_eq!(rest[0].interval, Interval { from: lost.until, until });
            }
        }
    }
}
