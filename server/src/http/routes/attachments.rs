//! Files in chats: sending one and getting one.
//!
//! Whether one may send is asked before the first byte is read; whether one may have a file is
//! asked at every download, by the rule that holds for its message.

use std::time::Duration;

use futures_util::StreamExt as _;
use shared::{
    api::PostedFile,
    attachment::{ATTACHMENT_BYTES_MAX, NAME_HEADER, TEXT_HEADER, file_name},
    command::{Command, NewAttachment},
    event::Event,
    id::{AttachmentId, ChatId},
    model::{Attachment, Visibility},
    text::SafeText,
};
use warp::{
    http::{HeaderValue, header},
    reply::Response,
};

use crate::{
    desk::{Rejection, permission::Action},
    http::{
        call::{Call, Progress},
        errors::Failure,
        feed::{self, Outlet},
        limits::neighbourhood,
        past,
        query::{DRY_RUN, Kind, Param, decode},
        route::{Access::Bearer, Answer, Route},
        serve::BodyStream,
    },
    hub::{
        Hub, Outcome, PART,
        files::{FileRow, Incoming, Posting},
    },
    store::{SeqRange, Store, StoredRecord, Take},
};

const NAME: Param = Param::new(
    "name",
    Kind::Text,
    "What the file is called; folders in it are left out.",
);
const TEXT: Param = Param::new("text", Kind::Text, "What to say with it, at most 8 KiB.");
const VISIBILITY: Param = Param::new(
    "visibility",
    Kind::OneOf(&["public", "note"]),
    "To whom; public when not said.",
);

/// How long the body of a refused file is taken in, so that the refusal can be read.
const DRAIN_TIME: Duration = Duration::from_secs(3);

pub(super) const ROUTES: &[Route] = &[
    Route::post(
        "/api/chats/{id}/attachments",
        "post_attachment",
        Bearer(Action::PostMessage),
        |call| Box::pin(post(call)),
        "Sends a file of at most 10 MiB: the body is its bytes. Idempotency-Key names the command; the headers Frontdesk-File-Name and Frontdesk-Text, percent-encoded, say what the query may.",
    )
    .query(&[NAME, TEXT, VISIBILITY, DRY_RUN])
    .takes_bytes(ATTACHMENT_BYTES_MAX)
    .gives::<PostedFile>(201),
    Route::get(
        "/api/chats/{id}/attachments/{attachment}",
        "read_attachment",
        Bearer(Action::ReadChat),
        |call| Box::pin(read(call)),
        "Gives the bytes of a file, to whoever may read its message.",
    )
    .gives_other("application/octet-stream"),
];

async fn post(call: Call) -> Answer {
    let mut body = call.take_body()?;
    let answer = receive(call, &mut body).await;
    // Whoever is refused still sends: closing on unread bytes at once would reset the connection,
    // and the reason would be lost with it.
    tokio::spawn(tokio::time::timeout(DRAIN_TIME, drain(body)));
    answer
}

async fn receive(call: Call, body: &mut BodyStream) -> Answer {
    let chat: ChatId = call.id()?;
    let posting = Posting {
        who: call.who(),
        cid: call.cid(None)?,
        chat,
        name: file_name(&words(&call, NAME_HEADER, NAME)?),
        text: SafeText::block(&words(&call, TEXT_HEADER, TEXT)?),
        visibility: match call.query.text(VISIBILITY.name) {
            Some("note") => Visibility::Note,
            _ => Visibility::Public,
        },
    };
    call.count()?;
    let announced = announced(&call);
    let viewer = call.viewer()?.clone();
    let store = call.app.hub.store();
    let was_done = store.result(PART, viewer.id.0, &posting.cid).await?;
    let planned = plan(&posting, announced);
    if call.is_dry_run() {
        return call.plan(planned).await;
    }
    let mut incoming = match was_done {
        // What was done is answered again, whatever the chat has become.
        Some(_) => call.app.files.look_at(),
        None => {
            let (who, now) = (posting.who.clone(), call.app.hub.now());
            call.ask(move |desk| desk.decide(&who, &planned, now).map(drop))
                .await??;
            let from = call.origin.counted_ip().map(neighbourhood);
            call.app.files.receive(viewer.id, from, announced)?
        }
    };
    let mut progress = Progress::new();
    while let Some(bytes) = call.next_piece(body, &mut progress).await? {
        incoming.write(&bytes).await?;
    }
    let outcome = finish(&call, incoming, posting).await?;
    let attachment = attachment_of(&call.app.hub, chat, outcome).await?;
    call.answer(&PostedFile {
        chat,
        seq: outcome.seq.unwrap_or_default(),
        pos: outcome.pos,
        dup: outcome.dup,
        attachment,
    })
}

/// What is said with a file: in a header, percent-encoded, else in the query, which stands in the
/// logs of proxies.
fn words(call: &Call, header: &'static str, param: Param) -> Result<String, Failure> {
    let Some(value) = call.headers.get(header) else {
        return Ok(call.query.text(param.name).unwrap_or_default().to_owned());
    };
    let decoded = value.to_str().ok().and_then(decode);
    decoded.ok_or_else(|| Failure::invalid(format!("{header} is not percent-encoded UTF-8")))
}

/// Takes what is still coming, as much as a file may have, and forgets it.
async fn drain(mut body: BodyStream) {
    let mut left = ATTACHMENT_BYTES_MAX;
    while let Some(Ok(bytes)) = body.next().await {
        match left.checked_sub(bytes.len() as u64) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

/// Bytes of the body, when the client says.
fn announced(call: &Call) -> Option<u64> {
    let length = call.headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// The command as far as it is known before the bytes are.
fn plan(posting: &Posting, announced: Option<u64>) -> Command {
    let attachment = NewAttachment {
        name: posting.name.clone(),
        bytes: announced.unwrap_or(1),
        kind: SafeText::default(),
        digest: [0; 32],
    };
    Command::PostAttachment {
        chat: posting.chat,
        attachment,
        text: posting.text.clone(),
        visibility: posting.visibility,
    }
}

/// Posts a file that is here, in a task that goes on when the client does not wait for it.
async fn finish(call: &Call, incoming: Incoming, posting: Posting) -> Result<Outcome, Failure> {
    let posting = call.app.tasks.spawn(incoming.post(posting));
    let posted = posting.await.map_err(Failure::internal)?;
    Ok(posted??)
}

/// The file of the message that a command gave.
async fn attachment_of(hub: &Hub, chat: ChatId, outcome: Outcome) -> Result<Attachment, Failure> {
    let seq = outcome.seq.unwrap_or_default();
    let range = SeqRange {
        after: seq.0.checked_sub(1).map(shared::id::Seq),
        before: Some(seq.next()),
    };
    let found = hub
        .store()
        .history(PART, chat, range, Take::First(1))
        .await?;
    let message = found.first().map(files_of).transpose()?;
    let first = message.and_then(|files| files.into_iter().next());
    first.ok_or_else(|| Failure::internal("a posted file has no message"))
}

/// The files of a message; none of an erased one.
fn files_of(stored: &StoredRecord) -> Result<Vec<Attachment>, Failure> {
    Ok(match stored.record()?.event {
        Event::MessagePosted { attachments, .. } => attachments,
        _ => Vec::new(),
    })
}

async fn read(call: Call) -> Answer {
    let chat: ChatId = call.id()?;
    let number = call.values.get(1).map_or("", String::as_str);
    let id: AttachmentId = number
        .parse()
        .map_err(|_| Failure::invalid("attachment in the path must be a number"))?;
    let (attachment, row) = find(&call, chat, id).await?;
    let permit = call.app.files.give_out(call.viewer()?.id)?;
    let store = call.app.hub.store().clone();
    let mut answer = feed::answer(
        &call.app,
        "application/octet-stream",
        move |outlet| async move {
            if let Err(failure) = give(&store, row, &outlet).await {
                outlet.fail(failure);
            }
            drop(permit);
        },
    );
    dress(&mut answer, &attachment);
    Ok(answer)
}

/// A file whose message the caller may read.
async fn find(
    call: &Call,
    chat: ChatId,
    id: AttachmentId,
) -> Result<(Attachment, FileRow), Failure> {
    let (hub, viewer) = (&call.app.hub, call.viewer()?);
    if !past::sees(hub, viewer, chat).await? {
        return Err(Rejection::NoChat { chat }.into());
    }
    let nothing = || Failure::not_found(format!("chat {chat} has no file {id}; check the number"));
    let row = call.app.files.find(chat, id).await?.ok_or_else(nothing)?;
    let before = shared::id::Pos(row.pos.0.saturating_sub(1));
    let found = hub.store().read(PART, before, 1).await?;
    let message = found.first().filter(|stored| past::reads(viewer, stored));
    let files = files_of(message.ok_or_else(nothing)?)?;
    let attachment = files.into_iter().find(|file| file.id == id);
    Ok((attachment.ok_or_else(nothing)?, row))
}

/// Hands over piece by piece.
async fn give(store: &Store, row: FileRow, outlet: &Outlet) -> Result<(), Failure> {
    let mut left = row.bytes;
    for index in 0.. {
        if left == 0 {
            break;
        }
        let piece = store.chunk_get(row.file, index).await?;
        let piece = piece.ok_or_else(|| Failure::internal("a file lacks a piece"))?;
        left = left.saturating_sub(piece.len() as u64);
        if !outlet.send(piece).await {
            break;
        }
    }
    Ok(())
}

/// Says how long it is, what it is, and that it is to be saved and not shown.
fn dress(answer: &mut Response, attachment: &Attachment) {
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_LENGTH, attachment.bytes.into());
    if let Ok(kind) = HeaderValue::from_str(&attachment.kind) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    let disposition = disposition(&attachment.name);
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
}

/// `attachment` with the name in ASCII for old readers and in UTF-8 for the others (RFC 6266).
fn disposition(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ');
    let ascii: String = name
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    let mut full = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
            full.push(char::from(byte));
        } else {
            full.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{full}")
}

#[cfg(test)]
mod tests {
    use super::disposition;

    #[test]
    fn a_name_cannot_leave_its_header() {
        assert_eq!(
            disposition("a\"b;\u{e9} 1.txt"),
            "attachment; filename=\"a_b__ 1.txt\"; filename*=UTF-8''a%22b%3B%C3%A9%201.txt"
        );
    }
}
