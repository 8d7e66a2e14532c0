//! Identifiers: what the hub numbers, what a client makes, and the cursor.
//!
//! Numbers are small, public and no secret; who may see what they name is decided by the
//! desk. Secrets are not identifiers and do not live here.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The one after this.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

number!(
    /// A chat, shown as `#4821`. Dense and ascending from 1 in a partition.
    ChatId
);
number!(
    /// A user: a member of staff or a customer, registered or not. One sequence for all.
    UserId
);
number!(
    /// A department.
    DepartmentId
);
number!(
    /// An invitation to become a member of staff.
    InvitationId
);
number!(
    /// A canned reply.
    CannedId
);
number!(
    /// A file that was sent in a chat. One sequence for a desk.
    AttachmentId
);
number!(
    /// A place in the log of a partition: 1, 2, 3.. without gaps. 0 is before the first record.
    Pos
);
number!(
    /// A place in a chat: 1, 2, 3.. without gaps. 0 is before the first record of the chat.
    Seq
);
number!(
    /// Rises with every change of a chat's owner; a command that saw an older one is refused.
    Epoch
);

/// Why a [`CommandId`] or a [`Cursor`] was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not 16 to 64 characters from `[A-Za-z0-9_-]`.
    #[error("cid must be 16 to 64 characters from A-Z a-z 0-9 _ -; make a new random one")]
    CommandId,
    /// Longer than 128 bytes or with characters that no cursor has.
    #[error("cursor is not one that this hub gave out; start again without it")]
    Cursor,
}

/// Names a command for ever: made and stored by the client before it first sends the command,
/// and reused on every retry. 16 to 64 characters from `[A-Za-z0-9_-]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct CommandId(Box<str>);

impl CommandId {
    /// Takes the text of an id.
    ///
    /// # Errors
    /// [`IdError::CommandId`] when the text is not of the form above.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if (16..=64).contains(&text.len()) && text.bytes().all(legal) {
            Ok(Self(text.into()))
        } else {
            Err(IdError::CommandId)
        }
    }

    /// A new id of 128 random bits, as 32 hexadecimal digits.
    ///
    /// # Panics
    /// When the operating system has no randomness, without which nothing here is safe.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0_u8; 16];
        crate::machine::random(&mut bytes).expect("the operating system gives random bytes");
        Self(hex(&bytes).into())
    }

    /// The text of the id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CommandId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for CommandId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Where a client is in the log: `lineage.pos.hash`, opaque to everyone but the store.
/// Good on any hub of the same site; a client keeps the newest one and gives it back on resume.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Cursor(Box<str>);

impl Cursor {
    /// Takes the text of a cursor; only the store knows whether it fits.
    ///
    /// # Errors
    /// [`IdError::Cursor`] when no hub could have made it.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let legal = |byte: u8| byte.is_ascii_hexdigit() || byte == b'.';
        if (1..=128).contains(&text.len()) && text.bytes().all(legal) {
            Ok(Self(text.into()))
        } else {
            Err(IdError::Cursor)
        }
    }

    /// The text of the cursor.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Cursor {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Lower-case hexadecimal digits of `bytes`.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes
        .iter()
        .flat_map(|&byte| [digit(byte >> 4), digit(byte)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{CommandId, Cursor, hex};

    #[test]
    fn command_ids_have_one_form() {
        assert!(CommandId::parse("0123456789abcdef").is_ok());
        assert!(CommandId::parse("0123456789abcde").is_err(), "15 is short");
        assert!(CommandId::parse(&"x".repeat(65)).is_err());
        assert!(CommandId::parse("0123456789abcde/").is_err());
        assert_ne!(CommandId::random(), CommandId::random());
        assert!(CommandId::parse(CommandId::random().as_str()).is_ok());
    }

    #[test]
    fn a_cursor_is_hexadecimal_and_dots() {
        assert!(Cursor::parse("00ff.12.ab").is_ok());
        assert!(Cursor::parse("").is_err());
        assert!(Cursor::parse("12;drop").is_err());
    }

    #[test]
    fn hex_is_lower_case() {
        assert_eq!(hex(&[0, 0xaf, 0xff]), "00afff");
    }
}
