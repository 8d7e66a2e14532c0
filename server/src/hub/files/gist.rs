//! What the bytes of a file say of themselves: how many, of what kind, and their digest.
//!
//! Nothing that its sender says of a file is believed.

use sha2::{Digest, Sha256};
use shared::text::SafeText;

/// First bytes of a file that its kind is told by.
const HEAD_BYTES: usize = 8 * 1024;
/// Any bytes.
const BINARY: &str = "application/octet-stream";
/// Anything in UTF-8 without a zero byte.
const TEXT: &str = "text/plain";

/// What is known of the bytes so far.
#[derive(Default)]
pub(super) struct Gist {
    bytes: u64,
    hash: Sha256,
    head: Vec<u8>,
    text: Text,
}

impl Gist {
    /// Takes in the next bytes.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.hash.update(bytes);
        let room = HEAD_BYTES - self.head.len();
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.text.take(bytes);
    }

    /// How many there were.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// SHA-256 of all of them.
    pub(super) fn digest(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }

    /// Their media type.
    pub(super) fn kind(&self) -> SafeText {
        let known = infer::get(&self.head).map(|kind| kind.mime_type());
        let otherwise = if self.text.is_whole() { TEXT } else { BINARY };
        SafeText::line(known.unwrap_or(otherwise))
    }
}

/// Whether bytes are UTF-8 text, told while they come in.
#[derive(Default)]
struct Text {
    broken: bool,
    /// The beginning of a character whose rest is still to come.
    begun: Vec<u8>,
}

impl Text {
    fn take(&mut self, bytes: &[u8]) {
        if self.broken {
            return;
        }
        let joined;
        let bytes = if self.begun.is_empty() {
            bytes
        } else {
            self.begun.extend_from_slice(bytes);
            joined = std::mem::take(&mut self.begun);
            &joined
        };
        if let Err(error) = std::str::from_utf8(bytes) {
            self.broken = error.error_len().is_some();
            self.begun = bytes[error.valid_up_to()..].to_vec();
        }
        self.broken |= bytes.contains(&0);
    }

    fn is_whole(&self) -> bool {
        !self.broken && self.begun.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Gist, HEAD_BYTES};

    fn kind(bytes: &[u8]) -> String {
        let mut gist = Gist::default();
        gist.take(bytes);
        gist.kind().to_string()
    }

    #[test]
    fn bytes_tell_their_kind() {
        for (bytes, expected) in [
            (b"%PDF-1.7 x".as_slice(), "application/pdf"),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
            (b"PK\x03\x04\x14\0", "application/zip"),
            (b"just words", "text/plain"),
            ("gr\u{fc}\u{df}e".as_bytes(), "text/plain"),
            (b"caf\xe9", "application/octet-stream"),
            (b"a\0b", "application/octet-stream"),
            (b"\xf0\x9f\x98", "application/octet-stream"),
        ] {
            assert_eq!(kind(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_late_byte_counts_too() {
        let mut bytes = vec![b'a'; HEAD_BYTES + 5];
        bytes.push(0xff);
        assert_eq!(kind(&bytes), "application/octet-stream");
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(text in "\\PC{0,40}", rest in proptest::collection::vec(any::<u8>(), 0..8), cuts in proptest::collection::vec(0_usize..64, 0..6)) {
            let bytes = [text.as_bytes(), &rest].concat();
            let mut gist = Gist::default();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            for cut in cuts.windows(2) {
                gist.take(&bytes[cut[0]..cut[1]]);
            }
            let mut whole = Gist::default();
            whole.take(&bytes);
            prop_assert_eq!(gist.kind(), whole.kind());
            prop_assert_eq!(gist.digest(), whole.digest());
            prop_assert_eq!(gist.bytes(), bytes.len() as u64);
        }
    }
}
