//! The agent console: a terminal in which one person answers many chats.
//!
//! A message comes in, [`update::update`] changes the [`model`] and says what is to be done, the
//! runtime does it, [`view`] draws what there is now. Only `runtime`, and `keep` for it, waits,
//! reads clocks or does I/O; only `view` and `theme` know colours.

pub mod args;
pub mod cache;
mod clipboard;
pub mod complete;
pub mod composer;
pub mod config;
pub mod debug;
pub mod deed;
pub mod drafts;
mod editor;
pub mod find;
#[cfg(test)]
mod fixture;
pub mod fuzzy;
pub mod hours;
mod keep;
pub mod keys;
pub mod links;
pub mod listing;
pub mod model;
pub mod msg;
pub mod notify;
pub mod overlay;
mod reach;
pub mod runtime;
pub mod screen;
pub mod term;
pub mod theme;
pub mod thread;
pub mod transcript;
pub mod unread;
pub mod update;
pub mod view;
pub mod when;
pub mod width;
