//! The hub's face to the network: HTTP and WebSocket over TCP, with or without TLS.
//!
//! Deliberately absent: any rule of the desk. A handler builds a command and hands it to the hub.

pub(crate) mod body;
#[cfg(test)]
pub(crate) mod fixture;
pub(crate) mod gate;
pub(crate) mod listener;
pub(crate) mod stream;
pub(crate) mod tls;
pub(crate) mod upgrade;
