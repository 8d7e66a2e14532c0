//! Random documents, and a large one: they become the desk, and then change nothing any more.

use std::{collections::BTreeSet, io::Write, time::Instant};

use proptest::{
    collection::vec,
    option,
    prelude::{ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, proptest},
    sample::subsequence,
};
use shared::{
    command::DepartmentRef,
    desk::{CannedEntry, DepartmentEntry, Document, Kind, ScopeEntry, SettingsEntry, UserEntry},
    id::DepartmentId,
    model::Role,
    record::Record,
};

use super::{
    code::{OWNER, applying, canned, department, line, user},
    sim::{ANA, Sim, text},
};
use crate::desk::Rejection;

/// A section, or none.
fn section<T: Clone + std::fmt::Debug + 'static>(
    all: impl Strategy<Value = Vec<T>>,
) -> impl Strategy<Value = Option<Vec<T>>> {
    option::weighted(0.8, all)
}

fn departments() -> impl Strategy<Value = Vec<DepartmentEntry>> {
    let names = vec!["Customer Care", "Billing", "Sales", "Returns"];
    let names = subsequence(names, 0..=4);
    let looks = vec((any::<bool>(), option::of(0..4_u32), 0..9_u8), 4);
    (names, looks, 0..5_usize).prop_map(|(names, looks, default)| {
        let entries = names.into_iter().zip(looks).enumerate();
        let entry = |(place, (name, (active, capacity, look))): (usize, (&str, (bool, _, u8)))| {
            DepartmentEntry {
                active: active || place == default || look < 6,
                default: place == default,
                capacity,
                description: text(["", "what it is for"][usize::from(look % 2)]),
                ..department(name)
            }
        };
        entries.map(entry).collect()
    })
}

fn users() -> impl Strategy<Value = Vec<UserEntry>> {
    let names = subsequence(vec!["Adam", "Ana", "Ben", "kim", "lee"], 0..=5);
    let places = subsequence(vec!["Billing", "Customer Care", "Returns"], 0..=2);
    let looks = vec((0..7_u8, places, option::of(0..3_u32), 0..5_u8), 5);
    (names, looks, 0..8_u8).prop_map(|(names, looks, own)| {
        let entry = |(name, (role, places, capacity, active)): (&str, (u8, Vec<&str>, _, u8))| {
            let role = match role {
                0 => Role::Owner,
                1 => Role::Admin,
                2 => Role::Supervisor,
                3 => Role::Auditor,
                _ => Role::Agent,
            };
            UserEntry {
                capacity,
                active: active > 0,
                ..user(name, role, &places)
            }
        };
        let mut users: Vec<UserEntry> = names.into_iter().zip(looks).map(entry).collect();
        if own > 0 {
            let role = if own == 1 { Role::Admin } else { Role::Owner };
            users.push(user("Olga", role, &[]));
        }
        users
    })
}

fn replies() -> impl Strategy<Value = Vec<CannedEntry>> {
    let all = vec![
        canned("hi", ScopeEntry::Global, ""),
        canned("hi", ScopeEntry::Department, "Billing"),
        canned("bye", ScopeEntry::Department, "Billing"),
        canned("hi", ScopeEntry::Department, "Customer Care"),
        canned("hi", ScopeEntry::Personal, "Olga"),
        canned("hi", ScopeEntry::Personal, "kim"),
    ];
    (subsequence(all, 0..=6), any::<bool>()).prop_map(|(mut all, other)| {
        for entry in all.iter_mut().filter(|_| other) {
            entry.text = text("good day");
            entry.variants = [(line("de"), text("Guten Tag"))].into();
        }
        all
    })
}

fn documents() -> impl Strategy<Value = (Document, Vec<Kind>)> {
    let settings = option::of((option::of(0..3_u8), option::of(0..3_u8)));
    let settings = settings.prop_map(|settings| {
        settings.map(|(name, notice)| SettingsEntry {
            name: name.map(|name| line(&format!("Desk {name}"))),
            notice: notice.map(|notice| text(&"we keep it\n".repeat(usize::from(notice)))),
            retention_days: None,
        })
    });
    let sections = (
        settings,
        section(departments()),
        section(users()),
        section(replies()),
    );
    let prune = subsequence(Kind::ALL[2..].to_vec(), 0..=3);
    (sections, prune).prop_map(|((settings, department, user, canned), prune)| {
        let document = Document {
            settings,
            department,
            user,
            canned,
            ..Document::default()
        };
        let prune = prune.into_iter().filter(|kind| document.has(*kind));
        let prune = prune.collect();
        (document, prune)
    })
}

/// Whether a section of an export is what the document says.
fn follows<T: PartialEq + Clone>(
    export: &Option<Vec<T>>,
    document: &Option<Vec<T>>,
    pruned: bool,
) -> bool {
    let export = export.as_deref().unwrap_or_default();
    let Some(document) = document else {
        return true;
    };
    document.iter().all(|entry| export.contains(entry))
        && (!pruned || export.len() == document.len())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_document_becomes_the_desk_or_changes_nothing(all in vec(documents(), 1..6)) {
        let mut sim = Sim::staffed();
        sim.online(ANA);
        sim.open(1);
        for (document, prune) in all {
            let command = applying(&sim.desk, &document, &prune);
            let before = sim.desk.clone();
            let kinds: BTreeSet<Kind> = prune.iter().copied().collect();
            let plan = sim.desk.plan(&OWNER, &document, &kinds, sim.now);
            match sim.act(&OWNER, &command) {
                Err(rejection) => {
                    prop_assert!(matches!(rejection, Rejection::Unfit { .. }), "{}", rejection);
                    prop_assert_eq!(Err(rejection), plan);
                    prop_assert_eq!(&sim.desk, &before);
                }
                Ok(records) => {
                    let plan = plan.unwrap();
                    prop_assert_eq!(records.is_empty(), !plan.totals.pending());
                    let export = sim.desk.export();
                    let pruned = |kind| prune.contains(&kind);
                    prop_assert!(follows(&export.department, &document.department, pruned(Kind::Department)));
                    prop_assert!(follows(&export.user, &document.user, pruned(Kind::User)));
                    prop_assert!(follows(&export.canned, &document.canned, pruned(Kind::Canned)));
                    let again = sim.desk.plan(&OWNER, &document, &kinds, sim.now).unwrap();
                    prop_assert_eq!(again.records, vec![]);
                    prop_assert!(!again.totals.pending());
                }
            }
        }
        sim.check_log();
    }
}

/// Most documents of the property can be applied, else it would say little.
#[test]
fn most_random_documents_are_applied() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let (mut done, mut changed) = (0, 0);
    for _ in 0..200 {
        let tree = documents().new_tree(&mut runner).unwrap();
        let (document, prune) = tree.current();
        let mut sim = Sim::staffed();
        let command = applying(&sim.desk, &document, &prune);
        if let Ok(records) = sim.act(&OWNER, &command) {
            done += 1;
            changed += usize::from(!records.is_empty());
        }
    }
    assert!(
        done > 40 && changed > 40,
        "{done} applied, {changed} changed"
    );
}

/// 500 departments, 2,000 users and 5,000 canned replies.
fn large() -> Document {
    let department = |n: usize| DepartmentEntry {
        default: n == 0,
        description: text("what it is for"),
        ..department(&format!("Department {n:03}"))
    };
    let user = |n: usize| {
        let places = [n % 500, (n + 7) % 500].map(|place| format!("Department {place:03}"));
        user(
            &format!("user{n:04}"),
            Role::Agent,
            &[&places[0], &places[1]],
        )
    };
    let canned = |n: usize| {
        let place = format!("Department {:03}", n % 500);
        let scope = [ScopeEntry::Global, ScopeEntry::Department][n % 2];
        CannedEntry {
            text: text(
                "hello {{customer.first_name}}, this is about your order "
                    .repeat(4)
                    .trim(),
            ),
            ..canned(&format!("code-{n}"), scope, &place)
        }
    };
    Document {
        department: Some((0..500).map(department).collect()),
        user: Some((0..2_000).map(user).collect()),
        canned: Some((0..5_000).map(canned).collect()),
        ..Document::default()
    }
}

#[test]
fn a_large_document_is_planned_and_is_the_desk_then() {
    let mut sim = Sim::staffed();
    let document = large();
    let began = Instant::now();
    let plan = sim
        .desk
        .plan(&OWNER, &document, &BTreeSet::new(), sim.now)
        .unwrap();
    let planned_ms = began.elapsed().as_millis();
    assert_eq!(plan.totals.created, 7_500);
    for new in plan.records {
        let (pos, at) = (sim.desk.pos().next(), sim.now);
        let (actor, event) = (new.actor, new.event);
        let record = Record {
            pos,
            at,
            chat: None,
            seq: None,
            actor,
            event,
        };
        sim.desk.apply(&record);
    }
    let began = Instant::now();
    let plan = sim
        .desk
        .plan(&OWNER, &document, &BTreeSet::new(), sim.now)
        .unwrap();
    let again_ms = began.elapsed().as_millis();
    let began = Instant::now();
    let hash = sim.desk.export_hash();
    let hashed_ms = began.elapsed().as_millis();
    let figures =
        format!("planned in {planned_ms} ms, again in {again_ms} ms, hashed in {hashed_ms} ms\n");
    drop(std::io::stdout().write_all(figures.as_bytes()));
    assert_eq!((plan.records.len(), hash.len()), (0, 64));
    assert_eq!(
        sim.desk
            .department(&DepartmentRef::Id(DepartmentId(3)))
            .unwrap()
            .name
            .as_str(),
        "Department 000"
    );
}
