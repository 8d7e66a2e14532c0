//! The desk: the rules, and nothing else. Pure: no I/O, no clock, no randomness, no hash order.

pub mod visibility;
