//! The chats that wait.

use std::{collections::BTreeMap, time::Duration};

use shared::{event::Event, id::ChatId, model::Chat};
use tokio::time::Instant;

use crate::{
    args::{chat::QueueVerb, watching::Span},
    failure::Failure,
    invocation::{Invocation, Target},
    lookup,
    print::{Names, items::QueueChange},
    run::{
        follow::{Fed, Feed},
        watch::until,
    },
};

/// Changes within this time are shown together, so that a busy desk is not asked for each.
const GATHER: Duration = Duration::from_millis(300);
/// When the queue is read again after the hub could not be asked.
const AGAIN: Duration = Duration::from_secs(1);

/// `queue ..`.
pub(super) async fn run(app: &Invocation, verb: QueueVerb) -> Result<(), Failure> {
    match verb {
        QueueVerb::List {
            department,
            watching,
        } if watching.watch => {
            let watching_it = watch(app, department.as_deref());
            match watching.timeout {
                None => watching_it.await,
                Some(Span(limit)) => tokio::time::timeout(limit, watching_it)
                    .await
                    .unwrap_or(Ok(())),
            }
        }
        QueueVerb::List { department, .. } => {
            let target = queue(app, department.as_deref()).await?;
            app.print_list::<Chat>(target, &lookup::names(app).await)
                .await
        }
        QueueVerb::Watch { department } => watch(app, department.as_deref()).await,
    }
}

async fn queue(app: &Invocation, department: Option<&str>) -> Result<Target, Failure> {
    let department = lookup::sought_department(app, department).await?;
    Ok(Target::new("/api/queue").with_some("department", department))
}

async fn watch(app: &Invocation, department: Option<&str>) -> Result<(), Failure> {
    let target = queue(app, department).await?;
    let names = lookup::names(app).await;
    // Followed before the queue is read, so that nothing falls in between.
    let mut feed = Feed::open(app, Some("now".to_owned()), true).await?;
    let mut waiting = BTreeMap::new();
    let mut is_first = true;
    let mut look_at = Some(Instant::now());
    loop {
        tokio::select! {
            fed = feed.next() => match fed? {
                None => return Ok(()),
                Some(Fed::Line(_, delivered)) if !moves(&delivered.record.event) => {}
                Some(_) => {
                    look_at.get_or_insert_with(|| Instant::now() + GATHER);
                }
            },
            () = until(look_at) => {
                look_at = None;
                let now: Vec<Chat> = match app.every(target.clone()).await {
                    Ok(now) => now,
                    // The hub is away or busy, also when the log has not broken off yet.
                    Err(failure) if failure.is_passing() && !is_first => {
                        look_at = Some(Instant::now() + AGAIN);
                        continue;
                    }
                    Err(failure) => return Err(failure),
                };
                is_first = false;
                print_changes(app, &waiting, &now, &names)?;
                waiting = now.into_iter().map(|chat| (chat.id, chat)).collect();
            }
        }
    }
}

fn print_changes(
    app: &Invocation,
    before: &BTreeMap<ChatId, Chat>,
    now: &[Chat],
    names: &Names,
) -> Result<(), Failure> {
    let left = before
        .values()
        .filter(|chat| !now.iter().any(|still| still.id == chat.id))
        .map(|chat| ("left", chat));
    let came = now
        .iter()
        .filter(|chat| !before.contains_key(&chat.id))
        .map(|chat| ("waits", chat));
    for (change, chat) in left.chain(came) {
        let id = chat.id;
        let change = QueueChange { change, id, chat };
        app.print.streamed(&change, names)?;
    }
    Ok(())
}

/// Whether the event can change who waits.
const fn moves(event: &Event) -> bool {
    matches!(
        event,
        Event::ChatOpened { .. }
            | Event::ChatQueued { .. }
            | Event::ChatAssigned { .. }
            | Event::ChatTransferred { .. }
            | Event::ChatResolved { .. }
            | Event::ChatReopened { .. }
            | Event::ChatClosed {}
            | Event::AgentLost { .. }
            | Event::Unknown
    )
}
