//! The hub: one process that runs the desk and the store, and carries both to the terminals.

pub mod desk;
