//! The checks of answers that fail, are damaged, or ask the client to wait.

use std::time::Duration;

use futures::future::{Either, select};
use http::StatusCode;

use super::case::{Case, ROWS, Settings};
use super::pages::is_short_by;
use super::violation::{Violation, equal, holds};
use super::walk::{Walk, start, with_fault};
use crate::error::{Completeness, Error};
use crate::json::BodyProblem;
use crate::testing::fault::{Fault, When};
use crate::testing::page_faults::TotalForm;
use crate::testing::time;

/// Whether an error is the expected one.
type IsError = fn(&Error) -> bool;

/// A reply with this status.
fn status(code: u16, retry_after: Option<u64>) -> Fault {
    Fault::Status { code, retry_after }
}

/// After temporary faults, the walk has the same result as without them, and each fault costs one request.
///
/// # Errors
/// The [`Violation`].
pub async fn temporary_faults_are_retried<C: Case>() -> Result<(), Violation> {
    let faults = [
        status(500, None),
        status(503, Some(0)),
        status(429, Some(0)),
        status(408, None),
        Fault::CutBody,
        Fault::TruncatedJson,
        Fault::Drop,
    ];
    for fault in faults {
        let name = format!("{fault:?}");
        let (case, walk) = with_fault::<C>(fault, When::Requests(3..=4), &Settings::default()).await?;
        walk.delivered_all(&name)?;
        let requests = case.server().served().log.iter().filter(|request| request.list_number.is_some()).count();
        equal(format!("{name}: requests"), requests as u64, 12 + C::CLOSING)?;
    }
    let (_, walk) = with_fault::<C>(Fault::Stall, When::Request(3), &Settings::short()).await?;
    walk.delivered_all("a reply that never comes")
}

/// After a refusal there is no retry, no record is lost, and the walk continues from its cursor.
///
/// # Errors
/// The [`Violation`].
pub async fn promise_5_refusals_are_not_retried_and_lose_nothing<C: Case>() -> Result<(), Violation> {
    let faults: [(Fault, &str, IsError); 7] = [
        (status(400, None), "status 400", |error| error.status() == Some(StatusCode::BAD_REQUEST)),
        (status(401, None), "status 401", |error| error.status() == Some(StatusCode::UNAUTHORIZED)),
        (status(403, None), "status 403", |error| error.status() == Some(StatusCode::FORBIDDEN)),
        (Fault::Html, "Body, Html", |error| matches!(error, Error::Body { problem: BodyProblem::Html, .. })),
        (Fault::ErrorObject, "Body, ErrorObject", |error| {
            matches!(error, Error::Body { problem: BodyProblem::ErrorObject, .. })
        }),
        (Fault::Garbled, "Body, NotJson", |error| matches!(error, Error::Body { problem: BodyProblem::NotJson, .. })),
        (Fault::Oversized(16 << 20), "TooLarge", |error| matches!(error, Error::TooLarge { .. })),
    ];
    for (fault, expected, is) in faults {
        let name = format!("{fault:?}");
        let case = start::<C>().await?;
        case.server().fault(fault, When::Request(4));
        let first = Walk::whole(&case, &Settings::default()).await?;
        let error = first.failed(&name, expected, is)?;
        holds(&name, !error.is_retryable(), "an error that is not retryable", error)?;
        let text = error.to_string();
        let well_said = error.endpoint().is_some() && !text.contains('\n');
        holds(&name, well_said, "an error that names the endpoint, in one line", text)?;
        equal(format!("{name}: records before it"), first.keys.len(), 300)?;
        equal(format!("{name}: requests"), case.server().served().requests, 4)?;
        let rest = Walk::whole(&case, &Settings::from(first.cursor)).await?;
        rest.ended(format!("{name}: the rest"))?;
        equal(format!("{name}: records after it"), rest.keys.len(), 700)?;
    }
    Ok(())
}

/// A wait that is too long ends the walk as [`Error::Paused`] without a further request, and a later walk continues.
///
/// # Errors
/// The [`Violation`].
pub async fn a_long_wait_ends_as_paused_and_a_later_walk_continues<C: Case>() -> Result<(), Violation> {
    let (case, first) = with_fault::<C>(status(429, Some(2710)), When::Request(4), &Settings::default()).await?;
    let is_paused = |error: &Error| matches!(error, Error::Paused { wait, .. } if wait.as_secs() == 2710);
    let error = first.failed("a long wait", "Paused for 2710 s", is_paused)?;
    let told = error.is_rate_limited() && error.is_retryable();
    holds("a long wait", told, "an error that is a rate limit, and retryable", error)?;
    equal("requests", case.server().served().requests, 4)?;
    let rest = Walk::whole(&case, &Settings::from(first.cursor)).await?;
    if C::BY_HOST {
        rest.failed("a new client", "Paused", |error| matches!(error, Error::Paused { .. }))?;
        return equal("records, and requests", (first.keys.len(), case.server().served().requests), (300, 4));
    }
    equal("records of both parts", (first.keys.len(), rest.keys.len()), (300, 700))
}

/// What the head of an answer says holds when its body does not come: a refusal and a wait are errors at once, anything else is
/// retried.
///
/// # Errors
/// The [`Violation`].
pub async fn promise_7_the_head_of_an_answer_holds_when_its_body_hangs<C: Case>() -> Result<(), Violation> {
    let heads: [(_, _, IsError); 2] = [
        (
            status(429, Some(600)),
            "Paused for 600 s",
            |error| matches!(error, Error::Paused { wait, .. } if wait.as_secs() == 600),
        ),
        (status(401, None), "status 401", |error| error.status() == Some(StatusCode::UNAUTHORIZED)),
    ];
    for (head, expected, is) in heads {
        let name = format!("{head:?} without a body");
        let case = start::<C>().await?;
        case.server().fault(head, When::Request(4));
        case.server().fault(Fault::HangingBody, When::Request(4));
        let walk = Walk::whole(&case, &Settings::short()).await?;
        equal(format!("{name}: records, and requests"), (walk.keys.len(), case.server().served().requests), (300, 4))?;
        walk.failed(&name, expected, is)?;
    }
    for fault in [Some(status(503, None)), None] {
        let name = format!("{fault:?} without a body");
        let case = start::<C>().await?;
        if let Some(fault) = fault {
            case.server().fault(fault, When::Requests(3..=4));
        }
        case.server().fault(Fault::HangingBody, When::Requests(3..=4));
        Walk::whole(&case, &Settings::short()).await?.delivered_all(&name)?;
        equal(format!("{name}: requests"), case.server().served().requests, 12 + C::CLOSING)?;
    }
    Ok(())
}

/// A body that never ends is given up at the time limit of an attempt, and asked for again.
///
/// # Errors
/// The [`Violation`].
pub async fn a_body_that_never_ends_is_not_waited_for<C: Case>() -> Result<(), Violation> {
    let fault = Fault::TricklingBody(Duration::from_millis(10));
    let (_, walk) = with_fault::<C>(fault.clone(), When::Requests(3..=4), &Settings::short()).await?;
    walk.delivered_all("two bodies without an end")?;
    let settings = Settings::short();
    let walk = std::pin::pin!(with_fault::<C>(fault, When::Always, &settings));
    let Either::Left((ended, _)) = select(walk, std::pin::pin!(time::pause(Duration::from_secs(15)))).await else {
        return Err(Violation::new("only bodies without an end", "Timeout within 15 s", "no end"));
    };
    ended?.1.failed("only bodies without an end", "Timeout", |error| matches!(error, Error::Timeout { .. })).map(drop)
}

/// Of several policies of a `RateLimit` header, the longest wait of those that are used up is obeyed.
///
/// # Errors
/// The [`Violation`].
pub async fn promise_7_the_longest_wait_of_several_rate_policies_is_obeyed<C: Case>() -> Result<(), Violation> {
    let field = r#""second";r=9;t=1, "hour";r=0;t=90, "day";r=0;t=2710, "month";r=4;t=999999"#;
    let fault = Fault::Header("RateLimit".to_owned(), field.to_owned());
    let (case, walk) = with_fault::<C>(fault, When::Request(4), &Settings::default()).await?;
    let is_paused =
        |error: &Error| matches!(error, Error::Paused { wait, .. } if (2700..=2710).contains(&wait.as_secs()));
    walk.failed("quotas of an hour and a day that are used up", "Paused for 2710 s", is_paused)?;
    let counts = (walk.keys.len(), case.server().served().requests);
    equal("records with those of the page itself, and requests", counts, (400, 4))
}

/// A total is compared in each form that servers write a number in; one that is no number is an error. Where there is no total, the
/// form has no effect.
///
/// # Errors
/// The [`Violation`].
pub async fn promise_4_a_total_in_any_form_of_a_number_is_compared<C: Case>() -> Result<(), Violation> {
    for form in [TotalForm::Text, TotalForm::Fraction, TotalForm::Exponent] {
        let name = format!("a total as {form:?}");
        let (_, whole) = with_fault::<C>(Fault::Total(form), When::Always, &Settings::strictly()).await?;
        whole.delivered_all(&name)?;
        equal(format!("{name}: completeness"), whole.completeness, Some(Completeness::Complete))?;
        if C::TOTAL {
            let case = start::<C>().await?;
            case.server().fault(Fault::Total(form), When::Always);
            // Of both kinds of paging, only the first loses records by a short page.
            let (fault, missing) =
                if C::ADVANCES_BY_ROWS { (Fault::EmptyPage, 100) } else { (Fault::ShortPage(40), 40) };
            case.server().fault(fault, When::Request(6));
            let short = Walk::whole(&case, &Settings::strictly()).await?;
            is_short_by(&short, &name, missing)?;
        }
    }
    let fault = Fault::Total(TotalForm::True);
    let (_, walk) = with_fault::<C>(fault, When::Request(4), &Settings::default()).await?;
    if C::TOTAL {
        let is_shape = |error: &Error| matches!(error, Error::Body { problem: BodyProblem::Shape(_), .. });
        walk.failed("a total that is `true`", "Body, Shape", is_shape)?;
        return equal("records before it", walk.distinct(), 300);
    }
    walk.ended("a total that is `true`, and not read")?;
    equal("records", walk.distinct(), ROWS)
}

/// A link whose path contains the client's secret is not followed, and not kept in a cursor or an error.
///
/// # Errors
/// The [`Violation`].
pub async fn promise_8_a_credential_in_the_path_of_a_link_is_not_kept<C: Case>() -> Result<(), Violation> {
    let secret = start::<C>().await?.secret();
    for path in [format!("{secret}/?page=5&pagecursor=c3"), format!("jobs/{secret}?page=5&pagecursor=c3")] {
        let case = start::<C>().await?;
        let link = format!("{}{path}", case.server().base_url());
        case.server().fault(Fault::ForeignNext(link), When::Request(4));
        let first = Walk::part(&case, &Settings::default(), 4).await?;
        let cursor = first.cursor.as_ref().map(ToString::to_string).unwrap_or_default();
        let rest = Walk::whole(&case, &Settings::from(first.cursor)).await?;
        for error in [first.error, rest.error].into_iter().flatten() {
            let said = error.to_string();
            holds("the error", said.contains("credential"), "one that speaks of a credential", &error)?;
            let shown = format!("{error:?} {error:#?} {error}").contains(&secret);
            holds("the error", !shown, "one without the secret", "the secret in it")?;
        }
        holds("the cursor", !cursor.contains(&secret), "one without the secret", "the secret in it")?;
        let sent = case.server().served().log.iter().filter(|request| request.path.contains(&secret)).count();
        equal("requests for a path with the secret", sent, 0)?;
    }
    Ok(())
}
