//! What kind of terminal this is, asked in one question before the first
//! frame: background colour, synchronized output, kitty keys. The answer to
//! DA1, which every terminal gives and gives last, ends the wait.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Unfinished;

/// How long a start may wait for answers.
pub const PROBE_MAX: Duration = Duration::from_millis(150);

/// Bytes read at most; more is no answer.
const ANSWER_BYTES_MAX: usize = 4096;

/// DECRQM 2026 and 2004, kitty flags, and DA1 as the fence.
const QUESTION: &[u8] = b"\x1b[?2026$p\x1b[?2004$p\x1b[?u\x1b[c";
/// OSC 11: the background colour.
const BACKGROUND_QUESTION: &[u8] = b"\x1b]11;?\x1b\\";

/// What the terminal said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// Background as red, green and blue.
    pub background: Option<(u8, u8, u8)>,
    /// It has synchronized output.
    pub synchronized: bool,
    /// It marks pastes.
    pub brackets: bool,
    /// It has kitty's keyboard protocol.
    pub kitty: bool,
    /// It answered to the end; without this, late answers may yet arrive.
    pub complete: bool,
    /// Where the answer was cut that had begun when the time was over.
    pub unfinished: Option<Unfinished>,
    /// Bytes that were no answer: keys pressed meanwhile.
    pub typed: Vec<u8>,
}

impl Answers {
    /// Whether the background is light, by its perceived brightness (BT.601).
    pub fn is_light(&self) -> Option<bool> {
        let (red, green, blue) = self.background?;
        let weighted = 299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue);
        Some(weighted > 127_500)
    }
}

/// Asks the terminal on standard input and output, for at most `limit`. Raw
/// mode must be on, and nobody else may be reading.
///
/// Answers that come after `limit` are for [`super::Input`] to take away.
///
/// # Errors
/// Whatever writing the question or reading the answers gives.
pub fn probe(out: &mut impl Write, background: bool, limit: Duration) -> io::Result<Answers> {
    if !io::stdin().is_terminal() {
        return Ok(Answers::default());
    }
    if background {
        out.write_all(BACKGROUND_QUESTION)?;
    }
    out.write_all(QUESTION)?;
    out.flush()?;
    read_answers(&io::stdin(), limit)
}

fn read_answers(input: &impl AsFd, limit: Duration) -> io::Result<Answers> {
    let start = Instant::now();
    let mut bytes = Vec::new();
    loop {
        let answers = parse(&bytes);
        let left = limit.saturating_sub(start.elapsed());
        if answers.complete || left.is_zero() || bytes.len() >= ANSWER_BYTES_MAX {
            return Ok(answers);
        }
        let wait = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(input, PollFlags::IN)], Some(&wait)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let mut chunk = [0; 512];
        match rustix::io::read(input, &mut chunk)? {
            0 => return Ok(answers),
            read => bytes.extend_from_slice(&chunk[..read]),
        }
    }
}

/// Reads answers out of whatever arrived, in any order and with keys between.
fn parse(mut bytes: &[u8]) -> Answers {
    let mut answers = Answers::default();
    while let Some(first) = bytes.first() {
        let taken = if let Some(body) = bytes.strip_prefix(b"\x1b]") {
            osc(body, &mut answers)
        } else if let Some(body) = bytes.strip_prefix(b"\x1b[?") {
            private_csi(body, &mut answers)
        } else {
            0
        };
        if taken == 0
            && let Some(cut) = cut(bytes)
        {
            answers.unfinished = Some(cut);
            break;
        }
        if taken == 0 {
            answers.typed.push(*first);
            bytes = &bytes[1..];
        } else {
            bytes = &bytes[taken..];
        }
    }
    answers
}

/// Where `bytes` end, when they are the beginning of an answer and nothing else.
fn cut(bytes: &[u8]) -> Option<Unfinished> {
    let text = |byte: &u8| matches!(byte, 0x20..=0x7E);
    match bytes {
        [0x1b] => Some(Unfinished::Esc),
        [0x1b, b']', body @ .., 0x1b] | [0x1b, b']', body @ ..] if body.iter().all(text) => {
            Some(Unfinished::Osc)
        }
        [0x1b, b'['] => Some(Unfinished::Csi),
        [0x1b, b'[', b'?', body @ ..] if body.iter().all(|byte| matches!(byte, 0x20..=0x3F)) => {
            Some(Unfinished::Csi)
        }
        _ => None,
    }
}

/// Reads `11;rgb:R/G/B` up to BEL or ST; the length of it with its start.
fn osc(body: &[u8], answers: &mut Answers) -> usize {
    let Some(end) = body
        .iter()
        .position(|byte| matches!(byte, b'\x07' | b'\x1b'))
    else {
        return 0;
    };
    let closing = if body[end] == b'\x07' {
        1
    } else if body.get(end + 1) == Some(&b'\\') {
        2
    } else {
        return 0;
    };
    let text = std::str::from_utf8(&body[..end]).unwrap_or_default();
    if let Some(colour) = text.strip_prefix("11;") {
        answers.background = rgb(colour);
    }
    2 + end + closing
}

/// Reads `rgb:` with one to four hexadecimal digits each (XParseColor).
fn rgb(text: &str) -> Option<(u8, u8, u8)> {
    let text = text
        .strip_prefix("rgb:")
        .or_else(|| text.strip_prefix("rgba:"))?;
    let mut channels = text.split('/').map(|digits| {
        let most = match digits.len() {
            len @ 1..=4 => (1_u32 << (4 * len)) - 1,
            _ => return None,
        };
        let value = u32::from_str_radix(digits, 16).ok()?;
        u8::try_from(value * 255 / most).ok()
    });
    Some((channels.next()??, channels.next()??, channels.next()??))
}

/// Reads a private CSI sequence; the length of it with its start.
fn private_csi(body: &[u8], answers: &mut Answers) -> usize {
    let Some(end) = body.iter().position(|byte| matches!(byte, 0x40..=0x7E)) else {
        return 0;
    };
    if !body[..end].iter().all(|byte| matches!(byte, 0x20..=0x3F)) {
        return 0;
    }
    match (body[end], &body[..end]) {
        (b'c', _) => answers.complete = true,
        (b'u', _) => answers.kitty = true,
        // 1 set, 2 reset: it can be changed. 0 unknown, 3 and 4 fixed.
        (b'y', b"2026;1$" | b"2026;2$") => answers.synchronized = true,
        // 3, permanently set, will do here.
        (b'y', b"2004;1$" | b"2004;2$" | b"2004;3$") => answers.brackets = true,
        _ => {}
    }
    3 + end + 1
}

#[cfg(test)]
mod tests {
    use std::io::{Write, pipe};
    use std::time::Duration;

    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    use super::{Answers, Unfinished, parse, read_answers};

    const KITTY: &[u8] = b"\x1b]11;rgb:1e1e/2020/ffff\x1b\\\x1b[?2026;2$y\x1b[?0u\x1b[?62;22c";

    fn kitty() -> Answers {
        let background = Some((0x1e, 0x20, 0xff));
        Answers {
            background,
            synchronized: true,
            kitty: true,
            brackets: false,
            complete: true,
            unfinished: None,
            typed: Vec::new(),
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(parse(&bytes).typed.len() <= bytes.len());
        }

        #[test]
        fn keys_between_answers_are_kept(keys in "[a-z]{0,9}", at in prop::sample::select(vec![0, 25, 36, 41, 50])) {
            let mut bytes = KITTY.to_vec();
            bytes.splice(at..at, keys.bytes());
            let answers = parse(&bytes);
            prop_assert_eq!(&answers.typed, keys.as_bytes());
            prop_assert_eq!(Answers { typed: Vec::new(), ..answers }, kitty());
        }
    }

    #[test]
    fn answers_of_known_terminals() {
        assert_eq!(parse(KITTY), kitty());
        let xterm = parse(b"\x1b]11;rgb:f/f/e\x07\x1b[?2026;0$y\x1b[?64;1;2c");
        assert_eq!(
            (xterm.background, xterm.is_light()),
            (Some((255, 255, 238)), Some(true))
        );
        assert!(!xterm.synchronized && !xterm.kitty && xterm.complete);
        let silent = parse(b"");
        assert_eq!(
            (silent.clone(), silent.is_light()),
            (Answers::default(), None)
        );
        assert_eq!(kitty().is_light(), Some(false));
        assert_eq!(parse(b"\x1b]11;rgb:zz/1/1\x07").background, None);
    }

    #[test]
    fn reading_ends_at_the_fence_and_at_the_limit() {
        let (reader, mut writer) = pipe().expect("a pipe");
        writer.write_all(KITTY).expect("room for a line");
        assert_eq!(
            read_answers(&reader, Duration::from_secs(60)).expect("answers"),
            kitty()
        );
        writer.write_all(&KITTY[..30]).expect("room for a line");
        let partial = read_answers(&reader, Duration::from_millis(1)).expect("answers");
        assert!(!partial.complete);
    }

    #[test]
    fn an_answer_that_was_cut_is_known_for_one() {
        for (end, at) in [
            (1, Unfinished::Esc),
            (9, Unfinished::Osc),
            (24, Unfinished::Osc),
            (27, Unfinished::Csi),
            (35, Unfinished::Csi),
        ] {
            let answers = parse(&KITTY[..end]);
            assert_eq!(answers.unfinished, Some(at), "{:?}", &KITTY[..end]);
            assert_eq!(answers.typed, b"", "{:?}", &KITTY[..end]);
        }
        assert_eq!(parse(b"\x1b[?2004;2$y\x1b[?6c").unfinished, None);
        assert!(parse(b"\x1b[?2004;2$y\x1b[?6c").brackets);
        assert!(!parse(b"\x1b[?2004;0$y\x1b[?6c").brackets);
    }
}
