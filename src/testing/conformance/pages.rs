//! The checks of whole walks: every record, the end, the account, positions.

use super::case::{Case, ROWS, Settings};
use super::violation::{Violation, equal, holds};
use super::walk::{Walk, start, with_fault};
use crate::error::{Completeness, Error};
use crate::testing::fault::{Fault, When};

/// Each record arrives once, the walk is complete and has no position left, and one request is in flight.
///
/// # Errors
/// The [`Violation`].
pub async fn every_record_arrives_once<C: Case>() -> Result<(), Violation> {
    let case = start::<C>().await?;
    let walk = Walk::whole(&case, &Settings::strictly()).await?;
    walk.delivered_all("a walk")?;
    equal("its completeness", walk.completeness, Some(Completeness::Complete))?;
    equal("its cursor", walk.cursor, None)?;
    equal("requests in flight", case.server().served().peak_in_flight, 1)
}

/// A `next` that leads to a page that was read is [`Error::CursorLoop`], which names the page first seen; it is not followed.
///
/// # Errors
/// The [`Violation`].
pub async fn a_cyclic_next_is_an_error_that_names_the_page_first_seen<C: Case>() -> Result<(), Violation> {
    for fault in [Fault::RepeatNext, Fault::CycleNext] {
        let name = fault.name();
        let (case, walk) = with_fault::<C>(fault, When::Request(5), &Settings::default()).await?;
        if !C::NAMES_NEXT {
            walk.delivered_all(format!("{name}, where no answer names the next page"))?;
            continue;
        }
        let is_loop = |error: &Error| matches!(error, Error::CursorLoop { page: 5, first_seen, .. } if (1..=5).contains(first_seen));
        walk.failed(name, "CursorLoop at page 5, first seen at one of the pages 1 to 5", is_loop)?;
        equal(format!("{name}: records, with those of the page itself"), walk.distinct(), 500)?;
        equal(format!("{name}: requests"), case.server().served().requests, 5)?;
    }
    Ok(())
}

/// A `next` or a redirect to another origin is [`Error::ForeignOrigin`], and nothing is sent there.
///
/// # Errors
/// The [`Violation`].
pub async fn a_foreign_next_or_redirect_is_refused_before_anything_is_sent<C: Case>() -> Result<(), Violation> {
    let other = start::<C>().await?;
    let origin = other.server().origin().origin().ascii_serialization();
    let foreign = format!("{}jobs/?page=6", other.server().base_url());
    for fault in [Fault::ForeignNext(foreign.clone()), Fault::Redirect(foreign)] {
        let (name, redirect) = (fault.name(), matches!(fault, Fault::Redirect(_)));
        let (_, walk) = with_fault::<C>(fault, When::Request(5), &Settings::default()).await?;
        if (C::TOKENS || !C::NAMES_NEXT) && !redirect {
            continue; // there is no link that could name another origin
        }
        if redirect && !C::FOLLOWS_REDIRECTS {
            walk.failed(name, "status 302", |error| error.status() == Some(http::StatusCode::FOUND))?;
            continue;
        }
        let is_foreign = |error: &Error| matches!(error, Error::ForeignOrigin { found, .. } if *found == origin);
        walk.failed(name, &format!("ForeignOrigin that names {origin}"), is_foreign)?;
        equal(format!("{name}: records before it"), walk.distinct(), 400)?;
    }
    equal("requests to the other origin", other.server().served().requests, 0)
}

/// Where answers have a total, a lost `next`, a short page and an empty page are [`Error::Incomplete`] with the number of missing
/// records, unless the way of paging makes them harmless.
///
/// # Errors
/// The [`Violation`].
pub async fn missing_records_are_an_error<C: Case>() -> Result<(), Violation> {
    if !C::TOTAL {
        return Ok(());
    }
    for (fault, missing) in [(Fault::LostNext, 400), (Fault::ShortPage(40), 40), (Fault::EmptyPage, 100)] {
        let name = fault.name();
        let (_, walk) = with_fault::<C>(fault.clone(), When::Request(6), &Settings::default()).await?;
        let harmless = match fault {
            Fault::LostNext => !C::NAMES_NEXT,
            Fault::ShortPage(_) => C::ADVANCES_BY_ROWS,
            _ => false,
        };
        if harmless {
            walk.ended(name)?;
            equal(format!("{name}: records"), walk.distinct(), ROWS)?;
            continue;
        }
        is_short_by(&walk, name, missing)?;
        equal(format!("{name}: all other records"), walk.distinct() as u64, ROWS as u64 - missing)?;
    }
    Ok(())
}

/// That a walk ended as short by this many records.
pub(super) fn is_short_by(walk: &Walk, what: &str, missing: u64) -> Result<(), Violation> {
    let wanted = Completeness::ShortBy(missing);
    let is = |error: &Error| matches!(error, Error::Incomplete { completeness, .. } if *completeness == wanted);
    walk.failed(what, &format!("Incomplete with {wanted:?}"), is).map(drop)
}

/// Where an answer names the next page, an empty page does not end the walk.
///
/// # Errors
/// The [`Violation`].
pub async fn an_empty_page_in_the_middle_is_not_the_end<C: Case>() -> Result<(), Violation> {
    if !C::NAMES_NEXT {
        return Ok(());
    }
    let (case, walk) = with_fault::<C>(Fault::EmptyPage, When::Request(6), &Settings::default()).await?;
    equal("records", walk.distinct(), ROWS - 100)?;
    equal("requests", case.server().served().requests, 10)
}

/// All records arrive when pages have half the size that was asked for, by [`Case::HALVED`] requests.
///
/// # Errors
/// The [`Violation`].
pub async fn all_records_arrive_from_a_server_that_halves_the_page_size<C: Case>() -> Result<(), Violation> {
    let (case, walk) = with_fault::<C>(Fault::HalveLimit, When::Always, &Settings::default()).await?;
    walk.delivered_all("with half pages")?;
    equal("requests", case.server().served().requests, C::HALVED)
}

/// A cursor that was kept as text continues the walk: no page is fetched again, and completeness is that of the whole walk.
///
/// # Errors
/// The [`Violation`].
pub async fn a_walk_continues_from_a_stored_cursor<C: Case>() -> Result<(), Violation> {
    let case = start::<C>().await?;
    let first = Walk::part(&case, &Settings::default(), 7).await?;
    let kept = first.cursor.as_ref().map(ToString::to_string);
    let cursor = kept.as_deref().map(str::parse).and_then(Result::ok);
    holds("the cursor after 7 pages", cursor.is_some(), "one that can be kept as text", kept)?;
    let rest = Walk::whole(&case, &Settings::from(cursor)).await?;
    rest.ended("the rest")?;
    equal("records of both parts", (first.keys.len(), rest.keys.len()), (700, 300))?;
    let all: std::collections::BTreeSet<&String> = first.keys.iter().chain(&rest.keys).collect();
    equal("different records", all.len(), ROWS)?;
    equal("requests", case.server().served().requests, 10 + C::CLOSING)?;
    equal("the completeness of the whole walk", rest.completeness, Some(Completeness::Complete))
}

/// A record that comes twice on one page ends the walk as [`Completeness::Drifted`], because another one is missing.
///
/// # Errors
/// The [`Violation`].
pub async fn promise_4_a_record_twice_in_a_page_is_not_complete<C: Case>() -> Result<(), Violation> {
    let (_, walk) = with_fault::<C>(Fault::DuplicateRecord, When::Request(6), &Settings::default()).await?;
    let is_drifted = |error: &Error| {
        matches!(error, Error::Incomplete { completeness: Completeness::Drifted { repeated: 1, .. }, .. })
    };
    walk.failed("a record twice", "Incomplete with Drifted, 1 repeated", is_drifted)?;
    equal("records, and different ones", (walk.keys.len(), walk.distinct()), (ROWS, ROWS - 1))
}
