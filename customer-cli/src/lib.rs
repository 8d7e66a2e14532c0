//! The customer chat of Frontdesk: line mode on a terminal, one-shot and streaming in a pipe.
//!
//! The pure half is `args`, `commands`, `form`, `story`, `lines` and `json`; the rest talks to a
//! hub, a terminal or a pipe.

pub mod account;
pub mod args;
pub mod chat;
pub mod commands;
pub mod error;
pub mod files;
pub mod form;
pub mod history;
pub mod input;
pub mod json;
pub mod keep;
pub mod lines;
pub mod notice;
pub mod opening;
pub mod pipe;
pub mod print;
pub mod questions;
pub mod run;
pub mod save;
#[cfg(test)]
mod schema;
pub mod speech;
pub mod story;
pub mod talk;
pub mod transcript;
