//! The client side of Frontdesk, for the terminal programs, the demo and the tests.
//!
//! One HTTP connection, one resuming WebSocket, an outbox that survives the program, and the
//! files of a user: contexts, credentials, chats, drafts. What a program prints and how it asks
//! is not here.

pub mod assist;
pub mod credentials;
pub mod error;
pub mod files;
pub mod http;
pub mod outbox;
pub mod private;
pub mod profile;
pub mod project;
pub mod save;
pub mod secret;
pub mod session;
pub mod socket;
pub mod tls;
pub mod url;
