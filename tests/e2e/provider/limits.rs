//! Breaker, queue and budget, as a caller feels them.

use futures_util::FutureExt as _;
use serde_json::json;
use server::assistant::provider::{BreakerState, Fail, Kind, Reply, Request};
use shared::assistant::AssistantSettings;
use shared::id::ChatId;
use tests::provider::{Fake, Play};

use super::{BOTH, ask, ask_for, deadline, flavour, provider, request, settings};

/// The next call of an open breaker is its probe.
fn impatient() -> AssistantSettings {
    AssistantSettings {
        breaker_open_s: 0,
        ..settings()
    }
}

#[tokio::test]
async fn the_breaker_opens_after_failures_and_closes_after_one_good_call() {
    let once = AssistantSettings {
        provider_retries: 0,
        ..settings()
    };
    for kind in BOTH {
        let fake = Fake::start().await;
        let provider = provider(&fake, kind);
        let down = || Play::error(503, json!({"message": "down"}));
        fake.queue((0..7).map(|_| down()));
        for _ in 0..5 {
            assert_eq!(provider.health().breaker, BreakerState::Closed);
            assert_eq!(ask(&provider, &once).await, Err(Fail::Upstream(503)));
        }
        assert_eq!(ask(&provider, &once).await, Err(Fail::Open));
        assert_eq!(fake.received().len(), 5, "it is left alone");

        // A probe is one call, whatever may be repeated.
        let probe = ask(&provider, &impatient()).await;
        assert_eq!(probe, Err(Fail::Upstream(503)));
        assert_eq!(fake.received().len(), 6);
        assert_eq!(provider.health().breaker, BreakerState::Open);
        assert_eq!(ask(&provider, &once).await, Err(Fail::Open));

        fake.queue([Play::Whole("late".into())]);
        assert!(ask(&provider, &impatient()).await.is_err(), "the seventh");
        assert!(ask(&provider, &impatient()).await.is_ok());
        let health = provider.health();
        assert_eq!(health.breaker, BreakerState::Closed);
        assert_eq!((health.calls, health.failures), (8, 7));
        let (_, fail) = health.last_failure.unwrap();
        assert_eq!(fail, Fail::Upstream(503));
    }
}

#[tokio::test]
async fn a_quota_that_is_used_up_opens_the_breaker_at_once() {
    for kind in BOTH {
        let fake = Fake::start().await;
        let provider = provider(&fake, kind);
        fake.queue([Play::quota(flavour(kind))]);
        assert_eq!(ask(&provider, &settings()).await, Err(Fail::Quota));
        assert_eq!(ask(&provider, &settings()).await, Err(Fail::Open));
        assert_eq!(fake.received().len(), 1);
    }
}

#[tokio::test]
async fn what_a_model_will_not_answer_says_nothing_of_its_health() {
    let fake = Fake::start().await;
    fake.choose(|_, _| Play::Refusal);
    let provider = provider(&fake, Kind::OpenAi);
    for _ in 0..20 {
        assert_eq!(ask(&provider, &settings()).await, Err(Fail::Refused));
    }
    assert_eq!(provider.health().breaker, BreakerState::Closed);
}

/// Goes on with a call until its request has arrived, being the one of this number.
async fn under_way<F: Future<Output = Result<Reply, Fail>> + Unpin>(
    fake: &Fake,
    number: usize,
    call: &mut F,
) {
    tokio::select! {
        biased;
        ended = call => panic!("{ended:?}"),
        () = fake.arrived(number) => {}
    }
}

#[tokio::test]
async fn so_many_calls_at_once_so_many_wait_and_the_rest_is_busy() {
    let fake = Fake::start().await;
    fake.queue([Play::HangBeforeHeaders]);
    let provider = provider(&fake, Kind::OpenAi);
    let narrow = AssistantSettings {
        provider_concurrency: 1,
        provider_queue: 1,
        ..settings()
    };
    let mut first = Box::pin(ask(&provider, &narrow));
    let mut second = Box::pin(ask(&provider, &narrow));
    under_way(&fake, 1, &mut first).await;
    assert!((&mut second).now_or_never().is_none());
    let health = provider.health();
    assert_eq!((health.in_flight, health.waiting), (1, 1));
    assert_eq!(ask(&provider, &narrow).await, Err(Fail::Busy));
    let soon = tokio::time::Instant::now();
    let late = provider.complete(&request(), &narrow, soon, None).await;
    assert_eq!(late, Err(Fail::Busy), "it does not wait past its deadline");

    // A call that is given up makes room, and leaves no trace in the breaker.
    drop(first);
    assert!(second.await.is_ok());
    let health = provider.health();
    assert_eq!((health.in_flight, health.waiting), (0, 0));
    assert_eq!(health.breaker, BreakerState::Closed);
}

#[tokio::test]
async fn a_probe_that_is_given_up_is_followed_by_another() {
    let fake = Fake::start().await;
    let provider = provider(&fake, Kind::OpenAi);
    fake.queue([Play::quota(tests::provider::Flavour::OpenAi)]);
    assert_eq!(ask(&provider, &settings()).await, Err(Fail::Quota));
    fake.queue([Play::HangBeforeHeaders]);
    let soon = impatient();
    let mut probe = Box::pin(ask(&provider, &soon));
    under_way(&fake, 2, &mut probe).await;
    assert_eq!(provider.health().breaker, BreakerState::Probing);
    assert_eq!(
        ask(&provider, &soon).await,
        Err(Fail::Open),
        "one at a time"
    );
    drop(probe);
    assert_eq!(provider.health().breaker, BreakerState::Open);
    fake.queue([Play::Whole("hi".into()), Play::Whole("hi".into())]);
    assert!(ask(&provider, &soon).await.is_ok());
    assert_eq!(provider.health().breaker, BreakerState::Closed);
}

#[tokio::test]
async fn tokens_of_a_chat_and_a_day_end_calls_before_they_go_out() {
    let fake = Fake::start().await;
    let provider = provider(&fake, Kind::OpenAi);
    let cost = request().bytes().div_ceil(4) as u64 + 400;
    let chat = Request {
        chat: Some(ChatId(7)),
        ..request()
    };
    let tight = AssistantSettings {
        // What is held, and twice what the service counts.
        tokens_per_chat: u32::try_from(cost).unwrap() + 30,
        tokens_per_day: u32::try_from(cost).unwrap() + 60,
        ..settings()
    };
    let ask = |request: Request| {
        let (provider, tight) = (provider.clone(), tight.clone());
        async move { provider.complete(&request, &tight, deadline(), None).await }
    };
    for _ in 0..3 {
        assert!(ask(chat.clone()).await.is_ok());
    }
    assert_eq!(ask(chat.clone()).await, Err(Fail::Budget));
    let other = Request {
        chat: Some(ChatId(8)),
        ..request()
    };
    for _ in 0..2 {
        assert!(ask(other.clone()).await.is_ok());
    }
    assert_eq!(ask(request()).await, Err(Fail::Budget), "of the day");
    assert_eq!(fake.received().len(), 5);
    let health = provider.health();
    assert_eq!(health.tokens_today, 75);
    assert_eq!(health.calls, 5, "what stays here is no call");
    assert_eq!(health.breaker, BreakerState::Closed);
}

#[tokio::test]
async fn what_was_spent_before_a_restart_counts() {
    let fake = Fake::start().await;
    let provider = provider(&fake, Kind::OpenAi);
    provider.restore_budget(1_000, [(ChatId(7), 19_900)]);
    assert_eq!(provider.health().tokens_today, 1_000);
    let chat = Request {
        chat: Some(ChatId(7)),
        ..request()
    };
    let reply = ask_for(&provider, &chat, &settings(), None).await;
    assert_eq!(reply, Err(Fail::Budget));
    assert_eq!(fake.connections(), 0);
}

#[tokio::test]
async fn what_a_broken_answer_cost_is_charged() {
    let fake = Fake::start().await;
    let provider = provider(&fake, Kind::OpenAi);
    fake.queue([Play::Cut("1234".into())]);
    assert_eq!(ask(&provider, &settings()).await, Err(Fail::Transport));
    let asked = request().bytes().div_ceil(4) as u64;
    assert_eq!(provider.health().tokens_today, asked + 1);
}
