//! A new password for a member of staff who lost theirs: a code that works once, made by someone
//! who may change them.
//!
//! The code is taken where codes of invitations are, with the same answer for every one that is
//! good for nothing. Until it is used the old password stays; the sessions end when it is made.

use std::time::Duration;

use shared::{
    api::{AcceptInvitation, PasswordCode, Secret, SessionTokens},
    command::AccountAct,
    id::UserId,
    model::User,
    text::SafeText,
};

use crate::{
    accounts::{
        AccountError, Accounts, Session,
        rows::{
            Kept, PasswordRow, Principal, ResetOfRow, ResetRow, delete, digest_key, digest_text,
            put, user_key,
        },
        secret::{Token, TokenKind},
    },
    desk::{Desk, Who, permission::Action},
    hub::SubmitError,
};

/// How long a code for a new password is good.
const RESET_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// A new password that is about to be written.
pub(super) struct Reset {
    user: User,
    code: Kept<ResetRow>,
    good: Kept<ResetOfRow>,
    password: PasswordRow,
    totp: Option<Secret>,
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
        let token = Token::generate(TokenKind::Invitation)?;
        let row = ResetRow {
            user: id,
            by: session.user,
            expires_at: self.rows.now().after(RESET_LIFE),
        };
        let before = self.rows.read::<ResetOfRow>(&user_key(id)).await?;
        let expect = before.map_or(0, |before| before.version);
        let good = ResetOfRow {
            code: digest_text(token.digest()),
        };
        let life = Some((self.rows.now(), row.expires_at));
        let writes = vec![
            put(digest_key(token.digest()), 0, &row, life),
            put(user_key(id), expect, &good, life),
        ];
        let act = AccountAct::CreatePasswordCode {
            user: id,
            expires_at: row.expires_at,
        };
        self.note(&session.who, act, writes).await?;
        self.end_others(id, None).await?;
        Ok(PasswordCode {
            id,
            username: user.username,
            code: token.expose().into(),
            expires_at: row.expires_at,
        })
    }

    /// Whose password a code could be made for.
    ///
    /// # Errors
    /// As [`Self::reset_password`].
    pub async fn check_reset(&self, session: &Session, id: UserId) -> Result<User, AccountError> {
        let user = self.staff_for(session, Action::ResetPassword, id).await?;
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

    /// The member of staff to whose account this session may do `action`.
    pub(super) async fn staff_for(
        &self,
        session: &Session,
        action: Action,
        id: UserId,
    ) -> Result<User, AccountError> {
        let who = session.who.clone();
        let question = move |desk: &Desk| desk.may_do_to(&who, action, id).cloned();
        let user = self.hub().ask(question).await?;
        Ok(user.map_err(SubmitError::Rejected)?)
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
        let good = self.rows.read::<ResetOfRow>(&user_key(id)).await?;
        let good = good.filter(|good| good.row.code == digest_text(token.digest()));
        let good = good.ok_or(AccountError::Invitation)?;
        let question =
            move |desk: &Desk| desk.may_do_to(&by, Action::ResetPassword, id).ok().cloned();
        let user = self.hub().ask(question).await?;
        let user = user.filter(|user| {
            let named = accept.username.as_ref();
            user.active
                && named.is_none_or(|name| name.to_lowercase() == user.username.to_lowercase())
        });
        let user = user.ok_or(AccountError::Invitation)?;
        let holder = self.staff_holder(id).await?;
        let password = self
            .new_password(
                accept.password.into_exposed(),
                holder,
                &user.username,
                &user.name,
            )
            .await?;
        Ok(Reset {
            user,
            code,
            good,
            password,
            totp: accept.totp,
        })
    }

    /// Writes the new password, ends what the old one opened and signs in: with the second factor,
    /// where there is one. The code is used up in the same transaction.
    pub(super) async fn reset(&self, reset: Reset) -> Result<SessionTokens, AccountError> {
        let Reset {
            user,
            code,
            good,
            password,
            totp,
        } = reset;
        let who = Who::User(user.id);
        self.use_second_factor(&who, user.id, totp).await?;
        let key = user_key(user.id);
        let old = self.rows.read::<PasswordRow>(&key).await?;
        let writes = vec![
            delete::<ResetRow>(code.key, code.version),
            delete::<ResetOfRow>(good.key, good.version),
            put(key, old.map_or(0, |old| old.version), &password, None),
        ];
        self.end_others(user.id, None).await?;
        match self.note(&who, AccountAct::ChangePassword, writes).await {
            Err(AccountError::Conflict(_)) => return Err(AccountError::Invitation),
            done => done?,
        }
        self.end_others(user.id, None).await?;
        self.begin(user, Principal::Staff).await
    }
}
