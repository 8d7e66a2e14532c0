//! The second factor: time-based one-time codes (RFC 6238) and recovery codes.
//!
//! A seed is stored sealed, recovery codes as digests. Of each code it is stored that it was used
//! before anybody comes in by it, so that it works once, also for two who race with it and over a
//! restart. Deliberately absent: passwords, which are looked at before any code is.

mod codes;
pub(super) mod key;
pub(super) mod tries;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use shared::{
    api::{RecoveryCodes, Secret, TotpBegun, TotpConfirm, TotpProof, TotpStatus},
    command::{AccountAct, Command},
    id::{CommandId, UserId},
    model::User,
    text::SafeText,
};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use self::{
    codes::{Given, SEED_BYTES, new_recovery, totp, uri},
    key::SeedKey,
};
use crate::{
    accounts::{
        AccountError, Accounts, Session, lock,
        login::require_login,
        phc::Holder,
        policy::{PolicyError, chars_min},
        rows::{Kept, TotpBegunRow, TotpRow, delete, put, user_key},
        secret::random,
    },
    desk::{Desk, Who, permission::Action},
    hub::SubmitError,
    store::KvWrite,
};

/// How long a second factor may wait to be confirmed.
const CONFIRM_LIFE: Duration = Duration::from_secs(10 * 60);
/// What apps show beside the username where the desk has no name.
const ISSUER_DEFAULT: &str = "Frontdesk";

impl Accounts {
    /// Whether this user has a second factor.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn totp_status(&self, session: &Session) -> Result<TotpStatus, AccountError> {
        let kept = self.totp_row(session.user).await?;
        Ok(TotpStatus {
            enabled_at: kept.as_ref().map(|kept| kept.row.enabled_at),
            recovery_codes: kept.map_or(0, |kept| count(&kept.row.recovery)),
        })
    }

    /// Makes the secret of a second factor, which works once it is confirmed; shown here only.
    /// Another one that waits to be confirmed is forgotten.
    ///
    /// # Errors
    /// [`AccountError::Forbidden`] with a token that no password opened or a wrong password,
    /// [`AccountError::Conflict`] where there is a second factor, [`AccountError::TotpKeyLost`].
    pub async fn begin_totp(
        &self,
        session: &Session,
        proof: TotpProof,
    ) -> Result<TotpBegun, AccountError> {
        self.permit(session, Action::ManageTotp).await?;
        require_login(session)?;
        let password = proof.password.ok_or(PASSWORD_MISSING)?;
        self.prove_password(session, password).await?;
        if self.totp_row(session.user).await?.is_some() {
            return Err(AccountError::Conflict(
                "you have a second factor; disable it before you set up another",
            ));
        }
        let mut seed = Zeroizing::new([0; SEED_BYTES]);
        random(seed.as_mut())?;
        let row = TotpBegunRow {
            seed: self
                .seed_key(true)
                .await?
                .seal(session.user, seed.as_ref())?,
            expires_at: self.rows.now().after(CONFIRM_LIFE),
        };
        let key = user_key(session.user);
        let before = self.rows.read::<TotpBegunRow>(&key).await?;
        let expect = before.map_or(0, |before| before.version);
        let until = Some(row.expires_at);
        if !self.rows.write(key, expect, &row, until).await? {
            return Err(CHANGED_MEANWHILE);
        }
        let base32 = totp(seed.as_ref()).ok_or(AccountError::Damaged)?;
        let base32 = Zeroizing::new(base32.secret().to_base32());
        let me = self.me(session).await?.user;
        let desk = |desk: &Desk| desk.settings().name.clone();
        let issuer = self.hub().ask(desk).await?;
        let issuer = issuer.replace(':', " ");
        let issuer = match issuer.trim() {
            "" => ISSUER_DEFAULT,
            named => named,
        };
        Ok(TotpBegun {
            uri: Secret::new(uri(issuer, &me.username, &base32)),
            secret: Secret::new(base32.to_string()),
            expires_at: row.expires_at,
        })
    }

    /// Puts the second factor in force that was begun, ends the other sessions and tokens of the
    /// user, and gives the recovery codes, shown here only.
    ///
    /// # Errors
    /// [`AccountError::TotpWrong`] and [`AccountError::TotpWait`] for a code that is not that of
    /// the new secret, [`AccountError::Conflict`] where none was begun.
    pub async fn confirm_totp(
        &self,
        session: &Session,
        confirm: TotpConfirm,
    ) -> Result<RecoveryCodes, AccountError> {
        self.permit(session, Action::ManageTotp).await?;
        require_login(session)?;
        let user = session.user;
        let key = user_key(user);
        let begun = self.rows.read::<TotpBegunRow>(&key).await?;
        let begun = begun.filter(|begun| self.rows.now() < begun.row.expires_at);
        let begun = begun.ok_or(AccountError::Conflict(
            "no second factor waits to be confirmed; begin again",
        ))?;
        self.try_code(user).map_err(of_the_signed_in)?;
        let Given::App(code) = Given::read(&confirm.code) else {
            return Err(of_the_signed_in(AccountError::TotpWrong));
        };
        let step = self.step_of(user, &begun.row.seed, &code).await?;
        let step = step.ok_or_else(|| of_the_signed_in(AccountError::TotpWrong))?;
        lock(&self.shared.tries).succeeded(user);
        let (codes, recovery) = new_recovery()?;
        let row = TotpRow {
            seed: begun.row.seed,
            enabled_at: self.rows.now(),
            step,
            recovery,
        };
        let writes = vec![
            put(key.clone(), 0, &row, None),
            delete::<TotpBegunRow>(key, begun.version),
        ];
        self.end_others(user, Some(&session.id)).await?;
        self.note(&session.who, AccountAct::EnableTotp, writes)
            .await?;
        self.end_others(user, Some(&session.id)).await?;
        Ok(RecoveryCodes { codes })
    }

    /// New recovery codes in the place of all older ones, shown here only, for the password or a
    /// code.
    ///
    /// # Errors
    /// As [`Self::begin_totp`] and [`Self::confirm_totp`].
    pub async fn renew_recovery_codes(
        &self,
        session: &Session,
        proof: TotpProof,
    ) -> Result<RecoveryCodes, AccountError> {
        self.permit(session, Action::ManageTotp).await?;
        require_login(session)?;
        self.totp_row(session.user).await?.ok_or(NO_TOTP)?;
        match proof {
            TotpProof {
                password: None,
                totp: None,
            } => {
                return Err(AccountError::Invalid(
                    "password and totp are missing; give one of them",
                ));
            }
            TotpProof { password, totp } => {
                if let Some(password) = password {
                    self.prove_password(session, password).await?;
                }
                if totp.is_some() {
                    self.use_second_factor(&session.who, session.user, totp)
                        .await
                        .map_err(of_the_signed_in)?;
                }
            }
        }
        let kept = self.totp_row(session.user).await?.ok_or(NO_TOTP)?;
        let (codes, recovery) = new_recovery()?;
        let row = TotpRow {
            recovery,
            ..kept.row
        };
        let writes = vec![put(kept.key, kept.version, &row, None)];
        self.note(&session.who, AccountAct::RenewRecoveryCodes, writes)
            .await?;
        Ok(RecoveryCodes { codes })
    }

    /// Ends one's own second factor, for the password and a code, and one's other sessions.
    ///
    /// # Errors
    /// As [`Self::begin_totp`] and [`Self::confirm_totp`]; [`AccountError::Policy`] for a password
    /// that is too short to be alone.
    pub async fn disable_totp(
        &self,
        session: &Session,
        proof: TotpProof,
    ) -> Result<(), AccountError> {
        self.permit(session, Action::ManageTotp).await?;
        require_login(session)?;
        let user = session.user;
        self.totp_row(user).await?.ok_or(NO_TOTP)?;
        let password = proof.password.ok_or(PASSWORD_MISSING)?;
        let chars = password.chars().count();
        self.prove_password(session, password).await?;
        let chars_min = chars_min(Holder::Staff);
        if session.role.is_staff() && chars < chars_min {
            return Err(PolicyError::TooShort { chars, chars_min }.into());
        }
        self.use_second_factor(&session.who, user, proof.totp)
            .await
            .map_err(of_the_signed_in)?;
        let kept = self.totp_row(user).await?.ok_or(NO_TOTP)?;
        let writes = vec![delete::<TotpRow>(kept.key, kept.version)];
        self.end_others(user, Some(&session.id)).await?;
        self.note(&session.who, AccountAct::DisableTotp, writes)
            .await?;
        self.end_others(user, Some(&session.id)).await
    }

    /// Ends the second factor of a colleague who lost it, and every session and token of theirs.
    ///
    /// # Errors
    /// As [`Self::check_totp_reset`].
    pub async fn reset_totp(&self, session: &Session, id: UserId) -> Result<(), AccountError> {
        self.check_totp_reset(session, id).await?;
        let kept = self.totp_row(id).await?.ok_or(NO_TOTP_THERE)?;
        let writes = vec![delete::<TotpRow>(kept.key, kept.version)];
        let act = AccountAct::ResetTotp { user: id };
        self.note(&session.who, act, writes).await?;
        self.end_others(id, None).await
    }

    /// Whose second factor it would be.
    ///
    /// # Errors
    /// As the desk refuses to change that user, [`AccountError::Forbidden`] for oneself,
    /// [`AccountError::Conflict`] for one who has none.
    pub async fn check_totp_reset(
        &self,
        session: &Session,
        id: UserId,
    ) -> Result<User, AccountError> {
        let user = self.staff_for(session, Action::ResetTotp, id).await?;
        if id == session.user {
            return Err(AccountError::Forbidden(
                "this is you; disable your own second factor with your password and a code",
            ));
        }
        self.totp_row(id).await?.ok_or(NO_TOTP_THERE)?;
        Ok(user)
    }

    /// Lets pass who has no second factor, and who gives a good code, which is used up by it.
    ///
    /// # Errors
    /// [`AccountError::TotpMissing`], [`AccountError::TotpWrong`], [`AccountError::TotpWait`],
    /// [`AccountError::TotpKeyLost`] for a code of the app.
    pub(super) async fn use_second_factor(
        &self,
        who: &Who,
        user: UserId,
        code: Option<Secret>,
    ) -> Result<(), AccountError> {
        let Some(mut kept) = self.totp_row(user).await? else {
            return Ok(());
        };
        let code = code.ok_or(AccountError::TotpMissing)?;
        self.try_code(user)?;
        let given = Given::read(&code);
        loop {
            let used = match &given {
                Given::App(code) => self.use_app_code(user, &kept, code).await?,
                Given::Recovery(digest) => self.use_recovery_code(who, &kept, digest).await?,
                Given::Neither => return Err(AccountError::TotpWrong),
            };
            if used {
                lock(&self.shared.tries).succeeded(user);
                return Ok(());
            }
            // Somebody else used a code just now, perhaps this one.
            kept = self.totp_row(user).await?.ok_or(AccountError::TotpWrong)?;
        }
    }

    /// Whether this user has a second factor.
    pub(super) async fn has_totp(&self, user: UserId) -> Result<bool, AccountError> {
        Ok(self.totp_row(user).await?.is_some())
    }

    /// Says in the log when second factors cannot be checked.
    pub(super) async fn look_for_seed_key(&self) -> Result<(), AccountError> {
        if self.any_totp().await?
            && let Err(error) = self.seed_key(false).await
        {
            tracing::error!(%error, "codes of authenticator apps open nothing");
        }
        Ok(())
    }

    /// Has the log say what is done, in one transaction with the doing.
    pub(super) async fn note(
        &self,
        who: &Who,
        act: AccountAct,
        writes: Vec<KvWrite>,
    ) -> Result<(), AccountError> {
        let command = Command::NoteAccount(act);
        let companion = Box::new(move |_: &[_], _| writes.clone());
        let (who, cid) = (who.clone(), CommandId::random());
        match self
            .hub()
            .submit_with(who, cid, command, Some(companion))
            .await
        {
            Ok(_) => Ok(()),
            Err(SubmitError::Conflict) => Err(CHANGED_MEANWHILE),
            Err(error) => Err(error.into()),
        }
    }

    /// False when the row has changed meanwhile.
    async fn use_app_code(
        &self,
        user: UserId,
        kept: &Kept<TotpRow>,
        code: &str,
    ) -> Result<bool, AccountError> {
        let step = self.step_of(user, &kept.row.seed, code).await?;
        let step = step.filter(|step| *step > kept.row.step);
        let row = TotpRow {
            step: step.ok_or(AccountError::TotpWrong)?,
            ..kept.row.clone()
        };
        Ok(self
            .rows
            .write(kept.key.clone(), kept.version, &row, None)
            .await?)
    }

    /// False when the row has changed meanwhile.
    async fn use_recovery_code(
        &self,
        who: &Who,
        kept: &Kept<TotpRow>,
        digest: &str,
    ) -> Result<bool, AccountError> {
        let mut row = kept.row.clone();
        let is_this = |one: &String| bool::from(one.as_bytes().ct_eq(digest.as_bytes()));
        row.recovery.retain(|one| !is_this(one));
        if row.recovery.len() == kept.row.recovery.len() {
            return Err(AccountError::TotpWrong);
        }
        let left = count(&row.recovery);
        let writes = vec![put(kept.key.clone(), kept.version, &row, None)];
        match self
            .note(who, AccountAct::UseRecoveryCode { left }, writes)
            .await
        {
            Ok(()) => Ok(true),
            Err(AccountError::Conflict(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The step whose code it is, by the hub's time.
    async fn step_of(
        &self,
        user: UserId,
        sealed: &str,
        code: &str,
    ) -> Result<Option<u64>, AccountError> {
        let seed = self.seed_key(false).await?.open(user, sealed);
        let seed = seed.ok_or(AccountError::TotpKeyLost)?;
        let totp = totp(&seed).ok_or(AccountError::Damaged)?;
        Ok(totp.check(code, self.now_ms() / 1_000))
    }

    fn try_code(&self, user: UserId) -> Result<(), AccountError> {
        let now_ms = self.now_ms();
        let tried = lock(&self.shared.tries).check(user, now_ms);
        tried.map_err(|wait| AccountError::TotpWait {
            retry_after_ms: wait.retry_after_ms,
        })
    }

    async fn totp_row(&self, user: UserId) -> Result<Option<Kept<TotpRow>>, AccountError> {
        Ok(self.rows.read::<TotpRow>(&user_key(user)).await?)
    }

    async fn any_totp(&self) -> Result<bool, AccountError> {
        Ok(!self.rows.scan::<TotpRow>(Bytes::new()).await?.is_empty())
    }

    /// The key of the seeds. It is made when `may_make` and nothing is sealed with another.
    async fn seed_key(&self, may_make: bool) -> Result<Arc<SeedKey>, AccountError> {
        if let Some(key) = lock(&self.shared.seed_key).clone() {
            return Ok(key);
        }
        let sealed = self.any_totp().await?;
        // Under the lock, so that two who begin at once make one key.
        let mut known = lock(&self.shared.seed_key);
        if let Some(key) = known.clone() {
            return Ok(key);
        }
        let settings = self.settings();
        let credentials = settings.credentials_dir.as_deref();
        let folders: Vec<_> = credentials
            .into_iter()
            .chain([&*settings.data_dir])
            .collect();
        let key = match SeedKey::load(&folders)? {
            Some(key) => key,
            None if may_make && !sealed => SeedKey::make(&settings.data_dir)?,
            None => return Err(AccountError::TotpKeyLost),
        };
        let key = Arc::new(key);
        *known = Some(Arc::clone(&key));
        Ok(key)
    }
}

const PASSWORD_MISSING: AccountError = AccountError::Invalid("password is missing; give your own");
const NO_TOTP: AccountError = AccountError::Conflict("you have no second factor; enable one first");
const NO_TOTP_THERE: AccountError = AccountError::Conflict("the user has no second factor");
const CHANGED_MEANWHILE: AccountError =
    AccountError::Conflict("somebody else changed this account just now; look again and retry");

/// What a wrong code is to who is signed in: their session is well, and no client renews it.
fn of_the_signed_in(error: AccountError) -> AccountError {
    match error {
        AccountError::TotpWrong => AccountError::Forbidden(
            "the code is wrong or was used before; wait for the next one of your app",
        ),
        AccountError::TotpWait { retry_after_ms } => AccountError::Throttled { retry_after_ms },
        error => error,
    }
}

/// Who a user acts as.
pub(super) fn who_of(user: &User) -> Who {
    if user.role.is_staff() {
        Who::User(user.id)
    } else {
        Who::Customer {
            id: user.id,
            name: SafeText::clone(&user.name),
        }
    }
}

fn count(codes: &[String]) -> u32 {
    u32::try_from(codes.len()).unwrap_or(u32::MAX)
}
