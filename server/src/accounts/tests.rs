//! Accounts against the real hub and the real stores. Time is set, never waited for.

mod entry;
mod fixture;
mod resets;
mod secrets;
mod sessions;
mod staff;
mod timing;
mod totp;
