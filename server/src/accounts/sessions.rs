//! Sessions: from a token to who holds it, renewal, lists and ends.
//!
//! A token is looked up by its digest and leads to the row of its session; a session that is
//! deleted takes all its tokens with it. No password is looked at here.

use std::cmp::Reverse;

use shared::{
    api::{Refresh, SessionInfo, SessionTokens},
    command::AccountAct,
    id::{CommandId, UserId},
    model::{Role, User},
    time::Timestamp,
};

use crate::{
    accounts::{
        AccountError, Accounts, Session, SessionKind, lock,
        rate::Rate,
        rows::{
            Kept, Origin, Principal, SessionRow, TokenRow, digest_key, digest_text, session_id,
            session_key, user_key,
        },
        secret::{Token, TokenKind},
    },
    desk::{Who, permission::Action},
};

/// Renewals of one session: far more than clients need, and few enough that the digests of used
/// refresh tokens, kept to the end of the session to recognise their reuse, have a bound.
pub(super) const REFRESH_RATE: Option<Rate> = Rate::per_minute(1, 20);
/// `seen_at` is as precise as this.
const SEEN_STEP_MS: i64 = 60_000;
/// How much of the life of a rolling token passes before its end is moved: a 168th, an hour of
/// seven days, so that a busy customer costs few writes.
const ROLL_PART: u32 = 168;

impl Accounts {
    /// What an access token, a token for scripts or the token of a chat stands for now. Costs
    /// look-ups, never a password hash.
    ///
    /// # Errors
    /// [`AccountError::Token`] for every token that opens nothing, whatever the reason; else the
    /// hub has stopped or the store failed.
    pub async fn authenticate(&self, token: &str) -> Result<Session, AccountError> {
        let token = Token::parse(token).map_err(|_| AccountError::Token)?;
        let kind = match token.kind() {
            TokenKind::Access => SessionKind::Login,
            TokenKind::Api => SessionKind::Api,
            TokenKind::Chat => SessionKind::Chat,
            TokenKind::Refresh | TokenKind::Invitation | TokenKind::Setup => {
                return Err(AccountError::Token);
            }
        };
        let held = self.read_token(&token).await?;
        let TokenRow { user, session, .. } = &held.row;
        let ended = self.shared.live.enter(*user, session, held.row.until);
        let Some(kept) = self.read_session(*user, session).await? else {
            self.shared.live.end(*user, session);
            return Err(AccountError::Token);
        };
        let (who, role) = self.principal(*user, &kept.row.principal).await?;
        let ends_at = self.touch(kind, &held, &kept).await;
        self.shared.live.enter(*user, session, ends_at);
        let expires_at = match kind {
            SessionKind::Login => held.row.until,
            SessionKind::Api | SessionKind::Chat => ends_at,
        };
        Ok(Session {
            id: session.clone(),
            who,
            user: *user,
            kind,
            role,
            expires_at,
            ends_at,
            ended,
        })
    }

    /// Renews a login for one refresh token, which is used up. A refresh token that was used
    /// before has been copied by somebody: then the whole session ends.
    ///
    /// # Errors
    /// [`AccountError::Token`] for a token that renews nothing, [`AccountError::Throttled`] for
    /// a session that is renewed all the time.
    pub async fn refresh(&self, refresh: Refresh) -> Result<SessionTokens, AccountError> {
        let token =
            Token::parse(refresh.refresh_token.expose()).map_err(|_| AccountError::Token)?;
        if token.kind() != TokenKind::Refresh {
            return Err(AccountError::Token);
        }
        let held = self.read_token(&token).await?;
        let TokenRow { user, session, .. } = held.row;
        let now_ms = self.now_ms();
        lock(&self.shared.refreshes).check(&session, now_ms)?;
        let Some(kept) = self.read_session(user, &session).await? else {
            return Err(AccountError::Token);
        };
        let shown = self.user_of(user, &kept.row.principal).await?;
        let used = digest_text(token.digest());
        if renews(&kept.row, &used) {
            let issued = self.issue(user, &session, kept.row.ends_at).await?;
            let fresh = digest_text(issued.refresh.digest());
            if self.rotate(kept, &used, &fresh).await? {
                return Ok(issued.tokens(shown));
            }
        }
        self.end(user, &session).await?;
        tracing::warn!(%user, "a refresh token was used twice; its session was ended");
        Err(AccountError::Token)
    }

    /// Ends this session, whatever kind it is.
    ///
    /// # Errors
    /// When the store failed; then the session is still there.
    pub async fn logout(&self, session: &Session) -> Result<(), AccountError> {
        self.end(session.user, &session.id).await.map(drop)
    }

    /// The logins of this user, newest first.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn sessions(&self, session: &Session) -> Result<Vec<SessionInfo>, AccountError> {
        self.list(session, session.user).await
    }

    async fn list(
        &self,
        session: &Session,
        user: UserId,
    ) -> Result<Vec<SessionInfo>, AccountError> {
        let logins = self.logins(user).await?;
        let infos = logins.into_iter().map(|kept| {
            let id = session_id(&kept.key);
            SessionInfo {
                current: id == session.id,
                created_at: kept.row.created_at,
                seen_at: kept.row.seen_at,
                id,
            }
        });
        Ok(infos.collect())
    }

    /// The logins of a member of staff, for who may change them.
    ///
    /// # Errors
    /// As the desk refuses to change that user.
    pub async fn sessions_of(
        &self,
        session: &Session,
        id: UserId,
    ) -> Result<Vec<SessionInfo>, AccountError> {
        self.staff_for(session, Action::ManageSessionsOf, id)
            .await?;
        self.list(session, id).await
    }

    /// Ends every session and token of a member of staff at once, as the log says.
    ///
    /// # Errors
    /// As the desk refuses to change that user.
    pub async fn revoke_sessions(&self, session: &Session, id: UserId) -> Result<(), AccountError> {
        let act = AccountAct::RevokeSessions { user: id };
        self.note(&session.who, act, Vec::new()).await?;
        self.end_others(id, None).await
    }

    /// Ends one login of this user.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] when this user has no such login.
    pub async fn end_session(&self, session: &Session, id: &str) -> Result<(), AccountError> {
        self.check_session(session, id).await?;
        if self.end(session.user, id).await? {
            return Ok(());
        }
        Err(no_session(id))
    }

    /// Whether this user has such a login.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] when not.
    pub async fn check_session(&self, session: &Session, id: &str) -> Result<(), AccountError> {
        let mine = self.read_session(session.user, id).await?;
        match mine {
            Some(kept) if matches!(kept.row.origin, Origin::Login { .. }) => Ok(()),
            _ => Err(no_session(id)),
        }
    }

    /// How many logins and tokens for scripts this user has.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn open_sessions(&self, session: &Session) -> Result<(usize, usize), AccountError> {
        let logins = self.logins(session.user).await?.len();
        Ok((logins, self.api_sessions(session).await?.len()))
    }

    /// Ends every session and token of a user at once, sockets included: after it was disabled,
    /// deleted or erased. When the store fails here, tokens of disabled and deleted staff open
    /// nothing all the same, since the desk is asked each time.
    pub async fn end_all(&self, user: UserId) {
        if let Err(error) = self.end_others(user, None).await {
            tracing::error!(%user, %error, "sessions could not be deleted; their sockets are closed");
        }
    }

    /// Ends the sessions of disabled staff: when the hub was killed between the end of a user and
    /// the end of their sessions, they would come back with the user.
    pub(super) async fn end_sessions_of_disabled(&self) -> Result<(), AccountError> {
        let question = |desk: &crate::desk::Desk| -> Vec<UserId> {
            let disabled = desk.users().filter(|user| !user.active);
            disabled.map(|user| user.id).collect()
        };
        for user in self.hub().ask(question).await? {
            self.end_all(user).await;
        }
        Ok(())
    }

    /// Ends every session and token of a user but `kept`.
    pub(super) async fn end_others(
        &self,
        user: UserId,
        kept: Option<&str>,
    ) -> Result<(), AccountError> {
        let deleted = self.delete_sessions(user, kept).await;
        self.shared.live.end_all(user, kept);
        deleted
    }

    async fn delete_sessions(&self, user: UserId, kept: Option<&str>) -> Result<(), AccountError> {
        for found in self.rows.scan::<SessionRow>(user_key(user)).await? {
            if Some(session_id(&found.key).as_str()) != kept {
                self.rows.delete::<SessionRow>(&found.key).await?;
            }
        }
        Ok(())
    }

    /// Ends one session. False when there was none.
    pub(super) async fn end(&self, user: UserId, session: &str) -> Result<bool, AccountError> {
        let key = session_key(user, session);
        let deleted = self.rows.delete::<SessionRow>(&key).await?;
        self.shared.live.end(user, session);
        Ok(deleted)
    }

    /// Begins a login of `user`, and ends the oldest when there are too many.
    pub(super) async fn begin(
        &self,
        user: User,
        principal: Principal,
    ) -> Result<SessionTokens, AccountError> {
        let life = match principal {
            Principal::Staff => self.settings().staff_life,
            Principal::Customer | Principal::Anonymous { .. } => self.settings().customer_life,
        };
        let now = self.rows.now();
        let ends_at = now.after(life);
        let session = CommandId::random().to_string();
        let issued = self.issue(user.id, &session, ends_at).await?;
        let row = SessionRow {
            principal,
            origin: Origin::Login {
                refresh: digest_text(issued.refresh.digest()),
            },
            created_at: now,
            seen_at: now,
            ends_at,
        };
        self.write_session(user.id, &session, &row).await?;
        let logins = self.logins(user.id).await?;
        for oldest in logins.iter().skip(self.settings().sessions_max) {
            self.end(user.id, &session_id(&oldest.key)).await?;
        }
        Ok(issued.tokens(user))
    }

    /// Writes a session that was not there before.
    pub(super) async fn write_session(
        &self,
        user: UserId,
        session: &str,
        row: &SessionRow,
    ) -> Result<(), AccountError> {
        let key = session_key(user, session);
        self.rows.write(key, 0, row, Some(row.ends_at)).await?;
        Ok(())
    }

    /// Writes a new token of a session that ends at `until`.
    pub(super) async fn new_token(
        &self,
        kind: TokenKind,
        user: UserId,
        session: &str,
        until: Timestamp,
    ) -> Result<Token, AccountError> {
        let token = Token::generate(kind)?;
        let row = TokenRow {
            user,
            session: session.to_owned(),
            until,
        };
        let key = digest_key(token.digest());
        self.rows.write(key, 0, &row, Some(until)).await?;
        Ok(token)
    }

    /// The user behind a session, as they are shown to themselves.
    pub(super) async fn user_of(
        &self,
        user: UserId,
        principal: &Principal,
    ) -> Result<User, AccountError> {
        match principal {
            Principal::Staff => self.staff(user).await?.ok_or(AccountError::Token),
            Principal::Customer => self.customer(user).await?.ok_or(AccountError::Token),
            Principal::Anonymous { name } => Ok(super::customers::shown(user, name, name)),
        }
    }

    /// A member of staff who is not disabled.
    pub(super) async fn staff(&self, id: UserId) -> Result<Option<User>, AccountError> {
        let question = move |desk: &crate::desk::Desk| desk.user(id).cloned();
        let user = self.hub().ask(question).await?;
        Ok(user.filter(|user| user.active))
    }

    /// Puts a fresh refresh token in the place of the used one. False when somebody else has.
    async fn rotate(
        &self,
        mut kept: Kept<SessionRow>,
        used: &str,
        fresh: &str,
    ) -> Result<bool, AccountError> {
        while renews(&kept.row, used) {
            kept.row.origin = Origin::Login {
                refresh: fresh.to_owned(),
            };
            kept.row.seen_at = self.rows.now();
            let (key, until) = (kept.key.clone(), Some(kept.row.ends_at));
            if self.rows.write(key, kept.version, &kept.row, until).await? {
                return Ok(true);
            }
            // Somebody renewed, ended or only touched the session meanwhile.
            let Some(row) = self.rows.read::<SessionRow>(&kept.key).await? else {
                return Ok(false);
            };
            kept = row;
        }
        Ok(false)
    }

    /// Access and refresh token. Nothing leads to them before the row of the session does.
    async fn issue(
        &self,
        user: UserId,
        session: &str,
        ends_at: Timestamp,
    ) -> Result<Issued, AccountError> {
        let expires_at = self.rows.now().after(self.settings().access_life);
        let expires_at = expires_at.min(ends_at);
        Ok(Issued {
            access: self
                .new_token(TokenKind::Access, user, session, expires_at)
                .await?,
            refresh: self
                .new_token(TokenKind::Refresh, user, session, ends_at)
                .await?,
            expires_at,
        })
    }

    async fn read_token(&self, token: &Token) -> Result<Kept<TokenRow>, AccountError> {
        let key = digest_key(token.digest());
        let held = self.rows.read::<TokenRow>(&key).await?;
        held.filter(|held| self.rows.now() < held.row.until)
            .ok_or(AccountError::Token)
    }

    pub(super) async fn read_session(
        &self,
        user: UserId,
        session: &str,
    ) -> Result<Option<Kept<SessionRow>>, AccountError> {
        let key = session_key(user, session);
        let kept = self.rows.read::<SessionRow>(&key).await?;
        Ok(kept.filter(|kept| self.rows.now() < kept.row.ends_at))
    }

    /// The logins of a user, newest first.
    async fn logins(&self, user: UserId) -> Result<Vec<Kept<SessionRow>>, AccountError> {
        let now = self.rows.now();
        let mut logins = self.rows.scan::<SessionRow>(user_key(user)).await?;
        logins.retain(|kept| {
            matches!(kept.row.origin, Origin::Login { .. }) && now < kept.row.ends_at
        });
        logins.sort_by_key(|kept| Reverse((kept.row.created_at, kept.version)));
        Ok(logins)
    }

    async fn principal(
        &self,
        id: UserId,
        principal: &Principal,
    ) -> Result<(Who, Role), AccountError> {
        let user = self.user_of(id, principal).await?;
        let who = match principal {
            Principal::Staff => Who::User(id),
            Principal::Customer | Principal::Anonymous { .. } => Who::Customer {
                id,
                name: user.name,
            },
        };
        Ok((who, user.role))
    }

    /// Notes that a session is in use, at most once a minute, and moves the end of a rolling one.
    /// Gives that end. A store that cannot write now shuts nobody out.
    async fn touch(
        &self,
        kind: SessionKind,
        held: &Kept<TokenRow>,
        kept: &Kept<SessionRow>,
    ) -> Timestamp {
        let now = self.rows.now();
        let life = self.settings().chat_life;
        let rolls =
            kind == SessionKind::Chat && kept.row.ends_at.since(now) + life / ROLL_PART <= life;
        let seen = now.as_ms() - kept.row.seen_at.as_ms() >= SEEN_STEP_MS;
        if !rolls && !seen {
            return kept.row.ends_at;
        }
        let mut row = kept.row.clone();
        row.seen_at = now;
        if rolls {
            row.ends_at = now.after(life);
        }
        match self.write_touched(rolls, held, kept, &row).await {
            Ok(true) => row.ends_at,
            // Somebody else has just written the row.
            Ok(false) => kept.row.ends_at,
            Err(error) => {
                tracing::debug!(%error, "the use of a session was not noted");
                kept.row.ends_at
            }
        }
    }

    async fn write_touched(
        &self,
        rolls: bool,
        held: &Kept<TokenRow>,
        kept: &Kept<SessionRow>,
        row: &SessionRow,
    ) -> Result<bool, AccountError> {
        let until = Some(row.ends_at);
        if rolls {
            let token = TokenRow {
                until: row.ends_at,
                ..held.row.clone()
            };
            let key = held.key.clone();
            self.rows.write(key, held.version, &token, until).await?;
        }
        let key = kept.key.clone();
        Ok(self.rows.write(key, kept.version, row, until).await?)
    }
}

fn no_session(id: &str) -> AccountError {
    AccountError::NotFound {
        what: "session",
        id: id.to_owned(),
    }
}

/// Whether the refresh token with the digest `used` is the one that still works.
fn renews(row: &SessionRow, used: &str) -> bool {
    matches!(&row.origin, Origin::Login { refresh } if refresh == used)
}

/// The tokens of a login, before its row says so.
struct Issued {
    access: Token,
    refresh: Token,
    expires_at: Timestamp,
}

impl Issued {
    fn tokens(&self, user: User) -> SessionTokens {
        SessionTokens {
            user,
            access_token: self.access.expose().into(),
            refresh_token: self.refresh.expose().into(),
            expires_at: self.expires_at,
        }
    }
}
