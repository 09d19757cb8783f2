//! Reads the wait that a server asks for: `Retry-After` (both forms), `X-RateLimit-*`, the `RateLimit` draft fields.

use std::time::Duration;

use http::HeaderMap;
use jiff::Timestamp;

/// Reset values from this on are Unix times; smaller ones are seconds from now.
const UNIX_TIME: f64 = 100_000_000.0;

/// A wait of more than ten years is read as ten years.
const LONGEST: f64 = 315_360_000.0;

/// How long the server asks to wait before the next request: the longest wait of all headers that give one.
pub(crate) fn requested_wait(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    [retry_after(headers, now), used_up(headers, now), draft(headers)].into_iter().flatten().max()
}

/// `Retry-After`: seconds (fractions accepted) or an HTTP date.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = text(headers, "retry-after")?;
    if let Some(seconds) = seconds(value) {
        return Some(seconds);
    }
    let at = httpdate::parse_http_date(value).ok()?;
    // The last day of the year 9999 is over the range of `Timestamp`.
    Some(until(Timestamp::try_from(at).unwrap_or(Timestamp::MAX), now))
}

/// `X-RateLimit-Remaining: 0` with `X-RateLimit-Reset`, as seconds from now or as a Unix time.
fn used_up(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    if text(headers, "x-ratelimit-remaining")?.parse::<f64>().ok()? > 0.0 {
        return None;
    }
    reset(text(headers, "x-ratelimit-reset")?, now)
}

/// `RateLimit: limit=100, remaining=0, reset=50`, the later `RateLimit: "name";r=0;t=50` with one item for each policy, or
/// `RateLimit-Remaining` with `RateLimit-Reset`. Of several policies that are used up, the longest wait counts.
fn draft(headers: &HeaderMap) -> Option<Duration> {
    let fields = || headers.get_all("ratelimit").iter().filter_map(|field| field.to_str().ok());
    let first_form = fields().filter_map(|field| used_up_policy(field, ',', "remaining", "reset"));
    let policies = fields().flat_map(|field| field.split(','));
    let later_form = policies.filter_map(|policy| used_up_policy(policy, ';', "r", "t"));
    let separate = || {
        let remaining = text(headers, "ratelimit-remaining")?.parse::<f64>().ok()?;
        if remaining > 0.0 { None } else { seconds(text(headers, "ratelimit-reset")?) }
    };
    first_form.chain(later_form).chain(separate()).max()
}

/// How many requests are left: the lowest number that a header tells.
pub(crate) fn remaining(headers: &HeaderMap) -> Option<u64> {
    let single = ["x-ratelimit-remaining", "ratelimit-remaining"].into_iter().filter_map(|name| text(headers, name));
    let fields = headers.get_all("ratelimit").iter().filter_map(|field| field.to_str().ok());
    let members = fields.flat_map(|field| field.split([',', ';'])).filter_map(|member| member.split_once('='));
    let listed = members.filter(|(name, _)| matches!(name.trim(), "remaining" | "r")).map(|(_, value)| value.trim());
    single.chain(listed).filter_map(|value| value.parse().ok()).min()
}

/// The wait until the reset of a policy of which nothing remains.
fn used_up_policy(policy: &str, separator: char, remaining: &str, reset: &str) -> Option<Duration> {
    let members = policy.split(separator).filter_map(|member| member.split_once('='));
    let value = |wanted: &str| members.clone().find(|(name, _)| name.trim() == wanted).map(|(_, value)| value.trim());
    if value(remaining)?.parse::<f64>().ok()? > 0.0 { None } else { seconds(value(reset)?) }
}

fn reset(value: &str, now: Timestamp) -> Option<Duration> {
    match value.parse::<f64>() {
        Ok(at) if at >= UNIX_TIME => {
            // Some services send milliseconds.
            let seconds = if at > 100.0 * UNIX_TIME { at / 1000.0 } else { at };
            let at = jiff::SignedDuration::try_from_secs_f64(seconds).ok().map(Timestamp::from_duration);
            Some(until(at.and_then(Result::ok).unwrap_or(Timestamp::MAX), now))
        }
        _ => seconds(value),
    }
}

fn until(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or_default().min(Duration::from_secs_f64(LONGEST))
}

fn seconds(value: &str) -> Option<Duration> {
    let seconds = value.trim().parse::<f64>().ok().filter(|seconds| !seconds.is_nan())?;
    Duration::try_from_secs_f64(seconds.min(LONGEST)).ok()
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(pairs: &[(&'static str, &'static str)]) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, http::HeaderValue::from_static(value));
        }
        requested_wait(&headers, "2026-05-01T12:00:00Z".parse().unwrap()).map(|wait| wait.as_secs())
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        assert_eq!(wait(&[("retry-after", "2710")]), Some(2710));
        assert_eq!(wait(&[("retry-after", "Fri, 01 May 2026 12:00:30 GMT")]), Some(30));
        assert_eq!(wait(&[("retry-after", "Fri, 01 May 2026 11:00:00 GMT")]), Some(0), "a past date is a wait of zero");
        assert_eq!(wait(&[("retry-after", "soon")]), None);
        assert_eq!(wait(&[("retry-after", "-5")]), None);
        assert_eq!(wait(&[("retry-after", "NaN")]), None);
    }

    #[test]
    fn rate_headers_count_only_when_nothing_remains() {
        assert_eq!(wait(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "20")]), Some(20));
        assert_eq!(wait(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1777636830")]), Some(30));
        assert_eq!(wait(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1777636830000")]), Some(30));
        assert_eq!(wait(&[("x-ratelimit-remaining", "1"), ("x-ratelimit-reset", "20")]), None);
    }

    #[test]
    fn what_is_left_is_the_lowest_number_that_a_header_tells() {
        let left = |name: &'static str, value: &'static str| {
            remaining(&HeaderMap::from_iter([(
                http::HeaderName::from_static(name),
                http::HeaderValue::from_static(value),
            )]))
        };
        assert_eq!(left("x-ratelimit-remaining", "41"), Some(41));
        assert_eq!(left("ratelimit", "limit=100, remaining=7, reset=50"), Some(7));
        assert_eq!(left("ratelimit", "\"second\";r=3;t=1, \"day\";r=900;t=99"), Some(3));
        assert_eq!(left("ratelimit-remaining", "none"), None);
        assert_eq!(left("x-ratelimit-limit", "100"), None);
    }

    #[test]
    fn the_draft_fields_are_read_in_all_three_forms() {
        assert_eq!(wait(&[("ratelimit", "limit=100, remaining=0, reset=50")]), Some(50));
        assert_eq!(wait(&[("ratelimit", "\"default\";r=0;t=7")]), Some(7));
        assert_eq!(wait(&[("ratelimit", "\"default\";r=3;t=7")]), None);
        assert_eq!(wait(&[("ratelimit-remaining", "0"), ("ratelimit-reset", "9")]), Some(9));
        let several = "\"second\";r=0;t=1, \"day\";r=0;t=900, \"month\";r=7;t=99999";
        assert_eq!(wait(&[("ratelimit", several)]), Some(900), "the longest of those that are used up");
    }
}
