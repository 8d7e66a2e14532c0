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
    args::chat::{ChatVerb, TranscriptKind},
    confirm,
    failure::Failure,
    invocation::{Invocation, Target},
    lookup,
    print::Names,
    run::{
        bulk::{self, Given},
        follow::{Fed, Feed},
        talk,
        watch::{moves_chats, watch},
    },
};

/// `chat ..`.
pub(super) async fn run(app: &Invocation, verb: ChatVerb) -> Result<(), Failure> {
    match verb {
        ChatVerb::List {
            state,
            department,
            agent,
            watching,
        } => {
            let closed = state.as_deref() == Some("closed");
            let owner = match agent {
                Some(agent) => Some(lookup::user(app, &agent).await?.id),
                None => None,
            };
            let department = lookup::sought_department(app, department.as_deref()).await?;
            let target = Target::new("/api/chats")
                .with_some("state", state)
                .with_some("department", department)
                .with_some("owner", owner);
            if watching.watch && closed {
                return Err(Failure::usage(
                    "closed chats do not change",
                    "leave --watch out, or wait for one with: frontdesk-admin wait --for closed",
                ));
            }
            if watching.watch {
                let look = async || app.every::<Chat>(target.clone()).await;
                return watch(app, watching, moves_chats, |one| one.id.0, look).await;
            }
            app.print_list::<Chat>(target, &lookup::names(app).await)
                .await
        }
        ChatVerb::Get { chats, watching } => {
            let chats = bulk::chats(&chats)?;
            if watching.watch {
                let look = async || {
                    let mut found = Vec::new();
                    for given in &chats {
                        found.push(chat(app, given.thing).await?);
                    }
                    Ok(found)
                };
                return watch(app, watching, moves_chats, |one| one.id.0, look).await;
            }
            let (found, outcome) =
                bulk::each(app, &chats, async |&id| chat(app, id).await.map(Some)).await;
            print(app, &found, chats.len()).await?;
            outcome
        }
        ChatVerb::Send {
            chat,
            text,
            note,
            client_id,
        } => talk::send(app, chat, text, note, client_id).await,
        ChatVerb::Claim { chats, epoch } => talk::claim(app, &chats, epoch).await,
        ChatVerb::Search { query, department } => {
            let department = lookup::sought_department(app, department.as_deref()).await?;
            let target = Target::new("/api/search")
                .with("q", query.join(" "))
                .with_some("department", department);
            app.print_list::<SearchHit>(target, &Names::default()).await
        }
        ChatVerb::Tail { chat, no_follow } => tail(app, chat, !no_follow).await,
        ChatVerb::Assign { chat, agent, epoch } => assign(app, chat, &agent, epoch).await,
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
            let chats = bulk::chats(&chats)?;
            let question = format!("Close chat {} for ever?", bulk::listed(&chats));
            confirm::ask(app, &question, None).await?;
            end(app, &chats, Method::Put, "close").await
        }
        ChatVerb::Resolve { chats } => {
            let chats = bulk::chats(&chats)?;
            let question = format!("Resolve chat {}?", bulk::listed(&chats));
            confirm::ask_if_context_does(app, &question).await?;
            end(app, &chats, Method::Post, "resolve").await
        }
        ChatVerb::Export { chat, kind } => export(app, chat, kind).await,
    }
}

pub(super) async fn chat(app: &Invocation, id: ChatId) -> Result<Chat, Failure> {
    let answer: ChatAnswer = app.get(chat_target(id)).await?;
    Ok(answer.chat)
}

pub(super) fn chat_target(id: ChatId) -> Target {
    Target::new("/api/chats").child(id)
}

/// The epoch that was given, else that of now: who acts after another still wins no race.
pub(super) async fn epoch_of(
    app: &Invocation,
    id: ChatId,
    given: Option<u64>,
) -> Result<Epoch, Failure> {
    match given {
        Some(epoch) => Ok(Epoch(epoch)),
        None => Ok(chat(app, id).await?.epoch),
    }
}

async fn assign(
    app: &Invocation,
    chat: String,
    agent: &str,
    epoch: Option<u64>,
) -> Result<(), Failure> {
    let chats = bulk::chats(&[chat])?;
    if epoch.is_some() && chats.len() > 1 {
        return Err(Failure::usage(
            "--epoch is that of one chat; nothing was done",
            "assign one chat, or leave --epoch out",
        ));
    }
    app.refuse_if_read_only()?;
    let agent = lookup::user(app, agent).await?.id;
    let (assigned, outcome) = bulk::each(app, &chats, async |&id| {
        let body = Assign {
            agent: UserRef::Id(agent),
            epoch: epoch_of(app, id, epoch).await?,
            cid: None,
        };
        let target = chat_target(id).child("assign");
        let answer: Option<ChatAnswer> = app.change(Method::Post, target, Some(&body)).await?;
        Ok(answer.map(|answer| answer.chat))
    })
    .await;
    print(app, &assigned, chats.len()).await?;
    outcome
}

async fn end(
    app: &Invocation,
    chats: &[Given<ChatId>],
    method: Method,
    verb: &str,
) -> Result<(), Failure> {
    let body = EndChat {
        epoch: None,
        cid: None,
    };
    let (ended, outcome) = bulk::each(app, chats, async |&id| {
        let target = chat_target(id).child(verb);
        let answer: Option<ChatAnswer> = app.change(method, target, Some(&body)).await?;
        Ok(answer.map(|answer| answer.chat))
    })
    .await;
    print(app, &ended, chats.len()).await?;
    outcome
}

pub(super) async fn print(app: &Invocation, chats: &[Chat], asked: usize) -> Result<(), Failure> {
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
