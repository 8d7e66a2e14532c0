//! Lists that go on: what is there, then every change of it.
//!
//! A record of the log that may change the list has it read again, and what differs is told: so
//! filters and rights are the hub's alone, and a break in between loses no change that lasts.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant as Moment},
};

use shared::{event::Event, record::Record};
use tokio::time::{Instant, sleep_until};

use crate::{
    args::watching::{Span, Watching},
    failure::Failure,
    invocation::Invocation,
    lookup,
    print::Item,
    run::follow::{Fed, Feed},
};

/// Changes within this time are shown together, so that a busy desk is not asked for each.
const GATHER: Duration = Duration::from_millis(300);
/// When it is read again after the hub could not be asked.
const AGAIN: Duration = Duration::from_secs(1);
/// Reading takes at most one part in so many of the time.
const SHARE: u32 = 5;

/// Prints what `look` finds, then every change of it, until the time of the flags is over.
pub(super) async fn watch<T: Item + PartialEq>(
    app: &Invocation,
    watching: Watching,
    moves: fn(&Record) -> bool,
    key: fn(&T) -> u64,
    look: impl AsyncFn() -> Result<Vec<T>, Failure>,
) -> Result<(), Failure> {
    let watching_it = follow(app, moves, key, look);
    match watching.timeout {
        None => watching_it.await,
        Some(Span(limit)) => match tokio::time::timeout(limit, watching_it).await {
            Ok(ended) => ended,
            Err(_) => Ok(()),
        },
    }
}

async fn follow<T: Item + PartialEq>(
    app: &Invocation,
    moves: fn(&Record) -> bool,
    key: fn(&T) -> u64,
    look: impl AsyncFn() -> Result<Vec<T>, Failure>,
) -> Result<(), Failure> {
    // Followed before anything is read, so that nothing falls in between.
    let mut feed = Feed::open(app, Some("now".to_owned()), true).await?;
    let mut known: Option<BTreeMap<u64, T>> = None;
    let mut look_at = Some(Instant::now());
    let mut pause = GATHER;
    loop {
        tokio::select! {
            fed = feed.next() => match fed? {
                None => return Ok(()),
                Some(Fed::Line(_, delivered)) if !moves(&delivered.record) => {}
                Some(_) => {
                    look_at.get_or_insert_with(|| Instant::now() + pause);
                }
            },
            () = until(look_at) => {
                look_at = None;
                let began = Moment::now();
                let now = match look().await {
                    Ok(now) => now,
                    // The hub is away or busy, also when the log has not broken off yet.
                    Err(failure) if known.is_some() && failure.is_passing() => {
                        look_at = Some(Instant::now() + AGAIN);
                        continue;
                    }
                    Err(failure) => return Err(failure),
                };
                print_changes(app, known.as_ref(), &now, key).await?;
                known = Some(now.into_iter().map(|item| (key(&item), item)).collect());
                pause = GATHER.max(began.elapsed() * SHARE);
            }
        }
    }
}

/// Never where there is no such moment.
pub(super) async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

async fn print_changes<T: Item + PartialEq>(
    app: &Invocation,
    before: Option<&BTreeMap<u64, T>>,
    now: &[T],
    key: fn(&T) -> u64,
) -> Result<(), Failure> {
    let changes = changes(before, now, key);
    if changes.is_empty() {
        return Ok(());
    }
    let names = lookup::names(app).await;
    for (change, item) in changes {
        app.print.changed(change, item, &names)?;
    }
    Ok(())
}

/// What differs: what was there first, what is gone, what came or is another now.
fn changes<'a, T: PartialEq>(
    before: Option<&'a BTreeMap<u64, T>>,
    now: &'a [T],
    key: fn(&T) -> u64,
) -> Vec<(&'static str, &'a T)> {
    let Some(before) = before else {
        return now.iter().map(|item| ("listed", item)).collect();
    };
    let still: BTreeMap<u64, &T> = now.iter().map(|item| (key(item), item)).collect();
    let gone = before
        .iter()
        .filter(|(key, _)| !still.contains_key(key))
        .map(|(_, item)| ("removed", item));
    let others = now.iter().filter_map(|item| match before.get(&key(item)) {
        None => Some(("added", item)),
        Some(old) if old != item => Some(("changed", item)),
        Some(_) => None,
    });
    gone.chain(others).collect()
}

/// Whether a record can change a department.
pub(super) const fn moves_departments(record: &Record) -> bool {
    matches!(
        record.event,
        Event::DepartmentCreated { .. }
            | Event::DepartmentUpdated { .. }
            | Event::DepartmentDeleted { .. }
            | Event::Unknown
    )
}

/// Whether a record can change a member of staff.
pub(super) const fn moves_users(record: &Record) -> bool {
    matches!(
        record.event,
        Event::UserCreated { .. }
            | Event::UserUpdated { .. }
            | Event::UserDeleted { .. }
            | Event::StatusSet { .. }
            | Event::AgentUnreachable { .. }
            | Event::AgentBack { .. }
            | Event::AgentLost { .. }
            | Event::DepartmentDeleted { .. }
            | Event::Unknown
    )
}

/// Whether a record can change a canned reply.
pub(super) const fn moves_canned(record: &Record) -> bool {
    matches!(
        record.event,
        Event::CannedCreated { .. }
            | Event::CannedUpdated { .. }
            | Event::CannedDeleted { .. }
            | Event::CannedUsed { .. }
            | Event::UserUpdated { .. }
            | Event::DepartmentDeleted { .. }
            | Event::Unknown
    )
}

/// Whether a record can change a chat, or who sees it.
pub(super) const fn moves_chats(record: &Record) -> bool {
    record.chat.is_some()
        || matches!(
            record.event,
            Event::UserUpdated { .. } | Event::ChatErased { .. } | Event::Unknown
        )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::changes;

    #[test]
    fn what_differs_is_told_once() {
        let key = |item: &(u64, &str)| item.0;
        let told = |before: Option<&[(u64, &'static str)]>, now: &[(u64, &'static str)]| {
            let before: Option<BTreeMap<_, _>> =
                before.map(|items| items.iter().map(|item| (item.0, *item)).collect());
            changes(before.as_ref(), now, key)
                .into_iter()
                .map(|(change, item)| format!("{change} {} {}", item.0, item.1))
                .collect::<Vec<_>>()
        };
        let first = [(1, "a"), (2, "b")];
        assert_eq!(told(None, &first), ["listed 1 a", "listed 2 b"]);
        assert_eq!(told(Some(&first), &first), [""; 0]);
        let then = [(2, "c"), (3, "d")];
        let all = ["removed 1 a", "changed 2 c", "added 3 d"];
        assert_eq!(told(Some(&first), &then), all);
    }
}
