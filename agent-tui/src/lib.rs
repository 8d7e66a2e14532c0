//! The agent console: a terminal in which one person answers many chats.
//!
//! The parts here know nothing of the hub: they are the text under the
//! cursor, the keys, and the terminal itself.

pub mod composer;
pub mod keys;
pub mod term;
pub mod width;
