//! How departments are made, changed and deleted. Exactly one is the default, always.

use shared::{
    command::{DepartmentChange, DepartmentRef, NewDepartment},
    event::Event,
    id::DepartmentId,
    model::{Actor, CannedScope, Department},
    text::SafeText,
};

use super::{Desk, NewRecord, Party, Rejection, form, index::Shelf};

/// Most departments of a desk: they come with every snapshot, and are found by name one by one.
pub(super) const DEPARTMENTS_MAX: usize = 1_000;

impl Desk {
    pub(super) fn create_department(
        &self,
        party: &Party<'_>,
        new: &NewDepartment,
    ) -> Result<Vec<NewRecord>, Rejection> {
        if self.facts.departments.len() >= DEPARTMENTS_MAX {
            let max = DEPARTMENTS_MAX;
            return Err(Rejection::TooManyDepartments { max });
        }
        let department = Department {
            id: self.facts.last_department.next(),
            name: self.free_department_name(&new.name, None)?,
            description: form::description(&new.description)?,
            active: new.active,
            default: new.default,
            capacity: new.capacity,
            retention_days: new.retention_days.map(form::days).transpose()?,
            form: form::form(&new.form)?,
            rev: 0,
        };
        if department.default && !department.active {
            return Err(default_stays(&department));
        }
        let mut records = Vec::new();
        if department.default {
            records.extend(self.dethrone(&party.actor()));
        }
        let created = Event::DepartmentCreated { department };
        records.push(NewRecord::of_desk(party.actor(), created));
        Ok(records)
    }

    pub(super) fn update_department(
        &self,
        party: &Party<'_>,
        id: DepartmentId,
        change: &DepartmentChange,
        rev: Option<u64>,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let old = self.department_at(id, rev)?;
        let mut new = old.clone();
        if let Some(name) = &change.name {
            new.name = self.free_department_name(name, Some(id))?;
        }
        if let Some(description) = &change.description {
            new.description = form::description(description)?;
        }
        if let Some(form) = &change.form {
            new.form = form::form(form)?;
        }
        new.active = change.active.unwrap_or(old.active);
        new.default = change.default.unwrap_or(old.default);
        new.capacity = change.capacity.unwrap_or(old.capacity);
        if let Some(days) = change.retention_days {
            new.retention_days = days.map(form::days).transpose()?;
        }
        if (old.default && !new.default) || (new.default && !new.active) {
            return Err(default_stays(old));
        }
        if new == *old {
            return Ok(Vec::new());
        }
        let mut records = Vec::new();
        if new.default && !old.default {
            records.extend(self.dethrone(&party.actor()));
        }
        let updated = Event::DepartmentUpdated { department: new };
        records.push(NewRecord::of_desk(party.actor(), updated));
        Ok(records)
    }

    pub(super) fn delete_department(
        &self,
        party: &Party<'_>,
        id: DepartmentId,
        rev: Option<u64>,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let department = self.department_at(id, rev)?;
        if department.default {
            return Err(default_stays(department));
        }
        if self.queue(id).next().is_some() || self.on_shelf(id, Shelf::Open).next().is_some() {
            return Err(Rejection::DepartmentInUse {
                name: department.name.clone(),
            });
        }
        let own = CannedScope::Department { department: id };
        let mut records = self.delete_canned_of(party, own);
        let deleted = Event::DepartmentDeleted { department: id };
        records.push(NewRecord::of_desk(party.actor(), deleted));
        Ok(records)
    }

    pub(super) fn default_department(&self) -> Option<&Department> {
        self.departments().find(|department| department.default)
    }

    fn department_at(&self, id: DepartmentId, rev: Option<u64>) -> Result<&Department, Rejection> {
        let department = self.department_named(&DepartmentRef::Id(id))?;
        match rev {
            Some(rev) if rev != department.rev => Err(Rejection::Revised {
                what: department.name.clone(),
                rev: department.rev,
            }),
            _ => Ok(department),
        }
    }

    /// Ends the reign of the default department, right before another takes its place.
    fn dethrone(&self, actor: &Actor) -> Option<NewRecord> {
        let department = Department {
            default: false,
            ..self.default_department()?.clone()
        };
        let updated = Event::DepartmentUpdated { department };
        Some(NewRecord::of_desk(actor.clone(), updated))
    }

    fn free_department_name(
        &self,
        raw: &SafeText,
        own: Option<DepartmentId>,
    ) -> Result<SafeText, Rejection> {
        let name = form::department_name(raw)?;
        let holder = self.department(&DepartmentRef::Name(name.clone()));
        match holder {
            Some(holder) if Some(holder.id) != own => Err(Rejection::NameTaken { name }),
            _ => Ok(name),
        }
    }
}

fn default_stays(department: &Department) -> Rejection {
    Rejection::DefaultDepartment {
        name: department.name.clone(),
    }
}
