//! The console as a whole, in a real terminal before a real hub.

mod assistant;
mod exits;
mod loss;
mod plain;
mod speed;
mod terminal;
mod two;
