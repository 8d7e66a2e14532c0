//! The index of files: which bytes a number stands for, written with the message that speaks of it.

use bytes::Bytes;
use shared::id::{AttachmentId, ChatId, Pos};

use crate::store::{FileId, KvWrite};

/// Where the rows are.
pub(super) const NS: &str = "attachment";

/// A row of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileRow {
    /// The message that the file came with.
    pub pos: Pos,
    /// Its bytes.
    pub file: FileId,
    /// How many.
    pub bytes: u64,
}

impl FileRow {
    /// The value: position, file and size, big-endian.
    pub(super) fn to_value(self) -> Bytes {
        let mut value = self.pos.0.to_be_bytes().to_vec();
        value.extend_from_slice(&self.file.0.to_be_bytes());
        value.extend_from_slice(&self.bytes.to_be_bytes());
        value.into()
    }

    /// Reads a value; none when it is damaged.
    pub(super) fn from_value(value: &[u8]) -> Option<Self> {
        let (pos, rest) = value.split_first_chunk()?;
        let (file, rest) = rest.split_first_chunk()?;
        let (bytes, rest) = rest.split_first_chunk()?;
        rest.is_empty().then_some(Self {
            pos: Pos(u64::from_be_bytes(*pos)),
            file: FileId(u128::from_be_bytes(*file)),
            bytes: u64::from_be_bytes(*bytes),
        })
    }

    /// The write that makes the row.
    pub(super) fn write(self, chat: ChatId, id: AttachmentId) -> KvWrite {
        KvWrite {
            ns: NS,
            key: key(chat, id),
            expect: 0,
            value: Some(self.to_value()),
            ttl: None,
        }
    }
}

/// Chat and number, so that the files of a chat are together.
pub(super) fn key(chat: ChatId, id: AttachmentId) -> Bytes {
    [chat.0.to_be_bytes(), id.0.to_be_bytes()].concat().into()
}

/// What the keys of all files of a chat begin with.
pub(super) fn prefix(chat: ChatId) -> Bytes {
    Bytes::copy_from_slice(&chat.0.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use shared::id::{AttachmentId, ChatId, Pos, hex};

    use super::{FileRow, key};
    use crate::store::FileId;

    #[test]
    fn a_row_is_laid_out_as_ever() {
        let row = FileRow {
            pos: Pos(121),
            file: FileId(0xabcd),
            bytes: 12_345,
        };
        assert_eq!(
            hex(&row.to_value()),
            "00000000000000790000000000000000000000000000abcd0000000000003039"
        );
        assert_eq!(
            hex(&key(ChatId(42), AttachmentId(7))),
            "000000000000002a0000000000000007"
        );
        assert_eq!(FileRow::from_value(&row.to_value()), Some(row));
        for short in 0..row.to_value().len() {
            assert_eq!(FileRow::from_value(&row.to_value()[..short]), None);
        }
    }
}
