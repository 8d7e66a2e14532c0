//! The table against every command and six principals.

use std::collections::BTreeSet;

use shared::{
    command::{
        CannedChange, Command, DepartmentChange, DepartmentRef, NewAttachment, NewCanned, NewUser,
        OpenChat, SettingsChange, UserChange, UserRef,
    },
    error::ErrorCode,
    id::{CannedId, ChatId, DepartmentId, Epoch, InvitationId, Seq, UserId},
    model::{AgentStatus, CannedScope, Role, Visibility},
};

use super::sim::{Sim, customer, department, post, status, text};
use crate::desk::{
    Who,
    permission::{Action, Column, ObjectRule, permissions},
};

/// One command of each kind on `chat`, which is in Billing.
fn every_command(chat: ChatId) -> Vec<Command> {
    let epoch = Epoch(1);
    let note = Command::PostMessage {
        chat,
        text: text("psst"),
        visibility: Visibility::Note,
        expected_seq: None,
        canned: Vec::new(),
    };
    let edit = Command::EditMessage {
        chat,
        seq: Seq(2),
        text: text("edited"),
    };
    let (tags, words) = (BTreeSet::from([text("vip")]), BTreeSet::new());
    let transfer = Command::Transfer {
        chat,
        department: Some(DepartmentRef::Id(DepartmentId(1))),
        agent: None,
        note: None,
        epoch,
    };
    let agent = UserRef::Id(UserId(4));
    let new_user = NewUser {
        username: text("new"),
        name: text("New"),
        role: Role::Agent,
        departments: BTreeSet::new(),
        capacity: None,
    };
    let of_agent = Command::SetStatus {
        status: AgentStatus::Busy,
        reason: None,
        drain: false,
        user: Some(UserId(5)),
    };
    let (id, rev) = (DepartmentId(2), None);
    let change = DepartmentChange {
        capacity: Some(Some(9)),
        ..DepartmentChange::default()
    };
    let user_change = UserChange {
        capacity: Some(Some(9)),
        ..UserChange::default()
    };
    let (username, name) = (text("eve"), text("Eve"));
    let user = UserId(5);
    vec![
        Command::OpenChat(OpenChat {
            name: Some(text("Cleo")),
            ..OpenChat::default()
        }),
        post(chat, "hi"),
        note,
        Command::PostAttachment {
            chat,
            attachment: NewAttachment {
                name: text("a.txt"),
                bytes: 1,
                kind: text("text/plain"),
                digest: [0; 32],
            },
            text: text(""),
            visibility: Visibility::Public,
        },
        edit,
        Command::MarkRead { chat, seq: Seq(1) },
        Command::MarkUnread { chat, seq: Seq(1) },
        Command::Claim { chat, epoch },
        Command::Assign { chat, agent, epoch },
        Command::TakeOver { chat, epoch },
        transfer,
        Command::Hold { chat },
        Command::Snooze { chat, until: None },
        Command::Wake { chat },
        Command::Resolve { chat },
        Command::Close { chat, epoch: None },
        Command::Reopen { chat },
        Command::Rate {
            chat,
            score: 5,
            comment: None,
        },
        Command::Tag {
            chat,
            add: tags,
            remove: words,
        },
        Command::SetPriority { chat, priority: 1 },
        Command::SetAttribute {
            chat,
            key: text("plan"),
            value: text("gold"),
        },
        Command::SetLanguage {
            chat,
            language: text("pt"),
        },
        Command::RequestHuman { chat },
        Command::ReturnToAssistant { chat, epoch },
        Command::FlagAnswer {
            chat,
            seq: Seq(2),
            reason: None,
        },
        status(AgentStatus::Busy),
        of_agent,
        Command::CreateDepartment(department("New")),
        Command::UpdateDepartment { id, change, rev },
        Command::DeleteDepartment { id, rev },
        Command::UpdateSettings {
            change: SettingsChange {
                name: Some(text("Bright Bikes")),
                notice: None,
                retention_days: None,
            },
            rev,
        },
        Command::CreateCanned(canned("new")),
        Command::UpdateCanned {
            id: CannedId(1),
            change: CannedChange {
                text: Some(text("changed")),
                ..CannedChange::default()
            },
            rev,
        },
        Command::DeleteCanned {
            id: CannedId(1),
            rev,
        },
        Command::CreateUser(new_user),
        Command::UpdateUser {
            id: user,
            change: user_change,
            rev,
        },
        Command::DeleteUser { id: user, rev },
        Command::Invite {
            role: Role::Agent,
            departments: BTreeSet::new(),
            username: None,
        },
        Command::RevokeInvitation {
            id: InvitationId(1),
        },
        Command::Setup {
            username: username.clone(),
            name: name.clone(),
        },
        Command::AcceptInvitation {
            invitation: InvitationId(99),
            username,
            name,
        },
        Command::RegisterCustomer,
        Command::LoseAgent { user },
        Command::RegainAgent { user },
        Command::StartHub,
    ]
}

/// A canned reply of Billing.
fn canned(code: &str) -> NewCanned {
    NewCanned {
        code: text(code),
        scope: CannedScope::Department {
            department: DepartmentId(2),
        },
        text: text("hello"),
        variants: std::collections::BTreeMap::new(),
    }
}

fn code(sim: &Sim, who: &Who, command: &Command) -> Option<ErrorCode> {
    let decided = sim.desk.decide(who, command, sim.now);
    decided.err().map(|rejection| rejection.code())
}

#[test]
fn every_action_of_a_command_is_walked() {
    let walked: BTreeSet<Action> = every_command(ChatId(1)).iter().map(Action::of).collect();
    let of_commands = Action::ALL
        .iter()
        .copied()
        .filter(|a| *a <= Action::RunDesk);
    assert_eq!(walked, of_commands.collect());
    let names: BTreeSet<&str> = Action::ALL.iter().map(|action| action.name()).collect();
    assert_eq!(names.len(), Action::ALL.len(), "names are unique");
}

/// The promises of the product, apart from the table.
#[test]
fn roles_change_what_was_promised_and_no_more() {
    let allowed = |column| {
        let changes = Action::ALL.iter().filter(|a| **a <= Action::RunDesk);
        let changes = changes.filter(|a| a.rule(column) != ObjectRule::Never);
        changes.map(|a| a.name()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(allowed(Column::Role(Role::Auditor)), "");
    assert_eq!(
        allowed(Column::Role(Role::Customer)),
        "open_chat post_message edit_message mark_read resolve reopen rate set_language request_human"
    );
    let agent = "post_message post_note edit_message mark_read mark_unread claim transfer hold \
                 snooze wake resolve close reopen tag set_priority set_attribute set_language \
                 return_to_assistant flag_answer set_status \
                 set_status_of create_canned update_canned delete_canned";
    assert_eq!(allowed(Column::Role(Role::Agent)), agent);
    let supervisor = agent.replace("claim", "claim assign take_over");
    assert_eq!(allowed(Column::Role(Role::Supervisor)), supervisor);
    let anonymous = "open_chat setup accept_invitation register_customer";
    assert_eq!(allowed(Column::Anonymous), anonymous);
    assert_eq!(allowed(Column::System), "run_desk");
}

#[test]
fn nobody_touches_a_chat_out_of_sight_or_learns_of_it() {
    let mut sim = Sim::staffed();
    let (chat, _) = sim.open(2);
    let (_, stranger) = sim.open(1);
    // Ben works in the other department; the stranger has a chat of their own.
    for who in [Who::User(UserId(5)), stranger] {
        for command in every_command(chat) {
            let on_chat = matches!(
                crate::desk::permission::Object::of(&command),
                crate::desk::permission::Object::Chat(_)
            );
            if on_chat {
                let code = code(&sim, &who, &command);
                assert_eq!(code, Some(ErrorCode::NotFound), "{who:?} {command:?}");
            }
        }
    }
    for command in every_command(chat) {
        let anonymous = Action::of(&command).rule(Column::Anonymous);
        if anonymous == ObjectRule::Never {
            let code = code(&sim, &Who::Anonymous, &command);
            assert_eq!(code, Some(ErrorCode::Unauthenticated), "{command:?}");
        }
    }
}

#[test]
fn the_table_is_what_the_desk_does() {
    let mut sim = Sim::staffed();
    sim.must(&Who::User(UserId(2)), Command::CreateCanned(canned("old")));
    let (chat, cleo) = sim.open(2);
    let principals = [
        (Who::User(UserId(1)), Role::Owner),
        (Who::User(UserId(2)), Role::Admin),
        (Who::User(UserId(3)), Role::Supervisor),
        (Who::User(UserId(4)), Role::Agent),
        (Who::User(UserId(7)), Role::Auditor),
        (cleo, Role::Customer),
    ];
    for (who, role) in principals {
        for command in every_command(chat) {
            let rule = Action::of(&command).rule(Column::Role(role));
            let denied = matches!(
                code(&sim, &who, &command),
                Some(ErrorCode::Forbidden | ErrorCode::NotMember | ErrorCode::NotFound)
            );
            let allowed = match rule {
                ObjectRule::Never => false,
                // All of these principals see Billing; nobody owns the chat yet, and the user
                // to be changed is Ben, who shares a department with the supervisor.
                ObjectRule::Any | ObjectRule::OwnDepartment => true,
                ObjectRule::OwnChat => false,
                ObjectRule::OwnAsCustomer => role == Role::Customer,
                ObjectRule::SelfOnly => matches!(command, Command::SetStatus { user: None, .. }),
            };
            let not_author = matches!(command, Command::EditMessage { .. });
            let allowed = allowed && (!not_author || role == Role::Customer);
            assert_eq!(denied, !allowed, "{role:?} {command:?} ({rule:?})");
        }
    }
}

#[test]
fn owning_a_chat_opens_what_needs_it() {
    let mut sim = Sim::staffed();
    let (chat, _) = sim.open(2);
    let claim = Command::Claim {
        chat,
        epoch: Epoch(1),
    };
    sim.must(&Who::User(UserId(4)), claim);
    for (who, code_of_others) in [(4, None), (6, Some(ErrorCode::Forbidden))] {
        let who = Who::User(UserId(who));
        for command in [
            Command::Resolve { chat },
            Command::Close { chat, epoch: None },
        ] {
            assert_eq!(code(&sim, &who, &command), code_of_others, "{command:?}");
        }
    }
    let admin = Who::User(UserId(2));
    assert_eq!(
        code(&sim, &admin, &post(chat, "hi")),
        Some(ErrorCode::NotMember)
    );
}

#[test]
fn supervisors_change_the_status_of_agents_near_them_only() {
    let mut sim = Sim::staffed();
    let supervisor = Who::User(UserId(3));
    let of = |user| Command::SetStatus {
        status: AgentStatus::Away,
        reason: None,
        drain: false,
        user: Some(UserId(user)),
    };
    sim.must(&supervisor, of(5));
    sim.must(&supervisor, of(3));
    for user in [1, 2, 7] {
        assert_eq!(
            sim.refuses(&supervisor, of(user)).code(),
            ErrorCode::Forbidden
        );
    }
    sim.must(&Who::User(UserId(4)), of(4));
    let agent = sim.refuses(&Who::User(UserId(4)), of(5));
    assert_eq!(agent.code(), ErrorCode::Forbidden);
}

#[test]
fn unknown_people_are_not_let_in() {
    let sim = Sim::staffed();
    for who in [
        Who::User(UserId(99)),
        customer(UserId(99)),
        customer(UserId(1)),
    ] {
        let code = code(&sim, &who, &Command::OpenChat(OpenChat::default()));
        assert_eq!(code, Some(ErrorCode::Unauthenticated), "{who:?}");
        assert_eq!(sim.desk.viewer(&who), None);
    }
    assert!(permissions(Role::Agent).contains("claim"));
    assert!(!permissions(Role::Auditor).contains("post_note"));
}

/// Whoever is refused reads words, never the name of an action.
#[test]
fn every_action_reads_as_words_after_you_may_not() {
    for action in Action::ALL {
        let words = action.to_string();
        let verb = words.split(' ').next().unwrap_or_default();
        assert!(!words.contains(['_', '.']), "{words}");
        assert!(words.starts_with(char::is_lowercase), "{words}");
        assert!(!verb.ends_with('s'), "{words}");
    }
    let words = |action: Action| action.to_string();
    assert_eq!(words(Action::CreateDepartment), "make a department");
    assert_eq!(words(Action::Search), "search the chats in sight");
    let code = "change settings and desk as code";
    assert_eq!(words(Action::ChangeSettings), code);
    assert_eq!(words(Action::ReadMe), "read your own account");
    let sessions = "list and end your sessions";
    assert_eq!(words(Action::ManageSessions), sessions);
}
