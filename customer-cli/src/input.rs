//! The line editor: keys in, typed lines out, on a thread of its own.
//!
//! It asks the questions before a chat, and then reads until the customer leaves. What a line
//! means is in `commands`, what is done about it in `chat`.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustyline::{
    Cmd, ConditionalEventHandler, Context, Editor, Event, EventContext, EventHandler, Helper,
    KeyCode, KeyEvent, Modifiers, RepeatCount,
    completion::{Completer, Pair},
    config::Config,
    error::ReadlineError,
    highlight::Highlighter,
    hint::Hinter,
    history::DefaultHistory,
    validate::Validator,
};
use shared::{client::socket::SocketHandle, id::ChatId, text::SafeText};
use tokio::sync::mpsc;

use crate::commands::{COMMANDS, Typed, parse};

/// Typing is told at most this often.
const TYPING_EVERY: Duration = Duration::from_secs(3);
/// A second Ctrl+C counts for this long.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);
/// Typed lines that may wait.
const LINES_MAX: usize = 64;
/// Lines that the editor remembers.
const HISTORY_MAX: usize = 200;
/// What ends `/paste`.
const PASTE_END: &str = ".";

/// What the customer did.
#[derive(Debug)]
pub enum Did {
    /// Typed a line.
    Typed(Typed),
    /// Pressed Ctrl+C once.
    AskedToLeave,
    /// Left with Ctrl+D or `/quit`, or the terminal is gone.
    Left,
    /// Left with Ctrl+C.
    Interrupted,
}

/// Why there is no answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// Ctrl+C.
    Interrupted,
    /// Ctrl+D, or the terminal is gone.
    Left,
}

/// The line editor of a terminal.
pub struct Keys {
    editor: Editor<Hooks, DefaultHistory>,
    /// The line has a backslash that stands for going on, not for itself.
    continued: Arc<AtomicBool>,
    /// A prompt stands at the end of the screen.
    prompted: Arc<AtomicBool>,
}

/// What the editor calls while keys are pressed.
#[derive(Default)]
struct Hooks {
    /// Where to tell that the customer types.
    typing: Option<(SocketHandle, ChatId)>,
    told: Cell<Option<Instant>>,
}

/// Enter behind a backslash goes on in the next line, and notes that it did.
struct Continue(Arc<AtomicBool>);

impl Keys {
    /// Takes the terminal's keys.
    ///
    /// # Errors
    /// What the terminal says against it.
    pub fn new() -> Result<Self, ReadlineError> {
        let config = Config::builder()
            .auto_add_history(false)
            .bracketed_paste(true)
            .max_history_size(HISTORY_MAX)?
            .build();
        let mut editor = Editor::with_config(config)?;
        editor.set_helper(Some(Hooks::default()));
        let newline = [
            KeyEvent::ctrl('J'),
            KeyEvent(KeyCode::Enter, Modifiers::ALT),
            KeyEvent(KeyCode::Char('M'), Modifiers::CTRL_ALT),
        ];
        for key in newline {
            editor.bind_sequence(key, EventHandler::Simple(Cmd::Newline));
        }
        let enter = KeyEvent(KeyCode::Enter, Modifiers::NONE);
        let continued = Arc::new(AtomicBool::new(false));
        let handler = Box::new(Continue(Arc::clone(&continued)));
        editor.bind_sequence(enter, EventHandler::Conditional(handler));
        Ok(Self {
            editor,
            continued,
            prompted: Arc::default(),
        })
    }

    /// Asks a question; `initial` is there to be changed.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub fn ask(&mut self, question: &str, initial: &str) -> Result<String, NoAnswer> {
        let answer = self.editor.readline_with_initial(question, (initial, ""));
        answer.map_err(|error| match error {
            ReadlineError::Interrupted => NoAnswer::Interrupted,
            _ => NoAnswer::Left,
        })
    }

    /// A printer above the prompt; none on a terminal that cannot be edited on.
    pub fn printer(&mut self) -> Option<impl rustyline::ExternalPrinter + Send + 'static> {
        self.editor.create_external_printer().ok()
    }

    /// Whether a prompt stands at the end of the screen, for those who write without the printer.
    #[must_use]
    pub fn prompted(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.prompted)
    }

    /// Reads lines until the customer leaves.
    #[must_use]
    pub fn read(mut self, handle: SocketHandle, chat: ChatId) -> mpsc::Receiver<Did> {
        if let Some(hooks) = self.editor.helper_mut() {
            hooks.typing = Some((handle, chat));
        }
        let (sender, lines) = mpsc::channel(LINES_MAX);
        // Ends when the customer leaves, or with the program.
        drop(thread::spawn(move || self.run(&sender)));
        lines
    }

    fn run(mut self, sender: &mpsc::Sender<Did>) {
        let mut interrupted: Option<Instant> = None;
        loop {
            self.prompted.store(true, Ordering::Relaxed);
            let did = match self.editor.readline("> ") {
                Ok(line) => Did::Typed(self.typed(&line)),
                Err(ReadlineError::Interrupted) => {
                    let now = Instant::now();
                    let again = interrupted.replace(now);
                    if again.is_some_and(|at| now - at < LEAVE_WITHIN) {
                        Did::Interrupted
                    } else {
                        Did::AskedToLeave
                    }
                }
                Err(_) => Did::Left,
            };
            let last = matches!(did, Did::Left | Did::Interrupted | Did::Typed(Typed::Quit));
            if sender.blocking_send(did).is_err() || last {
                return;
            }
        }
    }

    /// What a line means; what it leads to is asked here, where the keys are.
    fn typed(&mut self, line: &str) -> Typed {
        // What was pasted keeps its backslashes.
        let mut text = if self.continued.swap(false, Ordering::Relaxed) {
            line.replace("\\\n", "\n")
        } else {
            line.to_owned()
        };
        // A terminal without line editing has no key for a new line.
        while text.ends_with('\\') {
            text.pop();
            let Ok(more) = self.editor.readline("  ") else {
                break;
            };
            text.push('\n');
            text.push_str(&more);
        }
        match parse(&text) {
            Typed::Paste => self.paste(),
            Typed::End => match self.editor.readline("End this chat? [y/N] ") {
                Ok(answer) if matches!(answer.trim(), "y" | "Y" | "yes") => Typed::End,
                _ => Typed::Wrong("the chat goes on".to_owned()),
            },
            typed => {
                // A line that is not remembered is no loss.
                drop(self.editor.add_history_entry(text));
                typed
            }
        }
    }

    fn paste(&mut self) -> Typed {
        let mut text = String::new();
        loop {
            match self.editor.readline("paste> ") {
                Ok(line) if line.trim_end() == PASTE_END => break,
                Ok(block) => {
                    // A pasted block has its lone dot inside.
                    let end = block.lines().position(|line| line == PASTE_END);
                    let lines = block.lines().take(end.unwrap_or(usize::MAX));
                    for line in lines {
                        text.push_str(line);
                        text.push('\n');
                    }
                    if block.is_empty() {
                        text.push('\n');
                    }
                    if end.is_some() {
                        break;
                    }
                }
                Err(_) => return Typed::Wrong("nothing was sent".to_owned()),
            }
        }
        let text = SafeText::block(text.trim_end());
        if text.trim().is_empty() {
            return Typed::Wrong("nothing was sent".to_owned());
        }
        Typed::Say(text)
    }
}

impl Helper for Hooks {}
impl Highlighter for Hooks {}
impl Validator for Hooks {}

impl Completer for Hooks {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let begun = &line[..pos];
        let known = COMMANDS
            .iter()
            .filter(|(name, ..)| !begun.is_empty() && name.starts_with(begun));
        let pairs = known.map(|(name, ..)| Pair {
            display: (*name).to_owned(),
            replacement: (*name).to_owned(),
        });
        Ok((0, pairs.collect()))
    }
}

/// Called with every change of the line, which is when the staff want to know of it.
impl Hinter for Hooks {
    type Hint = String;

    fn hint(&self, line: &str, _: usize, _: &Context<'_>) -> Option<String> {
        let (handle, chat) = self.typing.as_ref()?;
        if line.is_empty() || (line.starts_with('/') && !line.starts_with("//")) {
            return None;
        }
        let now = Instant::now();
        let recently = |at: Instant| now - at < TYPING_EVERY;
        if !self.told.get().is_some_and(recently) {
            self.told.set(Some(now));
            handle.typing(*chat, true, None);
        }
        None
    }
}

impl ConditionalEventHandler for Continue {
    fn handle(
        &self,
        _: &Event,
        _: RepeatCount,
        _: bool,
        context: &EventContext<'_>,
    ) -> Option<Cmd> {
        let line = context.line();
        let continues = line.ends_with('\\') && context.pos() == line.len();
        if !continues {
            return None;
        }
        self.0.store(true, Ordering::Relaxed);
        Some(Cmd::Newline)
    }
}
