//! One example of each rule about chats, with the edges.

use std::collections::BTreeMap;

use shared::{
    command::{Command, DepartmentRef, OpenChat, UserRef},
    error::ErrorCode,
    event::{AssignRule, Event, TransferEnd},
    id::{ChatId, DepartmentId, Seq, UserId},
    model::{AgentStatus, ChatState, FieldKind, FormField, Visibility},
};

use super::sim::{
    ANA, BEN, HOUR, SECOND, Sim, customer, department, kinds, post, status, text, user,
};
use crate::desk::{Rejection, Who};

fn claim(sim: &Sim, chat: ChatId) -> Command {
    let epoch = sim.epoch(chat);
    Command::Claim { chat, epoch }
}

#[test]
fn opening_gives_three_records_and_the_first_free_agent() {
    let mut sim = Sim::staffed();
    let open = OpenChat {
        name: Some(text("Cleo")),
        text: Some(text("hello")),
        ..OpenChat::default()
    };
    let records = sim.must(&Who::Anonymous, Command::OpenChat(open));
    let expected = ["chat_opened", "message_posted", "chat_queued"];
    assert_eq!(kinds(&records), expected);
    assert_eq!(sim.desk.place(ChatId(1)), Some(1));
    sim.online(ANA);
    assert_eq!(sim.owner(ChatId(1)), Some(ANA));
    let [.., assigned, line] = sim.log.as_slice() else {
        panic!("two records")
    };
    let least_loaded = |rule| rule == AssignRule::LeastLoaded;
    assert!(matches!(assigned.event, Event::ChatAssigned { rule, .. } if least_loaded(rule)));
    assert!(
        matches!(&line.event, Event::MessagePosted { text, .. } if &**text == "Ana joined the chat")
    );
}

#[test]
fn the_form_of_the_department_is_checked() {
    let mut sim = Sim::staffed();
    let field = |key: &str, kind, required, choices: &[&str]| FormField {
        key: text(key),
        label: text(key),
        kind,
        required,
        choices: choices.iter().map(|choice| text(choice)).collect(),
    };
    let mut new = department("Claims");
    new.form = vec![
        field("email", FieldKind::Email, true, &[]),
        field("phone", FieldKind::Phone, false, &[]),
        field("plan", FieldKind::Choice, true, &["gold", "tin"]),
    ];
    sim.must(&user(1), Command::CreateDepartment(new));
    let open = |email: &str, phone: &str, fields: &[(&str, &str)]| {
        let pairs = fields.iter();
        Command::OpenChat(OpenChat {
            department: Some(DepartmentRef::Name(text("CLAIMS"))),
            name: Some(text("Cleo")),
            email: Some(text(email)),
            phone: Some(text(phone)),
            fields: pairs
                .map(|(key, value)| (text(key), text(value)))
                .collect::<BTreeMap<_, _>>(),
            ..OpenChat::default()
        })
    };
    for (email, phone, fields) in [
        ("", "", [("plan", "gold")].as_slice()),
        ("cleo", "", &[("plan", "gold")]),
        ("cleo@", "", &[("plan", "gold")]),
        ("c@x.org", "12", &[("plan", "gold")]),
        ("c@x.org", "1234x", &[("plan", "gold")]),
        ("c@x.org", "", &[]),
        ("c@x.org", "", &[("plan", "iron")]),
        ("c@x.org", "", &[("plan", "gold"), ("age", "7")]),
    ] {
        let refused = sim.refuses(&Who::Anonymous, open(email, phone, fields));
        assert_eq!(refused.code(), ErrorCode::Invalid, "{refused}");
    }
    let fields = [("plan", "tin")];
    sim.must(&Who::Anonymous, open("c@x.org", "+49 (30) 1-2", &fields));
    let nameless = Command::OpenChat(OpenChat::default());
    let refused = sim.refuses(&Who::Anonymous, nameless);
    assert_eq!(refused.to_string(), "name is missing; say who you are");
}

#[test]
fn a_customer_has_at_most_20_open_chats() {
    let mut sim = Sim::staffed();
    let (_, cleo) = sim.open(1);
    for _ in 1..20 {
        sim.must(&cleo, Command::OpenChat(OpenChat::default()));
    }
    let refused = sim.refuses(&cleo, Command::OpenChat(OpenChat::default()));
    assert_eq!(refused, Rejection::TooManyChats { max: 20 });
    sim.must(&cleo, Command::Resolve { chat: ChatId(3) });
    sim.must(&cleo, Command::OpenChat(OpenChat::default()));
}

#[test]
fn of_two_claims_the_first_wins() {
    let mut sim = Sim::staffed();
    let (chat, _) = sim.open(1);
    let claim = claim(&sim, chat);
    sim.must(&user(ANA), claim.clone());
    let refused = sim.refuses(&user(BEN), claim);
    assert_eq!(refused.code(), ErrorCode::Conflict);
    let said = "chat 1 changed hands, it is with Ana; look at it again (epoch 2)";
    assert_eq!(refused.to_string(), said);
    let epoch = sim.epoch(chat);
    let refused = sim.refuses(&user(BEN), Command::Claim { chat, epoch });
    assert_eq!(
        refused.code(),
        ErrorCode::Conflict,
        "owned, though not stale"
    );
}

#[test]
fn least_load_for_the_capacity_then_longest_idle_then_number() {
    let mut sim = Sim::staffed();
    // Ana has room for 2, Ben for 4.
    sim.online(ANA);
    sim.online(BEN);
    let owners: Vec<_> = (0..7)
        .map(|_| {
            let (chat, _) = sim.open(1);
            sim.desk.chat(chat).and_then(|chat| chat.owner)
        })
        .map(|owner| owner.map(|owner| owner.0))
        .collect();
    let expected = [
        Some(ANA), // 0/2 and 0/4, neither ever had one: the lower number
        Some(BEN), // 1/2 and 0/4
        Some(BEN), // 1/2 and 1/4
        Some(ANA), // 1/2 and 2/4 are equal: Ana had none for longer
        Some(BEN),
        Some(BEN),
        None,
    ];
    assert_eq!(owners, expected);
}

#[test]
fn the_queue_is_served_by_priority_then_age() {
    let mut sim = Sim::staffed();
    let chats: Vec<ChatId> = (0..3).map(|_| sim.open(1).0).collect();
    let urgent = Command::SetPriority {
        chat: chats[2],
        priority: 1,
    };
    sim.must(&user(3), urgent);
    assert_eq!(sim.desk.place(chats[2]), Some(1));
    assert_eq!(sim.desk.place(chats[0]), Some(2));
    sim.online(6);
    assert_eq!(sim.owner(chats[2]), Some(6), "Cid has room for one");
    assert_eq!(sim.owner(chats[0]), None);
}

#[test]
fn a_transfer_keeps_the_age_and_carries_the_note() {
    let mut sim = Sim::staffed();
    let (chat, _) = sim.open(1);
    let rank_at = sim.desk.chat(chat).unwrap().rank_at;
    sim.must(&user(BEN), claim(&sim, chat));
    sim.pass(HOUR);
    let transfer = |department: &str, epoch| Command::Transfer {
        chat,
        department: Some(DepartmentRef::Name(text(department))),
        agent: None,
        note: Some(text("wants a refund")),
        epoch,
    };
    let epoch = sim.epoch(chat);
    let refused = sim.refuses(&user(BEN), transfer("customer care", epoch));
    assert!(matches!(refused, Rejection::AlreadyThere { .. }));
    let records = sim.must(&user(BEN), transfer("billing", epoch));
    let expected = [
        "chat_transferred",
        "message_posted",
        "message_posted",
        "chat_queued",
    ];
    assert_eq!(kinds(&records), expected);
    let end = |department, agent| TransferEnd { department, agent };
    let from = end(DepartmentId(1), Some(UserId(BEN)));
    let (to, epoch_after) = (end(DepartmentId(2), None), epoch.next());
    let expected = Event::ChatTransferred {
        from,
        to,
        epoch: epoch_after,
    };
    assert_eq!(records[0].event, expected);
    let moved = sim.desk.chat(chat).unwrap();
    assert_eq!(
        (moved.department, moved.rank_at),
        (DepartmentId(2), rank_at)
    );
    assert_eq!(moved.epoch, epoch.next());
    let late = sim.refuses(&user(BEN), post(chat, "one more thing"));
    assert_eq!(late.code(), ErrorCode::NotFound, "Ben is not in Billing");
    let late = sim.refuses(&user(ANA), post(chat, "hello"));
    assert_eq!(late.code(), ErrorCode::NotMember, "Ana is, but owns it not");
}

#[test]
fn a_transfer_to_an_agent_finds_a_department_of_theirs() {
    let mut sim = Sim::staffed();
    let (chat, _) = sim.open(2);
    sim.must(&user(ANA), claim(&sim, chat));
    let transfer = |sim: &Sim| Command::Transfer {
        chat,
        department: None,
        agent: Some(UserRef::Username(text("BEN"))),
        note: None,
        epoch: sim.epoch(chat),
    };
    let offline = sim.refuses(&user(ANA), transfer(&sim));
    assert!(offline.to_string().contains("offline"), "{offline}");
    sim.must(&user(BEN), status(AgentStatus::Busy));
    sim.must(&user(ANA), transfer(&sim));
    assert_eq!(sim.owner(chat), Some(BEN));
    assert_eq!(sim.desk.chat(chat).unwrap().department, DepartmentId(1));
}

#[test]
fn a_resolved_chat_reopens_for_72_hours() {
    for (after, reopens) in [
        (71 * HOUR + 59 * 60 * SECOND, true),
        (72 * HOUR, false),
        (72 * HOUR + 60 * SECOND, false),
    ] {
        let mut sim = Sim::staffed();
        let (chat, cleo) = sim.open(1);
        sim.must(&cleo, Command::Resolve { chat });
        sim.pass(after);
        let message = sim.act(&cleo, &post(chat, "it broke again"));
        if reopens {
            let expected = ["chat_reopened", "message_posted", "chat_queued"];
            assert_eq!(kinds(&message.unwrap()), expected);
            assert_eq!(sim.desk.chat(chat).unwrap().episode, 2);
        } else {
            assert_eq!(message, Err(Rejection::Archived { chat }));
        }
    }
}

#[test]
fn a_late_hub_does_not_reopen_what_is_over() {
    let mut sim = Sim::staffed();
    let (chat, cleo) = sim.open(1);
    sim.must(&cleo, Command::Resolve { chat });
    let late = sim.now.after(72 * HOUR);
    let refused = sim.desk.decide(&cleo, &post(chat, "hello?"), late);
    assert_eq!(refused, Err(Rejection::ChatClosed { chat }));
}

#[test]
fn a_reopened_chat_goes_back_to_its_last_owner_with_room() {
    let mut sim = Sim::staffed();
    sim.online(BEN);
    let (chat, cleo) = sim.open(1);
    sim.must(&user(BEN), Command::Resolve { chat });
    sim.online(ANA);
    sim.must(&cleo, Command::Reopen { chat });
    assert_eq!(sim.owner(chat), Some(BEN));
}

#[test]
fn a_colleague_who_wrote_meanwhile_makes_a_message_stale() {
    let mut sim = Sim::staffed();
    let (chat, _) = sim.open(1);
    sim.must(&user(BEN), claim(&sim, chat));
    sim.must(&user(BEN), post(chat, "on it"));
    let seen = Seq(3);
    let epoch = sim.epoch(chat);
    sim.must(&user(3), Command::TakeOver { chat, epoch });
    let answer = |expected_seq| Command::PostMessage {
        chat,
        text: text("hello"),
        visibility: Visibility::Public,
        expected_seq: Some(expected_seq),
        canned: Vec::new(),
    };
    let refused = sim.refuses(&user(3), answer(seen));
    assert_eq!(refused.code(), ErrorCode::Stale);
    let head = sim.desk.chat(chat).unwrap().seq;
    sim.must(&user(3), answer(head));
    sim.must(&user(3), answer(head));
}

#[test]
fn only_the_author_edits_and_only_the_last_50() {
    let mut sim = Sim::staffed();
    let (chat, cleo) = sim.open(1);
    sim.must(&user(BEN), claim(&sim, chat));
    let edit = |seq| Command::EditMessage {
        chat,
        seq: Seq(seq),
        text: text("corrected"),
    };
    sim.must(&cleo, edit(2));
    assert!(matches!(
        sim.refuses(&user(BEN), edit(2)),
        Rejection::NotAuthor { .. }
    ));
    for _ in 0..50 {
        sim.must(&user(BEN), post(chat, "and"));
    }
    assert!(matches!(
        sim.refuses(&cleo, edit(2)),
        Rejection::TooOldToEdit { .. }
    ));
}

#[test]
fn the_language_of_a_customer_is_a_tag_in_one_place() {
    let mut sim = Sim::staffed();
    let opening = |language: &str| {
        Command::OpenChat(OpenChat {
            name: Some(text("Cleo")),
            language: Some(text(language)),
            ..OpenChat::default()
        })
    };
    let wrong = sim.refuses(&Who::Anonymous, opening("Portuguese"));
    assert_eq!(
        wrong.to_string(),
        "language is no language; use a tag like pt or pt-BR"
    );
    let records = sim.must(&Who::Anonymous, opening("pt-br"));
    let chat = records[0].chat.unwrap();
    let cleo = customer(sim.desk.chat(chat).unwrap().customer);
    let language = |sim: &Sim| {
        let chat = sim.desk.chat(chat).unwrap();
        shared::canned::language(chat).map(str::to_owned)
    };
    assert_eq!(language(&sim).as_deref(), Some("pt-BR"));
    let set = |tag: &str| Command::SetLanguage {
        chat,
        language: text(tag),
    };
    sim.must(&cleo, set("FR"));
    assert_eq!(language(&sim).as_deref(), Some("fr"));
    assert_eq!(kinds(&sim.must(&cleo, set("fr"))), [""; 0]);
    assert_eq!(sim.refuses(&cleo, set("much")).code(), ErrorCode::Invalid);
    let field = |value: &str| Command::SetAttribute {
        chat,
        key: text("language"),
        value: text(value),
    };
    let staff = user(1);
    assert_eq!(
        sim.refuses(&staff, field("German")).code(),
        ErrorCode::Invalid
    );
    sim.must(&staff, field("de-at"));
    assert_eq!(language(&sim).as_deref(), Some("de-AT"));
    sim.must(&cleo, set(""));
    assert_eq!(language(&sim), None);
}

#[test]
fn a_rating_can_be_changed_for_15_minutes() {
    let mut sim = Sim::staffed();
    let (chat, cleo) = sim.open(1);
    let rate = |score| Command::Rate {
        chat,
        score,
        comment: None,
    };
    assert_eq!(sim.refuses(&cleo, rate(5)).code(), ErrorCode::Invalid);
    sim.must(&cleo, Command::Resolve { chat });
    for score in [0, 6] {
        assert_eq!(sim.refuses(&cleo, rate(score)).code(), ErrorCode::Invalid);
    }
    sim.must(&cleo, rate(2));
    sim.pass(15 * 60 * SECOND);
    sim.must(&cleo, rate(4));
    sim.pass(SECOND);
    assert_eq!(sim.refuses(&cleo, rate(5)), Rejection::RatingFixed { chat });
}

#[test]
fn read_markers_only_move_forward() {
    let mut sim = Sim::staffed();
    let (chat, cleo) = sim.open(1);
    let read = |seq| Command::MarkRead {
        chat,
        seq: Seq(seq),
    };
    assert_eq!(sim.must(&cleo, read(2)).len(), 1);
    assert_eq!(sim.must(&cleo, read(2)), []);
    assert_eq!(sim.must(&cleo, read(1)), []);
    assert_eq!(sim.refuses(&cleo, read(99)).code(), ErrorCode::Invalid);
    assert_eq!(
        sim.refuses(&user(ANA), read(3)).code(),
        ErrorCode::NotMember
    );
}

#[test]
fn a_customer_is_not_shown_what_is_for_staff() {
    let mut sim = Sim::staffed();
    let (chat, cleo) = sim.open(1);
    let before = sim.desk.chat(chat).unwrap().seq;
    let tag = Command::Tag {
        chat,
        add: [text("vip")].into(),
        remove: [].into(),
    };
    sim.must(&user(3), tag);
    let viewer = sim.desk.viewer(&cleo).unwrap();
    let shown = sim.desk.chat_for(&viewer, chat).unwrap();
    assert!(shown.tags.is_empty() && shown.seq == before && shown.place == Some(1));
    let stranger = sim.desk.viewer(&customer(UserId(2)));
    assert_eq!(stranger, None, "staff are no customers");
}

#[test]
fn a_view_holds_own_chats_before_waiting_ones() {
    let mut sim = Sim::staffed();
    for _ in 0..5 {
        sim.open(1);
    }
    sim.must(&user(BEN), claim(&sim, ChatId(5)));
    let viewer = sim.desk.viewer(&user(BEN)).unwrap();
    let view = sim.desk.view(&viewer, 2);
    let ids: Vec<_> = view.chats.iter().map(|view| view.chat.id.0).collect();
    assert_eq!(ids, [1, 5]);
}

#[test]
fn closing_is_for_ever() {
    let mut sim = Sim::staffed();
    let (chat, cleo) = sim.open(1);
    sim.must(&user(2), Command::Close { chat, epoch: None });
    assert_eq!(
        sim.desk.chat(chat).map(|chat| chat.state),
        None::<ChatState>
    );
    for who in [cleo, user(2)] {
        assert_eq!(
            sim.refuses(&who, post(chat, "hi")),
            Rejection::Archived { chat }
        );
    }
    let unknown = ChatId(2);
    let refused = sim.refuses(&user(2), post(unknown, "hi"));
    assert_eq!(refused, Rejection::NoChat { chat: unknown });
}
