//! Reads what a server tells about its limits: `Retry-After` (both forms), `X-RateLimit-*`, the `RateLimit` draft fields.

use std::time::Duration;

use http::HeaderMap;
use jiff::Timestamp;

use super::quota::Quota;

/// Reset values from this on are Unix times; smaller ones are seconds from now.
const UNIX_TIME: f64 = 100_000_000.0;

/// A wait of more than ten years is read as ten years.
const LONGEST: f64 = 315_360_000.0;

/// What the headers of an answer tell about further requests.
pub(crate) struct Told {
    /// The quotas and what remains of them.
    pub(crate) quotas: Vec<Quota>,
    /// How many requests are left: the lowest number that a header tells, also without a reset.
    pub(crate) left: Option<u64>,
    /// How long the server asks to wait before the next request: the longest wait of all headers that give one.
    pub(crate) wait: Option<Duration>,
}

/// Reads what the headers tell, with a quota that only this provider tells.
pub(crate) fn told(headers: &HeaderMap, own: Option<Quota>, now: Timestamp) -> Told {
    let mut quotas = draft(headers);
    quotas.extend(separate(headers, "ratelimit", now));
    quotas.extend(separate(headers, "x-ratelimit", now));
    quotas.extend(own);
    let wait = quotas.iter().filter_map(Quota::wait).chain(retry_after(headers, now)).max();
    let without_reset =
        ["x-ratelimit-remaining", "ratelimit-remaining"].into_iter().filter_map(|name| text(headers, name));
    let left = quotas.iter().map(|quota| quota.remaining).chain(without_reset.filter_map(whole)).min();
    Told { quotas, left, wait }
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

/// Three headers, such as `X-RateLimit-Limit`, `-Remaining` and `-Reset`. The draft gives the seconds to the reset; with `X-` it may
/// be a Unix time too.
fn separate(headers: &HeaderMap, prefix: &'static str, now: Timestamp) -> Option<Quota> {
    let field = |name: &str| text(headers, &format!("{prefix}-{name}"));
    let resets_in = reset(field("reset")?, now)?;
    // A list of policies may follow the number: `100, 100;w=60`.
    let limit = field("limit").and_then(|value| whole(value.split([',', ';']).next()?));
    Some(Quota { policy: prefix.to_owned(), limit, remaining: whole(field("remaining")?)?, resets_in })
}

/// `RateLimit: limit=100, remaining=0, reset=50`, or the later `RateLimit: "name";r=0;t=50` with one item for each policy, whose
/// limit is in `RateLimit-Policy: "name";q=100;w=60`.
fn draft(headers: &HeaderMap) -> Vec<Quota> {
    let items = |name: &'static str| {
        let fields = headers.get_all(name).iter().filter_map(|field| field.to_str().ok());
        fields.flat_map(|field| split(field, ','))
    };
    let policies: Vec<Item<'_>> = items("ratelimit-policy").map(Item).collect();
    let limit_of = |name: &str| whole(policies.iter().find(|policy| policy.name() == name)?.parameter("q")?);
    let quota = |item: Item<'_>| {
        let (remaining, resets_in) = (whole(item.parameter("r")?)?, seconds(item.parameter("t")?)?);
        let name = item.name();
        Some(Quota { policy: format!("ratelimit {name}"), limit: limit_of(name), remaining, resets_in })
    };
    let mut quotas: Vec<Quota> = items("ratelimit").map(Item).filter_map(quota).collect();
    let member = |wanted: &str| {
        let pairs = items("ratelimit").filter_map(|item| split(item, ';').next()?.split_once('='));
        pairs.map(|(name, value)| (name.trim(), value.trim())).find(|(name, _)| *name == wanted).map(|pair| pair.1)
    };
    if let (Some(remaining), Some(resets_in)) = (member("remaining").and_then(whole), member("reset").and_then(seconds))
    {
        quotas.push(Quota {
            policy: "ratelimit".to_owned(),
            limit: member("limit").and_then(whole),
            remaining,
            resets_in,
        });
    }
    quotas
}

/// An item of a structured field: a name and its parameters.
struct Item<'h>(&'h str);

impl<'h> Item<'h> {
    fn name(&self) -> &'h str {
        split(self.0, ';').next().unwrap_or_default().trim()
    }

    fn parameter(&self, wanted: &str) -> Option<&'h str> {
        let parameters = split(self.0, ';').skip(1).filter_map(|parameter| parameter.split_once('='));
        parameters.map(|(name, value)| (name.trim(), value.trim())).find(|(name, _)| *name == wanted).map(|pair| pair.1)
    }
}

/// The parts of a text between separators that are not in quotes.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |character| {
        quoted ^= character == '"' && !escaped;
        escaped = quoted && !escaped && character == '\\';
        character == separator && !quoted
    })
}

/// A number of requests. Less than one whole request is none.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast from a float saturates")]
fn whole(value: &str) -> Option<u64> {
    value.trim().parse::<f64>().ok().filter(|number| !number.is_nan()).map(|number| number as u64)
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

    fn read(pairs: &[(&'static str, &'static str)]) -> Told {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, http::HeaderValue::from_static(value));
        }
        told(&headers, None, "2026-05-01T12:00:00Z".parse().unwrap())
    }

    fn wait(pairs: &[(&'static str, &'static str)]) -> Option<u64> {
        read(pairs).wait.map(|wait| wait.as_secs())
    }

    /// Limit, remaining and seconds to the reset of each quota.
    fn quotas(pairs: &[(&'static str, &'static str)]) -> Vec<(Option<u64>, u64, u64)> {
        let quotas = read(pairs).quotas;
        quotas.iter().map(|quota| (quota.limit, quota.remaining, quota.resets_in.as_secs())).collect()
    }

    #[test]
    fn quotas_are_read_in_all_forms() {
        let x = |reset| [("x-ratelimit-limit", "60"), ("x-ratelimit-remaining", "59"), ("x-ratelimit-reset", reset)];
        assert_eq!(quotas(&x("20")), [(Some(60), 59, 20)]);
        assert_eq!(quotas(&x("1777636830")), [(Some(60), 59, 30)]);
        assert_eq!(quotas(&[("ratelimit", "limit=100, remaining=50, reset=5")]), [(Some(100), 50, 5)]);
        assert_eq!(quotas(&[("ratelimit", "limit=100"), ("ratelimit", "remaining=50, reset=5")]), [(Some(100), 50, 5)]);
        let fields = [("ratelimit-limit", "100, 100;w=60"), ("ratelimit-remaining", "3"), ("ratelimit-reset", "7")];
        assert_eq!(quotas(&fields), [(Some(100), 3, 7)]);
        let policies = [
            ("ratelimit-policy", "\"a,b;r=0\";q=10;w=60, \"day\";q=5000;w=86400"),
            ("ratelimit", "\"a,b;r=0\";r=4;t=12"),
            ("ratelimit", "\"day\"; r=4000; t=900, \"no reset\";r=1"),
        ];
        assert_eq!(quotas(&policies), [(Some(10), 4, 12), (Some(5000), 4000, 900)]);
        assert_eq!(wait(&policies), None, "a name in quotes may hold anything");
        assert_eq!(quotas(&[("x-ratelimit-remaining", "-3"), ("x-ratelimit-reset", "20")]), [(None, 0, 20)]);
        assert_eq!(quotas(&[("x-ratelimit-remaining", "many"), ("x-ratelimit-reset", "20")]), []);
        assert_eq!(quotas(&[("x-ratelimit-remaining", "3")]), [], "without a reset it tells no rate");
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
        let left = |name: &'static str, value: &'static str| read(&[(name, value)]).left;
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
