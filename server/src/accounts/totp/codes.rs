//! The codes themselves: those of an app and those for recovery.

use sha2::{Digest, Sha256};
use shared::{api::Secret, id::hex};
use totp_rs::{Builder, Totp};
use zeroize::Zeroizing;

use crate::accounts::secret::{RandomError, random};

/// Bytes of a seed (RFC 4226, section 4).
pub(super) const SEED_BYTES: usize = 20;
/// Recovery codes that are given at a time.
const RECOVERY_CODES: usize = 10;
/// Bytes of a recovery code: 128 bits, so that one fast hash of it is enough.
const RECOVERY_BYTES: usize = 16;
const RECOVERY_DIGITS: usize = 2 * RECOVERY_BYTES;
/// Digits of a recovery code between two dashes.
const GROUP_DIGITS: usize = 4;

/// What somebody typed for a second factor.
pub(super) enum Given {
    /// Six digits of an app.
    App(Zeroizing<String>),
    /// A recovery code, by its digest.
    Recovery(String),
    /// Neither.
    Neither,
}

impl Given {
    /// Reads a code without regard to spaces, dashes and case.
    pub(super) fn read(text: &str) -> Self {
        let plain = text.chars().filter(|c| !matches!(c, ' ' | '-'));
        let plain: Zeroizing<String> = Zeroizing::new(plain.take(RECOVERY_DIGITS + 1).collect());
        let digits = plain.bytes().all(|byte| byte.is_ascii_digit());
        let hexadecimal = plain.bytes().all(|byte| byte.is_ascii_hexdigit());
        match plain.len() {
            6 if digits => Self::App(plain),
            RECOVERY_DIGITS if hexadecimal => Self::Recovery(digest(&plain.to_ascii_lowercase())),
            _ => Self::Neither,
        }
    }
}

/// What makes and checks the codes of a seed: six digits, 30 seconds, one step of skew.
pub(super) fn totp(seed: &[u8]) -> Option<Totp> {
    Builder::new()
        .with_secret(seed.to_vec())
        .with_skew(1)
        .build()
        .ok()
}

/// New recovery codes, and their digests to store.
pub(super) fn new_recovery() -> Result<(Vec<Secret>, Vec<String>), RandomError> {
    let mut codes = Vec::with_capacity(RECOVERY_CODES);
    let mut digests = Vec::with_capacity(RECOVERY_CODES);
    for _ in 0..RECOVERY_CODES {
        let mut bytes = Zeroizing::new([0; RECOVERY_BYTES]);
        random(bytes.as_mut())?;
        let plain = Zeroizing::new(hex(bytes.as_ref()));
        digests.push(digest(&plain));
        let mut code = String::with_capacity(RECOVERY_DIGITS + RECOVERY_DIGITS / GROUP_DIGITS);
        for (at, digit) in plain.chars().enumerate() {
            if at > 0 && at.is_multiple_of(GROUP_DIGITS) {
                code.push('-');
            }
            code.push(digit);
        }
        codes.push(Secret::new(code));
    }
    Ok((codes, digests))
}

/// The URI by which apps take a seed over. `issuer` and `account` are shown there.
pub(super) fn uri(issuer: &str, account: &str, base32: &str) -> String {
    let (issuer, account) = (encoded(issuer), encoded(account));
    format!("otpauth://totp/{issuer}:{account}?secret={base32}&issuer={issuer}")
}

/// Percent-encoded (RFC 3986, section 2): whatever is not unreserved.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn digest(plain: &str) -> String {
    hex(&Sha256::digest(plain.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{Given, new_recovery, totp, uri};

    /// RFC 6238, appendix B, the last six digits of the vectors for SHA-1.
    #[test]
    fn codes_are_those_of_the_standard() {
        let totp = totp(b"12345678901234567890").unwrap();
        for (time_s, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(totp.generate(time_s).to_string(), code);
            assert_eq!(totp.check(code, time_s), Some(time_s / 30));
            assert_eq!(totp.check(code, time_s + 30), Some(time_s / 30));
            assert_eq!(totp.check(code, time_s + 60), None);
        }
        assert!(super::totp(b"too short").is_none());
    }

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let kind = |text: &str| match Given::read(text) {
            Given::App(code) => code.to_string(),
            Given::Recovery(digest) => digest,
            Given::Neither => String::new(),
        };
        assert_eq!(kind("123 456"), "123456");
        assert_eq!(kind(" 123-456 "), "123456");
        let (codes, digests) = new_recovery().unwrap();
        assert_eq!((codes.len(), digests.len()), (10, 10));
        for (code, digest) in codes.iter().zip(&digests) {
            assert_eq!(code.len(), 39, "128 bits and seven dashes");
            assert_eq!(&kind(code), digest);
            assert_eq!(&kind(&code.to_uppercase().replace('-', " ")), digest);
        }
        for neither in [
            "",
            "12345",
            "1234567",
            "12345x",
            "+12345",
            "１２３４５６",
            &"0".repeat(33),
        ] {
            assert_eq!(kind(neither), "", "{neither:?}");
        }
    }

    #[test]
    fn the_uri_is_what_apps_read() {
        assert_eq!(
            uri("Ana's Desk", "zoë@x", "ABC"),
            "otpauth://totp/Ana%27s%20Desk:zo%C3%AB%40x?secret=ABC&issuer=Ana%27s%20Desk"
        );
    }
}
