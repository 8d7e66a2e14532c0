//! The agent console.
fn main() {}
