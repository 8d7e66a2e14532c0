//! By what the things of a document are told apart: their names, without regard to case.

use shared::{
    desk::{CannedEntry, DepartmentEntry, ScopeEntry, UserEntry},
    text::SafeText,
};

/// A name as it is compared.
pub(super) fn folded(name: &SafeText) -> String {
    SafeText::line(name).to_lowercase()
}

/// A thing of a section.
pub(super) trait Entry {
    /// What tells it apart, in the order of the section.
    type Key: Ord + Clone;

    fn key(&self) -> Self::Key;

    /// Its name for people.
    fn title(&self) -> SafeText;
}

impl Entry for DepartmentEntry {
    type Key = String;

    fn key(&self) -> String {
        folded(&self.name)
    }

    fn title(&self) -> SafeText {
        SafeText::line(&self.name)
    }
}

impl Entry for UserEntry {
    type Key = String;

    fn key(&self) -> String {
        folded(&self.username)
    }

    fn title(&self) -> SafeText {
        SafeText::line(&self.username)
    }
}

impl Entry for CannedEntry {
    /// Scope, whose, code.
    type Key = (ScopeEntry, String, String);

    fn key(&self) -> Self::Key {
        let whose = match self.scope {
            ScopeEntry::Global => None,
            ScopeEntry::Department => self.department.as_ref(),
            ScopeEntry::Personal => self.user.as_ref(),
        };
        let whose = whose.map(folded).unwrap_or_default();
        (self.scope, whose, folded(&self.code))
    }

    fn title(&self) -> SafeText {
        SafeText::line(&Self::title(self))
    }
}
