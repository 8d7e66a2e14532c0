//! From what changed in the model to lines, in the order in which it is to be read. Pure.
//!
//! One event is one line that begins in the first column; whatever stands on further lines is
//! indented, so that no message can pass for an event. Everything goes through the one sanitiser
//! in [`clean`], and nothing is said with colour, place or shape.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    time::Duration,
};

use shared::{
    id::{ChatId, CommandId, Seq, UserId},
    model::{AgentStatus, Visibility},
    record::Record,
    text::{SafeText, render, truncate_width},
    time::Timestamp,
};

use crate::{
    model::{Link, Model, status_word},
    overlay::Overlay,
    thread::{Fate, Place},
};

use super::{
    lists,
    words::{brief, brief_line, clean, clock, line_of, name_of, speaker},
};

/// Columns of a name in the prompt.
const NAME_COLUMNS: usize = 30;
/// Messages that are told when a chat comes in front, and at once of older ones.
const RECENT: usize = 10;
/// Records that are told of a chat of ours that comes in sight.
const FIRST: usize = 3;
/// That somebody types is told at most once in this time.
const TYPING_EVERY: Duration = Duration::from_secs(6);
/// Lines of a list to choose from.
const CHOICES_MAX: usize = 40;

/// A message of ours on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sent {
    cid: CommandId,
    chat: ChatId,
    note: bool,
    text: SafeText,
    stored: Option<Seq>,
    failed: bool,
}

/// What was told of the connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Connection {
    #[default]
    Untold,
    Live,
    Lost,
    Stopped,
}

/// Knows what was told.
#[derive(Debug, Default)]
pub(crate) struct Teller {
    connection: Connection,
    greeted: bool,
    troubled: bool,
    status: Option<(AgentStatus, Option<SafeText>)>,
    /// The newest record of each chat that is behind us.
    told: BTreeMap<ChatId, Seq>,
    queue: BTreeSet<ChatId>,
    sent: Vec<Sent>,
    /// The chat in front, and the oldest of its records that was told.
    front: Option<ChatId>,
    oldest: Seq,
    wants_older: bool,
    found: Option<(ChatId, Seq)>,
    typing: BTreeMap<(ChatId, UserId), Timestamp>,
    question: Option<String>,
}

impl Teller {
    /// What is new in `model` since the last time, in lines. The notice counts as told.
    pub(crate) fn news(&mut self, model: &mut Model) -> Vec<String> {
        let mut lines = Vec::new();
        self.connection(model, &mut lines);
        if let Some(notice) = model.notice.take() {
            let error = if notice.error { "error: " } else { "" };
            lines.push(format!("{error}{}", notice.text));
        }
        if self.greeted {
            self.status(model, &mut lines);
            self.queue(model, &mut lines);
            self.records(model, &mut lines);
            self.sent(model, &mut lines);
            self.front(model, &mut lines);
            self.search(model, &mut lines);
            self.older_page(model, &mut lines);
            self.typing(model, &mut lines);
        }
        self.question(model, &mut lines);
        lines.iter().map(|line| clean(line)).collect()
    }

    /// Whether older messages are on their way.
    pub(crate) fn waits_for_older(&self) -> bool {
        self.wants_older
    }

    fn connection(&mut self, model: &Model, lines: &mut Vec<String>) {
        let was = self.connection;
        match &model.link {
            Link::Live if was != Connection::Live => {
                self.connection = Connection::Live;
                if self.greeted {
                    lines.push("connected again".to_owned());
                } else {
                    self.greet(model, lines);
                }
            }
            Link::Waiting { why, .. } if was != Connection::Lost => {
                self.connection = Connection::Lost;
                lines.push(if self.greeted {
                    format!("connection lost: {why}; it comes back by itself, and what you write is kept and sent then")
                } else {
                    format!("no connection: {why}; it is tried again")
                });
            }
            Link::Stopped { why } if was != Connection::Stopped => {
                self.connection = Connection::Stopped;
                lines.push(format!("stopped: {why}"));
            }
            _ => {}
        }
        let trouble = model.trouble();
        if trouble.is_some() != self.troubled {
            self.troubled = trouble.is_some();
            lines.push(trouble.unwrap_or_else(|| "the hub takes everything again".to_owned()));
        }
    }

    fn greet(&mut self, model: &Model, lines: &mut Vec<String>) {
        self.greeted = true;
        let me = model.me.as_ref().map(|me| me.name.to_string());
        let (waiting, _) = model.waiting();
        lines.push(format!(
            "connected to {} as {}; you are {}; your chats {}, waiting {waiting}; /help lists commands",
            model.settings.context,
            me.unwrap_or_default(),
            status_word(model.status()),
            model.listing().mine.len()
        ));
        self.status = Some(status_of(model));
        self.queue = model
            .listing()
            .queues
            .into_iter()
            .flat_map(|(_, chats)| chats)
            .collect();
        self.told = heads(model);
        self.sent = sent_of(model);
        for (chat, thread) in model
            .threads
            .iter()
            .filter(|(_, thread)| thread.has_draft())
        {
            let name = name_of(model, *chat);
            let composer = thread.composer();
            let text = if composer.is_empty() {
                thread.reply.text()
            } else {
                composer.text()
            };
            let text = brief(text);
            lines.push(format!(
                "draft kept for #{chat}{name}: {text}; after /go {chat}, /draft shows it and /send sends it"
            ));
        }
    }

    fn status(&mut self, model: &Model, lines: &mut Vec<String>) {
        let status = status_of(model);
        if self.status.as_ref() != Some(&status) {
            let reason = status.1.as_ref().map(|reason| format!(" ({reason})"));
            let word = status_word(status.0);
            lines.push(format!("you are {word} now{}", reason.unwrap_or_default()));
            self.status = Some(status);
        }
    }

    fn queue(&mut self, model: &Model, lines: &mut Vec<String>) {
        let queues = model.listing().queues;
        let time = clock(model, model.now);
        for (department, chats) in &queues {
            for (place, chat) in chats.iter().enumerate() {
                if !self.queue.contains(chat) {
                    let department = model.department(*department);
                    let (name, place) = (name_of(model, *chat), place + 1);
                    lines.push(format!(
                        "{time} new in queue {department}: #{chat}{name}, place {place}"
                    ));
                }
            }
        }
        let now: BTreeSet<ChatId> = queues.into_iter().flat_map(|(_, chats)| chats).collect();
        for chat in self
            .queue
            .difference(&now)
            .filter(|chat| !model.owns(**chat))
        {
            let owner = model.view.chats.get(chat).and_then(|view| view.chat.owner);
            let why = match owner {
                Some(owner) => format!("taken by {}", model.agent(owner)),
                None => "waits no more".to_owned(),
            };
            lines.push(format!("{time} #{chat}{}: {why}", name_of(model, *chat)));
        }
        self.queue = now;
    }

    /// What was said and done in the chat in front, and briefly in others of ours.
    fn records(&mut self, model: &Model, lines: &mut Vec<String>) {
        let front = self.front;
        let mut news: Vec<(&Record, ChatId)> = Vec::new();
        for (id, view) in &model.view.chats {
            let told = self.told.get(id).copied();
            let is_told = Some(*id) == front || model.owns(*id);
            if !is_told {
                continue;
            }
            // Of a chat that has just come in sight, only what was said last.
            let most = if told.is_some() { usize::MAX } else { FIRST };
            let newest = view.events.iter().rev();
            let fresh = newest.take_while(|record| record.seq > told).take(most);
            news.extend(fresh.map(|record| (record, *id)));
        }
        news.sort_by_key(|(record, _)| record.pos);
        for (record, chat) in news {
            if self.is_ours(model, chat, record) {
                continue;
            }
            let line = if Some(chat) == front {
                line_of(model, chat, record)
            } else {
                brief_line(model, chat, record)
            };
            lines.extend(line);
        }
        self.told = heads(model);
    }

    /// Whether `record` is a message that was typed here: the person knows it.
    fn is_ours(&self, model: &Model, chat: ChatId, record: &Record) -> bool {
        let stored = |sent: &Sent| sent.chat == chat && sent.stored == record.seq;
        let echo = model
            .threads
            .get(&chat)
            .is_some_and(|thread| thread.outgoing.iter().any(|sent| sent.echo == record.seq));
        record.seq.is_some() && (echo || self.sent.iter().any(stored))
    }

    fn sent(&mut self, model: &Model, lines: &mut Vec<String>) {
        let now = sent_of(model);
        let time = clock(model, model.now);
        for before in &self.sent {
            let after = now.iter().find(|sent| sent.cid == before.cid);
            let stored = after.is_none_or(|sent| sent.stored.is_some());
            let thread = model.threads.get(&before.chat);
            let back = thread.is_some_and(|thread| thread.reply.text() == before.text.as_str());
            if after.is_none() && before.stored.is_none() && !before.failed && back {
                lines.push(format!(
                    "{time} #{} kept as a draft; /send sends it all the same, /clear drops it",
                    before.chat
                ));
            } else if stored && before.stored.is_none() && !before.failed {
                let note = if before.note { "note " } else { "" };
                lines.push(format!("{time} #{} {note}stored", before.chat));
            }
        }
        let failed = |sent: &&Sent| {
            let before = self.sent.iter().find(|before| before.cid == sent.cid);
            sent.failed && before.is_none_or(|before| !before.failed)
        };
        for sent in now.iter().filter(failed) {
            lines.push(format!(
                "{time} #{} not sent; /retry sends it again, /discard makes it a draft",
                sent.chat
            ));
        }
        self.sent = now;
    }

    /// Another chat came in front: what it is, and its newest messages.
    fn front(&mut self, model: &Model, lines: &mut Vec<String>) {
        if self.front == model.current() {
            return;
        }
        self.front = model.current();
        self.wants_older = false;
        let Some((id, view)) = model.current().zip(model.current_view()) else {
            return;
        };
        let spoken = view
            .events
            .iter()
            .rev()
            .filter_map(|record| Some((record.seq?, line_of(model, id, record)?)));
        let mut spoken: Vec<(Seq, String)> = spoken.take(RECENT).collect();
        spoken.reverse();
        self.oldest = spoken.first().map_or(view.chat.seq.next(), |(seq, _)| *seq);
        let standing = lists::standing(model, view);
        let count = match spoken.len() {
            0 => "no messages here".to_owned(),
            count => format!("the last {count} lines"),
        };
        lines.push(format!(
            "chat #{id}{}: {standing}; {count}",
            name_of(model, id)
        ));
        lines.extend(spoken.into_iter().map(|(_, line)| line));
        lines.extend(lists::card_of(view));
        if model
            .current_thread()
            .is_some_and(|thread| thread.has_draft())
        {
            lines.push(format!(
                "draft kept for #{id}; /draft shows it, /send sends it"
            ));
        }
    }

    /// Asks for older messages; whether the hub has to be asked for them.
    pub(crate) fn ask_older(&mut self, model: &Model) -> Result<bool, String> {
        let (Some(view), Some(thread)) = (model.current_view(), model.current_thread()) else {
            return Err("no chat is open here; /go opens one".to_owned());
        };
        self.wants_older = true;
        let here = view
            .events
            .first()
            .is_some_and(|record| record.seq < Some(self.oldest));
        if here {
            return Ok(false);
        }
        let first = view.events.first().and_then(|record| record.seq);
        if thread.complete || first.is_some_and(|seq| seq.0 <= 1) {
            self.wants_older = false;
            return Err(format!("this is the beginning of #{}", view.chat.id));
        }
        if model.link != Link::Live {
            self.wants_older = false;
            return Err("older messages can be had when the hub is back".to_owned());
        }
        Ok(true)
    }

    /// Older messages that were asked for and are here.
    fn older_page(&mut self, model: &Model, lines: &mut Vec<String>) {
        if !self.wants_older {
            return;
        }
        let (Some((id, view)), Some(thread)) = (
            model.current().zip(model.current_view()),
            model.current_thread(),
        ) else {
            self.wants_older = false;
            return;
        };
        let older = view
            .events
            .iter()
            .rev()
            .filter(|record| record.seq < Some(self.oldest));
        let spoken = older.filter_map(|record| Some((record.seq?, line_of(model, id, record)?)));
        let mut spoken: Vec<(Seq, String)> = spoken.take(RECENT).collect();
        if spoken.is_empty() && thread.asked.is_some() {
            return;
        }
        self.wants_older = false;
        spoken.reverse();
        let Some((oldest, _)) = spoken.first() else {
            let first = view.events.first().and_then(|record| record.seq);
            let ends = thread.complete || first.is_some_and(|seq| seq.0 <= 1);
            lines.push(if ends {
                format!("this is the beginning of #{id}")
            } else {
                "nothing was said there; /more goes further back".to_owned()
            });
            return;
        };
        self.oldest = *oldest;
        lines.push(format!("{} older lines of #{id}", spoken.len()));
        lines.extend(spoken.into_iter().map(|(_, line)| line));
        lines.push("end of the older lines; /more goes on".to_owned());
    }

    /// A match of the search, which on a screen would be scrolled to.
    fn search(&mut self, model: &Model, lines: &mut Vec<String>) {
        let search = model
            .current_thread()
            .and_then(|thread| thread.search.as_ref());
        let found = model.current().zip(search.map(|search| search.at));
        if found == self.found {
            return;
        }
        self.found = found;
        let Some(((chat, at), view)) = found.zip(model.current_view()) else {
            return;
        };
        let record = view.events.iter().find(|record| record.seq == Some(at));
        if let Some(line) = record.and_then(|record| line_of(model, chat, record)) {
            lines.push(format!("found: {line}"));
            lines.push("/previous-match finds older ones, /next-match newer ones".to_owned());
        }
    }

    fn typing(&mut self, model: &Model, lines: &mut Vec<String>) {
        let now = model.now;
        // Once for as long as they go on.
        let types = |chat: &ChatId, who: &UserId| {
            let thread = model.threads.get(chat);
            thread.is_some_and(|thread| thread.typing.contains_key(who))
        };
        self.typing
            .retain(|(chat, who), at| now.since(*at) < TYPING_EVERY || types(chat, who));
        let Some((chat, thread)) = model.current().zip(model.current_thread()) else {
            return;
        };
        for (who, typing) in &thread.typing {
            if let Entry::Vacant(untold) = self.typing.entry((chat, *who)) {
                untold.insert(now);
                lines.push(format!("{} types", speaker(&typing.name)));
            }
        }
    }

    /// What is asked, where something is.
    fn question(&mut self, model: &Model, lines: &mut Vec<String>) {
        let question = match &model.overlay {
            Some(Overlay::Confirm(confirm)) => Some(format!("{} y or n", confirm.question)),
            Some(Overlay::Picker(picker)) if picker.choices.is_empty() => {
                let told = picker.told.as_deref().unwrap_or("nothing is there");
                Some(format!(
                    "{}; {told}; an empty line leaves it",
                    picker.title()
                ))
            }
            Some(Overlay::Picker(picker)) => {
                let choices = picker.choices.iter().take(CHOICES_MAX).enumerate();
                let choices = choices.map(|(at, choice)| {
                    let comma = if choice.detail.is_empty() { "" } else { ", " };
                    format!("\n{} {}{comma}{}", at + 1, choice.label, choice.detail)
                });
                let choices: String = choices.collect();
                Some(format!(
                    "{}; a number or a name, an empty line leaves it{choices}",
                    picker.title()
                ))
            }
            _ => None,
        };
        if question != self.question {
            lines.extend(question.clone());
            self.question = question;
        }
    }
}

/// Whether the chat in front is at another place than its end, where lines always are.
pub(crate) fn strayed(model: &Model) -> bool {
    model
        .current_thread()
        .is_some_and(|thread| thread.place != Place::End)
}

/// What stands before the line that is typed.
pub(crate) fn prompt(model: &Model, goes_on: bool) -> String {
    let prompt = match (&model.overlay, model.current()) {
        _ if goes_on => "... > ".to_owned(),
        (Some(Overlay::Confirm(_)), _) => "y or n> ".to_owned(),
        (Some(_), _) => "number or name> ".to_owned(),
        (None, None) => "no chat> ".to_owned(),
        (None, Some(chat)) => {
            let name = model
                .view
                .chats
                .get(&chat)
                .map(|view| speaker(&view.chat.name));
            let name = name.unwrap_or_default();
            let name = truncate_width(&name, NAME_COLUMNS);
            let how = if model.owns(chat) {
                "reply"
            } else {
                "not yours"
            };
            format!("#{chat} {name} ({how})> ")
        }
    };
    render(&prompt).replace('\n', " ")
}

fn status_of(model: &Model) -> (AgentStatus, Option<SafeText>) {
    let reason = model.myself().and_then(|user| user.reason.clone());
    (model.status(), reason)
}

fn heads(model: &Model) -> BTreeMap<ChatId, Seq> {
    let chats = model.view.chats.iter();
    chats.map(|(id, view)| (*id, view.chat.seq)).collect()
}

fn sent_of(model: &Model) -> Vec<Sent> {
    let threads = model.threads.iter();
    let sent = threads.flat_map(|(chat, thread)| {
        thread.outgoing.iter().map(|sent| Sent {
            cid: sent.cid.clone(),
            chat: *chat,
            note: sent.visibility == Visibility::Note,
            text: sent.text.clone(),
            stored: match sent.fate {
                Fate::Stored(seq) => Some(seq),
                _ => None,
            },
            failed: matches!(sent.fate, Fate::Failed(_)),
        })
    });
    sent.collect()
}
