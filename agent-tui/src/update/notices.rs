//! When the person is told of something, and what the title of the window says.

use std::time::Duration;

use shared::id::ChatId;

use super::{next_deadline, update};
use crate::{
    fixture::{MIA, busy_desk, connected, console, console_of, delivered, hear, live, press},
    model::Alert,
    msg::{Effect, Msg},
};

fn alerts(effects: &[Effect]) -> Vec<Alert> {
    let alerts = effects.iter().filter_map(|effect| match effect {
        Effect::Notify(alert) => Some(alert.clone()),
        _ => None,
    });
    alerts.collect()
}

fn titles(effects: &[Effect]) -> Vec<&str> {
    let titles = effects.iter().filter_map(|effect| match effect {
        Effect::Title(title) => Some(title.as_str()),
        _ => None,
    });
    titles.collect()
}

fn alert(what: &str, more: usize, away: bool) -> Alert {
    Alert {
        what: what.to_owned(),
        more,
        away,
    }
}

#[test]
fn only_what_is_not_seen_is_told() {
    let mut story = busy_desk();
    let mut model = console_of(&story);
    assert_eq!(model.current(), Some(ChatId(1)));
    let seen = delivered(story.says(1, "in front of my eyes"));
    assert_eq!(alerts(&hear(&mut model, &story, [seen])), []);
    let waits: Vec<_> = story.open(8, "Eva").into_iter().map(delivered).collect();
    let heard = hear(&mut model, &story, waits);
    assert_eq!(alerts(&heard), [], "the queue is in sight");
    let other = delivered(story.says(2, "hello?"));
    let heard = hear(&mut model, &story, [other]);
    let told = [alert("new message, Billing", 0, false)];
    assert_eq!(
        alerts(&heard),
        told,
        "the terminal is in sight, the chat is not"
    );
}

#[test]
fn away_everything_of_mine_is_told_once_in_five_seconds() {
    let mut story = busy_desk();
    let mut model = console_of(&story);
    update(&mut model, Msg::Focus(false), story.now);
    let mut now = story.now;
    let hear = |model: &mut _, record| update(model, Msg::Hub(delivered(record)), now);
    let first = story.says(1, "one");
    let told = [alert("new message, Billing", 0, true)];
    assert_eq!(alerts(&hear(&mut model, first)), told);
    let second = story.says(2, "two");
    assert_eq!(alerts(&hear(&mut model, second)), []);
    let third = story.assign(4, MIA);
    assert_eq!(alerts(&hear(&mut model, third)), []);
    assert_eq!(next_deadline(&model), now.after(Duration::from_secs(5)));
    now = now.after(Duration::from_secs(5));
    let told = [alert("new chat, Billing", 1, true)];
    assert_eq!(alerts(&update(&mut model, Msg::Tick, now)), told);
    now = now.after(Duration::from_secs(5));
    assert_eq!(alerts(&update(&mut model, Msg::Tick, now)), []);
}

#[test]
fn a_muted_chat_is_not_told_of() {
    let mut story = busy_desk();
    let mut model = console_of(&story);
    press(&mut model, "Esc m");
    update(&mut model, Msg::Focus(false), story.now);
    let said = delivered(story.says(1, "anybody there?"));
    let heard = hear(&mut model, &story, [said]);
    assert_eq!(alerts(&heard), []);
    assert_eq!(titles(&heard), Vec::<&str>::new());
}

#[test]
fn who_wrote_what_is_told_to_who_asked_for_it() {
    let mut story = busy_desk();
    let mut model = console();
    model.settings.notify_body = true;
    hear(&mut model, &story, [connected(), story.snapshot(), live()]);
    update(&mut model, Msg::Focus(false), story.now);
    let said = delivered(story.says(1, "my card is 4111"));
    let heard = hear(&mut model, &story, [said]);
    let told = "new message, Billing, Ana Lima: my card is 4111";
    assert_eq!(alerts(&heard), [alert(told, 0, true)]);
}

#[test]
fn the_title_counts_chats_and_is_given_when_it_changes() {
    let mut story = busy_desk();
    let mut model = console();
    let now = story.now;
    let first = update(&mut model, Msg::Resize(80, 24), now);
    assert_eq!(titles(&first), ["frontdesk - acme-prod"]);
    let heard = hear(&mut model, &story, [connected(), story.snapshot(), live()]);
    let last = titles(&heard).last().copied();
    assert_eq!(last, Some("(1) frontdesk - acme-prod"), "Bo is unread");
    let more = delivered(story.says(2, "and another thing"));
    let heard = hear(&mut model, &story, [more]);
    assert_eq!(titles(&heard), Vec::<&str>::new(), "still one chat");
    let read = press(&mut model, "Alt+A");
    assert_eq!(titles(&read), ["frontdesk - acme-prod"]);
}
