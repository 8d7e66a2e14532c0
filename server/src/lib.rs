//! The hub: one process that runs the desk and the store, and carries both to the terminals.

pub mod accounts;
pub mod config;
pub mod desk;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the routes that stand on the listener follow")
)]
mod http;
pub mod hub;
pub mod store;
pub mod telemetry;
