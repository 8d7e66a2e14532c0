//! How the settings of the desk as a whole change: what it is called, and its privacy notice.

use shared::{command::SettingsChange, event::Event, model::Settings, text::SafeText};

use super::{Desk, NewRecord, Party, Rejection, form};

impl Desk {
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
        if new == *old {
            return Ok(Vec::new());
        }
        let updated = Event::SettingsUpdated { settings: new };
        Ok(vec![NewRecord::of_desk(party.actor(), updated)])
    }
}
