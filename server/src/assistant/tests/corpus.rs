//! Every attempt of the injection corpus, in each place where somebody else's text comes in: as a
//! message, as a name, as knowledge, and as what a model is shown.

use std::fs;

use shared::{
    assistant::{AssistantSettings, Turn},
    id::{ChatId, Seq},
    text::{SafeText, render},
};

use super::knowledge;
use crate::assistant::{
    hear::Heard,
    injection::tests::corpus,
    knowledge::{Knowledge, Vars},
    prompt::{Canary, Question, Said, Source, Speaker, support},
    turn::{Mind, alone},
};

fn turn(knowledge: &Knowledge, heard: &Heard) -> Turn {
    let settings = AssistantSettings::default();
    let mind = Mind {
        knowledge,
        settings: &settings,
    };
    alone(heard, mind).0
}

#[test]
fn no_message_ends_a_chat_or_is_said_again() {
    let knowledge = knowledge();
    for (kind, attempt) in corpus() {
        for answered in [false, true] {
            let heard = Heard {
                seq: Seq(4),
                text: SafeText::block(&attempt),
                name: SafeText::line("Kim"),
                answered,
                ..Heard::default()
            };
            let told = match turn(&knowledge, &heard) {
                Turn::Resolve { .. } => panic!("{kind}: {attempt:?} ends the chat"),
                Turn::Say { text, .. } => text,
                Turn::HandOff { detail, .. } => detail.unwrap_or_default(),
            };
            assert_eq!(render(&told), told.as_str(), "{kind}: {attempt:?}");
            assert!(!told.contains(attempt.as_str()), "{kind}: {attempt:?}");
        }
    }
}

#[test]
fn no_knowledge_reaches_a_terminal_raw() {
    let vars = Vars {
        customer_name: "Kim",
        agent_name: "Ada",
        business_hours: "always",
    };
    let mut read = 0;
    for (kind, attempt) in corpus() {
        let folder = tempfile::tempdir().unwrap();
        let file = format!("---\ntitle: Parcels\nquestions: [where is it?]\n---\n\n{attempt}\n");
        fs::write(folder.path().join("parcels.md"), file).unwrap();
        let Ok(knowledge) = Knowledge::load(folder.path()) else {
            continue;
        };
        read += 1;
        for topic in knowledge.topics() {
            let reply = topic.reply(&vars).unwrap_or_default();
            assert_eq!(render(&reply), reply.as_str(), "{kind}: {attempt:?}");
            for passage in &topic.passages {
                let text = passage.text.as_str();
                assert_eq!(render(text), text, "{kind}: {attempt:?}");
            }
        }
    }
    assert!(read > 40, "only {read} were read");
}

#[test]
fn no_text_leaves_its_block_or_learns_the_mark() {
    let canary = Canary::random().unwrap();
    let asked = |text: &str| {
        let history = [Said {
            who: Speaker::Customer,
            text,
        }];
        let sources = [Source {
            id: "kb:parcels#1",
            title: text,
            text,
        }];
        let question = Question {
            chat: ChatId(7),
            name: "Ada",
            history: &history,
            history_messages: 12,
            sources: &sources,
        };
        support(&question, &canary, &mut |text| text.to_owned())
    };
    let plain = asked("where is my parcel?");
    for (kind, attempt) in corpus() {
        let request = asked(&attempt);
        assert_eq!(request.system, plain.system, "{kind}: {attempt:?}");
        assert_eq!(request.turns.len(), plain.turns.len(), "{kind}");
        for (turn, harmless) in request.turns.iter().zip(&plain.turns) {
            assert_eq!(turn.role, harmless.role, "{kind}: {attempt:?}");
            assert!(!canary.is_in(&turn.text), "{kind}: {attempt:?}");
            for mark in ["<customer", "</customer", "<passage", "</passage", "<agent"] {
                let marks = |text: &str| text.matches(mark).count();
                assert_eq!(
                    marks(&turn.text),
                    marks(&harmless.text),
                    "{kind}: {attempt:?}"
                );
            }
        }
    }
}
