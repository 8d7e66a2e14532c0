//! Searching every chat: when the hub is asked, which answers count, and how a message is shown.

use std::time::Duration;

use shared::{
    api::{SearchHit, SearchPage},
    client::socket::SocketEvent,
    id::{ChatId, Seq},
    model::Visibility,
    text::SafeText,
};

use super::{next_deadline, update};
use crate::{
    find::{Find, HITS_MAX, Question},
    fixture::{SALES, Story, TOM, busy_desk, console_of, delivered, hear, press, type_text},
    model::{Base, Model},
    msg::{Effect, Msg},
    overlay::Overlay,
    screen::Screen,
    thread::Place,
    transcript::Transcript,
};

fn found(model: &Model) -> &Find {
    match &model.overlay {
        Some(Overlay::Find(find)) => find,
        other => panic!("no search but {other:?}"),
    }
}

fn questions(effects: &[Effect]) -> Vec<Question> {
    let asked = effects.iter().filter_map(|effect| match effect {
        Effect::Search(question) => Some(question.clone()),
        _ => None,
    });
    asked.collect()
}

fn question(query: &str, after: Option<&str>) -> Question {
    Question {
        query: query.to_owned(),
        after: after.map(str::to_owned),
    }
}

fn hit(story: &Story, chat: u64, seq: u64) -> SearchHit {
    SearchHit {
        chat: ChatId(chat),
        seq: Seq(seq),
        at: story.now,
        actor: story.agent(TOM),
        visibility: Visibility::Public,
        excerpt: SafeText::line("the wrong VAT number"),
        marks: vec![[10, 13]],
    }
}

fn page(items: Vec<SearchHit>, next: Option<&str>) -> Result<SearchPage, String> {
    Ok(SearchPage {
        items,
        next: next.map(str::to_owned),
        partial: false,
    })
}

fn answer(model: &mut Model, question: Question, page: Result<SearchPage, String>) -> Vec<Effect> {
    let now = model.now;
    update(model, Msg::Found { question, page }, now)
}

/// As long as nothing else happens, until `at`.
fn wait(model: &mut Model, ms: u64) -> Vec<Effect> {
    let at = model.now.after(Duration::from_millis(ms));
    update(model, Msg::Tick, at)
}

/// The message at the top of the pane in front.
fn top(model: &Model) -> Option<Seq> {
    let screen = Screen::of(model)?;
    let area = screen.focused(model)?.transcript;
    let transcript = Transcript::new(model, model.current()?, area.width)?;
    transcript
        .window(usize::from(area.height))
        .rows
        .first()?
        .seq
}

#[test]
fn the_hub_is_asked_once_the_hands_rest() {
    let mut model = console_of(&busy_desk());
    press(&mut model, "Ctrl+G");
    assert_eq!(questions(&type_text(&mut model, "?va")), []);
    assert_eq!(found(&model).typed(), "va");
    assert_eq!(
        next_deadline(&model),
        model.now.after(Duration::from_millis(300))
    );
    assert_eq!(questions(&wait(&mut model, 200)), []);
    assert_eq!(questions(&type_text(&mut model, "t")), []);
    assert_eq!(questions(&wait(&mut model, 299)), []);
    assert_eq!(questions(&wait(&mut model, 1)), [question("vat", None)]);
    assert_eq!(questions(&wait(&mut model, 5_000)), [], "asked once");
    // Enter waits for nothing, but for the answer on its way.
    type_text(&mut model, " id");
    assert_eq!(questions(&press(&mut model, "Enter")), []);
    let asked = answer(&mut model, question("vat", None), page(Vec::new(), None));
    assert_eq!(questions(&asked), [question("vat id", None)]);
    assert_eq!(found(&model).answered, "", "nobody asks for that any more");
    press(&mut model, "Backspace Backspace Backspace");
    answer(&mut model, question("vat id", None), page(Vec::new(), None));
    assert_eq!(
        questions(&press(&mut model, "Enter")),
        [question("vat", None)]
    );
}

#[test]
fn the_sign_makes_a_search_of_the_list_and_back() {
    let mut model = console_of(&busy_desk());
    press(&mut model, "Ctrl+G");
    type_text(&mut model, "?");
    assert_eq!(
        questions(&press(&mut model, "Enter")),
        [],
        "nothing to look for"
    );
    assert_eq!(questions(&wait(&mut model, 400)), []);
    press(&mut model, "Backspace");
    type_text(&mut model, "bo");
    press(&mut model, "Enter");
    assert_eq!(model.current(), Some(ChatId(2)));
    type_text(&mut model, "/find vat number");
    let asked = press(&mut model, "Enter");
    assert_eq!(questions(&asked), [question("vat number", None)]);
    press(&mut model, "Esc");
    assert!(model.overlay.is_none());
    // Reopened while the question is on its way: still one at a time.
    type_text(&mut model, "/find card");
    assert_eq!(questions(&press(&mut model, "Enter")), []);
    let asked = answer(
        &mut model,
        question("vat number", None),
        page(Vec::new(), None),
    );
    assert_eq!(questions(&asked), [question("card", None)]);
}

#[test]
fn pages_follow_each_other_and_errors_can_be_tried_again() {
    let story = busy_desk();
    let mut model = console_of(&story);
    type_text(&mut model, "/find vat");
    press(&mut model, "Enter");
    answer(
        &mut model,
        question("vat", None),
        Err("no answer".to_owned()),
    );
    assert_eq!(found(&model).failed.as_deref(), Some("no answer"));
    assert_eq!(questions(&wait(&mut model, 9_000)), []);
    assert_eq!(
        questions(&press(&mut model, "Enter")),
        [question("vat", None)]
    );
    let first = vec![hit(&story, 1, 4), hit(&story, 1, 5)];
    answer(
        &mut model,
        question("vat", None),
        page(first.clone(), Some("17")),
    );
    assert_eq!(
        (found(&model).lines(), found(&model).failed.is_none()),
        (3, true)
    );
    let asked = press(&mut model, "Up Enter");
    assert_eq!(questions(&asked), [question("vat", Some("17"))]);
    let second = Ok(SearchPage {
        items: vec![hit(&story, 2, 4)],
        next: None,
        partial: true,
    });
    answer(&mut model, question("vat", Some("17")), second);
    assert_eq!((found(&model).hits.len(), found(&model).selected), (3, 2));
    assert!(found(&model).partial);
    let many = vec![first[0].clone(); HITS_MAX + 1];
    press(&mut model, "Backspace Enter");
    answer(&mut model, question("va", None), page(many, Some("9")));
    assert_eq!(found(&model).lines(), HITS_MAX, "enough for anybody");
}

#[test]
fn a_page_is_not_put_behind_another_list() {
    let story = busy_desk();
    let mut model = console_of(&story);
    type_text(&mut model, "/find vat");
    press(&mut model, "Enter");
    let hits = vec![hit(&story, 1, 4)];
    answer(
        &mut model,
        question("vat", None),
        page(hits.clone(), Some("17")),
    );
    press(&mut model, "Up Enter Esc");
    type_text(&mut model, "/find vat");
    press(&mut model, "Enter");
    let asked = answer(&mut model, question("vat", Some("17")), page(hits, None));
    assert!(found(&model).hits.is_empty(), "the first page is not here");
    assert_eq!(questions(&asked), [question("vat", None)]);
}

/// A console that has found the message `seq` of `chat`, with its line chosen.
fn found_in(story: &Story, chat: u64, seq: u64, query: &str) -> Model {
    let mut model = console_of(story);
    type_text(&mut model, &format!("/find {query}"));
    press(&mut model, "Enter");
    let hits = vec![hit(story, chat, seq)];
    answer(&mut model, question(query, None), page(hits, None));
    model
}

#[test]
fn a_message_far_up_is_fetched_and_shown() {
    let mut story = busy_desk();
    for number in 0..500 {
        story.says(2, &format!("line {number} of my order"));
    }
    let seq_of = |number: u64| Seq(4 + 1 + number);
    let wanted = seq_of(100);
    let mut model = found_in(&story, 2, wanted.0, "order 100");
    type_text(&mut model, " ");
    let mut effects = press(&mut model, "Enter");
    assert_eq!(model.current(), Some(ChatId(2)));
    let mut pages = 0;
    loop {
        let asked = effects.iter().find_map(|effect| match effect {
            Effect::Fetch {
                id, before, limit, ..
            } => Some((id.clone(), *before, *limit)),
            _ => None,
        });
        let Some((id, before, limit)) = asked else {
            break;
        };
        let all = story.view.chats[&ChatId(2)].events.iter();
        let older = all.filter(|record| record.seq < before);
        let older: Vec<_> = older.cloned().collect();
        let from = older.len().saturating_sub(limit as usize);
        let event = SocketEvent::Page {
            id,
            chat: ChatId(2),
            events: older[from..].to_vec(),
            more: from > 0,
        };
        effects = hear(&mut model, &story, [event]);
        pages += 1;
    }
    assert_eq!((top(&model), pages), (Some(wanted), 2), "and no page more");
    // All of the words, whatever their order: n goes to older ones.
    story.says(2, "100 more of that order");
    press(&mut model, "n");
    let notice = model.notice.take().expect("a line");
    assert_eq!(
        notice.text,
        "no further match for \"order 100\" in what is loaded of this chat"
    );
    let last = story.view.chats[&ChatId(2)].chat.seq;
    let record = story.view.chats[&ChatId(2)].events.last().cloned();
    hear(&mut model, &story, record.map(delivered));
    assert_eq!(top(&model), Some(wanted), "nobody is moved");
    press(&mut model, "N");
    let at = model.threads[&ChatId(2)]
        .search
        .as_ref()
        .map(|search| search.at);
    assert_eq!(at, Some(last));
}

fn looked_up(model: &mut Model, story: &Story, chat: u64) -> Vec<Effect> {
    let id = ChatId(chat);
    let chat = Ok(Box::new(story.view.chats[&id].chat.clone()));
    let now = model.now;
    update(model, Msg::LookedUp { id, chat }, now)
}

#[test]
fn a_chat_out_of_sight_is_looked_up_and_only_read() {
    let mut story = busy_desk();
    story.transfer(5, SALES);
    let mut model = found_in(&story, 5, 1, "guest");
    let effects = press(&mut model, "Enter");
    assert!(effects.contains(&Effect::LookUp(ChatId(5))), "{effects:?}");
    assert_eq!((model.current(), model.base), (Some(ChatId(1)), Base::Nav));
    let effects = looked_up(&mut model, &story, 5);
    assert_eq!(model.current(), Some(ChatId(5)));
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Fetch { .. }))
    );
    press(&mut model, "i");
    type_text(&mut model, "hello");
    let sent = press(&mut model, "Enter");
    assert!(
        !sent
            .iter()
            .any(|effect| matches!(effect, Effect::Do { .. })),
        "{sent:?}"
    );
}

#[test]
fn what_comes_late_takes_nobody_away() {
    let mut story = busy_desk();
    story.transfer(5, SALES);
    for keys in ["i", "Esc g", "Esc 2 i"] {
        let mut model = found_in(&story, 5, 1, "guest");
        press(&mut model, "Enter");
        press(&mut model, keys);
        let current = model.current();
        looked_up(&mut model, &story, 5);
        assert_eq!(model.current(), current, "{keys}");
        // Nor does the same answer again.
        press(&mut model, "Esc Esc");
        looked_up(&mut model, &story, 5);
        assert_eq!(model.current(), current, "{keys}");
    }
    let mut model = found_in(&story, 5, 1, "guest");
    press(&mut model, "Enter");
    let (id, chat) = (ChatId(5), Err("chat 5 is not here".to_owned()));
    let now = model.now;
    update(&mut model, Msg::LookedUp { id, chat }, now);
    let notice = model.notice.as_ref().expect("a line");
    assert_eq!(notice.text, "#5 cannot be opened: chat 5 is not here");
    assert_eq!(model.threads[&ChatId(1)].place, Place::End);
}
