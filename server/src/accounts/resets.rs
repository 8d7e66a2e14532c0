//! A new password for a member of staff who lost theirs: a code that works once, made by someone
//! who may change them.
//!
//! The code is taken where codes of invitations are, with the same answer for every one that is
//! good for nothing. Until it is used the old password stays; the sessions end when it is made.

use std::time::Duration;

use bytes::Bytes;
use shared::{
    api::{AcceptInvitation, PasswordCode, SessionTokens},
    id::UserId,
    model::User,
    text::SafeText,
};

use crate::{
    accounts::{
        AccountError, Accounts, Session,
        phc::Holder,
        rows::{Kept, PasswordRow, Principal, ResetRow, delete, digest_key, user_key},
        secret::{Token, TokenKind},
    },
    desk::{Desk, Who},
    hub::SubmitError,
};

/// How long a code for a new password is good.
const RESET_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// A new password that is about to be written.
pub(super) struct Reset {
    user: User,
    code: Kept<ResetRow>,
    password: PasswordRow,
}

impl Reset {
    /// The login name of whose password it is.
    pub(super) const fn username(&self) -> &SafeText {
        &self.user.username
    }
}

impl Accounts {
    /// Makes a code by which a member of staff sets a new password, and ends every session and
    /// token of theirs at once. The code is shown here only; the one before is good for nothing.
    ///
    /// # Errors
    /// As the desk refuses to change that user, [`AccountError::Forbidden`] for oneself, who has
    /// an old password to change it with, [`AccountError::Conflict`] for a disabled user.
    pub async fn reset_password(
        &self,
        session: &Session,
        id: UserId,
    ) -> Result<PasswordCode, AccountError> {
        let user = self.check_reset(session, id).await?;
        for kept in self.rows.scan::<ResetRow>(Bytes::new()).await? {
            if kept.row.user == id {
                self.rows.delete::<ResetRow>(&kept.key).await?;
            }
        }
        let token = Token::generate(TokenKind::Invitation)?;
        let row = ResetRow {
            user: id,
            by: session.user,
            expires_at: self.rows.now().after(RESET_LIFE),
        };
        let key = digest_key(token.digest());
        self.rows.write(key, 0, &row, Some(row.expires_at)).await?;
        self.end_others(id, None).await?;
        tracing::info!(user = %id, by = %session.user, "a code for a new password was made");
        Ok(PasswordCode {
            id,
            username: user.username,
            code: token.expose().to_owned(),
            expires_at: row.expires_at,
        })
    }

    /// Whose password a code could be made for.
    ///
    /// # Errors
    /// As [`Self::reset_password`].
    pub async fn check_reset(&self, session: &Session, id: UserId) -> Result<User, AccountError> {
        let who = session.who.clone();
        let question = move |desk: &Desk| desk.may_reset(&who, id).cloned();
        let user = self.hub().ask(question).await?;
        let user = user.map_err(SubmitError::Rejected)?;
        if id == session.user {
            return Err(AccountError::Forbidden(
                "this is you; change your own password with the old one",
            ));
        }
        if !user.active {
            return Err(AccountError::Conflict(
                "the user is disabled; enable them first",
            ));
        }
        Ok(user)
    }

    /// What a code for a new password comes to, before anything is written.
    ///
    /// # Errors
    /// [`AccountError::Invitation`] for every code that is good for nothing, and what is wrong
    /// with the password.
    pub(super) async fn reset_with(
        &self,
        token: &Token,
        accept: AcceptInvitation,
    ) -> Result<Reset, AccountError> {
        let code = self
            .rows
            .read::<ResetRow>(&digest_key(token.digest()))
            .await?
            .filter(|code| self.rows.now() < code.row.expires_at)
            .ok_or(AccountError::Invitation)?;
        let (by, id) = (Who::User(code.row.by), code.row.user);
        let question = move |desk: &Desk| desk.may_reset(&by, id).ok().cloned();
        let user = self.hub().ask(question).await?;
        let user = user.filter(|user| {
            let named = accept.username.as_ref();
            user.active
                && named.is_none_or(|name| name.to_lowercase() == user.username.to_lowercase())
        });
        let user = user.ok_or(AccountError::Invitation)?;
        let password = self
            .new_password(accept.password, Holder::Staff, &user.username, &user.name)
            .await?;
        Ok(Reset {
            user,
            code,
            password,
        })
    }

    /// Writes the new password, ends what the old one opened and signs in. The code is used up
    /// first: a crash in between costs another code, never a second use.
    pub(super) async fn reset(&self, reset: Reset) -> Result<SessionTokens, AccountError> {
        let Reset {
            user,
            code,
            password,
        } = reset;
        let key = user_key(user.id);
        let old = self.rows.read::<PasswordRow>(&key).await?;
        let used = delete::<ResetRow>(code.key, code.version);
        let spent = self.hub().store().kv_cas(used, self.rows.now()).await?;
        spent.ok_or(AccountError::Invitation)?;
        let version = old.map_or(0, |old| old.version);
        if !self.rows.write(key, version, &password, None).await? {
            return Err(AccountError::Conflict(
                "the password was changed by somebody else just now; ask for a new code",
            ));
        }
        self.end_others(user.id, None).await?;
        self.begin(user, Principal::Staff).await
    }
}
