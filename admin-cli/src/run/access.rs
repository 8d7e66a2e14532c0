//! Who one is, one's tokens for scripts and one's logins.

use shared::{
    api::{NewToken, Page, SessionInfo, TokenInfo, WhoAmI},
    client::http::Method,
    text::SafeText,
};

use crate::{
    args::access::{SessionVerb, TokenVerb},
    confirm,
    failure::Failure,
    invocation::{Invocation, Target},
    lookup,
    print::{
        Names,
        identity::{Identity, KnownToken},
    },
    run::{each, listed, sole, unless_missing},
};

/// `whoami`.
pub(super) async fn whoami(app: &Invocation) -> Result<(), Failure> {
    let me: WhoAmI = app.get("/api/auth/me").await?;
    let profile = app.profile()?;
    let identity = Identity {
        hub: profile.hub.to_string(),
        context: profile.context.clone(),
        source: match profile.token {
            Some(_) => "environment",
            None => "login",
        },
        me,
    };
    app.print.item(&identity, &Names::default())
}

/// `token ..`.
pub(super) async fn token(app: &Invocation, verb: TokenVerb) -> Result<(), Failure> {
    let names = Names::default();
    match verb {
        TokenVerb::Create { name, days } => {
            let body = NewToken {
                name: SafeText::line(&name),
                days,
            };
            let made = app.change(Method::Post, "/api/tokens", Some(&body)).await?;
            let Some(token) = made else { return Ok(()) };
            app.print.item::<TokenInfo>(&token, &names)?;
            app.print
                .note("this token is shown once; store it where only its script can read it");
            Ok(())
        }
        TokenVerb::List => {
            let page: Page<TokenInfo> = app.get("/api/tokens").await?;
            let items: Vec<KnownToken> = page.items.into_iter().map(KnownToken::from).collect();
            app.print.list(&items, page.next.as_deref(), &names)
        }
        TokenVerb::Delete { ids } => {
            let question = format!("Delete token {}?", listed(&ids));
            confirm::ask(app, &question, sole(&ids)).await?;
            end(app, &ids, "/api/tokens", "deleted token").await
        }
    }
}

/// `session ..`.
pub(super) async fn session(app: &Invocation, verb: SessionVerb) -> Result<(), Failure> {
    match verb {
        SessionVerb::List { user } => {
            let page: Page<SessionInfo> = match user {
                Some(user) => app.get(sessions_of(app, &user).await?).await?,
                None => app.get("/api/auth/sessions").await?,
            };
            app.print
                .list(&page.items, page.next.as_deref(), &Names::default())
        }
        SessionVerb::End {
            user: Some(user), ..
        } => {
            let target = sessions_of(app, &user).await?;
            let question = format!("End every session and token of {user}?");
            confirm::ask(app, &question, Some(&user)).await?;
            let ended = app.change::<(), ()>(Method::Delete, target, None);
            if ended.await?.is_some() {
                app.print.note(&format!("ended all sessions of {user}"));
            }
            Ok(())
        }
        SessionVerb::End { ids, .. } if ids.is_empty() && app.global.all => {
            confirm::ask(app, "End all of your sessions, also this one?", None).await?;
            let ended = app.change::<(), ()>(Method::Delete, "/api/auth/sessions", None);
            if ended.await?.is_some() {
                app.print.note("ended all sessions");
            }
            Ok(())
        }
        SessionVerb::End { ids, .. } if ids.is_empty() => Err(Failure::usage(
            "no session was named",
            "give ids from: frontdesk-admin session list, or --all",
        )),
        SessionVerb::End { ids, .. } => {
            let question = format!("End session {}?", listed(&ids));
            confirm::ask(app, &question, sole(&ids)).await?;
            end(app, &ids, "/api/auth/sessions", "ended session").await
        }
    }
}

async fn sessions_of(app: &Invocation, meant: &str) -> Result<Target, Failure> {
    let user = lookup::user(app, meant).await?;
    Ok(Target::new("/api/users").child(user.id).child("sessions"))
}

async fn end(app: &Invocation, ids: &[String], path: &str, what: &str) -> Result<(), Failure> {
    let (_, outcome) = each(app, ids, async |id| {
        let target = Target::new(path).child(id);
        let ended = app.change::<(), ()>(Method::Delete, target, None).await;
        if unless_missing(app, ended)?.flatten().is_some() {
            app.print.note(&format!("{what} {id}"));
        }
        Ok(Some(()))
    })
    .await;
    outcome
}
