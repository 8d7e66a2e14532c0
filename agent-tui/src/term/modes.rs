//! What the console switches on in a terminal, and the bytes that switch it
//! on and off again. Pure: nothing here touches a terminal.

use std::io::{self, Write};

use crossterm::cursor::Show;
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange,
    KeyboardEnhancementFlags, PopKeyboardEnhancementFlags, PushKeyboardEnhancementFlags,
};
use crossterm::queue;
use crossterm::style::ResetColor;
use crossterm::terminal::{EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen};

/// Keeps the title on xterm's stack (XTWINOPS 22), for [`RESTORE_TITLE`].
const SAVE_TITLE: &[u8] = b"\x1b[22;0t";
const RESTORE_TITLE: &[u8] = b"\x1b[23;0t";

/// Buttons and wheel in SGR form. Not crossterm's, which asks for every motion too: over a slow
/// line each would cost bytes and a frame.
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1000l";

/// What is switched on beyond raw mode, alternate screen, bracketed paste and
/// focus events, which always are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Modes {
    /// Mouse capture.
    pub mouse: bool,
    /// Kitty's unambiguous keys; only where the terminal said that it has them.
    pub kitty: bool,
    /// Synchronized output; only where the terminal said that it has it.
    pub synchronized: bool,
}

impl Modes {
    /// Writes what turns a plain terminal into the console's.
    pub(super) fn enter(self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(SAVE_TITLE)?;
        queue!(
            out,
            EnterAlternateScreen,
            EnableBracketedPaste,
            EnableFocusChange
        )?;
        if self.mouse {
            out.write_all(MOUSE_ON)?;
        }
        if self.kitty {
            let flags = KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES;
            queue!(out, PushKeyboardEnhancementFlags(flags))?;
        }
        Ok(())
    }

    /// Writes what undoes [`Modes::enter`], whatever was being drawn.
    ///
    /// The kitty flags go first: each screen has a stack of its own, and
    /// popping after the alternate screen is left would take the shell's.
    pub(super) fn leave(self, out: &mut impl Write) -> io::Result<()> {
        if self.synchronized {
            queue!(out, EndSynchronizedUpdate)?;
        }
        if self.kitty {
            queue!(out, PopKeyboardEnhancementFlags)?;
        }
        queue!(
            out,
            ResetColor,
            LeaveAlternateScreen,
            DisableBracketedPaste,
            DisableFocusChange
        )?;
        if self.mouse {
            out.write_all(MOUSE_OFF)?;
        }
        queue!(out, Show)?;
        out.write_all(RESTORE_TITLE)
    }

    /// As bits, for the one atomic that says what is on.
    pub(super) fn bits(self) -> u8 {
        u8::from(self.mouse) | u8::from(self.kitty) << 1 | u8::from(self.synchronized) << 2
    }

    pub(super) fn from_bits(bits: u8) -> Self {
        let on = |bit: u8| bits & bit != 0;
        Self {
            mouse: on(1),
            kitty: on(2),
            synchronized: on(4),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Modes;

    fn all() -> impl Iterator<Item = Modes> {
        (0..8).map(Modes::from_bits)
    }

    fn written(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
        let mut bytes = Vec::new();
        write(&mut bytes).expect("memory takes all");
        String::from_utf8(bytes).expect("escape sequences are ASCII")
    }

    /// The numbers of the private modes that `text` sets (`h`) or resets (`l`).
    fn private_modes(text: &str, end: char) -> Vec<&str> {
        let sequences = text.split("\x1b[?").skip(1);
        let mut numbers: Vec<&str> = sequences
            .filter_map(|rest| {
                let (number, _) = rest.split_once(end)?;
                number
                    .bytes()
                    .all(|byte| byte.is_ascii_digit())
                    .then_some(number)
            })
            .collect();
        numbers.sort_unstable();
        numbers
    }

    #[test]
    fn what_is_switched_on_is_switched_off() {
        for modes in all() {
            let enter = written(|out| modes.enter(out));
            let leave = written(|out| modes.leave(out));
            let mut on = private_modes(&enter, 'h');
            assert!(on.contains(&"1049") && on.contains(&"2004") && on.contains(&"1004"));
            assert!(private_modes(&enter, 'l').is_empty());
            on.extend(modes.synchronized.then_some("2026"));
            on.sort_unstable();
            assert_eq!(private_modes(&leave, 'l'), on, "{modes:?}");
            assert_eq!(private_modes(&leave, 'h'), ["25"], "the cursor");
            let (push, pop) = (enter.contains("\x1b[>1u"), leave.contains("\x1b[<1u"));
            assert_eq!((push, pop), (modes.kitty, modes.kitty));
            assert!(enter.starts_with("\x1b[22;0t") && leave.ends_with("\x1b[23;0t"));
        }
    }

    #[test]
    fn the_order_of_leaving_is_kept() {
        let modes = Modes {
            mouse: true,
            kitty: true,
            synchronized: true,
        };
        let leave = written(|out| modes.leave(out));
        let order = [
            "2026l", "[<1u", "1049l", "2004l", "1004l", "1000l", "?25h", "[23;0t",
        ];
        let places: Vec<_> = order
            .iter()
            .map(|part| leave.find(part).expect(part))
            .collect();
        assert!(places.is_sorted(), "{leave:?}");
        assert_eq!(
            all().map(Modes::bits).collect::<Vec<_>>(),
            (0..8).collect::<Vec<u8>>()
        );
    }
}
