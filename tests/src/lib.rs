//! The harness of the end-to-end tests: real programs, real sockets, real terminals, seeded faults.
//!
//! Absent on purpose: stand-ins for any of our programs, and waiting by sleeping. Every wait here
//! blocks on the thing it waits for and fails with what was seen so far.

pub mod cli;
pub mod home;
pub mod hub;
pub mod process;
pub mod programs;
pub mod proxy;
pub mod pty;
pub mod seed;

mod watched;
