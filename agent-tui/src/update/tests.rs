//! Laws of the one function: whatever comes, drafts stay where they are, nothing is shown twice,
//! and there is a way out.

use std::{collections::VecDeque, time::Duration};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use proptest::{
    collection::vec,
    prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest},
    sample::select,
};
use ratatui::{Terminal, backend::TestBackend};
use shared::{
    client::socket::SocketEvent,
    command::Command,
    error::ErrorCode,
    frame::Typist,
    id::{ChatId, CommandId, Seq, UserId},
    model::{AgentStatus, Visibility},
    record::Record,
    text::SafeText,
};

use super::update;
use crate::{
    fixture::{
        BILLING, MIA, SALES, Story, TOM, busy_desk, connected, console, console_of, delivered,
        hear, live,
    },
    keys::{Chord, Key},
    model::{Base, Link, Model},
    msg::{Effect, Msg},
    overlay::Overlay,
    theme::{Theme, Tone},
    thread::{Fate, Place},
    view::view,
};

fn key(chord: &str) -> KeyEvent {
    let chord: Chord = chord.parse().expect("a chord");
    match chord.key() {
        Key::Code(code) => KeyEvent::new(code, chord.modifiers()),
        Key::Digit => panic!("no single key"),
    }
}

fn press(model: &mut Model, chords: &str) -> Vec<Effect> {
    let now = model.now;
    let keys = chords.split(' ').map(key);
    keys.flat_map(|key| update(model, Msg::Key(key), now))
        .collect()
}

fn type_text(model: &mut Model, text: &str) -> Vec<Effect> {
    let now = model.now;
    let keys = text
        .chars()
        .map(|c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
    keys.flat_map(|key| update(model, Msg::Key(key), now))
        .collect()
}

fn commands(effects: &[Effect]) -> Vec<&Command> {
    let mut found = Vec::new();
    for effect in effects {
        if let Effect::Do { command, .. } = effect {
            found.push(command);
        }
    }
    found
}

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
        "t",
        "u",
        "v",
        "x",
        "y",
        "z",
        "m",
        "D",
        "J",
        "K",
        "M",
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
        "transfer billing",
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
        1 => chat.prop_map(Step::Edited),
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
    connected: bool,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            story: busy_desk(),
            model: console(),
            sent: VecDeque::new(),
            asked: VecDeque::new(),
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
            Step::Assigned(..) | Step::Leaves(_) => {}
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
        let (
            Command::PostMessage {
                chat,
                text,
                visibility,
                ..
            },
            true,
        ) = (&command, good)
        else {
            let code = ErrorCode::Conflict;
            let message = "somebody was faster".to_owned();
            return self.hear(SocketEvent::Nack {
                cid,
                code,
                message,
                retry_in: None,
            });
        };
        let record = self.story.answers(chat.0, MIA, text, *visibility);
        let (pos, seq) = (record.pos, record.seq);
        let done = SocketEvent::Done {
            cid,
            pos,
            chat: Some(*chat),
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
            assert!(self.model.unread(*id) <= view.events.len());
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

#[test]
fn what_is_typed_is_sent_once_and_shown_once() {
    let mut story = busy_desk();
    let mut model = console_of(&story);
    assert_eq!(
        model.current(),
        Some(ChatId(1)),
        "the first of ours is open at the start"
    );
    let typing = type_text(&mut model, "Thanks");
    let told = Effect::Typing {
        chat: ChatId(1),
        on: true,
    };
    assert_eq!(typing.iter().filter(|effect| **effect == told).count(), 1);
    let effects = press(&mut model, "Enter");
    let posts = commands(&effects);
    assert!(
        matches!(posts[..], [Command::PostMessage { chat: ChatId(1), text, .. }] if **text == *"Thanks")
    );
    let cid = model.threads[&ChatId(1)].outgoing[0].cid.clone();
    let record = story.answers(1, MIA, "Thanks", Visibility::Public);
    let (pos, seq) = (record.pos, record.seq);
    hear(&mut model, &story, [delivered(record)]);
    assert_eq!(
        model.threads[&ChatId(1)].outgoing[0].echo,
        seq,
        "not shown beside its record"
    );
    let chat = Some(ChatId(1));
    hear(
        &mut model,
        &story,
        [SocketEvent::Done {
            cid,
            pos,
            chat,
            seq,
            dup: false,
        }],
    );
    assert!(model.threads[&ChatId(1)].outgoing.is_empty());
    assert_eq!(model.unsent(), 0);
}

#[test]
fn a_refused_message_can_be_sent_again_or_taken_back() {
    let story = busy_desk();
    let mut model = console_of(&story);
    let refuse = |model: &mut Model| {
        let cid = model.threads[&ChatId(1)].outgoing[0].cid.clone();
        let code = ErrorCode::NotMember;
        let message = "not yours".to_owned();
        hear(
            model,
            &story,
            [SocketEvent::Nack {
                cid,
                code,
                message,
                retry_in: None,
            }],
        );
    };
    type_text(&mut model, "Thanks");
    press(&mut model, "Enter");
    refuse(&mut model);
    let failed = Fate::Failed("not yours".to_owned());
    assert_eq!(model.threads[&ChatId(1)].outgoing[0].fate, failed);
    let effects = press(&mut model, "Esc R");
    assert_eq!(commands(&effects).len(), 1);
    assert!(matches!(
        effects[..],
        [.., Effect::Discard { .. }, Effect::Do { .. }]
    ));
    refuse(&mut model);
    press(&mut model, "D");
    assert_eq!(model.threads[&ChatId(1)].reply.text(), "Thanks");
    assert_eq!(model.unsent(), 0);
}

#[test]
fn a_chat_is_read_only_when_somebody_looks() {
    let mut story = busy_desk();
    let mut model = console_of(&story);
    let now = story.now;
    update(&mut model, Msg::Focus(false), now);
    let said = delivered(story.says(1, "anybody there?"));
    let effects = hear(&mut model, &story, [said]);
    assert_eq!(model.unread(ChatId(1)), 1);
    assert!(effects.contains(&Effect::Bell));
    assert!(commands(&effects).is_empty());
    let effects = update(&mut model, Msg::Focus(true), now);
    assert_eq!(model.unread(ChatId(1)), 0);
    let head = model.view.chats[&ChatId(1)].chat.seq;
    assert!(matches!(commands(&effects)[..], [Command::MarkRead { seq, .. }] if *seq == head));
    press(&mut model, "Esc M");
    assert_eq!(model.unread(ChatId(1)), 1, "left unread by hand");
}

#[test]
fn a_gap_is_filled_before_anything_after_it_is_shown() {
    let mut story = busy_desk();
    let mut model = console_of(&story);
    let head = model.view.chats[&ChatId(2)].chat.seq;
    let lost = story.says(2, "first");
    let seen = story.says(2, "second");
    let effects = hear(&mut model, &story, [delivered(seen.clone())]);
    assert_eq!(model.view.chats[&ChatId(2)].chat.seq, head);
    let fetch = effects.iter().find_map(|effect| match effect {
        Effect::Fetch { id, after, .. } if *after == Some(head) => Some(id.clone()),
        _ => None,
    });
    let page = SocketEvent::Page {
        id: fetch.expect("what is missing is asked for"),
        chat: ChatId(2),
        events: vec![lost, seen],
        more: false,
    };
    hear(&mut model, &story, [page]);
    assert_eq!(model.view.chats[&ChatId(2)].chat.seq, Seq(head.0 + 2));
    assert_eq!(model.threads[&ChatId(2)].behind, None);
}

#[test]
fn a_chat_that_leaves_keeps_its_draft() {
    let mut story = busy_desk();
    let mut model = console_of(&story);
    type_text(&mut model, "half a sentence");
    let gone = story.transfer(1, SALES);
    hear(&mut model, &story, [delivered(gone)]);
    assert!(!model.view.chats.contains_key(&ChatId(1)));
    assert_eq!(model.current(), None);
    assert_eq!(model.threads[&ChatId(1)].reply.text(), "half a sentence");
}

#[test]
fn losing_a_chat_while_writing_is_said() {
    let mut story = busy_desk();
    let mut model = console_of(&story);
    type_text(&mut model, "half a sentence");
    let taken = story.assign(1, TOM);
    hear(&mut model, &story, [delivered(taken)]);
    let notice = model.notice.as_ref().expect("a line");
    assert_eq!(
        notice.text,
        "#1 belongs to Tom Hale now; your draft is kept"
    );
    assert_eq!(model.threads[&ChatId(1)].reply.text(), "half a sentence");
}

#[test]
fn what_needs_a_person_comes_first() {
    let mut story = busy_desk();
    let mut model = console_of(&story);
    press(&mut model, "Alt+A");
    assert_eq!(model.current(), Some(ChatId(2)), "ours and unread");
    press(&mut model, "Alt+A");
    assert_eq!(model.current(), Some(ChatId(4)), "waits for longest");
    let effects = press(&mut model, "Esc a");
    assert!(matches!(
        commands(&effects)[..],
        [Command::Claim {
            chat: ChatId(4),
            ..
        }]
    ));
    let given = story.assign(4, MIA);
    hear(&mut model, &story, [delivered(given)]);
    assert!(model.owns(ChatId(4)));
    press(&mut model, "`");
    assert_eq!(model.current(), Some(ChatId(2)));
}

#[test]
fn a_reply_in_a_chat_of_somebody_else_stays_a_draft() {
    let story = busy_desk();
    let mut model = console_of(&story);
    press(&mut model, "Esc 3 i");
    type_text(&mut model, "hello");
    let effects = press(&mut model, "Enter");
    assert!(commands(&effects).is_empty());
    assert!(model.notice.as_ref().is_some_and(|notice| notice.error));
    assert_eq!(
        model.current_thread().map(|thread| thread.reply.text()),
        Some("hello")
    );
    press(&mut model, "Esc n");
    type_text(&mut model, "looks like fraud");
    let effects = press(&mut model, "Enter");
    let note = Visibility::Note;
    assert!(matches!(commands(&effects)[..],
        [Command::PostMessage { visibility, .. }] if *visibility == note));
    assert_eq!(
        model.current_thread().map(|thread| thread.reply.text()),
        Some("hello")
    );
}

#[test]
fn slash_commands_take_their_answers_from_the_line() {
    let story = busy_desk();
    let mut model = console_of(&story);
    let mut run = |line: &str| -> Vec<Command> {
        type_text(&mut model, line);
        let effects = press(&mut model, "Enter");
        commands(&effects).into_iter().cloned().collect()
    };
    let away = AgentStatus::Away;
    assert!(matches!(&run("/status away back at three")[..],
        [Command::SetStatus { status, reason: Some(why), .. }]
            if *status == away && **why == *"back at three"));
    assert!(matches!(&run("/transfer sales wants a quote")[..],
        [Command::Transfer { department: Some(_), note: Some(note), .. }]
            if **note == *"wants a quote"));
    assert!(matches!(&run("/tag vat -old")[..],
        [Command::Tag { add, remove, .. }] if add.len() == 1 && remove.len() == 1));
    assert!(matches!(&run("/resolve")[..], [Command::Resolve { .. }]));
    assert!(
        run("//not a command").len() == 1,
        "two slashes begin a message"
    );
}

#[test]
fn closing_asks_first() {
    let story = busy_desk();
    let mut model = console_of(&story);
    let effects = press(&mut model, "Esc x");
    assert!(commands(&effects).is_empty());
    assert!(commands(&press(&mut model, "n")).is_empty());
    let effects = press(&mut model, "x y");
    assert!(matches!(
        commands(&effects)[..],
        [Command::Close { epoch: Some(_), .. }]
    ));
}

#[test]
fn older_records_are_asked_for_once_at_the_top() {
    let mut story = busy_desk();
    for number in 0..60 {
        story.says(1, &format!("line {number}"));
    }
    let mut model = console_of(&story);
    assert_eq!(model.view.chats[&ChatId(1)].events.len(), 20);
    let mut asked = Vec::new();
    for _ in 0..5 {
        asked.extend(
            press(&mut model, "PgUp")
                .into_iter()
                .filter_map(|effect| match effect {
                    Effect::Fetch { id, before, .. } => Some((id, before)),
                    _ => None,
                }),
        );
    }
    let [(id, before)] = &asked[..] else {
        panic!("asked {asked:?}");
    };
    let place = model.threads[&ChatId(1)].place;
    let all = story.view.chats[&ChatId(1)].events.iter();
    let events: Vec<Record> = all.filter(|record| record.seq < *before).cloned().collect();
    let page = SocketEvent::Page {
        id: id.clone(),
        chat: ChatId(1),
        events,
        more: false,
    };
    hear(&mut model, &story, [page]);
    assert_eq!(
        model.view.chats[&ChatId(1)].events.len(),
        story.view.chats[&ChatId(1)].events.len()
    );
    assert_eq!(
        model.threads[&ChatId(1)].place,
        place,
        "the reader stays where they are"
    );
    assert_ne!(place, Place::End);
}

#[test]
fn a_search_walks_its_matches() {
    let mut story = busy_desk();
    for number in 0..12 {
        story.says(1, &format!("number {number}"));
    }
    let mut model = console_of(&story);
    press(&mut model, "Ctrl+F");
    type_text(&mut model, "NUMBER 1");
    press(&mut model, "Enter");
    let at = |model: &Model| {
        model
            .current_thread()
            .and_then(|thread| Some(thread.search.as_ref()?.at))
    };
    let newest = at(&model).expect("a match");
    press(&mut model, "n");
    assert!(at(&model).expect("a match") < newest);
    press(&mut model, "N");
    assert_eq!(at(&model), Some(newest));
    press(&mut model, "Esc");
    assert_eq!(at(&model), None);
}

#[test]
fn a_long_paste_asks_and_is_never_sent() {
    let mut model = console_of(&busy_desk());
    let now = model.now;
    let text = "1\n2\n3\n4\n5\n6\n";
    let effects = update(&mut model, Msg::Paste(text.to_owned()), now);
    assert!(commands(&effects).is_empty());
    assert!(matches!(model.overlay, Some(Overlay::Paste(_))));
    press(&mut model, "n");
    let thread = model.current_thread().expect("a chat");
    assert_eq!((thread.reply.text(), thread.note.text()), ("", text));
}

#[test]
fn drafts_and_unsent_messages_of_an_earlier_run_come_back() {
    let story = busy_desk();
    let mut model = console_of(&story);
    type_text(&mut model, "half");
    let saved = press(&mut model, "x")
        .into_iter()
        .find_map(|effect| match effect {
            Effect::SaveDraft { chat, draft } => Some((chat, draft)),
            _ => None,
        });
    let mut restored = crate::msg::Restored::default();
    restored.drafts.extend(saved);
    let mut later = console();
    let now = story.now;
    update(&mut later, Msg::Restored(Box::new(restored)), now);
    hear(&mut later, &story, [connected(), story.snapshot(), live()]);
    assert_eq!(later.threads[&ChatId(1)].reply.text(), "halfx");
}

#[test]
fn every_action_can_be_asked_for_without_a_chat() {
    for action in crate::keys::ACTIONS {
        let mut model = console_of(&Story::new());
        model.base = Base::Nav;
        let now = model.now;
        super::keys::perform(&mut model, action.intent, &mut Vec::new());
        update(&mut model, Msg::Tick, now);
        assert_eq!(model.link, Link::Live, "{}", action.name);
    }
}
