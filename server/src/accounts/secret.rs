//! Secrets in memory: passwords as typed, tokens as issued, digests as stored.
//!
//! A secret is shown by `expose` alone, is wiped when dropped, and cannot be compared: a password
//! is checked by its hash, a token is looked up by its digest, so no comparison here can leak by
//! its time. Deliberately absent: lifetimes, owners and revocation of tokens.

use std::fmt;

use sha2::{Digest, Sha256};
use shared::machine;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use zeroize::Zeroizing;

/// Longest password accepted, in bytes of UTF-8: far beyond any passphrase, small enough that
/// refusing a longer one costs nothing.
pub const PASSWORD_BYTES_MAX: usize = 512;

/// Random bytes in a token: 256 bits, so that guessing and collisions need no thought.
pub const TOKEN_BYTES: usize = 32;

const PREFIX_CHARS: usize = 4;
const TOKEN_CHARS: usize = PREFIX_CHARS + 2 * TOKEN_BYTES;
const HEX: &[u8; 16] = b"0123456789abcdef";

/// The operating system gave no random bytes.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the operating system gave no random bytes ({0}); nothing secret was made, try again")]
pub struct RandomError(getrandom::Error);

/// Fills `buffer` from the operating system's generator.
///
/// # Errors
/// [`RandomError`] when the system has no randomness to give; `buffer` is then not to be used.
pub fn random(buffer: &mut [u8]) -> Result<(), RandomError> {
    machine::random(buffer).map_err(RandomError)
}

/// A password is longer than [`PASSWORD_BYTES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the password has {bytes} bytes; use at most {PASSWORD_BYTES_MAX}")]
pub struct PasswordTooLong {
    /// Size of what was sent, in bytes.
    pub bytes: usize,
}

/// A password as its owner typed it, in NFC so that every keyboard gives the same bytes.
///
/// Any characters, never truncated, at most [`PASSWORD_BYTES_MAX`] bytes before normalisation.
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes a password over from the outside; the given text is wiped.
    ///
    /// # Errors
    /// [`PasswordTooLong`] before any other work is done on it.
    pub fn new(text: String) -> Result<Self, PasswordTooLong> {
        let text = Zeroizing::new(text);
        if text.len() > PASSWORD_BYTES_MAX {
            return Err(PasswordTooLong { bytes: text.len() });
        }
        if is_nfc_quick(text.chars()) == IsNormalized::Yes {
            return Ok(Self(text));
        }
        // NFC at most triples UTF-8; reserving that keeps growth from leaving copies behind.
        let mut normal = Zeroizing::new(String::with_capacity(3 * text.len()));
        normal.extend(text.nfc());
        Ok(Self(normal))
    }

    /// The password itself, for hashing and the policy only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// What a token is good for; its prefix lets secret scanners and people recognise it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// Short-lived access of a signed-in user, `fda_`.
    Access,
    /// Renews an access token once, `fdr_`.
    Refresh,
    /// A customer's own chats, without an account, `fdc_`.
    Chat,
    /// A program's access, made by a user, `fdp_`.
    Api,
    /// Makes one account, `fdi_`.
    Invitation,
    /// Makes the first admin, `fds_`.
    Setup,
}

impl TokenKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Access,
        Self::Refresh,
        Self::Chat,
        Self::Api,
        Self::Invitation,
        Self::Setup,
    ];

    /// The four characters a token of this kind begins with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Access => "fda_",
            Self::Refresh => "fdr_",
            Self::Chat => "fdc_",
            Self::Api => "fdp_",
            Self::Invitation => "fdi_",
            Self::Setup => "fds_",
        }
    }
}

/// A text is not a token of this hub.
///
/// It says nothing about the text: what was meant as a token may be one with a typing mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token is malformed; copy all {TOKEN_CHARS} characters of it")]
pub struct TokenMalformed;

/// An opaque token: a prefix that names its kind and 64 lower-case hexadecimal digits.
pub struct Token {
    kind: TokenKind,
    text: Zeroizing<String>,
}

impl Token {
    /// Makes a new token from the operating system's generator.
    ///
    /// # Errors
    /// [`RandomError`] when the system has no randomness to give.
    pub fn generate(kind: TokenKind) -> Result<Self, RandomError> {
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        random(bytes.as_mut())?;
        let mut text = Zeroizing::new(String::with_capacity(TOKEN_CHARS));
        text.push_str(kind.prefix());
        for byte in bytes.iter() {
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 15)]));
        }
        Ok(Self { kind, text })
    }

    /// Reads a token a peer presented. Exactly one text stands for a token: no spaces around it,
    /// no capitals, nothing missing.
    ///
    /// # Errors
    /// [`TokenMalformed`] for anything else.
    pub fn parse(text: &str) -> Result<Self, TokenMalformed> {
        let kind = TokenKind::ALL
            .into_iter()
            .find(|kind| text.starts_with(kind.prefix()));
        let kind = kind.ok_or(TokenMalformed)?;
        if text.len() != TOKEN_CHARS || !text.bytes().skip(PREFIX_CHARS).all(|b| HEX.contains(&b)) {
            return Err(TokenMalformed);
        }
        Ok(Self {
            kind,
            text: Zeroizing::new(text.to_owned()),
        })
    }

    /// What the token says it is good for; only finding its digest in the store proves it.
    #[must_use]
    pub const fn kind(&self) -> TokenKind {
        self.kind
    }

    /// The token itself, to be given to its owner once and then forgotten.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// What is stored and looked up. The prefix is part of it, so that a token under the prefix
    /// of another kind is another token.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        TokenDigest(Sha256::digest(self.text.as_bytes()).into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}..)", self.kind.prefix())
    }
}

/// SHA-256 of a token. It gives no access, so it may be stored, compared and used as a key; one
/// fast hash is enough because a token has 256 random bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenDigest(pub [u8; 32]);

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "TokenDigest({a:02x}{b:02x}{c:02x}{d:02x}..)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::{Password, PasswordTooLong, Token, TokenKind, TokenMalformed};

    proptest! {
        #[test]
        fn one_text_only_stands_for_a_token(at in 0_usize..68, other in any::<char>()) {
            let token = Token::generate(TokenKind::Access).unwrap();
            let mut text: Vec<char> = token.expose().chars().collect();
            let changed = text[at] != other;
            text[at] = other;
            let text: String = text.into_iter().collect();
            match Token::parse(&text) {
                Ok(read) => {
                    prop_assert_eq!(read.expose(), &text);
                    prop_assert_eq!(read.digest() != token.digest(), changed);
                }
                Err(TokenMalformed) => prop_assert!(changed),
            }
        }

        #[test]
        fn any_text_up_to_the_limit_is_a_password(text in "\\PC{0,200}") {
            let bytes = text.len();
            match Password::new(text) {
                Ok(_) => prop_assert!(bytes <= 512),
                Err(error) => prop_assert_eq!(error, PasswordTooLong { bytes }),
            }
        }
    }

    #[test]
    fn a_token_reads_back_and_no_two_are_alike() {
        let mut seen = HashSet::new();
        for kind in TokenKind::ALL {
            for _ in 0..50 {
                let token = Token::generate(kind).unwrap();
                let read = Token::parse(token.expose()).unwrap();
                assert_eq!(read.kind(), kind);
                assert_eq!(read.digest(), token.digest());
                assert!(seen.insert(token.digest()));
            }
        }
        let prefixes: HashSet<_> = TokenKind::ALL.map(TokenKind::prefix).into();
        assert_eq!(prefixes.len(), TokenKind::ALL.len());
    }

    #[test]
    fn malformed_tokens_are_refused() {
        let digits = "0123456789abcdef".repeat(4);
        assert!(Token::parse(&format!("fda_{digits}")).is_ok());
        for text in [
            String::new(),
            digits.clone(),
            format!("fdx_{digits}"),
            format!("FDA_{digits}"),
            format!("fda-{digits}"),
            format!("fda_{}", digits.to_uppercase()),
            format!("fda_{}", &digits[1..]),
            format!("fda_{digits}0"),
            format!(" fda_{digits}"),
            format!("fda_{digits}\n"),
            format!("fda_{}é", &digits[2..]),
        ] {
            assert!(Token::parse(&text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_token_under_another_prefix_is_another_token() {
        let access = Token::generate(TokenKind::Access).unwrap();
        let renamed = access.expose().replace("fda_", "fdr_");
        assert_ne!(Token::parse(&renamed).unwrap().digest(), access.digest());
    }

    #[test]
    fn the_digest_is_pinned() {
        let token = Token::parse(&format!("fds_{}", "00".repeat(32))).unwrap();
        let hex: String = token
            .digest()
            .0
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        assert_eq!(
            hex,
            "bad9a3ab39ea70eb1fb83ee3ea25900f3d49bd225c90ee6342df72df31a522a4"
        );
    }

    #[test]
    fn debug_shows_no_secret() {
        let password = Password::new("tulip-canary-93".to_owned()).unwrap();
        assert_eq!(format!("{password:?}"), "Password(..)");
        for kind in TokenKind::ALL {
            let token = Token::generate(kind).unwrap();
            let shown = format!("{token:?} {token:#?}");
            assert_eq!(shown, format!("Token({0}..) Token({0}..)", kind.prefix()));
            // A digest is no secret, but a log needs no more of it than tells two apart.
            assert_eq!(
                format!("{:?}", token.digest()).len(),
                "TokenDigest(00000000..)".len()
            );
        }
    }

    #[test]
    fn both_spellings_of_an_accent_are_one_password() {
        let composed = Password::new("caf\u{e9}".to_owned()).unwrap();
        let decomposed = Password::new("cafe\u{301}".to_owned()).unwrap();
        assert_eq!(composed.expose(), decomposed.expose());
    }

    #[test]
    fn a_huge_password_is_refused_with_its_size() {
        let error = Password::new("x".repeat(1 << 20)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the password has 1048576 bytes; use at most 512"
        );
        assert!(Password::new("x".repeat(512)).is_ok());
    }
}
