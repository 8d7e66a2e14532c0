//! How canned replies are made, changed, used and deleted.
//!
//! What a template may say is `shared::canned`; who may change which is the permission table, who
//! sees which is `visibility`.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    canned::{VARIABLES, language_tag, unknown_variable},
    command::{CannedChange, DepartmentRef, NewCanned},
    event::Event,
    id::{CannedId, ChatId},
    model::{Canned, CannedScope},
    text::SafeText,
};

use super::{
    Desk, NewRecord, Party, Rejection, form, sight,
    visibility::{Viewer, visible},
};

/// Most canned replies of a desk.
pub(super) const CANNED_MAX: usize = 5_000;
/// Most bytes of all templates of a canned reply: its record fits into a frame however much of it
/// has to be escaped.
const TEMPLATES_BYTES_MAX: usize = 24 * 1024;
/// Most bytes of all templates of a desk: they come with every snapshot.
const DESK_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Most characters of a code.
const CODE_CHARS_MAX: usize = 32;
/// Most languages of a canned reply beside that of its text.
const VARIANTS_MAX: usize = 32;
/// Most canned replies that one message names.
const USES_MAX: usize = 16;

impl Desk {
    pub(super) fn create_canned(
        &self,
        party: &Party<'_>,
        new: &NewCanned,
    ) -> Result<Vec<NewRecord>, Rejection> {
        if let CannedScope::Department { department } = new.scope {
            self.department_named(&DepartmentRef::Id(department))?;
        }
        if self.facts.canned.len() >= CANNED_MAX {
            return Err(Rejection::TooManyCanned { max: CANNED_MAX });
        }
        let canned = Canned {
            id: self.facts.last_canned.next(),
            code: code(&new.code)?,
            scope: new.scope,
            text: template("text", &new.text)?,
            variants: variants(&new.variants)?,
            uses: 0,
            rev: 0,
        };
        self.check_canned(&canned)?;
        let created = Event::CannedCreated { canned };
        Ok(vec![NewRecord::of_desk(party.actor(), created)])
    }

    pub(super) fn update_canned(
        &self,
        party: &Party<'_>,
        id: CannedId,
        change: &CannedChange,
        rev: Option<u64>,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let old = self.canned_at(id, rev)?;
        let mut new = old.clone();
        if let Some(changed) = &change.code {
            new.code = code(changed)?;
        }
        if let Some(text) = &change.text {
            new.text = template("text", text)?;
        }
        if let Some(changed) = &change.variants {
            new.variants = variants(changed)?;
        }
        if new == *old {
            return Ok(Vec::new());
        }
        self.check_canned(&new)?;
        let updated = Event::CannedUpdated { canned: new };
        Ok(vec![NewRecord::of_desk(party.actor(), updated)])
    }

    pub(super) fn delete_canned(
        &self,
        party: &Party<'_>,
        id: CannedId,
        rev: Option<u64>,
    ) -> Result<Vec<NewRecord>, Rejection> {
        self.canned_at(id, rev)?;
        let deleted = Event::CannedDeleted { canned: id };
        Ok(vec![NewRecord::of_desk(party.actor(), deleted)])
    }

    /// The deletion of all canned replies of a scope, which is about to go.
    pub(super) fn delete_canned_of(&self, party: &Party<'_>, scope: CannedScope) -> Vec<NewRecord> {
        let own = self.canned().filter(|canned| canned.scope == scope);
        let deleted = own.map(|canned| Event::CannedDeleted { canned: canned.id });
        deleted
            .map(|deleted| NewRecord::of_desk(party.actor(), deleted))
            .collect()
    }

    /// What a message of `party` in `chat` says of the canned replies that are in it. It stands
    /// before the message, whose record is the last of the command and so what a repeat answers.
    pub(super) fn use_canned(
        &self,
        party: &Party<'_>,
        chat: ChatId,
        used: &[CannedId],
    ) -> Result<Vec<NewRecord>, Rejection> {
        if used.is_empty() {
            return Ok(Vec::new());
        }
        let viewer = party.viewer().filter(|viewer| viewer.role.is_staff());
        let Some(viewer) = viewer else {
            return Err(Rejection::invalid("canned", "is for staff; leave it out"));
        };
        if used.len() > USES_MAX {
            let problem = format!("names more than {USES_MAX} replies; name less");
            return Err(Rejection::invalid("canned", problem));
        }
        let used: BTreeSet<CannedId> = used.iter().copied().collect();
        let out_of_sight = |id: &&CannedId| self.canned_for(&viewer, **id).is_none();
        if let Some(id) = used.iter().find(out_of_sight) {
            let problem = format!("names {id}, which is no reply of yours; leave it out");
            return Err(Rejection::invalid("canned", problem));
        }
        let used = used.into_iter();
        let used = used.map(|canned| Event::CannedUsed { canned, chat });
        Ok(used
            .map(|used| NewRecord::of_desk(party.actor(), used))
            .collect())
    }

    /// The canned replies, by number.
    pub fn canned(&self) -> impl Iterator<Item = &Canned> {
        self.facts.canned.values()
    }

    /// The canned replies that `viewer` may see, by number.
    pub fn canned_in_sight(&self, viewer: &Viewer) -> impl Iterator<Item = &Canned> {
        self.canned()
            .filter(|canned| visible(viewer, &sight::canned_scope(canned.scope)))
    }

    /// A canned reply, when `viewer` may see it.
    #[must_use]
    pub fn canned_for(&self, viewer: &Viewer, id: CannedId) -> Option<&Canned> {
        let canned = self.facts.canned.get(&id)?;
        visible(viewer, &sight::canned_scope(canned.scope)).then_some(canned)
    }

    /// The canned reply of this code, in its one form, and scope.
    pub(super) fn canned_called(&self, scope: CannedScope, code: &SafeText) -> Option<CannedId> {
        self.index.canned.get(&(scope, code.clone())).copied()
    }

    fn canned_at(&self, id: CannedId, rev: Option<u64>) -> Result<&Canned, Rejection> {
        let canned = self.facts.canned.get(&id);
        let canned = canned.ok_or(Rejection::NoCanned { id })?;
        match rev {
            Some(rev) if rev != canned.rev => Err(Rejection::Revised {
                what: canned.code.clone(),
                rev: canned.rev,
            }),
            _ => Ok(canned),
        }
    }

    /// Refuses what does not go together with the other canned replies, and what is too large.
    fn check_canned(&self, new: &Canned) -> Result<(), Rejection> {
        let holder = self.canned_called(new.scope, &new.code);
        if holder.is_some_and(|holder| holder != new.id) {
            return Err(Rejection::NameTaken {
                name: new.code.clone(),
            });
        }
        let own = templates_bytes(new);
        let old = self.facts.canned.get(&new.id).map_or(0, templates_bytes);
        let all = self.index.canned_bytes - old + own;
        for (field, bytes, bytes_max) in [
            ("text with its variants", own, TEMPLATES_BYTES_MAX),
            ("the canned text of the desk", all, DESK_BYTES_MAX),
        ] {
            if bytes > bytes_max {
                return Err(Rejection::TooLarge {
                    field,
                    bytes,
                    bytes_max,
                });
            }
        }
        Ok(())
    }
}

/// Bytes of all templates of a canned reply.
pub(super) fn templates_bytes(canned: &Canned) -> usize {
    canned.text.len()
        + canned
            .variants
            .values()
            .map(|text| text.len())
            .sum::<usize>()
}

/// A code, which must not read as a number.
fn code(raw: &SafeText) -> Result<SafeText, Rejection> {
    let code = SafeText::line(&raw.to_lowercase());
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !(1..=CODE_CHARS_MAX).contains(&code.len()) || !code.chars().all(legal) {
        let problem = format!("is no code; use 1 to {CODE_CHARS_MAX} of a-z 0-9 -");
        return Err(Rejection::invalid("code", problem));
    }
    if code.chars().all(|c| c.is_ascii_digit()) {
        return Err(Rejection::invalid(
            "code",
            "is a number; add a letter to it",
        ));
    }
    Ok(code)
}

/// A template, whose variables are known.
fn template(field: &str, raw: &SafeText) -> Result<SafeText, Rejection> {
    let text = form::message(raw)?;
    if let Some(name) = unknown_variable(&text) {
        let name = SafeText::line(name);
        let known = VARIABLES.join(", ");
        let problem = format!("has the unknown variable {{{{{name}}}}}; use {known} or attr.KEY");
        return Err(Rejection::invalid(field, problem));
    }
    Ok(text)
}

/// Templates by language, their tags in the one form.
fn variants(raw: &BTreeMap<SafeText, SafeText>) -> Result<BTreeMap<SafeText, SafeText>, Rejection> {
    if raw.len() > VARIANTS_MAX {
        let problem = format!("are more than {VARIANTS_MAX}; give less");
        return Err(Rejection::invalid("variants", problem));
    }
    let mut variants = BTreeMap::new();
    for (lang, text) in raw {
        let tag = language_tag(lang);
        let tag = tag.ok_or_else(|| {
            Rejection::invalid(
                format!("variant \"{}\"", SafeText::line(lang)),
                "is of no language; use a tag like pt or pt-BR",
            )
        })?;
        let field = format!("variant \"{tag}\"");
        let text = template(&field, text)?;
        if variants.insert(SafeText::line(&tag), text).is_some() {
            return Err(Rejection::invalid(
                field,
                "is there twice; give each language once",
            ));
        }
    }
    Ok(variants)
}
