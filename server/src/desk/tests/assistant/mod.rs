//! One example of each rule about chats that the assistant has.

mod chats;
mod numbers;
mod turns;

use shared::{
    assistant::{AssistantChange, Failure, FirstLine, HandOff, Reply, ReplyKind, Turn},
    command::{Command, OpenChat},
    id::{ChatId, Epoch, Seq, UserId},
    model::{Chat, ChatState},
    record::Record,
};

use crate::desk::Who;
use crate::desk::tests::sim::{Sim, customer, post, text};

const OWNER: Who = Who::User(UserId(1));
const ASSISTANT: Who = Who::System("assistant");

/// A desk without anybody online whose assistant takes every chat.
fn assisted() -> Sim {
    let mut sim = Sim::staffed();
    know(&mut sim, 3);
    set(&mut sim, |change| {
        change.first_line = Some(FirstLine::Always)
    });
    sim
}

fn know(sim: &mut Sim, topics: u32) {
    sim.must(
        &Who::System("knowledge"),
        Command::NoteKnowledge {
            topics,
            questions: 8 * topics,
            provider: false,
            hash: text(&topics.to_string()),
        },
    );
}

fn set(sim: &mut Sim, change: impl FnOnce(&mut AssistantChange)) -> Vec<Record> {
    sim.must(&OWNER, changed(change))
}

fn changed(change: impl FnOnce(&mut AssistantChange)) -> Command {
    let mut new = AssistantChange::default();
    change(&mut new);
    let change = Box::new(new);
    Command::UpdateAssistant { change, rev: None }
}

fn open(sim: &mut Sim, words: &str) -> (ChatId, Who, Vec<Record>) {
    let open = Command::OpenChat(OpenChat {
        name: Some(text("Cleo")),
        text: (!words.is_empty()).then(|| text(words)),
        ..OpenChat::default()
    });
    let first = sim.log.len();
    sim.must(&Who::Anonymous, open);
    let id = sim.desk.last_chat();
    let who = customer(chat(sim, id).customer);
    (id, who, sim.log[first..].to_vec())
}

fn chat(sim: &Sim, id: ChatId) -> &Chat {
    sim.desk.chat(id).expect("not closed")
}

fn state(sim: &Sim, id: ChatId) -> ChatState {
    chat(sim, id).state
}

fn handed_off(sim: &Sim, id: ChatId) -> &HandOff {
    chat(sim, id).hand_off.as_deref().expect("handed off")
}

/// Begins to look for the answer that is owed next in a chat.
fn start(sim: &mut Sim, id: ChatId) -> (Epoch, Seq) {
    let job = sim.desk.job(id).expect("something is owed");
    let (epoch, seq) = (job.epoch, job.seq);
    let chat = id;
    sim.must(&ASSISTANT, Command::StartTurn { chat, epoch, seq });
    (epoch, seq)
}

fn finish(id: ChatId, (epoch, seq): (Epoch, Seq), turn: Turn) -> Command {
    Command::FinishTurn {
        chat: id,
        epoch,
        seq,
        turn,
    }
}

fn say(seq: Seq, kind: ReplyKind, words: &str) -> Turn {
    let reply = Box::new(Reply {
        failure: matches!(kind, ReplyKind::Clarify | ReplyKind::Rephrase)
            .then_some(Failure::Unclear),
        ..Reply::new(kind, seq)
    });
    let text = text(words);
    Turn::Say { text, reply }
}

/// One turn, whole.
fn turn(sim: &mut Sim, id: ChatId, kind: ReplyKind, words: &str) -> Vec<Record> {
    let (epoch, seq) = start(sim, id);
    let first = sim.log.len();
    sim.must(&ASSISTANT, finish(id, (epoch, seq), say(seq, kind, words)));
    sim.log[first..].to_vec()
}

fn asks(sim: &mut Sim, who: &Who, id: ChatId, words: &str) {
    sim.must(who, post(id, words));
}
