//! What one means to do: one's own status with its reason, the planned leave, and for those who
//! lead the status of others.

use shared::{
    command::Command,
    id::UserId,
    model::{AgentStatus, Role},
    text::SafeText,
};

use crate::{
    model::{Model, status_word},
    msg::Effect,
    overlay::{AskFor, Choice, Overlay, PickFor, Picker, Stand, Value},
};

use super::{overlays, request};

/// Offers the statuses, for `user` or for oneself.
pub(super) fn open(model: &mut Model, user: Option<UserId>) {
    let picker = Picker::new(PickFor::Status(user), stands());
    model.overlay = Some(Overlay::Picker(picker));
}

/// What one can be.
pub(super) fn stands() -> Vec<Choice> {
    let stands = [
        ("online", "takes chats", AgentStatus::Online, false),
        ("busy", "takes no new chats", AgentStatus::Busy, false),
        ("away", "not at the desk", AgentStatus::Away, false),
        (
            "finish and leave",
            "answers the chats at hand, then goes offline",
            AgentStatus::Away,
            true,
        ),
        (
            "offline",
            "not at work; chats go back to their queue",
            AgentStatus::Offline,
            false,
        ),
    ];
    let choices = stands.map(|(label, detail, status, leaving)| Choice {
        label: label.to_owned(),
        detail: detail.to_owned(),
        value: Value::Status(Stand { status, leaving }),
    });
    choices.to_vec()
}

/// Offers the people whose status one may set.
pub(super) fn open_whose(model: &mut Model) {
    if !model.leads() {
        return model.complain("only supervisors set the status of others; /status sets yours");
    }
    let choices = others(model);
    if choices.is_empty() {
        return model.say("nobody else works in your departments");
    }
    model.overlay = Some(Overlay::Picker(Picker::new(PickFor::StatusOf, choices)));
}

/// The people whose status one may set.
pub(super) fn others(model: &Model) -> Vec<Choice> {
    if !model.leads() {
        return Vec::new();
    }
    let me = model.my_id();
    let all = model.me.as_ref().is_some_and(|me| me.role >= Role::Admin);
    let users = model.view.agents.values();
    let others = users.filter(|user| {
        let mut departments = user.departments.iter();
        let near = all || departments.any(|department| model.works_in(*department));
        user.active && user.role >= Role::Agent && Some(user.id) != me && near
    });
    others
        .map(|user| Choice {
            label: user.name.to_string(),
            detail: format!("{}, {}", user.username, status_word(user.status)),
            value: Value::Agent(user.id),
        })
        .collect()
}

/// Asks why where there is a reason to give, else sets the status.
pub(super) fn chosen(model: &mut Model, stand: Stand, user: Option<UserId>, out: &mut Vec<Effect>) {
    if matches!(stand.status, AgentStatus::Busy | AgentStatus::Away) {
        overlays::ask(model, AskFor::Reason(stand, user));
    } else {
        set(model, stand, user, "", out);
    }
}

/// Sets the status of `user`, or one's own.
pub(super) fn set(
    model: &mut Model,
    stand: Stand,
    user: Option<UserId>,
    reason: &str,
    out: &mut Vec<Effect>,
) {
    let reason = SafeText::line(reason.trim());
    let command = Command::SetStatus {
        status: stand.status,
        reason: (!reason.is_empty()).then_some(reason),
        drain: stand.leaving,
        user,
    };
    let word = status_word(stand.status);
    let what = match user {
        Some(user) => format!("set {} {word}", model.agent(user)),
        None => format!("become {word}"),
    };
    request(model, command, what, out);
}
