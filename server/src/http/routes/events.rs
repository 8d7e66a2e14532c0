//! The tail of the log: every record that one may see, a line each, exactly once from a cursor on.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use shared::{
    api::PING_EVERY_MS,
    error::ErrorCode,
    event::Event,
    id::{ChatId, Cursor, DepartmentId, Pos},
    record::Record,
};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::{accounts::departments, users::department_ref};
use crate::{
    accounts::Session,
    desk::{
        Rejection,
        permission::Action,
        visibility::{Scope, visible},
    },
    http::{
        App,
        call::Call,
        errors::Failure,
        feed::{self, Outlet},
        past,
        query::{Kind, Param},
        route::{Access::Bearer, Answer, Route},
    },
    hub::{
        PART,
        publish::{Delivery, Subscription},
    },
};

const SINCE: Param = Param::new(
    "since",
    Kind::Text,
    "The cursor of the last line that one has, or `now`; the whole log when not said.",
);
const FOLLOW: Param = Param::new(
    "follow",
    Kind::Flag,
    "Go on with what happens; an empty line at least every 15 s says that all is well.",
);
const COUNT: Param = Param::new("limit", Kind::Number, "End after so many records.");

const DEPARTMENT: Param = Param::new(
    "department",
    Kind::Text,
    "Only what belongs to this department, by number or name: its chats while they are in it, the \
     records that bring and take them, and the department itself.",
);

/// Records read or written at once.
const RECORDS: usize = 512;

pub(super) const ROUTES: &[Route] = &[Route::get(
    "/api/events",
    "tail_events",
    Bearer(Action::TailEvents),
    |call| Box::pin(tail(call)),
    "Gives the records in sight, one a line, each with the cursor that resumes after it. Ends \
     when one's rights change or one reads too slowly: resume with the last cursor.",
)
.query(&[SINCE, FOLLOW, COUNT, DEPARTMENT])
.gives_other("application/x-ndjson")];

/// One who follows the log.
struct Tail {
    app: Arc<App>,
    session: Session,
    subscription: Subscription,
    /// The subscriber's rights are of this moment.
    known: Pos,
    /// The last record that was looked at.
    pos: Pos,
    /// Only of this department.
    department: Option<DepartmentId>,
    /// How many records may still be given.
    left: u64,
    follow: bool,
}

async fn tail(call: Call) -> Answer {
    let left: u64 = call.query.value(COUNT.name)?.unwrap_or(u64::MAX);
    let follow = call.query.flag(FOLLOW.name);
    let department = match call.query.text(DEPARTMENT.name) {
        None => None,
        Some(text) => departments(&call, &[department_ref(text)])
            .await?
            .pop_first(),
    };
    let who = call.session()?.who.clone();
    let asked = call
        .app
        .hub
        .ask_at(move |desk, head| (desk.viewer(&who), head));
    let (viewer, known) = asked.await?;
    let viewer = viewer.ok_or(Rejection::Unauthenticated)?;
    // Subscribed before anything is read, so that nothing falls in between.
    let subscription = call.app.hub.subscribe(viewer);
    let pos = match call.query.text(SINCE.name) {
        None => Pos(0),
        Some("now") => call.app.hub.ask_at(|_, head| head).await?,
        Some(text) => resume(&call, text).await?,
    };
    let tail = Tail {
        app: Arc::clone(&call.app),
        session: call.session()?.clone(),
        subscription,
        known,
        pos,
        department,
        left,
        follow,
    };
    let write = move |outlet| tail.run(outlet);
    Ok(feed::answer(&call.app, "application/x-ndjson", write))
}

async fn resume(call: &Call, text: &str) -> Result<Pos, Failure> {
    let cursor = Cursor::parse(text).map_err(|error| Failure::invalid(error.to_string()))?;
    let found = call.app.hub.store().cursor_check(PART, &cursor).await?;
    found.map_err(|reason| {
        Failure::new(
            ErrorCode::Conflict,
            format!("the cursor is of another past: {reason}"),
        )
        .hint("start without since, and throw away what you have")
    })
}

impl Tail {
    async fn run(mut self, outlet: Outlet) {
        let told = tokio::select! {
            told = self.tell(&outlet) => told,
            () = outlet.closed() => return,
        };
        if let Err(failure) = told {
            outlet.fail(failure);
        }
    }

    async fn tell(&mut self, outlet: &Outlet) -> Result<(), Failure> {
        if self.past(outlet).await? && self.follow {
            self.live(outlet).await;
        }
        Ok(())
    }

    /// Gives what is in the log. False when there is nobody or nothing more to give to.
    async fn past(&mut self, outlet: &Outlet) -> Result<bool, Failure> {
        let store = self.app.hub.store().clone();
        while self.left > 0 && self.subscription.go_live(self.pos).is_err() {
            let mut lines = BytesMut::new();
            for stored in store.read(PART, self.pos, RECORDS).await? {
                let me = self.subscription.viewer().id;
                if stored.pos > self.known && past::changes_rights(me, &stored)? {
                    // What comes is for other eyes; what there was may go out.
                    outlet.send(lines.freeze()).await;
                    return Ok(false);
                }
                self.pos = stored.pos;
                if self.left > 0
                    && visible(self.subscription.viewer(), &stored.scope)
                    && self.concerns(stored.chat, &stored.scope, || {
                        Some(stored.record().ok()?.event)
                    })
                {
                    self.put(&mut lines, &stored.frame(store.lineage()));
                }
            }
            if !lines.is_empty() && !outlet.send(lines.freeze()).await {
                return Ok(false);
            }
        }
        Ok(self.left > 0)
    }

    /// Gives what happens, until the reader, the session or the queue ends.
    async fn live(&mut self, outlet: &Outlet) {
        let every = Duration::from_millis(PING_EVERY_MS);
        let mut signs = interval_at(Instant::now() + every, every);
        signs.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let expiry = Instant::now() + self.session.ends_at.since(self.app.hub.now());
        let ended = self.session.ended.clone();
        let queue = Arc::clone(self.subscription.queue());
        while self.left > 0 {
            let lines = tokio::select! {
                () = ended.cancelled() => return,
                () = tokio::time::sleep_until(expiry) => return,
                _ = signs.tick() => Bytes::from_static(b"\n"),
                () = queue.wait() => {
                    let mut waiting = Vec::new();
                    let whole = queue.drain(&mut waiting, RECORDS);
                    let lines = self.lines(&waiting);
                    if !whole || lines.is_none() {
                        return;
                    }
                    lines.unwrap_or_default()
                }
            };
            if !lines.is_empty() && !outlet.send(lines).await {
                return;
            }
        }
    }

    /// The lines of what waits; none when a record changes what one may see, which only a new
    /// tail can tell from its beginning.
    fn lines(&mut self, waiting: &[Delivery]) -> Option<Bytes> {
        let me = self.subscription.viewer().id;
        let mut lines = BytesMut::new();
        for delivery in waiting {
            let Delivery::Record(record) = delivery else {
                continue;
            };
            if record.about == Some(me) {
                return None;
            }
            if self.left > 0 && record.pos > self.pos {
                self.pos = record.pos;
                if self.concerns(record.chat, &record.scope, || event_of(&record.frame.json)) {
                    self.put(&mut lines, &record.frame.json);
                }
            }
        }
        Some(lines.freeze())
    }

    /// Whether a record is of the department that was asked for, if one was.
    fn concerns(
        &self,
        chat: Option<ChatId>,
        scope: &Scope,
        event: impl FnOnce() -> Option<Event>,
    ) -> bool {
        let Some(wanted) = self.department else {
            return true;
        };
        if scope.department == Some(wanted) || scope.left == Some(wanted) {
            return true;
        }
        chat.is_none() && event().is_some_and(|event| is_about(&event, wanted))
    }

    fn put(&mut self, lines: &mut BytesMut, frame: &[u8]) {
        lines.extend_from_slice(frame);
        lines.extend_from_slice(b"\n");
        self.left -= 1;
    }
}

/// Whether the event makes, changes or deletes the department.
fn is_about(event: &Event, wanted: DepartmentId) -> bool {
    match event {
        Event::DepartmentCreated { department } | Event::DepartmentUpdated { department } => {
            department.id == wanted
        }
        Event::DepartmentDeleted { department } => *department == wanted,
        _ => false,
    }
}

fn event_of(frame: &[u8]) -> Option<Event> {
    let record: Record = serde_json::from_slice(frame).ok()?;
    Some(record.event)
}
