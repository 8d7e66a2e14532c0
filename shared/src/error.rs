//! The closed set of error codes, and the one table from code to HTTP status and exit code.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $text:literal $status:literal $exit:literal)*) => {
        /// Why something was refused or failed, for programs. Text for people is beside it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code as it is written on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The HTTP status that carries it.
            #[must_use]
            pub const fn http_status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The exit code of a terminal program that ends because of it.
            #[must_use]
            pub const fn exit_code(self) -> u8 {
                match self { $(Self::$name => $exit,)* }
            }
        }
    };
}

codes! {
    /// The request does not make sense; it never will.
    Invalid "invalid" 400 2
    /// No token, or one that is expired or revoked.
    Unauthenticated "unauthenticated" 401 4
    /// The principal may not do this.
    Forbidden "forbidden" 403 5
    /// There is no such thing, or the principal may not know that there is.
    NotFound "not_found" 404 3
    /// Someone else was faster; the message says who owns it now.
    Conflict "conflict" 409 6
    /// The same command id was used before for something else.
    CidConflict "cid_conflict" 409 6
    /// Others wrote in the meantime; look again before you send.
    Stale "stale" 409 6
    /// The chat is closed for ever.
    ChatClosed "chat_closed" 409 6
    /// The principal does not own the chat, or no longer.
    NotMember "not_member" 409 6
    /// A frame, body, text or list beyond its limit.
    TooLarge "too_large" 413 2
    /// Too many in too short a time.
    RateLimited "rate_limited" 429 7
    /// The hub has more work than it may queue.
    Busy "busy" 503 7
    /// The store failed; nothing was written, or a retry with the same id will tell.
    Storage "storage" 503 7
    /// The disk is full.
    StorageFull "storage_full" 507 1
    /// The hub only reads until its store is well again.
    Degraded "degraded" 503 7
    /// The other side speaks another version.
    Proto "proto" 426 1
    /// A defect of the hub; the request id finds it in the log.
    Internal "internal" 500 1
}

impl ErrorCode {
    /// Whether the same command with the same id may succeed later.
    #[must_use]
    pub const fn retriable(self) -> bool {
        matches!(
            self,
            Self::RateLimited | Self::Busy | Self::Storage | Self::StorageFull | Self::Degraded
        )
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Exit codes of the terminal programs that are no [`ErrorCode`].
pub mod exit {
    /// Done, also an empty list.
    pub const OK: u8 = 0;
    /// Something else went wrong.
    pub const FAILURE: u8 = 1;
    /// The command line does not make sense.
    pub const USAGE: u8 = 2;
    /// The hub cannot be reached or did not answer in time.
    pub const UNREACHABLE: u8 = 7;
    /// There is something to change: the desk is not what a document says.
    pub const PENDING: u8 = 8;
    /// Some of several things were done.
    pub const PARTIAL: u8 = 9;
    /// Ended with its terminal.
    pub const SIGHUP: u8 = 129;
    /// Ended by Ctrl+C.
    pub const SIGINT: u8 = 130;
}

#[cfg(test)]
mod tests {
    use super::ErrorCode;

    #[test]
    fn names_match_their_json() {
        for code in ErrorCode::ALL {
            let json = serde_json::to_string(code).expect("a unit variant");
            assert_eq!(json, format!("\"{}\"", code.as_str()));
        }
        assert_eq!(ErrorCode::ALL.len(), 17, "the set is closed");
    }
}
