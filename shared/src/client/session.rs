//! Who a client is: a fixed token, or a session that renews itself under a lock.
//!
//! Several programs of one user share one refresh token, and using one twice ends the whole
//! session; so a renewal first takes the lock of the file, looks whether another program was
//! faster, and stores the new tokens before it uses them.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};

use crate::{
    api::{Refresh, SessionTokens},
    client::{
        credentials::{Credentials, CredentialsFile},
        error::ClientError,
        http::{Http, Method},
        private::{self, PrivateError},
        profile::ProfileError,
    },
    time::Timestamp,
};

/// A token is renewed this long before it ends, so that it does not end on its way.
const RENEW_BEFORE: Duration = Duration::from_secs(30);

/// A secret that names a principal; never shown.
#[derive(Clone)]
pub struct Token(SecretString);

impl Token {
    /// Takes the text of a token.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text.into())
    }

    /// The secret itself, for a header or the first frame only.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    fn is(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Where the token of the next request comes from.
#[derive(Clone, Debug)]
pub enum TokenSource {
    /// Always the same: of a script or of a customer's chat.
    Fixed(Token),
    /// The login of a person.
    Session(Session),
}

impl From<Token> for TokenSource {
    fn from(token: Token) -> Self {
        Self::Fixed(token)
    }
}

impl From<Session> for TokenSource {
    fn from(session: Session) -> Self {
        Self::Session(session)
    }
}

impl TokenSource {
    /// The token to use now; a session renews it when it is about to end.
    ///
    /// # Errors
    /// See [`Session::token`].
    pub async fn token(&self) -> Result<Token, ClientError> {
        match self {
            Self::Fixed(token) => Ok(token.clone()),
            Self::Session(session) => session.token().await,
        }
    }

    /// Another token after the hub refused this one; none when there is no other.
    ///
    /// # Errors
    /// See [`Session::renew`].
    pub async fn renew(&self, refused: &Token) -> Result<Option<Token>, ClientError> {
        match self {
            Self::Fixed(_) => Ok(None),
            Self::Session(session) => session.renew(refused).await.map(Some),
        }
    }
}

/// The login of a person, in a credentials file. Clones are the same session.
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    file: CredentialsFile,
    http: Http,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Session").field(&self.0.file).finish()
    }
}

impl Session {
    /// A session whose tokens are in `file`. `http` must reach their hub and has no token.
    #[must_use]
    pub fn new(file: CredentialsFile, http: Http) -> Self {
        Self(Arc::new(Inner { file, http }))
    }

    /// The access token, renewed when it is about to end.
    ///
    /// # Errors
    /// [`ClientError::Profile`] when nobody is logged in or the file cannot be used, and what
    /// the renewal gives: [`ClientError::Api`] with `unauthenticated` when the session is over.
    pub async fn token(&self) -> Result<Token, ClientError> {
        let credentials = self.load()?;
        if fresh(&credentials) {
            return Ok(credentials.access_token);
        }
        self.replace(&credentials.access_token).await
    }

    /// The access token after the hub refused `refused`.
    ///
    /// # Errors
    /// As [`Session::token`].
    pub async fn renew(&self, refused: &Token) -> Result<Token, ClientError> {
        self.replace(refused).await
    }

    fn load(&self) -> Result<Credentials, ClientError> {
        let file = &self.0.file;
        let found = file.load()?;
        Ok(found.ok_or_else(|| ProfileError::NotLoggedIn(file.key().to_owned()))?)
    }

    /// Gets rid of `old`, by what another program stored in the meantime or by a renewal.
    ///
    /// Boxed, because a request may need a token and a token a request.
    fn replace<'a>(
        &'a self,
        old: &'a Token,
    ) -> Pin<Box<dyn Future<Output = Result<Token, ClientError>> + Send + 'a>> {
        Box::pin(async move {
            let path = self.0.file.path().to_owned();
            let locked = tokio::task::spawn_blocking(move || private::lock(&path)).await;
            let lock = locked
                .map_err(|error| ClientError::Protocol(error.to_string()))?
                .map_err(ProfileError::from)?;
            let credentials = self.load()?;
            if !credentials.access_token.is(old) && fresh(&credentials) {
                return Ok(credentials.access_token);
            }
            let refresh = Refresh {
                refresh_token: credentials.refresh_token.expose().into(),
            };
            let http = &self.0.http;
            let tokens: SessionTokens = http
                .request(Method::Post, "/api/auth/refresh", Some(&refresh))
                .await?;
            let renewed = Credentials::from(tokens);
            let token = renewed.access_token.clone();
            self.0.file.store_locked(&renewed, &lock)?;
            Ok(token)
        })
    }
}

impl From<PrivateError> for ClientError {
    fn from(error: PrivateError) -> Self {
        ProfileError::from(error).into()
    }
}

fn fresh(credentials: &Credentials) -> bool {
    let now = Timestamp::from_ms(jiff::Timestamp::now().as_millisecond());
    credentials.expires_at > now.after(RENEW_BEFORE)
}
