//! What programs that watch and programs that read ask: health, metrics, documentation.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;
use shared::model::Storage;
use warp::http::StatusCode;

use super::{care::status_of, measures};
use crate::{
    desk::permission::Action,
    http::{
        call::{Call, json, with_type},
        docs,
        errors::Failure,
        openapi,
        route::{
            Access::{Hidden, Open},
            Answer, Route,
        },
    },
    hub::Health,
};

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "/livez",
        "livez",
        Open,
        |call| Box::pin(livez(call)),
        "Says that the process answers.",
    )
    .gives::<Sign>(200),
    Route::get(
        "/readyz",
        "readyz",
        Open,
        |call| Box::pin(readyz(call)),
        "Says whether the hub takes writes; 503 while it does not.",
    )
    .gives::<Sign>(200),
    Route::get(
        "/metrics",
        "metrics",
        Hidden(Action::ReadMetrics),
        |call| Box::pin(metrics(call)),
        "Counters and gauges in the Prometheus text format.",
    )
    .gives_other("text/plain; version=0.0.4"),
    Route::get(
        "/api/openapi.json",
        "openapi",
        Open,
        |call| Box::pin(document(call)),
        "This document.",
    )
    .gives_other("application/json"),
    Route::get(
        "/docs",
        "docs",
        Open,
        |call| Box::pin(page(call)),
        "The routes as a page to read.",
    )
    .gives_other("text/html"),
];

/// A sign of life, which tells nothing else.
#[derive(Debug, Serialize, JsonSchema)]
struct Sign {
    /// `ok`, `degraded` or `full`.
    status: &'static str,
}

async fn livez(call: Call) -> Answer {
    call.answer(&Sign { status: "ok" })
}

async fn readyz(call: Call) -> Answer {
    let storage = *call.app.hub.storage().borrow();
    let health = *call.app.hub.health().borrow();
    let status = match storage {
        Storage::Full => "full",
        _ if health != Health::Well => "degraded",
        _ => return call.answer(&Sign { status: "ok" }),
    };
    Ok(json(StatusCode::SERVICE_UNAVAILABLE, &Sign { status }))
}

async fn document(_: Call) -> Answer {
    Ok(with_type(
        StatusCode::OK,
        "application/json",
        openapi::DOCUMENT.clone(),
    ))
}

async fn page(_: Call) -> Answer {
    docs::answer()
}

async fn metrics(call: Call) -> Answer {
    let status = status_of(&call.app).await?;
    let store = call.app.hub.store().status();
    let mut text = String::new();
    let gauges = [
        (
            "frontdesk_up",
            "1 while the hub takes writes.",
            u64::from(status.writable),
        ),
        ("frontdesk_sockets", "Open WebSockets.", status.sockets),
        (
            "frontdesk_subscribers",
            "Sockets and tails that follow the log.",
            call.app.hub.publisher().subscribers() as u64,
        ),
        (
            "frontdesk_chats_waiting",
            "Chats in a queue.",
            status.waiting,
        ),
        (
            "frontdesk_chats_owned",
            "Open chats with an owner.",
            status.active,
        ),
        (
            "frontdesk_agents_routable",
            "Agents that may be given a chat.",
            status.routable_agents,
        ),
        (
            "frontdesk_store_tail_records",
            "Records whose indexes wait to be written.",
            store.tail_records as u64,
        ),
    ];
    for (name, help, value) in gauges {
        sample(&mut text, name, help, "gauge", value)?;
    }
    if let Some(free) = store.free_bytes {
        sample(
            &mut text,
            "frontdesk_store_free_bytes",
            "Free on the store's disk.",
            "gauge",
            free,
        )?;
    }
    sample(
        &mut text,
        "frontdesk_log_records_total",
        "Records ever committed.",
        "counter",
        status.pos.0,
    )?;
    let checks = call.app.accounts.password_checks();
    sample(
        &mut text,
        "frontdesk_password_checks_total",
        "Passwords checked since the start.",
        "counter",
        checks,
    )?;
    let name = "frontdesk_http_requests_total";
    write!(
        text,
        "# HELP {name} Answers since the start.\n# TYPE {name} counter\n"
    )
    .map_err(Failure::internal)?;
    for (class, count) in call.app.requests.by_class() {
        writeln!(text, "{name}{{status=\"{class}\"}} {count}").map_err(Failure::internal)?;
    }
    let status = call.app.assistant.status().await?;
    measures::assistant(&mut text, &status).map_err(Failure::internal)?;
    Ok(with_type(
        StatusCode::OK,
        "text/plain; version=0.0.4",
        text.into(),
    ))
}

fn sample(
    text: &mut String,
    name: &str,
    help: &str,
    kind: &str,
    value: u64,
) -> Result<(), Failure> {
    write!(
        text,
        "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"
    )
    .map_err(Failure::internal)
}
