//! Server-sent events, as streaming services send them: bytes in, the data of events out.
//!
//! By the rules of the HTML standard (9.2.6), of which only `data` matters here. Text stays bytes
//! until an event is whole, so that a character may be split over any number of frames.

/// Longest line, in bytes.
const LINE_BYTES_MAX: usize = 256 * 1024;
/// Longest data of one event, in bytes.
const EVENT_BYTES_MAX: usize = 512 * 1024;

/// A line or an event was longer than any sound service sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Oversize;

/// The state between two frames.
#[derive(Debug, Default)]
pub(super) struct Events {
    line: Vec<u8>,
    data: Option<Vec<u8>>,
    /// The last byte was a carriage return, whose line feed may still come.
    after_cr: bool,
    begun: bool,
}

impl Events {
    /// Takes a frame and gives the data of every event that it ends.
    pub(super) fn push(&mut self, frame: &[u8]) -> Result<Vec<Vec<u8>>, Oversize> {
        let mut events = Vec::new();
        for &byte in frame {
            let after_cr = std::mem::take(&mut self.after_cr);
            match byte {
                b'\n' if after_cr => {}
                b'\n' | b'\r' => {
                    self.after_cr = byte == b'\r';
                    events.extend(self.end_line()?);
                }
                _ if self.line.len() >= LINE_BYTES_MAX => return Err(Oversize),
                _ => self.line.push(byte),
            }
        }
        Ok(events)
    }

    /// What was begun when the stream ended; services that end without an empty line meant it.
    pub(super) fn finish(mut self) -> Result<Option<Vec<u8>>, Oversize> {
        match self.end_line()? {
            Some(event) => Ok(Some(event)),
            None => Ok(self.data),
        }
    }

    fn end_line(&mut self) -> Result<Option<Vec<u8>>, Oversize> {
        let mut line = std::mem::take(&mut self.line);
        if !std::mem::replace(&mut self.begun, true) && line.starts_with(b"\xef\xbb\xbf") {
            line.drain(..3);
        }
        if line.is_empty() {
            return Ok(self.data.take());
        }
        // A comment begins with a colon; `event`, `id` and `retry` say nothing to us.
        let Some(rest) = line.strip_prefix(b"data") else {
            return Ok(None);
        };
        let value = match rest {
            [] => rest,
            [b':', b' ', value @ ..] | [b':', value @ ..] => value,
            _ => return Ok(None),
        };
        match &mut self.data {
            None => self.data = Some(value.to_vec()),
            Some(data) if data.len() + value.len() >= EVENT_BYTES_MAX => return Err(Oversize),
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

    use super::{Events, LINE_BYTES_MAX, Oversize};

    fn read(frames: &[&[u8]]) -> Vec<String> {
        let mut events = Events::default();
        let mut found = Vec::new();
        for frame in frames {
            found.extend(events.push(frame).unwrap());
        }
        found.extend(events.finish().unwrap());
        let text = |data| String::from_utf8(data).unwrap();
        found.into_iter().map(text).collect()
    }

    #[test]
    fn only_data_matters_and_every_line_end_is_one() {
        let stream = b"\xef\xbb\xbf: hello\r\nevent: x\rdata: one\r\n\r\ndata:two\ndata: 2\nid: 7\n\n\n:\ndatum: no\ndata\n\ndata: last";
        assert_eq!(read(&[stream]), ["one", "two\n2", "", "last"]);
    }

    #[test]
    fn a_line_without_end_is_not_kept_forever() {
        let mut events = Events::default();
        let piece = vec![b'x'; LINE_BYTES_MAX];
        assert_eq!(events.push(&piece), Ok(vec![]));
        assert_eq!(events.push(b"x"), Err(Oversize));
    }

    #[test]
    fn an_event_of_many_lines_is_not_kept_forever() {
        let mut events = Events::default();
        let line = [b"data: ", &[b'x'; 100_000][..], b"\n"].concat();
        let end = (0..10).find_map(|_| events.push(&line).err());
        assert_eq!(end, Some(Oversize));
    }

    proptest! {
        #[test]
        fn frames_may_be_cut_anywhere(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12)) {
            let stream = "data: {\"a\":\"ä€😀\"}\r\n\r\n: ping\n\ndata: b\r\ndata: ü\r\n\r\ndata: [DONE]\n\n".as_bytes();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
            at.extend([0, stream.len()]);
            at.sort_unstable();
            let frames: Vec<&[u8]> = at.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
            assert_eq!(read(&frames), ["{\"a\":\"ä€😀\"}", "b\nü", "[DONE]"]);
        }
    }
}
