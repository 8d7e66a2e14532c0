//! The console as a whole, in a real terminal before a real hub.

mod loss;
mod speed;
