//! When a call is tried again, and how long a service wants us to wait.

use std::time::Duration;

use hyper::header::{HeaderMap, RETRY_AFTER};
use jiff::fmt::rfc2822;
use shared::time::Timestamp;

use super::Fail;

/// First pause; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// A service that wants a longer pause is not asked again: the customer waits meanwhile.
const ASKED_PAUSE_MAX: Duration = Duration::from_secs(3);
/// Longest wait that is believed.
const ASKED_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The pause before try number `repeat` (from 0), or none when another try is useless.
/// `chance` spreads the tries of many callers: it is any number.
pub(super) fn pause(fail: Fail, repeat: u32, chance: u32) -> Option<Duration> {
    let own = FIRST_PAUSE.saturating_mul(1 << repeat.min(8));
    // Between half and the whole, so that callers who failed together do not come together.
    let spread =
        |most: Duration| most / 2 + (most / 2).mul_f64(f64::from(chance) / f64::from(u32::MAX));
    match fail {
        Fail::RateLimited(Some(asked)) if asked > ASKED_PAUSE_MAX => None,
        Fail::RateLimited(Some(asked)) => Some(asked + spread(own)),
        Fail::RateLimited(None) | Fail::Upstream(500..) | Fail::Transport | Fail::Timeout => {
            Some(spread(own))
        }
        _ => None,
    }
}

/// What the headers of an answer say: milliseconds, seconds, or a date.
pub(super) fn asked(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(ms) = text("retry-after-ms").and_then(|text| text.parse::<f64>().ok()) {
        return duration(ms / 1_000.0);
    }
    let text = text(RETRY_AFTER.as_str())?;
    if let Ok(seconds) = text.parse::<f64>() {
        return duration(seconds);
    }
    let date = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    let wait = Timestamp::from_ms(date.as_millisecond()).since(now);
    Some(wait.min(ASKED_MAX))
}

/// The duration of protocol buffers in JSON: `22s`, `1.5s`.
pub(super) fn protobuf_duration(text: &str) -> Option<Duration> {
    duration(text.strip_suffix('s')?.parse().ok()?)
}

fn duration(seconds: f64) -> Option<Duration> {
    let is_one = seconds.is_finite() && seconds >= 0.0;
    is_one.then(|| Duration::from_secs_f64(seconds.min(ASKED_MAX.as_secs_f64())))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hyper::header::{HeaderMap, HeaderName, HeaderValue};
    use shared::time::Timestamp;

    use super::{asked, pause, protobuf_duration};
    use crate::assistant::provider::Fail;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_pause_grows_and_is_spread_and_a_long_one_is_none() {
        for (fail, repeat, chance, expect) in [
            (Fail::Transport, 0, 0, Some(ms(125))),
            (Fail::Transport, 0, u32::MAX, Some(ms(250))),
            (Fail::Timeout, 2, u32::MAX, Some(ms(1_000))),
            (Fail::Upstream(503), 1, u32::MAX, Some(ms(500))),
            (Fail::Upstream(302), 0, 0, None),
            (Fail::RateLimited(None), 0, u32::MAX, Some(ms(250))),
            (
                Fail::RateLimited(Some(ms(3_000))),
                0,
                u32::MAX,
                Some(ms(3_250)),
            ),
            (Fail::RateLimited(Some(ms(3_001))), 0, 0, None),
            (Fail::Quota, 0, 0, None),
            (Fail::Auth, 0, 0, None),
            (Fail::BadRequest, 0, 0, None),
            (Fail::Blocked, 0, 0, None),
            (Fail::Malformed, 0, 0, None),
        ] {
            assert_eq!(pause(fail, repeat, chance), expect, "{fail:?} {repeat}");
        }
    }

    #[test]
    fn a_service_says_its_wait_in_several_ways() {
        let check = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
            let now = "2026-11-20T14:05:09Z".parse::<Timestamp>().unwrap();
            asked(&headers, now)
        };
        assert_eq!(check("retry-after", "7"), Some(ms(7_000)));
        assert_eq!(check("retry-after", " 0.5 "), Some(ms(500)));
        assert_eq!(check("retry-after-ms", "120"), Some(ms(120)));
        assert_eq!(
            check("retry-after", "Fri, 20 Nov 2026 14:05:39 GMT"),
            Some(ms(30_000))
        );
        assert_eq!(
            check("retry-after", "Fri, 20 Nov 2026 14:05:00 GMT"),
            Some(ms(0))
        );
        assert_eq!(check("retry-after", "1e300"), Some(ms(86_400_000)));
        for wrong in ["-1", "soon", "NaN", "inf", ""] {
            assert_eq!(check("retry-after", wrong), None, "{wrong}");
        }
        assert_eq!(protobuf_duration("22s"), Some(ms(22_000)));
        assert_eq!(protobuf_duration("1.5s"), Some(ms(1_500)));
        assert_eq!(protobuf_duration("22"), None);
    }
}
