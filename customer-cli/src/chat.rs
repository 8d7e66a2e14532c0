//! The line mode: a chat on the normal screen, with scrollback and copying as ever.
//!
//! First the questions, which are in `questions`; then one loop over what the customer types, what
//! the hub tells and signals. How things look is in `lines`.

use std::path::{Path, PathBuf};

use shared::{
    api::ChatAnswer,
    client::{profile::Profile, save::Place},
    error::exit,
    id::{AttachmentId, CommandId, Seq},
    model::{Chat, ChatState},
    text::SafeText,
};
use tokio::{runtime::Runtime, signal::unix::SignalKind, sync::mpsc};

use crate::{
    account::{Access, Customer},
    args::Form,
    commands::{Typed, help},
    error::{ChatError, SIGTERM},
    files,
    input::{Did, Keys},
    keep::left as left_chat,
    lines::{self, Look, show, system},
    opening::{self, now},
    pipe::Start,
    print::{self, Screen, TerminalGuard},
    questions::{self, Questions, listen},
    save::save,
    story::{Piece, Story},
    talk::{Talk, departments, farewell, whole},
    transcript::transcript,
};

/// Words about files that may wait to be told.
const NEWS_MAX: usize = 16;

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
        runtime.block_on(questions::tell_notice(profile, customer, look))?;
    }
    let keys = Keys::new().map_err(|error| ChatError::Io {
        what: "read the keyboard".to_owned(),
        source: std::io::Error::other(error),
    })?;
    let (keys, access, story, pieces) = match start {
        Start::New(details) => {
            let departments = runtime.block_on(departments(&customer.http));
            let questions = Questions {
                profile: profile.clone(),
                has_account: customer.login.is_some(),
                details,
                departments: departments.map_err(|error| customer.failed(error))?,
                look,
            };
            let (keys, details) = runtime.block_on(questions.answered(keys))?;
            let open = opening::open(profile, customer, details, None, None);
            let opened = runtime.block_on(open)?;
            let mut story = Story::new(opened.chat.id);
            let place = story.meet(&opened.chat);
            (keys, opened.access, story, Vec::from_iter(place))
        }
        Start::Resume(access) => {
            let mut story = Story::new(access.chat);
            let past = runtime.block_on(whole(profile, &access))?;
            let pieces = past.into_iter().filter_map(|message| story.past(message));
            let mut pieces: Vec<Piece> = pieces.collect();
            let chat = runtime.block_on(chat_of(profile, &access))?;
            // Of people the records tell, what they have read too.
            if chat.state == ChatState::Assistant {
                pieces.extend(story.meet(&chat));
            }
            if chat.state == ChatState::Closed {
                pieces.push(Piece::Closed);
                for piece in &pieces {
                    print::out(&show(piece, look))?;
                }
                return Ok(());
            }
            (keys, access, story, pieces)
        }
    };
    let chat = access.chat;
    let opened = format!("Chat {}. Write and press Enter.", chat);
    print::out(&system(&opened, look))?;
    for piece in &pieces {
        print::out(&show(piece, look))?;
    }
    if story.state() == Some(ChatState::Assistant) && story.shown() > Seq(0) {
        print::out(&system(&lines::human(&story), look))?;
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

struct LineMode<'a> {
    profile: &'a Profile,
    access: &'a Access,
    talk: Talk,
    typed: mpsc::Receiver<Did>,
    screen: Option<Screen>,
    /// How files went that were sent or saved meanwhile.
    news: (mpsc::Sender<String>, mpsc::Receiver<String>),
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
        let screen = Screen::new(keys.printer(), keys.prompted());
        let typed = keys.read(talk.handle().clone(), access.chat);
        Ok(Self {
            profile,
            access,
            talk,
            typed,
            screen: Some(screen),
            news: mpsc::channel(NEWS_MAX),
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
                Some(news) = self.news.1.recv() => self.tell(&news).await,
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
                self.tell(&help(print::columns())).await;
                Ok(())
            }
            Typed::End => self.talk.end().await,
            Typed::Rate { .. } if self.goes_on() => {
                self.tell("end the chat first, with /end").await;
                Ok(())
            }
            Typed::Rate { score, comment } => self.talk.rate(score, comment).await,
            Typed::Transcript(path) => self.transcript(path).await,
            Typed::Human => self.human().await,
            Typed::Language(tag) => self.language(tag).await,
            Typed::File(path, caption) => self.send_file(&path, caption).await,
            Typed::Save(id, path) => self.save_file(id, path).await,
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

    /// Asks for a person where the assistant answers; else says who does.
    async fn human(&mut self) -> Result<(), ChatError> {
        if self.talk.story().state() == Some(ChatState::Assistant) {
            self.talk.request_human().await?;
            // What the hub says next tells who takes over, or the place in the queue.
            self.tell("Asking for a person").await;
        } else {
            self.tell(&lines::human(self.talk.story())).await;
        }
        Ok(())
    }

    /// Whether the chat is known to be one that has not ended.
    fn goes_on(&self) -> bool {
        let state = self.talk.story().state();
        state.is_some_and(|state| !matches!(state, ChatState::Resolved | ChatState::Closed))
    }

    async fn transcript(&self, path: Option<PathBuf>) -> Result<(), ChatError> {
        let messages = whole(self.profile, self.access).await?;
        let form = path.as_deref().map_or(Form::Text, Form::of);
        let text = transcript(self.access.chat, messages, form)?;
        match path {
            None => self.print(lines::item(&text, self.look)).await,
            Some(path) => {
                save(&path, &text)?;
                self.tell(&format!("saved to {}", path.display())).await;
            }
        }
        Ok(())
    }

    /// Sends a file while the chat goes on.
    async fn send_file(&self, path: &Path, caption: SafeText) -> Result<(), ChatError> {
        let file = files::pick(path)?;
        self.tell(&files::on_its_way(&file)).await;
        let (profile, access) = (self.profile.clone(), self.access.clone());
        let news = self.news.0.clone();
        drop(tokio::spawn(async move {
            let key = CommandId::random();
            let sent = files::send(&profile, &access, &file, &caption, &key).await;
            if let Err(error) = sent {
                let name = file.name;
                // Nobody listens any more when the chat was left.
                drop(news.send(format!("{name} is not sent: {error}")).await);
            }
        }));
        Ok(())
    }

    /// Saves a file while the chat goes on.
    async fn save_file(
        &self,
        id: Option<AttachmentId>,
        path: Option<PathBuf>,
    ) -> Result<(), ChatError> {
        let Some(file) = self.talk.story().file(id).cloned() else {
            let what = id.map_or_else(
                || "no file has come yet".to_owned(),
                |id| format!("there is no file {id} here"),
            );
            return Err(ChatError::Usage(what));
        };
        let place = Place::of(path.as_deref().unwrap_or(Path::new(".")));
        let (profile, access) = (self.profile.clone(), self.access.clone());
        let news = self.news.0.clone();
        drop(tokio::spawn(async move {
            let told = match files::get(&profile, &access, &file, &place).await {
                Ok(path) => format!("saved to {}", path.display()),
                Err(error) => error.to_string(),
            };
            drop(news.send(told).await);
        }));
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
