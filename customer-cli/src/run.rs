//! From the command line to what is done, and from how that ended to the exit code.

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use clap_complete::{
    CompleteEnv,
    engine::{ArgValueCandidates, CompletionCandidate},
};
use shared::{
    client::{
        credentials::{Chats, SavedChat},
        error::ClientError,
        http::Http,
        profile::{Flags, Profile, context_names},
    },
    command::DepartmentRef,
    id::ChatId,
    text::{SafeText, customer_name, truncate_width},
};
use tokio::runtime::{Builder, Runtime};

use crate::{
    args::{Cli, Form, OpenArgs, Verb},
    chat::{self, last_name},
    error::ChatError,
    form::{Details, find},
    json,
    opening::now,
    pipe::{self, Start},
    print,
    talk::{departments, history, http_of},
    transcript::transcript,
};

/// The customer's name in a pipe that tells none.
const NAMELESS: &str = "Guest";

/// Does what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    CompleteEnv::with_factory(completed)
        .var("FRONTDESK_COMPLETE")
        .complete();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Also the help and the version, which go to stdout.
            drop(error.print());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if cli.talk.json && !error.is_silent() {
                let line = json::error(&error.to_string(), None, now());
                // What cannot be told on stdout is told on stderr below.
                drop(print::out(&line));
            }
            print::error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

/// The command line as a shell completes it; `frontdesk-admin completion` makes one ask.
fn completed() -> clap::Command {
    let contexts = || context_names().into_iter().map(CompletionCandidate::new);
    let contexts = ArgValueCandidates::new(move || contexts().collect());
    Cli::command().mut_arg("context", |arg| arg.add(contexts))
}

fn run(cli: &Cli) -> Result<(), ChatError> {
    let flags = Flags {
        hub: cli.hub.hub.clone(),
        context: cli.hub.context.clone(),
        ca: cli.hub.ca.clone(),
    };
    let profile = Profile::load(&flags)?;
    if cli.command.is_some() && cli.open != OpenArgs::default() {
        return Err(ChatError::Usage(
            "department, name and answers are for a new chat; leave them out".to_owned(),
        ));
    }
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| ChatError::Io {
            what: "start".to_owned(),
            source,
        })?;
    match &cli.command {
        Some(Verb::List) => list(&profile, cli.talk.json),
        Some(Verb::Transcript { chat, output }) => {
            runtime.block_on(print_transcript(&profile, *chat, *output))
        }
        Some(Verb::Resume { chat }) => {
            let saved = saved(&profile, *chat)?;
            talk(&runtime, &profile, Start::Resume(saved), cli)
        }
        None => talk(&runtime, &profile, Start::New(details(&cli.open)), cli),
    }
}

fn talk(runtime: &Runtime, profile: &Profile, start: Start, cli: &Cli) -> Result<(), ChatError> {
    let http = Http::new(&profile.hub, None, &profile.tls)?;
    let talk = &cli.talk;
    let automatic = talk.is_one_shot() || talk.json || talk.json_in;
    if print::is_interactive() && !automatic {
        let look = print::look(|name| std::env::var(name).ok());
        return chat::run(runtime, profile, &http, with_default(start, profile), look);
    }
    runtime.block_on(async {
        let start = complete(profile, &http, with_default(start, profile)).await?;
        pipe::run(profile, &http, start, talk).await
    })
}

fn details(open: &OpenArgs) -> Details {
    let line = |text: &Option<String>| text.as_deref().map(SafeText::line);
    Details {
        name: line(&open.name),
        email: line(&open.email),
        phone: line(&open.phone),
        department: line(&open.department).map(DepartmentRef::Name),
        fields: open.fields.iter().cloned().collect(),
    }
}

/// The department of the context, when none was named.
fn with_default(start: Start, profile: &Profile) -> Start {
    match start {
        Start::New(mut details) => {
            let default = profile.department.as_deref().map(SafeText::line);
            details.department = details.department.or(default.map(DepartmentRef::Name));
            Start::New(details)
        }
        resume @ Start::Resume(_) => resume,
    }
}

/// What nobody can be asked for in a pipe.
async fn complete(profile: &Profile, http: &Http, start: Start) -> Result<Start, ChatError> {
    let mut details = match start {
        Start::New(details) => details,
        resume @ Start::Resume(_) => return Ok(resume),
    };
    if details.name.is_none() {
        let user = std::env::var("USER").ok();
        let known = last_name(profile).or(user);
        let name = known.and_then(|name| customer_name(&name).ok());
        details.name = Some(name.unwrap_or_else(|| SafeText::line(NAMELESS)));
    }
    if let Some(DepartmentRef::Name(name)) = &details.department {
        match departments(http).await {
            Ok(departments) => {
                let found = find(&departments, name).map_err(ChatError::Usage)?;
                details.department = Some(DepartmentRef::Name(found.name.clone()));
            }
            // Opening the chat will fail too, and keeps what there is to say.
            Err(ClientError::Unreachable { .. } | ClientError::Timeout { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Start::New(details))
}

fn saved(profile: &Profile, chat: Option<ChatId>) -> Result<SavedChat, ChatError> {
    let found = Chats::new(&profile.places).find(&profile.hub, chat)?;
    let saved = found.ok_or_else(|| chat.map_or(ChatError::NoChat, ChatError::UnknownChat))?;
    // The last used one is what `resume` alone goes on with.
    Chats::new(&profile.places).store(&saved)?;
    Ok(saved)
}

fn list(profile: &Profile, as_json: bool) -> Result<(), ChatError> {
    let mut chats = Chats::new(&profile.places).list()?;
    chats.reverse();
    for saved in chats {
        let line = if as_json {
            let json = serde_json::json!({
                "chat": saved.chat,
                "hub": saved.hub,
                "name": SafeText::line(&saved.name),
            });
            format!("{json}\n")
        } else {
            let name = SafeText::line(&saved.name);
            let name = truncate_width(&name, 40);
            format!("{}\t{}\t{name}\n", saved.chat, saved.hub)
        };
        print::out(&line)?;
    }
    Ok(())
}

async fn print_transcript(profile: &Profile, chat: ChatId, form: Form) -> Result<(), ChatError> {
    let saved = saved(profile, Some(chat))?;
    let http = http_of(profile, &saved)?;
    let messages = history(&http, chat).await?;
    print::out(&transcript(chat, messages, form)?)
}
