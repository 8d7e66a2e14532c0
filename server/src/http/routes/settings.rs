//! The settings of the desk, for staff and for those who are about to ask it something.

use std::ops::ControlFlow;

use shared::{
    api::PublicDesk,
    command::{Command, SettingsChange},
    model::Settings,
};

use crate::{
    desk::permission::Action,
    http::{
        call::Call,
        query::DRY_RUN,
        route::{
            Access::{Anyone, Bearer},
            Answer, Route,
        },
    },
};

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "/api/desk",
        "read_desk",
        Anyone(Action::ReadDesk),
        |call| Box::pin(desk(call)),
        "Says what the desk is called, what it does with data, and whether customers may register.",
    )
    .gives::<PublicDesk>(200),
    Route::get(
        "/api/settings",
        "read_settings",
        Bearer(Action::ReadSettings),
        |call| Box::pin(read(call)),
        "Reads the settings of the desk.",
    )
    .gives::<Settings>(200),
    Route::put(
        "/api/settings",
        "update_settings",
        Bearer(Action::ChangeSettings),
        |call| Box::pin(update(call)),
        "Changes the settings of the desk; what is not said stays.",
    )
    .query(&[DRY_RUN])
    .if_match()
    .takes::<SettingsChange>()
    .gives::<Settings>(200),
];

async fn desk(call: Call) -> Answer {
    let settings = call.ask(|desk| desk.settings().clone()).await?;
    call.answer(&PublicDesk {
        name: settings.name,
        notice: settings.notice,
        registration: call.app.accounts.registration(),
    })
}

async fn read(call: Call) -> Answer {
    let settings = call.ask(|desk| desk.settings().clone()).await?;
    call.answer(&settings)
}

async fn update(call: Call) -> Answer {
    let change: SettingsChange = call.json()?;
    let rev = call.rev()?;
    let command = Command::UpdateSettings { change, rev };
    if let ControlFlow::Break(plan) = call.submit(None, command).await? {
        return Ok(plan);
    }
    read(call).await
}
