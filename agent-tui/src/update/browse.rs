//! What is looked up beside the chat in front: the customer's earlier chats, the links of a
//! message.

use shared::fold::ChatView;
use shared::id::{ChatId, UserId};
use shared::model::Chat;

use crate::{
    links::{Link as Address, links},
    model::{Link, Model, Past, state_word},
    msg::Effect,
    overlay::{Choice, Confirm, Overlay, PickFor, Picker, Then, Value},
    screen::Screen,
    transcript::{Transcript, zoned},
};

/// Asks for the earlier chats of the customer whose details are shown.
pub(super) fn look_up_past(model: &mut Model, out: &mut Vec<Effect>) {
    if model.link != Link::Live || Screen::of(model).is_none_or(|screen| screen.side.is_none()) {
        return;
    }
    ask_past(model, out);
}

fn ask_past(model: &mut Model, out: &mut Vec<Effect>) {
    let Some(view) = model.current_view() else {
        return;
    };
    let (customer, previous) = (view.chat.customer, view.chat.previous);
    if model.past.contains_key(&customer) {
        return;
    }
    model.remember_past(customer, Past::Asked);
    out.push(Effect::Past { customer, previous });
}

/// The hub has said which chats there were.
pub(super) fn past(model: &mut Model, customer: UserId, chats: Result<Vec<Chat>, String>) {
    let past = match chats {
        Ok(mut chats) => {
            chats.sort_by_key(|chat| std::cmp::Reverse((chat.opened_at, chat.id)));
            chats.dedup_by_key(|chat| chat.id);
            Past::Known(chats)
        }
        Err(why) => Past::Failed(why),
    };
    model.remember_past(customer, past);
}

/// Offers the customer's earlier chats.
pub(super) fn open_past(model: &mut Model, out: &mut Vec<Effect>) {
    let Some(chat) = model.current_view().map(|view| view.chat.clone()) else {
        return model.say("no chat is open here");
    };
    match model.past.get(&chat.customer) {
        None if model.link == Link::Live => {
            ask_past(model, out);
            return model.say("asking for the customer's chats; press it again in a moment");
        }
        None => return model.say("the customer's chats are not known while offline"),
        Some(Past::Asked) => return model.say("the customer's chats are on their way"),
        Some(Past::Failed(why)) => {
            let text = format!("the customer's chats are not known: {why}");
            model.past.remove(&chat.customer);
            return model.complain(text);
        }
        Some(Past::Known(_)) => {}
    }
    let others = model
        .past_of(&chat)
        .iter()
        .filter(|past| past.id != chat.id);
    let choices: Vec<Choice> = others.map(|past| choice(model, past)).collect();
    if choices.is_empty() {
        return model.say(format!("{} had no chat before that you may see", chat.name));
    }
    model.overlay = Some(Overlay::Picker(Picker::new(PickFor::GoTo, choices)));
}

fn choice(model: &Model, past: &Chat) -> Choice {
    Choice {
        label: format!("#{} {}", past.id, past.name),
        detail: format!(
            "{}, {}, {}",
            model.department(past.department),
            state_word(past.state),
            zoned(model, past.opened_at).strftime("%d %b %Y")
        ),
        value: Value::Chat(past.id),
    }
}

/// Puts an earlier chat that is out of sight in the view; its records are asked for when it is
/// on the screen.
pub(super) fn bring_in(model: &mut Model, id: ChatId) {
    if model.view.chats.contains_key(&id) {
        return;
    }
    let known = model.past.values().find_map(|past| match past {
        Past::Known(chats) => chats.iter().find(|chat| chat.id == id),
        Past::Asked | Past::Failed(_) => None,
    });
    let Some(chat) = known.cloned() else { return };
    let events = Vec::new();
    model.view.reveal(ChatView { chat, events });
    model.ensure_threads();
}

/// Shows the links of the newest message in sight that has any.
pub(super) fn open_link(model: &mut Model) {
    let mut found = links_in_sight(model);
    match found.len() {
        0 => model.say("no message in sight has a link"),
        1 => ask_link(model, &found.remove(0)),
        _ => {
            let choices = found.into_iter().map(|link| Choice {
                label: link.host,
                detail: link.url.clone(),
                value: Value::Text(link.url),
            });
            let picker = Picker::new(PickFor::Link, choices.collect());
            model.overlay = Some(Overlay::Picker(picker));
        }
    }
}

fn links_in_sight(model: &Model) -> Vec<Address> {
    let found = || {
        let chat = model.current()?;
        let screen = Screen::of(model)?;
        let area = screen.focused(model)?.transcript;
        let transcript = Transcript::new(model, chat, area.width)?;
        let height = usize::from(area.height);
        transcript.find_in_window(height, |_, text| {
            let found = links(text);
            (!found.is_empty()).then_some(found)
        })
    };
    found().unwrap_or_default()
}

/// Shows where the chosen link leads before anything is done with it.
pub(super) fn choose_link(model: &mut Model, url: &str) {
    if let Some(link) = links(url).first() {
        ask_link(model, link);
    }
}

fn ask_link(model: &mut Model, link: &Address) {
    let mut question = format!("{}\n\n{} to {}", link.url, link.scheme, link.host);
    for warning in &link.warnings {
        question.push_str(&format!("\ncareful: {warning}"));
    }
    let what = if model.settings.opens_links {
        "Copy it and open it in the browser?"
    } else {
        "Copy it?"
    };
    question.push_str(&format!("\n{what}"));
    model.link_asked = Some(link.url.clone());
    let then = Then::OpenLink;
    model.overlay = Some(Overlay::Confirm(Confirm { question, then }));
}

/// Does what was confirmed.
pub(super) fn take_link(model: &mut Model, out: &mut Vec<Effect>) {
    let Some(url) = model.link_asked.take() else {
        return;
    };
    out.push(Effect::Copy(url.clone()));
    if model.settings.opens_links {
        out.push(Effect::OpenLink(url));
    }
}
