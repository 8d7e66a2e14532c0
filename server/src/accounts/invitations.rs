//! How staff get in: invitations, and the first password of a user whom an admin made.
//!
//! The desk keeps who was invited to what; here is only the digest of the code that proves it.
//! A code that is unknown, used, expired or taken back gets one and the same answer.

use std::{collections::BTreeSet, net::IpAddr};

use bytes::Bytes;
use shared::{
    api::{AcceptInvitation, CreateUser, CreatedUser, Invite, Invited, SessionTokens},
    command::{Command, DepartmentRef, NewUser},
    event::Event,
    id::{CommandId, DepartmentId, InvitationId, Pos},
    model::{Invitation, User},
    text::SafeText,
};

use crate::{
    accounts::{
        AccountError, Accounts, Session,
        login::{login_key, with_password},
        phc::Holder,
        resets::Reset,
        rows::{CodeRow, Kept, LoginRow, PasswordRow, Principal, delete, digest_key},
        secret::{Token, TokenKind},
    },
    desk::{
        Desk, Rejection, Who,
        permission::{Action, Object},
    },
    hub::{Outcome, PART, SubmitError},
};

/// What accepting a code comes to.
enum Acceptance {
    /// Somebody comes who was invited, or whose user was made for them.
    Invited {
        code: Kept<CodeRow>,
        username: SafeText,
        command: Command,
        password: PasswordRow,
    },
    /// A member of staff has a new password.
    Reset(Reset),
}

impl Accounts {
    /// Invites somebody to become a member of staff. The code is shown here only; the same `cid`
    /// again gives the same invitation with a new code, and the one before is good for nothing.
    ///
    /// # Errors
    /// As the desk refuses: without the right to invite, for a role above one's own, for an
    /// unknown department. [`AccountError::Taken`] for a customer's username.
    pub async fn invite(
        &self,
        session: &Session,
        cid: CommandId,
        invite: Invite,
    ) -> Result<Invited, AccountError> {
        self.permit(session, Action::Invite).await?;
        let username = match &invite.username {
            Some(raw) => Some(self.free_username(raw).await?),
            None => None,
        };
        let command = Command::Invite {
            role: invite.role,
            departments: self.departments(invite.departments).await?,
            username,
        };
        let outcome = self.hub().submit(session.who.clone(), cid, command).await?;
        self.new_code(self.invitation_made_by(outcome).await?).await
    }

    /// The invitations that can still be accepted, by number.
    ///
    /// # Errors
    /// As the desk refuses.
    pub async fn invitations(&self, session: &Session) -> Result<Vec<Invitation>, AccountError> {
        self.permit(session, Action::ListInvitations).await?;
        let now = self.rows.now();
        let question = move |desk: &Desk| -> Vec<Invitation> {
            let open = desk.invitations().filter(|one| now < one.expires_at);
            open.cloned().collect()
        };
        Ok(self.hub().ask(question).await?)
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// As the desk refuses.
    pub async fn revoke_invitation(
        &self,
        session: &Session,
        id: InvitationId,
    ) -> Result<(), AccountError> {
        let command = Command::RevokeInvitation { id };
        let who = session.who.clone();
        self.hub().submit(who, CommandId::random(), command).await?;
        // The desk has the last word on each code, so what fails from here on does no harm.
        self.forget_codes(id).await
    }

    /// Makes a member of staff, with a code that sets their first password: that of an invitation
    /// bound to them. The same `cid` again gives the same user and a new code.
    ///
    /// # Errors
    /// As [`Self::invite`].
    pub async fn create_user(
        &self,
        session: &Session,
        cid: CommandId,
        create: CreateUser,
    ) -> Result<CreatedUser, AccountError> {
        self.permit(session, Action::CreateUser).await?;
        let username = self.free_username(&create.username).await?;
        let command = Command::CreateUser(NewUser {
            username: username.clone(),
            name: shared::text::name(&create.name)?,
            role: create.role,
            departments: self.departments(create.departments).await?,
            capacity: create.capacity,
        });
        let outcome = self.hub().submit(session.who.clone(), cid, command).await?;
        let invitation = self.invitation_made_by(outcome).await?;
        let user = self.staff_named(&username).await?;
        Ok(CreatedUser {
            user: user.ok_or(AccountError::Conflict("the user was deleted since"))?,
            invitation: self.new_code(invitation).await?,
        })
    }

    /// Accepts an invitation, or sets a new password with a code for one, and signs the member of
    /// staff in. `ip` is none for a peer that is
    /// exempt from limits by address.
    ///
    /// # Errors
    /// [`AccountError::Invitation`] for every code that is good for nothing, and what is wrong
    /// with names or password; then the code is good for another try.
    pub async fn accept(
        &self,
        accept: AcceptInvitation,
        ip: Option<IpAddr>,
    ) -> Result<SessionTokens, AccountError> {
        match self.acceptance(accept, ip).await? {
            Acceptance::Invited {
                code,
                username,
                command,
                password,
            } => {
                let used = delete::<CodeRow>(code.key, code.version);
                let companion = with_password(password, vec![used]);
                let (who, cid) = (Who::Anonymous, CommandId::random());
                let hub = self.hub();
                match hub.submit_with(who, cid, command, Some(companion)).await {
                    Ok(_) => self.begin_as_staff(&username).await,
                    Err(
                        SubmitError::Conflict
                        | SubmitError::Rejected(Rejection::NoInvitation { .. }),
                    ) => Err(AccountError::Invitation),
                    Err(error) => Err(error.into()),
                }
            }
            Acceptance::Reset(reset) => self.reset(reset).await,
        }
    }

    /// What accepting would do, in words.
    ///
    /// # Errors
    /// As [`Self::accept`].
    pub async fn check_acceptance(
        &self,
        accept: AcceptInvitation,
        ip: Option<IpAddr>,
    ) -> Result<String, AccountError> {
        let username = match self.acceptance(accept, ip).await? {
            Acceptance::Invited {
                username, command, ..
            } => {
                let now = self.rows.now();
                let question = move |desk: &Desk| desk.decide(&Who::Anonymous, &command, now);
                match self.hub().ask(question).await? {
                    Ok(_) => username,
                    Err(Rejection::NoInvitation { .. }) => return Err(AccountError::Invitation),
                    Err(rejection) => return Err(SubmitError::Rejected(rejection).into()),
                }
            }
            Acceptance::Reset(reset) => reset.username().clone(),
        };
        Ok(format!("sets the password of {username} and signs them in"))
    }

    /// What a code and a password come to, before anything is written.
    async fn acceptance(
        &self,
        accept: AcceptInvitation,
        ip: Option<IpAddr>,
    ) -> Result<Acceptance, AccountError> {
        self.arrive(ip)?;
        let token =
            Token::parse(accept.code.expose().trim()).map_err(|_| AccountError::Invitation)?;
        let code = self
            .rows
            .read::<CodeRow>(&digest_key(token.digest()))
            .await?
            .filter(|code| self.rows.now() < code.row.expires_at);
        let Some(code) = code else {
            let reset = self.reset_with(&token, accept).await?;
            return Ok(Acceptance::Reset(reset));
        };
        let id = code.row.invitation;
        let invitation = self.invitation(id).await?;
        let invitation = invitation.ok_or(AccountError::Invitation)?;
        let wanted = accept.username.or(invitation.username);
        let wanted = wanted.ok_or(AccountError::Invalid(
            "username is missing; choose the name to log in with",
        ))?;
        let username = self.free_username(&wanted).await?;
        let name = match accept.name {
            Some(name) => shared::text::name(&name)?,
            // An admin who made the user has named them.
            None => match self.staff_named(&username).await? {
                Some(made) => made.name,
                None => username.clone(),
            },
        };
        let password = self
            .new_password(
                accept.password.into_exposed(),
                Holder::Staff,
                &username,
                &name,
            )
            .await?;
        let command = Command::AcceptInvitation {
            invitation: id,
            username: username.clone(),
            name,
        };
        Ok(Acceptance::Invited {
            code,
            username,
            command,
            password,
        })
    }

    /// Signs in a member of staff who has just been made.
    pub(super) async fn begin_as_staff(
        &self,
        username: &SafeText,
    ) -> Result<SessionTokens, AccountError> {
        let user = self.staff_named(username).await?;
        self.begin(user.ok_or(AccountError::Token)?, Principal::Staff)
            .await
    }

    async fn staff_named(&self, username: &SafeText) -> Result<Option<User>, AccountError> {
        let username = username.clone();
        let question = move |desk: &Desk| desk.user_by_name(&username).cloned();
        Ok(self.hub().ask(question).await?)
    }

    /// A fit username that no customer has; whether a member of staff has it the desk says.
    async fn free_username(&self, raw: &str) -> Result<SafeText, AccountError> {
        let username = Self::username(raw)?;
        let taken = self.rows.read::<LoginRow>(&login_key(&username)).await?;
        match taken {
            Some(_) => Err(AccountError::Taken(username.into())),
            None => Ok(username),
        }
    }

    async fn departments(
        &self,
        refs: Vec<DepartmentRef>,
    ) -> Result<BTreeSet<DepartmentId>, AccountError> {
        let question = move |desk: &Desk| -> Result<BTreeSet<DepartmentId>, Rejection> {
            let ids = refs.iter().map(|wanted| match desk.department(wanted) {
                Some(department) => Ok(department.id),
                None => Err(Rejection::NoDepartment {
                    name: match wanted {
                        DepartmentRef::Id(id) => id.to_string(),
                        DepartmentRef::Name(name) => name.to_string(),
                    },
                }),
            });
            ids.collect()
        };
        let ids = self.hub().ask(question).await?;
        Ok(ids.map_err(SubmitError::Rejected)?)
    }

    /// The invitation that a command made, now or the first time it was sent.
    async fn invitation_made_by(&self, outcome: Outcome) -> Result<InvitationId, AccountError> {
        let before = Pos(outcome.pos.0.saturating_sub(1));
        let records = self.hub().store().read(PART, before, 1).await?;
        let record = records.first().ok_or(AccountError::Damaged)?.record()?;
        match record.event {
            Event::InvitationCreated { invitation } => Ok(invitation.id),
            _ => Err(AccountError::Damaged),
        }
    }

    /// An invitation that can still be accepted.
    async fn invitation(&self, id: InvitationId) -> Result<Option<Invitation>, AccountError> {
        let now = self.rows.now();
        let question = move |desk: &Desk| {
            let mut open = desk.invitations().filter(|one| now < one.expires_at);
            open.find(|one| one.id == id).cloned()
        };
        Ok(self.hub().ask(question).await?)
    }

    /// A new code for an invitation in the place of every older one.
    async fn new_code(&self, id: InvitationId) -> Result<Invited, AccountError> {
        let invitation = self.invitation(id).await?.ok_or(AccountError::Conflict(
            "the invitation was used or taken back since; make another",
        ))?;
        self.forget_codes(id).await?;
        let token = Token::generate(TokenKind::Invitation)?;
        let row = CodeRow {
            invitation: id,
            expires_at: invitation.expires_at,
        };
        let key = digest_key(token.digest());
        self.rows.write(key, 0, &row, Some(row.expires_at)).await?;
        Ok(Invited {
            id,
            code: token.expose().into(),
            expires_at: row.expires_at,
        })
    }

    async fn forget_codes(&self, id: InvitationId) -> Result<(), AccountError> {
        for kept in self.rows.scan::<CodeRow>(Bytes::new()).await? {
            if kept.row.invitation == id {
                self.rows.delete::<CodeRow>(&kept.key).await?;
            }
        }
        Ok(())
    }

    /// Asks the one table of permissions, before anything of the desk is looked up for them.
    pub(super) async fn permit(
        &self,
        session: &Session,
        action: Action,
    ) -> Result<(), AccountError> {
        let who = session.who.clone();
        let question = move |desk: &Desk| desk.permit(&who, action, Object::Desk);
        let permitted = self.hub().ask(question).await?;
        Ok(permitted.map_err(SubmitError::Rejected)?)
    }
}
