//! A chat without a terminal: stdin in, answers out, for scripts and cron.
//!
//! What was said is all there is on stdout, as text or as JSON; everything else is on stderr.

use std::{
    collections::VecDeque,
    io::{self, BufRead, Read},
    path::Path,
    thread,
    time::Duration,
};

use shared::{
    client::{error::ClientError, profile::Profile},
    error::exit,
    id::{ChatId, CommandId},
    model::ChatState,
    text::{MESSAGE_BYTES_MAX, SafeText},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::{Instant, sleep_until, timeout_at},
};

use crate::{
    account::{Access, Customer},
    args::{TalkArgs, WAIT_DEFAULT},
    error::{ChatError, SIGTERM},
    form::Details,
    json::{self, Input},
    keep::left,
    lines::{self, Look},
    opening::{self, now},
    print,
    story::{Piece, Speaker, Story},
    talk::{self, Talk, check, farewell},
};

/// Stdin that ends within this is one message; one that stays open is a message a line.
const GATHER: Duration = Duration::from_millis(250);
/// How long the hub may be away before what it has not taken is left in the outbox.
const STORE_LIMIT: Duration = Duration::from_secs(10);
/// Lines of stdin that may wait.
const LINES_MAX: usize = 64;
/// Longest line of JSON, in bytes.
const JSON_BYTES_MAX: usize = 64 * 1024;

/// Which chat to talk in.
#[derive(Clone, Debug)]
pub enum Start {
    /// A new one.
    New(Details),
    /// One of before.
    Resume(Access),
}

/// Something to do in the chat.
#[derive(Debug)]
enum Unit {
    Say(SafeText, Option<CommandId>),
    End,
    Rate(u8, Option<SafeText>),
    Language(SafeText),
}

/// A line of stdin, or what is wrong with it.
type Line = Result<String, ChatError>;

/// What there is to say.
struct Speech {
    /// What is known already.
    units: VecDeque<Unit>,
    /// Where more comes from.
    stdin: Option<mpsc::Receiver<Line>>,
    as_json: bool,
}

struct Pipe<'a> {
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
    let talk = begin(profile, customer, start, args, &mut speech).await?;
    let chat = talk.story().chat();
    let default = if one_shot {
        Duration::ZERO
    } else {
        WAIT_DEFAULT
    };
    let mut pipe = Pipe {
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
    if one_shot && !wait.is_zero() && !answered {
        return Err(ChatError::Kept(format!(
            "no answer within {} s; look later with: frontdesk-chat resume {chat}",
            wait.as_secs()
        )));
    }
    Ok(())
}

/// What is to be said, as far as it is known before the chat is opened.
async fn speech(args: &TalkArgs) -> Result<Speech, ChatError> {
    let text = match (&args.message, &args.message_file) {
        (Some(text), _) if text == "-" => Some(read_all("stdin", &mut io::stdin().lock())?),
        (Some(text), _) => Some(text.clone()),
        (None, Some(path)) => Some(read_file(path)?),
        (None, None) => None,
    };
    if let Some(text) = text {
        return Ok(Speech {
            units: VecDeque::from([whole(&text)?]),
            stdin: None,
            as_json: false,
        });
    }
    let limit = if args.json_in {
        JSON_BYTES_MAX
    } else {
        MESSAGE_BYTES_MAX
    };
    let mut stdin = lines_of_stdin(limit);
    if args.json_in {
        let first = stdin.recv().await.transpose()?.unwrap_or_default();
        let units = units(&first, true)?;
        return Ok(Speech {
            units,
            stdin: Some(stdin),
            as_json: true,
        });
    }
    gather(stdin).await
}

/// Waits for the first line, then a moment for the end.
async fn gather(mut stdin: mpsc::Receiver<Line>) -> Result<Speech, ChatError> {
    let mut text = stdin.recv().await.transpose()?.unwrap_or_default();
    let quiet = Instant::now() + GATHER;
    loop {
        if text.len() > MESSAGE_BYTES_MAX {
            return Err(ChatError::Usage(format!(
                "stdin has more than {MESSAGE_BYTES_MAX} bytes; send it in parts"
            )));
        }
        match timeout_at(quiet, stdin.recv()).await {
            Ok(Some(line)) => text.push_str(&line?),
            Ok(None) => {
                return Ok(Speech {
                    units: VecDeque::from([whole(&text)?]),
                    stdin: None,
                    as_json: false,
                });
            }
            Err(_) => break,
        }
    }
    let mut said = VecDeque::new();
    for line in text.lines() {
        said.extend(units(line, false)?);
    }
    Ok(Speech {
        units: said,
        stdin: Some(stdin),
        as_json: false,
    })
}

fn whole(text: &str) -> Result<Unit, ChatError> {
    let text = SafeText::block(text.trim_end());
    if text.trim().is_empty() {
        return Err(ChatError::Usage(
            "there is nothing to send; try: echo 'my question' | frontdesk-chat --name Bo"
                .to_owned(),
        ));
    }
    check(&text)?;
    Ok(Unit::Say(text, None))
}

/// What a line of stdin asks for; nothing for a blank one.
fn units(line: &str, as_json: bool) -> Result<VecDeque<Unit>, ChatError> {
    if line.trim().is_empty() {
        return Ok(VecDeque::new());
    }
    if !as_json {
        return whole(line).map(|unit| VecDeque::from([unit]));
    }
    let input = serde_json::from_str(line).map_err(|error| {
        ChatError::Usage(format!(
            "a line of stdin is no message ({error}); write {{\"type\":\"message\",\"text\":\"..\"}}"
        ))
    })?;
    Ok(VecDeque::from([match input {
        Input::Message { text, client_id } => {
            check(&text)?;
            Unit::Say(text, client_id)
        }
        Input::End => Unit::End,
        Input::Rate { score, comment } => Unit::Rate(score, comment),
        Input::Language { language } => Unit::Language(language),
    }]))
}

/// Opens the chat with the first message, or goes on with one.
async fn begin(
    profile: &Profile,
    customer: &Customer,
    start: Start,
    args: &TalkArgs,
    speech: &mut Speech,
) -> Result<Talk, ChatError> {
    let access = match start {
        Start::New(details) => return begin_new(profile, customer, details, args, speech).await,
        Start::Resume(access) => access,
    };
    if let (Some(cid), Some(Unit::Say(_, name))) = (&args.client_id, speech.units.front_mut()) {
        *name = Some(cid.clone());
    }
    let story = Story::resumed(access.chat);
    Talk::begin(profile, &access, story)
}

async fn begin_new(
    profile: &Profile,
    customer: &Customer,
    details: Details,
    args: &TalkArgs,
    speech: &mut Speech,
) -> Result<Talk, ChatError> {
    if speech.units.is_empty() {
        // A stream whose first lines were blank.
        speech.units = speech.next().await?;
    }
    let Some(Unit::Say(text, name)) = speech.units.pop_front() else {
        let why = "a new chat begins with a message; send one first";
        return Err(ChatError::Usage(why.to_owned()));
    };
    let client_id = args.client_id.clone().or(name);
    let named = client_id.is_some();
    let opened = opening::open(profile, customer, details, Some(text.clone()), client_id).await;
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
    story.opened_with(opened.cid, text);
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
    Talk::begin(profile, &opened.access, story)
}

impl Speech {
    /// The next things to do; nothing at the end. Cancel safe.
    async fn next(&mut self) -> Result<VecDeque<Unit>, ChatError> {
        let as_json = self.as_json;
        while let Some(stdin) = &mut self.stdin {
            match stdin.recv().await.transpose()? {
                Some(line) => {
                    let units = units(&line, as_json)?;
                    if !units.is_empty() {
                        return Ok(units);
                    }
                }
                None => self.stdin = None,
            }
        }
        Ok(VecDeque::new())
    }
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
                pieces = self.talk.next() => self.show(pieces)?,
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
            Unit::End => self.talk.end().await,
            Unit::Rate(score, comment) => self.talk.rate(score, comment).await,
            Unit::Language(language) => self.talk.language(&language).await.map(drop),
        }
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

    fn show(&self, pieces: Vec<Piece>) -> Result<(), ChatError> {
        let chat = self.talk.story().chat();
        for piece in pieces {
            show(self.args, chat, &piece)?;
            match piece {
                Piece::NotSent { reason } | Piece::NotDone { reason } => {
                    let code = self.talk.refused().unwrap_or(exit::FAILURE);
                    return Err(ChatError::Refused { reason, code });
                }
                Piece::Stopped(why) => return Err(ChatError::Stopped(why)),
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

/// Reads stdin on a thread of its own, line by line, each at most `limit` bytes long.
fn lines_of_stdin(limit: usize) -> mpsc::Receiver<Line> {
    let (sender, lines) = mpsc::channel(LINES_MAX);
    // Ends with stdin or with the program; nothing waits for it.
    drop(thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        loop {
            let mut bytes = Vec::new();
            let read = (&mut stdin)
                .take(limit as u64 + 2)
                .read_until(b'\n', &mut bytes);
            let line = match read {
                Ok(0) => return,
                Ok(_) if bytes.len() > limit + 1 => Err(too_large("a line of stdin", limit)),
                Ok(_) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
                Err(source) => Err(ChatError::Io {
                    what: "read stdin".to_owned(),
                    source,
                }),
            };
            let last = line.is_err();
            if sender.blocking_send(line).is_err() || last {
                return;
            }
        }
    }));
    lines
}

fn read_file(path: &Path) -> Result<String, ChatError> {
    if path == Path::new("-") {
        return read_all("stdin", &mut io::stdin().lock());
    }
    let name = path.display().to_string();
    let mut file = std::fs::File::open(path).map_err(|source| ChatError::Io {
        what: format!("read {name}"),
        source,
    })?;
    read_all(&name, &mut file)
}

fn read_all(name: &str, from: &mut impl Read) -> Result<String, ChatError> {
    let mut bytes = Vec::new();
    let read = from
        .take(MESSAGE_BYTES_MAX as u64 + 2)
        .read_to_end(&mut bytes);
    read.map_err(|source| ChatError::Io {
        what: format!("read {name}"),
        source,
    })?;
    if bytes.len() > MESSAGE_BYTES_MAX + 1 {
        return Err(too_large(name, MESSAGE_BYTES_MAX));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn too_large(name: &str, limit: usize) -> ChatError {
    ChatError::Usage(format!(
        "{name} has more than {limit} bytes; send it in parts"
    ))
}

#[cfg(test)]
mod tests {
    use super::{Unit, units, whole};

    #[test]
    fn a_blank_line_says_nothing() {
        assert!(units("  \n", false).unwrap().is_empty());
        assert!(whole(" \n ").is_err());
        let said = units("hello\n", false).unwrap();
        assert!(matches!(&said[0], Unit::Say(text, None) if text.as_str() == "hello"));
    }

    #[test]
    fn json_lines_say_end_and_rate() {
        let one = |line: &str| units(line, true).map(|mut units| units.pop_front());
        assert!(matches!(
            one(r#"{"type":"message","text":"hi","client_id":"0123456789abcdef"}"#),
            Ok(Some(Unit::Say(_, Some(_))))
        ));
        assert!(matches!(one(r#"{"type":"end"}"#), Ok(Some(Unit::End))));
        assert!(matches!(
            one(r#"{"type":"rate","score":5}"#),
            Ok(Some(Unit::Rate(5, None)))
        ));
        assert!(one("hello").is_err_and(|error| error.exit_code() == 2));
    }
}
