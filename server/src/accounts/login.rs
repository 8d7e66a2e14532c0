//! Signing in and the password of one's own.
//!
//! Unknown name, wrong password, disabled user and user without a password yet: one answer, after
//! one hash of the same cost.

use std::{net::IpAddr, sync::atomic::Ordering};

use shared::{
    api::{Login, PasswordChange, Secret, SessionTokens, WhoAmI},
    command::AccountAct,
    event::Event,
    id::UserId,
    model::{Role, User},
    text::SafeText,
};

use crate::{
    accounts::{
        AccountError, Accounts, Session, SessionKind, lock,
        phc::{Holder, Phc},
        policy::check_new,
        rows::{CustomerRow, Kept, LoginRow, PasswordRow, Principal, put, user_key},
        secret::Password,
        totp::who_of,
    },
    desk::{Desk, Who},
    hub::Companion,
    store::KvWrite,
};

/// Who a username belongs to, and what proves it.
struct Found {
    user: User,
    principal: Principal,
    password: Kept<PasswordRow>,
}

impl Accounts {
    /// Signs somebody in. `ip` is none for a peer that is exempt from limits by address.
    ///
    /// # Errors
    /// [`AccountError::Credentials`] whatever is wrong with name or password,
    /// [`AccountError::TotpMissing`], [`AccountError::TotpWrong`] and [`AccountError::TotpWait`]
    /// after the right password of one who has a second factor,
    /// [`AccountError::Throttled`] for too many tries, [`AccountError::TooLong`] for a password
    /// that is not looked at, `busy` when too many sign in at once.
    pub async fn login(
        &self,
        login: Login,
        ip: Option<IpAddr>,
    ) -> Result<SessionTokens, AccountError> {
        let password = Password::new(login.password.into_exposed())?;
        let username = SafeText::line(&login.username);
        let now_ms = self.now_ms();
        lock(&self.shared.logins).check(&username, ip, now_ms)?;
        let found = match self.check(&username, &password).await {
            Ok(found) => found,
            Err(error) => {
                lock(&self.shared.logins).undecided(&username, ip);
                return Err(error);
            }
        };
        let Some((found, rehash)) = found else {
            return Err(AccountError::Credentials);
        };
        let who = who_of(&found.user);
        match self
            .use_second_factor(&who, found.user.id, login.totp)
            .await
        {
            Ok(()) => {}
            // The password was no guess; a wrong code stays counted as one.
            Err(error @ AccountError::TotpMissing) => {
                lock(&self.shared.logins).succeeded(&username, ip);
                return Err(error);
            }
            Err(error @ AccountError::TotpWrong) => return Err(error),
            Err(error) => {
                lock(&self.shared.logins).undecided(&username, ip);
                return Err(error);
            }
        }
        lock(&self.shared.logins).succeeded(&username, ip);
        if rehash {
            self.rehash(&found, password).await;
        }
        self.begin(found.user, found.principal).await
    }

    /// Who this session is.
    ///
    /// # Errors
    /// [`AccountError::Token`] when the user is gone.
    pub async fn me(&self, session: &Session) -> Result<WhoAmI, AccountError> {
        let user = match (&session.who, session.kind) {
            (Who::Customer { id, name }, SessionKind::Chat) => {
                super::customers::shown(*id, &SafeText::default(), name)
            }
            (Who::Customer { id, .. }, _) => {
                self.customer(*id).await?.ok_or(AccountError::Token)?
            }
            _ => self.staff(session.user).await?.ok_or(AccountError::Token)?,
        };
        Ok(WhoAmI {
            user,
            token: session.kind.as_str().to_owned(),
            expires_at: session.expires_at,
        })
    }

    /// Changes the password of this user, and ends every other session and token of theirs.
    ///
    /// # Errors
    /// [`AccountError::Forbidden`] with a token that no password opened or a wrong old password,
    /// [`AccountError::Policy`] for a new one that is easy to guess, and as [`Self::login`].
    pub async fn change_password(
        &self,
        session: &Session,
        change: PasswordChange,
    ) -> Result<(), AccountError> {
        let (kept, row) = self.changed_password(session, change).await?;
        let user = session.user;
        // Before, for a hub that is killed in between; after, for who came in meanwhile.
        self.end_others(user, Some(&session.id)).await?;
        let writes = vec![put(kept.key, kept.version, &row, None)];
        self.note(&session.who, AccountAct::ChangePassword, writes)
            .await?;
        self.end_others(user, Some(&session.id)).await
    }

    /// Whether the password of this user could be changed so.
    ///
    /// # Errors
    /// As [`Self::change_password`].
    pub async fn check_password_change(
        &self,
        session: &Session,
        change: PasswordChange,
    ) -> Result<(), AccountError> {
        self.changed_password(session, change).await.map(drop)
    }

    /// The row of the password that this user has, and the one that it would become.
    async fn changed_password(
        &self,
        session: &Session,
        change: PasswordChange,
    ) -> Result<(Kept<PasswordRow>, PasswordRow), AccountError> {
        require_login(session)?;
        let kept = self.prove_password(session, change.old).await?;
        let me = self.me(session).await?.user;
        let holder = match holder_of(me.role) {
            Holder::Staff => self.staff_holder(me.id).await?,
            holder => holder,
        };
        let row = self
            .new_password(change.new.into_exposed(), holder, &me.username, &me.name)
            .await?;
        Ok((kept, row))
    }

    /// As whom a member of staff chooses a password: a second factor allows for a shorter one.
    pub(super) async fn staff_holder(&self, user: UserId) -> Result<Holder, AccountError> {
        Ok(if self.has_totp(user).await? {
            Holder::StaffWithTotp
        } else {
            Holder::Staff
        })
    }

    /// Checks the password of who is signed in, and gives its row.
    pub(super) async fn prove_password(
        &self,
        session: &Session,
        password: Secret,
    ) -> Result<Kept<PasswordRow>, AccountError> {
        let password = Password::new(password.into_exposed())?;
        let me = session.user;
        let kept = self.rows.read::<PasswordRow>(&user_key(me)).await?;
        let kept = kept.ok_or(AccountError::Token)?;
        // No username has spaces, so these tries are counted apart from those at the door.
        let name = format!("password of {me}");
        let now_ms = self.now_ms();
        lock(&self.shared.logins).check(&name, None, now_ms)?;
        let holder = holder_of(session.role);
        match self.verify(password, holder, Some(parse(&kept)?)).await {
            Err(error) => {
                lock(&self.shared.logins).undecided(&name, None);
                Err(error)
            }
            Ok((false, _)) => Err(AccountError::Forbidden("the old password is wrong")),
            Ok((true, _)) => {
                lock(&self.shared.logins).succeeded(&name, None);
                Ok(kept)
            }
        }
    }

    /// Judges and hashes a new password.
    pub(super) async fn new_password(
        &self,
        password: String,
        holder: Holder,
        username: &SafeText,
        name: &SafeText,
    ) -> Result<PasswordRow, AccountError> {
        let password = Password::new(password)?;
        let names = |desk: &Desk| -> Vec<SafeText> {
            desk.departments().map(|one| one.name.clone()).collect()
        };
        let departments = self.hub().ask(names).await?;
        let mut context = vec!["frontdesk", username.as_str(), name.as_str()];
        context.extend(departments.iter().map(SafeText::as_str));
        check_new(&password, holder, &context)?;
        let phc = self.shared.hasher.hash(password, holder).await?;
        Ok(PasswordRow { phc: phc.expose() })
    }

    /// Checks a password, at the cost of one hash whether there is such a user or not.
    async fn check(
        &self,
        username: &SafeText,
        password: &Password,
    ) -> Result<Option<(Found, bool)>, AccountError> {
        let found = self.find(username).await?;
        let holder = found
            .as_ref()
            .map_or(Holder::Staff, |found| holder_of(found.user.role));
        let stored = found
            .as_ref()
            .map(|found| parse(&found.password))
            .transpose()?;
        let (ok, rehash) = self.verify(copy(password)?, holder, stored).await?;
        Ok(found.filter(|_| ok).map(|found| (found, rehash)))
    }

    async fn verify(
        &self,
        password: Password,
        holder: Holder,
        stored: Option<Phc>,
    ) -> Result<(bool, bool), AccountError> {
        self.shared.checks.fetch_add(1, Ordering::Relaxed);
        let verdict = self.shared.hasher.verify(password, holder, stored).await?;
        Ok((verdict.ok, verdict.rehash))
    }

    async fn find(&self, username: &SafeText) -> Result<Option<Found>, AccountError> {
        let name = username.clone();
        let staff = move |desk: &Desk| desk.user_by_name(&name).cloned();
        let (user, principal) = match self.hub().ask(staff).await? {
            Some(user) if user.active => (user, Principal::Staff),
            Some(_) => return Ok(None),
            None => {
                let login = self.rows.read::<LoginRow>(&login_key(username)).await?;
                let Some(login) = login else { return Ok(None) };
                let Some(user) = self.customer(login.row.user).await? else {
                    return Ok(None);
                };
                (user, Principal::Customer)
            }
        };
        let password = self.rows.read::<PasswordRow>(&user_key(user.id)).await?;
        Ok(password.map(|password| Found {
            user,
            principal,
            password,
        }))
    }

    /// Stores a hash at today's cost. Failing at it locks nobody out: the next login tries again.
    async fn rehash(&self, found: &Found, password: Password) {
        let holder = holder_of(found.user.role);
        match self.shared.hasher.hash(password, holder).await {
            Ok(phc) => {
                let row = PasswordRow { phc: phc.expose() };
                let (key, version) = (found.password.key.clone(), found.password.version);
                if let Err(error) = self.rows.write(key, version, &row, None).await {
                    tracing::warn!(%error, "a stronger password hash was not stored");
                }
            }
            Err(error) => tracing::debug!(%error, "a weak password hash stays"),
        }
    }

    /// A registered customer, as shown to themselves.
    pub(super) async fn customer(&self, id: UserId) -> Result<Option<User>, AccountError> {
        let kept = self.rows.read::<CustomerRow>(&user_key(id)).await?;
        Ok(kept.map(|kept| super::customers::shown(id, &kept.row.username, &kept.row.name)))
    }
}

/// The key of a username: without regard to case.
pub(super) fn login_key(username: &SafeText) -> bytes::Bytes {
    username.to_lowercase().into()
}

/// Refuses tokens that no password opened.
pub(super) fn require_login(session: &Session) -> Result<(), AccountError> {
    if session.kind == SessionKind::Login {
        Ok(())
    } else {
        Err(AccountError::Forbidden(
            "this needs a session of its own; sign in with a password",
        ))
    }
}

/// Writes the first password of the user that a command is about in its transaction, and `others`
/// with it. Where there is a password already, the command comes to nothing.
pub(super) fn with_password(row: PasswordRow, others: Vec<KvWrite>) -> Companion {
    Box::new(move |records, _| {
        let made = records.iter().find_map(|record| match &record.event {
            Event::UserCreated { user } | Event::UserUpdated { user } => Some(user.id),
            Event::CustomerRegistered { customer } => Some(*customer),
            _ => None,
        });
        let Some(user) = made else { return Vec::new() };
        let mut writes = others.clone();
        writes.push(put(user_key(user), 0, &row, None));
        writes
    })
}

const fn holder_of(role: Role) -> Holder {
    if role.is_staff() {
        Holder::Staff
    } else {
        Holder::Customer
    }
}

fn parse(kept: &Kept<PasswordRow>) -> Result<Phc, AccountError> {
    Phc::parse(&kept.row.phc).map_err(|_| AccountError::Damaged)
}

fn copy(password: &Password) -> Result<Password, AccountError> {
    Ok(Password::new(password.expose().to_owned())?)
}
