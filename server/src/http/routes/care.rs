//! Care of the data: backup, and how the hub is.

use std::sync::Arc;

use bytes::Bytes;
use shared::api::{RetentionDue, SystemStatus};
use tokio::io::AsyncReadExt as _;

use crate::{
    desk::{Desk, permission::Action},
    http::{
        App,
        call::Call,
        errors::Failure,
        feed::{self, Outlet},
        query::{Kind, Param},
        route::{Access::Bearer, Answer, Route},
    },
    hub::Health,
    store::Backup,
};

const DAYS: Param = Param::new(
    "days",
    Kind::Number,
    "As if the desk kept what was said for so many days.",
);
/// Bytes of a backup that are read at once.
const CHUNK_BYTES: usize = 64 * 1024;

pub(super) const ROUTES: &[Route] = &[
    Route::post(
        "/api/backup",
        "backup",
        Bearer(Action::Backup),
        |call| Box::pin(backup(call)),
        "Gives a verified copy of the whole store as one file, as it is at this moment.",
    )
    .gives_other("application/octet-stream"),
    Route::get(
        "/api/retention",
        "read_retention",
        Bearer(Action::ReadSettings),
        |call| Box::pin(retention(call)),
        "Says how many closed chats are kept for longer than they have to be, as the settings are \
         or for another number of days of the desk.",
    )
    .query(&[DAYS])
    .gives::<RetentionDue>(200),
    Route::get(
        "/api/admin/system-status",
        "read_system_status",
        Bearer(Action::ReadSystemStatus),
        |call| Box::pin(system_status(call)),
        "Says how the hub is.",
    )
    .gives::<SystemStatus>(200),
];

async fn retention(call: Call) -> Answer {
    let days: Option<u32> = call.query.value(DAYS.name)?;
    call.count()?;
    let _permit = call.few().await?;
    let now = call.app.hub.now();
    let chats = call.app.care.due(now, days).await?;
    call.answer(&RetentionDue { chats })
}

async fn backup(call: Call) -> Answer {
    let backup = call.app.hub.store().backup().await?;
    let bytes = backup.bytes();
    let write = move |outlet| write(backup, outlet);
    let mut answer = feed::answer(&call.app, "application/octet-stream", write);
    // Whoever gets less knows that it is not whole.
    let length = warp::http::HeaderValue::from(bytes);
    answer
        .headers_mut()
        .insert(warp::http::header::CONTENT_LENGTH, length);
    Ok(answer)
}

async fn write(backup: Backup, outlet: Outlet) {
    if let Err(error) = copy(&backup, &outlet).await {
        outlet.fail(Failure::internal(error));
    }
}

async fn copy(backup: &Backup, outlet: &Outlet) -> std::io::Result<()> {
    let mut file = tokio::fs::File::open(backup.path()).await?;
    loop {
        let mut chunk = vec![0; CHUNK_BYTES];
        let bytes = file.read(&mut chunk).await?;
        chunk.truncate(bytes);
        if bytes == 0 || !outlet.send(Bytes::from(chunk)).await {
            return Ok(());
        }
    }
}

async fn system_status(call: Call) -> Answer {
    let status = status_of(&call.app).await?;
    call.answer(&status)
}

/// The numbers of the hub, counted now.
pub(super) async fn status_of(app: &Arc<App>) -> Result<SystemStatus, Failure> {
    let (pos, waiting, active, routable_agents) = app
        .hub
        .ask_at(|desk: &Desk, pos| {
            let waiting: usize = desk
                .departments()
                .map(|department| desk.queue(department.id).count())
                .sum();
            let active: usize = desk.users().map(|user| desk.owned(user.id).count()).sum();
            let routable = desk.users().filter(|user| desk.routable(user.id)).count();
            (pos, waiting, active, routable)
        })
        .await?;
    let storage = *app.hub.storage().borrow();
    let writable = *app.hub.health().borrow() == Health::Well && storage.is_writable();
    Ok(SystemStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        writable,
        storage,
        pos,
        started_at: app.started_at,
        sockets: app.sockets.count() as u64,
        waiting: waiting as u64,
        active: active as u64,
        routable_agents: routable_agents as u64,
        provider: app.assistant.provider_status(),
    })
}
