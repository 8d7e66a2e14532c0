//! What the log says about accounts: who did what to whose. The secrets are not the desk's.

use shared::{
    command::AccountAct,
    event::Event,
    id::UserId,
    model::{Actor, ActorKind, User},
    text::SafeText,
};

use super::{
    Desk, NewRecord, Party, Rejection, Who,
    permission::{Action, Object},
    person,
};

impl Desk {
    /// The member of staff to whose account `who` may do `action`.
    ///
    /// # Errors
    /// As for changing that user.
    pub fn may_do_to(&self, who: &Who, action: Action, id: UserId) -> Result<&User, Rejection> {
        let party = self.party(who)?;
        self.check(&party, action, Object::User(id))?;
        self.user_at(&party, id, None)
    }

    pub(super) fn note_account(
        &self,
        party: &Party<'_>,
        act: &AccountAct,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let (actor, user) = of_account(party)?;
        let other = |user: UserId| self.user_at(party, user, None).map(|user| user.id);
        let event = match act {
            AccountAct::ChangePassword => Event::PasswordChanged { user },
            AccountAct::EnableTotp => Event::TotpEnabled { user },
            AccountAct::DisableTotp => Event::TotpDisabled { user },
            AccountAct::RenewRecoveryCodes => Event::RecoveryCodesCreated { user },
            AccountAct::UseRecoveryCode { left } => Event::RecoveryCodeUsed { user, left: *left },
            AccountAct::ResetTotp { user } => Event::TotpReset {
                user: other(*user)?,
            },
            AccountAct::CreatePasswordCode { user, expires_at } => Event::PasswordCodeCreated {
                user: other(*user)?,
                expires_at: *expires_at,
            },
            AccountAct::RevokeSessions { user } => Event::SessionsRevoked {
                user: other(*user)?,
            },
            AccountAct::CreateToken {
                token,
                name,
                expires_at,
            } => Event::TokenCreated {
                user,
                token: token.clone(),
                name: name.clone(),
                expires_at: *expires_at,
            },
            AccountAct::DeleteToken { token, name } => Event::TokenDeleted {
                user,
                token: token.clone(),
                name: name.clone(),
            },
        };
        Ok(vec![NewRecord::of_desk(actor, event)])
    }
}

/// Who acts, and on whose account. What a customer is called stays outside the log.
fn of_account(party: &Party<'_>) -> Result<(Actor, UserId), Rejection> {
    let user = party.id().ok_or(Rejection::Unauthenticated)?;
    let actor = match party {
        Party::Customer(..) => person(ActorKind::Customer, user, &SafeText::line("Customer")),
        _ => party.actor(),
    };
    Ok((actor, user))
}
