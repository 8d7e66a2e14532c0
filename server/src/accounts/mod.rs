//! Who may come in: the pure parts of accounts.
//!
//! Here live secrets and their digests, password hashing on threads of its own, the rules for a
//! new password, and the throttles. Deliberately absent: the store (who has which hash or token),
//! HTTP (who is asked for what) and permissions (`desk` has the one table).

pub mod passwords;
pub mod phc;
pub mod policy;
pub mod rate;
pub mod secret;
pub mod throttle;
