//! The second factor: setting it up, its recovery codes, its end.

use qrcode::{EcLevel, QrCode, render::unicode::Dense1x2};
use shared::{
    api::{RecoveryCodes, Secret, TotpBegun, TotpConfirm, TotpProof, TotpStatus},
    client::http::Method,
};

use crate::{
    args::access::{PasswordSource, TotpSource, TotpVerb},
    confirm,
    failure::Failure,
    invocation::{Invocation, Target},
    lookup,
    print::{Names, identity::RecoveryCode},
    secret_input::{self, Password},
};

const PATH: &str = "/api/auth/totp";

/// `totp ..`.
pub(super) async fn run(app: &Invocation, verb: TotpVerb) -> Result<(), Failure> {
    match verb {
        TotpVerb::Status => {
            let status: TotpStatus = app.get(PATH).await?;
            app.print.item(&status, &Names::default())
        }
        TotpVerb::Enable { password } => enable(app, &password).await,
        TotpVerb::Confirm { totp } => {
            app.refuse_dry_run("totp confirm")?;
            let code = code(app, &totp).await?;
            confirm(app, code).await
        }
        TotpVerb::Codes { password } => {
            app.refuse_dry_run("totp codes")?;
            let proof = TotpProof {
                password: Some(own_password(app, &password).await?),
                totp: None,
            };
            let path = Target::new(PATH).child("codes");
            let made = app.change(Method::Post, path, Some(&proof)).await?;
            print_codes(app, made)
        }
        TotpVerb::Disable { password, totp } => {
            app.refuse_dry_run("totp disable")?;
            secret_input::apart(&password, totp.totp_file.as_deref())?;
            let question = "End your second factor and your other sessions?";
            confirm::ask(app, question, None).await?;
            let proof = TotpProof {
                password: Some(own_password(app, &password).await?),
                totp: Some(code(app, &totp).await?),
            };
            let path = Target::new(PATH).child("disable");
            let done = app
                .change::<_, ()>(Method::Post, path, Some(&proof))
                .await?;
            if done.is_some() {
                app.print.note("a password is enough to log in again");
            }
            Ok(())
        }
        TotpVerb::Reset { user } => reset(app, &user).await,
    }
}

/// Begins; where a person can be asked also confirms.
async fn enable(app: &Invocation, password: &PasswordSource) -> Result<(), Failure> {
    app.refuse_dry_run("totp enable")?;
    let proof = TotpProof {
        password: Some(own_password(app, password).await?),
        totp: None,
    };
    let begun = app.change(Method::Post, PATH, Some(&proof)).await?;
    let Some(begun): Option<TotpBegun> = begun else {
        return Ok(());
    };
    if !(app.print.out_is_terminal() && confirm::is_interactive(app)) {
        app.print.item(&begun, &Names::default())?;
        app.print
            .note("it works once it is confirmed: frontdesk-admin totp confirm --totp-file FILE");
        return Ok(());
    }
    let (secret, uri) = (begun.secret.expose(), begun.uri.expose());
    app.print.text(&format!(
        "Scan this with an authenticator app, or type the secret in:\n\n  {secret}\n  {uri}\n\n"
    ))?;
    // Last, and with the least of spare modules, so that 24 rows show it whole above the question:
    // nothing on a screen is torn or smudged.
    if let Ok(code) = QrCode::with_error_correction_level(begun.uri.expose(), EcLevel::L) {
        // For letters that are lighter than what is behind them, as on most terminals; many apps
        // read the other way round too.
        let picture = code
            .render::<Dense1x2>()
            .dark_color(Dense1x2::Light)
            .light_color(Dense1x2::Dark)
            .build();
        app.print.text(&format!("{picture}\n"))?;
    }
    confirm(app, secret_input::ask_second_factor(app).await?).await
}

async fn confirm(app: &Invocation, code: Secret) -> Result<(), Failure> {
    let path = Target::new(PATH).child("confirm");
    let body = TotpConfirm { code };
    let made = app.change(Method::Post, path, Some(&body)).await?;
    print_codes(app, made)
}

fn print_codes(app: &Invocation, made: Option<RecoveryCodes>) -> Result<(), Failure> {
    let Some(made) = made else { return Ok(()) };
    let codes = RecoveryCode::each(made);
    app.print.list(&codes, None, &Names::default())?;
    app.print.note(
        "each of these logs you in once without your app; they are shown once, so keep them where \
         your phone is not",
    );
    Ok(())
}

async fn reset(app: &Invocation, meant: &str) -> Result<(), Failure> {
    let user = lookup::user(app, meant).await?;
    let username = user.username.as_str();
    let question = format!("End the second factor and every session of {username}?");
    confirm::ask(app, &question, Some(username)).await?;
    let path = Target::new("/api/users").child(user.id).child("totp");
    let done = app.change::<(), ()>(Method::Delete, path, None).await?;
    if done.is_some() {
        app.print.note(&format!(
            "{username} logs in with the password alone, and can set up another second factor"
        ));
    }
    Ok(())
}

async fn own_password(app: &Invocation, source: &PasswordSource) -> Result<Secret, Failure> {
    let password = secret_input::password(app, source, Password::Known).await?;
    Ok(Secret::new(password))
}

async fn code(app: &Invocation, source: &TotpSource) -> Result<Secret, Failure> {
    match secret_input::second_factor(source.totp_file.as_deref())? {
        Some(code) => Ok(code),
        None => secret_input::ask_second_factor(app).await,
    }
}
