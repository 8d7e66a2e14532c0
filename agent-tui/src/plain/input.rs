//! Lines out of standard input, on a thread of its own: a read cannot be called off.

use std::{
    io::{self, BufRead, BufReader, Read},
    thread,
};

use tokio::sync::mpsc;

/// Longest line; twice the longest message.
const LINE_BYTES_MAX: usize = 16 * 1024;
/// Lines that wait to be taken; then the sender of a pipe waits.
const LINES_MAX: usize = 16;

/// A line without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    /// As it was typed.
    Text(String),
    /// It has more bytes than a message may have; none of it is kept.
    TooLong,
}

/// Starts the thread. Its lines end with the input; the end of the process does not wait for it.
///
/// # Errors
/// When the thread cannot be started.
pub(crate) fn read(from: impl Read + Send + 'static) -> io::Result<mpsc::Receiver<Line>> {
    let (sender, lines) = mpsc::channel(LINES_MAX);
    let run = move || {
        let mut from = BufReader::new(from);
        while let Ok(Some(line)) = next(&mut from) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("lines".to_owned()).spawn(run)?;
    Ok(lines)
}

fn next(from: &mut impl BufRead) -> io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX) + 1;
    from.take(most).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.len() > LINE_BYTES_MAX && !bytes.ends_with(b"\n") {
        from.skip_until(b'\n')?;
        return Ok(Some(Line::TooLong));
    }
    let text = String::from_utf8_lossy(&bytes);
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    Ok(Some(Line::Text(text.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::{LINE_BYTES_MAX, Line, read};

    #[tokio::test]
    async fn lines_come_whole_and_the_last_needs_no_end() {
        let long = "x".repeat(LINE_BYTES_MAX);
        let input = format!("one\r\n\n{long}\n{long}y\ntw\u{f6}");
        let mut lines = read(std::io::Cursor::new(input.into_bytes())).expect("a thread");
        let mut got = Vec::new();
        while let Some(line) = lines.recv().await {
            got.push(line);
        }
        let text = |text: &str| Line::Text(text.to_owned());
        let expect = [
            text("one"),
            text(""),
            text(&long),
            Line::TooLong,
            text("tw\u{f6}"),
        ];
        assert_eq!(got, expect);
    }
}
