//! The second factor: time-based one-time codes (RFC 6238) and recovery codes.

use serde::{Deserialize, Serialize};

use super::Secret;
use crate::time::Timestamp;

answers! {
    /// `GET /api/auth/totp`.
    answer TotpStatus {
        /// Since when signing in takes a code; none where it takes none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        enabled_at: Option<Timestamp>,
        /// Recovery codes that are left.
        recovery_codes: u32,
    }
}

secret_bodies! {
    /// `POST /api/auth/totp`, `/codes` and `/disable`: that it is oneself who asks.
    request TotpProof {
        /// One's own password.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        password: Option<Secret>,
        /// A code of the authenticator app, or a recovery code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        totp: Option<Secret>,
    }

    /// `POST /api/auth/totp/confirm`.
    request TotpConfirm {
        /// A code that the authenticator app shows for the new secret.
        code: Secret,
    }
}

secret_bodies! {
    /// A second factor that works once it is confirmed; shown here only.
    answer TotpBegun {
        /// The secret, in Base32, to type into an app.
        secret: Secret,
        /// The same as an `otpauth` URI, as apps read it from a QR code.
        uri: Secret,
        /// It is to be confirmed before this.
        expires_at: Timestamp,
    }

    /// Codes that each work once in the place of one of the app; shown here only.
    answer RecoveryCodes {
        /// Ten of them.
        codes: Vec<Secret>,
    }
}
