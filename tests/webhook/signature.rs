//! Verification of webhook deliveries: the vendor's example, byte for byte, and deliveries that must be refused.

use http::{HeaderMap, HeaderValue};
use jobfeed::employjoy::{self, Event, EventType};
use jobfeed::jiff::Timestamp;
use jobfeed::webhook::{Verifier, VerifyError};
use jobfeed::{Clock, Error};
use proptest::prelude::*;

/// From the vendor's documentation, like the constants below.
const BODY: &[u8] = include_bytes!("../fixtures/webhook/employjoy_vector_body.json");
const SECRET: &str = "whsec_test_abcdef1234567890";
const TIME: i64 = 1_716_393_611;
const DIGEST: &str = "d7b4ed92ded8c3629bad3c1ef456e80e0e7dd4681675693b1684575562da6a12";

fn at(second: i64) -> Verifier {
    let clock = Clock::fixed(Timestamp::from_second(second).unwrap());
    employjoy::verifier(SECRET).unwrap().clock(clock)
}

fn signed(value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("X-EmployJoy-Signature", HeaderValue::from_str(value).unwrap());
    headers
}

fn good() -> HeaderMap {
    signed(&format!("t={TIME},v1={DIGEST}"))
}

#[test]
fn the_vendors_example_is_accepted_byte_for_byte() {
    assert_eq!(BODY.len(), 63, "the fixture was changed, for example by an editor or git");
    at(TIME).verify(&good(), BODY).unwrap();
    assert_eq!(at(TIME).sign(BODY).unwrap(), format!("t={TIME},v1={DIGEST}"));
    let event: Event = serde_json::from_slice(BODY).unwrap();
    assert_eq!((event.id.as_str(), event.event_type), ("evt_test", Some(EventType::ApplicationStatusChanged)));
}

#[test]
fn the_default_tolerance_is_five_minutes_in_both_directions() {
    for (off, expected) in
        [(0, Ok(())), (300, Ok(())), (-300, Ok(())), (301, Err(VerifyError::Stale)), (-301, Err(VerifyError::Stale))]
    {
        assert_eq!(at(TIME + off).verify(&good(), BODY), expected, "{off}");
    }
    let wide = at(TIME + 3600).tolerance(std::time::Duration::from_secs(3600));
    assert_eq!(wide.verify(&good(), BODY), Ok(()));
    let forged = signed(&format!("t={TIME},v1={}", "0".repeat(64)));
    assert_eq!(
        at(TIME + 9999).verify(&forged, BODY),
        Err(VerifyError::Mismatch),
        "the signature is checked before the time"
    );
}

#[test]
fn one_matching_signature_is_enough_and_unknown_members_are_ignored() {
    let other = "0".repeat(64);
    for value in [
        format!("t={TIME},v1={other},v1={DIGEST}"),
        format!("t={TIME},v1={DIGEST},v1={other}"),
        format!(" v1={DIGEST} , v0=abc,junk, t={TIME} "),
        format!("t={TIME},v1=zz,v1={DIGEST}"),
        format!("t={TIME},v1={}", DIGEST.to_uppercase()),
    ] {
        assert_eq!(at(TIME).verify(&signed(&value), BODY), Ok(()), "{value}");
    }
}

#[test]
fn an_unreadable_header_is_malformed() {
    let values = [
        String::new(),
        format!("v1={DIGEST}"),
        format!("t={TIME}"),
        format!("t=,v1={DIGEST}"),
        format!("t=+{TIME},v1={DIGEST}"),
        format!("t={TIME}.0,v1={DIGEST}"),
        format!("t=-5,v1={DIGEST}"),
        format!("t=99999999999999999999,v1={DIGEST}"),
        format!("t={TIME},v1={}", &DIGEST[..63]),
        format!("t={TIME},v1={DIGEST}0"),
        format!("t={TIME},v1={}", "g".repeat(64)),
        format!("t={TIME},v2={DIGEST}"),
        format!("sha256={DIGEST}"),
    ];
    for value in values {
        assert_eq!(at(TIME).verify(&signed(&value), BODY), Err(VerifyError::Malformed), "{value:?}");
    }
    assert_eq!(at(TIME).verify(&HeaderMap::new(), BODY), Err(VerifyError::Missing));
    let mut twice = good();
    twice.append("x-employjoy-signature", good()["x-employjoy-signature"].clone());
    assert_eq!(at(TIME).verify(&twice, BODY), Err(VerifyError::Malformed), "two headers are malformed");
    let mut bytes = HeaderMap::new();
    bytes.insert("x-employjoy-signature", HeaderValue::from_bytes(b"t=\xff").unwrap());
    assert_eq!(at(TIME).verify(&bytes, BODY), Err(VerifyError::Malformed));
}

#[test]
fn a_changed_body_time_or_secret_is_a_mismatch() {
    for index in 0..BODY.len() {
        let mut body = BODY.to_vec();
        body[index] ^= 1;
        assert_eq!(at(TIME).verify(&good(), &body), Err(VerifyError::Mismatch), "byte {index}");
    }
    assert_eq!(at(TIME).verify(&good(), &[BODY, b"\n"].concat()), Err(VerifyError::Mismatch));
    let value = format!("t={},v1={DIGEST}", TIME + 1);
    assert_eq!(at(TIME).verify(&signed(&value), BODY), Err(VerifyError::Mismatch));
    let zeros = format!("t=0{TIME},v1={DIGEST}");
    assert_eq!(
        at(TIME).verify(&signed(&zeros), BODY),
        Err(VerifyError::Mismatch),
        "the signature covers the digits as received"
    );
    let other =
        employjoy::verifier("abcdef1234567890").unwrap().clock(Clock::fixed(Timestamp::from_second(TIME).unwrap()));
    assert_eq!(other.verify(&good(), BODY), Err(VerifyError::Mismatch), "the prefix is a part of the secret");
    assert_eq!(other.or_secret(SECRET).unwrap().verify(&good(), BODY), Ok(()), "an old and a new secret");
}

/// The example from GitHub's documentation of webhooks.
#[test]
fn plain_signatures_of_other_services_are_verified() {
    let verifier = Verifier::plain("X-Hub-Signature-256", "It's a Secret to Everybody").unwrap();
    let value = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let mut headers = HeaderMap::new();
    headers.insert("x-hub-signature-256", HeaderValue::from_static(value));
    assert_eq!(verifier.verify(&headers, b"Hello, World!"), Ok(()));
    assert_eq!(verifier.sign(b"Hello, World!").unwrap(), value);
    assert_eq!(verifier.verify(&headers, b"Hello, World?"), Err(VerifyError::Mismatch));
    for other in ["757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", "sha1=00", "sha256="] {
        headers.insert("x-hub-signature-256", HeaderValue::from_static(other));
        assert_eq!(verifier.verify(&headers, b"Hello, World!"), Err(VerifyError::Malformed), "{other}");
    }
}

#[test]
fn secrets_are_not_shown_and_must_not_be_empty() {
    assert!(!format!("{:?}", at(TIME)).contains("abcdef1234567890"));
    assert!(matches!(employjoy::verifier("").unwrap_err(), Error::Invalid { .. }));
    assert!(matches!(Verifier::plain("not a header", "s").unwrap_err(), Error::Invalid { .. }));
}

proptest! {
    #[test]
    fn only_the_signed_body_and_signature_verify(secret in ".{1,80}", body: Vec<u8>, second in 0i64..4_000_000_000, flip: u16) {
        let clock = Clock::fixed(Timestamp::from_second(second).unwrap());
        let verifier = Verifier::timestamped("x-sig", secret.clone()).unwrap().clock(clock);
        let mut headers = HeaderMap::new();
        headers.insert("x-sig", verifier.sign(&body).unwrap());
        prop_assert_eq!(verifier.verify(&headers, &body), Ok(()));
        let mut other = body.clone();
        other.push(b' ');
        prop_assert_eq!(verifier.verify(&headers, &other), Err(VerifyError::Mismatch));
        let mut value = headers["x-sig"].as_bytes().to_vec();
        let index = value.len() - 1 - usize::from(flip) % 64;
        value[index] = if value[index] == b'0' { b'1' } else { b'0' };
        headers.insert("x-sig", HeaderValue::from_bytes(&value).unwrap());
        prop_assert_eq!(verifier.verify(&headers, &body), Err(VerifyError::Mismatch));
    }

    #[test]
    fn no_header_makes_it_panic(value in "\\PC{0,120}", body: Vec<u8>) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            let mut headers = HeaderMap::new();
            headers.insert("x-employjoy-signature", value);
            prop_assert!(at(TIME).verify(&headers, &body).is_err());
        }
    }
}
