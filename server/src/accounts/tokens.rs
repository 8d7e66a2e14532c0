//! Tokens for scripts: they act as the member of staff who made them, until an end of their own.
//!
//! A token cannot make tokens, so none outlives what its owner meant.

use std::time::Duration;

use shared::{
    api::{NewToken, TokenInfo},
    command::AccountAct,
    id::CommandId,
    text::SafeText,
    time::Timestamp,
};

use crate::{
    accounts::{
        AccountError, Accounts, Session,
        login::require_login,
        rows::{
            Kept, Origin, Principal, SessionRow, TokenRow, delete, digest_key, put, session_id,
            session_key, user_key,
        },
        secret::{Token, TokenKind},
    },
    desk::permission::Action,
};

/// Longest life of a token, in days.
const DAYS_MAX: u32 = 365;
/// Its life when nobody says.
const DAYS_DEFAULT: u32 = 90;
const DAY: Duration = Duration::from_secs(24 * 3_600);

impl Accounts {
    /// Makes a token for scripts; it is shown here only.
    ///
    /// # Errors
    /// [`AccountError::Forbidden`] when another token asks, [`AccountError::Invalid`] for days
    /// outside 1 to 365, [`AccountError::Conflict`] when there are too many.
    pub async fn create_token(
        &self,
        session: &Session,
        new: NewToken,
    ) -> Result<TokenInfo, AccountError> {
        let (name, ends_at) = self.check_new_token(session, &new).await?;
        let now = self.rows.now();
        let id = CommandId::random().to_string();
        let token = Token::generate(TokenKind::Api)?;
        let row = SessionRow {
            principal: Principal::Staff,
            origin: Origin::Api { name: name.clone() },
            created_at: now,
            seen_at: now,
            ends_at,
        };
        let held = TokenRow {
            user: session.user,
            session: id.clone(),
            until: ends_at,
        };
        let life = Some((now, ends_at));
        let writes = vec![
            put(digest_key(token.digest()), 0, &held, life),
            put(session_key(session.user, &id), 0, &row, life),
        ];
        let act = AccountAct::CreateToken {
            token: SafeText::line(&id),
            name: name.clone(),
            expires_at: ends_at,
        };
        self.note(&session.who, act, writes).await?;
        Ok(TokenInfo {
            id,
            name,
            expires_at: ends_at,
            token: Some(token.expose().into()),
        })
    }

    /// The name and the end of a token that could be made now.
    ///
    /// # Errors
    /// As [`Self::create_token`].
    pub async fn check_new_token(
        &self,
        session: &Session,
        new: &NewToken,
    ) -> Result<(SafeText, Timestamp), AccountError> {
        self.permit(session, Action::ManageTokens).await?;
        require_login(session)?;
        let name = shared::text::name(&new.name)?;
        let days = new.days.unwrap_or(DAYS_DEFAULT);
        if !(1..=DAYS_MAX).contains(&days) {
            return Err(AccountError::Invalid("days must be 1 to 365"));
        }
        if self.api_sessions(session).await?.len() >= self.settings().tokens_max {
            return Err(AccountError::Conflict(
                "you have too many tokens; delete one first",
            ));
        }
        Ok((name, self.rows.now().after(DAY * days)))
    }

    /// The tokens for scripts of this user, oldest first, without the secrets.
    ///
    /// # Errors
    /// As the desk refuses, or when the store failed.
    pub async fn tokens(&self, session: &Session) -> Result<Vec<TokenInfo>, AccountError> {
        self.permit(session, Action::ManageTokens).await?;
        let mut kept = self.api_sessions(session).await?;
        kept.sort_by(|a, b| (a.row.created_at, &a.key).cmp(&(b.row.created_at, &b.key)));
        let infos = kept.into_iter().filter_map(|kept| match kept.row.origin {
            Origin::Api { name } => Some(TokenInfo {
                id: session_id(&kept.key),
                name,
                expires_at: kept.row.ends_at,
                token: None,
            }),
            Origin::Login { .. } | Origin::Chat => None,
        });
        Ok(infos.collect())
    }

    /// Revokes a token for scripts of this user at once.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] when this user has no such token.
    pub async fn delete_token(&self, session: &Session, id: &str) -> Result<(), AccountError> {
        let (mut kept, name) = self.own_token(session, id).await?;
        loop {
            let act = AccountAct::DeleteToken {
                token: SafeText::line(id),
                name: name.clone(),
            };
            let writes = vec![delete::<SessionRow>(kept.key, kept.version)];
            match self.note(&session.who, act, writes).await {
                Ok(()) => break,
                // Its use was noted just now, or somebody else has deleted it.
                Err(AccountError::Conflict(_)) => (kept, _) = self.own_token(session, id).await?,
                Err(error) => return Err(error),
            }
        }
        self.shared.live.end(session.user, id);
        Ok(())
    }

    /// Whether this user has such a token for scripts.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] when not.
    pub async fn check_token(&self, session: &Session, id: &str) -> Result<(), AccountError> {
        self.own_token(session, id).await.map(drop)
    }

    async fn own_token(
        &self,
        session: &Session,
        id: &str,
    ) -> Result<(Kept<SessionRow>, SafeText), AccountError> {
        self.permit(session, Action::ManageTokens).await?;
        let mine = self.read_session(session.user, id).await?;
        let mine = mine.ok_or_else(|| no_token(id))?;
        match mine.row.origin.clone() {
            Origin::Api { name } => Ok((mine, name)),
            Origin::Login { .. } | Origin::Chat => Err(no_token(id)),
        }
    }

    pub(super) async fn api_sessions(
        &self,
        session: &Session,
    ) -> Result<Vec<Kept<SessionRow>>, AccountError> {
        let now = self.rows.now();
        let mut kept = self.rows.scan::<SessionRow>(user_key(session.user)).await?;
        kept.retain(|kept| matches!(kept.row.origin, Origin::Api { .. }) && now < kept.row.ends_at);
        Ok(kept)
    }
}

fn no_token(id: &str) -> AccountError {
    AccountError::NotFound {
        what: "token",
        id: id.to_owned(),
    }
}
