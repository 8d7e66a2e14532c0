//! Waiting until a chat or a user is so.

use shared::{
    api::{ChatAnswer, Message, WhoAmI},
    error::ErrorCode,
    id::{ChatId, Seq, UserId},
    model::{ActorKind, AgentStatus, Chat, ChatState, User, Visibility},
};

use crate::{
    args::watching::{Span, Until, Wait, WaitKind},
    failure::Failure,
    invocation::{Invocation, Target},
    lookup,
    print::Names,
    run::{
        chat::chat_target,
        follow::{Fed, Feed},
        watch::{moves_chats, moves_users},
    },
};

/// `wait`.
pub(super) async fn wait(app: &Invocation, args: Wait) -> Result<(), Failure> {
    let waiting = waiting(app, &args);
    let Some(Span(limit)) = args.timeout else {
        return waiting.await;
    };
    match tokio::time::timeout(limit, waiting).await {
        Ok(ended) => ended,
        Err(_) => Err(Failure::TimedOut(format!(
            "{} {} was not {} within {} s",
            args.kind.word(),
            args.which,
            args.until.word(),
            limit.as_secs()
        ))),
    }
}

impl WaitKind {
    const fn word(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::User => "user",
        }
    }
}

impl Until {
    const fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Resolved => "resolved",
            Self::Assigned => "assigned",
            Self::Message => "written in",
            Self::Online => "online",
        }
    }
}

async fn waiting(app: &Invocation, args: &Wait) -> Result<(), Failure> {
    match (args.kind, args.until) {
        (WaitKind::User, Until::Online) => online(app, &args.which).await,
        (WaitKind::Chat, Until::Message) => message(app, chat_id(&args.which)?).await,
        (WaitKind::Chat, Until::Closed | Until::Resolved | Until::Assigned) => {
            chat(app, chat_id(&args.which)?, args.until).await
        }
        (kind, until) => Err(Failure::usage(
            format!("a {} cannot be {}", kind.word(), until.word()),
            "a chat can be closed, resolved, assigned or written in (message), a user online",
        )),
    }
}

fn chat_id(which: &str) -> Result<ChatId, Failure> {
    crate::args::chat::chat_id(which).map_err(|why| Failure::usage(why, "see: chat list"))
}

async fn chat(app: &Invocation, id: ChatId, until: Until) -> Result<(), Failure> {
    // Followed before it is read, so that nothing falls in between.
    let mut feed = Feed::open(app, Some("now".to_owned()), true).await?;
    loop {
        let answer: ChatAnswer = app.get(chat_target(id)).await?;
        if is(&answer.chat, until)? {
            let names = lookup::names(app).await;
            return app.print.item(&answer.chat, &names);
        }
        changed(&mut feed, |delivered| {
            delivered.chat == Some(id) && moves_chats(delivered)
        })
        .await?;
    }
}

/// Whether the chat is so; what it will never be is a conflict.
fn is(chat: &Chat, until: Until) -> Result<bool, Failure> {
    Ok(match until {
        Until::Closed => chat.state == ChatState::Closed,
        Until::Resolved => !chat.state.is_open(),
        _ if chat.state == ChatState::Closed => {
            return Err(Failure::refused(
                ErrorCode::ChatClosed,
                format!("chat {} is closed", chat.id),
                "it stays so; wait for another",
            ));
        }
        _ => chat.state.is_open() && chat.owner.is_some(),
    })
}

async fn message(app: &Invocation, id: ChatId) -> Result<(), Failure> {
    let mut feed = Feed::open(app, Some("now".to_owned()), true).await?;
    let me: WhoAmI = app.get("/api/auth/me").await?;
    let answer: ChatAnswer = app.get(chat_target(id)).await?;
    let mut last = answer.chat.seq;
    is(&answer.chat, Until::Message)?;
    loop {
        changed(&mut feed, |record| record.chat == Some(id)).await?;
        let target = chat_target(id).child("messages");
        let messages: Vec<Message> = app.every_after(target, last).await?;
        let theirs = |message: &&Message| is_of_another(message, me.user.id);
        if let Some(message) = messages.iter().find(theirs) {
            return app.print.item(message, &Names::default());
        }
        last = messages
            .last()
            .map_or(last, |message: &Message| -> Seq { message.seq });
        let answer: ChatAnswer = app.get(chat_target(id)).await?;
        is(&answer.chat, Until::Message)?;
    }
}

/// Whether a person or the assistant other than oneself said it to the customer, or the customer.
fn is_of_another(message: &Message, me: UserId) -> bool {
    message.visibility == Visibility::Public
        && message.actor.kind != ActorKind::System
        && message.actor.id != Some(me)
}

async fn online(app: &Invocation, which: &str) -> Result<(), Failure> {
    let mut feed = Feed::open(app, Some("now".to_owned()), true).await?;
    let id = lookup::user(app, which).await?.id;
    loop {
        let user: User = app.get(Target::new("/api/users").child(id)).await?;
        if user.status == AgentStatus::Online && user.reachable {
            let names = lookup::names(app).await;
            return app.print.item(&user, &names);
        }
        changed(&mut feed, moves_users).await?;
    }
}

/// Waits for a record of this kind, or for a hub that is back.
async fn changed(
    feed: &mut Feed<'_>,
    moves: impl Fn(&shared::record::Record) -> bool,
) -> Result<(), Failure> {
    while let Some(fed) = feed.next().await? {
        match fed {
            Fed::Reconnected => return Ok(()),
            Fed::Line(_, delivered) if moves(&delivered.record) => return Ok(()),
            Fed::Line(..) => {}
        }
    }
    Ok(())
}
