//! Coming in and going out: setup, login, renewal, registration, one's own sessions.

use shared::api::{
    Login, Page, PasswordChange, Refresh, Register, SessionInfo, SessionTokens, Setup, WhoAmI,
};
use warp::http::StatusCode;

use crate::{
    desk::permission::Action,
    http::{
        call::{Call, no_body, whole},
        query::DRY_RUN,
        route::{
            Access::{Bearer, Open},
            Answer, Route,
        },
    },
};

pub(super) const ROUTES: &[Route] = &[
    Route::post(
        "/api/setup",
        "setup",
        Open,
        |call| Box::pin(setup(call)),
        "Makes the first owner, with the one-time setup code, from the machine of the hub.",
    )
    .takes::<Setup>()
    .gives::<SessionTokens>(201),
    Route::post(
        "/api/auth/login",
        "login",
        Open,
        |call| Box::pin(login(call)),
        "Signs in with username and password; `forbidden` says that the password is right and that \
         `totp`, the code of the second factor, is missing.",
    )
    .takes::<Login>()
    .gives::<SessionTokens>(200),
    Route::post(
        "/api/auth/refresh",
        "refresh",
        Open,
        |call| Box::pin(refresh(call)),
        "Exchanges a refresh token for new tokens; each works once.",
    )
    .takes::<Refresh>()
    .gives::<SessionTokens>(200),
    Route::post(
        "/api/auth/register",
        "register",
        Open,
        |call| Box::pin(register(call)),
        "Registers a customer, where the hub allows it.",
    )
    .takes::<Register>()
    .gives::<SessionTokens>(201),
    Route::post(
        "/api/auth/logout",
        "logout",
        Bearer(Action::ManageSessions),
        |call| Box::pin(logout(call)),
        "Ends the session that asks.",
    )
    .query(&[DRY_RUN]),
    Route::get(
        "/api/auth/me",
        "me",
        Bearer(Action::ReadMe),
        |call| Box::pin(me(call)),
        "Says who one is.",
    )
    .gives::<WhoAmI>(200),
    Route::get(
        "/api/auth/sessions",
        "list_sessions",
        Bearer(Action::ManageSessions),
        |call| Box::pin(sessions(call)),
        "Lists one's own sessions.",
    )
    .gives::<Page<SessionInfo>>(200),
    Route::delete(
        "/api/auth/sessions",
        "end_sessions",
        Bearer(Action::ManageSessions),
        |call| Box::pin(end_sessions(call)),
        "Ends all of one's own sessions, also the one that asks.",
    )
    .query(&[DRY_RUN]),
    Route::delete(
        "/api/auth/sessions/{session}",
        "end_session",
        Bearer(Action::ManageSessions),
        |call| Box::pin(end_session(call)),
        "Ends one of one's own sessions.",
    )
    .query(&[DRY_RUN]),
    Route::post(
        "/api/auth/password",
        "change_password",
        Bearer(Action::ChangePassword),
        |call| Box::pin(change_password(call)),
        "Changes one's password and ends one's other sessions.",
    )
    .query(&[DRY_RUN])
    .takes::<PasswordChange>(),
];

async fn setup(call: Call) -> Answer {
    let setup: Setup = call.json()?;
    let tokens = call.app.accounts.setup(setup, call.origin.local).await?;
    call.answer(&tokens)
}

async fn login(call: Call) -> Answer {
    let login: Login = call.json()?;
    let tokens = call
        .app
        .accounts
        .login(login, call.origin.counted_ip())
        .await?;
    call.answer(&tokens)
}

async fn refresh(call: Call) -> Answer {
    let refresh: Refresh = call.json()?;
    let tokens = call.app.accounts.refresh(refresh).await?;
    call.answer(&tokens)
}

async fn register(call: Call) -> Answer {
    let register: Register = call.json()?;
    let tokens = call
        .app
        .accounts
        .register(register, call.origin.counted_ip())
        .await?;
    call.answer(&tokens)
}

async fn logout(call: Call) -> Answer {
    if call.is_dry_run() {
        return call.would("ends this session");
    }
    call.app.accounts.logout(call.session()?).await?;
    Ok(no_body(StatusCode::NO_CONTENT))
}

async fn me(call: Call) -> Answer {
    let me = call.app.accounts.me(call.session()?).await?;
    call.answer(&me)
}

async fn sessions(call: Call) -> Answer {
    let sessions = call.app.accounts.sessions(call.session()?).await?;
    call.answer(&whole(sessions))
}

async fn end_sessions(call: Call) -> Answer {
    if call.is_dry_run() {
        let (logins, tokens) = call.app.accounts.open_sessions(call.session()?).await?;
        return call.would(format!(
            "ends {logins} sessions, also this one, and {tokens} tokens for scripts"
        ));
    }
    call.app.accounts.end_all(call.viewer()?.id).await;
    Ok(no_body(StatusCode::NO_CONTENT))
}

async fn end_session(call: Call) -> Answer {
    let id: String = call.id()?;
    if call.is_dry_run() {
        call.app
            .accounts
            .check_session(call.session()?, &id)
            .await?;
        return call.would(format!("ends the session {id}"));
    }
    call.app.accounts.end_session(call.session()?, &id).await?;
    Ok(no_body(StatusCode::NO_CONTENT))
}

async fn change_password(call: Call) -> Answer {
    let change: PasswordChange = call.json()?;
    if call.is_dry_run() {
        let accounts = &call.app.accounts;
        accounts
            .check_password_change(call.session()?, change)
            .await?;
        return call.would("changes the password and ends all other sessions");
    }
    call.app
        .accounts
        .change_password(call.session()?, change)
        .await?;
    Ok(no_body(StatusCode::NO_CONTENT))
}
