//! The document of a desk: sections in their order, things by name.

use shared::{
    desk::{CannedEntry, DepartmentEntry, Document, FORMAT, ScopeEntry, SettingsEntry, UserEntry},
    id::{DepartmentId, UserId},
    model::{Canned, CannedScope, User},
    text::SafeText,
};

use super::{super::Desk, key::Entry};

impl Desk {
    /// Everything of the desk that a document may say, every kind of it.
    #[must_use]
    pub fn export(&self) -> Document {
        let settings = self.settings();
        let departments = self.departments().map(|department| DepartmentEntry {
            name: department.name.clone(),
            description: department.description.clone(),
            active: department.active,
            default: department.default,
            capacity: department.capacity,
            retention_days: department.retention_days,
            form: department.form.clone(),
        });
        Document {
            format: FORMAT,
            settings: Some(SettingsEntry {
                name: Some(settings.name.clone()),
                notice: Some(settings.notice.clone()),
                retention_days: Some(settings.retention_days),
            }),
            assistant: Some(self.assistant().whole()),
            department: Some(sorted(departments)),
            user: Some(sorted(self.users().map(|user| self.user_entry(user)))),
            canned: Some(sorted(
                self.canned().map(|canned| self.canned_entry(canned)),
            )),
        }
    }

    fn user_entry(&self, user: &User) -> UserEntry {
        let departments = user.departments.iter();
        let mut departments: Vec<SafeText> =
            departments.map(|id| self.department_name(*id)).collect();
        departments.sort_by_key(|name| name.to_lowercase());
        UserEntry {
            username: user.username.clone(),
            name: user.name.clone(),
            role: user.role,
            departments,
            capacity: user.capacity,
            active: user.active,
        }
    }

    pub(super) fn canned_entry(&self, canned: &Canned) -> CannedEntry {
        let (scope, department, user) = match canned.scope {
            CannedScope::Global => (ScopeEntry::Global, None, None),
            CannedScope::Department { department } => {
                let department = self.department_name(department);
                (ScopeEntry::Department, Some(department), None)
            }
            CannedScope::Personal { user } => {
                (ScopeEntry::Personal, None, Some(self.username(user)))
            }
        };
        CannedEntry {
            code: canned.code.clone(),
            scope,
            department,
            user,
            text: canned.text.clone(),
            variants: canned.variants.clone(),
        }
    }

    fn department_name(&self, id: DepartmentId) -> SafeText {
        let department = self.facts.departments.get(&id);
        department.map(|one| one.name.clone()).unwrap_or_default()
    }

    fn username(&self, id: UserId) -> SafeText {
        let user = self.user(id);
        user.map(|one| one.username.clone()).unwrap_or_default()
    }
}

fn sorted<T: Entry>(entries: impl Iterator<Item = T>) -> Vec<T> {
    let mut entries: Vec<T> = entries.collect();
    entries.sort_by_cached_key(Entry::key);
    entries
}
