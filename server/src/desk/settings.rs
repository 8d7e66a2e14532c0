//! How the settings of the desk as a whole change: what it is called, its privacy notice, and for
//! how long what was said is kept.

use std::collections::BTreeMap;

use shared::{
    command::SettingsChange, event::Event, id::DepartmentId, model::Settings, text::SafeText,
};

use super::{Desk, NewRecord, Party, Rejection, form};

/// For how long what was said in closed chats is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    desk: u32,
    departments: BTreeMap<DepartmentId, u32>,
}

impl Retention {
    /// Days after closing for a chat that ended in `department`, which may be deleted since; none
    /// for ever.
    #[must_use]
    pub fn days(&self, department: DepartmentId) -> Option<u32> {
        let own = self.departments.get(&department).copied();
        Some(own.unwrap_or(self.desk)).filter(|days| *days > 0)
    }

    /// The fewest days that are kept anywhere; none when everything is kept for ever.
    #[must_use]
    pub fn shortest(&self) -> Option<u32> {
        let all = self.departments.values().copied();
        all.chain([self.desk]).filter(|days| *days > 0).min()
    }

    /// The same with another number of days for those who do not say their own.
    #[must_use]
    pub fn with_desk(mut self, days: u32) -> Self {
        self.desk = days;
        self
    }
}

impl Desk {
    /// For how long what was said in closed chats is kept.
    #[must_use]
    pub fn retention(&self) -> Retention {
        let own = |department: &shared::model::Department| {
            Some((department.id, department.retention_days?))
        };
        Retention {
            desk: self.settings().retention_days,
            departments: self.departments().filter_map(own).collect(),
        }
    }

    /// How the desk is set up.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.facts.settings
    }

    pub(super) fn update_settings(
        &self,
        party: &Party<'_>,
        change: &SettingsChange,
        rev: Option<u64>,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let old = self.settings();
        if rev.is_some_and(|rev| rev != old.rev) {
            return Err(Rejection::Revised {
                what: SafeText::line("the settings"),
                rev: old.rev,
            });
        }
        let mut new = old.clone();
        if let Some(name) = &change.name {
            new.name = form::name("name", name)?;
        }
        if let Some(notice) = &change.notice {
            new.notice = form::notice(notice)?;
        }
        if let Some(days) = change.retention_days {
            new.retention_days = form::days(days)?;
        }
        if new == *old {
            return Ok(Vec::new());
        }
        let updated = Event::SettingsUpdated { settings: new };
        Ok(vec![NewRecord::of_desk(party.actor(), updated)])
    }
}
