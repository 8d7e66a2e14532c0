//! The line mode: a chat on the normal screen, with scrollback and copying as ever.
//!
//! First the questions, in order; then one loop over what the customer types, what the hub tells
//! and signals. How things look is in `lines`.

use shared::{
    api::PublicDepartment,
    client::{credentials::SavedChat, http::Http, private, profile::Profile},
    command::DepartmentRef,
    error::exit,
    id::Seq,
    text::{SafeText, customer_name},
};
use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};

use crate::{
    args::Form,
    commands::{Typed, help},
    error::ChatError,
    form::{Details, check, find, question},
    input::{Did, Keys, NoAnswer},
    lines::{self, Look, show, system},
    opening,
    pipe::Start,
    print::{self, Screen, TerminalGuard},
    story::{Piece, Story},
    talk::{Talk, departments, farewell, history, http_of},
    transcript::{save, transcript},
};

/// Exit codes of programs that a signal ended.
const SIGHUP: u8 = 129;
const SIGTERM: u8 = 143;

/// What ends the line mode.
enum Way {
    /// The customer left.
    Out,
    /// The chat is over for good.
    Closed,
    /// A signal, or Ctrl+C twice.
    Signal(u8),
}

/// Talks on a terminal until the customer leaves.
///
/// # Errors
/// Every [`ChatError`].
pub fn run(
    runtime: &Runtime,
    profile: &Profile,
    http: &Http,
    start: Start,
    look: Look,
) -> Result<(), ChatError> {
    let guard = TerminalGuard::remember();
    let greeting = format!("Frontdesk at {}. /help shows the commands.", profile.hub);
    print::out(&system(&greeting, look))?;
    let mut keys = Keys::new().map_err(|error| ChatError::Io {
        what: "read the keyboard".to_owned(),
        source: std::io::Error::other(error),
    })?;
    let (saved, story, pieces) = match start {
        Start::New(details) => {
            let departments = runtime.block_on(departments(http))?;
            let details = ask(&mut keys, profile, details, &departments, look)?;
            let open = opening::open(profile, http, details, None, None);
            let opened = runtime.block_on(open)?;
            let mut story = Story::new(opened.chat.id);
            let place = story.meet(&opened.chat);
            (opened.saved, story, Vec::from_iter(place))
        }
        Start::Resume(saved) => {
            let http = http_of(profile, &saved)?;
            let mut story = Story::new(saved.chat);
            let past = runtime.block_on(history(&http, saved.chat))?;
            let pieces = past.into_iter().filter_map(|message| story.past(message));
            let pieces = pieces.collect();
            (saved, story, pieces)
        }
    };
    let opened = format!("Chat {}. Write and press Enter.", saved.chat);
    print::out(&system(&opened, look))?;
    for piece in &pieces {
        print::out(&show(piece, look))?;
    }
    let mut line_mode = LineMode::begin(runtime, profile, &saved, story, keys, look)?;
    let way = runtime.block_on(line_mode.work());
    let waiting = line_mode.talk.waiting();
    runtime.block_on(line_mode.finish());
    drop(guard);
    if !matches!(way, Ok(Way::Out | Way::Signal(exit::SIGINT))) {
        // The prompt is still there.
        print::err("\n");
    }
    match way? {
        Way::Closed => {
            print::err(&show(&Piece::Closed, look));
            Ok(())
        }
        Way::Out => {
            print::err(&farewell(saved.chat, waiting));
            Ok(())
        }
        Way::Signal(code) => {
            print::err(&farewell(saved.chat, waiting));
            Err(ChatError::Signal(code))
        }
    }
}

/// Asks what is not known yet: the name, the department, its questions.
fn ask(
    keys: &mut Keys,
    profile: &Profile,
    mut details: Details,
    departments: &[PublicDepartment],
    look: Look,
) -> Result<Details, ChatError> {
    let given = match &details.name {
        Some(name) => customer_name(name).map_err(|error| ChatError::Usage(error.to_string()))?,
        None => ask_name(keys, profile, look)?,
    };
    remember_name(profile, &given);
    details.name = Some(given);
    let department = match &details.department {
        Some(DepartmentRef::Name(name)) => Some(find(departments, name).map_err(ChatError::Usage)?),
        Some(DepartmentRef::Id(id)) => departments.iter().find(|d| d.id == *id),
        None if departments.len() > 1 => Some(choose(keys, departments, look)?),
        None => departments.first(),
    };
    let Some(department) = department else {
        return Ok(details);
    };
    details.department = Some(DepartmentRef::Id(department.id));
    for field in &department.form {
        let given = details.answer(&field.key).cloned();
        let mut initial = given.map_or_else(String::new, String::from);
        loop {
            // What was given on the command line is asked again only when it is no answer.
            let answer = if initial.is_empty() {
                keys.ask(&question(field), "").map_err(left)?
            } else {
                std::mem::take(&mut initial)
            };
            match check(field, &answer) {
                Ok(Some(value)) => break details.put(&field.key, value),
                Ok(None) => break,
                Err(why) => print::out(&system(&why, look))?,
            }
        }
    }
    Ok(details)
}

fn ask_name(keys: &mut Keys, profile: &Profile, look: Look) -> Result<SafeText, ChatError> {
    let last = last_name(profile).unwrap_or_default();
    loop {
        let answer = keys.ask("Your name: ", &last).map_err(left)?;
        match customer_name(&answer) {
            Ok(name) => return Ok(name),
            Err(error) => print::out(&system(&error.to_string(), look))?,
        }
    }
}

fn choose<'a>(
    keys: &mut Keys,
    departments: &'a [PublicDepartment],
    look: Look,
) -> Result<&'a PublicDepartment, ChatError> {
    print::out("Whom do you want to talk to?\n")?;
    for (number, department) in (1..).zip(departments) {
        let text = if department.description.is_empty() {
            format!("{number}  {}", department.name)
        } else {
            format!("{number}  {}: {}", department.name, department.description)
        };
        let plain = Look {
            ink: lines::Ink::Plain,
            ..look
        };
        print::out(&lines::item(&text, plain))?;
    }
    let default = departments.iter().position(|d| d.default).unwrap_or(0);
    let question = format!("Number or name [{}]: ", default + 1);
    loop {
        let answer = keys.ask(&question, "").map_err(left)?;
        let answer = answer.trim();
        if answer.is_empty() {
            return Ok(&departments[default]);
        }
        let listed = answer.parse::<usize>().ok();
        let listed = listed.and_then(|number| departments.get(number.checked_sub(1)?));
        match listed.map_or_else(|| find(departments, answer), Ok) {
            Ok(department) => return Ok(department),
            Err(why) => print::out(&system(&why, look))?,
        }
    }
}

/// The name that the customer gave last.
#[must_use]
pub fn last_name(profile: &Profile) -> Option<String> {
    let read = private::read(&profile.places.state().join("name")).ok()??;
    customer_name(&read).ok().map(String::from)
}

fn remember_name(profile: &Profile, name: &SafeText) {
    // Not worth failing for: it is only asked again.
    drop(private::write(
        &profile.places.state().join("name"),
        name.as_bytes(),
    ));
}

fn left(why: NoAnswer) -> ChatError {
    match why {
        NoAnswer::Interrupted => ChatError::Signal(exit::SIGINT),
        NoAnswer::Left => ChatError::Signal(exit::OK),
    }
}

struct LineMode<'a> {
    profile: &'a Profile,
    saved: &'a SavedChat,
    talk: Talk,
    typed: mpsc::Receiver<Did>,
    screen: Option<Screen>,
    look: Look,
    read: Seq,
}

impl<'a> LineMode<'a> {
    fn begin(
        runtime: &Runtime,
        profile: &'a Profile,
        saved: &'a SavedChat,
        story: Story,
        mut keys: Keys,
        look: Look,
    ) -> Result<Self, ChatError> {
        let _runtime = runtime.enter();
        let read = story.last_reply();
        let talk = Talk::begin(profile, saved, story)?;
        for text in talk.leftover() {
            print::out(&system(&format!("Sending what was kept: {text}"), look))?;
        }
        let screen = Screen::new(keys.printer());
        let typed = keys.read(talk.handle().clone(), saved.chat);
        Ok(Self {
            profile,
            saved,
            talk,
            typed,
            screen: Some(screen),
            look,
            read,
        })
    }

    async fn work(&mut self) -> Result<Way, ChatError> {
        let mut hangup = listen(SignalKind::hangup())?;
        let mut interrupt = listen(SignalKind::interrupt())?;
        let mut terminate = listen(SignalKind::terminate())?;
        loop {
            tokio::select! {
                pieces = self.talk.next() => {
                    if self.show(pieces).await? {
                        return Ok(Way::Closed);
                    }
                }
                did = self.typed.recv() => match did {
                    Some(Did::Typed(Typed::Quit) | Did::Left) | None => return Ok(Way::Out),
                    Some(Did::Interrupted) => return Ok(Way::Signal(exit::SIGINT)),
                    Some(Did::AskedToLeave) => {
                        self.tell("leave? Ctrl+C again; the chat stays open").await;
                    }
                    Some(Did::Typed(typed)) => self.perform(typed).await,
                },
                _ = hangup.recv() => return Ok(Way::Signal(SIGHUP)),
                _ = interrupt.recv() => return Ok(Way::Signal(exit::SIGINT)),
                _ = terminate.recv() => return Ok(Way::Signal(SIGTERM)),
            }
        }
    }

    /// Shows pieces; says whether the chat is over for good.
    async fn show(&mut self, pieces: Vec<Piece>) -> Result<bool, ChatError> {
        let columns = Some(print::columns());
        self.look = Look {
            columns,
            ..self.look
        };
        let mut over = false;
        for piece in pieces {
            match piece {
                // These two are the last words, after the prompt is gone.
                Piece::Stopped(why) => return Err(ChatError::Stopped(why)),
                Piece::Closed => over = true,
                piece => self.print(show(&piece, self.look)).await,
            }
        }
        let reply = self.talk.story().last_reply();
        if reply > self.read {
            self.read = reply;
            self.talk.read(reply).await?;
        }
        Ok(over)
    }

    /// What goes wrong with one line is told and ends nothing.
    async fn perform(&mut self, typed: Typed) {
        let done = match typed {
            Typed::Nothing => self.talk.retry().await.map(drop),
            Typed::Say(text) => self.talk.say(text, None).await,
            Typed::Help => {
                self.tell(&help()).await;
                Ok(())
            }
            Typed::End => self.talk.end().await,
            Typed::Rate { score, comment } => self.talk.rate(score, comment).await,
            Typed::Transcript(path) => self.transcript(path).await,
            Typed::Wrong(why) => {
                self.tell(&why).await;
                Ok(())
            }
            Typed::Paste | Typed::Quit => Ok(()),
        };
        if let Err(error) = done {
            self.tell(&error.to_string()).await;
        }
    }

    async fn transcript(&self, path: Option<std::path::PathBuf>) -> Result<(), ChatError> {
        let http = http_of(self.profile, self.saved)?;
        let messages = history(&http, self.saved.chat).await?;
        let text = transcript(self.saved.chat, messages, Form::Text)?;
        match path {
            None => self.print(lines::item(&text, self.look)).await,
            Some(path) => {
                save(&path, &text)?;
                self.tell(&format!("saved to {}", path.display())).await;
            }
        }
        Ok(())
    }

    async fn tell(&self, text: &str) {
        self.print(system(text, self.look)).await;
    }

    async fn print(&self, text: String) {
        if let Some(screen) = &self.screen {
            screen.print(text).await;
        }
    }

    async fn finish(mut self) {
        if let Some(screen) = self.screen.take() {
            screen.finish().await;
        }
        self.talk.close().await;
    }
}

fn listen(kind: SignalKind) -> Result<Signal, ChatError> {
    signal(kind).map_err(|source| ChatError::Io {
        what: "listen for signals".to_owned(),
        source,
    })
}
