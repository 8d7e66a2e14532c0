//! Becoming someone: setup, login, logout, and remembering it.

use std::path::{Path, PathBuf};

use shared::{
    api::{Login, SessionTokens, Setup, WhoAmI},
    client::{
        credentials::{Credentials, CredentialsFile},
        error::ClientError,
        http::{Http, Method},
        profile::{Config, Context, Flags, Places, Profile},
        session::Token,
    },
    error::ErrorCode,
    model::User,
    text::SafeText,
};

use crate::{
    args::access::{Login as LoginArgs, Setup as SetupArgs},
    confirm,
    failure::Failure,
    invocation::Invocation,
    print::Names,
    secret_input::{self, Password},
};

/// `setup`.
pub(super) async fn setup(app: &Invocation, args: SetupArgs) -> Result<(), Failure> {
    app.refuse_dry_run("setup")?;
    secret_input::one_stdin(&args.code, &args.password)?;
    let code = secret_input::code(app, &args.code, "setup code").await?;
    let username = username(app, args.username).await?;
    let body = Setup {
        code: code.into(),
        name: SafeText::line(args.name.as_deref().unwrap_or(&username)),
        username: SafeText::line(&username),
        password: secret_input::password(app, &args.password, Password::New)
            .await?
            .into(),
    };
    let newcomer = Newcomer::find(app)?;
    let tokens = newcomer.http()?.post("/api/setup", &body).await?;
    newcomer.begin(app, tokens)
}

/// `login`.
pub(super) async fn login(app: &Invocation, args: LoginArgs) -> Result<(), Failure> {
    app.refuse_dry_run("login")?;
    let newcomer = Newcomer::find(app)?;
    if args.with_token {
        let token = secret_input::from_file(Path::new("-"), "token")?;
        let user = with_token(app, &newcomer, Token::new(token)).await?;
        return app.print.item(&user, &Names::default());
    }
    secret_input::apart(&args.password, args.totp_file.as_deref())?;
    let mut body = Login {
        username: username(app, args.username).await?,
        password: secret_input::password(app, &args.password, Password::Known)
            .await?
            .into(),
        totp: secret_input::second_factor(args.totp_file.as_deref())?,
    };
    let http = newcomer.http()?;
    let mut answer = http.post("/api/auth/login", &body).await;
    if wants_second_factor(&answer) && body.totp.is_none() {
        body.totp = Some(secret_input::ask_second_factor(app).await?);
        answer = http.post("/api/auth/login", &body).await;
    }
    newcomer.begin(app, answer.map_err(refused)?)
}

/// Whether a password is right and only a code is missing: nothing else makes a login forbidden.
pub(super) fn wants_second_factor(answer: &Result<SessionTokens, ClientError>) -> bool {
    matches!(answer, Err(error) if error.code() == Some(ErrorCode::Forbidden))
}

/// `logout`.
pub(super) async fn logout(app: &Invocation) -> Result<(), Failure> {
    app.refuse_dry_run("logout")?;
    let profile = app.profile()?;
    let Some(credentials) = profile.credentials.load()? else {
        app.print.note("nobody was logged in");
        return Ok(());
    };
    // A login from a token for scripts has no session to end.
    if !credentials.refresh_token.expose().is_empty() {
        let http = profile.http()?;
        let end = http.request::<(), ()>(Method::Post, "/api/auth/logout", None);
        if let Err(error) = end.await {
            app.print.note(&format!(
                "the hub was not told ({error}); the session ends there by itself"
            ));
        }
    }
    profile.credentials.remove()?;
    app.print.note(&format!("logged out of {}", profile.hub));
    Ok(())
}

/// The usual hint, to log in, is of no use to who just tried.
fn refused(error: ClientError) -> Failure {
    match error {
        ClientError::Api(mut error) if error.code == ErrorCode::Unauthenticated => {
            error.hint = error.hint.or_else(|| {
                Some("check both; whoever forgot the password needs a code from: frontdesk-admin user passwd".to_owned())
            });
            error.into()
        }
        error => error.into(),
    }
}

async fn username(app: &Invocation, given: Option<String>) -> Result<String, Failure> {
    if let Some(username) = given {
        return Ok(username);
    }
    if !confirm::is_interactive(app) {
        return Err(Failure::usage(
            "no username was given",
            "give --username NAME",
        ));
    }
    app.print.ask("username:");
    confirm::read_line().await
}

async fn with_token(app: &Invocation, newcomer: &Newcomer, token: Token) -> Result<User, Failure> {
    let profile = &newcomer.profile;
    let http = Http::new(&profile.hub, Some(token.clone().into()), &profile.tls)?;
    let me: WhoAmI = http.get("/api/auth/me").await?;
    let credentials = Credentials {
        user: me.user.username.to_string(),
        access_token: token,
        refresh_token: Token::new(String::new()),
        expires_at: me.expires_at,
    };
    newcomer.remember(app, &credentials)?;
    Ok(me.user)
}

/// Someone who is about to become known at a hub, and where that will be remembered.
pub(super) struct Newcomer {
    profile: Profile,
    /// The name of a context that is not there yet.
    fresh: Option<String>,
}

impl Newcomer {
    /// From the flags; unlike elsewhere `--context` may name a new one.
    pub(super) fn find(app: &Invocation) -> Result<Self, Failure> {
        let places = Places::find(&app.environment)?;
        let config = Config::in_force(&places)?;
        let named = app.global.context.as_ref();
        let fresh = named.filter(|name| !config.contexts.contains_key(*name));
        let flags = Flags {
            context: named.filter(|_| fresh.is_none()).cloned(),
            ..app.flags()
        };
        let profile = Profile::resolve(&flags, &app.environment)?;
        if profile.token.is_some() {
            app.print
                .note("FRONTDESK_TOKEN is set and comes before every login");
        }
        Ok(Self {
            fresh: match (fresh, &profile.context) {
                (Some(name), _) => Some(name.clone()),
                (None, Some(_)) => None,
                (None, None) => Some(profile.hub.authority()),
            },
            profile,
        })
    }

    /// A connection as nobody.
    pub(super) fn http(&self) -> Result<Http, Failure> {
        let profile = &self.profile;
        Ok(Http::new(&profile.hub, None, &profile.tls)?)
    }

    /// Remembers a session that has begun and prints whose it is.
    pub(super) fn begin(&self, app: &Invocation, tokens: SessionTokens) -> Result<(), Failure> {
        let user = tokens.user.clone();
        self.remember(app, &tokens.into())?;
        app.print.item(&user, &Names::default())
    }

    fn remember(&self, app: &Invocation, credentials: &Credentials) -> Result<(), Failure> {
        let profile = &self.profile;
        let said = format!("logged in to {} as {:?}", profile.hub, credentials.user);
        let Some(name) = &self.fresh else {
            profile.credentials.store(credentials)?;
            app.print.note(&said);
            return Ok(());
        };
        let path = profile.places.credentials();
        CredentialsFile::new(path, name.clone()).store(credentials)?;
        let mut context = Context::new(profile.hub.clone());
        context.ca = absolute(profile.tls.ca.as_deref())?;
        let current = Config::update(&profile.places, |config| {
            config.contexts.insert(name.clone(), context);
            let current = config.current_context.get_or_insert_with(|| name.clone());
            current == name
        })?;
        app.print.note(&format!("{said}, context {name:?}"));
        if !current {
            app.print.note(&format!(
                "to use it from now on: frontdesk-admin context use {name}"
            ));
        }
        Ok(())
    }
}

/// A path that stays right when the config is read from elsewhere.
pub(super) fn absolute(path: Option<&Path>) -> Result<Option<PathBuf>, Failure> {
    path.map(|path| std::path::absolute(path).map_err(|error| Failure::file(path, &error)))
        .transpose()
}
