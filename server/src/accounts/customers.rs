//! Customers: registration where policy allows it, and the secret of those without an account.
//!
//! What a registered customer is called stays in rows of their own, which [`Accounts::forget`]
//! deletes; the log only knows their number.

use std::{collections::BTreeSet, net::IpAddr};

use shared::{
    api::{CustomerAccount, Register, SessionTokens},
    command::Command,
    event::Event,
    id::{CommandId, UserId},
    model::{AgentStatus, Role, User},
    text::SafeText,
};

use crate::{
    accounts::{
        AccountError, Accounts,
        login::{login_key, with_password},
        phc::Holder,
        rows::{
            CustomerRow, LoginRow, Origin, PasswordRow, Principal, SessionRow, TotpBegunRow,
            TotpRow, put, user_key,
        },
        secret::TokenKind,
    },
    desk::{Desk, Who},
    hub::{Companion, SubmitError},
};

/// Longest e-mail address, in bytes (RFC 5321).
const EMAIL_BYTES_MAX: usize = 254;

impl Accounts {
    /// Whether customers may register.
    #[must_use]
    pub fn registration(&self) -> bool {
        self.settings().registration
    }

    /// Registers a customer and signs them in. `ip` is none for a peer that is exempt from limits
    /// by address.
    ///
    /// # Errors
    /// [`AccountError::Forbidden`] where registration is off, [`AccountError::Throttled`] for too
    /// many of one address, [`AccountError::Taken`] for a username in use, and what is wrong with
    /// the fields.
    pub async fn register(
        &self,
        register: Register,
        ip: Option<IpAddr>,
    ) -> Result<SessionTokens, AccountError> {
        if !self.settings().registration {
            return Err(AccountError::Forbidden(
                "this desk has no registration; open a chat without an account",
            ));
        }
        self.arrive(ip)?;
        let customer = CustomerRow {
            username: Self::username(&register.username)?,
            name: shared::text::customer_name(&register.name)?,
            email: register.email.as_deref().map(email).transpose()?,
            phone: register
                .phone
                .as_deref()
                .map(shared::text::name)
                .transpose()?,
        };
        let CustomerRow { username, name, .. } = &customer;
        if self.is_taken(username).await? {
            return Err(AccountError::Taken(username.to_string()));
        }
        let password = self
            .new_password(
                register.password.into_exposed(),
                Holder::Customer,
                username,
                name,
            )
            .await?;
        let user = self.register_as(&customer, password).await?;
        let user = shown(user, username, name);
        self.begin(user, Principal::Customer).await
    }

    /// What is kept of a registered customer besides the chats; none without an account.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn customer_account(
        &self,
        id: UserId,
    ) -> Result<Option<CustomerAccount>, AccountError> {
        let kept = self.rows.read::<CustomerRow>(&user_key(id)).await?;
        Ok(kept.map(|kept| CustomerAccount {
            username: kept.row.username,
            name: kept.row.name,
            email: kept.row.email,
            phone: kept.row.phone,
        }))
    }

    /// The secret of a customer without an account, bound to that customer's chats. Any older one
    /// ends: the same chat opened again gives a new secret in its place.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn chat_token(
        &self,
        customer: UserId,
        name: &SafeText,
    ) -> Result<String, AccountError> {
        self.end_others(customer, None).await?;
        let now = self.rows.now();
        let ends_at = now.after(self.settings().chat_life);
        let session = CommandId::random().to_string();
        let token = self
            .new_token(TokenKind::Chat, customer, &session, ends_at)
            .await?;
        let row = SessionRow {
            principal: Principal::Anonymous { name: name.clone() },
            origin: Origin::Chat,
            created_at: now,
            seen_at: now,
            ends_at,
        };
        self.write_session(customer, &session, &row).await?;
        Ok(token.expose().to_owned())
    }

    /// Forgets everything here about a user: after deleting a member of staff, and as a part of
    /// erasing a customer. Ends their sessions too.
    ///
    /// # Errors
    /// When the store failed; then it is to be done again.
    pub async fn forget(&self, user: UserId) -> Result<(), AccountError> {
        self.end_others(user, None).await?;
        let key = user_key(user);
        if let Some(kept) = self.rows.read::<CustomerRow>(&key).await? {
            let login = login_key(&kept.row.username);
            self.rows.delete::<LoginRow>(&login).await?;
        }
        self.rows.delete::<PasswordRow>(&key).await?;
        self.rows.delete::<TotpRow>(&key).await?;
        self.rows.delete::<TotpBegunRow>(&key).await?;
        self.rows.delete::<CustomerRow>(&key).await?;
        Ok(())
    }

    /// Numbers the customer and writes their rows in one transaction.
    async fn register_as(
        &self,
        customer: &CustomerRow,
        password: PasswordRow,
    ) -> Result<UserId, AccountError> {
        let done = self
            .hub()
            .submit_with(
                Who::Anonymous,
                CommandId::random(),
                Command::RegisterCustomer,
                Some(with_customer(customer.clone(), password)),
            )
            .await;
        match done {
            Ok(_) => {}
            Err(SubmitError::Conflict) => {
                return Err(AccountError::Taken(customer.username.to_string()));
            }
            Err(error) => return Err(error.into()),
        }
        let login = login_key(&customer.username);
        let kept = self.rows.read::<LoginRow>(&login).await?;
        Ok(kept.ok_or(AccountError::Damaged)?.row.user)
    }

    async fn is_taken(&self, username: &SafeText) -> Result<bool, AccountError> {
        let name = username.clone();
        let staff = move |desk: &Desk| desk.user_by_name(&name).is_some();
        if self.hub().ask(staff).await? {
            return Ok(true);
        }
        let customer = self.rows.read::<LoginRow>(&login_key(username)).await?;
        Ok(customer.is_some())
    }
}

/// A customer as shown to themselves.
pub(super) fn shown(id: UserId, username: &SafeText, name: &SafeText) -> User {
    User {
        id,
        username: username.clone(),
        name: name.clone(),
        role: Role::Customer,
        departments: BTreeSet::new(),
        status: AgentStatus::Offline,
        reason: None,
        drain: false,
        reachable: false,
        capacity: None,
        active: true,
        rev: 0,
    }
}

fn with_customer(customer: CustomerRow, password: PasswordRow) -> Companion {
    let password = with_password(password, Vec::new());
    Box::new(move |records, first| {
        let made = records.iter().find_map(|record| match record.event {
            Event::CustomerRegistered { customer } => Some(customer),
            _ => None,
        });
        let Some(user) = made else { return Vec::new() };
        let mut writes = password(records, first);
        let login = login_key(&customer.username);
        writes.push(put(login, 0, &LoginRow { user }, None));
        writes.push(put(user_key(user), 0, &customer, None));
        writes
    })
}

fn email(raw: &str) -> Result<SafeText, AccountError> {
    let email = SafeText::line(raw);
    let parts = email.split_once('@');
    let whole = parts.is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
    if whole && email.len() <= EMAIL_BYTES_MAX && !email.contains(char::is_whitespace) {
        Ok(email)
    } else {
        Err(AccountError::Invalid(
            "email is no address; write it like ana@example.com or leave it out",
        ))
    }
}
