//! A chat without a terminal: stdin in, answers out, for scripts and cron.
//!
//! What was said is all there is on stdout, as text or as JSON; everything else is on stderr.

use std::time::Duration;

use shared::{
    client::{error::ClientError, files::Picked, profile::Profile, save::Place},
    error::exit,
    id::{ChatId, CommandId},
    model::ChatState,
    text::SafeText,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, sleep_until},
};

use crate::{
    account::{Access, Customer},
    args::{TalkArgs, WAIT_DEFAULT},
    error::{ChatError, SIGTERM},
    files,
    form::Details,
    json,
    keep::left,
    lines::{self, Look},
    opening::{self, now},
    print,
    speech::{Speech, Unit, speech},
    story::{Piece, Said, Speaker, Story},
    talk::{self, Talk, farewell},
};

/// How long the hub may be away before what it has not taken is left in the outbox.
const STORE_LIMIT: Duration = Duration::from_secs(10);

/// Which chat to talk in.
#[derive(Clone, Debug)]
pub enum Start {
    /// A new one.
    New(Details),
    /// One of before.
    Resume(Access),
}

struct Pipe<'a> {
    profile: &'a Profile,
    access: Access,
    talk: Talk,
    args: &'a TalkArgs,
    wait: Duration,
    /// When the last thing was said; none while there may be more.
    said_all: Option<Instant>,
}

/// Talks from stdin or from the command line until there is an answer.
///
/// # Errors
/// Every [`ChatError`].
pub async fn run(
    profile: &Profile,
    customer: &Customer,
    start: Start,
    args: &TalkArgs,
) -> Result<(), ChatError> {
    let mut speech = speech(args).await?;
    let one_shot = args.is_one_shot();
    let (access, talk) = begin(profile, customer, start, args, &mut speech).await?;
    let chat = talk.story().chat();
    let default = if one_shot {
        Duration::ZERO
    } else {
        WAIT_DEFAULT
    };
    let mut pipe = Pipe {
        profile,
        access,
        talk,
        args,
        wait: args.wait.unwrap_or(default),
        said_all: None,
    };
    let result = pipe.work(speech).await;
    let waiting = pipe.talk.waiting();
    let answered = pipe.talk.story().is_answered();
    let closed = pipe.talk.story().state() == Some(ChatState::Closed);
    let wait = pipe.wait;
    pipe.talk.close().await;
    left(profile, &profile.hub, chat, now());
    if waiting > 0 && result.is_ok() {
        let kept = farewell(chat, waiting);
        let text = format!("the hub has not taken everything; {}", kept.trim_end());
        return Err(ChatError::Kept(text));
    }
    if !args.json && !closed && (!one_shot || waiting > 0) {
        print::err(&farewell(chat, waiting));
    }
    result?;
    if one_shot && !args.json && wait.is_zero() {
        print::out(&format!("{chat}\n"))?;
    }
    if (one_shot || args.wait.is_some()) && !wait.is_zero() && !answered {
        return Err(ChatError::Kept(format!(
            "no answer within {} s; look later with: frontdesk-chat resume {chat}",
            wait.as_secs()
        )));
    }
    Ok(())
}

/// Opens the chat with the first message, or goes on with one.
async fn begin(
    profile: &Profile,
    customer: &Customer,
    start: Start,
    args: &TalkArgs,
    speech: &mut Speech,
) -> Result<(Access, Talk), ChatError> {
    let access = match start {
        Start::New(details) => return begin_new(profile, customer, details, args, speech).await,
        Start::Resume(access) => access,
    };
    if let (Some(cid), Some(Unit::Say(_, name))) = (&args.client_id, speech.units.front_mut()) {
        *name = Some(cid.clone());
    }
    let story = Story::resumed(access.chat);
    let talk = Talk::begin(profile, &access, story)?;
    Ok((access, talk))
}

async fn begin_new(
    profile: &Profile,
    customer: &Customer,
    details: Details,
    args: &TalkArgs,
    speech: &mut Speech,
) -> Result<(Access, Talk), ChatError> {
    if speech.units.is_empty() {
        // A stream whose first lines were blank.
        speech.units = speech.next().await?;
    }
    let (text, name) = match speech.units.pop_front() {
        Some(Unit::Say(text, name)) => (Some(text), name),
        Some(file @ Unit::File(_)) => {
            speech.units.push_front(file);
            (None, None)
        }
        _ => {
            let why = "a new chat begins with a message; send one first";
            return Err(ChatError::Usage(why.to_owned()));
        }
    };
    let client_id = args.client_id.clone().or(name);
    let named = client_id.is_some();
    let opened = opening::open(profile, customer, details, text.clone(), client_id).await;
    let opened = opened.map_err(|error| match error {
        ChatError::Client(
            error @ (ClientError::Unreachable { .. } | ClientError::Timeout { .. }),
        ) => ChatError::Kept(format!(
            "{error}; your message is kept, and the same command again sends it once"
        )),
        error => error,
    })?;
    let chat = opened.chat.id;
    if args.json {
        print::out(&json::opened(chat, now()))?;
    }
    let mut story = Story::new(chat);
    if let Some(text) = text {
        story.opened_with(opened.cid, text);
    }
    let mut pieces = Vec::new();
    if named {
        // The chat may have been there before, with its answers.
        let past = talk::whole(profile, &opened.access).await?;
        pieces.extend(past.into_iter().filter_map(|message| story.past(message)));
    }
    pieces.extend(story.meet(&opened.chat));
    for piece in pieces {
        show(args, chat, &piece)?;
    }
    let talk = Talk::begin(profile, &opened.access, story)?;
    Ok((opened.access, talk))
}

impl Pipe<'_> {
    async fn work(&mut self, mut speech: Speech) -> Result<(), ChatError> {
        let failed = |source| ChatError::Io {
            what: "listen for signals".to_owned(),
            source,
        };
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        while let Some(unit) = speech.units.pop_front() {
            self.perform(unit).await?;
        }
        loop {
            if speech.stdin.is_none() && self.said_all.is_none() {
                self.said_all = Some(Instant::now());
            }
            if self.is_done() {
                break;
            }
            let far = Instant::now() + WAIT_DEFAULT;
            let deadline = self.deadline().unwrap_or(far);
            tokio::select! {
                pieces = self.talk.next() => self.show(pieces).await?,
                units = speech.next(), if speech.stdin.is_some() => {
                    for unit in units? {
                        self.perform(unit).await?;
                    }
                }
                () = sleep_until(deadline) => {}
                _ = interrupt.recv() => return Err(ChatError::Signal(exit::SIGINT)),
                _ = terminate.recv() => return Err(ChatError::Signal(SIGTERM)),
            }
        }
        Ok(())
    }

    async fn perform(&mut self, unit: Unit) -> Result<(), ChatError> {
        match unit {
            Unit::Say(text, cid) => self.talk.say(text, cid).await,
            Unit::File(file) => self.send_file(&file).await,
            Unit::End => self.talk.end().await,
            Unit::Rate(score, comment) => self.talk.rate(score, comment).await,
            Unit::Language(language) => self.talk.language(&language).await.map(drop),
            Unit::Human => self.talk.request_human().await,
        }
    }

    async fn send_file(&self, file: &Picked) -> Result<(), ChatError> {
        let key = match &self.args.client_id {
            Some(request) => files::key_of(request),
            None => CommandId::random(),
        };
        let caption = SafeText::default();
        let sent = files::send(self.profile, &self.access, file, &caption, &key).await;
        sent.map(drop)
    }

    /// Saves what staff or the assistant sent, where a folder was given for it.
    async fn save_files(&self, said: &Said) -> Result<(), ChatError> {
        let (Some(folder), Speaker::Agent | Speaker::Assistant) =
            (&self.args.save_dir, said.speaker)
        else {
            return Ok(());
        };
        for file in &said.attachments {
            let place = Place::In(folder.clone());
            let path = files::get(self.profile, &self.access, file, &place).await?;
            print::note(&format!("saved to {}", path.display()));
        }
        Ok(())
    }

    /// When to stop waiting, once everything was said.
    fn deadline(&self) -> Option<Instant> {
        let said_all = self.said_all?;
        let limit = if self.talk.waiting() > 0 {
            STORE_LIMIT
        } else {
            self.wait
        };
        Some(said_all + limit)
    }

    fn is_done(&self) -> bool {
        let story = self.talk.story();
        let over = matches!(story.state(), Some(ChatState::Resolved | ChatState::Closed));
        let late = self.deadline().is_some_and(|at| at <= Instant::now());
        let answered = self.talk.waiting() == 0 && (story.is_answered() || over);
        late || (self.said_all.is_some() && answered)
    }

    async fn show(&self, pieces: Vec<Piece>) -> Result<(), ChatError> {
        let chat = self.talk.story().chat();
        for piece in pieces {
            show(self.args, chat, &piece)?;
            match piece {
                Piece::NotSent { reason } | Piece::NotDone { reason } => {
                    let code = self.talk.refused().unwrap_or(exit::FAILURE);
                    return Err(ChatError::Refused { reason, code });
                }
                Piece::Stopped(why) => return Err(ChatError::Stopped(why)),
                Piece::Said(said) => self.save_files(&said).await?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Answers go to stdout; as text, nothing else does.
fn show(args: &TalkArgs, chat: ChatId, piece: &Piece) -> Result<(), ChatError> {
    if args.json {
        return print::out(&json::show(piece, chat, now()));
    }
    match piece {
        Piece::Said(said) | Piece::Edited(said)
            if matches!(said.speaker, Speaker::Agent | Speaker::Assistant) =>
        {
            print::out(&lines::show(piece, Look::PIPE))
        }
        Piece::Lost { .. } => {
            print::err(&lines::show(piece, Look::PIPE));
            Ok(())
        }
        _ => Ok(()),
    }
}
