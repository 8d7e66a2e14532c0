//! Tests of the desk: its laws over random days of work, and an example of each rule.

mod assistant;
mod attachments;
mod canned;
mod code;
mod code_laws;
mod departments;
mod examples;
mod hours;
mod interleavings;
mod laws;
mod parking;
mod people;
mod permission;
mod races;
mod sim;
mod speed;
