//! How a department stands now: who waits, who is there, how much they carry.
//!
//! Counted from the desk as it is, for walls and headers; numbers over time are not made here.

use shared::{
    id::DepartmentId,
    model::{AgentStatus, Workload},
};

use super::{
    Desk,
    state::{can_own, capacity},
    visibility::{Audience, Scope, Viewer, visible},
};

impl Desk {
    /// How a department stands; none when there is no such department.
    #[must_use]
    pub fn workload(&self, id: DepartmentId) -> Option<Workload> {
        let department = self.facts.departments.get(&id)?;
        let mut workload = Workload {
            department: id,
            waiting: 0,
            oldest_at: None,
            online: 0,
            busy: 0,
            away: 0,
            load: 0,
            capacity: 0,
        };
        for chat in self.queue(id) {
            workload.waiting += 1;
            let oldest = workload.oldest_at.unwrap_or(chat.rank_at);
            workload.oldest_at = Some(oldest.min(chat.rank_at));
        }
        for member in self.facts.staff.values() {
            let user = &member.user;
            if !user.active || !can_own(user.role) || !user.departments.contains(&id) {
                continue;
            }
            match user.status {
                AgentStatus::Offline => {}
                AgentStatus::Online if user.reachable => workload.online += 1,
                AgentStatus::Busy if user.reachable => workload.busy += 1,
                _ => workload.away += 1,
            }
            if member.is_routable() {
                workload.load += self.load(user.id);
                workload.capacity += capacity(department, user);
            }
        }
        Some(workload)
    }

    /// How each department stands that `viewer` sees.
    pub fn workloads(&self, viewer: &Viewer) -> impl Iterator<Item = Workload> {
        let seen = self.departments().map(|department| department.id);
        let seen = seen.filter(|id| visible(viewer, &workload_scope(*id)));
        seen.filter_map(|id| self.workload(id))
    }
}

/// For whom the workload of a department is: its staff.
#[must_use]
pub const fn workload_scope(department: DepartmentId) -> Scope {
    Scope {
        audience: Audience::Staff,
        customer: None,
        department: Some(department),
        left: None,
    }
}
