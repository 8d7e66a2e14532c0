//! What an agent with many chats does: who is next, marks, doing it again, handing on, colleagues
//! who write at the same time. A test file.

use shared::{
    client::socket::SocketEvent,
    command::Command,
    error::ErrorCode,
    frame::Typist,
    id::{ChatId, CommandId, Seq, UserId},
    model::{AgentStatus, Role, Visibility},
    text::SafeText,
};

use super::update;
use crate::{
    fixture::{
        BILLING, MIA, SALES, Story, TOM, busy_desk, connected, console, console_of, delivered,
        hear, live, press, type_text,
    },
    model::Model,
    msg::{Effect, Msg, Restored},
    overlay::Overlay,
    thread::Fate,
};

/// The commands among `effects`, with their names; not what was read.
fn commands(effects: &[Effect]) -> Vec<(&CommandId, &Command)> {
    let mut found = Vec::new();
    for effect in effects {
        if let Effect::Do { cid, command } = effect
            && !matches!(command, Command::MarkRead { .. })
        {
            found.push((cid, command));
        }
    }
    found
}

/// The chats that `effects` claim.
fn claimed(effects: &[Effect]) -> Vec<u64> {
    let claims = commands(effects).into_iter();
    let claims = claims.filter_map(|(_, command)| match command {
        Command::Claim { chat, .. } => Some(chat.0),
        _ => None,
    });
    claims.collect()
}

fn refusal(cid: &CommandId, code: ErrorCode, message: &str) -> SocketEvent {
    SocketEvent::Nack {
        cid: cid.clone(),
        code,
        message: message.to_owned(),
        retry_in: None,
    }
}

fn done(cid: &CommandId, story: &Story) -> SocketEvent {
    SocketEvent::Done {
        cid: cid.clone(),
        pos: story.view.pos,
        chat: None,
        seq: None,
        dup: false,
    }
}

fn told(model: &Model) -> &str {
    model.notice.as_ref().map_or("", |notice| &notice.text)
}

/// Runs a `/command` from an empty composer.
fn run(model: &mut Model, line: &str) -> Vec<Effect> {
    let mut effects = type_text(model, line);
    effects.extend(press(model, "Enter"));
    effects
}

fn lead(model: &mut Model) {
    if let Some(me) = &mut model.me {
        me.role = Role::Supervisor;
    }
}

fn types(chat: u64, user: UserId, name: &str) -> SocketEvent {
    SocketEvent::Typing {
        chat: ChatId(chat),
        who: Typist {
            id: user,
            name: SafeText::line(name),
            customer: false,
        },
        on: true,
        preview: None,
    }
}

#[test]
fn the_walk_goes_through_all_that_need_somebody_and_comes_round() {
    let mut story = busy_desk();
    story.open(6, "Guest-82");
    let mut model = console_of(&story);
    let mut walk = Vec::new();
    for _ in 0..8 {
        press(&mut model, "Alt+A");
        walk.push(model.current().map_or(0, |chat| chat.0));
    }
    assert_eq!(walk, [2, 4, 5, 6, 4, 5, 6, 4], "unread first, then by age");
    let said = delivered(story.says(1, "are you there?"));
    hear(&mut model, &story, [said]);
    press(&mut model, "Alt+A");
    assert_eq!(model.current(), Some(ChatId(1)), "new words go first");
}

#[test]
fn the_oldest_unread_goes_first_and_muted_chats_never() {
    let mut story = busy_desk();
    let mut model = console_of(&story);
    // 2 is unread; 1, in front, gets a word while another chat is looked at.
    press(&mut model, "Esc 4");
    let said = delivered(story.says(1, "are you there?"));
    hear(&mut model, &story, [said]);
    press(&mut model, "u");
    assert_eq!(model.current(), Some(ChatId(2)), "unread for longer");
    if let Some(thread) = model.threads.get_mut(&ChatId(1)) {
        thread.muted = true;
    }
    press(&mut model, "u");
    assert_eq!(model.current(), Some(ChatId(4)), "1 is muted");
    let quiet = Story::new();
    let mut model = console_of(&quiet);
    press(&mut model, "Alt+A");
    assert_eq!(told(&model), "nothing needs you");
}

#[test]
fn queues_of_other_departments_need_somebody_else() {
    let mut story = busy_desk();
    story.assign(4, TOM);
    story.assign(5, TOM);
    let mut model = console_of(&story);
    story.open(7, "Elsewhere");
    let mut elsewhere = story.view.chats[&ChatId(7)].clone();
    elsewhere.chat.department = SALES;
    model.view.reveal(elsewhere);
    press(&mut model, "Alt+A Alt+A");
    assert_eq!(model.current(), Some(ChatId(2)));
    assert_eq!(told(&model), "nothing needs you");
}

#[test]
fn what_is_marked_is_done_at_once_and_told_once() {
    let story = busy_desk();
    let mut model = console_of(&story);
    press(&mut model, "Esc 3 Space 4 Space g");
    type_text(&mut model, "osei");
    press(&mut model, "Enter Space");
    assert_eq!(model.marked().len(), 3);
    let effects = press(&mut model, "a");
    assert_eq!(claimed(&effects), [4, 5], "3 is Tom's, as can be seen");
    let sent = commands(&effects);
    let answers = [
        done(sent[0].0, &story),
        refusal(sent[1].0, ErrorCode::Conflict, "chat 5 changed hands"),
    ];
    let [first, second] = answers;
    hear(&mut model, &story, [first]);
    assert_eq!(told(&model), "", "not before all have answered");
    hear(&mut model, &story, [second]);
    assert_eq!(
        told(&model),
        "1 done, 2 refused: #3 is taken by Tom Hale; chat 5 changed hands"
    );
    assert_eq!(model.marked(), [ChatId(3), ChatId(5)], "to be tried again");
    press(&mut model, "Esc Esc");
    assert!(model.marked().is_empty());
}

#[test]
fn a_whole_queue_is_marked_and_unmarked_with_one_key() {
    let mut model = console_of(&busy_desk());
    press(&mut model, "Esc *");
    assert_eq!(model.marked(), [ChatId(1), ChatId(2)], "all of ours");
    press(&mut model, "*");
    assert!(model.marked().is_empty());
    press(&mut model, "3 *");
    assert_eq!(model.marked(), [ChatId(4), ChatId(5)], "the queue");
    press(&mut model, "i");
    run(&mut model, "/unmark");
    assert!(model.marked().is_empty());
}

#[test]
fn closing_many_asks_once_and_names_the_number() {
    let mut model = console_of(&busy_desk());
    let effects = press(&mut model, "Esc * x");
    assert!(commands(&effects).is_empty());
    let Some(Overlay::Confirm(confirm)) = &model.overlay else {
        panic!("no question");
    };
    assert_eq!(confirm.question, "Close 2 marked chats for ever?");
    assert_eq!(commands(&press(&mut model, "y")).len(), 2);
}

#[test]
fn marked_chats_share_tags_urgency_and_silence() {
    let mut model = console_of(&busy_desk());
    press(&mut model, "Esc * i");
    let tagged = run(&mut model, "/tag vat");
    assert_eq!(commands(&tagged).len(), 2);
    let urgent = run(&mut model, "/priority urgent");
    assert!(
        commands(&urgent)
            .iter()
            .all(|(_, command)| matches!(command, Command::SetPriority { priority: 2, .. }))
    );
    assert_eq!(commands(&urgent).len(), 2);
    press(&mut model, "Esc m");
    assert!(model.threads[&ChatId(1)].muted && model.threads[&ChatId(2)].muted);
    assert_eq!(told(&model), "2 done");
}

#[test]
fn the_dot_does_it_again_with_its_arguments() {
    let mut model = console_of(&busy_desk());
    press(&mut model, "Esc .");
    assert_eq!(told(&model), "nothing was done to a chat yet");
    press(&mut model, "1 i");
    run(&mut model, "/transfer sales wants a quote");
    let effects = press(&mut model, "Esc 2 .");
    assert!(matches!(commands(&effects)[..],
        [(_, Command::Transfer { chat: ChatId(2), department: Some(_), note: Some(note), .. })]
            if **note == *"wants a quote"));
    press(&mut model, "x y");
    let effects = press(&mut model, "1 .");
    assert!(commands(&effects).is_empty(), "closing asks again");
    assert!(matches!(model.overlay, Some(Overlay::Confirm(_))));
}

#[test]
fn a_waiting_chat_can_be_read_but_not_answered_before_it_is_claimed() {
    let mut model = console_of(&busy_desk());
    press(&mut model, "Esc 3 i");
    assert_eq!(model.current(), Some(ChatId(4)));
    type_text(&mut model, "hello");
    assert!(commands(&press(&mut model, "Enter")).is_empty());
    assert_eq!(
        told(&model),
        "#4 waits; claim it first (a), or /note to the team"
    );
    if let Some(me) = &mut model.me {
        me.role = Role::Owner;
    }
    let effects = press(&mut model, "Enter");
    assert!(commands(&effects).is_empty(), "the desk makes no exception");
    press(&mut model, "Esc n");
    type_text(&mut model, "known from May");
    assert_eq!(commands(&press(&mut model, "Enter")).len(), 1);
    assert_eq!(model.place(ChatId(5)), Some((2, 2)));
}

#[test]
fn an_unsent_reply_goes_along_and_stays() {
    let mut model = console_of(&busy_desk());
    type_text(&mut model, "we will");
    press(&mut model, "Ctrl+J");
    type_text(&mut model, "refund");
    press(&mut model, "Esc t");
    type_text(&mut model, "sales");
    press(&mut model, "Enter");
    let effects = press(&mut model, "Enter");
    assert!(
        matches!(commands(&effects)[..], [(_, Command::Transfer { note: Some(note), .. })]
            if **note == *"draft: we will refund")
    );
    let thread = &model.threads[&ChatId(1)];
    assert_eq!(thread.reply.text(), "we will\nrefund");
    lead(&mut model);
    press(&mut model, "F2");
    type_text(&mut model, "assign tom");
    press(&mut model, "Enter");
    let effects = press(&mut model, "Enter");
    assert!(
        matches!(&commands(&effects)[..], [
            (_, Command::PostMessage { text, visibility: Visibility::Note, .. }),
            (_, Command::Assign { chat: ChatId(1), .. }),
        ] if **text == *"draft: we will refund"),
        "{effects:?}"
    );
}

#[test]
fn handing_on_while_a_colleague_types_asks_first() {
    let story = busy_desk();
    let mut model = console_of(&story);
    lead(&mut model);
    hear(&mut model, &story, [types(3, TOM, "Tom Hale")]);
    press(&mut model, "Ctrl+G");
    type_text(&mut model, "osei");
    press(&mut model, "Enter");
    assert_eq!(model.staff_typing(ChatId(3)), ["Tom Hale"]);
    let effects = run(&mut model, "/assign raj");
    assert!(commands(&effects).is_empty());
    let Some(Overlay::Confirm(confirm)) = &model.overlay else {
        panic!("no question");
    };
    assert_eq!(
        confirm.question,
        "Tom Hale types in #3 now. Hand #3 on all the same?"
    );
    let effects = press(&mut model, "y");
    assert!(matches!(
        commands(&effects)[..],
        [(_, Command::Assign { .. })]
    ));
}

#[test]
fn status_goes_with_a_reason_or_a_plan_and_leads_set_that_of_others() {
    let mut model = console_of(&busy_desk());
    let effects = run(&mut model, "/status finish train at six");
    assert!(
        matches!(commands(&effects)[..], [(_, Command::SetStatus {
            status: AgentStatus::Away, drain: true, reason: Some(why), user: None,
        })] if **why == *"train at six"),
        "{effects:?}"
    );
    let effects = run(&mut model, "/status-of tom away lunch");
    assert!(commands(&effects).is_empty());
    assert!(told(&model).starts_with("only supervisors"));
    press(&mut model, "Esc Esc");
    lead(&mut model);
    press(&mut model, "i");
    let before = model.threads[&ChatId(1)].reply.text().len();
    press(&mut model, "F2");
    type_text(&mut model, "status-of tom away lunch");
    let effects = press(&mut model, "Enter");
    assert!(
        matches!(commands(&effects)[..], [(_, Command::SetStatus {
            status: AgentStatus::Away, drain: false, reason: Some(why), user: Some(TOM),
        })] if **why == *"lunch"),
        "{effects:?}"
    );
    assert_eq!(model.threads[&ChatId(1)].reply.text().len(), before);
}

/// What the posts among `effects` expect to be the newest that was seen.
fn expected(effects: &[Effect]) -> Vec<Option<Seq>> {
    let posts = commands(effects).into_iter();
    let posts = posts.filter_map(|(_, command)| match command {
        Command::PostMessage { expected_seq, .. } => Some(*expected_seq),
        _ => None,
    });
    posts.collect()
}

#[test]
fn a_reply_that_a_colleague_overtook_comes_back_and_the_second_enter_sends_it() {
    let mut story = busy_desk();
    let mut model = console_of(&story);
    let seen = model.view.chats[&ChatId(1)].chat.seq;
    type_text(&mut model, "It is fix");
    let record = story.answers(1, TOM, "It is fixed", Visibility::Public);
    hear(&mut model, &story, [delivered(record)]);
    type_text(&mut model, "ed");
    let effects = press(&mut model, "Enter");
    assert_eq!(expected(&effects), [Some(seen)], "what was seen at first");
    let cid = commands(&effects)[0].0.clone();
    let why = "Tom Hale wrote in chat 1";
    let effects = hear(&mut model, &story, [refusal(&cid, ErrorCode::Stale, why)]);
    assert!(effects.contains(&Effect::Discard { cid }));
    let thread = &model.threads[&ChatId(1)];
    assert_eq!(
        (thread.reply.text(), thread.outgoing.len()),
        ("It is fixed", 0)
    );
    assert_eq!(told(&model), "not sent: Tom Hale wrote in chat 1");
    let effects = press(&mut model, "Enter");
    assert_eq!(expected(&effects), [None], "all the same");
    type_text(&mut model, "And more");
    let head = model.view.chats[&ChatId(1)].chat.seq;
    assert_eq!(expected(&press(&mut model, "Enter")), [Some(head)]);
}

#[test]
fn a_reply_that_cannot_come_back_is_kept_with_the_failed() {
    let story = busy_desk();
    let mut model = console_of(&story);
    type_text(&mut model, "first");
    let effects = press(&mut model, "Enter");
    let cid = commands(&effects)[0].0.clone();
    type_text(&mut model, "second");
    hear(
        &mut model,
        &story,
        [refusal(&cid, ErrorCode::Stale, "Tom wrote")],
    );
    let thread = &model.threads[&ChatId(1)];
    assert_eq!(thread.reply.text(), "second");
    assert_eq!(
        thread.outgoing[0].fate,
        Fate::Failed("Tom wrote".to_owned())
    );
    assert_eq!(expected(&press(&mut model, "Esc R")), [None]);
}

#[test]
fn notes_expect_nothing_and_drafts_remember_what_was_seen() {
    let mut story = busy_desk();
    let mut model = console_of(&story);
    press(&mut model, "Esc n");
    type_text(&mut model, "note");
    assert_eq!(expected(&press(&mut model, "Enter")), [None]);
    let seen = model.view.chats[&ChatId(1)].chat.seq;
    press(&mut model, "Esc p");
    let saved = type_text(&mut model, "half");
    let drafts = saved.into_iter().filter_map(|effect| match effect {
        Effect::SaveDraft { chat, draft } => Some((chat, draft)),
        _ => None,
    });
    let restored = Restored {
        drafts: drafts.collect(),
        ..Restored::default()
    };
    story.answers(1, TOM, "It is fixed", Visibility::Public);
    let mut later = console();
    let now = story.now;
    update(&mut later, Msg::Restored(Box::new(restored)), now);
    hear(&mut later, &story, [connected(), story.snapshot(), live()]);
    assert_eq!(later.current(), Some(ChatId(1)));
    assert_eq!(expected(&press(&mut later, "Enter")), [Some(seen)]);
    assert!(later.owns(ChatId(1)) && later.works_in(BILLING));
    assert_eq!(later.my_id(), Some(MIA));
}
