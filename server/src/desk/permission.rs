//! The one permission table: what each role may do, and on which things.
//!
//! Commands, frames and REST routes all name an [`Action`] and ask here. Whether a thing is in
//! the right state is not judged here. Applying a document is one action, `change_settings`: who
//! may take it may do with things by a document what the roles that have it may do one by one, and
//! besides write the personal canned replies of others, which are their own alone otherwise.

use std::{collections::BTreeSet, fmt};

use shared::{
    command::{AccountAct, Command},
    id::{CannedId, ChatId, DepartmentId, UserId},
    model::{CannedScope, Role, Visibility},
};

use super::{Desk, Party, Rejection, Who, sight};

/// On which things a role may take an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectRule {
    /// On everything.
    Any,
    /// On what is in a department of one's own.
    OwnDepartment,
    /// On a chat in sight that one owns.
    OwnChat,
    /// On a chat that one opened as its customer.
    OwnAsCustomer,
    /// On oneself.
    SelfOnly,
    /// On nothing.
    Never,
}

/// What an action is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    /// The desk as a whole, or a list that is filtered by what may be seen.
    Desk,
    /// A chat.
    Chat(ChatId),
    /// A user.
    User(UserId),
    /// A customer, registered or not.
    Customer(UserId),
    /// A department.
    Department(DepartmentId),
    /// A canned reply.
    Canned(CannedId),
    /// A canned reply that is to be, of this scope. A personal one is for its user alone to make,
    /// whatever the rule.
    CannedOf(CannedScope),
}

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// A principal with a role.
    Role(Role),
    /// Somebody without a token.
    Anonymous,
    /// The hub itself.
    System,
}

macro_rules! table {
    ($($action:ident $name:literal $doc:literal
       [$owner:ident $admin:ident $supervisor:ident $agent:ident $auditor:ident $customer:ident $anonymous:ident $system:ident])*) => {
        /// Everything that can be done to a desk.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Action {
            $(#[doc = $doc] $action,)*
        }

        impl Action {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$action,)*];

            /// The name, as in `welcome.me.permissions`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$action => $name,)* }
            }

            /// What it does, in a sentence without a subject.
            const fn sentence(self) -> &'static str {
                match self { $(Self::$action => $doc,)* }
            }

            /// On which things `column` may take this action.
            #[must_use]
            pub const fn rule(self, column: Column) -> ObjectRule {
                let row = match self {
                    $(Self::$action => [
                        ObjectRule::$owner, ObjectRule::$admin, ObjectRule::$supervisor,
                        ObjectRule::$agent, ObjectRule::$auditor, ObjectRule::$customer,
                        ObjectRule::$anonymous, ObjectRule::$system,
                    ],)*
                };
                match column {
                    Column::Role(Role::Owner) => row[0],
                    Column::Role(Role::Admin) => row[1],
                    Column::Role(Role::Supervisor) => row[2],
                    Column::Role(Role::Agent) => row[3],
                    Column::Role(Role::Auditor) => row[4],
                    Column::Role(Role::Customer) => row[5],
                    Column::Anonymous => row[6],
                    Column::System => row[7],
                }
            }
        }
    };
}

table! {
//                                                                           owner    admin    supervisor    agent         auditor  customer      anonymous system
    // Commands on chats.
    OpenChat          "open_chat"          "Opens a chat."                    [Never    Never    Never         Never         Never    Any           Any       Never]
    PostMessage       "post_message"       "Writes to the customer."          [OwnChat  OwnChat  OwnChat       OwnChat       Never    OwnAsCustomer Never     Never]
    PostNote          "post_note"          "Writes a note for staff."         [Any      Any      OwnDepartment OwnDepartment Never    Never         Never     Never]
    EditMessage       "edit_message"       "Changes one's own message."       [Any      Any      OwnDepartment OwnDepartment Never    OwnAsCustomer Never     Never]
    MarkRead          "mark_read"          "Moves a read marker."             [OwnChat  OwnChat  OwnChat       OwnChat       Never    OwnAsCustomer Never     Never]
    MarkUnread        "mark_unread"       "Calls one's own chat unread."     [OwnChat  OwnChat  OwnChat       OwnChat       Never    Never         Never     Never]
    Claim             "claim"              "Takes a waiting chat."            [Any      Any      OwnDepartment OwnDepartment Never    Never         Never     Never]
    Assign            "assign"             "Gives a chat to an agent."        [Any      Any      OwnDepartment Never         Never    Never         Never     Never]
    TakeOver          "take_over"          "Takes a chat from its owner."     [Any      Any      OwnDepartment Never         Never    Never         Never     Never]
    Transfer          "transfer"           "Moves a chat elsewhere."          [Any      Any      OwnDepartment OwnChat       Never    Never         Never     Never]
    Hold              "hold"              "Puts a chat aside."               [Any      Any      OwnDepartment OwnChat       Never    Never         Never     Never]
    Snooze            "snooze"            "Puts a chat aside until a time."  [Any      Any      OwnDepartment OwnChat       Never    Never         Never     Never]
    Wake              "wake"              "Takes a chat up again."           [Any      Any      OwnDepartment OwnChat       Never    Never         Never     Never]
    Resolve           "resolve"            "Ends an episode of a chat."       [Any      Any      OwnDepartment OwnChat       Never    OwnAsCustomer Never     Never]
    Close             "close"              "Ends a chat for ever."            [Any      Any      OwnDepartment OwnChat       Never    Never         Never     Never]
    Reopen            "reopen"             "Reopens a resolved chat."         [Any      Any      OwnDepartment OwnDepartment Never    OwnAsCustomer Never     Never]
    Rate              "rate"               "Rates an episode."                [Never    Never    Never         Never         Never    OwnAsCustomer Never     Never]
    Tag               "tag"                "Puts words on a chat."            [Any      Any      OwnDepartment OwnDepartment Never    Never         Never     Never]
    SetPriority       "set_priority"       "Says how urgent a chat is."       [Any      Any      OwnDepartment OwnDepartment Never    Never         Never     Never]
    SetAttribute      "set_attribute"      "Sets a field of a chat."          [Any      Any      OwnDepartment OwnDepartment Never    Never         Never     Never]
    SetLanguage       "set_language"      "Says the customer's language."    [Any      Any      OwnDepartment OwnDepartment Never    OwnAsCustomer Never     Never]
    RequestHuman      "request_human"     "Asks for a person."              [Never    Never    Never         Never         Never    OwnAsCustomer Never     Never]
    ReturnToAssistant "return_to_assistant" "Gives a chat to the assistant." [Any    Any      OwnDepartment OwnChat       Never    Never         Never     Never]
    FlagAnswer        "flag_answer"       "Calls an answer of the assistant wrong." [Any Any   OwnDepartment OwnDepartment Never    Never         Never     Never]
    // Commands on the desk.
    SetStatus         "set_status"         "Sets one's own status."           [SelfOnly SelfOnly SelfOnly      SelfOnly      Never    Never         Never     Never]
    SetStatusOf       "set_status_of"      "Sets a user's status."            [Any      Any      OwnDepartment SelfOnly      Never    Never         Never     Never]
    CreateDepartment  "create_department"  "Makes a department."              [Any      Any      Never         Never         Never    Never         Never     Never]
    UpdateDepartment  "update_department"  "Changes a department."            [Any      Any      Never         Never         Never    Never         Never     Never]
    DeleteDepartment  "delete_department"  "Deletes a department."            [Any      Any      Never         Never         Never    Never         Never     Never]
    ChangeSettings    "change_settings"    "Changes settings and desk as code." [Any    Any      Never         Never         Never    Never         Never     Never]
    CreateCanned      "create_canned"      "Makes a canned reply."            [Any      Any      OwnDepartment SelfOnly      Never    Never         Never     Never]
    UpdateCanned      "update_canned"      "Changes a canned reply."          [Any      Any      OwnDepartment SelfOnly      Never    Never         Never     Never]
    DeleteCanned      "delete_canned"      "Deletes a canned reply."          [Any      Any      OwnDepartment SelfOnly      Never    Never         Never     Never]
    CreateUser        "create_user"        "Makes a member of staff."         [Any      Any      Never         Never         Never    Never         Never     Never]
    UpdateUser        "update_user"        "Changes a member of staff."       [Any      Any      Never         Never         Never    Never         Never     Never]
    DeleteUser        "delete_user"        "Deletes a member of staff."       [Any      Any      Never         Never         Never    Never         Never     Never]
    Invite            "invite"             "Invites a member of staff."       [Any      Any      Never         Never         Never    Never         Never     Never]
    RevokeInvitation  "revoke_invitation"  "Takes an invitation back."        [Any      Any      Never         Never         Never    Never         Never     Never]
    Setup             "setup"              "Makes the first owner."           [Never    Never    Never         Never         Never    Never         Any       Never]
    AcceptInvitation  "accept_invitation"  "Accepts an invitation."           [Never    Never    Never         Never         Never    Never         Any       Never]
    RegisterCustomer  "register_customer"  "Registers as a customer."         [Never    Never    Never         Never         Never    Never         Any       Never]
    RunDesk           "run_desk"           "Tells the desk about presence and answers."   [Never    Never    Never         Never         Never    Never         Never     Any]
    // Reading, by frame or route.
    ReadChat          "read_chat"          "Reads a chat."                    [Any      Any      OwnDepartment OwnDepartment Any      OwnAsCustomer Never     Never]
    Type              "type"               "Shows one's typing."             [OwnChat  OwnChat  OwnChat       OwnChat       Never    OwnAsCustomer Never     Never]
    ListChats         "list_chats"         "Lists the chats in sight."        [Any      Any      OwnDepartment OwnDepartment Any      OwnAsCustomer Never     Never]
    ReadQueue         "read_queue"         "Reads the queues in sight."       [Any      Any      OwnDepartment OwnDepartment Any      Never         Never     Never]
    Search            "search"             "Searches the chats in sight."     [Any      Any      OwnDepartment OwnDepartment Any      OwnAsCustomer Never     Never]
    Assist            "assist"            "Asks the assistant for a draft." [Any      Any      OwnDepartment OwnDepartment Never    Never         Never     Never]
    ReadDesk          "read_desk"          "Reads what the desk is called."   [Any      Any      Any           Any           Any      Any           Any       Never]
    ListOpenDepartments "list_open_departments" "Lists departments that take chats." [Any Any     Any           Any           Any      Any           Any       Never]
    ListDepartments   "list_departments"   "Reads the departments."           [Any      Any      Any           Any           Any      Never         Never     Never]
    ListCanned        "list_canned"        "Reads the canned replies in sight." [Any    Any      Any           Any           Any      Never         Never     Never]
    ListUsers         "list_users"         "Reads the staff."                 [Any      Any      Any           Any           Any      Never         Never     Never]
    ReadStatus        "read_status"        "Reads a user's status."           [Any      Any      Any           Any           Any      Never         Never     Never]
    ReadNumbersOf     "read_numbers_of"    "Reads the numbers of a user."     [Any      Any      OwnDepartment SelfOnly      Any      Never         Never     Never]
    ReadNumbers       "read_numbers"       "Reads reports and analytics."     [Any      Any      OwnDepartment Never         Any      Never         Never     Never]
    ListInvitations   "list_invitations"   "Reads the invitations."           [Any      Any      Never         Never         Any      Never         Never     Never]
    TailEvents        "tail_events"        "Follows the log, as far as seen." [Any      Any      OwnDepartment OwnDepartment Any      OwnAsCustomer Never     Never]
    ReadAudit         "read_audit"         "Reads who did what."              [Any      Any      Never         Never         Any      Never         Never     Never]
    ReadSystemStatus  "read_system_status" "Reads how the hub is."            [Any      Any      Never         Never         Any      Never         Never     Never]
    ReadMetrics       "read_metrics"       "Reads the hub's metrics."         [Any      Any      Never         Never         Any      Never         Never     Never]
    ReadSettings      "read_settings"      "Reads and exports settings."      [Any      Any      Never         Never         Any      Never         Never     Never]
    // Care of accounts and data.
    ReadMe            "read_me"            "Reads one's own account."         [Any      Any      Any           Any           Any      Any           Never     Never]
    ManageSessions    "manage_sessions"    "Lists and ends one's sessions."   [SelfOnly SelfOnly SelfOnly      SelfOnly      SelfOnly SelfOnly      Never     Never]
    ManageSessionsOf  "manage_sessions_of" "Ends the sessions of others."     [Any      Any      Never         Never         Never    Never         Never     Never]
    ManageTokens      "manage_tokens"      "Makes tokens for scripts."        [SelfOnly SelfOnly SelfOnly      SelfOnly      SelfOnly Never         Never     Never]
    ChangePassword    "change_password"    "Changes one's password."          [SelfOnly SelfOnly SelfOnly      SelfOnly      SelfOnly SelfOnly      Never     Never]
    ResetPassword     "reset_password"     "Gives a code for a new password." [Any      Any      Never         Never         Never    Never         Never     Never]
    ManageTotp        "manage_totp"        "Sets one's second factor."        [SelfOnly SelfOnly SelfOnly      SelfOnly      SelfOnly SelfOnly      Never     Never]
    ResetTotp         "reset_totp"         "Ends the second factor of others." [Any     Any      Never         Never         Never    Never         Never     Never]
    Backup            "backup"             "Takes a backup."                  [Any      Any      Never         Never         Never    Never         Never     Never]
    ExportCustomer    "export_customer"    "Exports a customer's data."       [Any      Any      Never         Never         Never    SelfOnly      Never     Never]
    EraseCustomer     "erase_customer"     "Erases a customer's data."        [Any      Any      Never         Never         Never    Never         Never     Any]
}

impl Action {
    /// The action that a command is, whoever sends it.
    #[must_use]
    pub const fn of(command: &Command) -> Self {
        match command {
            Command::OpenChat(_) => Self::OpenChat,
            Command::PostMessage { visibility, .. }
            | Command::PostAttachment { visibility, .. } => match visibility {
                Visibility::Public => Self::PostMessage,
                Visibility::Note => Self::PostNote,
            },
            Command::EditMessage { .. } => Self::EditMessage,
            Command::MarkRead { .. } => Self::MarkRead,
            Command::MarkUnread { .. } => Self::MarkUnread,
            Command::SetStatus { user: None, .. } => Self::SetStatus,
            Command::SetStatus { user: Some(_), .. } => Self::SetStatusOf,
            Command::Claim { .. } => Self::Claim,
            Command::Assign { .. } => Self::Assign,
            Command::TakeOver { .. } => Self::TakeOver,
            Command::Transfer { .. } => Self::Transfer,
            Command::Hold { .. } => Self::Hold,
            Command::Snooze { .. } => Self::Snooze,
            Command::Wake { .. } => Self::Wake,
            Command::Resolve { .. } => Self::Resolve,
            Command::Close { .. } => Self::Close,
            Command::Reopen { .. } => Self::Reopen,
            Command::Rate { .. } => Self::Rate,
            Command::Tag { .. } => Self::Tag,
            Command::SetPriority { .. } => Self::SetPriority,
            Command::SetAttribute { .. } => Self::SetAttribute,
            Command::SetLanguage { .. } => Self::SetLanguage,
            Command::RequestHuman { .. } => Self::RequestHuman,
            Command::ReturnToAssistant { .. } => Self::ReturnToAssistant,
            Command::FlagAnswer { .. } => Self::FlagAnswer,
            Command::CreateDepartment(_) => Self::CreateDepartment,
            Command::UpdateDepartment { .. } => Self::UpdateDepartment,
            Command::DeleteDepartment { .. } => Self::DeleteDepartment,
            Command::UpdateSettings { .. }
            | Command::UpdateAssistant { .. }
            | Command::ApplyDesk(_) => Self::ChangeSettings,
            Command::CreateCanned(_) => Self::CreateCanned,
            Command::UpdateCanned { .. } => Self::UpdateCanned,
            Command::DeleteCanned { .. } => Self::DeleteCanned,
            Command::CreateUser(_) => Self::CreateUser,
            Command::UpdateUser { .. } => Self::UpdateUser,
            Command::DeleteUser { .. } => Self::DeleteUser,
            Command::Invite { .. } => Self::Invite,
            Command::RevokeInvitation { .. } => Self::RevokeInvitation,
            Command::Setup { .. } => Self::Setup,
            Command::AcceptInvitation { .. } => Self::AcceptInvitation,
            Command::RegisterCustomer => Self::RegisterCustomer,
            Command::NoteAccount(act) => Self::of_account(act),
            Command::LoseAgent { .. }
            | Command::RegainAgent { .. }
            | Command::StartHub
            | Command::StartTurn { .. }
            | Command::FinishTurn { .. }
            | Command::NoteKnowledge { .. }
            | Command::CloseChats { .. }
            | Command::EraseChat { .. } => Self::RunDesk,
            Command::EraseCustomer { .. } => Self::EraseCustomer,
        }
    }

    const fn of_account(act: &AccountAct) -> Self {
        match act {
            AccountAct::ChangePassword => Self::ChangePassword,
            AccountAct::EnableTotp
            | AccountAct::DisableTotp
            | AccountAct::RenewRecoveryCodes
            | AccountAct::UseRecoveryCode { .. } => Self::ManageTotp,
            AccountAct::ResetTotp { .. } => Self::ResetTotp,
            AccountAct::CreatePasswordCode { .. } => Self::ResetPassword,
            AccountAct::RevokeSessions { .. } => Self::ManageSessionsOf,
            AccountAct::CreateToken { .. } | AccountAct::DeleteToken { .. } => Self::ManageTokens,
        }
    }

    /// Whether it takes part in the talk, which only a member of the chat may.
    const fn speaks(self) -> bool {
        matches!(
            self,
            Self::PostMessage | Self::MarkRead | Self::MarkUnread | Self::Type
        )
    }
}

/// In words that follow "you may": `make a department`.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentence = self.sentence().trim_end_matches('.');
        let mut verb = true;
        for (index, word) in sentence.split(' ').enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            match word {
                "one's" => f.write_str("your")?,
                verb_of_it if verb => f.write_str(&infinitive(verb_of_it))?,
                other => f.write_str(other)?,
            }
            verb = word == "and";
        }
        Ok(())
    }
}

/// Of a verb as the table has it: `Makes`, `Searches`, `Applies`.
fn infinitive(verb: &str) -> String {
    let verb = verb.to_lowercase();
    if let Some(stem) = verb.strip_suffix("ies") {
        return format!("{stem}y");
    }
    let stem = verb.strip_suffix("ches").map(|stem| format!("{stem}ch"));
    stem.unwrap_or_else(|| verb.strip_suffix('s').unwrap_or(&verb).to_owned())
}

impl Object {
    /// What a command is about.
    #[must_use]
    pub const fn of(command: &Command) -> Self {
        match command {
            Command::PostMessage { chat, .. }
            | Command::PostAttachment { chat, .. }
            | Command::EditMessage { chat, .. }
            | Command::MarkRead { chat, .. }
            | Command::MarkUnread { chat, .. }
            | Command::Claim { chat, .. }
            | Command::Assign { chat, .. }
            | Command::TakeOver { chat, .. }
            | Command::Transfer { chat, .. }
            | Command::Hold { chat }
            | Command::Snooze { chat, .. }
            | Command::Wake { chat }
            | Command::Resolve { chat }
            | Command::Close { chat, .. }
            | Command::Reopen { chat }
            | Command::Rate { chat, .. }
            | Command::Tag { chat, .. }
            | Command::SetPriority { chat, .. }
            | Command::SetAttribute { chat, .. }
            | Command::SetLanguage { chat, .. }
            | Command::RequestHuman { chat }
            | Command::ReturnToAssistant { chat, .. }
            | Command::FlagAnswer { chat, .. } => Self::Chat(*chat),
            Command::SetStatus {
                user: Some(user), ..
            } => Self::User(*user),
            Command::UpdateUser { id, .. } | Command::DeleteUser { id, .. } => Self::User(*id),
            Command::NoteAccount(
                AccountAct::ResetTotp { user }
                | AccountAct::CreatePasswordCode { user, .. }
                | AccountAct::RevokeSessions { user },
            ) => Self::User(*user),
            Command::UpdateDepartment { id, .. } | Command::DeleteDepartment { id, .. } => {
                Self::Department(*id)
            }
            Command::EraseCustomer { customer, .. } => Self::Customer(*customer),
            Command::CreateCanned(new) => Self::CannedOf(new.scope),
            Command::UpdateCanned { id, .. } | Command::DeleteCanned { id, .. } => {
                Self::Canned(*id)
            }
            _ => Self::Desk,
        }
    }
}

/// The names of the actions that a role may take at all.
#[must_use]
pub fn permissions(role: Role) -> BTreeSet<String> {
    Action::ALL
        .iter()
        .filter(|action| action.rule(Column::Role(role)) != ObjectRule::Never)
        .map(|action| action.name().to_owned())
        .collect()
}

impl Desk {
    /// Whether `who` may take `action` on `object`: the question of every route and frame.
    ///
    /// # Errors
    /// [`Rejection::Unauthenticated`] for an unknown or disabled user; not found for what is out
    /// of sight; [`Rejection::Archived`] for a chat the desk has let go; not a member or
    /// forbidden for what is seen but not allowed.
    pub fn permit(&self, who: &Who, action: Action, object: Object) -> Result<(), Rejection> {
        let party = self.party(who)?;
        self.check(&party, action, object)
    }

    pub(super) fn check(
        &self,
        party: &Party<'_>,
        action: Action,
        object: Object,
    ) -> Result<(), Rejection> {
        let rule = action.rule(party.column());
        if rule == ObjectRule::Never && party.column() == Column::Anonymous {
            return Err(Rejection::Unauthenticated);
        }
        let forbidden = Err(Rejection::Forbidden { action });
        match object {
            Object::Chat(id) => self.check_chat(party, action, rule, id),
            // Who may never do it learns nothing of who is there.
            Object::User(_) if rule == ObjectRule::Never => forbidden,
            Object::User(id) => {
                let user = self.user(id).ok_or(Rejection::NoUser { id })?;
                let own = party.id() == Some(id);
                let near = || {
                    own || party.user().is_some_and(|me| {
                        me.departments.intersection(&user.departments).count() > 0
                    })
                };
                match rule {
                    ObjectRule::Any => Ok(()),
                    ObjectRule::OwnDepartment if near() => Ok(()),
                    ObjectRule::SelfOnly if own => Ok(()),
                    _ => forbidden,
                }
            }
            Object::Customer(id) => match rule {
                ObjectRule::Any => Ok(()),
                ObjectRule::SelfOnly if party.id() == Some(id) => Ok(()),
                _ => forbidden,
            },
            Object::Department(id) => {
                let known = self.facts.departments.contains_key(&id);
                let own = party.user().is_some_and(|me| me.departments.contains(&id));
                match rule {
                    ObjectRule::Never => forbidden,
                    _ if !known => Err(Rejection::NoDepartment {
                        name: id.to_string(),
                    }),
                    ObjectRule::Any => Ok(()),
                    ObjectRule::OwnDepartment if own => Ok(()),
                    _ => forbidden,
                }
            }
            Object::Canned(_) | Object::CannedOf(_) if rule == ObjectRule::Never => forbidden,
            Object::Canned(id) => {
                let viewer = party.viewer();
                let canned = viewer.and_then(|viewer| self.canned_for(&viewer, id));
                let canned = canned.ok_or(Rejection::NoCanned { id })?;
                self.check(party, action, Object::CannedOf(canned.scope))
            }
            Object::CannedOf(scope) => {
                let allowed = match (scope, rule) {
                    (CannedScope::Personal { user }, _) => party.id() == Some(user),
                    (_, ObjectRule::Any) => true,
                    (CannedScope::Department { department }, ObjectRule::OwnDepartment) => party
                        .user()
                        .is_some_and(|me| me.departments.contains(&department)),
                    _ => false,
                };
                if allowed { Ok(()) } else { forbidden }
            }
            Object::Desk if rule == ObjectRule::Never => forbidden,
            Object::Desk => Ok(()),
        }
    }

    fn check_chat(
        &self,
        party: &Party<'_>,
        action: Action,
        rule: ObjectRule,
        id: ChatId,
    ) -> Result<(), Rejection> {
        let chat = &self.thread(id)?.chat;
        let Some(viewer) = party.viewer() else {
            return Err(Rejection::Forbidden { action });
        };
        if !sight::sees(&viewer, chat) {
            return Err(Rejection::NoChat { chat: id });
        }
        let allowed = match rule {
            ObjectRule::Any => true,
            ObjectRule::OwnDepartment => viewer.departments.contains(&chat.department),
            ObjectRule::OwnChat => chat.owner == Some(viewer.id),
            ObjectRule::OwnAsCustomer => chat.customer == viewer.id,
            ObjectRule::SelfOnly | ObjectRule::Never => false,
        };
        if allowed {
            Ok(())
        } else if action.speaks() && rule == ObjectRule::OwnChat {
            Err(Rejection::NotOwner {
                chat: id,
                owner: self.owner_name(chat),
            })
        } else {
            Err(Rejection::Forbidden { action })
        }
    }
}
