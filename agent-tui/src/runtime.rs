//! The world around the console: one loop over keys, the hub, timers and signals. Performs what
//! `update` asks for and draws when something has changed; decides nothing itself.

use std::{io, path::PathBuf, time::Duration};

use crossterm::event::Event;
use ratatui::layout::Rect;
use shared::{
    client::{
        outbox::Outbox,
        profile::Profile,
        session::TokenSource,
        socket::{Socket, SocketEvent, SocketOptions},
    },
    time::Timestamp,
};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep_until},
};

use crate::{
    cache::{Cache, Cached},
    clipboard,
    drafts::Drafts,
    editor,
    keep::{Keeper, opener},
    keys::Keymap,
    model::{Model, Settings},
    msg::{Effect, Layout, Msg},
    notify::{self, Notifier},
    reach::Reach,
    term::{
        Display, Hangup, Input, Keyboard, Line, Outlet, TermSignal, TerminalGuard, Tty, is_hangup,
    },
    theme::Theme,
    update::{next_deadline, update},
    view::view,
};

/// A draft is on disk this long after it changed, at the latest.
const SAVE_AFTER: Duration = Duration::from_millis(500);
/// Frames are at least this far apart: 60 in a second at most.
const FRAME_EVERY: Duration = Duration::from_millis(16);
/// The same over SSH for what the hub brings: 15 in a second at most. What the hand does is drawn
/// as soon as here, for it takes few bytes and somebody waits for it.
const FAR_FRAME_EVERY: Duration = Duration::from_millis(67);
/// How long what is on its way to the terminal is waited for before somebody else writes there.
const SETTLE_MAX: Duration = Duration::from_millis(100);
/// Longest text besides the frames that waits for the terminal: one copy and some bells.
const BESIDES_BYTES_MAX: usize = 2 * clipboard::BYTES_MAX;
/// Events of the terminal taken before anything else is looked at.
const INPUT_MAX: usize = 4_096;
/// Messages from tasks that wait.
const TOLD_MAX: usize = 64;

/// What the loop is made of.
#[derive(Debug)]
pub struct Console {
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
    /// The look.
    pub theme: Theme,
    /// Which key means what.
    pub keymap: Keymap,
    /// Show keys, log and frames from the start.
    pub debug_keys: bool,
    /// Begin with empty panes.
    pub fresh: bool,
    /// Where the desk is kept for the next start, if it may be.
    pub cache: Option<Cache>,
    /// The frames may be wrapped in synchronized updates.
    pub synchronized: bool,
    /// The terminal is at the other end of a line that may be slow.
    pub far: bool,
    /// What is known of how keys arrive.
    pub line: Line,
    /// How to tell of what is not seen.
    pub notifier: Notifier,
}

/// Why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// The person left.
    Quit,
    /// A signal asked for it.
    Signal(TermSignal),
}

struct Runtime {
    model: Model,
    theme: Theme,
    display: Display,
    outlet: Outlet,
    /// Bytes besides the frames, to go before the next one: a bell, a text for the clipboard.
    besides: Vec<u8>,
    guard: TerminalGuard,
    hangup: Hangup,
    drafts: Drafts,
    reach: Reach,
    keys: Keyboard,
    input: Input,
    notifier: Notifier,
    layout: Layout,
    /// Drafts are to be written then.
    save_at: Option<Instant>,
    saving: Option<JoinHandle<Option<String>>>,
    /// The last frame was drawn then; none before the first.
    drawn_at: Option<Instant>,
    /// The hand did something since.
    touched: bool,
    far: bool,
    left: Option<Left>,
    keeper: Keeper,
}

impl Console {
    /// Runs until the person leaves or a signal ends it.
    ///
    /// # Errors
    /// What the terminal gives, and a hub that cannot be trusted.
    pub async fn run(
        self,
        guard: TerminalGuard,
        hangup: Hangup,
        signals: mpsc::Receiver<TermSignal>,
    ) -> io::Result<Left> {
        let http = self.profile.http().map_err(io::Error::other)?;
        let cached = self.cache.as_ref().and_then(|cache| cache.load(now()));
        let (socket, events) = Socket::connect(SocketOptions {
            url: self.profile.hub.clone(),
            tls: self.profile.tls.clone(),
            token: self.token,
            client: concat!("frontdesk-agent/", env!("CARGO_PKG_VERSION")).to_owned(),
            cursor: cached.as_ref().map(|cached| cached.cursor.clone()),
            outbox: self.outbox,
            watches: self.settings.wall,
        })
        .map_err(io::Error::other)?;
        let (columns, rows) = crossterm::terminal::size()?;
        let area = Rect::new(0, 0, columns, rows);
        let (told, reports) = mpsc::channel(TOLD_MAX);
        let mut model = Model::new(self.settings, now());
        model.keymap = self.keymap;
        if self.debug_keys {
            model.debug.turn();
        }
        let mut runtime = Runtime {
            model,
            theme: self.theme,
            display: Display::new(area, self.synchronized)?,
            outlet: Outlet::new(Tty)?,
            besides: Vec::new(),
            guard,
            hangup,
            drafts: self.drafts,
            reach: Reach {
                socket,
                http,
                told,
                downloads: self.downloads,
            },
            keys: Keyboard::default(),
            input: Input::new(self.line, std::time::Instant::now()),
            notifier: self.notifier,
            layout: Layout::default(),
            save_at: None,
            saving: None,
            drawn_at: None,
            touched: false,
            far: self.far,
            left: None,
            keeper: Keeper::new(self.cache),
        };
        runtime.begin(area, self.fresh, cached).await;
        let left = runtime.turn_round(events, reports, signals).await;
        runtime.end().await;
        left
    }
}

impl Runtime {
    async fn begin(&mut self, area: Rect, fresh: bool, cached: Option<Cached>) {
        if self.model.settings.wall {
            return self.take(Msg::Resize(area.width, area.height)).await;
        }
        let (mut restored, broken) = self.drafts.load();
        if fresh {
            restored.layout = Layout::default();
        }
        restored.pending = self.reach.socket.outbox().pending();
        restored.failures = self.reach.socket.outbox().failures();
        restored.cached = cached.map(Box::new);
        self.take(Msg::Resize(area.width, area.height)).await;
        self.take(Msg::Restored(Box::new(restored))).await;
        for text in broken {
            self.take(Msg::Told { text, error: true }).await;
        }
    }

    /// The loop: wait for anything, take all that is there, draw once.
    async fn turn_round(
        &mut self,
        mut events: mpsc::Receiver<SocketEvent>,
        mut reports: mpsc::Receiver<Msg>,
        mut signals: mpsc::Receiver<TermSignal>,
    ) -> io::Result<Left> {
        let mut hub_left = false;
        loop {
            if let Some(left) = self.left {
                return Ok(left);
            }
            let frame_at = self.frame_at();
            let save_at = self.save_at.unwrap_or(frame_at);
            let input_at = self.input.deadline().map(Instant::from_std);
            let tick_at = self.tick_at();
            tokio::select! {
                biased;
                signal = signals.recv() => match signal {
                    Some(signal) => self.on_signal(signal).await?,
                    None => return Ok(Left::Quit),
                },
                key = self.keys.next() => match key {
                    Some(Ok(event)) => self.on_input(event).await?,
                    Some(Err(error)) => return Err(self.judge(error)),
                    // Nobody can type any more.
                    None => self.hangup.exit(),
                },
                written = self.outlet.written(), if self.outlet.is_busy() => {
                    written.map_err(|error| self.judge(error))?;
                }
                () = sleep_until(input_at.unwrap_or(frame_at)), if input_at.is_some() => {
                    let mut events = Vec::new();
                    self.input.expire(std::time::Instant::now(), &mut events);
                    self.take_input(events).await?;
                }
                () = sleep_until(frame_at), if self.wants_frame() => self.draw()?,
                event = events.recv(), if !hub_left => match event {
                    Some(event) => self.take(Msg::Hub(event)).await,
                    None => hub_left = true,
                },
                Some(report) = reports.recv() => self.take(report).await,
                () = sleep_until(save_at), if self.save_at.is_some() => {
                    self.save();
                }
                () = sleep_until(tick_at) => self.take(Msg::Tick).await,
            }
        }
    }

    /// Whether there is something to write, and the terminal has taken what was written before.
    fn wants_frame(&self) -> bool {
        (self.model.dirty || !self.besides.is_empty()) && !self.outlet.is_busy()
    }

    /// No frame before then.
    fn frame_at(&self) -> Instant {
        let apart = if self.far && !self.touched {
            FAR_FRAME_EVERY
        } else {
            FRAME_EVERY
        };
        self.drawn_at.map_or_else(Instant::now, |at| at + apart)
    }

    fn tick_at(&self) -> Instant {
        Instant::now() + next_deadline(&self.model).since(now())
    }

    /// Gives `msg` to `update` and does what it asks for.
    async fn take(&mut self, msg: Msg) {
        for effect in update(&mut self.model, msg, now()) {
            self.perform(effect).await;
        }
        let layout = self.model.layout();
        if layout != self.layout && !self.model.settings.wall {
            self.layout.clone_from(&layout);
            self.drafts.put_layout(layout);
            self.save_soon();
        }
        self.keeper.keep(&self.model);
    }

    async fn perform(&mut self, effect: Effect) {
        let Some(effect) = self.reach.perform(effect).await else {
            return;
        };
        match effect {
            Effect::SaveDraft { chat, draft } => {
                self.drafts.put(chat, draft);
                self.save_soon();
            }
            Effect::Notify(alert) => self.write(&self.notifier.bytes(&alert)),
            Effect::Title(text) => self.write(&notify::title(&text)),
            Effect::Copy(text) => self.copy(&text),
            Effect::OpenLink(url) => self.open_link(url),
            Effect::Editor { chat, note, text } => {
                let text = self.edit(text).await;
                self.report(Msg::Edited { chat, note, text });
            }
            Effect::Redraw => {
                if let Err(error) = self.redraw() {
                    self.tell(error.to_string(), true);
                }
            }
            Effect::Suspend => self.suspend().await,
            Effect::Quit => self.left = Some(Left::Quit),
            Effect::Do { .. }
            | Effect::Discard { .. }
            | Effect::Fetch { .. }
            | Effect::Past { .. }
            | Effect::Hours { .. }
            | Effect::Search(_)
            | Effect::LookUp(_)
            | Effect::Assist { .. }
            | Effect::SendFile(_)
            | Effect::SaveFile { .. }
            | Effect::Paths(_)
            | Effect::Typing { .. }
            | Effect::View(_)
            | Effect::RetryNow
            | Effect::Measure => {}
        }
    }

    fn report(&self, msg: Msg) {
        self.reach.report(msg);
    }

    fn tell(&self, text: String, error: bool) {
        self.reach.tell(text, error);
    }

    /// Takes in `event` and all that came with it.
    async fn on_input(&mut self, event: Event) -> io::Result<()> {
        let now = std::time::Instant::now();
        let mut events = Vec::new();
        self.input.feed(event, now, &mut events);
        for _ in 1..INPUT_MAX {
            match self.keys.ready().await {
                Some(Some(Ok(event))) => self.input.feed(event, now, &mut events),
                Some(Some(Err(error))) => return Err(self.judge(error)),
                Some(None) => self.hangup.exit(),
                None => break,
            }
        }
        self.input.settle(&mut events);
        self.take_input(events).await
    }

    async fn take_input(&mut self, events: Vec<Event>) -> io::Result<()> {
        for event in events {
            self.on_event(event).await?;
        }
        Ok(())
    }

    async fn on_event(&mut self, event: Event) -> io::Result<()> {
        self.touched = true;
        match event {
            Event::Key(key) => self.take(Msg::Key(key)).await,
            Event::Paste(text) => self.take(Msg::Paste(text)).await,
            Event::Resize(columns, rows) => {
                self.display.resize(Rect::new(0, 0, columns, rows))?;
                self.take(Msg::Resize(columns, rows)).await;
            }
            Event::FocusGained => self.take(Msg::Focus(true)).await,
            Event::FocusLost => self.take(Msg::Focus(false)).await,
            Event::Mouse(event) => self.take(Msg::Mouse(event)).await,
        }
        Ok(())
    }

    async fn on_signal(&mut self, signal: TermSignal) -> io::Result<()> {
        match signal {
            TermSignal::Suspend => self.suspend().await,
            TermSignal::Resume => {
                self.retake()?;
                let (columns, rows) = crossterm::terminal::size()?;
                self.take(Msg::Resize(columns, rows)).await;
                self.redraw()?;
            }
            TermSignal::Terminate | TermSignal::Interrupt | TermSignal::Quit => {
                self.left = Some(Left::Signal(signal));
            }
        }
        Ok(())
    }

    fn draw(&mut self) -> io::Result<()> {
        self.model.dirty = false;
        self.touched = false;
        let begun = Instant::now();
        self.drawn_at = Some(begun);
        let Self {
            model,
            theme,
            display,
            ..
        } = self;
        let mut bytes = std::mem::take(&mut self.besides);
        bytes.append(&mut display.draw(|frame| view(model, theme, frame))?);
        // Shown with the next frame: what this one cost is no reason for another.
        model.debug.drew(bytes.len(), begun.elapsed());
        self.outlet.give(bytes)
    }

    /// A terminal that is gone ends the process here, with the drafts saved.
    fn judge(&self, error: io::Error) -> io::Error {
        if is_hangup(&error) {
            self.hangup.exit();
        }
        error
    }

    fn redraw(&mut self) -> io::Result<()> {
        let (columns, rows) = self.model.size;
        self.model.dirty = true;
        self.display.resize(Rect::new(0, 0, columns, rows))
    }

    /// Has `bytes` written with the next frame; not when so much waits that nobody reads there.
    fn write(&mut self, bytes: &[u8]) {
        if self.besides.len() + bytes.len() <= BESIDES_BYTES_MAX {
            self.besides.extend_from_slice(bytes);
        }
    }

    fn copy(&mut self, text: &str) {
        match clipboard::osc52(text, std::env::var_os("TMUX").is_some()) {
            Ok((bytes, said)) => {
                self.write(&bytes);
                self.tell(said, false);
            }
            Err(why) => self.tell(why, true),
        }
    }

    /// Waits for the frame on its way, so that it is not written on the shell's screen.
    async fn settle(&mut self) {
        if let Err(error) = self.outlet.settle(SETTLE_MAX).await {
            self.tell(self.judge(error).to_string(), true);
        }
    }

    /// Shows a link in the person's own browser, which never gets the terminal.
    fn open_link(&self, url: String) {
        let told = self.reach.told.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = opener(&url).status() {
                let text = format!("the link was not opened: {error}; it was copied");
                drop(told.try_send(Msg::Told { text, error: true }));
            }
        });
    }

    /// Takes the terminal over again, which then has the title of somebody else.
    fn retake(&mut self) -> io::Result<()> {
        self.guard.resume()?;
        self.write(&notify::title(&self.model.title));
        Ok(())
    }

    async fn suspend(&mut self) {
        self.settle().await;
        match self.guard.suspend() {
            Ok(true) => {}
            Ok(false) => self.tell("there is no shell to go back to".to_owned(), false),
            Err(error) => self.tell(error.to_string(), true),
        }
    }

    /// The person's own editor has the terminal for a while. Keys are read by nobody else then.
    async fn edit(&mut self, text: String) -> Result<String, String> {
        let Some(editor) = editor::chosen() else {
            return Err("set EDITOR to the editor to use".to_owned());
        };
        let keys = self.keys.release();
        self.settle().await;
        self.guard.lend();
        let folder = self.drafts.folder().to_owned();
        let drafts = self.drafts.clone();
        // Nothing is saved while the loop waits for the editor.
        let flush = move || drafts.flush().map_err(io::Error::other);
        let edit = move || {
            flush()
                .and_then(|()| editor::edit_in_file(&editor, folder, &text))
                .map_err(|error| error.to_string())
        };
        let edited = tokio::task::spawn_blocking(edit).await;
        let back = self.retake().and_then(|()| self.redraw());
        self.keys = keys;
        match (back, edited) {
            (Err(error), _) => Err(error.to_string()),
            (Ok(()), Err(error)) => Err(error.to_string()),
            (Ok(()), Ok(text)) => text,
        }
    }

    fn save_soon(&mut self) {
        let at = Instant::now() + SAVE_AFTER;
        self.save_at = Some(self.save_at.map_or(at, |sooner| sooner.min(at)));
    }

    /// Writes the drafts beside the loop; one write at a time.
    fn save(&mut self) {
        self.save_at = None;
        if self
            .saving
            .as_ref()
            .is_some_and(|saving| !saving.is_finished())
        {
            return self.save_soon();
        }
        let drafts = self.drafts.clone();
        let told = self.reach.told.clone();
        self.saving = Some(tokio::task::spawn_blocking(move || {
            let why = drafts.flush().err()?.to_string();
            let text = format!("drafts are not on disk: {why}");
            drop(told.try_send(Msg::Told {
                text: text.clone(),
                error: true,
            }));
            Some(text)
        }));
    }

    /// Everything on disk, then goodbye to the hub.
    async fn end(&mut self) {
        self.settle().await;
        let drafts = self.drafts.clone();
        drop(tokio::task::spawn_blocking(move || drafts.flush()).await);
        self.keeper.end(&self.model).await;
        self.reach.socket.close().await;
    }
}

fn now() -> Timestamp {
    Timestamp::from_ms(jiff::Timestamp::now().as_millisecond())
}
