//! Every way in which a service may fail is told apart, and repeated only where that helps.

use std::time::Duration;

use serde_json::json;
use server::assistant::provider::{Fail, Kind};
use tests::provider::{Fake, Play, Step};

use super::{BOTH, ask, flavour, hasty, provider, provider_at, settings};

const TEXT: &str = "half of an answer that is long enough to be cut";

/// Plays the same for every try, and counts the tries.
async fn check(kind: Kind, play: Play, expect: Fail, tries: usize) {
    let fake = Fake::start().await;
    let all = play.clone();
    fake.choose(move |_, _| all.clone());
    let provider = provider(&fake, kind);
    let fail = ask(&provider, &hasty()).await.unwrap_err();
    assert_eq!(fail, expect, "{kind:?} {play:?}");
    assert_eq!(fake.received().len(), tries, "{kind:?} {play:?}");
}

#[tokio::test]
async fn what_has_begun_is_not_repeated() {
    for kind in BOTH {
        for (play, fail) in [
            (Play::Cut(TEXT.into()), Fail::Transport),
            (Play::Reset(TEXT.into()), Fail::Transport),
            (Play::HangMidStream(TEXT.into()), Fail::Timeout),
            (Play::HangBeforeBody, Fail::Timeout),
            (Play::HangBeforeHeaders, Fail::Timeout),
            (Play::Html, Fail::Malformed),
            (Play::Garbage, Fail::Malformed),
            (Play::EndlessLine, Fail::Malformed),
            (
                Play::ErrorMidStream(json!({"code": 503, "message": "overloaded"})),
                Fail::Upstream(503),
            ),
        ] {
            check(kind, play, fail, 1).await;
        }
    }
}

#[tokio::test]
async fn what_failed_before_its_first_byte_is_repeated_once() {
    for kind in BOTH {
        check(kind, Play::Close, Fail::Transport, 2).await;
        for status in [500, 502, 503, 504, 529] {
            let play = Play::error(status, json!({"message": "sorry"}));
            check(kind, play, Fail::Upstream(status), 2).await;
        }
        let empty = Play::Steps(vec![Step::Begin("text/event-stream"), Step::End]);
        check(kind, empty, Fail::Transport, 2).await;
    }
}

#[tokio::test]
async fn what_the_service_will_not_do_is_told_apart_and_not_repeated() {
    for kind in BOTH {
        let flavour = flavour(kind);
        check(kind, Play::quota(flavour), Fail::Quota, 1).await;
        check(kind, Play::bad_key(flavour), Fail::Auth, 1).await;
        let denied = Play::error(403, json!({"message": "not you"}));
        check(kind, denied, Fail::Auth, 1).await;
        let unknown = Play::error(404, json!({"message": "no such model"}));
        check(kind, unknown, Fail::BadRequest, 1).await;
    }
    for (reason, fail) in [
        ("length", Fail::Truncated),
        ("content_filter", Fail::Blocked),
        ("tool_calls", Fail::Blocked),
        ("of_the_future", Fail::Blocked),
    ] {
        check(Kind::OpenAi, Play::Ended(reason), fail, 1).await;
    }
    check(Kind::OpenAi, Play::Refusal, Fail::Refused, 1).await;
    for (reason, fail) in [
        ("MAX_TOKENS", Fail::Truncated),
        ("SAFETY", Fail::Blocked),
        ("RECITATION", Fail::Blocked),
        ("OF_THE_FUTURE", Fail::Blocked),
    ] {
        check(Kind::Gemini, Play::Ended(reason), fail, 1).await;
    }
    for reason in ["SAFETY", "PROHIBITED_CONTENT", "OF_THE_FUTURE"] {
        check(Kind::Gemini, Play::PromptBlocked(reason), Fail::Blocked, 1).await;
    }
}

#[tokio::test]
async fn a_short_wait_that_is_asked_for_is_kept_and_a_long_one_is_not_waited_for() {
    for kind in BOTH {
        let asked = Fail::RateLimited(Some(Duration::from_secs(7)));
        check(kind, Play::rate_limited(flavour(kind), 7), asked, 1).await;

        let fake = Fake::start().await;
        fake.queue([Play::rate_limited(flavour(kind), 1)]);
        let provider = provider(&fake, kind);
        let reply = ask(&provider, &settings()).await.unwrap();
        assert!(reply.total_ms >= 1_000, "{} ms", reply.total_ms);
        assert_eq!(fake.received().len(), 2);
    }
}

#[tokio::test]
async fn another_try_that_would_come_too_late_is_not_made() {
    let fake = Fake::start().await;
    fake.choose(|_, _| Play::rate_limited(tests::provider::Flavour::OpenAi, 3));
    let provider = provider(&fake, Kind::OpenAi);
    let fail = ask(&provider, &hasty()).await.unwrap_err();
    assert_eq!(fail, Fail::RateLimited(Some(Duration::from_secs(3))));
    assert_eq!(fake.received().len(), 1);
}

#[tokio::test]
async fn what_drips_ends_with_the_whole_of_its_time() {
    for kind in BOTH {
        let drip = Play::Drip {
            text: "x".repeat(10_000),
            bytes: 3,
            every: Duration::from_millis(20),
        };
        check(kind, drip, Fail::Timeout, 1).await;
    }
}

/// S32: a model that sends its questions elsewhere gets none of them there.
#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Fake::start().await;
    for kind in BOTH {
        let play = Play::Redirect(format!("{}/chat/completions", elsewhere.url()));
        check(kind, play, Fail::BadRequest, 1).await;
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn a_service_that_is_not_there_or_speaks_no_tls_is_a_failed_connection() {
    let fake = Fake::start().await;
    let secure = fake.url().replace("http://", "https://");
    for kind in BOTH {
        let provider = provider_at(secure.clone(), kind);
        assert_eq!(ask(&provider, &hasty()).await, Err(Fail::Transport));
    }
    assert!(fake.received().is_empty(), "no key went out in the clear");
    let gone = fake.url();
    drop(fake);
    let provider = provider_at(gone, Kind::OpenAi);
    assert_eq!(ask(&provider, &hasty()).await, Err(Fail::Transport));
}
