//! The agent console: a terminal in which one person answers many chats.
//!
//! A message comes in, [`update::update`] changes the [`model`] and says what is to be done, the
//! runtime does it, [`view`] draws what there is now, or [`plain`] tells in lines what is new. Only
//! `runtime` and `plain::run`, and `keep` and `reach` for both, wait, read clocks or do I/O; only
//! `view` and `theme` know colours.

pub mod args;
pub mod assisted;
pub mod cache;
mod clipboard;
pub mod complete;
pub mod composer;
pub mod config;
pub mod debug;
pub mod deed;
pub mod drafts;
mod editor;
pub mod files;
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
pub mod plain;
mod reach;
pub mod runtime;
pub mod screen;
pub mod term;
pub mod theme;
pub mod thread;
pub mod transcript;
mod trouble;
pub mod unread;
pub mod update;
pub mod view;
pub mod when;
pub mod width;
