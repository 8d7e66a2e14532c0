//! The loop of the lines: the hub, typed lines, signals. Does what `update` asks for and prints
//! what is new; decides nothing but when a line may be taken and when to leave.
//!
//! A pipe is a script: each line is taken when the one before it is done, the first that cannot be
//! done ends it, and the end waits until the hub has everything.

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
    time::Duration,
};

use shared::{
    client::{
        outbox::Outbox,
        profile::Profile,
        session::TokenSource,
        socket::{Socket, SocketEvent, SocketOptions},
    },
    error::exit,
    id::{ChatId, Seq},
    time::Timestamp,
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use crate::{
    drafts::Drafts,
    keep::opener,
    keys::Intent,
    model::{Link, Model, Settings},
    msg::{Effect, Layout, Msg, Typed},
    overlay::Overlay,
    reach::Reach,
    term::Outlet,
    thread::Fate,
    update::{next_deadline, update},
};

use super::{
    commands::{Joiner, Meaning, Own, help, moves, read},
    input::{self, Line},
    lines::{Teller, prompt, strayed},
    lists,
    signals::Signals,
    words::clean,
};

/// A person is not kept waiting longer than this for the answer to the line before.
const HOLD_MAX: Duration = Duration::from_secs(2);
/// A script waits so long for a hub.
const REACH_MAX: Duration = Duration::from_secs(10);
/// A second Ctrl+C counts for this long.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);
/// What may wait for whoever reads the lines; then the hub waits, too.
const OUT_BYTES_MAX: usize = 256 * 1024;
/// How long the last lines may take.
const SETTLE_MAX: Duration = Duration::from_secs(2);
/// Messages from tasks that wait.
const TOLD_MAX: usize = 64;

/// What the loop is made of.
#[derive(Debug)]
pub struct Plain {
    /// Which hub, as whom.
    pub profile: Profile,
    /// As whom.
    pub token: TokenSource,
    /// What waits to be sent.
    pub outbox: Outbox,
    /// Where files are saved.
    pub downloads: PathBuf,
    /// What survives.
    pub drafts: Drafts,
    /// What does not change.
    pub settings: Settings,
    /// Ring the bell.
    pub bell: bool,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// The exit code.
    pub code: u8,
    /// Why, where that was not the person's wish, and what is kept.
    pub why: Option<String>,
}

impl Ending {
    fn of(code: u8) -> Self {
        Self { code, why: None }
    }

    fn because(code: u8, why: impl Into<String>) -> Self {
        let why = Some(why.into());
        Self { code, why }
    }
}

/// What may be done with the line that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Take,
    Wait,
    GiveUp,
}

struct Lines {
    model: Model,
    teller: Teller,
    reach: Reach,
    drafts: Drafts,
    outlet: Outlet,
    /// Bytes that the outlet has not got yet.
    out: Vec<u8>,
    bell: bool,
    /// A person types, and not a script.
    person: bool,
    /// The last thing printed is the prompt.
    prompted: bool,
    joiner: Joiner,
    /// The line to be taken next, and since when it is there.
    held: Option<(Line, Instant)>,
    /// When the last line was taken.
    taken: Option<Instant>,
    /// Lines taken so far.
    count: usize,
    /// The record that the last answer promised.
    owed: Option<(ChatId, Seq)>,
    /// There will be no further line; since then.
    over: Option<Instant>,
    interrupted: Option<Instant>,
    ending: Option<Ending>,
}

impl Plain {
    /// Runs until the person leaves, the input ends or a signal comes.
    ///
    /// # Errors
    /// What signals and threads give, and a hub that cannot be trusted.
    pub async fn run(self) -> io::Result<Ending> {
        let signals = Signals::new()?;
        let person = io::stdin().is_terminal();
        let http = self.profile.http().map_err(io::Error::other)?;
        let (socket, events) = Socket::connect(SocketOptions {
            url: self.profile.hub.clone(),
            tls: self.profile.tls.clone(),
            token: self.token,
            client: concat!("frontdesk-agent/", env!("CARGO_PKG_VERSION")).to_owned(),
            cursor: None,
            outbox: self.outbox,
            watches: false,
        })
        .map_err(io::Error::other)?;
        let (told, reports) = mpsc::channel(TOLD_MAX);
        let mut lines = Lines {
            model: Model::new(self.settings, now()),
            teller: Teller::default(),
            reach: Reach {
                socket,
                http,
                told,
                downloads: self.downloads,
            },
            drafts: self.drafts,
            outlet: Outlet::new(io::stdout())?,
            out: Vec::new(),
            bell: self.bell,
            person,
            prompted: false,
            joiner: Joiner::default(),
            held: None,
            taken: None,
            count: 0,
            owed: None,
            over: None,
            interrupted: None,
            ending: None,
        };
        lines.begin().await;
        let input = input::read(io::stdin())?;
        let ending = lines.turn_round(events, reports, input, signals).await;
        lines.end().await;
        Ok(ending)
    }
}

impl Lines {
    async fn begin(&mut self) {
        let (mut restored, broken) = self.drafts.load();
        // Panes are the business of the screen.
        restored.layout = Layout::default();
        restored.pending = self.reach.socket.outbox().pending();
        restored.failures = self.reach.socket.outbox().failures();
        self.take(Msg::Restored(Box::new(restored))).await;
        for text in broken {
            self.take(Msg::Told { text, error: true }).await;
        }
    }

    async fn turn_round(
        &mut self,
        mut events: mpsc::Receiver<SocketEvent>,
        mut reports: mpsc::Receiver<Msg>,
        mut input: mpsc::Receiver<Line>,
        mut signals: Signals,
    ) -> Ending {
        let mut hub_left = false;
        loop {
            self.take_held().await;
            self.go_when_done();
            if let Some(ending) = self.ending.take() {
                return ending;
            }
            self.print();
            let waits = self.held.is_some() || self.over.is_some();
            let tick_at = Instant::now() + next_deadline(&self.model).since(now());
            let try_at = Instant::now() + HOLD_MAX / 4;
            tokio::select! {
                biased;
                code = signals.next() => match code {
                    exit::SIGINT => self.interrupt(),
                    code => return Ending::of(code),
                },
                written = self.outlet.written(), if self.outlet.is_busy() => {
                    if written.is_err() {
                        // Nobody reads any more.
                        return Ending::of(exit::OK);
                    }
                }
                event = events.recv(), if !hub_left && self.out.len() < OUT_BYTES_MAX => match event {
                    Some(event) => self.hear(event).await,
                    None => hub_left = true,
                },
                Some(report) = reports.recv() => self.take(report).await,
                line = input.recv(), if !waits => {
                    // The Enter of the person has ended the line with the prompt.
                    self.prompted = false;
                    match line {
                        Some(line) => self.held = Some((line, Instant::now())),
                        None => self.over = Some(Instant::now()),
                    }
                }
                () = sleep_until(try_at), if waits || self.is_answering() => {}
                () = sleep_until(tick_at) => self.take(Msg::Tick).await,
            }
        }
    }

    async fn hear(&mut self, event: SocketEvent) {
        if let SocketEvent::Done {
            chat: Some(chat),
            seq: Some(seq),
            ..
        } = &event
        {
            self.owed = Some((*chat, *seq));
        }
        let refused = matches!(event, SocketEvent::Nack { retry_in: None, .. });
        let live = matches!(event, SocketEvent::Live { .. });
        let nowhere = self.model.current().is_none();
        let mut msgs = vec![Msg::Hub(event)];
        if live && nowhere && !self.person {
            // A script says itself where it writes.
            msgs.push(Msg::Typed(Typed::Intent(Intent::ClosePane)));
        }
        self.judged(msgs, refused).await;
    }

    /// Takes `msgs`; what they say against a line of a script ends the script.
    async fn judged(&mut self, msgs: Vec<Msg>, about_line: bool) {
        let mut effects = Vec::new();
        for msg in msgs {
            effects.append(&mut update(&mut self.model, msg, now()));
        }
        let failed = self.model.notice.as_ref().filter(|notice| notice.error);
        let failed = failed
            .filter(|_| about_line)
            .map(|notice| notice.text.clone());
        self.perform_all(effects).await;
        if let Some(why) = failed {
            self.fail(&why);
        }
    }

    async fn take(&mut self, msg: Msg) {
        let refused = matches!(msg, Msg::Refused { .. } | Msg::File { error: true, .. });
        self.judged(vec![msg], refused).await;
    }

    /// Does what `update` asks for and prints what is new.
    async fn perform_all(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if let Some(effect) = self.reach.perform(effect).await {
                self.perform(effect).await;
            }
        }
        let lines = self.teller.news(&mut self.model);
        self.say(&lines);
    }

    async fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::SaveDraft { chat, draft } => {
                self.drafts.put(chat, draft);
                self.save().await;
            }
            Effect::Notify(_) if self.bell => self.out.push(7),
            Effect::Copy(text) => self.say(&[clean(&format!("the link: {text}"))]),
            Effect::OpenLink(url) => {
                tokio::task::spawn_blocking(move || drop(opener(&url).status()));
            }
            Effect::Quit => self.ending = Some(self.farewell()),
            // The rest is for a screen.
            _ => {}
        }
    }

    async fn save(&mut self) {
        let drafts = self.drafts.clone();
        let saved = tokio::task::spawn_blocking(move || drafts.flush()).await;
        if let Ok(Err(error)) = saved {
            self.say(&[clean(&format!("error: drafts are not on disk: {error}"))]);
        }
    }

    /// Prints lines, on a row of their own.
    fn say(&mut self, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        if std::mem::take(&mut self.prompted) {
            self.out.push(b'\n');
        }
        for line in lines {
            self.out.extend_from_slice(line.as_bytes());
            self.out.push(b'\n');
        }
    }

    /// Gives what is to be read to the terminal; a person's prompt comes last.
    fn print(&mut self) {
        let asks = self.person && self.held.is_none() && self.over.is_none();
        let knows = !matches!(self.model.link, Link::Connecting | Link::Loading);
        if asks && knows && !self.prompted && !self.is_answering() {
            let prompt = prompt(&self.model, self.joiner.is_begun());
            self.out.extend_from_slice(prompt.as_bytes());
            self.prompted = true;
        }
        if !self.outlet.is_busy() && self.outlet.give(std::mem::take(&mut self.out)).is_err() {
            self.ending = Some(Ending::of(exit::OK));
        }
    }

    /// Whether what the hub says to the last line can be told before the next prompt.
    fn is_answering(&self) -> bool {
        let lately = self.taken.is_some_and(|at| at.elapsed() < HOLD_MAX);
        lately && self.model.link == Link::Live && self.waiting() > 0
    }

    /// Takes the line that is held, when it is its turn.
    async fn take_held(&mut self) {
        // What ended the script ended it before this line.
        let held = self.held.take_if(|_| self.ending.is_none());
        let Some((line, since)) = held else { return };
        match self.turn(since) {
            Turn::Wait => self.held = Some((line, since)),
            Turn::GiveUp => {
                let why = "not all lines were read";
                self.ending = Some(self.unreached(why));
            }
            Turn::Take => {
                self.count += 1;
                self.taken = Some(Instant::now());
                match line {
                    Line::TooLong => {
                        self.wrong("a line has more than 16384 bytes; send it in parts")
                    }
                    Line::Text(line) => {
                        if let Some(whole) = self.joiner.push(&line) {
                            self.obey(&whole).await;
                        }
                    }
                }
            }
        }
    }

    /// Whether everything before a line is done: then it means what its author meant.
    fn turn(&self, since: Instant) -> Turn {
        let waited = since.elapsed();
        let settled = self.model.requests.is_empty()
            && self.model.files_under_way == 0
            && !self.teller.waits_for_older()
            && self.owed.is_none_or(|(chat, seq)| {
                let view = self.model.view.chats.get(&chat);
                view.is_none_or(|view| view.chat.seq >= seq)
            });
        match &self.model.link {
            Link::Live if settled => Turn::Take,
            Link::Stopped { .. } if self.person => Turn::Take,
            Link::Stopped { .. } => Turn::GiveUp,
            Link::Waiting { .. } if self.person => Turn::Take,
            _ if self.person && waited >= HOLD_MAX => Turn::Take,
            // A file has limits of its own, which grow with it.
            Link::Live if self.model.files_under_way > 0 => Turn::Wait,
            _ if waited >= REACH_MAX => Turn::GiveUp,
            _ => Turn::Wait,
        }
    }

    /// Does what a whole line says.
    async fn obey(&mut self, line: &str) {
        match read(&self.model, line) {
            Meaning::Nothing => {}
            Meaning::Wrong(why) => self.wrong(&why),
            Meaning::Typed(typed) => self.typed(typed).await,
            Meaning::Own(own, rest) => self.own(own, &rest).await,
        }
    }

    async fn typed(&mut self, typed: Typed) {
        let goes = matches!(&typed, Typed::Command(line) if moves(line));
        let effects = update(&mut self.model, Msg::Typed(typed), now());
        let homeless = goes || self.model.current().is_none();
        let notice = self.model.notice.as_ref();
        // On a screen one sees that nothing moved; a script would write to the wrong customer.
        let failed = notice.filter(|notice| notice.error || homeless);
        let failed = failed.map(|notice| notice.text.clone());
        let several = matches!(self.model.overlay, Some(Overlay::Picker(_)));
        self.perform_all(effects).await;
        if let Some(why) = failed {
            self.fail(&why);
        } else if several {
            self.fail("that can mean several things, which only a person can choose among");
        }
        if strayed(&self.model) {
            self.take(Msg::Typed(Typed::Intent(Intent::ScrollEnd)))
                .await;
        }
    }

    async fn own(&mut self, own: Own, rest: &str) {
        if self.model.overlay.is_some() {
            self.take(Msg::Typed(Typed::Intent(Intent::Dismiss))).await;
        }
        let lines = match own {
            Own::Chats => lists::chats(&self.model),
            Own::Card => lists::card(&self.model),
            Own::Unread => lists::unread(&self.model),
            Own::Who => lists::who(&self.model),
            Own::Draft => lists::draft(&self.model),
            Own::Wall => lists::wall(&self.model),
            Own::Help => help(rest),
            Own::More => return self.more().await,
            Own::Quit if self.person => {
                return self.take(Msg::Typed(Typed::Intent(Intent::Quit))).await;
            }
            Own::Quit => return self.over = Some(Instant::now()),
        };
        let lines: Vec<String> = lines.iter().map(|line| clean(line)).collect();
        self.say(&lines);
    }

    /// Older messages: those that are here, else a page of the hub, which comes when one looks at
    /// the oldest.
    async fn more(&mut self) {
        match self.teller.ask_older(&self.model) {
            Err(why) => self.say(&[clean(&why)]),
            Ok(false) => self.perform_all(Vec::new()).await,
            Ok(true) => {
                for intent in [Intent::ScrollTop, Intent::ScrollEnd] {
                    self.take(Msg::Typed(Typed::Intent(intent))).await;
                }
            }
        }
    }

    /// A line that cannot be done.
    fn wrong(&mut self, why: &str) {
        self.say(&[clean(why)]);
        self.fail(why);
    }

    /// Ends a script; a person goes on.
    fn fail(&mut self, why: &str) {
        if self.person || self.ending.is_some() || self.count == 0 {
            return;
        }
        let why = format!("stopped at line {}: {why}", self.count);
        self.ending = Some(Ending::because(exit::FAILURE, why));
    }

    fn interrupt(&mut self) {
        let again = self
            .interrupted
            .is_some_and(|at| at.elapsed() < LEAVE_WITHIN);
        if again || !self.person {
            self.ending = Some(Ending::of(exit::SIGINT));
            return;
        }
        self.interrupted = Some(Instant::now());
        self.say(&["Ctrl+C once more leaves; the line that was being typed is dropped".to_owned()]);
    }

    /// Leaves when the input is over: a person at once, a script when everything is stored.
    fn go_when_done(&mut self) {
        let Some(since) = self.over else { return };
        if self.ending.is_some() || self.held.is_some() {
            return;
        }
        if self.person {
            self.ending = Some(self.farewell());
            return;
        }
        if self.joiner.is_begun() {
            return self.fail("the last line ends in a backslash, and nothing follows it");
        }
        match self.turn(since) {
            Turn::Take if self.waiting() == 0 => self.ending = Some(Ending::of(exit::OK)),
            Turn::GiveUp => self.ending = Some(self.unreached("not everything is stored")),
            Turn::Wait if self.model.files_under_way > 0 => {}
            _ if since.elapsed() >= REACH_MAX => {
                self.ending = Some(self.unreached("not everything is stored"));
            }
            _ => {}
        }
    }

    /// Messages and requests that the hub may still take.
    fn waiting(&self) -> usize {
        let threads = self.model.threads.values();
        let outgoing = threads.flat_map(|thread| &thread.outgoing);
        let waiting = outgoing.filter(|sent| sent.fate == Fate::Waiting);
        waiting.count() + self.model.requests.len() + self.model.files_under_way
    }

    /// A person leaves: what has not gone out is said.
    fn farewell(&self) -> Ending {
        let why = match self.waiting() {
            0 => None,
            _ => Some(self.kept()),
        };
        Ending {
            code: exit::OK,
            why,
        }
    }

    fn kept(&self) -> String {
        format!(
            "{} not sent yet; kept, and sent with the next start",
            self.waiting()
        )
    }

    fn unreached(&self, what: &str) -> Ending {
        let hub = &self.model.settings.context;
        let why = match &self.model.link {
            Link::Stopped { why } => return Ending::because(exit::FAILURE, why.clone()),
            Link::Waiting { why, .. } => format!(": {why}"),
            _ => String::new(),
        };
        let kept = match self.waiting() {
            0 => String::new(),
            _ => format!("; {}", self.kept()),
        };
        Ending::because(
            exit::UNREACHABLE,
            format!(
                "{hub} did not answer within {} s{why}; {what}{kept}",
                REACH_MAX.as_secs()
            ),
        )
    }

    /// The last lines out, everything on disk, goodbye to the hub.
    async fn end(&mut self) {
        if std::mem::take(&mut self.prompted) {
            self.out.push(b'\n');
        }
        for _ in 0..2 {
            // Nobody is left to be told.
            drop(self.outlet.settle(SETTLE_MAX).await);
            if !self.outlet.is_busy() {
                drop(self.outlet.give(std::mem::take(&mut self.out)));
            }
        }
        self.save().await;
        self.reach.socket.close().await;
    }
}

fn now() -> Timestamp {
    Timestamp::from_ms(jiff::Timestamp::now().as_millisecond())
}
