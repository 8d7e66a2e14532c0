//! One command of every kind, about things whose numbers are given.

use shared::{
    command::{
        CannedChange, Command, DepartmentChange, DepartmentRef, NewCanned, NewDepartment, NewUser,
        OpenChat, SettingsChange, UserChange, UserRef,
    },
    id::{CannedId, ChatId, DepartmentId, Epoch, InvitationId, Seq, UserId},
    model::{AgentStatus, CannedScope, Role, Visibility},
    text::SafeText,
};

/// A number that nothing has.
pub(super) const MISSING: u64 = 8_888_888;

/// The numbers of the things that a command or path names.
#[derive(Clone, Copy)]
pub(super) struct Things {
    pub(super) chat: u64,
    pub(super) user: u64,
    pub(super) department: u64,
    pub(super) canned: u64,
    pub(super) invitation: u64,
    pub(super) customer: u64,
    pub(super) attachment: u64,
}

pub(super) const NOTHING: Things = Things {
    chat: MISSING,
    user: MISSING,
    department: MISSING,
    canned: MISSING,
    invitation: MISSING,
    customer: MISSING,
    attachment: MISSING,
};

/// What a command is about, as far as this matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// A chat, or a thing in one, that some do not see.
    Chat,
    /// A canned reply that some do not see.
    Canned,
    /// What all staff see and customers do not.
    Staff,
    /// The desk, or oneself.
    Desk,
    /// Nothing that has a name on the wire.
    Internal,
}

macro_rules! every_command {
    ($($pattern:pat, $about:ident => $sample:expr;)*) => {
        /// One command of every kind about `things`, and what it is about. A new kind does not
        /// compile before it has a row.
        pub(super) fn every_command(things: &Things) -> Vec<(&'static str, About, Option<Command>)> {
            fn name(command: &Command) -> &'static str {
                match command { $($pattern => stringify!($pattern),)* }
            }
            let rows = [$((stringify!($pattern), About::$about, $sample(things)),)*];
            for (row, _, sample) in &rows {
                let sample: &Option<Command> = sample;
                assert!(sample.as_ref().is_none_or(|it| name(it) == *row), "{row}: {sample:?}");
            }
            rows.into()
        }
    };
}

type Sample = Option<Command>;

fn text(text: &str) -> SafeText {
    SafeText::line(text)
}

const EPOCH: Epoch = Epoch(1);
const INTERNAL: fn(&Things) -> Sample = |_| None;

every_command! {
    Command::OpenChat(_), Chat => |it: &Things| Some(Command::OpenChat(OpenChat {
        name: Some(text("Cleo")), previous: Some(ChatId(it.chat)), ..OpenChat::default()
    }));
    Command::PostMessage { .. }, Chat => |it: &Things| Some(Command::PostMessage {
        chat: ChatId(it.chat), text: text("hi"), visibility: Visibility::Public,
        expected_seq: None, canned: Vec::new(),
    });
    Command::EditMessage { .. }, Chat => |it: &Things| Some(Command::EditMessage {
        chat: ChatId(it.chat), seq: Seq(2), text: text("edited"),
    });
    Command::MarkRead { .. }, Chat => |it: &Things| Some(Command::MarkRead {
        chat: ChatId(it.chat), seq: Seq(1),
    });
    Command::MarkUnread { .. }, Chat => |it: &Things| Some(Command::MarkUnread {
        chat: ChatId(it.chat), seq: Seq(1),
    });
    Command::SetStatus { .. }, Staff => |it: &Things| Some(Command::SetStatus {
        status: AgentStatus::Busy, reason: None, drain: false, user: Some(UserId(it.user)),
    });
    Command::Claim { .. }, Chat => |it: &Things| Some(Command::Claim {
        chat: ChatId(it.chat), epoch: EPOCH,
    });
    Command::Assign { .. }, Chat => |it: &Things| Some(Command::Assign {
        chat: ChatId(it.chat), agent: UserRef::Id(UserId(it.user)), epoch: EPOCH,
    });
    Command::TakeOver { .. }, Chat => |it: &Things| Some(Command::TakeOver {
        chat: ChatId(it.chat), epoch: EPOCH,
    });
    Command::Transfer { .. }, Chat => |it: &Things| Some(Command::Transfer {
        chat: ChatId(it.chat), department: Some(DepartmentRef::Id(DepartmentId(it.department))),
        agent: None, note: None, epoch: EPOCH,
    });
    Command::Hold { .. }, Chat => |it: &Things| Some(Command::Hold { chat: ChatId(it.chat) });
    Command::Snooze { .. }, Chat => |it: &Things| Some(Command::Snooze {
        chat: ChatId(it.chat), until: None,
    });
    Command::Wake { .. }, Chat => |it: &Things| Some(Command::Wake { chat: ChatId(it.chat) });
    Command::Resolve { .. }, Chat => |it: &Things| Some(Command::Resolve { chat: ChatId(it.chat) });
    Command::Close { .. }, Chat => |it: &Things| Some(Command::Close {
        chat: ChatId(it.chat), epoch: None,
    });
    Command::Reopen { .. }, Chat => |it: &Things| Some(Command::Reopen { chat: ChatId(it.chat) });
    Command::Rate { .. }, Chat => |it: &Things| Some(Command::Rate {
        chat: ChatId(it.chat), score: 5, comment: None,
    });
    Command::Tag { .. }, Chat => |it: &Things| Some(Command::Tag {
        chat: ChatId(it.chat), add: [text("vip")].into(), remove: [].into(),
    });
    Command::SetPriority { .. }, Chat => |it: &Things| Some(Command::SetPriority {
        chat: ChatId(it.chat), priority: 1,
    });
    Command::SetAttribute { .. }, Chat => |it: &Things| Some(Command::SetAttribute {
        chat: ChatId(it.chat), key: text("plan"), value: text("gold"),
    });
    Command::SetLanguage { .. }, Chat => |it: &Things| Some(Command::SetLanguage {
        chat: ChatId(it.chat), language: text("pt"),
    });
    Command::RequestHuman { .. }, Chat => |it: &Things| Some(Command::RequestHuman {
        chat: ChatId(it.chat),
    });
    Command::ReturnToAssistant { .. }, Chat => |it: &Things| Some(Command::ReturnToAssistant {
        chat: ChatId(it.chat), epoch: EPOCH,
    });
    Command::FlagAnswer { .. }, Chat => |it: &Things| Some(Command::FlagAnswer {
        chat: ChatId(it.chat), seq: Seq(2), reason: None,
    });
    Command::CreateDepartment(_), Desk => |_: &Things| Some(Command::CreateDepartment(
        NewDepartment {
            name: text("New"), description: text(""), active: true, default: false,
            capacity: None, form: Vec::new(), retention_days: None,
        },
    ));
    Command::UpdateDepartment { .. }, Staff => |it: &Things| Some(Command::UpdateDepartment {
        id: DepartmentId(it.department), rev: None,
        change: DepartmentChange { capacity: Some(Some(9)), ..DepartmentChange::default() },
    });
    Command::DeleteDepartment { .. }, Staff => |it: &Things| Some(Command::DeleteDepartment {
        id: DepartmentId(it.department), rev: None,
    });
    Command::UpdateSettings { .. }, Desk => |_: &Things| Some(Command::UpdateSettings {
        change: SettingsChange { name: Some(text("Bikes")), notice: None, retention_days: None }, rev: None,
    });
    Command::UpdateAssistant { .. }, Desk => |_: &Things| Some(Command::UpdateAssistant {
        change: Box::default(), rev: None,
    });
    Command::ApplyDesk(_), Internal => INTERNAL;
    Command::CreateCanned(_), Staff => |it: &Things| Some(Command::CreateCanned(NewCanned {
        code: text("new"), text: text("hello"), variants: [].into(),
        scope: CannedScope::Department { department: DepartmentId(it.department) },
    }));
    Command::UpdateCanned { .. }, Canned => |it: &Things| Some(Command::UpdateCanned {
        id: CannedId(it.canned), rev: None,
        change: CannedChange { text: Some(text("changed")), ..CannedChange::default() },
    });
    Command::DeleteCanned { .. }, Canned => |it: &Things| Some(Command::DeleteCanned {
        id: CannedId(it.canned), rev: None,
    });
    Command::CreateUser(_), Desk => |_: &Things| Some(Command::CreateUser(NewUser {
        username: text("new"), name: text("New"), role: Role::Agent, departments: [].into(),
        capacity: None,
    }));
    Command::UpdateUser { .. }, Staff => |it: &Things| Some(Command::UpdateUser {
        id: UserId(it.user), rev: None,
        change: UserChange { capacity: Some(Some(9)), ..UserChange::default() },
    });
    Command::DeleteUser { .. }, Staff => |it: &Things| Some(Command::DeleteUser {
        id: UserId(it.user), rev: None,
    });
    Command::Invite { .. }, Desk => |_: &Things| Some(Command::Invite {
        role: Role::Agent, departments: [].into(), username: None,
    });
    Command::RevokeInvitation { .. }, Staff => |it: &Things| Some(Command::RevokeInvitation {
        id: InvitationId(it.invitation),
    });
    Command::Setup { .. }, Internal => INTERNAL;
    Command::AcceptInvitation { .. }, Internal => INTERNAL;
    Command::PostAttachment { .. }, Internal => INTERNAL;
    Command::RegisterCustomer, Internal => INTERNAL;
    Command::NoteAccount(_), Internal => INTERNAL;
    Command::EraseCustomer { .. }, Internal => INTERNAL;
    Command::CloseChats { .. }, Internal => INTERNAL;
    Command::EraseChat { .. }, Internal => INTERNAL;
    Command::LoseAgent { .. }, Internal => INTERNAL;
    Command::RegainAgent { .. }, Internal => INTERNAL;
    Command::StartTurn { .. }, Internal => INTERNAL;
    Command::FinishTurn { .. }, Internal => INTERNAL;
    Command::NoteKnowledge { .. }, Internal => INTERNAL;
    Command::StartHub, Internal => INTERNAL;
}

/// `Command::LoseAgent { .. }` as a frame would have it: `lose_agent`.
pub(super) fn wire_name(pattern: &str) -> String {
    let variant = pattern.trim_start_matches("Command::");
    let variant: String = variant
        .chars()
        .take_while(|c| c.is_alphanumeric())
        .collect();
    let mut name = String::new();
    for c in variant.chars() {
        if c.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(c.to_lowercase());
    }
    name
}
