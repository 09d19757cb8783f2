//! Verifies signed webhook deliveries (feature `webhook`) from headers and raw bytes, with any web framework.
//!
//! Two forms are common, both HMAC-SHA256 in hexadecimal digits. [`Verifier::timestamped`]: the header `t=<unix
//! seconds>,v1=<hex>` signs the time, a dot and the body (EmployJoy, Stripe and others). [`Verifier::plain`]: the
//! header `sha256=<hex>` signs the body (GitHub and others).
//!
//! ```
//! use jobfeed::webhook::{VerifyError, Verifier};
//!
//! let verifier = Verifier::plain("x-hub-signature-256", "a secret")?;
//! let mut headers = http::HeaderMap::new();
//! headers.insert("x-hub-signature-256", verifier.sign(b"the raw body")?);
//! assert!(verifier.verify(&headers, b"the raw body").is_ok());
//! let other = verifier.verify(&headers, b"another body");
//! assert_eq!(other, Err(VerifyError::Mismatch));
//! # Ok::<(), jobfeed::Error>(())
//! ```
//!
//! Verify the bytes as received, before they are parsed, and never a body that was written again: a changed space
//! changes the signature. A valid delivery is not always new: keep the ids of the events that you have processed.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::clock::Clock;
use super::setters::setters;
use crate::error::{Error, Result};
use crate::json::debug_fields;

/// The default of [`Verifier::tolerance`].
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// Checks the signatures of deliveries. Cheap to keep, `Send + Sync`; `Debug` shows no secret.
#[derive(Clone)]
#[must_use]
pub struct Verifier {
    header: HeaderName,
    secrets: Vec<SecretString>,
    scheme: Scheme,
    tolerance: SignedDuration,
    clock: Clock,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Timestamped,
    Plain,
}

/// Why a delivery is not accepted. Answer 401, and log the reason: it never holds a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// There is no signature header.
    #[error("the delivery has no signature header")]
    Missing,
    /// The header cannot be read: it has no time in digits, or no signature of 64 hexadecimal digits.
    #[error("the signature header cannot be read")]
    Malformed,
    /// No signature matches: another secret, or a changed body.
    #[error("the signature does not match the body")]
    Mismatch,
    /// The signature matches, but its time is too far from now: an old delivery was sent again, or a clock is wrong.
    #[error("the delivery was signed at a time too far from now")]
    Stale,
}

impl Verifier {
    /// `t=<unix seconds>,v1=<hex>` in this header, over the digits of `t`, a dot and the body. Any `v1` that matches is
    /// accepted, and unknown members are ignored. The secret is used as text, unchanged.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an empty secret or an invalid header name.
    pub fn timestamped(header: &str, secret: impl Into<SecretString>) -> Result<Self> {
        Self::new(Scheme::Timestamped, header, secret.into())
    }

    /// `sha256=<hex>` in this header, over the body alone. It cannot detect an old delivery that is sent again.
    ///
    /// # Errors
    /// As [`Verifier::timestamped`].
    pub fn plain(header: &str, secret: impl Into<SecretString>) -> Result<Self> {
        Self::new(Scheme::Plain, header, secret.into())
    }

    fn new(scheme: Scheme, header: &str, secret: SecretString) -> Result<Self> {
        let header = HeaderName::try_from(header)
            .map_err(|_| Error::invalid("signature header", header, "a valid HTTP header name"))?;
        let verifier = Self { header, secrets: Vec::new(), scheme, tolerance: TOLERANCE, clock: Clock::system() };
        verifier.or_secret(secret)
    }

    /// Accepts another secret too, for the time when a secret is replaced.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is empty.
    pub fn or_secret(mut self, secret: impl Into<SecretString>) -> Result<Self> {
        let secret = secret.into();
        if secret.expose_secret().is_empty() {
            return Err(Error::invalid("webhook secret", "(empty)", "1 or more characters"));
        }
        self.secrets.push(secret);
        Ok(self)
    }

    /// Checks the headers and the body, in bytes as received. Signatures are compared in constant time.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), VerifyError> {
        let mut values = headers.get_all(&self.header).iter();
        let header = values.next().ok_or(VerifyError::Missing)?;
        // Two headers are refused: a proxy before this program may have checked only one of them.
        if values.next().is_some() {
            return Err(VerifyError::Malformed);
        }
        let header = header.to_str().map_err(|_| VerifyError::Malformed)?;
        match self.scheme {
            Scheme::Plain => {
                let digits = header.trim().strip_prefix("sha256=").ok_or(VerifyError::Malformed)?;
                self.compare(&[digest(digits).ok_or(VerifyError::Malformed)?], &[body])
            }
            Scheme::Timestamped => {
                let member = |wanted| {
                    let members = header.split(',').filter_map(|member| member.split_once('='));
                    members.filter(move |(name, _)| name.trim() == wanted).map(|(_, value)| value.trim())
                };
                let time = member("t").next_back().ok_or(VerifyError::Malformed)?;
                let at = unix_time(time).ok_or(VerifyError::Malformed)?;
                let signatures: Vec<[u8; 32]> = member("v1").filter_map(digest).collect();
                if signatures.is_empty() {
                    return Err(VerifyError::Malformed);
                }
                self.compare(&signatures, &[time.as_bytes(), b".", body])?;
                let distance = self.clock.now().duration_since(at).abs();
                if distance > self.tolerance { Err(VerifyError::Stale) } else { Ok(()) }
            }
        }
    }

    /// The signature header for a body, with the first secret and the verifier's clock. For tests, and to send webhooks.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the secret cannot be used, which does not happen with an accepted secret.
    pub fn sign(&self, body: &[u8]) -> Result<HeaderValue> {
        let time = self.clock.now().as_second().to_string();
        let (prefix, parts) = match self.scheme {
            Scheme::Plain => ("sha256=".to_owned(), vec![body]),
            Scheme::Timestamped => (format!("t={time},v1="), vec![time.as_bytes(), b".", body]),
        };
        let unusable = || Error::invalid("webhook secret", "(hidden)", "a secret for HMAC-SHA256");
        let mac = self.secrets.first().and_then(|secret| mac(secret, &parts)).ok_or_else(unusable)?;
        HeaderValue::try_from(prefix + &hex::encode(mac.finalize().into_bytes())).map_err(|_| unusable())
    }

    /// The name of the signature header, to send webhooks.
    pub fn header(&self) -> &HeaderName {
        &self.header
    }

    /// Compares every secret with every signature, without stopping at the first match.
    fn compare(&self, signatures: &[[u8; 32]], parts: &[&[u8]]) -> Result<(), VerifyError> {
        let mut matches = false;
        for secret in &self.secrets {
            for signature in signatures {
                matches |= mac(secret, parts).is_some_and(|mac| mac.verify_slice(signature).is_ok());
            }
        }
        if matches { Ok(()) } else { Err(VerifyError::Mismatch) }
    }
}

setters! { Verifier {
    /// How far the time of a delivery may be from now, in the past or the future; this value itself is accepted.
    /// Default 5 minutes. No effect on [`Verifier::plain`].
    tolerance(tolerance: Duration) => tolerance = SignedDuration::try_from(tolerance).unwrap_or(SignedDuration::MAX);
    /// The clock for "now". Default: the system clock.
    clock(clock: Clock) => clock = clock;
} }

fn mac(secret: &SecretString, parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac)
}

/// Digits only: `+5`, `5.0` and ` 5` are not the bytes that were signed.
fn unix_time(digits: &str) -> Option<Timestamp> {
    let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    Timestamp::from_second(valid.then(|| digits.parse().ok())??).ok()
}

/// 64 hexadecimal digits as 32 bytes.
fn digest(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(bytes)
}

debug_fields!(Verifier(header, scheme, tolerance));
