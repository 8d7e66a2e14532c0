//! The hub program: arguments, logs, signals, exit code.
fn main() {}
