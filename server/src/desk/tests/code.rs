//! The desk as code: a document becomes the desk, whole or not at all, by the rules of its
//! commands.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    command::{ApplyDesk, Command},
    desk::{
        CannedEntry, Deed, DepartmentEntry, Document, Kind, Problem, ScopeEntry, SettingsEntry,
        UserEntry,
    },
    error::ErrorCode,
    event::Event,
    id::UserId,
    model::{AgentStatus, FieldKind, FormField, Role},
    record::Record,
    text::SafeText,
};

use super::sim::{ANA, Sim, kinds, status, text};
use crate::desk::{Desk, Rejection, Who};

pub(super) const OWNER: Who = Who::User(UserId(1));

pub(super) fn line(raw: &str) -> SafeText {
    SafeText::line(raw)
}

pub(super) fn department(name: &str) -> DepartmentEntry {
    DepartmentEntry {
        name: line(name),
        description: SafeText::default(),
        active: true,
        default: false,
        capacity: None,
        retention_days: None,
        form: Vec::new(),
    }
}

pub(super) fn user(username: &str, role: Role, departments: &[&str]) -> UserEntry {
    UserEntry {
        username: line(username),
        name: line(username),
        role,
        departments: departments.iter().map(|name| line(name)).collect(),
        capacity: None,
        active: true,
    }
}

pub(super) fn canned(code: &str, scope: ScopeEntry, whose: &str) -> CannedEntry {
    CannedEntry {
        code: line(code),
        scope,
        department: (scope == ScopeEntry::Department).then(|| line(whose)),
        user: (scope == ScopeEntry::Personal).then(|| line(whose)),
        text: text("hello {{customer.first_name}}"),
        variants: BTreeMap::new(),
    }
}

fn of_departments(all: &[DepartmentEntry]) -> Document {
    Document {
        department: Some(all.to_vec()),
        ..Document::default()
    }
}

fn of_users(all: &[UserEntry]) -> Document {
    Document {
        user: Some(all.to_vec()),
        ..Document::default()
    }
}

pub(super) fn applying(desk: &Desk, document: &Document, prune: &[Kind]) -> Command {
    Command::ApplyDesk(Box::new(ApplyDesk {
        document: document.clone(),
        prune: prune.iter().copied().collect(),
        expect: desk.export_hash(),
    }))
}

#[track_caller]
fn applied(sim: &mut Sim, document: &Document, prune: &[Kind]) -> Vec<Record> {
    let command = applying(&sim.desk, document, prune);
    sim.must(&OWNER, command)
}

/// What is wrong with a document, as people read it.
#[track_caller]
fn refused(sim: &mut Sim, who: &Who, document: &Document, prune: &[Kind]) -> Vec<String> {
    let command = applying(&sim.desk, document, prune);
    let before = sim.desk.clone();
    let rejection = sim.refuses(who, command);
    assert_eq!(sim.desk, before, "all or nothing");
    match rejection {
        Rejection::Unfit { problems } => problems.iter().map(Problem::to_string).collect(),
        other => panic!("{other}"),
    }
}

/// A desk with something of every kind.
fn filled() -> Sim {
    let mut sim = Sim::staffed();
    let question = FormField {
        key: line("plan"),
        label: line("Which plan?"),
        kind: FieldKind::Choice,
        required: true,
        choices: vec![line("free"), line("pro")],
    };
    let document = Document {
        settings: Some(SettingsEntry {
            name: Some(line("Bright Bikes")),
            notice: Some(text("We keep chats for a year.\nAsk us.")),
            retention_days: None,
        }),
        department: Some(vec![DepartmentEntry {
            description: text("Things that came back"),
            active: false,
            capacity: Some(0),
            form: vec![question],
            ..department("Returns")
        }]),
        user: Some(vec![
            UserEntry {
                capacity: Some(3),
                ..user("zoe", Role::Agent, &["Returns", "billing"])
            },
            UserEntry {
                active: false,
                ..user("gone", Role::Supervisor, &[])
            },
        ]),
        canned: Some(vec![
            canned("hello", ScopeEntry::Global, ""),
            canned("hello", ScopeEntry::Department, "Returns"),
            CannedEntry {
                variants: [(line("pt-BR"), text("oi\n  \"tudo\" 'bem'"))].into(),
                ..canned("hello", ScopeEntry::Personal, "zoe")
            },
        ]),
        ..Document::default()
    };
    applied(&mut sim, &document, &[]);
    sim
}

#[test]
fn what_a_desk_exports_changes_nothing_on_it() {
    let mut sim = filled();
    let export = sim.desk.export();
    assert_eq!(applied(&mut sim, &export, &Kind::ALL[2..]), []);
    let prune = Kind::ALL[2..].iter().copied().collect();
    let plan = sim.desk.plan(&OWNER, &export, &prune, sim.now).unwrap();
    assert!(!plan.totals.pending());
    // Settings, the assistant, 3 departments, 9 users, 3 canned replies.
    assert_eq!((plan.totals.unchanged, plan.changes.len()), (17, 17));
    assert!(plan.changes.iter().all(|one| one.deed == Deed::Unchanged));
}

#[test]
fn what_a_desk_exports_rebuilds_it_on_an_empty_one() {
    let export = filled().desk.export();
    let mut sim = Sim::default();
    let setup = Command::Setup {
        username: text("Olga"),
        name: text("Olga"),
    };
    sim.must(&Who::Anonymous, setup);
    let records = applied(&mut sim, &export, &[]);
    assert_eq!(sim.desk.export(), export);
    let invited = sim.desk.invitations().map(|one| one.username.clone());
    let invited: BTreeSet<_> = invited.flatten().map(|name| name.to_string()).collect();
    let new = ["Adam", "Sue", "Ana", "Ben", "Cid", "Audrey", "zoe", "gone"];
    assert_eq!(invited, new.map(str::to_owned).into());
    // Settings and Olga's departments, besides what is new.
    let Event::DeskApplied {
        created,
        updated,
        deleted,
        hash,
    } = &records[0].event
    else {
        panic!("{:?}", records[0]);
    };
    assert_eq!((*created, *updated, *deleted), (2 + 8 + 3, 1, 0));
    assert_eq!(hash.len(), 64);
    assert!(records.iter().all(|one| one.actor == records[0].actor));
    assert_eq!(applied(&mut sim, &export, &[]), []);
    sim.check_log();
}

#[test]
fn everything_that_is_wrong_is_told_at_once_and_nothing_is_done() {
    let mut sim = filled();
    let document = Document {
        settings: Some(SettingsEntry {
            name: Some(line("")),
            notice: None,
            retention_days: None,
        }),
        department: Some(vec![
            department("42"),
            DepartmentEntry {
                active: false,
                ..department("Customer Care")
            },
        ]),
        user: Some(vec![
            user("ana", Role::Customer, &[]),
            user("new", Role::Agent, &["42", "Nowhere"]),
        ]),
        canned: Some(vec![
            canned("a b", ScopeEntry::Global, ""),
            canned("bye", ScopeEntry::Department, "Nowhere"),
            canned("bye", ScopeEntry::Personal, "nobody"),
            CannedEntry {
                user: Some(line("ana")),
                ..canned("bye", ScopeEntry::Global, "")
            },
        ]),
        ..Document::default()
    };
    let told = refused(&mut sim, &OWNER, &document, &[]);
    let expected = [
        "settings: name is empty",
        "department \"42\": name is a number; add a word to it",
        "department \"Customer Care\": is the default; make another the default first",
        "user \"new\": names the department \"Nowhere\", which there is not; add it",
        "user \"ana\": role is not one of staff; customers register themselves",
        "canned \"a b\": code is no code; use 1 to 32 of a-z 0-9 -",
        "canned \"bye of Nowhere\": names the department \"Nowhere\", which there is not; add it",
        "canned \"bye of @nobody\": names the user \"nobody\", which there is not; add it",
        "canned \"bye\": names what its scope does not take",
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}\n{expected}");
    }
}

#[test]
fn two_of_the_same_name_are_refused_whatever_their_case() {
    let mut sim = filled();
    let document = Document {
        department: Some(vec![department("Sales"), department("SALES")]),
        user: Some(vec![
            user("kim", Role::Agent, &[]),
            user("Kim", Role::Agent, &[]),
        ]),
        canned: Some(vec![
            canned("hi", ScopeEntry::Department, "Returns"),
            canned("HI", ScopeEntry::Department, "returns"),
        ]),
        ..Document::default()
    };
    let told = refused(&mut sim, &OWNER, &document, &[]);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.iter().all(|one| one.contains("twice")), "{told:?}");

    // In another case it is the thing that is there, and a department's name is written anew.
    let document = Document {
        department: Some(vec![DepartmentEntry {
            active: true,
            ..department("RETURNS")
        }]),
        user: Some(vec![user(
            "ANA",
            Role::Agent,
            &["customer care", "BILLING"],
        )]),
        ..Document::default()
    };
    let document_ana = |mut document: Document| {
        let ana = &mut document.user.as_mut().unwrap()[0];
        (ana.name, ana.capacity) = (line("Ana"), Some(2));
        document
    };
    let records = applied(&mut sim, &document_ana(document), &[]);
    let names: Vec<_> = sim
        .desk
        .departments()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names, ["Customer Care", "Billing", "RETURNS"]);
    assert_eq!(kinds(&records), ["desk_applied", "department_updated"]);
}

#[test]
fn the_default_moves_before_its_department_goes() {
    let mut sim = filled();
    let all = [
        DepartmentEntry {
            default: true,
            ..department("Returns")
        },
        department("Billing"),
    ];
    applied(&mut sim, &of_departments(&all), &[Kind::Department]);
    let names = sim
        .desk
        .departments()
        .map(|one| (one.name.as_str(), one.default));
    let names: Vec<_> = names.collect();
    assert_eq!(names, [("Billing", false), ("Returns", true)]);

    let both = all.clone().map(|one| DepartmentEntry {
        default: true,
        ..one
    });
    let told = refused(&mut sim, &OWNER, &of_departments(&both), &[]);
    assert!(told[0].starts_with("department \"Billing\": cannot be the default too"));
    let told = refused(&mut sim, &OWNER, &of_departments(&[]), &[Kind::Department]);
    assert_eq!(
        told,
        ["department \"Returns\": is the default; make another the default first"]
    );
}

#[test]
fn nobody_locks_themselves_out() {
    let mut sim = filled();
    let (owner, admin) = (OWNER, Who::User(UserId(2)));
    let olga = |role, active| UserEntry {
        active,
        ..user("Olga", role, &["Customer Care"])
    };
    let adam = |role| user("Adam", role, &[]);
    // Without another owner the rule of the command says no; with one, that of documents does.
    for (all, expected) in [
        (
            vec![olga(Role::Agent, true)],
            vec!["user \"Olga\": is the last active owner; make another owner first"],
        ),
        (
            vec![olga(Role::Agent, true), adam(Role::Owner)],
            vec!["user \"Olga\": could not apply documents any more"],
        ),
        (
            vec![olga(Role::Owner, false), adam(Role::Owner)],
            vec!["user \"\": could not apply"],
        ),
    ] {
        let told = refused(&mut sim, &owner, &of_users(&all), &[]);
        assert_eq!(told.len(), expected.len(), "{told:?}");
        if !expected[0].contains("\"\"") {
            assert!(told[0].starts_with(expected[0]), "{told:?}");
        }
    }
    let told = refused(&mut sim, &admin, &of_users(&[]), &[Kind::User]);
    assert!(
        told.iter().any(|one| one.contains("and that is you")),
        "{told:?}"
    );
    assert!(
        told.iter()
            .any(|one| one.starts_with("user \"Olga\": ranks above")),
        "{told:?}"
    );
    // One may hand over, the new owner before oneself, and stay an admin.
    let handed = of_users(&[olga(Role::Admin, true), adam(Role::Owner)]);
    applied(&mut sim, &handed, &[]);
    assert_eq!(sim.desk.user(UserId(1)).unwrap().role, Role::Admin);
    // An admin leaves an owner as they are without a word, and may not change them.
    let export = sim.desk.export();
    assert_eq!(sim.must(&owner, applying(&sim.desk, &export, &[])), []);
    let told = refused(&mut sim, &owner, &of_users(&[adam(Role::Agent)]), &[]);
    assert_eq!(
        told,
        ["user \"Adam\": ranks above what you may change; ask an owner"]
    );
}

#[test]
fn what_has_open_chats_goes_as_the_commands_let_it() {
    let mut sim = filled();
    sim.online(ANA);
    let (chat, _) = sim.open(2);
    assert_eq!(sim.desk.chat(chat).unwrap().owner, Some(UserId(ANA)));
    let care = DepartmentEntry {
        default: true,
        ..department("Customer Care")
    };
    let told = refused(
        &mut sim,
        &OWNER,
        &of_departments(std::slice::from_ref(&care)),
        &[Kind::Department],
    );
    assert_eq!(
        told,
        ["department \"Billing\": has open chats; transfer or end them first"]
    );
    let staff = of_users(&[user("Olga", Role::Owner, &["Customer Care"])]);
    let records = applied(&mut sim, &staff, &[Kind::User]);
    assert!(kinds(&records).contains(&"chat_queued"), "{records:?}");
    assert_eq!(sim.desk.users().count(), 1);
    assert_eq!(sim.desk.chat(chat).unwrap().owner, None);
    // Their personal replies went with them.
    assert_eq!(sim.desk.canned().count(), 2);
}

#[test]
fn a_desk_that_moved_and_a_newer_format_are_refused() {
    let mut sim = filled();
    let export = sim.desk.export();
    let command = applying(&sim.desk, &export, &[]);
    // Presence is no part of a document, so it does not move the desk.
    sim.must(&Who::User(UserId(ANA)), status(AgentStatus::Online));
    sim.must(&OWNER, command.clone());
    applied(&mut sim, &of_departments(&[department("New")]), &[]);
    let rejection = sim.refuses(&OWNER, command);
    assert_eq!(rejection.code(), ErrorCode::Conflict);
    let newer = Document {
        format: 2,
        ..Document::default()
    };
    let rejection = {
        let command = applying(&sim.desk, &newer, &[]);
        sim.refuses(&OWNER, command)
    };
    assert_eq!(rejection.to_string(), "format is 2; this hub reads 1");
    for user in [3, ANA, 7] {
        let command = applying(&sim.desk, &export, &[]);
        let code = sim.refuses(&Who::User(UserId(user)), command).code();
        assert_eq!(code, ErrorCode::Forbidden);
    }
}

#[test]
fn only_what_has_a_section_is_pruned() {
    let mut sim = filled();
    let document = of_departments(&[]);
    let told = refused(&mut sim, &OWNER, &document, &[Kind::Settings, Kind::Canned]);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].contains("\"canned = []\""), "{told:?}");
    let none = Document {
        canned: Some(Vec::new()),
        ..Document::default()
    };
    assert_eq!(applied(&mut sim, &none, &[]), []);
    let records = applied(&mut sim, &none, &[Kind::Canned]);
    assert_eq!(kinds(&records)[1..], ["canned_deleted"; 3]);
}
