//! How the departments stand, as the hub counts them, and which of them somebody should look at.

use std::time::Duration;

use shared::{model::Workload, time::Timestamp};

use crate::{
    model::{Link, Model},
    overlay::Overlay,
};

/// A customer who waits longer than this waits too long.
const LONG_WAIT: Duration = Duration::from_secs(120);

/// Why a department needs somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// Customers wait, and no agent is online.
    Nobody,
    /// A customer waits too long.
    LongWait,
    /// Customers wait, and the agents have all the chats that they may have.
    Full,
}

impl Alarm {
    /// What `workload` gives reason for at `now`, the worst first.
    pub(crate) fn of(workload: &Workload, now: Timestamp) -> Option<Self> {
        let waits = |oldest: Timestamp| now.since(oldest) >= LONG_WAIT;
        if workload.waiting == 0 {
            None
        } else if workload.online == 0 {
            Some(Self::Nobody)
        } else if workload.oldest_at.is_some_and(waits) {
            Some(Self::LongWait)
        } else if workload.load >= workload.capacity {
            Some(Self::Full)
        } else {
            None
        }
    }

    /// In words.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Nobody => "! nobody online",
            Self::LongWait => "! long wait",
            Self::Full => "! all full",
        }
    }
}

/// A department stands like this now.
pub(super) fn hear(model: &mut Model, workload: Workload) {
    model.workloads.insert(workload.department, workload);
}

/// Rings when a department begins to need somebody while the wall is shown.
pub(super) fn watch(model: &mut Model) {
    if model.link != Link::Live {
        return;
    }
    let departments = &model.view.departments;
    model
        .workloads
        .retain(|department, _| departments.contains_key(department));
    let now = model.now;
    let alarms = model.workloads.values();
    let alarms = alarms.filter(|workload| Alarm::of(workload, now).is_some());
    let alarms = alarms.map(|workload| workload.department).collect();
    let before = std::mem::replace(&mut model.alarms, alarms);
    model.dirty |= model.alarms != before;
    let shown = matches!(model.overlay, Some(Overlay::Wall));
    let begun = model.alarms.difference(&before).next().copied();
    if let Some(department) = begun.filter(|_| shown) {
        let text = format!("customers need somebody, {}", model.department(department));
        model.alert(text);
    }
}

/// When a customer will next have waited too long, if that is still to come.
pub(super) fn next_alarm(model: &Model) -> Option<Timestamp> {
    let oldest = model.workloads.values().filter_map(|one| one.oldest_at);
    let ends = oldest.map(|at| at.after(LONG_WAIT));
    ends.filter(|at| *at > model.now).min()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shared::{client::socket::SocketEvent, model::Workload, time::Timestamp};

    use super::Alarm;
    use crate::{
        fixture::{BILLING, Story, console_of, press, two_o_clock},
        model::{Alert, Model},
        msg::{Effect, Msg},
        overlay::Overlay,
        update::{next_deadline, update},
    };

    fn at(seconds: u64) -> Timestamp {
        two_o_clock().after(Duration::from_secs(seconds))
    }

    fn workload(waiting: u32, online: u32, load: u32) -> Workload {
        Workload {
            department: BILLING,
            waiting,
            oldest_at: (waiting > 0).then(two_o_clock),
            online,
            busy: 0,
            away: 1,
            load,
            capacity: online * 4,
        }
    }

    fn hear(model: &mut Model, workload: Workload, now: Timestamp) -> Vec<Effect> {
        update(model, Msg::Hub(SocketEvent::Workload(workload)), now)
    }

    #[test]
    fn alarms_begin_and_end_at_their_bounds() {
        let cases = [
            (workload(0, 0, 0), 500, None),
            (workload(1, 0, 0), 0, Some(Alarm::Nobody)),
            (workload(1, 2, 3), 119, None),
            (workload(1, 2, 3), 120, Some(Alarm::LongWait)),
            (workload(1, 2, 8), 0, Some(Alarm::Full)),
        ];
        for (workload, seconds, alarm) in cases {
            assert_eq!(Alarm::of(&workload, at(seconds)), alarm, "{workload:?}");
        }
    }

    #[test]
    fn the_wall_rings_once_when_somebody_has_waited_too_long() {
        let mut model = console_of(&Story::new());
        hear(&mut model, workload(1, 2, 3), at(1));
        press(&mut model, "Esc");
        press(&mut model, "W");
        assert!(matches!(model.overlay, Some(Overlay::Wall)));
        update(&mut model, Msg::Tick, at(100));
        assert_eq!(next_deadline(&model), at(120));
        let effects = update(&mut model, Msg::Tick, at(120));
        let what = "customers need somebody, Billing".to_owned();
        let (more, away) = (0, false);
        assert!(effects.contains(&Effect::Notify(Alert { what, more, away })));
        assert!(model.dirty);
        let later = hear(&mut model, workload(2, 2, 3), at(130));
        let rang = later
            .iter()
            .any(|effect| matches!(effect, Effect::Notify(_)));
        assert!(!rang, "it rang for this already");
    }

    #[test]
    fn without_the_wall_nothing_rings_for_a_department() {
        let mut model = console_of(&Story::new());
        let effects = hear(&mut model, workload(1, 0, 0), at(300));
        let rang = effects
            .iter()
            .any(|effect| matches!(effect, Effect::Notify(_)));
        assert!(!rang);
    }
}
