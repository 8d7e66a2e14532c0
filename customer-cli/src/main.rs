//! The customer chat.
fn main() {}
