//! The handlers, by area, each file with its rows of the table.
//!
//! A handler reads what was sent, builds a command or a question, and shapes the answer. No rule
//! of the desk is here.

mod accounts;
mod assistant;
mod attachments;
mod audit;
mod canned;
mod care;
mod chats;
mod code;
mod customers;
mod departments;
mod events;
mod health;
mod knowledge;
mod measures;
mod messages;
mod parking;
mod queue;
mod search;
mod settings;
mod setup_auth;
mod totp;
mod transcript;
mod users;

use super::route::Route;

/// All rows, by area.
pub(super) const ALL: &[&[Route]] = &[
    setup_auth::ROUTES,
    totp::ROUTES,
    accounts::ROUTES,
    settings::ROUTES,
    knowledge::ROUTES,
    assistant::ROUTES,
    code::ROUTES,
    departments::ROUTES,
    canned::ROUTES,
    users::ROUTES,
    chats::ROUTES,
    customers::ROUTES,
    parking::ROUTES,
    messages::ROUTES,
    attachments::ROUTES,
    transcript::ROUTES,
    queue::ROUTES,
    search::ROUTES,
    events::ROUTES,
    audit::ROUTES,
    care::ROUTES,
    health::ROUTES,
];
