//! The customer chat of Frontdesk: line mode on a terminal, one-shot and streaming in a pipe.

pub mod args;
pub mod commands;
pub mod form;
pub mod json;
pub mod lines;
pub mod story;
