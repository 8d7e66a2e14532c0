//! How staff come and go: setup, users, invitations. There is always an active owner.

use std::{collections::BTreeSet, time::Duration};

use shared::{
    command::{NewUser, UserChange},
    event::{Event, QueueReason},
    id::{DepartmentId, InvitationId, UserId},
    model::{ActorKind, AgentStatus, CannedScope, Chat, Department, Invitation, Role, User},
    text::SafeText,
    time::Timestamp,
};

use super::{Desk, NewRecord, Party, Rejection, form, person, state::can_own, system};

/// How long an invitation can be accepted.
const INVITATION_TTL: Duration = Duration::from_secs(72 * 3600);
/// The department that every desk begins with.
const FIRST_DEPARTMENT: &str = "Customer Care";

/// Whether `me` may change `user` at all: oneself, and those one ranks above; admins also each
/// other, supervisors only agents.
pub(super) fn may_change(me: &User, user: &User) -> Result<(), Rejection> {
    let may = match me.role {
        _ if me.id == user.id => true,
        Role::Owner => true,
        Role::Admin => user.role != Role::Owner,
        Role::Supervisor => user.role == Role::Agent,
        _ => false,
    };
    if may {
        Ok(())
    } else {
        Err(Rejection::Outranked {
            name: user.name.clone(),
        })
    }
}

impl Desk {
    pub(super) fn set_up(
        &self,
        username: &SafeText,
        name: &SafeText,
    ) -> Result<Vec<NewRecord>, Rejection> {
        if !self.is_empty() {
            return Err(Rejection::AlreadySetUp);
        }
        let department = Department {
            id: self.facts.last_department.next(),
            name: SafeText::line(FIRST_DEPARTMENT),
            description: SafeText::default(),
            active: true,
            default: true,
            capacity: None,
            retention_days: None,
            form: Vec::new(),
            rev: 0,
        };
        let new = NewUser {
            username: username.clone(),
            name: name.clone(),
            role: Role::Owner,
            departments: BTreeSet::from([department.id]),
            capacity: None,
        };
        let user = self.new_user(&new)?;
        let actor = system("setup");
        Ok(vec![
            NewRecord::of_desk(actor.clone(), Event::DepartmentCreated { department }),
            NewRecord::of_desk(actor, Event::UserCreated { user }),
        ])
    }

    pub(super) fn create_user(
        &self,
        party: &Party<'_>,
        new: &NewUser,
        now: Timestamp,
    ) -> Result<Vec<NewRecord>, Rejection> {
        check_role(party, new.role)?;
        self.check_departments(&new.departments)?;
        let user = self.new_user(new)?;
        let invitation = Invitation {
            id: self.facts.last_invitation.next(),
            role: user.role,
            departments: user.departments.clone(),
            username: Some(user.username.clone()),
            by: party.staff()?.id,
            expires_at: now.after(INVITATION_TTL),
        };
        let actor = party.actor();
        Ok(vec![
            NewRecord::of_desk(actor.clone(), Event::UserCreated { user }),
            NewRecord::of_desk(actor, Event::InvitationCreated { invitation }),
        ])
    }

    pub(super) fn update_user(
        &self,
        party: &Party<'_>,
        id: UserId,
        change: &UserChange,
        rev: Option<u64>,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let old = self.user_at(party, id, rev)?;
        let mut new = old.clone();
        if let Some(name) = &change.name {
            new.name = form::name("name", name)?;
        }
        if let Some(role) = change.role {
            check_role(party, role)?;
            new.role = role;
        }
        if let Some(departments) = &change.departments {
            self.check_departments(departments)?;
            new.departments.clone_from(departments);
        }
        new.capacity = change.capacity.unwrap_or(old.capacity);
        new.active = change.active.unwrap_or(old.active);
        if !new.active || !can_own(new.role) {
            new.set_status(AgentStatus::Offline, None, false);
        }
        if !new.active {
            new.reachable = false;
        }
        if new.role != Role::Owner || !new.active {
            self.check_last_owner(old)?;
        }
        if new == *old {
            return Ok(Vec::new());
        }
        let leaves = |chat: &&Chat| !keeps(&new, old, chat.department);
        let back = self.owned(id).filter(leaves);
        let back = back.flat_map(|chat| self.give_back(chat, QueueReason::AgentLeft));
        let back: Vec<NewRecord> = back.collect();
        let updated = Event::UserUpdated { user: new };
        let mut records = vec![NewRecord::of_desk(party.actor(), updated)];
        records.extend(back);
        Ok(records)
    }

    pub(super) fn delete_user(
        &self,
        party: &Party<'_>,
        id: UserId,
        rev: Option<u64>,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let user = self.user_at(party, id, rev)?;
        self.check_last_owner(user)?;
        let back = |chat| self.give_back(chat, QueueReason::AgentLeft);
        let mut records: Vec<NewRecord> = self.owned(id).flat_map(back).collect();
        let pending = self.invitations_of(&user.username);
        records.extend(pending.map(|invitation| {
            let deleted = Event::InvitationDeleted { invitation };
            NewRecord::of_desk(party.actor(), deleted)
        }));
        records.extend(self.delete_canned_of(party, CannedScope::Personal { user: id }));
        let deleted = Event::UserDeleted { user: id };
        records.push(NewRecord::of_desk(party.actor(), deleted));
        Ok(records)
    }

    pub(super) fn invite(
        &self,
        party: &Party<'_>,
        role: Role,
        departments: &BTreeSet<DepartmentId>,
        username: Option<&SafeText>,
        now: Timestamp,
    ) -> Result<Vec<NewRecord>, Rejection> {
        check_role(party, role)?;
        self.check_departments(departments)?;
        let mut invitation = Invitation {
            id: self.facts.last_invitation.next(),
            role,
            departments: departments.clone(),
            username: username.map(form::username).transpose()?,
            by: party.staff()?.id,
            expires_at: now.after(INVITATION_TTL),
        };
        let mut records = Vec::new();
        if let Some(username) = invitation.username.clone() {
            let earlier: Vec<InvitationId> = self.invitations_of(&username).collect();
            if let Some(user) = self.user_by_name(&username) {
                // Someone who never came can be invited again, as what they already are.
                may_change(party.staff()?, user)?;
                if earlier.is_empty() {
                    return Err(Rejection::NameTaken { name: username });
                }
                invitation.role = user.role;
                invitation.departments.clone_from(&user.departments);
            }
            records.extend(earlier.into_iter().map(|invitation| {
                let deleted = Event::InvitationDeleted { invitation };
                NewRecord::of_desk(party.actor(), deleted)
            }));
        }
        let created = Event::InvitationCreated { invitation };
        records.push(NewRecord::of_desk(party.actor(), created));
        Ok(records)
    }

    pub(super) fn revoke_invitation(
        &self,
        party: &Party<'_>,
        id: InvitationId,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let invitation = self.facts.invitations.get(&id);
        let invitation = invitation.ok_or(Rejection::NoInvitation { id })?;
        if invitation.role > party.staff()?.role {
            return Err(Rejection::RoleAbove);
        }
        let deleted = Event::InvitationDeleted { invitation: id };
        Ok(vec![NewRecord::of_desk(party.actor(), deleted)])
    }

    /// The invited person comes: into the place that was made for them, or as a new user.
    pub(super) fn accept_invitation(
        &self,
        id: InvitationId,
        username: &SafeText,
        name: &SafeText,
        now: Timestamp,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let invitation = self.facts.invitations.get(&id);
        let invitation = invitation.filter(|invitation| now < invitation.expires_at);
        let invitation = invitation.ok_or(Rejection::NoInvitation { id })?;
        let username = form::username(username)?;
        let meant = invitation.username.as_ref();
        if meant.is_some_and(|meant| meant.to_lowercase() != username.to_lowercase()) {
            return Err(Rejection::NoInvitation { id });
        }
        let made = meant.and_then(|meant| self.user_by_name(meant));
        let event = match made {
            Some(user) if !user.active || !self.still_invites(invitation, user) => {
                return Err(Rejection::NoInvitation { id });
            }
            Some(user) => Event::UserUpdated {
                user: User {
                    name: form::name("name", name)?,
                    ..user.clone()
                },
            },
            None => {
                let known = |id: &&DepartmentId| self.facts.departments.contains_key(*id);
                let departments = invitation.departments.iter().filter(known);
                let user = self.new_user(&NewUser {
                    username,
                    name: name.clone(),
                    role: invitation.role,
                    departments: departments.copied().collect(),
                    capacity: None,
                })?;
                Event::UserCreated { user }
            }
        };
        let (Event::UserUpdated { user } | Event::UserCreated { user }) = &event else {
            return Ok(Vec::new());
        };
        let actor = person(ActorKind::Agent, user.id, &user.name);
        let deleted = Event::InvitationDeleted { invitation: id };
        Ok(vec![
            NewRecord::of_desk(actor.clone(), event),
            NewRecord::of_desk(actor, deleted),
        ])
    }

    /// Whether an invitation is still good for the place that was made for its user. One who has
    /// risen since needs an inviter who may change them: the code is known to the inviter.
    fn still_invites(&self, invitation: &Invitation, user: &User) -> bool {
        let inviter = self.user(invitation.by).filter(|by| by.active);
        user.role <= invitation.role || inviter.is_some_and(|by| may_change(by, user).is_ok())
    }

    /// Who a customer is stays outside the log: the record has the number only.
    pub(super) fn register_customer(&self) -> Vec<NewRecord> {
        let customer = self.facts.last_user.next();
        let actor = person(ActorKind::Customer, customer, &SafeText::line("Customer"));
        let registered = Event::CustomerRegistered { customer };
        vec![NewRecord::of_desk(actor, registered)]
    }

    fn new_user(&self, new: &NewUser) -> Result<User, Rejection> {
        let username = form::username(&new.username)?;
        if self.user_by_name(&username).is_some() {
            return Err(Rejection::NameTaken { name: username });
        }
        Ok(User {
            id: self.facts.last_user.next(),
            username,
            name: form::name("name", &new.name)?,
            role: new.role,
            departments: new.departments.clone(),
            status: AgentStatus::Offline,
            reason: None,
            drain: false,
            reachable: false,
            capacity: new.capacity,
            active: true,
            rev: 0,
        })
    }

    pub(super) fn user_at(
        &self,
        party: &Party<'_>,
        id: UserId,
        rev: Option<u64>,
    ) -> Result<&User, Rejection> {
        let user = self.user(id).ok_or(Rejection::NoUser { id })?;
        may_change(party.staff()?, user)?;
        match rev {
            Some(rev) if rev != user.rev => Err(Rejection::Revised {
                what: user.name.clone(),
                rev: user.rev,
            }),
            _ => Ok(user),
        }
    }

    fn invitations_of(&self, username: &SafeText) -> impl Iterator<Item = InvitationId> {
        let username = username.to_lowercase();
        let meant = move |invitation: &&Invitation| {
            let meant = invitation.username.as_ref();
            meant.is_some_and(|meant| meant.to_lowercase() == username)
        };
        self.invitations()
            .filter(meant)
            .map(|invitation| invitation.id)
    }

    fn check_departments(&self, departments: &BTreeSet<DepartmentId>) -> Result<(), Rejection> {
        let unknown = |id: &&DepartmentId| !self.facts.departments.contains_key(*id);
        match departments.iter().find(unknown) {
            Some(id) => Err(Rejection::NoDepartment {
                name: id.to_string(),
            }),
            None => Ok(()),
        }
    }

    /// Refuses what would take away the last active owner.
    fn check_last_owner(&self, user: &User) -> Result<(), Rejection> {
        let reigns = |user: &User| user.role == Role::Owner && user.active;
        let others = self.users().filter(|other| other.id != user.id);
        if reigns(user) && !others.into_iter().any(reigns) {
            return Err(Rejection::LastOwner {
                name: user.name.clone(),
            });
        }
        Ok(())
    }
}

/// Whether a user that changes from `old` to `new` may keep a chat of this department.
fn keeps(new: &User, old: &User, department: DepartmentId) -> bool {
    let stays = new.departments.contains(&department);
    let left = !stays && old.departments.contains(&department);
    new.active
        && can_own(new.role)
        && if new.role >= Role::Admin {
            !left
        } else {
            stays
        }
}

/// A role that `party` can give: one of staff, and none above its own.
fn check_role(party: &Party<'_>, role: Role) -> Result<(), Rejection> {
    if !role.is_staff() {
        return Err(Rejection::invalid(
            "role",
            "is not one of staff; customers register themselves",
        ));
    }
    if role > party.staff()?.role {
        return Err(Rejection::RoleAbove);
    }
    Ok(())
}
