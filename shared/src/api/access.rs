//! How people come in: setup, accounts, logins, invitations and tokens.

use serde::{Deserialize, Serialize};

use super::Secret;
use crate::{
    command::DepartmentRef,
    id::{InvitationId, UserId},
    model::{Role, User},
    text::SafeText,
    time::Timestamp,
};

secret_bodies! {
    /// `POST /api/setup`: the first owner.
    request Setup {
        /// The one-time code.
        code: Secret,
        /// The name to log in with.
        username: SafeText,
        /// The name that others see.
        name: SafeText,
        /// The password.
        password: Secret,
    }

    /// `POST /api/auth/login`.
    request Login {
        /// The name to log in with.
        username: String,
        /// The password.
        password: Secret,
        /// A code of the authenticator app or a recovery code, where a second factor is set.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        totp: Option<Secret>,
    }

    /// `POST /api/auth/refresh`.
    request Refresh {
        /// The refresh token; it is used up by this.
        refresh_token: Secret,
    }

    /// `POST /api/auth/register`: a customer, where policy allows.
    request Register {
        /// The name to log in with.
        username: SafeText,
        /// The name that others see.
        name: SafeText,
        /// The e-mail address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        email: Option<SafeText>,
        /// The telephone number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        phone: Option<SafeText>,
        /// The password.
        password: Secret,
    }

    /// `POST /api/auth/password`.
    request PasswordChange {
        /// The password so far.
        old: Secret,
        /// The password from now on.
        new: Secret,
    }

    /// `POST /api/invitations/accept`.
    request AcceptInvitation {
        /// The code.
        code: Secret,
        /// The name to log in with; the invitation's own when it has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        username: Option<SafeText>,
        /// The name that others see.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<SafeText>,
        /// The password.
        password: Secret,
        /// A code of the authenticator app or a recovery code, for a new password of one who has a
        /// second factor.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        totp: Option<Secret>,
    }
}

bodies! {
    /// `POST /api/invitations`.
    request Invite {
        /// The role to give.
        role: Role,
        /// The departments to give, by number or name.
        #[serde(default)]
        departments: Vec<DepartmentRef>,
        /// The username it is for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        username: Option<SafeText>,
    }

    /// `POST /api/tokens`: a token for scripts.
    request NewToken {
        /// What it is for.
        name: SafeText,
        /// When it ends, in days from now: 1 to 365.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        days: Option<u32>,
    }

    /// `POST /api/users`: a member of staff; the answer has an invitation code for the password.
    request CreateUser {
        /// The name to log in with.
        username: SafeText,
        /// The name that others see.
        name: SafeText,
        /// What the user is; not `customer`.
        role: Role,
        /// The departments the user works in, by number or name.
        #[serde(default)]
        departments: Vec<DepartmentRef>,
        /// Most chats to give automatically.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        capacity: Option<u32>,
    }
}

answers! {
    /// `GET /api/auth/me`.
    answer WhoAmI {
        /// Who.
        user: User,
        /// What kind of token asked: `session`, `api` or `chat`.
        token: String,
        /// When that token ends.
        expires_at: Timestamp,
    }

    /// One login of a user.
    answer SessionInfo {
        /// Its public name.
        id: String,
        /// When it began.
        created_at: Timestamp,
        /// When it was last used, to the minute.
        seen_at: Timestamp,
        /// Whether it asks now.
        current: bool,
    }
}

secret_bodies! {
    /// A session that has begun or was renewed.
    answer SessionTokens {
        /// Who.
        user: User,
        /// For `Authorization: Bearer`, 30 minutes.
        access_token: Secret,
        /// For one renewal.
        refresh_token: Secret,
        /// When the access token ends.
        expires_at: Timestamp,
    }

    /// An invitation that was made; the code is shown here only.
    answer Invited {
        /// Its number.
        id: InvitationId,
        /// The code.
        code: Secret,
        /// When it ends.
        expires_at: Timestamp,
    }

    /// A code by which a member of staff sets a new password; it is shown here only.
    answer PasswordCode {
        /// Whose password.
        id: UserId,
        /// The name to log in with.
        username: SafeText,
        /// The code.
        code: Secret,
        /// When it ends.
        expires_at: Timestamp,
    }

    /// A member of staff that was made, with the code to set a password.
    answer CreatedUser {
        /// Who.
        #[serde(flatten)]
        user: User,
        /// The invitation.
        invitation: Invited,
    }

    /// A token for scripts.
    answer TokenInfo {
        /// Its public name.
        id: String,
        /// What it is for.
        name: SafeText,
        /// When it ends.
        expires_at: Timestamp,
        /// The token itself, once, in the answer that made it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<Secret>,
    }
}
