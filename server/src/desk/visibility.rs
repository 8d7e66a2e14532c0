//! Who may see a record: one function, used by sockets, REST, tail and reports alike.
//!
//! A record's [`Scope`] is taken when it is made and stored beside it, so that the answer for an
//! old record needs nothing but the record. That a chat moved to a department shows its whole
//! past to those who get it is decided where a page of a chat is asked for: by the chat's newest
//! scope.

use std::collections::BTreeSet;

use shared::{
    id::{DepartmentId, UserId},
    model::Role,
};

/// Whom a record is for, apart from where its chat is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Audience {
    /// The customer of the chat and the staff who may see the chat.
    Public,
    /// The staff who may see the chat; all staff when there is no chat.
    Staff,
    /// Owners, admins and auditors.
    Admins,
    /// One member of staff, and owners, admins and auditors.
    Person,
}

/// What decides who may see a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Whom it is for.
    pub audience: Audience,
    /// The customer of the chat, or for [`Audience::Person`] the member of staff; else none.
    pub customer: Option<UserId>,
    /// The department the chat is in after the record, or that a record without a chat is for.
    pub department: Option<DepartmentId>,
    /// The department that the chat leaves with this record: its staff see this last one.
    pub left: Option<DepartmentId>,
}

/// Someone who looks: what a session knows about its principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// The number.
    pub id: UserId,
    /// The role; [`Role::Customer`] for every customer, registered or not.
    pub role: Role,
    /// The departments, for agents and supervisors.
    pub departments: BTreeSet<DepartmentId>,
}

/// Whether `viewer` may see a record of this `scope`.
#[must_use]
pub fn visible(viewer: &Viewer, scope: &Scope) -> bool {
    match viewer.role {
        Role::Customer => scope.audience == Audience::Public && scope.customer == Some(viewer.id),
        Role::Owner | Role::Admin | Role::Auditor => true,
        Role::Agent | Role::Supervisor => match (scope.audience, scope.department) {
            (Audience::Admins, _) => false,
            (Audience::Person, _) => scope.customer == Some(viewer.id),
            (_, None) => true,
            (_, Some(department)) => {
                viewer.departments.contains(&department)
                    || scope
                        .left
                        .is_some_and(|left| viewer.departments.contains(&left))
            }
        },
    }
}

/// Whether this record brings its chat into the sight of `viewer`, who did not see it before.
#[must_use]
pub fn reveals(viewer: &Viewer, scope: &Scope) -> bool {
    let (Some(department), Some(left)) = (scope.department, scope.left) else {
        return false;
    };
    matches!(viewer.role, Role::Agent | Role::Supervisor)
        && viewer.departments.contains(&department)
        && !viewer.departments.contains(&left)
}

/// Whether this record takes its chat out of the sight of `viewer`.
#[must_use]
pub fn hides(viewer: &Viewer, scope: &Scope) -> bool {
    let (Some(department), Some(left)) = (scope.department, scope.left) else {
        return false;
    };
    matches!(viewer.role, Role::Agent | Role::Supervisor)
        && !viewer.departments.contains(&department)
        && viewer.departments.contains(&left)
}
