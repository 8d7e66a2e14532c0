//! One example of each rule about staff, their presence and their departments, with the edges.

use std::time::Duration;

use shared::{
    command::{Command, UserChange},
    error::ErrorCode,
    event::{Event, QueueReason},
    id::{DepartmentId, Epoch, UserId},
    model::{AgentStatus, Role},
};

use super::sim::{ANA, BEN, HOUR, SECOND, Sim, department, kinds, post, status, text, user};
use crate::desk::{Rejection, Who};

#[test]
fn an_agent_may_come_back_until_the_grace_is_over() {
    for (away, keeps) in [(59, true), (60, false), (61, false)] {
        let mut sim = Sim::staffed();
        sim.online(BEN);
        let (chat, _) = sim.open(1);
        let rank_at = sim.desk.chat(chat).unwrap().rank_at;
        let lose = Command::LoseAgent { user: UserId(BEN) };
        sim.must(&Who::System("presence"), lose);
        assert!(!sim.desk.routable(UserId(BEN)));
        sim.pass(away * SECOND);
        assert_eq!(sim.owner(chat), keeps.then_some(BEN), "{away} s");
        assert_eq!(sim.desk.chat(chat).unwrap().rank_at, rank_at);
        let late = sim.act(&user(BEN), &post(chat, "sorry"));
        assert_eq!(late.is_ok(), keeps);
        let regain = Command::RegainAgent { user: UserId(BEN) };
        sim.must(&Who::System("presence"), regain);
        assert_eq!(sim.owner(chat), Some(BEN), "kept, or given again");
        assert_eq!(sim.epoch(chat), Epoch(if keeps { 2 } else { 4 }));
    }
}

#[test]
fn a_restart_gives_everyone_a_fresh_grace() {
    let mut sim = Sim::staffed();
    sim.online(BEN);
    let (chat, _) = sim.open(1);
    let hub = Who::System("hub");
    sim.must(&hub, Command::LoseAgent { user: UserId(BEN) });
    sim.pass(50 * SECOND);
    sim.must(&hub, Command::StartHub);
    sim.pass(59 * SECOND);
    assert_eq!(sim.owner(chat), Some(BEN));
    sim.pass(SECOND);
    assert_eq!(sim.owner(chat), None);
}

#[test]
fn someone_who_went_home_is_not_routable_from_a_script() {
    let mut sim = Sim::staffed();
    sim.online(BEN);
    sim.must(&user(BEN), status(AgentStatus::Offline));
    sim.must(
        &Who::System("presence"),
        Command::LoseAgent { user: UserId(BEN) },
    );
    sim.must(&user(BEN), status(AgentStatus::Online));
    assert!(!sim.desk.routable(UserId(BEN)));
}

#[test]
fn going_offline_gives_the_chats_back_with_one_line() {
    let mut sim = Sim::staffed();
    sim.online(BEN);
    let (chat, _) = sim.open(1);
    let records = sim.must(&user(BEN), status(AgentStatus::Offline));
    assert_eq!(
        kinds(&records),
        ["status_set", "chat_queued", "message_posted"]
    );
    let left = |reason| reason == QueueReason::AgentLeft;
    assert!(matches!(records[1].event, Event::ChatQueued { reason, .. } if left(reason)));
    assert_eq!(sim.owner(chat), None);
    assert_eq!(sim.must(&user(BEN), status(AgentStatus::Offline)), []);
}

#[test]
fn a_planned_leave_begins_when_the_last_chat_is_done() {
    let mut sim = Sim::staffed();
    sim.online(BEN);
    let (chat, _) = sim.open(1);
    let drain = Command::SetStatus {
        status: AgentStatus::Away,
        reason: None,
        drain: true,
        user: None,
    };
    sim.must(&user(BEN), drain);
    sim.open(1);
    assert_eq!(sim.owner(chat), Some(BEN), "he finishes what he has");
    sim.must(&user(BEN), Command::Resolve { chat });
    let ben = sim.desk.user(UserId(BEN)).unwrap();
    assert_eq!((ben.status, ben.drain), (AgentStatus::Offline, false));
}

#[test]
fn there_is_always_an_owner() {
    let mut sim = Sim::staffed();
    let demote = |role| Command::UpdateUser {
        id: UserId(1),
        change: UserChange {
            role: Some(role),
            ..UserChange::default()
        },
        rev: None,
    };
    let delete = |id| Command::DeleteUser {
        id: UserId(id),
        rev: None,
    };
    let last = Rejection::LastOwner { name: text("Olga") };
    assert_eq!(sim.refuses(&user(1), demote(Role::Agent)), last);
    assert_eq!(sim.refuses(&user(1), delete(1)), last);
    let outranked = sim.refuses(&user(2), delete(1));
    assert_eq!(outranked.code(), ErrorCode::Forbidden);
    let give = |id, role| Command::UpdateUser {
        id: UserId(id),
        change: UserChange {
            role: Some(role),
            ..UserChange::default()
        },
        rev: None,
    };
    assert_eq!(
        sim.refuses(&user(2), give(2, Role::Owner)),
        Rejection::RoleAbove
    );
    sim.must(&user(1), give(2, Role::Owner));
    sim.must(&user(1), delete(1));
    assert_eq!(sim.refuses(&user(2), delete(2)).code(), ErrorCode::Conflict);
}

#[test]
fn disabling_or_moving_an_agent_gives_the_chats_back() {
    let mut sim = Sim::staffed();
    sim.online(ANA);
    let (care, _) = sim.open(1);
    let (billing, _) = sim.open(2);
    let change = |change| Command::UpdateUser {
        id: UserId(ANA),
        change,
        rev: None,
    };
    let only_care = UserChange {
        departments: Some([DepartmentId(1)].into()),
        ..UserChange::default()
    };
    sim.must(&user(2), change(only_care));
    assert_eq!((sim.owner(care), sim.owner(billing)), (Some(ANA), None));
    let disabled = UserChange {
        active: Some(false),
        ..UserChange::default()
    };
    sim.must(&user(2), change(disabled));
    assert_eq!(sim.owner(care), None);
    let asked = sim.refuses(&user(ANA), post(care, "hi"));
    assert_eq!(asked, Rejection::Unauthenticated);
}

#[test]
fn one_department_is_the_default() {
    let mut sim = Sim::staffed();
    let mut new = department("Sales");
    new.default = true;
    let records = sim.must(&user(1), Command::CreateDepartment(new));
    assert_eq!(
        kinds(&records),
        ["department_updated", "department_created"]
    );
    let taken = sim.refuses(&user(1), Command::CreateDepartment(department("SALES")));
    assert_eq!(taken.code(), ErrorCode::Conflict);
    sim.open(1);
    let delete = |id| Command::DeleteDepartment {
        id: DepartmentId(id),
        rev: None,
    };
    let in_use = sim.refuses(&user(1), delete(1));
    assert!(matches!(in_use, Rejection::DepartmentInUse { .. }));
    let default = sim.refuses(&user(1), delete(3));
    assert!(matches!(default, Rejection::DefaultDepartment { .. }));
    sim.must(&user(1), delete(2));
    assert_eq!(sim.desk.user(UserId(ANA)).unwrap().departments.len(), 1);
}

#[test]
fn an_invitation_is_for_72_hours_one_use_and_its_own_name() {
    let mut sim = Sim::staffed();
    let invite = |username: Option<&str>| Command::Invite {
        role: Role::Agent,
        departments: [DepartmentId(1)].into(),
        username: username.map(text),
    };
    let taken = sim.refuses(
        &user(2),
        Command::Invite {
            role: Role::Owner,
            departments: [].into(),
            username: None,
        },
    );
    assert_eq!(taken, Rejection::RoleAbove);
    sim.must(&user(2), invite(Some("dora")));
    let id = sim.desk.invitations().last().unwrap().id;
    let accept = |username: &str| Command::AcceptInvitation {
        invitation: id,
        username: text(username),
        name: text("Dora"),
    };
    let other = sim.refuses(&Who::Anonymous, accept("eve"));
    assert_eq!(other, Rejection::NoInvitation { id });
    let late = sim.now.after(72 * HOUR);
    let late = sim.desk.decide(&Who::Anonymous, &accept("dora"), late);
    assert_eq!(late, Err(Rejection::NoInvitation { id }));
    let before = Duration::from_millis(1);
    sim.pass(72 * HOUR - before);
    sim.must(&Who::Anonymous, accept("Dora"));
    let dora = sim.desk.user_by_name("DORA").unwrap();
    assert_eq!((dora.role, dora.departments.len()), (Role::Agent, 1));
    let again = sim.refuses(&Who::Anonymous, accept("dora"));
    assert_eq!(again, Rejection::NoInvitation { id });
    let takeover = sim.refuses(&user(2), invite(Some("Dora")));
    assert!(matches!(takeover, Rejection::NameTaken { .. }));
}

#[test]
fn setup_is_done_once() {
    let mut sim = Sim::staffed();
    let again = Command::Setup {
        username: text("eve"),
        name: text("Eve"),
    };
    assert_eq!(sim.refuses(&Who::Anonymous, again), Rejection::AlreadySetUp);
}
