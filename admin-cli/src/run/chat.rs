//! Conversations.

use shared::{
    api::{Assign, ChatAnswer, EndChat, Message, Page, SearchHit, Transfer},
    client::http::Method,
    command::{DepartmentRef, UserRef},
    event::Event,
    id::{ChatId, Epoch, Seq},
    model::Chat,
    record::Record,
    text::SafeText,
};

use crate::{
    args::desk::{ChatVerb, TranscriptKind},
    confirm,
    failure::Failure,
    invocation::{Invocation, Target},
    lookup,
    print::Names,
    run::{
        each,
        follow::{Fed, Feed},
        listed,
    },
};

/// `chat ..`.
pub(super) async fn run(app: &Invocation, verb: ChatVerb) -> Result<(), Failure> {
    match verb {
        ChatVerb::List {
            state,
            department,
            agent,
        } => {
            let owner = match agent {
                Some(agent) => Some(lookup::user(app, &agent).await?.id),
                None => None,
            };
            let department = lookup::department_id(app, department.as_deref()).await?;
            let target = Target::new("/api/chats")
                .with_some("state", state)
                .with_some("department", department)
                .with_some("owner", owner);
            app.print_list::<Chat>(target, &lookup::names(app).await)
                .await
        }
        ChatVerb::Get { chats } => {
            let (found, outcome) =
                each(app, &chats, async |&id| chat(app, id).await.map(Some)).await;
            print(app, &found, chats.len()).await?;
            outcome
        }
        ChatVerb::Search { query, department } => {
            let department = lookup::department_id(app, department.as_deref()).await?;
            let target = Target::new("/api/search")
                .with("q", query.join(" "))
                .with_some("department", department);
            app.print_list::<SearchHit>(target, &Names::default()).await
        }
        ChatVerb::Tail { chat, no_follow } => tail(app, chat, !no_follow).await,
        ChatVerb::Assign { chat, agent, epoch } => {
            let body = Assign {
                agent: UserRef::Id(lookup::user(app, &agent).await?.id),
                epoch: epoch_of(app, chat, epoch).await?,
                cid: None,
            };
            let target = chat_target(chat).child("assign");
            let answer = app.change(Method::Post, target, Some(&body)).await?;
            print_answer(app, answer).await
        }
        ChatVerb::Transfer {
            chat,
            department,
            agent,
            note,
            epoch,
        } => {
            let department = lookup::department_id(app, department.as_deref()).await?;
            let agent = match agent {
                Some(agent) => Some(UserRef::Id(lookup::user(app, &agent).await?.id)),
                None => None,
            };
            let body = Transfer {
                department: department.map(DepartmentRef::Id),
                agent,
                note: note.as_deref().map(SafeText::block),
                epoch: epoch_of(app, chat, epoch).await?,
                cid: None,
            };
            let target = chat_target(chat).child("transfer");
            let answer = app.change(Method::Post, target, Some(&body)).await?;
            print_answer(app, answer).await
        }
        ChatVerb::Close { chats } => {
            let question = format!("Close chat {} for ever?", listed(&chats));
            confirm::ask(app, &question, None).await?;
            end(app, &chats, Method::Put, "close").await
        }
        ChatVerb::Resolve { chats } => {
            let question = format!("Resolve chat {}?", listed(&chats));
            confirm::ask_if_context_does(app, &question).await?;
            end(app, &chats, Method::Post, "resolve").await
        }
        ChatVerb::Export { chat, kind } => export(app, chat, kind).await,
    }
}

async fn chat(app: &Invocation, id: ChatId) -> Result<Chat, Failure> {
    let answer: ChatAnswer = app.get(chat_target(id)).await?;
    Ok(answer.chat)
}

fn chat_target(id: ChatId) -> Target {
    Target::new("/api/chats").child(id)
}

/// The epoch that was given, else that of now: who acts after another still wins no race.
async fn epoch_of(app: &Invocation, id: ChatId, given: Option<u64>) -> Result<Epoch, Failure> {
    match given {
        Some(epoch) => Ok(Epoch(epoch)),
        None => Ok(chat(app, id).await?.epoch),
    }
}

async fn end(
    app: &Invocation,
    chats: &[ChatId],
    method: Method,
    verb: &str,
) -> Result<(), Failure> {
    let body = EndChat {
        epoch: None,
        cid: None,
    };
    let (ended, outcome) = each(app, chats, async |&id| {
        let target = chat_target(id).child(verb);
        let answer: Option<ChatAnswer> = app.change(method, target, Some(&body)).await?;
        Ok(answer.map(|answer| answer.chat))
    })
    .await;
    print(app, &ended, chats.len()).await?;
    outcome
}

async fn print(app: &Invocation, chats: &[Chat], asked: usize) -> Result<(), Failure> {
    if chats.is_empty() {
        return Ok(());
    }
    app.print.items(chats, asked, &lookup::names(app).await)
}

async fn print_answer(app: &Invocation, answer: Option<ChatAnswer>) -> Result<(), Failure> {
    match answer {
        Some(answer) => print(app, &[answer.chat], 1).await,
        None => Ok(()),
    }
}

async fn export(app: &Invocation, id: ChatId, kind: TranscriptKind) -> Result<(), Failure> {
    let format = match kind {
        TranscriptKind::Text => "text",
        TranscriptKind::Markdown => "markdown",
        TranscriptKind::Json => "json",
    };
    let target = chat_target(id).child("transcript").with("format", format);
    let mut download = app.download(Method::Get, &target).await?;
    let mut text = app.print.text_stream();
    // On a terminal the text itself says how far it is.
    let mut progress = match app.print.out_is_terminal() {
        true => None,
        false => Some(app.print.progress("transcript")),
    };
    while let Some(chunk) = download.chunk().await.map_err(Failure::from)? {
        text.write(&chunk)?;
        if let Some(progress) = &mut progress {
            progress.advance(chunk.len());
        }
    }
    text.end()
}

/// Prints the last messages of a chat, then those that come, each once.
async fn tail(app: &Invocation, id: ChatId, follow: bool) -> Result<(), Failure> {
    // Followed before anything is read, so that nothing falls in between.
    let mut feed = match follow {
        true => Some(Feed::open(app, Some("now".to_owned()), true).await?),
        false => None,
    };
    let seq = chat(app, id).await?.seq;
    let target = chat_target(id).child("messages");
    let mut messages: Vec<Message> = Vec::new();
    if app.global.all {
        messages = app.every(target).await?;
    } else {
        let limit = app.global.limit.min(shared::api::PAGE_ITEMS_MAX);
        let target = target.with("before", seq.next()).with("limit", limit);
        messages.extend(app.get::<Page<Message>>(target).await?.items);
    }
    let mut last = Seq(0);
    print_messages(app, messages, &mut last)?;
    let Some(feed) = &mut feed else {
        return Ok(());
    };
    while let Some(fed) = feed.next().await? {
        match fed {
            Fed::Line(_, delivered) if delivered.record.chat == Some(id) => {
                print_messages(app, message(&delivered.record), &mut last)?;
                if matches!(delivered.record.event, Event::ChatClosed {}) {
                    app.print.note(&format!("chat {id} is closed"));
                    return Ok(());
                }
            }
            Fed::Line(..) => {}
            Fed::Reconnected => {
                let target = chat_target(id).child("messages");
                let missed: Vec<Message> = app.every_after(target, last).await?;
                print_messages(app, missed, &mut last)?;
            }
        }
    }
    Ok(())
}

fn print_messages(
    app: &Invocation,
    messages: impl IntoIterator<Item = Message>,
    last: &mut Seq,
) -> Result<(), Failure> {
    for message in messages {
        if message.seq > *last {
            *last = message.seq;
            app.print.streamed(&message, &Names::default())?;
        }
    }
    Ok(())
}

fn message(record: &Record) -> Option<Message> {
    let Event::MessagePosted {
        text,
        visibility,
        attachments,
    } = &record.event
    else {
        return None;
    };
    Some(Message {
        seq: record.seq?,
        at: record.at,
        actor: record.actor.clone(),
        text: text.clone(),
        visibility: *visibility,
        attachments: attachments.clone(),
    })
}
