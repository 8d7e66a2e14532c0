//! Secrets from standard input, from a file or from a prompt without echo; never from arguments.

use std::{
    io::{self, Read},
    path::Path,
};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

use crate::{
    args::access::{CodeSource, PasswordSource},
    confirm,
    failure::Failure,
    invocation::Invocation,
};

/// Longest secret, in bytes.
const SECRET_BYTES_MAX: usize = 4096;

/// Whether a password is made up now or known already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Password {
    /// Asked for once.
    Known,
    /// Asked for twice.
    New,
}

/// Refuses two secrets from one standard input.
pub(crate) fn one_stdin(code: &CodeSource, password: &PasswordSource) -> Result<(), Failure> {
    let is_stdin = |path: &Option<std::path::PathBuf>| path.as_deref() == Some(Path::new("-"));
    let password = password.password_stdin || is_stdin(&password.password_file);
    if password && is_stdin(&code.code_file) {
        return Err(Failure::usage(
            "the code and the password cannot both come from standard input",
            "put one of them in a file: --code-file FILE or --password-file FILE",
        ));
    }
    Ok(())
}

/// A password.
pub(crate) async fn password(
    app: &Invocation,
    source: &PasswordSource,
    kind: Password,
) -> Result<String, Failure> {
    if source.password_stdin {
        return from_file(Path::new("-"), "password");
    }
    if let Some(path) = &source.password_file {
        return from_file(path, "password");
    }
    let hint = "give --password-stdin or --password-file FILE, or run it on a terminal";
    let first = prompt(app, "password:", "password", hint).await?;
    if kind == Password::New && prompt(app, "the same again:", "password", hint).await? != first {
        return Err(Failure::usage(
            "the two passwords differ; nothing was done",
            "try again",
        ));
    }
    Ok(first)
}

/// A one-time code.
pub(crate) async fn code(
    app: &Invocation,
    source: &CodeSource,
    what: &str,
) -> Result<String, Failure> {
    match &source.code_file {
        Some(path) => from_file(path, what),
        None => {
            let hint = "give --code-file FILE, or - for standard input";
            prompt(app, &format!("{what}:"), what, hint).await
        }
    }
}

/// The first line of a file; `-` is standard input.
pub(crate) fn from_file(path: &Path, what: &str) -> Result<String, Failure> {
    let mut text = Vec::new();
    let most = SECRET_BYTES_MAX as u64 + 1;
    let read = if path == Path::new("-") {
        io::stdin().lock().take(most).read_to_end(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut text))
    };
    read.map_err(|error| Failure::file(path, &error))?;
    secret_of(&text, what)
}

fn secret_of(bytes: &[u8], what: &str) -> Result<String, Failure> {
    let refuse = |why: &str| {
        Failure::usage(
            format!("the {what} {why}"),
            format!("give the {what} alone on one line, at most {SECRET_BYTES_MAX} bytes"),
        )
    };
    if bytes.len() > SECRET_BYTES_MAX {
        return Err(refuse("is too long"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| refuse("is not UTF-8 text"))?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(refuse("is empty"));
    }
    if line.contains(['\n', '\r']) {
        return Err(refuse("has more than one line"));
    }
    Ok(line.to_owned())
}

async fn prompt(
    app: &Invocation,
    question: &str,
    what: &str,
    hint: &str,
) -> Result<String, Failure> {
    if !confirm::is_interactive(app) {
        return Err(Failure::usage(format!("no {what} was given"), hint));
    }
    let cannot = |error| Failure::Local(format!("cannot read from the terminal: {error}"));
    // Silent before the question, so that not even the fastest answer is shown.
    let terminal = SilentTerminal::begin().map_err(cannot)?;
    app.print.ask(question);
    let typed = tokio::task::spawn_blocking(move || terminal.read_line())
        .await
        .map_err(|error| Failure::Local(error.to_string()))?;
    app.print.end_line();
    match typed.map_err(cannot)? {
        Some(bytes) => secret_of(&bytes, what),
        None => Err(Failure::Interrupted),
    }
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

    /// A line; none after Ctrl+C.
    fn read_line(self) -> io::Result<Option<Vec<u8>>> {
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
}

impl Drop for SilentTerminal {
    fn drop(&mut self) {
        // The terminal may be gone; then there is nothing to put back.
        tcsetattr(io::stdin(), OptionalActions::Now, &self.0).unwrap_or_default();
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
        let check =
            |bytes: &[u8]| secret_of(bytes, "password").map_err(|failure| failure.exit_code());
        assert_eq!(check(b"hunter two\n"), Ok("hunter two".to_owned()));
        assert_eq!(check(b" spaces stay \r\n"), Ok(" spaces stay ".to_owned()));
        for wrong in [&b""[..], b"\n", b"two\nlines\n", b"\xff\xfe", &[b'a'; 5000]] {
            assert_eq!(check(wrong), Err(2));
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
