//! Files in chats: who may send one, and how much a chat holds.
//!
//! The bytes are elsewhere; the desk knows a file's name, size and kind, and gives its number.

use shared::{
    attachment::{ATTACHMENT_BYTES_MAX, CHAT_BYTES_MAX, file_name},
    command::NewAttachment,
    event::Event,
    id::ChatId,
    model::{Attachment, Visibility},
    text::SafeText,
    time::Timestamp,
};

use super::{Desk, NewRecord, Party, Rejection, form};

impl Desk {
    pub(super) fn post_attachment(
        &self,
        party: &Party<'_>,
        id: ChatId,
        new: &NewAttachment,
        text: &SafeText,
        visibility: Visibility,
        now: Timestamp,
    ) -> Result<Vec<NewRecord>, Rejection> {
        let thread = self.thread(id)?;
        let text = form::caption(text)?;
        let bytes = new.bytes;
        if bytes == 0 {
            return Err(Rejection::invalid("file", "is empty; choose another"));
        }
        if bytes > ATTACHMENT_BYTES_MAX {
            return Err(Rejection::FileTooLarge {
                bytes,
                bytes_max: ATTACHMENT_BYTES_MAX,
            });
        }
        let left = CHAT_BYTES_MAX.saturating_sub(thread.attached_bytes);
        if bytes > left {
            return Err(Rejection::NoRoomForFile {
                chat: id,
                bytes,
                left,
            });
        }
        let attachment = Attachment {
            id: self.facts.last_attachment.next(),
            name: file_name(&new.name),
            bytes,
            kind: form::line("kind", &new.kind)?,
        };
        let posted = Event::MessagePosted {
            text,
            visibility,
            attachments: vec![attachment],
        };
        self.say(party, thread, posted, visibility, now)
    }
}
