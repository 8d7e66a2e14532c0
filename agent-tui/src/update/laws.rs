//! Laws of the one function, under random keys and events: drafts stay where they are, nothing
//! is shown twice, and there is a way out.

use std::{collections::VecDeque, time::Duration};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use proptest::{
    collection::vec,
    prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest},
    sample::select,
};
use ratatui::{Terminal, backend::TestBackend};
use shared::{
    api::AssistAnswer,
    assistant::{AssistantReason, ReplyKind},
    client::socket::SocketEvent,
    command::Command,
    error::ErrorCode,
    event::{Event, Reader},
    frame::Typist,
    id::{ChatId, CommandId, Seq, UserId},
    model::{CannedScope, Visibility},
    record::Record,
    text::SafeText,
};

use super::{is_watched, update};
use crate::{
    fixture::{
        BILLING, MIA, SALES, Story, TOM, busy_desk, connected, console, delivered, hand_off_of,
        key, live,
    },
    model::Model,
    msg::{Effect, Msg},
    theme::{Theme, Tone},
    thread::is_from_other,
    view::view,
};

/// Something that happens to a console.
#[derive(Debug, Clone)]
enum Step {
    Key(KeyEvent),
    Type(&'static str),
    Paste(&'static str),
    CustomerSays(u64),
    ColleagueSays(u64, bool),
    /// A record that this console never gets.
    Lost(u64),
    Assigned(u64, bool),
    Leaves(u64),
    Page(bool),
    Answer(bool),
    Disconnect,
    Reconnect,
    Resize(u16, u16),
    Focus(bool),
    Wait(u64),
    Types(u64, bool),
    Edited(u64),
    /// The assistant gets a chat.
    Assists(u64),
    AssistantSays(u64),
    HandsOff(u64),
    /// The hub answers the oldest question for help, or cannot.
    Helped(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let chords = [
        "Enter",
        "Esc",
        "Tab",
        "Backspace",
        "Up",
        "Down",
        "PgUp",
        "PgDn",
        "Home",
        "End",
        "Alt+A",
        "Alt+/",
        "Ctrl+N",
        "Ctrl+P",
        "Ctrl+G",
        "Ctrl+C",
        "Ctrl+F",
        "Ctrl+R",
        "Ctrl+U",
        "Ctrl+_",
        "Ctrl+W",
        "Ctrl+Y",
        "Alt+U",
        "Alt+Z",
        "Alt+End",
        "Alt+Home",
        "F1",
        "F2",
        "F12",
        "a",
        "d",
        "e",
        "i",
        "j",
        "k",
        "n",
        "p",
        "q",
        "r",
        "s",
        "w",
        "H",
        "Space",
        "*",
        ".",
        "t",
        "u",
        "v",
        "x",
        "y",
        "z",
        "m",
        "D",
        "B",
        "P",
        "c",
        "!",
        "J",
        "K",
        "M",
        ";",
        "N",
        "R",
        "S",
        "U",
        "1",
        "2",
        "3",
        "/",
        ":",
        "?",
        "@",
        "-",
    ];
    let keys: Vec<KeyEvent> = chords.into_iter().map(key).collect();
    let texts = [
        "hello ",
        "日本",
        "/",
        "away lunch",
        "@t",
        ";h",
        "?vat",
        "transfer billing",
        "20m",
        "assist shorter",
    ];
    let pastes = ["short", "one\ntwo\nthree\nfour\nfive\nsix\n", "\x1b[31mred"];
    let chat = 1_u64..=5;
    let step = prop_oneof![
        12 => select(keys).prop_map(Step::Key),
        6 => select(texts.to_vec()).prop_map(Step::Type),
        1 => select(pastes.to_vec()).prop_map(Step::Paste),
        4 => chat.clone().prop_map(Step::CustomerSays),
        2 => (chat.clone(), any::<bool>()).prop_map(|(chat, note)| Step::ColleagueSays(chat, note)),
        1 => chat.clone().prop_map(Step::Lost),
        1 => (chat.clone(), any::<bool>()).prop_map(|(chat, mine)| Step::Assigned(chat, mine)),
        1 => chat.clone().prop_map(Step::Leaves),
        3 => any::<bool>().prop_map(Step::Page),
        3 => any::<bool>().prop_map(Step::Answer),
        1 => Just(Step::Disconnect),
        1 => Just(Step::Reconnect),
        1 => (1_u16..170, 1_u16..55).prop_map(|(columns, rows)| Step::Resize(columns, rows)),
        1 => any::<bool>().prop_map(Step::Focus),
        1 => (0_u64..90_000).prop_map(Step::Wait),
        1 => (chat.clone(), any::<bool>()).prop_map(|(chat, on)| Step::Types(chat, on)),
        1 => chat.clone().prop_map(Step::Edited),
        1 => chat.clone().prop_map(Step::Assists),
        1 => chat.clone().prop_map(Step::AssistantSays),
        1 => chat.prop_map(Step::HandsOff),
        2 => any::<bool>().prop_map(Step::Helped),
    ];
    // The texts are static, so that a failure is short to read.
    vec(step.boxed(), 0..120)
}

/// A console and the hub it hears.
struct World {
    story: Story,
    model: Model,
    sent: VecDeque<(CommandId, Command)>,
    asked: VecDeque<(String, ChatId, Option<Seq>, Option<Seq>)>,
    helps: VecDeque<CommandId>,
    connected: bool,
}

impl World {
    fn new() -> Self {
        let mut story = busy_desk();
        let all = CannedScope::Global;
        story.can("hello", all, "Hello {{customer.name}}, {{attr.plan}}?");
        story.can("bye", all, "Good bye");
        let mut world = Self {
            story,
            model: console(),
            sent: VecDeque::new(),
            asked: VecDeque::new(),
            helps: VecDeque::new(),
            connected: true,
        };
        for event in [connected(), world.story.snapshot(), live()] {
            world.give(Msg::Hub(event));
        }
        world
    }

    fn give(&mut self, msg: Msg) -> Vec<Effect> {
        let effects = update(&mut self.model, msg, self.story.now);
        for effect in &effects {
            match effect {
                Effect::Do { cid, command } => self.sent.push_back((cid.clone(), command.clone())),
                Effect::Fetch {
                    id,
                    chat,
                    before,
                    after,
                    ..
                } => self.asked.push_back((id.clone(), *chat, *before, *after)),
                Effect::Assist { id, .. } => self.helps.push_back(id.clone()),
                _ => {}
            }
        }
        effects
    }

    fn hear(&mut self, event: SocketEvent) {
        if self.connected {
            self.give(Msg::Hub(event));
        }
    }

    fn deliver(&mut self, record: Record) {
        let chat = record.chat.expect("of a chat");
        if self.story.view.chats[&chat].chat.department == BILLING {
            self.hear(delivered(record));
        }
    }

    fn in_sight(&self, chat: u64) -> bool {
        self.story.view.chats[&ChatId(chat)].chat.department == BILLING
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Key(key) => drop(self.give(Msg::Key(key))),
            Step::Type(text) => {
                for c in text.chars() {
                    self.give(Msg::Key(KeyEvent::new(
                        KeyCode::Char(c),
                        KeyModifiers::NONE,
                    )));
                }
            }
            Step::Paste(text) => drop(self.give(Msg::Paste(text.to_owned()))),
            Step::CustomerSays(chat) => {
                let record = self.story.says(chat, "and another thing");
                self.deliver(record);
            }
            Step::ColleagueSays(chat, note) => {
                let visibility = if note {
                    Visibility::Note
                } else {
                    Visibility::Public
                };
                let record = self.story.answers(chat, TOM, "hello ", visibility);
                self.deliver(record);
            }
            Step::Lost(chat) => drop(self.story.says(chat, "lost on the way")),
            Step::Assigned(chat, mine) if self.in_sight(chat) => {
                let record = self.story.assign(chat, if mine { MIA } else { TOM });
                self.deliver(record);
            }
            Step::Leaves(chat) if self.in_sight(chat) => {
                let record = self.story.transfer(chat, SALES);
                self.hear(delivered(record));
            }
            Step::Assists(chat) if self.in_sight(chat) => {
                let record = self.story.assist(chat, AssistantReason::Returned);
                self.deliver(record);
            }
            Step::AssistantSays(chat) => {
                let kind = ReplyKind::Answer;
                for record in self.story.replies(chat, "like this", kind) {
                    self.deliver(record);
                }
            }
            Step::HandsOff(chat) if self.in_sight(chat) => {
                let hand_off = hand_off_of(str::to_owned);
                for record in self.story.hands_off(chat, hand_off) {
                    self.deliver(record);
                }
            }
            Step::Helped(good) => self.help(good),
            Step::Assigned(..) | Step::Leaves(_) | Step::Assists(_) | Step::HandsOff(_) => {}
            Step::Page(more) => self.page(more),
            Step::Answer(good) => self.answer(good),
            Step::Disconnect => self.disconnect(),
            Step::Reconnect => self.reconnect(),
            Step::Resize(columns, rows) => drop(self.give(Msg::Resize(columns, rows))),
            Step::Focus(focused) => drop(self.give(Msg::Focus(focused))),
            Step::Wait(ms) => {
                self.story.now = self.story.now.after(Duration::from_millis(ms));
                self.give(Msg::Tick);
            }
            Step::Types(chat, on) => self.hear(SocketEvent::Typing {
                chat: ChatId(chat),
                who: Typist {
                    id: UserId(100 + chat),
                    name: SafeText::line("Ana"),
                    customer: true,
                },
                on,
                preview: None,
            }),
            Step::Edited(chat) => {
                let text = Ok("from the editor".to_owned());
                let chat = ChatId(chat);
                self.give(Msg::Edited {
                    chat,
                    note: false,
                    text,
                });
            }
        }
    }

    /// Answers a question for help; nothing goes out by it.
    fn help(&mut self, good: bool) {
        let Some(id) = self.helps.pop_front() else {
            return;
        };
        let text = SafeText::line("as the hub would say it");
        let answer = AssistAnswer {
            suggestions: Vec::new(),
            text: Some(text),
        };
        let why = || "no model is configured".to_owned();
        let answer = good.then_some(answer).ok_or_else(why);
        let before = self.drafts();
        let effects = self.give(Msg::Assisted { id, answer });
        let said = |effect: &Effect| matches!(effect, Effect::Do { command, .. } if !matches!(command, Command::MarkRead { .. }));
        assert!(!effects.iter().any(said), "{effects:?}");
        assert_eq!(before, self.drafts(), "nobody has chosen it");
    }

    fn disconnect(&mut self) {
        self.hear(SocketEvent::Disconnected {
            why: "cut".to_owned(),
            retry_in: Duration::from_secs(2),
            attempt: 1,
        });
        self.connected = false;
    }

    fn reconnect(&mut self) {
        self.connected = true;
        for event in [connected(), self.story.snapshot(), live()] {
            self.hear(event);
        }
    }

    fn page(&mut self, more: bool) {
        let Some((id, chat, before, after)) = self.asked.pop_front().filter(|_| self.connected)
        else {
            return;
        };
        let all = self.story.view.chats[&chat].events.iter();
        let fits =
            |record: &&Record| record.seq < before.or(Some(Seq(u64::MAX))) && record.seq > after;
        let mut events: Vec<Record> = all.filter(fits).cloned().collect();
        if !self.in_sight(chat.0) {
            events.clear();
        }
        // Sometimes less than all of it.
        let keep = if more {
            events.len().min(2)
        } else {
            events.len()
        };
        let events = if before.is_some() {
            events.split_off(events.len() - keep)
        } else {
            events.truncate(keep);
            events
        };
        self.hear(SocketEvent::Page {
            id,
            chat,
            events,
            more,
        });
    }

    fn answer(&mut self, good: bool) {
        let Some((cid, command)) = self.sent.pop_front().filter(|_| self.connected) else {
            return;
        };
        let by = self.story.agent(MIA);
        let record = match &command {
            Command::PostMessage {
                chat,
                text,
                visibility,
                ..
            } if good => Some(self.story.answers(chat.0, MIA, text, *visibility)),
            Command::MarkRead { chat, seq } if good => {
                let (by_staff, seq) = (Reader::Staff, *seq);
                let event = Event::ReadMarked { by: by_staff, seq };
                Some(self.story.record(Some(*chat), by, event))
            }
            Command::MarkUnread { chat, seq } if good => {
                let event = Event::UnreadMarked { seq: *seq };
                Some(self.story.record(Some(*chat), by, event))
            }
            _ => None,
        };
        let Some(record) = record else {
            let code = ErrorCode::Conflict;
            let message = "somebody was faster".to_owned();
            return self.hear(SocketEvent::Nack {
                cid,
                code,
                message,
                retry_in: None,
            });
        };
        let (pos, seq) = (record.pos, record.seq);
        let done = SocketEvent::Done {
            cid,
            pos,
            chat: record.chat,
            seq,
            dup: false,
        };
        // The hub may say both in either order.
        if pos.0.is_multiple_of(2) {
            self.deliver(record);
            self.hear(done);
        } else {
            self.hear(done);
            self.deliver(record);
        }
    }

    fn drafts(&self) -> Vec<(ChatId, String, String)> {
        let threads = self.model.threads.iter();
        threads
            .map(|(id, thread)| {
                let text = |composer: &crate::composer::Composer| composer.text().to_owned();
                (*id, text(&thread.reply), text(&thread.note))
            })
            .filter(|(_, reply, note)| !(reply.is_empty() && note.is_empty()))
            .collect()
    }

    fn check(&self) {
        for (id, view) in &self.model.view.chats {
            let seqs: Vec<_> = view.events.iter().map(|record| record.seq).collect();
            let next = |pair: &[Option<Seq>]| pair[1] == pair[0].map(Seq::next);
            assert!(seqs.windows(2).all(next), "chat {id} has {seqs:?}");
            let others = |record: &&Record| is_from_other(record, Some(MIA));
            let others = view.events.iter().filter(others).count();
            let unread = self.model.unread(*id);
            // A chat that has just come to us is unread without a word of anybody.
            assert!(unread <= others.max(1), "chat {id}: {unread} of {others}");
        }
        if let Some(chat) = self
            .model
            .current()
            .filter(|chat| is_watched(&self.model, *chat))
        {
            assert_eq!(self.model.unread(chat), 0, "chat {chat} is looked at");
        }
        assert!(!self.model.panes.is_empty() && self.model.focus < self.model.panes.len());
        let (columns, rows) = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a terminal");
        let theme = Theme::new(Tone::Dark, false);
        terminal
            .draw(|frame| view(&self.model, &theme, frame))
            .expect("drawn");
    }

    fn check_exit(&mut self) {
        let mut effects = self.give(Msg::Key(key("Ctrl+Q")));
        effects.extend(self.give(Msg::Key(key("Ctrl+Q"))));
        assert!(
            effects.contains(&Effect::Quit),
            "no way out of {:?}",
            self.model.overlay
        );
    }
}

proptest! {
    // Each case draws after each of its steps.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_comes_the_laws_hold(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            let before = world.drafts();
            let current = world.model.current();
            let writes = match &step {
                Step::Key(_) | Step::Type(_) | Step::Paste(_) => current,
                Step::Edited(chat) => Some(ChatId(*chat)),
                _ => None,
            };
            // A key may leave one chat, and the keys of a text go on in the next.
            let many = matches!(&step, Step::Type(_));
            world.take(step);
            if !many {
                let apart = |drafts: Vec<(ChatId, String, String)>| -> Vec<_> {
                    drafts.into_iter().filter(|(chat, ..)| Some(*chat) != writes).collect()
                };
                assert_eq!(apart(before), apart(world.drafts()), "a draft moved or was lost");
            }
            world.check();
        }
        world.check_exit();
    }
}
