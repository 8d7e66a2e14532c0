//! Taking part in chats: saying something, taking some that wait.

use std::{
    io::{self, IsTerminal, Read},
    path::Path,
};

use shared::{
    api::{ChatAnswer, Claim, PostMessage, PostNote, Posted},
    client::http::Method,
    id::{ChatId, CommandId},
    model::Visibility,
    text::{MESSAGE_BYTES_MAX, SafeText},
};

use crate::{
    failure::Failure,
    invocation::{Invocation, Named},
    print::Names,
    run::{
        bulk,
        chat::{chat_target, epoch_of, print},
    },
};

/// `chat send`.
pub(super) async fn send(
    app: &Invocation,
    chat: ChatId,
    text: Option<String>,
    note: bool,
    client_id: Option<CommandId>,
) -> Result<(), Failure> {
    let text = SafeText::block(&body(text)?);
    let cid = client_id.unwrap_or_else(CommandId::random);
    let target = chat_target(chat).child(if note { "notes" } else { "messages" });
    let sent: Option<Posted> = if note {
        let cid = Some(cid);
        let body = PostNote { text, cid };
        let sent = app.change_as(Method::Post, target, Some(&body), Named::InBody);
        sent.await?
    } else {
        let body = PostMessage {
            text,
            cid,
            visibility: Visibility::Public,
            expected_seq: None,
            canned: Vec::new(),
        };
        let sent = app.change_as(Method::Post, target, Some(&body), Named::InBody);
        sent.await?
    };
    let Some(posted) = sent else { return Ok(()) };
    if posted.dup {
        app.print.note("it is there already; nothing was sent");
    }
    app.print.item(&posted, &Names::default())
}

/// `chat claim`.
pub(super) async fn claim(
    app: &Invocation,
    chats: &[String],
    epoch: Option<u64>,
) -> Result<(), Failure> {
    let chats = bulk::chats(chats)?;
    if epoch.is_some() && chats.len() > 1 {
        return Err(Failure::usage(
            "--epoch is that of one chat; nothing was done",
            "claim one chat, or leave --epoch out",
        ));
    }
    app.refuse_if_read_only()?;
    let (claimed, outcome) = bulk::each(app, &chats, async |&id| {
        let body = Claim {
            epoch: epoch_of(app, id, epoch).await?,
            cid: None,
        };
        let target = chat_target(id).child("claim");
        let answer: Option<ChatAnswer> = app.change(Method::Post, target, Some(&body)).await?;
        Ok(answer.map(|answer| answer.chat))
    })
    .await;
    print(app, &claimed, chats.len()).await?;
    outcome
}

/// The text itself, or standard input, without the end of its last line.
fn body(given: Option<String>) -> Result<String, Failure> {
    let text = match given {
        Some(text) if text != "-" => text,
        None if io::stdin().is_terminal() => {
            return Err(Failure::usage(
                "no text was given; nothing was sent",
                "give it after the number, or - and type it, with Ctrl+D at its end",
            ));
        }
        _ => {
            let mut text = Vec::new();
            // With the end of the last line, which does not count.
            let most = MESSAGE_BYTES_MAX as u64 + 3;
            let read = io::stdin().lock().take(most).read_to_end(&mut text);
            read.map_err(|error| Failure::file(Path::new("-"), &error))?;
            text_of(text)?
        }
    };
    let text = text.trim_end_matches(['\r', '\n']);
    if text.trim().is_empty() {
        return Err(Failure::usage(
            "the text is empty; nothing was sent",
            "say something",
        ));
    }
    if text.len() > MESSAGE_BYTES_MAX {
        return Err(Failure::usage(
            format!("the text has more than {MESSAGE_BYTES_MAX} bytes; nothing was sent"),
            "send it in parts",
        ));
    }
    Ok(text.to_owned())
}

/// The input as text. A character may have been cut where reading stopped; it is too long then.
fn text_of(bytes: Vec<u8>) -> Result<String, Failure> {
    let is_long = bytes.len() > MESSAGE_BYTES_MAX;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) if is_long => Ok(String::from_utf8_lossy(error.as_bytes()).into_owned()),
        Err(_) => Err(Failure::usage(
            "standard input is not UTF-8 text; nothing was sent",
            "give text",
        )),
    }
}

#[cfg(test)]
mod tests {
    use shared::text::MESSAGE_BYTES_MAX;

    use super::body;

    #[test]
    fn a_message_has_a_beginning_and_an_end() {
        let check = |text: &str| body(Some(text.to_owned())).map_err(|failure| failure.exit_code());
        assert_eq!(check("hello\n\n"), Ok("hello".to_owned()));
        assert_eq!(check("a\nb"), Ok("a\nb".to_owned()));
        assert_eq!(check(" \n"), Err(2));
        assert!(check(&"x".repeat(MESSAGE_BYTES_MAX)).is_ok());
        assert_eq!(check(&"x".repeat(MESSAGE_BYTES_MAX + 1)), Err(2));
    }
}
