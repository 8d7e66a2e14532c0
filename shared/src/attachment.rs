//! Files in chats: their limits, what one may be called, and how it is shown in a line of text.
//!
//! What the hub does with a file's bytes, and how a client saves one, is elsewhere.

use std::fmt;

use crate::{
    model::Attachment,
    text::{SafeText, graphemes},
};

/// The header that says what a file is called, percent-encoded: a URL would stand in the logs of
/// proxies.
pub const NAME_HEADER: &str = "frontdesk-file-name";
/// The header with what is said with a file, percent-encoded.
pub const TEXT_HEADER: &str = "frontdesk-text";

/// Largest file, in bytes.
pub const ATTACHMENT_BYTES_MAX: u64 = 10 * 1024 * 1024;
/// Most bytes of all files of a chat.
pub const CHAT_BYTES_MAX: u64 = 50 * 1024 * 1024;
/// Longest name of a file, in bytes; file systems take 255, and savers add to it.
pub const FILE_NAME_BYTES_MAX: usize = 200;
/// What a file without a name of its own is called.
const NAMELESS: &str = "file";
/// Longest ending that a name keeps when it is cut.
const ENDING_BYTES_MAX: usize = 16;

/// What a file may be called: the last part of a path of any system, cleaned, on one line,
/// without leading dots, at most [`FILE_NAME_BYTES_MAX`] bytes; never empty. Idempotent.
#[must_use]
pub fn file_name(raw: &str) -> SafeText {
    let last = raw.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean = SafeText::line(last);
    let name = clean.trim_start_matches(['.', ' ']);
    let name = SafeText::line(&shortened(name));
    // A cut or a cleaned name is cleaned again, so that a second pass finds nothing to do.
    let name = SafeText::line(name.trim_start_matches(['.', ' ']));
    if name.is_empty() {
        SafeText::line(NAMELESS)
    } else {
        name
    }
}

/// `name` cut in its middle to fit, with its ending kept.
fn shortened(name: &str) -> String {
    if name.len() <= FILE_NAME_BYTES_MAX {
        return name.to_owned();
    }
    let ending = name.rfind('.').map_or("", |dot| &name[dot..]);
    let ending = if ending.len() <= ENDING_BYTES_MAX {
        ending
    } else {
        ""
    };
    let mut cut = String::new();
    for grapheme in graphemes(name) {
        if cut.len() + grapheme.len() + ending.len() > FILE_NAME_BYTES_MAX {
            break;
        }
        cut.push_str(grapheme);
    }
    cut.push_str(ending);
    cut
}

/// A size as people say it: `512 B`, `12.0 KiB`, `9.5 MiB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    const KIB: u64 = 1024;
    // Rounded down to a tenth, so that nothing looks as large as its limit before it is.
    let tenths = |unit: u64| {
        let tenths = bytes.saturating_mul(10) / unit;
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    match bytes {
        0..KIB => format!("{bytes} B"),
        KIB..0x10_0000 => format!("{} KiB", tenths(KIB)),
        0x10_0000..0x4000_0000 => format!("{} MiB", tenths(KIB * KIB)),
        _ => format!("{} GiB", tenths(KIB * KIB * KIB)),
    }
}

/// `[file 7] report.pdf (12.0 KiB, application/pdf)`.
impl fmt::Display for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            name,
            bytes,
            kind,
        } = self;
        write!(f, "[file {id}] {name} ({}, {kind})", size(*bytes))
    }
}

/// What a message shows: its text, and a line for each of its files.
#[must_use]
pub fn shown(text: &str, attachments: &[Attachment]) -> String {
    let text = (!text.is_empty()).then(|| text.to_owned());
    let files = attachments.iter().map(ToString::to_string);
    let lines: Vec<String> = text.into_iter().chain(files).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{FILE_NAME_BYTES_MAX, file_name, shown, size};
    use crate::{id::AttachmentId, model::Attachment, text::SafeText};

    /// S31: what the hub keeps of a name is its last part, cleaned.
    #[test]
    fn a_name_is_the_last_part_of_a_path_and_cannot_hide() {
        for (raw, name) in [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd", "passwd"),
            ("/etc/passwd", "passwd"),
            ("C:\\temp\\a b.txt", "a b.txt"),
            ("..", "file"),
            ("", "file"),
            ("a/", "file"),
            (" .bashrc", "bashrc"),
            (". . .x", "x"),
            ("two\nlines.txt", "two lines.txt"),
            ("gpj.\u{202e}exe", "gpj.exe"),
        ] {
            assert_eq!(file_name(raw).as_str(), name, "{raw:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_ending() {
        let name = file_name(&format!("{}.pdf", "x".repeat(300)));
        assert_eq!(name.len(), FILE_NAME_BYTES_MAX);
        assert!(name.ends_with("xx.pdf"), "{name}");
        let name = file_name(&"\u{6f22}".repeat(300));
        assert!(name.len() <= FILE_NAME_BYTES_MAX && name.len() > 190);
    }

    proptest! {
        #[test]
        fn any_name_is_one_part_of_a_path(raw in "(\\PC|[./\\\\\u{0}-\u{1f}\u{200d}\u{202e}])*{0,400}") {
            let name = file_name(&raw);
            prop_assert!(!name.is_empty() && name.len() <= FILE_NAME_BYTES_MAX, "{name:?}");
            prop_assert!(!name.starts_with('.') && !name.contains(['/', '\\']), "{name:?}");
            prop_assert!(!name.chars().any(char::is_control), "{name:?}");
            prop_assert_eq!(file_name(&name), name);
        }
    }

    #[test]
    fn sizes_are_rounded_down() {
        for (bytes, words) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1.0 KiB"),
            (12_345, "12.0 KiB"),
            (1_048_575, "1023.9 KiB"),
            (10 * 1_048_576 - 1, "9.9 MiB"),
            (50 * 1_048_576, "50.0 MiB"),
            (1 << 30, "1.0 GiB"),
        ] {
            assert_eq!(size(bytes), words);
        }
    }

    #[test]
    fn a_file_is_a_line_below_the_text() {
        let file = Attachment {
            id: AttachmentId(7),
            name: SafeText::line("report.pdf"),
            bytes: 12_345,
            kind: SafeText::line("application/pdf"),
        };
        let line = "[file 7] report.pdf (12.0 KiB, application/pdf)";
        assert_eq!(shown("", std::slice::from_ref(&file)), line);
        assert_eq!(shown("here", &[file]), format!("here\n{line}"));
        assert_eq!(shown("here", &[]), "here");
    }
}
