//! The end-to-end tests, one binary: the real programs on real sockets and terminals.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod access;
mod assistant;
mod attachments;
mod bad_input;
mod canned;
mod code;
mod completion;
mod console;
mod cookbook;
mod data_folder;
mod demo;
mod doctor;
mod doors;
mod examples;
mod frames;
mod fuzz;
mod harness_selftest;
mod hostile_text;
mod journey;
mod logs;
mod loss;
mod matrix;
mod newer;
mod oracle;
mod programs;
mod provider;
mod published;
mod raw;
mod routing;
mod sockets;
mod start;
mod startup;
mod tidy;
mod tls;
