//! The harness of the end-to-end tests: real programs, real sockets, real terminals, seeded faults.
//!
//! Absent on purpose: stand-ins for any of our programs, and waiting by sleeping. Every wait here
//! blocks on the thing it waits for and fails with what was seen so far.

pub mod cli;
pub mod desk;
pub mod exposure;
pub mod fuzz;
pub mod home;
pub mod hub;
pub mod newer;
pub mod oracle;
pub mod process;
pub mod programs;
pub mod provider;
pub mod proxy;
pub mod pty;
pub mod relay;
pub mod robot;
pub mod schema;
pub mod seed;
pub mod site;

mod guard;
mod watched;

/// `few` in every run of the tests, `many` in a long one (`FRONTDESK_LONG=1`).
#[must_use]
pub fn trials(few: u64, many: u64) -> u64 {
    if is_long() { many } else { few }
}

/// Whether the long forms are wanted: `FRONTDESK_LONG=1`.
#[must_use]
pub fn is_long() -> bool {
    std::env::var_os("FRONTDESK_LONG").is_some()
}

/// Prints a figure beside its budget, in a form that can be collected.
pub fn figure(name: &str, value: impl std::fmt::Display, unit: &str, budget: &str) {
    report(&format!("figure: {name} {value} {unit} (budget {budget})"));
}

/// Prints a figure of a test; shown with `--nocapture` and when the test fails.
#[expect(
    clippy::print_stderr,
    reason = "only this macro is captured by the test runner and shown with a failure"
)]
pub fn report(figure: &str) {
    eprintln!("{figure}");
}
