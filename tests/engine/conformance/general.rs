//! Faults that any server can have, in listings and single requests.

use std::time::Instant;

use jobfeed::testing::TotalForm;

use super::*;

/// A time limit that a test can wait for.
fn short() -> Settings {
    Settings { timeout: Duration::from_millis(300), ..Settings::default() }
}

pub(super) async fn promise_7_the_head_of_an_answer_holds_when_its_body_hangs<C: Case>() {
    let refused = async |code, retry_after| {
        let case = C::start().await;
        case.fault(Fault::Status { code, retry_after }, When::Request(4));
        case.fault(Fault::HangingBody, When::Request(4));
        let walk = walk::<C>(case.pages(short(), false, None), usize::MAX).await;
        assert_eq!((walk.keys.len(), case.served().requests), (300, 4), "{code}: sent once: {:?}", walk.error);
        walk.error.unwrap()
    };
    let error = refused(429, Some(600)).await;
    assert!(matches!(error, Error::Paused { wait, .. } if wait.as_secs() == 600), "{error}");
    let error = refused(401, None).await;
    assert_eq!(error.status(), Some(StatusCode::UNAUTHORIZED), "{error}");

    // What is retried with a body is retried without one.
    for fault in [Some(Fault::Status { code: 503, retry_after: None }), None] {
        let case = C::start().await;
        fault.into_iter().for_each(|fault| case.fault(fault, When::Requests(3..=4)));
        case.fault(Fault::HangingBody, When::Requests(3..=4));
        let walk = walk::<C>(case.pages(short(), false, None), usize::MAX).await;
        assert!(walk.error.is_none(), "{:?}", walk.error);
        assert_eq!((walk.keys.len(), walk.distinct()), (ROWS, ROWS));
        assert_eq!(case.served().requests, 12 + C::CLOSING);
    }
}

pub(super) async fn a_body_that_never_ends_is_not_waited_for<C: Case>() {
    let fault = Fault::TricklingBody(Duration::from_millis(10));
    let (_, walk) = with_fault::<C>(fault.clone(), When::Requests(3..=4), short()).await;
    assert!(walk.error.is_none(), "{:?}", walk.error);
    assert_eq!((walk.keys.len(), walk.distinct()), (ROWS, ROWS));
    let started = Instant::now();
    let (_, walk) = with_fault::<C>(fault, When::Always, short()).await;
    assert!(matches!(walk.error, Some(Error::Timeout { .. })), "{:?}", walk.error);
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}

pub(super) async fn promise_7_the_longest_wait_of_several_rate_policies_is_obeyed<C: Case>() {
    let field = r#""second";r=9;t=1, "hour";r=0;t=90, "day";r=0;t=2710, "month";r=4;t=999999"#;
    let fault = Fault::Header("RateLimit".to_owned(), field.to_owned());
    let (case, walk) = with_fault::<C>(fault, When::Request(4), Settings::default()).await;
    let Some(Error::Paused { wait, .. }) = walk.error else { panic!("{:?}", walk.error) };
    assert!((2700..=2710).contains(&wait.as_secs()), "{wait:?}");
    assert_eq!((walk.keys.len(), case.served().requests), (400, 4), "the page itself is delivered");
}

pub(super) async fn promise_4_a_total_in_any_form_of_a_number_is_compared<C: Case>() {
    for form in [TotalForm::Text, TotalForm::Fraction, TotalForm::Exponent] {
        let case = C::start().await;
        case.fault(Fault::Total(form), When::Always);
        let whole = walk::<C>(case.pages(Settings::default(), true, None), usize::MAX).await;
        assert!(whole.error.is_none(), "{form:?}: {:?}", whole.error);
        assert_eq!((whole.distinct(), whole.completeness), (ROWS, Some(Completeness::Complete)), "{form:?}");
        if C::TOTAL {
            let case = C::start().await;
            case.fault(Fault::Total(form), When::Always);
            // Of both kinds of paging, only the first loses records by a short page.
            let (fault, missing) =
                if C::ADVANCES_BY_ROWS { (Fault::EmptyPage, 100) } else { (Fault::ShortPage(40), 40) };
            case.fault(fault, When::Request(6));
            let short = walk::<C>(case.pages(Settings::default(), true, None), usize::MAX).await;
            let Some(Error::Incomplete { completeness, .. }) = short.error else {
                panic!("{form:?}: {:?}", short.error)
            };
            assert_eq!(completeness, Completeness::ShortBy(missing), "{form:?}");
        }
    }
    let (_, walk) = with_fault::<C>(Fault::Total(TotalForm::True), When::Request(4), Settings::default()).await;
    if C::TOTAL {
        assert!(matches!(walk.error, Some(Error::Body { problem: BodyProblem::Shape(_), .. })), "{:?}", walk.error);
        assert_eq!(walk.distinct(), 300);
    } else {
        assert!(walk.error.is_none() && walk.distinct() == ROWS, "there is no total: {:?}", walk.error);
    }
}

pub(super) async fn promise_4_a_record_twice_in_a_page_is_not_complete<C: Case>() {
    let (_, walk) = with_fault::<C>(Fault::DuplicateRecord, When::Request(6), Settings::default()).await;
    let Some(Error::Incomplete { completeness, .. }) = walk.error else { panic!("{:?}", walk.error) };
    assert!(matches!(completeness, Completeness::Drifted { repeated: 1, .. }), "{completeness:?}");
    assert_eq!((walk.keys.len(), walk.distinct()), (ROWS, ROWS - 1), "all pages were delivered");
}

pub(super) async fn promise_8_a_credential_in_the_path_of_a_link_is_not_kept<C: Case>() {
    let case = C::start().await;
    let secret = case.secret();
    for path in [format!("{secret}/?page=5&pagecursor=c3"), format!("jobs/{secret}?page=5&pagecursor=c3")] {
        let case = C::start().await;
        case.fault(Fault::ForeignNext(format!("{}{path}", case.base_url())), When::Request(4));
        let first = walk::<C>(case.pages(Settings::default(), false, None).prefetch(false), 4).await;
        let cursor = first.cursor.as_ref().map(Cursor::to_string).unwrap_or_default();
        let rest = walk::<C>(case.pages(Settings::default(), false, first.cursor), usize::MAX).await;
        for error in [first.error, rest.error].into_iter().flatten() {
            assert!(error.to_string().contains("credential"), "{error}");
            assert!(!format!("{error:?} {error:#?} {error}").contains(&secret), "{error}");
        }
        assert!(!cursor.contains(&secret), "{cursor}");
        let sent = case.served().log.iter().any(|request| request.path.contains(&secret));
        assert!(!sent, "a path with a credential is not requested");
    }
}

pub(super) async fn promise_2_a_303_after_a_post_is_neither_followed_nor_taken_for_a_refusal<C: Case>() {
    let case = C::start().await;
    case.fault(Fault::RedirectWith { code: 303, location: case.base_url() }, When::Always);
    let Some(error) = case.post().await else { return };
    assert_eq!(error.status(), Some(StatusCode::SEE_OTHER), "{error}");
    assert!(!error.is_retryable(), "{error}");
    let served = case.served();
    assert_eq!((served.requests, served.log[0].method.as_str()), (1, "POST"), "not followed");
    // Only where the server recognises a repetition is the outcome left open: the same bytes can be sent again.
    assert_eq!(matches!(error, Error::OutcomeUnknown { .. }), !C::REPEATABLE_POST, "{error}");
}
