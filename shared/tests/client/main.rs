//! The client against scripted peers on real loopback sockets, and its files on a real disk.
//!
//! Only the edges of the protocol are here; the real hub is met in the end-to-end tests.

#[cfg(test)]
mod http;
#[cfg(test)]
mod outbox;
#[cfg(test)]
mod peer;
#[cfg(test)]
mod profile;
#[cfg(test)]
mod session;
#[cfg(test)]
mod socket;
