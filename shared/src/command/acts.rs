//! What is done with accounts: the log has that it was, and none of the secrets.

use crate::{id::UserId, text::SafeText, time::Timestamp};

/// An act on an account, of one's own where it names nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountAct {
    /// One's own password is another now.
    ChangePassword,
    /// Signing in takes a second factor from now on.
    EnableTotp,
    /// It takes none any more.
    DisableTotp,
    /// New recovery codes in the place of all older ones.
    RenewRecoveryCodes,
    /// A recovery code is used up.
    UseRecoveryCode {
        /// How many are left.
        left: u32,
    },
    /// Ends the second factor of somebody else.
    ResetTotp {
        /// Whose.
        user: UserId,
    },
    /// Makes a code by which somebody else sets a new password.
    CreatePasswordCode {
        /// Whose password.
        user: UserId,
        /// When the code ends.
        expires_at: Timestamp,
    },
    /// Ends the sessions of somebody else.
    RevokeSessions {
        /// Whose.
        user: UserId,
    },
    /// Makes a token for scripts.
    CreateToken {
        /// Its public name.
        token: SafeText,
        /// What it is for.
        name: SafeText,
        /// When it ends.
        expires_at: Timestamp,
    },
    /// Deletes a token for scripts.
    DeleteToken {
        /// Its public name.
        token: SafeText,
        /// What it was for.
        name: SafeText,
    },
}
