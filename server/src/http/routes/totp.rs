//! The second factor: one's own, and that of a colleague who lost it.

use shared::{
    api::{RecoveryCodes, TotpBegun, TotpConfirm, TotpProof, TotpStatus},
    id::UserId,
};
use warp::http::StatusCode;

use crate::{
    desk::permission::Action,
    http::{
        call::{Call, no_body},
        query::DRY_RUN,
        route::{Access::Bearer, Answer, Route},
    },
};

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "/api/auth/totp",
        "read_totp",
        Bearer(Action::ManageTotp),
        |call| Box::pin(status(call)),
        "Says whether one has a second factor.",
    )
    .gives::<TotpStatus>(200),
    Route::post(
        "/api/auth/totp",
        "begin_totp",
        Bearer(Action::ManageTotp),
        |call| Box::pin(begin(call)),
        "Makes the secret of a second factor, for one's password; it works once it is confirmed, \
         and is shown here only.",
    )
    .takes::<TotpProof>()
    .gives::<TotpBegun>(201),
    Route::post(
        "/api/auth/totp/confirm",
        "confirm_totp",
        Bearer(Action::ManageTotp),
        |call| Box::pin(confirm(call)),
        "Puts the second factor in force with a code of the app, ends one's other sessions, and \
         gives recovery codes, shown here only.",
    )
    .takes::<TotpConfirm>()
    .gives::<RecoveryCodes>(201),
    Route::post(
        "/api/auth/totp/codes",
        "renew_recovery_codes",
        Bearer(Action::ManageTotp),
        |call| Box::pin(codes(call)),
        "Makes new recovery codes in the place of the old, for one's password or a code.",
    )
    .takes::<TotpProof>()
    .gives::<RecoveryCodes>(201),
    Route::post(
        "/api/auth/totp/disable",
        "disable_totp",
        Bearer(Action::ManageTotp),
        |call| Box::pin(disable(call)),
        "Ends one's second factor, for one's password and a code, and one's other sessions.",
    )
    .takes::<TotpProof>(),
    Route::delete(
        "/api/users/{id}/totp",
        "reset_totp",
        Bearer(Action::ResetTotp),
        |call| Box::pin(reset(call)),
        "Ends the second factor of a member of staff who lost it, and their sessions.",
    )
    .query(&[DRY_RUN]),
];

async fn status(call: Call) -> Answer {
    let status = call.app.accounts.totp_status(call.session()?).await?;
    call.answer(&status)
}

async fn begin(call: Call) -> Answer {
    let proof: TotpProof = call.json()?;
    let begun = call.app.accounts.begin_totp(call.session()?, proof).await?;
    call.answer(&begun)
}

async fn confirm(call: Call) -> Answer {
    let confirm: TotpConfirm = call.json()?;
    let accounts = &call.app.accounts;
    let codes = accounts.confirm_totp(call.session()?, confirm).await?;
    call.answer(&codes)
}

async fn codes(call: Call) -> Answer {
    let proof: TotpProof = call.json()?;
    let accounts = &call.app.accounts;
    let codes = accounts
        .renew_recovery_codes(call.session()?, proof)
        .await?;
    call.answer(&codes)
}

async fn disable(call: Call) -> Answer {
    let proof: TotpProof = call.json()?;
    call.app
        .accounts
        .disable_totp(call.session()?, proof)
        .await?;
    Ok(no_body(StatusCode::NO_CONTENT))
}

async fn reset(call: Call) -> Answer {
    let id: UserId = call.id()?;
    call.count()?;
    let accounts = &call.app.accounts;
    if call.is_dry_run() {
        let user = accounts.check_totp_reset(call.session()?, id).await?;
        return call.would(format!(
            "ends the second factor and the sessions of {}",
            user.username
        ));
    }
    accounts.reset_totp(call.session()?, id).await?;
    Ok(no_body(StatusCode::NO_CONTENT))
}
