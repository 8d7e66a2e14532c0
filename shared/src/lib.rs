//! The language every part of Frontdesk speaks, and the client side of it.
//!
//! Plain data with its JSON, the one sanitiser, the one fold, the one table of error codes. No
//! rule of the desk lives here, and nothing outside `client` and `machine` reads a clock.

pub mod api;
pub mod assistant;
pub mod attachment;
pub mod audit;
pub mod canned;
#[cfg(feature = "client")]
pub mod client;
pub mod command;
pub mod desk;
pub mod erased;
pub mod error;
pub mod event;
pub mod fold;
pub mod frame;
pub mod id;
pub mod machine;
pub mod model;
pub mod record;
pub mod search;
pub mod text;
pub mod time;
