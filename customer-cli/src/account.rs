//! As whom one talks: with an account at the hub, or with nothing but a name.
//!
//! The login of a customer is in a file of its own, apart from those of the staff's programs: one
//! person may be both on one machine.

use std::path::Path;

use serde::Serialize;
use shared::{
    api::{Login, PasswordChange, Register, SessionTokens, WhoAmI},
    client::{
        credentials::{Credentials, CredentialsFile},
        error::ClientError,
        http::{Http, Method},
        profile::Profile,
        secret,
        session::{Session, Token, TokenSource},
        url::HubUrl,
    },
    error::ErrorCode,
    id::{ChatId, UserId},
    model::Role,
    text::SafeText,
    time::Timestamp,
};

use crate::{
    args::{PasswordSource, RegisterArgs},
    error::ChatError,
    print,
};

/// As whom requests are made.
#[derive(Debug)]
pub struct Customer {
    /// A connection as that customer, or as nobody.
    pub http: Http,
    /// The account; none for a customer without one.
    pub login: Option<Account>,
}

/// An account that is logged in.
#[derive(Clone, Debug)]
pub struct Account {
    /// The name to log in with.
    pub username: String,
    /// Where the token of the next request comes from.
    pub token: TokenSource,
}

/// A chat, and as whom it is talked in.
#[derive(Clone, Debug)]
pub struct Access {
    /// Which hub.
    pub hub: HubUrl,
    /// Which chat.
    pub chat: ChatId,
    /// The account's session, or the chat's own secret.
    pub token: TokenSource,
}

/// Who is logged in, for `whoami --json`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Identity<'a> {
    /// The name to log in with.
    username: &'a SafeText,
    /// The name that others see.
    name: &'a SafeText,
    /// The hub.
    #[cfg_attr(test, schemars(with = "String"))]
    hub: &'a HubUrl,
    /// When the token in use ends; it is renewed by being used.
    expires_at: Timestamp,
    /// The file of the login.
    file: &'a str,
}

impl Customer {
    /// The customer of this profile: logged in, unless `anonymous` or nobody is.
    ///
    /// # Errors
    /// [`ChatError::Client`] when the file of the login is not private or cannot be used.
    pub fn find(profile: &Profile, anonymous: bool) -> Result<Self, ChatError> {
        let file = file(profile);
        let credentials = if anonymous { None } else { file.load()? };
        let login = credentials
            .map(|credentials| -> Result<Account, ClientError> {
                let http = Http::new(&profile.hub, None, &profile.tls)?;
                Ok(Account {
                    username: credentials.user,
                    token: Session::new(file, http).into(),
                })
            })
            .transpose()?;
        let token = login.as_ref().map(|account| account.token.clone());
        let http = Http::new(&profile.hub, token, &profile.tls)?;
        Ok(Self { http, login })
    }

    /// The account.
    ///
    /// # Errors
    /// [`ChatError::NotLoggedIn`].
    pub fn account(&self) -> Result<&Account, ChatError> {
        let none = || ChatError::NotLoggedIn(self.http.url().clone());
        self.login.as_ref().ok_or_else(none)
    }

    /// Who the account is at the hub.
    ///
    /// # Errors
    /// [`ChatError::NotLoggedIn`], [`ChatError::LoginEnded`] and [`ChatError::Client`].
    pub async fn me(&self) -> Result<WhoAmI, ChatError> {
        self.account()?;
        self.http
            .get("/api/auth/me")
            .await
            .map_err(|error| self.failed(error))
    }

    /// The number of the account.
    ///
    /// # Errors
    /// As [`Customer::me`].
    pub async fn id(&self) -> Result<UserId, ChatError> {
        Ok(self.me().await?.user.id)
    }

    /// What a failure of a request means: a login that is refused has ended.
    #[must_use]
    pub fn failed(&self, error: ClientError) -> ChatError {
        let ended = error.code() == Some(ErrorCode::Unauthenticated);
        if self.login.is_some() && ended {
            return ChatError::LoginEnded(self.http.url().clone());
        }
        error.into()
    }
}

impl Access {
    /// A connection as the customer of the chat.
    ///
    /// # Errors
    /// [`ClientError::Tls`] when the certificates to trust cannot be read.
    pub fn http(&self, profile: &Profile) -> Result<Http, ClientError> {
        Http::new(&self.hub, Some(self.token.clone()), &profile.tls)
    }

    /// What a failure of a request means.
    #[must_use]
    pub fn failed(&self, error: ClientError) -> ChatError {
        match (error.code(), &self.token) {
            (Some(ErrorCode::Unauthenticated), TokenSource::Fixed(_)) => {
                ChatError::TokenEnded(self.chat)
            }
            (Some(ErrorCode::Unauthenticated), TokenSource::Session(_)) => {
                ChatError::LoginEnded(self.hub.clone())
            }
            _ => error.into(),
        }
    }
}

/// `register`.
///
/// # Errors
/// Every [`ChatError`]; exit code 5 where the desk has no registration.
pub async fn register(profile: &Profile, args: &RegisterArgs) -> Result<(), ChatError> {
    let line = |text: &Option<String>| text.as_deref().map(SafeText::line);
    let username = username(args.username.as_deref())?;
    let name = line(&args.name).unwrap_or_else(|| SafeText::line(&username));
    let name = shared::text::customer_name(&name);
    let body = Register {
        username: SafeText::line(&username),
        name: name.map_err(|error| ChatError::Usage(error.to_string()))?,
        email: line(&args.email),
        phone: line(&args.phone),
        password: password(&args.password, Kind::New).await?.into(),
    };
    let http = Http::new(&profile.hub, None, &profile.tls)?;
    let tokens: SessionTokens = http.post("/api/auth/register", &body).await?;
    begin(profile, tokens, "registered and logged in")
}

/// `login`.
///
/// # Errors
/// Every [`ChatError`].
pub async fn login(
    profile: &Profile,
    given: Option<&str>,
    source: &PasswordSource,
    totp_file: Option<&Path>,
) -> Result<(), ChatError> {
    let is_stdin = |path: Option<&Path>| path == Some(Path::new("-"));
    if is_stdin(totp_file) && (source.password_stdin || is_stdin(source.password_file.as_deref())) {
        return Err(ChatError::Usage(
            "the password and the code cannot both come from stdin; put one in a file: --totp-file \
             FILE"
                .to_owned(),
        ));
    }
    let what = "code of the second factor";
    let mut body = Login {
        username: username(given)?,
        password: password(source, Kind::Known).await?.into(),
        totp: match totp_file {
            Some(path) => Some(secret::read_file(path, what)?.into()),
            None => None,
        },
    };
    let http = Http::new(&profile.hub, None, &profile.tls)?;
    let path = "/api/auth/login";
    let mut answer: Result<SessionTokens, ClientError> = http.post(path, &body).await;
    // The password is right, and only the code is missing.
    let wanted = matches!(&answer, Err(error) if error.code() == Some(ErrorCode::Forbidden));
    if wanted && body.totp.is_none() && print::can_ask() {
        let question = "Code of your authenticator app: ";
        body.totp = Some(typed(question, what).await?.into());
        answer = http.post(path, &body).await;
    }
    let tokens = answer?;
    if tokens.user.role != Role::Customer {
        let token = TokenSource::Fixed(Token::new(tokens.access_token.into_exposed()));
        let http = Http::new(&profile.hub, Some(token), &profile.tls)?;
        // It ends by itself too.
        drop(end(&http).await);
        return Err(ChatError::Staff(tokens.user.username));
    }
    begin(profile, tokens, "logged in")
}

/// `logout`.
///
/// # Errors
/// [`ChatError::Client`] when the file of the login cannot be used.
pub async fn logout(profile: &Profile) -> Result<(), ChatError> {
    let customer = Customer::find(profile, false)?;
    if customer.login.is_none() {
        print::note(&format!("nobody was logged in to {}", profile.hub));
        return Ok(());
    }
    if let Err(error) = end(&customer.http).await
        && error.code() != Some(ErrorCode::Unauthenticated)
    {
        print::note(&format!(
            "the hub was not told ({error}); the session ends there by itself"
        ));
    }
    file(profile).remove()?;
    print::note(&format!("logged out of {}", profile.hub));
    Ok(())
}

/// `whoami`.
///
/// # Errors
/// As [`Customer::me`].
pub async fn whoami(profile: &Profile, as_json: bool) -> Result<(), ChatError> {
    let customer = Customer::find(profile, false)?;
    let me = customer.me().await?;
    let path = file(profile).path().display().to_string();
    let line = if as_json {
        print::line_of(&Identity {
            username: &me.user.username,
            name: &me.user.name,
            hub: &profile.hub,
            expires_at: me.expires_at,
            file: &path,
        })
    } else {
        format!("{}\t{}\t{}\n", me.user.username, me.user.name, profile.hub)
    };
    print::out(&line)?;
    if !as_json {
        print::note(&format!(
            "the login is kept in {path} and ends on {} unless it is used",
            me.expires_at
        ));
    }
    Ok(())
}

/// `passwd`.
///
/// # Errors
/// Every [`ChatError`].
pub async fn passwd(
    profile: &Profile,
    old: Option<&Path>,
    source: &PasswordSource,
) -> Result<(), ChatError> {
    let customer = Customer::find(profile, false)?;
    customer.account()?;
    let from_stdin = |path: &Path| path == Path::new("-");
    let new_from_stdin =
        source.password_stdin || source.password_file.as_deref().is_some_and(from_stdin);
    if old.is_some_and(from_stdin) && new_from_stdin {
        return Err(ChatError::Usage(
            "both passwords cannot come from stdin; put one in a file: --old-password-file FILE"
                .to_owned(),
        ));
    }
    let old = match old {
        Some(path) => secret::read_file(path, "old password")?,
        None => typed("Your password so far: ", "old password").await?,
    };
    let body = PasswordChange {
        old: old.into(),
        new: password(source, Kind::New).await?.into(),
    };
    let done: Result<(), ClientError> = customer.http.post("/api/auth/password", &body).await;
    done.map_err(|error| match error {
        // The session is well: what is wrong is the password that was given.
        error if error.code() == Some(ErrorCode::Unauthenticated) => error.into(),
        error => customer.failed(error),
    })?;
    print::note("the password is changed; your other logins have ended");
    Ok(())
}

/// Where the login of a customer with this hub is.
fn file(profile: &Profile) -> CredentialsFile {
    let path = profile.places.state().join("customer.toml");
    CredentialsFile::new(path, profile.hub.to_string())
}

fn begin(profile: &Profile, tokens: SessionTokens, how: &str) -> Result<(), ChatError> {
    let credentials = Credentials::from(tokens);
    file(profile).store(&credentials)?;
    let user = SafeText::line(&credentials.user);
    print::note(&format!("{how} at {} as {user}", profile.hub));
    Ok(())
}

async fn end(http: &Http) -> Result<(), ClientError> {
    http.request::<(), ()>(Method::Post, "/api/auth/logout", None)
        .await
}

fn username(given: Option<&str>) -> Result<String, ChatError> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    if !print::can_ask() {
        return Err(ChatError::Usage(
            "no username was given; give --username NAME".to_owned(),
        ));
    }
    print::err("Username: ");
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line);
    read.map_err(|source| ChatError::Io {
        what: "read the username".to_owned(),
        source,
    })?;
    let line = SafeText::line(line.trim());
    if line.is_empty() {
        return Err(ChatError::Usage("no username was given".to_owned()));
    }
    Ok(line.into())
}

/// Whether a password is made up now or known already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Asked for once.
    Known,
    /// Asked for twice.
    New,
}

async fn password(source: &PasswordSource, kind: Kind) -> Result<String, ChatError> {
    let what = match kind {
        Kind::Known => "password",
        Kind::New => "new password",
    };
    if source.password_stdin {
        return Ok(secret::read_file(Path::new("-"), what)?);
    }
    if let Some(path) = &source.password_file {
        return Ok(secret::read_file(path, what)?);
    }
    let question = match kind {
        Kind::Known => "Password: ",
        Kind::New => "New password: ",
    };
    let first = typed(question, what).await?;
    if kind == Kind::New && typed("The same again: ", what).await? != first {
        return Err(ChatError::Usage(
            "the two passwords differ; nothing was done".to_owned(),
        ));
    }
    Ok(first)
}

async fn typed(question: &str, what: &str) -> Result<String, ChatError> {
    if !print::can_ask() {
        return Err(ChatError::Usage(format!(
            "no {what} was given; give --password-stdin or --password-file FILE, or run it on a \
             terminal"
        )));
    }
    let typed = secret::type_in(what, || print::err(question)).await;
    print::err("\n");
    Ok(typed?)
}
