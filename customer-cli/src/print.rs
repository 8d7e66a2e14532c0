//! The only writer to stdout and stderr, and the keeper of the terminal's mode.
//!
//! What is written was made in `lines` or `json`; nothing here decides what to say.

use std::{
    io::{self, IsTerminal, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use rustyline::ExternalPrinter;
use shared::text::{SafeText, render};
use tokio::sync::{mpsc, oneshot};

use crate::{
    error::ChatError,
    lines::{Charset, Ink, Look},
};

/// Texts that may wait for the terminal; then the program waits.
const QUEUE_MAX: usize = 256;
/// How long the end of the program waits for the last texts.
const FINISH_LIMIT: Duration = Duration::from_millis(300);
/// How long the line editor takes to write what it was given.
const SETTLE: Duration = Duration::from_millis(30);
/// Columns of a terminal that does not say.
const COLUMNS_DEFAULT: usize = 80;

/// Writes to stdout, at once.
///
/// # Errors
/// [`ChatError::ReaderGone`] and [`ChatError::Io`].
pub fn out(text: &str) -> Result<(), ChatError> {
    out_bytes(text.as_bytes())
}

/// Writes bytes to stdout, at once.
///
/// # Errors
/// As [`out`].
pub fn out_bytes(bytes: &[u8]) -> Result<(), ChatError> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    written.map_err(ChatError::output)
}

/// Writes to stderr. When that fails there is nobody left to tell.
pub fn err(text: &str) {
    let mut stderr = io::stderr().lock();
    drop(stderr.write_all(text.as_bytes()));
}

/// A value as one line of JSON with its line end.
pub fn line_of(value: &impl serde::Serialize) -> String {
    let json = serde_json::to_string(value);
    json.expect("text and numbers can be written as JSON") + "\n"
}

/// Says something beside the result.
pub fn note(text: &str) {
    err(&format!("{}\n", render(&SafeText::line(text))));
}

/// Whether there is a person who can be asked for a secret.
#[must_use]
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Whether stderr is read by a person.
#[must_use]
pub fn is_terminal_err() -> bool {
    io::stderr().is_terminal()
}

/// Whether stdout is read by a person.
#[must_use]
pub fn is_terminal_out() -> bool {
    io::stdout().is_terminal()
}

/// Says why the program ends.
pub fn error(error: &ChatError) {
    if error.is_silent() {
        return;
    }
    let mut text = format!("error: {}\n", render(&error.to_string()));
    if let Some(hint) = error.hint() {
        text.push_str(&format!("hint: {}\n", SafeText::line(hint)));
    }
    err(&text);
}

/// Whether a person sits at both ends.
#[must_use]
pub fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// How lines look on this terminal. `environment` reads a variable.
#[must_use]
pub fn look(environment: impl Fn(&str) -> Option<String>) -> Look {
    let value = |name: &str| environment(name).filter(|value| !value.is_empty());
    let plain = value("NO_COLOR").is_some() || value("TERM").is_none_or(|term| term == "dumb");
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(value);
    // No locale at all is the rule in containers, whose terminals speak UTF-8 all the same.
    let ascii = locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        !locale.contains("utf-8") && !locale.contains("utf8")
    });
    Look {
        columns: Some(columns()),
        ink: if plain { Ink::Plain } else { Ink::Styled },
        charset: if ascii {
            Charset::Ascii
        } else {
            Charset::Unicode
        },
    }
}

/// The width of the terminal now.
#[must_use]
pub fn columns() -> usize {
    let size = tcgetwinsize(io::stdout()).ok();
    let columns = size.map_or(0, |size| usize::from(size.ws_col));
    if columns == 0 {
        COLUMNS_DEFAULT
    } else {
        columns
    }
}

/// Puts the terminal back as it was, on every way out: the line editor may still be in its mode
/// on another thread.
#[derive(Debug)]
pub struct TerminalGuard(Option<Termios>);

impl TerminalGuard {
    /// Remembers the mode.
    #[must_use]
    pub fn remember() -> Self {
        Self(tcgetattr(io::stdin()).ok())
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        let Some(mode) = self.0.take() else { return };
        // The end of bracketed paste, which the editor turned on.
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        if !dumb {
            drop(out("\x1b[?2004l"));
        }
        // A terminal that is gone needs no mode.
        tcsetattr(io::stdin(), OptionalActions::Now, &mode).unwrap_or_default();
    }
}

/// Lines above the prompt of a line editor. A thread of its own writes them, because the editor
/// takes one at a time and only while it reads.
#[derive(Debug)]
pub struct Screen {
    queue: mpsc::Sender<String>,
    finished: oneshot::Receiver<()>,
}

impl Screen {
    /// Starts to print through `printer`, or to stdout where the terminal cannot be edited on:
    /// there the first line after a prompt begins below it.
    #[must_use]
    pub fn new<P: ExternalPrinter + Send + 'static>(
        mut printer: Option<P>,
        prompted: Arc<AtomicBool>,
    ) -> Self {
        let (queue, mut texts) = mpsc::channel::<String>(QUEUE_MAX);
        let (done, finished) = oneshot::channel();
        // Ends with the queue; a terminal that is gone is noticed by the editor's thread.
        drop(thread::spawn(move || {
            while let Some(text) = texts.blocking_recv() {
                match &mut printer {
                    Some(printer) => drop(printer.print(text)),
                    None if prompted.swap(false, Ordering::Relaxed) => {
                        drop(out(&format!("\n{text}")));
                    }
                    None => drop(out(&text)),
                }
            }
            // Nobody may wait for it any more.
            done.send(()).unwrap_or_default();
        }));
        Self { queue, finished }
    }

    /// Prints whole lines.
    pub async fn print(&self, text: String) {
        if !text.is_empty() {
            // Fails only when the thread is gone, and the terminal with it.
            drop(self.queue.send(text).await);
        }
    }

    /// Waits a moment for what was not printed yet.
    pub async fn finish(self) {
        drop(self.queue);
        drop(tokio::time::timeout(FINISH_LIMIT, self.finished).await);
        // The editor's thread writes what it was given and does not say when it has.
        tokio::time::sleep(SETTLE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::look;
    use crate::lines::{Charset, Ink};

    #[test]
    fn the_environment_decides_how_lines_look() {
        let look_of = |variables: &[(&str, &str)]| {
            let variables: Vec<(String, String)> = variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            look(move |name| {
                let found = variables.iter().find(|(known, _)| known == name);
                found.map(|(_, value)| value.clone())
            })
        };
        let xterm = look_of(&[("TERM", "xterm"), ("LANG", "de_DE.UTF-8")]);
        assert_eq!((xterm.ink, xterm.charset), (Ink::Styled, Charset::Unicode));
        assert_eq!(look_of(&[("TERM", "dumb")]).ink, Ink::Plain);
        assert_eq!(look_of(&[]).ink, Ink::Plain);
        assert_eq!(
            look_of(&[("TERM", "xterm"), ("NO_COLOR", "1")]).ink,
            Ink::Plain
        );
        assert_eq!(
            look_of(&[("TERM", "xterm"), ("NO_COLOR", "")]).ink,
            Ink::Styled
        );
        assert_eq!(look_of(&[("LANG", "C")]).charset, Charset::Ascii);
        let first = [("LC_ALL", "en_GB.utf8"), ("LANG", "C")];
        assert_eq!(look_of(&first).charset, Charset::Unicode);
    }
}
