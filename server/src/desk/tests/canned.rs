//! Canned replies: who makes, sees and uses which, and what goes with what is deleted.

use std::collections::BTreeMap;

use shared::{
    command::{CannedChange, Command, NewCanned},
    error::ErrorCode,
    event::Event,
    id::{CannedId, ChatId, DepartmentId, Epoch, Pos, UserId},
    model::{Canned, CannedScope, Visibility},
    record::Record,
    text::{MESSAGE_BYTES_MAX, SafeText},
};

use super::sim::{ANA, BEN, Sim, kinds, post, text, user};
use crate::desk::{Who, canned::CANNED_MAX};

const ADMIN: u64 = 2;
const SUPERVISOR: u64 = 3;
const AUDITOR: u64 = 7;

fn department(id: u64) -> CannedScope {
    CannedScope::Department {
        department: DepartmentId(id),
    }
}

fn personal(id: u64) -> CannedScope {
    CannedScope::Personal { user: UserId(id) }
}

fn new(code: &str, scope: CannedScope) -> NewCanned {
    NewCanned {
        code: text(code),
        scope,
        text: text("hello {{customer.first_name|default:\"there\"}}"),
        variants: BTreeMap::new(),
    }
}

fn create(code: &str, scope: CannedScope) -> Command {
    Command::CreateCanned(new(code, scope))
}

fn with(chat: ChatId, used: &[u64]) -> Command {
    let Command::PostMessage { text, .. } = post(chat, "hello there") else {
        unreachable!("a post is a message")
    };
    Command::PostMessage {
        chat,
        text,
        visibility: Visibility::Public,
        expected_seq: None,
        canned: used.iter().copied().map(CannedId).collect(),
    }
}

/// A desk with four replies: 1 for all, 2 of Billing, 3 of Ana, 4 of Ben.
fn stocked() -> Sim {
    let mut sim = Sim::staffed();
    sim.must(&user(ADMIN), create("hi", CannedScope::Global));
    sim.must(&user(SUPERVISOR), create("hi", department(2)));
    sim.must(&user(ANA), create("hi", personal(ANA)));
    sim.must(&user(BEN), create("hi", personal(BEN)));
    sim
}

fn seen(sim: &Sim, who: &Who) -> Vec<u64> {
    let viewer = sim.desk.viewer(who).expect("somebody");
    let view = sim.desk.view(&viewer, 200);
    view.canned.iter().map(|canned| canned.id.0).collect()
}

#[test]
fn each_scope_has_those_who_may_write_to_it() {
    let mut sim = Sim::staffed();
    for (who, scope, allowed) in [
        (1, CannedScope::Global, true),
        (ADMIN, CannedScope::Global, true),
        (SUPERVISOR, CannedScope::Global, false),
        (ANA, CannedScope::Global, false),
        (ADMIN, department(2), true),
        (SUPERVISOR, department(2), true),
        (ANA, department(2), false),
        (ANA, personal(ANA), true),
        (ADMIN, personal(ADMIN), true),
        (ADMIN, personal(ANA), false),
        (ANA, personal(BEN), false),
        (AUDITOR, personal(AUDITOR), false),
    ] {
        let code = format!("c{}", sim.log.len());
        let made = sim.act(&user(who), &create(&code, scope));
        let refused = made.err().map(|rejection| rejection.code());
        let expected = (!allowed).then_some(ErrorCode::Forbidden);
        assert_eq!(refused, expected, "{who} {scope:?}");
    }
    let nowhere = sim.refuses(&user(ADMIN), create("x", department(9)));
    assert_eq!(nowhere.code(), ErrorCode::NotFound);
    // The supervisor works in both departments, but may lose one.
    let change = shared::command::UserChange {
        departments: Some([DepartmentId(1)].into()),
        ..Default::default()
    };
    let leave = Command::UpdateUser {
        id: UserId(SUPERVISOR),
        change,
        rev: None,
    };
    sim.must(&user(1), leave);
    let gone = sim.refuses(&user(SUPERVISOR), create("y", department(2)));
    assert_eq!(gone.code(), ErrorCode::Forbidden);
}

#[test]
fn each_scope_has_those_who_see_it() {
    let mut sim = stocked();
    let (_, cleo) = sim.open(2);
    for (who, expected) in [
        (user(1), [1, 2, 3, 4].as_slice()),
        (user(AUDITOR), &[1, 2, 3, 4]),
        (user(SUPERVISOR), &[1, 2]),
        (user(ANA), &[1, 2, 3]),
        (user(BEN), &[1, 4]),
        (cleo, &[]),
    ] {
        assert_eq!(seen(&sim, &who), expected, "{who:?}");
    }
    // What is out of sight does not exist; what is in sight may still be another's.
    let delete = |id| Command::DeleteCanned {
        id: CannedId(id),
        rev: None,
    };
    for (who, id, code) in [
        (ANA, 4, ErrorCode::NotFound),
        (BEN, 2, ErrorCode::NotFound),
        (ANA, 2, ErrorCode::Forbidden),
        (ADMIN, 3, ErrorCode::Forbidden),
        (ADMIN, 9, ErrorCode::NotFound),
    ] {
        assert_eq!(
            sim.refuses(&user(who), delete(id)).code(),
            code,
            "{who} {id}"
        );
    }
    sim.must(&user(BEN), delete(4));
    assert_eq!(seen(&sim, &user(BEN)), [1]);
    // A number is never given twice.
    sim.must(&user(BEN), create("hi", personal(BEN)));
    assert_eq!(seen(&sim, &user(BEN)), [1, 5]);
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let mut sim = stocked();
    let long = "x".repeat(MESSAGE_BYTES_MAX + 1);
    let (many, big): (Vec<String>, Vec<String>) = (
        (0..33)
            .map(|n| format!("a{}", char::from(b'a' + n % 26)) + if n < 26 { "" } else { "z" })
            .collect(),
        ["aa", "bb", "cc"].map(str::to_owned).to_vec(),
    );
    let variants = |tags: &[String], body: &str| -> BTreeMap<SafeText, SafeText> {
        tags.iter().map(|tag| (text(tag), text(body))).collect()
    };
    let base = || new("ok", CannedScope::Global);
    let tagged = |tags: &[&str]| NewCanned {
        variants: variants(
            &tags.iter().map(|&tag| tag.to_owned()).collect::<Vec<_>>(),
            "oi",
        ),
        ..base()
    };
    let said = |body: &str| NewCanned {
        text: text(body),
        ..base()
    };
    for (wrong, told) in [
        (
            new("", CannedScope::Global),
            "code is no code; use 1 to 32 of a-z 0-9 -",
        ),
        (new("a b", CannedScope::Global), "code is no code"),
        (new(&"a".repeat(33), CannedScope::Global), "code is no code"),
        (
            new("12", CannedScope::Global),
            "code is a number; add a letter to it",
        ),
        (
            new("HI", CannedScope::Global),
            "the name \"hi\" is taken; choose another",
        ),
        (said(" \n"), "text is empty; write something"),
        (said(&long), "text has 8193 bytes; give at most 8192"),
        (
            said("hi {{customer.shoe}}"),
            "text has the unknown variable {{customer.shoe}}; use customer.name, ",
        ),
        (
            tagged(&["portuguese"]),
            "variant \"portuguese\" is of no language; use a tag like pt or pt-BR",
        ),
        (
            tagged(&["pt-br", "PT-BR"]),
            "variant \"pt-BR\" is there twice; give each language once",
        ),
        (
            NewCanned {
                variants: variants(&["pt".to_owned()], "{{x}}"),
                ..base()
            },
            "variant \"pt\" has the unknown variable {{x}}; use ",
        ),
        (
            NewCanned {
                variants: variants(&many, "oi"),
                ..base()
            },
            "variants are more than 32; give less",
        ),
        (
            NewCanned {
                variants: variants(&big, &"x".repeat(8192)),
                ..base()
            },
            "text with its variants has 24621 bytes; give at most 24576",
        ),
    ] {
        let refusal = sim
            .refuses(&user(ADMIN), Command::CreateCanned(wrong))
            .to_string();
        assert!(refusal.starts_with(told), "{refusal} is not {told}");
        assert!(!refusal.contains('\n'), "{refusal}");
    }
}

#[test]
fn a_reply_changes_only_for_those_who_saw_its_newest_form() {
    let mut sim = stocked();
    let update = |change, rev| Command::UpdateCanned {
        id: CannedId(1),
        change,
        rev,
    };
    let code = |raw: &str| CannedChange {
        code: Some(text(raw)),
        ..CannedChange::default()
    };
    let rev = |sim: &Sim| sim.desk.canned().next().expect("the first").rev;
    let first = rev(&sim);
    let stale = sim.refuses(&user(ADMIN), update(code("hey"), Some(first + 1)));
    assert_eq!(stale.code(), ErrorCode::Conflict);
    assert_eq!(
        stale.to_string(),
        format!("hi has changed since (rev {first}); read it again")
    );
    assert_eq!(sim.must(&user(ADMIN), update(code("HI"), Some(first))), []);
    sim.must(&user(ADMIN), update(code("hey"), Some(first)));
    assert!(rev(&sim) > first);
    sim.must(&user(ADMIN), create("hi", CannedScope::Global));
    let taken = sim.refuses(&user(ADMIN), update(code("hi"), None));
    assert_eq!(taken.code(), ErrorCode::Conflict);
    let bad = CannedChange {
        text: Some(text("{{nobody}}")),
        ..CannedChange::default()
    };
    let bad = sim.refuses(&user(ADMIN), update(bad, None));
    assert!(bad.to_string().contains("{{nobody}}"), "{bad}");
}

#[test]
fn each_use_is_counted_once_a_message() {
    let mut sim = stocked();
    let (chat, cleo) = sim.open(2);
    let claim = Command::Claim {
        chat,
        epoch: Epoch(1),
    };
    sim.must(&user(ANA), claim);
    let rev = |sim: &Sim| {
        sim.desk
            .canned()
            .map(|canned| canned.rev)
            .collect::<Vec<_>>()
    };
    let before = rev(&sim);
    let records = sim.must(&user(ANA), with(chat, &[3, 1, 3]));
    // The message is the last: a repeat of the command answers with its chat and seq.
    assert_eq!(
        kinds(&records),
        ["canned_used", "canned_used", "message_posted"]
    );
    assert!(records[..2].iter().all(|record| record.chat.is_none()));
    let json = serde_json::to_string(&records[2].event).unwrap();
    assert!(!json.contains("canned"), "customers read this: {json}");
    let uses: Vec<u64> = sim.desk.canned().map(|canned| canned.uses).collect();
    assert_eq!(uses, [1, 0, 1, 0]);
    assert_eq!(rev(&sim), before, "a use is no change");

    let sixteen = [1; 16];
    sim.must(&user(ANA), with(chat, &sixteen));
    for (who, used, told) in [
        (
            user(ANA),
            [1; 17].as_slice(),
            "canned names more than 16 replies; name less",
        ),
        (
            user(ANA),
            &[1, 4],
            "canned names 4, which is no reply of yours; leave it out",
        ),
        (
            user(ANA),
            &[99],
            "canned names 99, which is no reply of yours; leave it out",
        ),
        (cleo, &[1], "canned is for staff; leave it out"),
    ] {
        let refusal = sim.refuses(&who, with(chat, used));
        assert_eq!(
            (refusal.code(), refusal.to_string()),
            (ErrorCode::Invalid, told.to_owned())
        );
    }
    assert_eq!(sim.desk.canned().next().map(|canned| canned.uses), Some(2));
}

#[test]
fn replies_go_with_their_department_and_their_owner() {
    let mut sim = stocked();
    let (id, rev) = (DepartmentId(2), None);
    let records = sim.must(&user(1), Command::DeleteDepartment { id, rev });
    assert_eq!(kinds(&records), ["canned_deleted", "department_deleted"]);
    let id = UserId(BEN);
    let records = sim.must(&user(1), Command::DeleteUser { id, rev });
    assert_eq!(
        kinds(&records)[records.len() - 2..],
        ["canned_deleted", "user_deleted"]
    );
    assert_eq!(seen(&sim, &user(1)), [1, 3]);
    sim.check_log();
}

#[test]
fn a_desk_has_room_for_so_many_and_no_more() {
    let mut sim = Sim::staffed();
    let fill = |sim: &mut Sim, count: usize, body: &str| {
        for number in 0..count {
            let pos = Pos(sim.desk.pos().0 + 1);
            let canned = Canned {
                id: CannedId(pos.0),
                code: text(&format!("c{pos}-{number}")),
                scope: CannedScope::Global,
                text: text(body),
                variants: BTreeMap::new(),
                uses: 0,
                rev: 0,
            };
            let Some(like) = sim.log.last() else {
                panic!("a staffed desk has a log")
            };
            let record = Record {
                pos,
                event: Event::CannedCreated { canned },
                ..like.clone()
            };
            sim.desk.apply(&record);
        }
    };
    fill(&mut sim, CANNED_MAX - 1, "hello");
    let decide = |sim: &Sim| {
        let command = create("one-more", CannedScope::Global);
        sim.desk
            .decide(&user(ADMIN), &command, sim.now)
            .map(|records| records.len())
    };
    assert_eq!(decide(&sim).unwrap(), 1);
    fill(&mut sim, 1, "hello");
    let full = decide(&sim).unwrap_err();
    assert_eq!(full.code(), ErrorCode::Conflict);
    assert_eq!(
        full.to_string(),
        "the desk has 5000 canned replies; delete some first"
    );

    let mut sim = Sim::staffed();
    fill(&mut sim, 256, &"x".repeat(MESSAGE_BYTES_MAX));
    let heavy = decide(&sim).unwrap_err();
    assert_eq!(heavy.code(), ErrorCode::TooLarge);
    assert!(
        heavy
            .to_string()
            .starts_with("the canned text of the desk has 20971"),
        "{heavy}"
    );
}
