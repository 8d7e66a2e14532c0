//! Every way in which a service may answer well gives the same answer.

use std::time::Duration;

use server::assistant::provider::{Kind, Usage};
use tests::provider::{Fake, Play};

use super::{BOTH, ask, ask_for, provider, request, settings};

const TEXT: &str = "{\"answer\":\"Grüße — 你好 😀\"}";

fn counted(kind: Kind) -> Usage {
    match kind {
        Kind::OpenAi => Usage {
            prompt: 10,
            completion: 5,
            total: 15,
        },
        Kind::Gemini => Usage {
            prompt: 4,
            completion: 6,
            total: 10,
        },
    }
}

#[tokio::test]
async fn whole_streamed_dripped_and_odd_answers_are_the_same_answer() {
    let drip = Play::Drip {
        text: TEXT.into(),
        bytes: 1,
        every: Duration::ZERO,
    };
    for kind in BOTH {
        let fake = Fake::start().await;
        let provider = provider(&fake, kind);
        for play in [
            Play::Whole(TEXT.into()),
            Play::Stream(TEXT.into()),
            drip.clone(),
            Play::Odd(TEXT.into()),
        ] {
            fake.queue([play.clone()]);
            let reply = ask(&provider, &settings()).await.unwrap();
            assert_eq!(reply.text, TEXT, "{play:?}");
            assert_eq!(reply.usage, counted(kind), "{play:?}");
            assert_eq!(reply.model, "played-1");
            assert!(reply.first_byte_ms <= reply.total_ms);
        }
    }
}

#[tokio::test]
async fn an_answer_is_whole_when_it_has_ended_whatever_its_stream_does_then() {
    let fake = Fake::start().await;
    let provider = provider(&fake, Kind::OpenAi);
    for play in [Play::NoTail(TEXT.into()), Play::HangAfterEnd(TEXT.into())] {
        fake.queue([play]);
        let reply = ask(&provider, &settings()).await.unwrap();
        assert_eq!(reply.text, TEXT);
        let bytes = request().bytes();
        assert_eq!(reply.usage.prompt, bytes.div_ceil(4) as u64, "estimated");
        assert_eq!(reply.usage.completion, TEXT.len().div_ceil(4) as u64);
    }
}

#[tokio::test]
async fn who_listens_hears_the_text_as_it_comes() {
    for kind in BOTH {
        let fake = Fake::start().await;
        fake.queue([Play::Odd(TEXT.into())]);
        let (sender, mut heard) = tokio::sync::mpsc::channel(64);
        let provider = provider(&fake, kind);
        let reply = ask_for(&provider, &request(), &settings(), Some(sender)).await;
        assert_eq!(reply.unwrap().text, TEXT);
        let mut pieces = Vec::new();
        while let Some(piece) = heard.recv().await {
            pieces.push(piece);
        }
        assert!(pieces.len() > 1);
        assert_eq!(pieces.concat(), TEXT);
    }
}

#[tokio::test]
async fn who_stops_listening_does_not_stop_the_answer() {
    let fake = Fake::start().await;
    let (sender, heard) = tokio::sync::mpsc::channel(1);
    drop(heard);
    let provider = provider(&fake, Kind::OpenAi);
    let reply = ask_for(&provider, &request(), &settings(), Some(sender)).await;
    assert!(reply.is_ok());
}

#[tokio::test]
async fn a_connection_is_used_again() {
    for kind in BOTH {
        let fake = Fake::start().await;
        let provider = provider(&fake, kind);
        for _ in 0..3 {
            fake.queue([Play::Whole(TEXT.into())]);
            assert!(ask(&provider, &settings()).await.is_ok());
        }
        assert_eq!((fake.received().len(), fake.connections()), (3, 1));
    }
}
