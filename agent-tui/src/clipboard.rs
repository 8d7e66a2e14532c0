//! The clipboard of whoever sits in front of the terminal, however far away: OSC 52, which only
//! ever writes. What is in the clipboard is never asked for.

use crossterm::{clipboard::CopyToClipboard, queue};

/// Longest text that is put in the clipboard: terminals refuse more.
pub(crate) const BYTES_MAX: usize = 74_000;

/// The bytes that put `text` in the clipboard, and what to tell the person.
///
/// # Errors
/// Why that cannot be done, in one line.
pub(crate) fn osc52(text: &str, in_tmux: bool) -> Result<(Vec<u8>, String), String> {
    let length = text.len();
    if length > BYTES_MAX {
        return Err(format!(
            "{length} bytes are too many to copy; terminals take {BYTES_MAX}"
        ));
    }
    let mut bytes = Vec::new();
    queue!(bytes, CopyToClipboard::to_clipboard_from(text)).map_err(|error| error.to_string())?;
    let mut said = "copied through the terminal (OSC 52)".to_owned();
    if in_tmux {
        said.push_str("; tmux drops it without: set -g set-clipboard on");
    }
    Ok((bytes, said))
}

#[cfg(test)]
mod tests {
    use super::{BYTES_MAX, osc52};

    #[test]
    fn a_text_is_written_once_and_told() {
        let (bytes, said) = osc52("Zahl 7", false).expect("short");
        assert_eq!(bytes, b"\x1b]52;c;WmFobCA3\x1b\\");
        assert!(!said.contains("tmux"));
        let (_, said) = osc52("Zahl 7", true).expect("short");
        assert!(said.contains("set-clipboard on"));
    }

    #[test]
    fn what_no_terminal_takes_is_refused_with_its_size() {
        let why = osc52(&"x".repeat(BYTES_MAX + 1), false).expect_err("too long");
        assert!(why.contains("74001 bytes"), "{why}");
    }
}
