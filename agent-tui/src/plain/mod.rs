//! The console in lines: for screen readers, dumb terminals, serial lines and pipes.
//!
//! The same model and the same `update` as on the screen; `lines` tells what changed, `commands`
//! says what a typed line means, `run` waits. The terminal stays as it is: it echoes and edits
//! the line, so a screen reader reads it as any other. What comes in while somebody types goes on
//! a new line, and the prompt after it again; what was typed stays with the terminal, whose Ctrl+R
//! shows it. No escape sequences, no carriage returns, no colours.

mod commands;
mod input;
mod lines;
mod lists;
mod run;
mod signals;
#[cfg(test)]
mod tests;
mod words;

pub use self::run::{Ending, Plain};
