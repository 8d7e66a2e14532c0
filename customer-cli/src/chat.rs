//! The line mode: a chat on the normal screen, with scrollback and copying as ever.
//!
//! First the questions, in order; then one loop over what the customer types, what the hub tells
//! and signals. How things look is in `lines`.

use shared::{
    api::{ChatAnswer, PublicDepartment},
    client::{private, profile::Profile},
    command::DepartmentRef,
    error::exit,
    id::Seq,
    model::{Chat, ChatState},
    text::{SafeText, customer_name},
};
use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};

use crate::{
    account::{Access, Customer},
    args::Form,
    commands::{Typed, help},
    error::{ChatError, SIGTERM},
    form::{Details, check, find, question},
    input::{Did, Keys, NoAnswer},
    keep::left as left_chat,
    lines::{self, Look, show, system},
    notice,
    opening::{self, now},
    pipe::Start,
    print::{self, Screen, TerminalGuard},
    save::save,
    story::{Piece, Story},
    talk::{Talk, departments, farewell, whole},
    transcript::transcript,
};

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
    customer: &Customer,
    start: Start,
    look: Look,
) -> Result<(), ChatError> {
    let guard = TerminalGuard::remember();
    let who = match &customer.login {
        Some(account) => format!(" as {}", SafeText::line(&account.username)),
        None => String::new(),
    };
    let greeting = format!(
        "Frontdesk at {}{who}. /help shows the commands.",
        profile.hub
    );
    print::out(&system(&greeting, look))?;
    if let Start::New(_) = start {
        tell_notice(runtime, profile, customer, look)?;
    }
    let mut keys = Keys::new().map_err(|error| ChatError::Io {
        what: "read the keyboard".to_owned(),
        source: std::io::Error::other(error),
    })?;
    let (access, story, pieces) = match start {
        Start::New(details) => {
            let departments = runtime.block_on(departments(&customer.http));
            let departments = departments.map_err(|error| customer.failed(error))?;
            let details = ask(&mut keys, profile, customer, details, &departments, look)?;
            let open = opening::open(profile, customer, details, None, None);
            let opened = runtime.block_on(open)?;
            let mut story = Story::new(opened.chat.id);
            let place = story.meet(&opened.chat);
            (opened.access, story, Vec::from_iter(place))
        }
        Start::Resume(access) => {
            let mut story = Story::new(access.chat);
            let past = runtime.block_on(whole(profile, &access))?;
            let pieces = past.into_iter().filter_map(|message| story.past(message));
            let mut pieces: Vec<Piece> = pieces.collect();
            let chat = runtime.block_on(chat_of(profile, &access))?;
            if chat.state == ChatState::Closed {
                pieces.push(Piece::Closed);
                for piece in &pieces {
                    print::out(&show(piece, look))?;
                }
                return Ok(());
            }
            (access, story, pieces)
        }
    };
    let chat = access.chat;
    let opened = format!("Chat {}. Write and press Enter.", chat);
    print::out(&system(&opened, look))?;
    for piece in &pieces {
        print::out(&show(piece, look))?;
    }
    let mut line_mode = LineMode::begin(runtime, profile, &access, story, keys, look)?;
    let way = runtime.block_on(line_mode.work());
    let waiting = line_mode.talk.waiting();
    runtime.block_on(line_mode.finish());
    left_chat(profile, &access.hub, chat, now());
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
            print::err(&farewell(chat, waiting));
            Ok(())
        }
        Way::Signal(code) => {
            print::err(&farewell(chat, waiting));
            Err(ChatError::Signal(code))
        }
    }
}

/// Says what the desk does with data, before anything is asked for, and only once.
fn tell_notice(
    runtime: &Runtime,
    profile: &Profile,
    customer: &Customer,
    look: Look,
) -> Result<(), ChatError> {
    let Some(desk) = runtime.block_on(notice::desk(&customer.http)) else {
        return Ok(());
    };
    if let Some(notice) = notice::unread(profile, &desk) {
        print::out(&system(&format!("Privacy notice of {}:", desk.name), look))?;
        print::out(&lines::item(notice, look))?;
        notice::remember(profile, notice);
    }
    Ok(())
}

/// Asks what is not known yet: the name, the department, its questions.
fn ask(
    keys: &mut Keys,
    profile: &Profile,
    customer: &Customer,
    mut details: Details,
    departments: &[PublicDepartment],
    look: Look,
) -> Result<Details, ChatError> {
    let given = match &details.name {
        Some(name) => {
            Some(customer_name(name).map_err(|error| ChatError::Usage(error.to_string()))?)
        }
        // An account has its own name.
        None if customer.login.is_some() => None,
        None => Some(ask_name(keys, profile, look)?),
    };
    if let Some(given) = &given {
        remember_name(profile, given);
    }
    details.name = given;
    let department = match &details.department {
        Some(DepartmentRef::Name(name)) => {
            Some(find(departments, name).map_err(ChatError::NoDepartment)?)
        }
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
    access: &'a Access,
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
        access: &'a Access,
        story: Story,
        mut keys: Keys,
        look: Look,
    ) -> Result<Self, ChatError> {
        let _runtime = runtime.enter();
        let read = story.last_reply();
        let talk = Talk::begin(profile, access, story)?;
        for text in talk.leftover() {
            print::out(&system(&format!("Sending what was kept: {text}"), look))?;
        }
        let screen = Screen::new(keys.printer());
        let typed = keys.read(talk.handle().clone(), access.chat);
        Ok(Self {
            profile,
            access,
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
                _ = hangup.recv() => return Ok(Way::Signal(exit::SIGHUP)),
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
            Typed::Human => {
                self.tell(&lines::human(self.talk.story())).await;
                Ok(())
            }
            Typed::Language(tag) => self.language(tag).await,
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
        let messages = whole(self.profile, self.access).await?;
        let text = transcript(self.access.chat, messages, Form::Text)?;
        match path {
            None => self.print(lines::item(&text, self.look)).await,
            Some(path) => {
                save(&path, &text)?;
                self.tell(&format!("saved to {}", path.display())).await;
            }
        }
        Ok(())
    }

    async fn language(&mut self, tag: Option<String>) -> Result<(), ChatError> {
        let told = match tag {
            None => "say it with a tag, like: /lang pt-BR".to_owned(),
            Some(tag) => format!("language {}", self.talk.language(&tag).await?),
        };
        let means = "saved replies of the staff come in it where they have it; this program \
                     itself speaks English";
        self.tell(&format!("{told}; {means}")).await;
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

async fn chat_of(profile: &Profile, access: &Access) -> Result<Chat, ChatError> {
    let http = access.http(profile)?;
    let answer = http.get(&format!("/api/chats/{}", access.chat)).await;
    let answer: ChatAnswer = answer.map_err(|error| access.failed(error))?;
    Ok(answer.chat)
}

/// Listens for a signal.
///
/// # Errors
/// [`ChatError::Io`] when the system does not let it.
pub fn listen(kind: SignalKind) -> Result<Signal, ChatError> {
    signal(kind).map_err(|source| ChatError::Io {
        what: "listen for signals".to_owned(),
        source,
    })
}
