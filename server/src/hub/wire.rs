//! Frames as they lie on a socket: the header of a WebSocket text frame and its JSON in one piece
//! of memory, made once and shared by all who get it (RFC 6455, section 5.2; servers do not mask).

use bytes::Bytes;
use serde::Serialize;

use crate::store::{Lineage, StoredRecord};

/// Longest header that a server writes.
const HEADER_BYTES_MAX: usize = 10;
/// Fin and opcode text.
const TEXT: u8 = 0x81;

/// A frame that is ready to be written, and where its JSON is.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// Header and JSON.
    pub whole: Bytes,
    /// The JSON alone, in the same memory.
    pub json: Bytes,
}

impl Encoded {
    /// Encodes anything as the JSON of a frame.
    ///
    /// # Panics
    /// When `frame` has no JSON form: frames have string keys only.
    #[must_use]
    pub fn of(frame: &impl Serialize) -> Self {
        Self::with(256, |out| {
            serde_json::to_writer(&mut *out, frame).expect("frames have string keys only");
        })
    }

    /// The event frame of a record, with its cursor.
    #[must_use]
    pub fn record(stored: &StoredRecord, lineage: Lineage) -> Self {
        Self::with(stored.body.len() + 128, |out| {
            stored.write_frame(lineage, out)
        })
    }

    /// Encodes the JSON that `write` appends, about `bytes` long.
    pub(crate) fn with(bytes: usize, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut out = Vec::with_capacity(HEADER_BYTES_MAX + bytes);
        out.resize(HEADER_BYTES_MAX, 0);
        write(&mut out);
        let length = out.len() - HEADER_BYTES_MAX;
        // The header stands right before the JSON, whatever its length.
        let begin = match (u8::try_from(length), u16::try_from(length)) {
            (Ok(short), _) if short < 126 => {
                out[8..10].copy_from_slice(&[TEXT, short]);
                8
            }
            (_, Ok(medium)) => {
                out[6..8].copy_from_slice(&[TEXT, 126]);
                out[8..10].copy_from_slice(&medium.to_be_bytes());
                6
            }
            _ => {
                out[..2].copy_from_slice(&[TEXT, 127]);
                out[2..10].copy_from_slice(&(length as u64).to_be_bytes());
                0
            }
        };
        let out = Bytes::from(out);
        Self {
            whole: out.slice(begin..),
            json: out.slice(HEADER_BYTES_MAX..),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Encoded;

    #[test]
    fn the_header_says_the_length_of_the_json() {
        for (length, header) in [
            (0, &[0x81, 0][..]),
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (65_535, &[0x81, 126, 0xff, 0xff]),
            (65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let frame = Encoded::with(0, |out| out.resize(out.len() + length, b'x'));
            assert_eq!(frame.json.len(), length);
            assert_eq!(frame.whole[..header.len()], *header);
            assert_eq!(frame.whole[header.len()..], frame.json[..]);
        }
    }
}
