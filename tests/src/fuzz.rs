//! What is fuzzed: each target takes any bytes and must neither panic nor break its promise. The
//! same bodies are called by the fuzzer in `tests/fuzz` and, with a corpus and seeded mutations,
//! by a test of every change.
//!
//! Absent on purpose: a hub. What poison does to a running one is a test of its own.

mod values;

use std::{cell::RefCell, ffi::OsString, os::unix::ffi::OsStringExt};

use clap::Parser as _;
use server::store::{Part, Store, StoredRecord};
use shared::{
    command::Command,
    desk::Document,
    frame::{ClientFrame, HubFrame},
    id::{CommandId, Cursor},
    record::Record,
    text::{MESSAGE_BYTES_MAX, SafeText, customer_name, name, render, truncate_width, width},
};

pub use values::vary;

use crate::seed::Rng;

/// Most bytes of one input: two of the largest frames.
const INPUT_BYTES_MAX: u64 = 128 * 1024;

/// The three flags that are written with tags and may be: England, Scotland, Wales.
const FLAGS: [&str; 3] = [
    "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
    "\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    "\u{1f3f4}\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}",
];

/// One thing that takes bytes from outside.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of its folder in the corpus.
    pub name: &'static str,
    /// Takes any bytes.
    ///
    /// # Panics
    /// When a promise is broken: that is what is looked for.
    pub run: fn(&[u8]),
    /// Mutations that a test tries in a second or two, also in a slow build.
    pub mutations: u32,
}

/// Every target.
pub const TARGETS: [Target; 5] = [
    Target {
        name: "frames",
        run: frames,
        mutations: 4_000,
    },
    Target {
        name: "sanitiser",
        run: sanitiser,
        mutations: 3_000,
    },
    Target {
        name: "cursor",
        run: cursor,
        mutations: 4_000,
    },
    Target {
        name: "arguments",
        run: arguments,
        mutations: 150,
    },
    Target {
        name: "records",
        run: records,
        mutations: 4_000,
    },
];

/// JSON of either direction: what is read is written again and read the same.
pub fn frames(bytes: &[u8]) {
    fn same<T>(bytes: &[u8])
    where
        T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
    {
        let Ok(frame) = serde_json::from_slice::<T>(bytes) else {
            return;
        };
        let again = serde_json::to_vec(&frame).expect("a frame has a JSON form");
        let read = serde_json::from_slice::<T>(&again).expect("what was written is read");
        assert_eq!(read, frame);
    }
    same::<ClientFrame>(bytes);
    same::<Command>(bytes);
    same::<HubFrame>(bytes);
    same::<Record>(bytes);
    same::<Document>(bytes);
}

/// Whether these bytes are a frame, a command, a record or a desk, and so get behind the parser.
#[must_use]
pub fn is_frame(bytes: &[u8]) -> bool {
    fn is<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> bool {
        serde_json::from_slice::<T>(bytes).is_ok()
    }
    is::<ClientFrame>(bytes)
        || is::<Command>(bytes)
        || is::<HubFrame>(bytes)
        || is::<Record>(bytes)
        || is::<Document>(bytes)
}

/// Text of people: cleaning it twice is cleaning it once, and nothing is left that steers.
pub fn sanitiser(bytes: &[u8]) {
    let raw = String::from_utf8_lossy(bytes);
    for clean in [SafeText::block(&raw), SafeText::line(&raw)] {
        let hostile = |c: &char| {
            (c.is_control() && *c != '\n' && *c != '\t')
                || matches!(*c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
                || matches!(*c, '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
                || matches!(*c, '\u{e0000}'..='\u{e007f}')
        };
        let bad = FLAGS
            .iter()
            .fold(clean.to_string(), |text, flag| text.replace(flag, ""));
        let bad = bad.chars().find(hostile);
        assert_eq!(bad, None, "{clean:?}");
        assert_eq!(SafeText::block(&clean), clean, "a block of a clean text");
        let drawn = render(&clean);
        assert!(!drawn.contains('\t'), "{drawn:?}");
        assert_eq!(render(&drawn), drawn, "drawn twice");
        for columns in [0, 1, 7, 80] {
            assert!(width(&truncate_width(&clean, columns)) <= columns);
        }
        if clean.len() <= MESSAGE_BYTES_MAX {
            let _is_a_name = name(&clean).is_ok();
        }
    }
    let line = SafeText::line(&raw);
    assert_eq!(SafeText::line(&line), line, "a line of a clean text");
    assert!(!line.contains(['\n', '\t']), "{line:?}");
    if let Ok(named) = customer_name(&raw) {
        assert_eq!(
            customer_name(&named).as_ref(),
            Ok(&named),
            "a name stays one"
        );
    }
}

/// What a client gives back to resume: only a cursor of this store is taken.
pub fn cursor(bytes: &[u8]) {
    thread_local! {
        static STORE: RefCell<Option<(tokio::runtime::Runtime, Store)>> = const { RefCell::new(None) };
    }
    let text = String::from_utf8_lossy(bytes);
    if let Ok(cid) = CommandId::parse(&text) {
        assert_eq!(cid.as_str(), text);
    }
    let Ok(cursor) = Cursor::parse(&text) else {
        return;
    };
    assert_eq!(cursor.as_str(), text);
    STORE.with_borrow_mut(|slot| {
        let (runtime, store) = slot.get_or_insert_with(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            (runtime.expect("a runtime"), Store::memory())
        });
        let checked = runtime.block_on(store.cursor_check(Part::MAIN, &cursor));
        if let Ok(pos) = checked.expect("memory does not fail") {
            // There is nothing in it, so the beginning is all that can be resumed from.
            assert_eq!(pos.0, 0, "{text}");
            assert!(text.starts_with(&store.lineage().to_string()), "{text}");
        }
    });
}

/// Command lines of the programs, one argument a line: understood or refused in words.
pub fn arguments(bytes: &[u8]) {
    let words = || {
        let words = bytes.split(|byte| *byte == b'\n').take(64);
        let words = words.map(|word| OsString::from_vec(word.to_vec()));
        std::iter::once(OsString::from("program")).chain(words)
    };
    let told = |error: clap::Error| {
        assert!([0, 2].contains(&error.exit_code()), "{error}");
        assert!(!error.to_string().is_empty());
    };
    if let Err(error) = customer_cli::args::Cli::try_parse_from(words()) {
        told(error);
    }
    if let Err(error) = agent_tui::args::Args::try_parse_from(words()) {
        told(error);
    }
    let _understood = admin_cli::understands(words().collect());
}

/// Rows of the log as they lie on disk: a damaged one is an error, a good one is written the same.
pub fn records(bytes: &[u8]) {
    let Ok(stored) = StoredRecord::from_row(bytes) else {
        return;
    };
    assert_eq!(stored.to_row(), bytes, "a row is written as it was read");
    let lineage = server::store::Lineage([7; 8]);
    let frame = stored.frame(lineage);
    assert!(frame.ends_with(b"\"}"));
    let told = stored.record().is_ok();
    // A body that nobody changed since it was chained is one that can be told.
    let _verified = told && stored.verifies(&server::store::Hash::START);
}

/// Changes `input` in one to eight places, in the ways that found something elsewhere: flipped
/// bits, numbers at their limits, pieces taken out, doubled, and put in from `others`.
pub fn mutate(rng: &mut Rng, input: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
    const WORDS: [&[u8]; 14] = [
        b"null",
        b"-1",
        b"18446744073709551615",
        b"1e999",
        b"{}",
        b"[[[[",
        b"\"",
        b"\\u0000",
        b"\x1b[2J",
        b"\xe2\x80\xae",
        b"\xff",
        b"\0",
        b"9007199254740993",
        b"--",
    ];
    let mut bytes = input.to_vec();
    for _ in 0..rng.within(1..=8) {
        let length = bytes.len() as u64;
        let at = rng.within(0..=length) as usize;
        match rng.within(0..=6) {
            0 if length > 0 => {
                let at = at.min(bytes.len() - 1);
                bytes[at] ^= 1 << rng.within(0..=7);
            }
            1 => {
                let end = (at + rng.within(1..=16) as usize).min(bytes.len());
                bytes.drain(at..end);
            }
            2 => {
                let end = (at + rng.within(1..=64) as usize).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            3 => {
                let word: &&[u8] = rng.pick(&WORDS);
                bytes.splice(at..at, word.iter().copied());
            }
            4 if !others.is_empty() => {
                let other = rng.pick(others).clone();
                let from = rng.within(0..=other.len() as u64) as usize;
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            5 => bytes.insert(at, rng.within(0..=255) as u8),
            _ => bytes.truncate(at.max(1)),
        }
        bytes.truncate(INPUT_BYTES_MAX as usize);
    }
    bytes
}
