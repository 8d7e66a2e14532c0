//! WebSocket frames as a client writes and reads them (RFC 6455, section 5.2), by hand: the load
//! generator has one core, and a library would cost it more than the hub's work per message.

/// Longest header of a frame that a client sends here.
const MASKED_HEADER_BYTES: usize = 8;

pub(crate) const TEXT: u8 = 1;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// A whole frame under the mask of four zeros, which leaves the payload legible.
pub(crate) fn encode(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(MASKED_HEADER_BYTES + payload.len());
    frame.push(0x80 | kind);
    match u8::try_from(payload.len()) {
        Ok(length) if length < 126 => frame.push(0x80 | length),
        _ => {
            let length = u16::try_from(payload.len()).expect("a frame of ours is short");
            frame.push(0x80 | 126);
            frame.extend_from_slice(&length.to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

/// A frame at the front of `bytes` as servers send it: its kind, its payload, its whole length.
pub(crate) fn decode(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (&[first, second], rest) = bytes.split_first_chunk::<2>()?;
    let (header, length) = match second & 0x7f {
        126 => (
            4,
            usize::from(u16::from_be_bytes(*rest.first_chunk::<2>()?)),
        ),
        127 => (
            10,
            usize::try_from(u64::from_be_bytes(*rest.first_chunk::<8>()?)).ok()?,
        ),
        short => (2, usize::from(short)),
    };
    let end = header + length;
    Some((first & 0x0f, bytes.get(header..end)?, end))
}
