//! Secrets from standard input, from a file or typed without echo; never from arguments.
//!
//! What the question is and what is told about a failure belongs to each program.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use tokio::signal::unix::{SignalKind, signal};

/// Longest secret, in bytes.
pub const SECRET_BYTES_MAX: usize = 4096;

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// What was given is none.
    #[error("the {what} {why}")]
    Unfit {
        /// What was to be read.
        what: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The file could not be read.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// Which one; `-` for standard input.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The terminal could not be read.
    #[error("cannot read from the terminal: {0}")]
    Terminal(io::Error),
    /// Ctrl+C.
    #[error("interrupted")]
    Interrupted,
    /// SIGHUP: the terminal is gone.
    #[error("the terminal is gone")]
    HungUp,
}

/// The one line of a file; `-` is standard input. `what` names the secret in an error.
///
/// # Errors
/// [`SecretError::File`], and [`SecretError::Unfit`] for anything but one line of text of at most
/// [`SECRET_BYTES_MAX`] bytes.
pub fn read_file(path: &Path, what: &str) -> Result<String, SecretError> {
    let mut text = Vec::new();
    let most = SECRET_BYTES_MAX as u64 + 1;
    let read = if path == Path::new("-") {
        io::stdin().lock().take(most).read_to_end(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut text))
    };
    read.map_err(|source| SecretError::File {
        path: path.to_owned(),
        source,
    })?;
    secret_of(&text, what)
}

/// Asks for a secret on the terminal of standard input, without echo. `show` shows the question.
///
/// The terminal is as it was when this returns, and also when it is dropped before: whoever ends
/// on a signal needs only to stop waiting, and must not wait for the thread that reads. SIGHUP is
/// heard here, because nothing else of a short program has a reason to.
///
/// # Errors
/// [`SecretError::Terminal`], [`SecretError::Interrupted`], [`SecretError::HungUp`], and
/// [`SecretError::Unfit`] for an empty line.
pub async fn type_in(what: &str, show: impl FnOnce()) -> Result<String, SecretError> {
    let mut hangup = signal(SignalKind::hangup()).map_err(SecretError::Terminal)?;
    // Silent before the question, so that not even the fastest answer is shown.
    let silent = SilentTerminal::begin().map_err(SecretError::Terminal)?;
    show();
    let typed = tokio::select! {
        typed = tokio::task::spawn_blocking(read_line) => typed,
        _ = hangup.recv() => return Err(SecretError::HungUp),
    };
    drop(silent);
    let typed = typed.map_err(|error| SecretError::Terminal(io::Error::other(error)))?;
    match typed.map_err(SecretError::Terminal)? {
        Some(bytes) => secret_of(&bytes, what),
        None => Err(SecretError::Interrupted),
    }
}

fn secret_of(bytes: &[u8], what: &str) -> Result<String, SecretError> {
    let unfit = |why| SecretError::Unfit {
        what: what.to_owned(),
        why,
    };
    if bytes.len() > SECRET_BYTES_MAX {
        return Err(unfit("is too long"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| unfit("is not UTF-8 text"))?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(unfit("is empty"));
    }
    if line.contains(['\n', '\r']) {
        return Err(unfit("has more than one line"));
    }
    Ok(line.to_owned())
}

/// The terminal without echo; as it was before when this is dropped.
struct SilentTerminal(Termios);

impl SilentTerminal {
    /// Ctrl+C comes as a byte from now on, so that the terminal is never left without echo.
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        silent.special_codes[SpecialCodeIndex::VMIN] = 1;
        silent.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(io::stdin(), OptionalActions::Now, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for SilentTerminal {
    fn drop(&mut self) {
        // The terminal may be gone; then there is nothing to put back.
        tcsetattr(io::stdin(), OptionalActions::Now, &self.0).unwrap_or_default();
    }
}

/// A line of the silent terminal; none after Ctrl+C. The end of the terminal ends the line.
fn read_line() -> io::Result<Option<Vec<u8>>> {
    let mut typed = Vec::new();
    loop {
        let mut byte = [0];
        if rustix::io::read(io::stdin(), &mut byte)? == 0 {
            return Ok(Some(typed));
        }
        match key(&mut typed, byte[0]) {
            Key::More => {}
            Key::Done => return Ok(Some(typed)),
            Key::Interrupt => return Ok(None),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Key {
    More,
    Done,
    Interrupt,
}

/// What a byte from the terminal does to the line so far.
fn key(typed: &mut Vec<u8>, byte: u8) -> Key {
    match byte {
        b'\r' | b'\n' | 0x04 => return Key::Done,
        0x03 | 0x1c => return Key::Interrupt,
        0x08 | 0x7f => {
            // A character of several bytes goes as one.
            while typed.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
        }
        0x15 => typed.clear(),
        byte if typed.len() <= SECRET_BYTES_MAX => typed.push(byte),
        _ => {}
    }
    Key::More
}

#[cfg(test)]
mod tests {
    use super::{Key, key, secret_of};

    #[test]
    fn a_secret_is_one_line() {
        let check = |bytes: &[u8]| secret_of(bytes, "password").map_err(|error| error.to_string());
        assert_eq!(check(b"hunter two\n"), Ok("hunter two".to_owned()));
        assert_eq!(check(b" spaces stay \r\n"), Ok(" spaces stay ".to_owned()));
        for (wrong, why) in [
            (&b""[..], "the password is empty"),
            (b"\n", "the password is empty"),
            (b"two\nlines\n", "the password has more than one line"),
            (b"\xff\xfe", "the password is not UTF-8 text"),
            (&[b'a'; 5000], "the password is too long"),
        ] {
            assert_eq!(check(wrong), Err(why.to_owned()));
        }
    }

    #[test]
    fn keys_edit_the_line_that_is_not_shown() {
        let typed = |keys: &[u8]| {
            let mut typed = Vec::new();
            let last = keys
                .iter()
                .fold(None, |_, &byte| Some(key(&mut typed, byte)));
            (typed, last)
        };
        assert_eq!(typed(b"ab\x7fc\r"), (b"ac".to_vec(), Some(Key::Done)));
        assert_eq!(
            typed("aé\u{7f}".as_bytes()),
            (b"a".to_vec(), Some(Key::More))
        );
        assert_eq!(
            typed(b"wrong\x15right\n"),
            (b"right".to_vec(), Some(Key::Done))
        );
        assert_eq!(typed(b"abc\x03").1, Some(Key::Interrupt));
        assert_eq!(typed(b"\x7f\x7f").1, Some(Key::More));
    }
}
