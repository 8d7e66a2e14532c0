//! From the command line to what is done, and from how that ended to the exit code.

use std::{ffi::OsString, process::ExitCode};

use clap::{CommandFactory, Parser};
use clap_complete::{
    CompleteEnv,
    engine::{ArgValueCandidates, CompletionCandidate},
};
use shared::{
    canned::tag_of_locale,
    client::{
        error::ClientError,
        http::Http,
        profile::{Flags, Profile, context_names},
    },
    command::DepartmentRef,
    error::exit,
    text::{SafeText, customer_name},
};
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::SignalKind,
};

use crate::{
    account::{self, Access, Customer},
    args::{Cli, Form, OpenArgs, Verb, has_password},
    chat,
    error::{ChatError, SIGTERM},
    form::{Details, find},
    history, json,
    keep::prune,
    notice,
    opening::now,
    pipe::{self, Start},
    print,
    questions::{last_name, listen},
    talk::{departments, whole},
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
    let args: Vec<OsString> = std::env::args_os().collect();
    if has_password(&args) {
        let why = "--password is refused: everyone on this machine can read arguments; give \
                   --password-stdin or --password-file FILE, or answer the prompt";
        let error = ChatError::Usage(why.to_owned());
        print::error(&error);
        return ExitCode::from(error.exit_code());
    }
    let cli = match Cli::try_parse_from(args) {
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
        config: cli.hub.config.clone(),
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
    // A file that is not as it should be is told of by whoever needs it.
    drop(prune(&profile, now()));
    let start = match &cli.command {
        None => None,
        Some(Verb::Resume { chat }) => Some(*chat),
        Some(verb) => {
            let ended = runtime.block_on(until_signal(other(&profile, cli, verb)));
            // A read from the terminal that nobody waits for any more must not hold us up.
            runtime.shutdown_background();
            return ended;
        }
    };
    let customer = Customer::find(&profile, cli.hub.anonymous)?;
    let start = match start {
        None => with_default(Start::New(details(&cli.open)), &profile),
        Some(chat) => {
            let found = until_signal(history::find(&profile, &customer, chat));
            Start::Resume(runtime.block_on(found)?)
        }
    };
    talk(&runtime, &profile, &customer, start, cli)
}

/// Everything but talking.
async fn other(profile: &Profile, cli: &Cli, verb: &Verb) -> Result<(), ChatError> {
    let json = cli.talk.json;
    let customer = || Customer::find(profile, cli.hub.anonymous);
    match verb {
        Verb::Resume { .. } => Ok(()),
        Verb::List => history::list(profile, &customer()?, json).await,
        Verb::Transcript { chat, output } => {
            let access = history::find(profile, &customer()?, Some(*chat)).await?;
            print_transcript(profile, &access, *output).await
        }
        Verb::Export { file } => history::export(&customer()?, file.as_deref()).await,
        Verb::Register(args) => {
            notice_beside(profile, &customer()?.http).await;
            account::register(profile, args).await
        }
        Verb::Login {
            username,
            password,
            totp_file,
        } => account::login(profile, username.as_deref(), password, totp_file.as_deref()).await,
        Verb::Logout => account::logout(profile).await,
        Verb::Whoami => account::whoami(profile, json).await,
        Verb::Passwd {
            old_password_file,
            password,
        } => account::passwd(profile, old_password_file.as_deref(), password).await,
    }
}

/// Does the work unless a signal ends it; what the work holds is dropped then.
async fn until_signal<T>(work: impl Future<Output = Result<T, ChatError>>) -> Result<T, ChatError> {
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    tokio::select! {
        done = work => done,
        _ = interrupt.recv() => Err(ChatError::Signal(exit::SIGINT)),
        _ = terminate.recv() => Err(ChatError::Signal(SIGTERM)),
    }
}

fn talk(
    runtime: &Runtime,
    profile: &Profile,
    customer: &Customer,
    start: Start,
    cli: &Cli,
) -> Result<(), ChatError> {
    let talk = &cli.talk;
    let automatic = talk.is_one_shot() || talk.json || talk.json_in;
    if print::is_interactive() && !automatic {
        let look = print::look(|name| std::env::var(name).ok());
        return chat::run(runtime, profile, customer, start, look);
    }
    runtime.block_on(async {
        if let Start::New(_) = start {
            notice_beside(profile, &customer.http).await;
        }
        let start = complete(profile, customer, start).await?;
        pipe::run(profile, customer, start, talk).await
    })
}

fn details(open: &OpenArgs) -> Details {
    let line = |text: &Option<String>| text.as_deref().map(SafeText::line);
    Details {
        name: line(&open.name),
        email: line(&open.email),
        phone: line(&open.phone),
        department: line(&open.department).map(DepartmentRef::Name),
        language: open.language.clone().or_else(|| locale_language(variable)),
        fields: open.fields.iter().cloned().collect(),
        human: open.human,
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The language of the locale; `environment` reads a variable.
fn locale_language(environment: impl Fn(&str) -> Option<String>) -> Option<SafeText> {
    let value = |name: &str| environment(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .find_map(value)?;
    Some(SafeText::line(&tag_of_locale(&locale)?))
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

/// The notice of a desk where it does not mix with the result, and only where a person sees it.
async fn notice_beside(profile: &Profile, http: &Http) {
    if !print::is_terminal_err() {
        return;
    }
    let desk = notice::desk(http).await;
    if let Some(notice) = desk.as_ref().and_then(|desk| notice::unread(profile, desk)) {
        print::err(&notice::in_one_line(notice));
        notice::remember(profile, notice);
    }
}

/// What nobody can be asked for in a pipe.
async fn complete(
    profile: &Profile,
    customer: &Customer,
    start: Start,
) -> Result<Start, ChatError> {
    let mut details = match start {
        Start::New(details) => details,
        resume @ Start::Resume(_) => return Ok(resume),
    };
    // An account has its own name.
    if details.name.is_none() && customer.login.is_none() {
        let user = std::env::var("USER").ok();
        let known = last_name(profile).or(user);
        let name = known.and_then(|name| customer_name(&name).ok());
        details.name = Some(name.unwrap_or_else(|| SafeText::line(NAMELESS)));
    }
    if let Some(DepartmentRef::Name(name)) = &details.department {
        match departments(&customer.http).await {
            Ok(departments) => {
                let found = find(&departments, name).map_err(ChatError::NoDepartment)?;
                details.department = Some(DepartmentRef::Name(found.name.clone()));
            }
            // Opening the chat will fail too, and keeps what there is to say.
            Err(ClientError::Unreachable { .. } | ClientError::Timeout { .. }) => {}
            Err(error) => return Err(customer.failed(error)),
        }
    }
    Ok(Start::New(details))
}

async fn print_transcript(profile: &Profile, access: &Access, form: Form) -> Result<(), ChatError> {
    let messages = whole(profile, access).await?;
    print::out(&transcript(access.chat, messages, form)?)
}

#[cfg(test)]
mod tests {
    use super::locale_language;

    #[test]
    fn the_locale_says_the_language() {
        let language = |variables: &[(&str, &str)]| {
            let found = locale_language(|name| {
                let known = variables.iter().find(|(known, _)| *known == name);
                known.map(|(_, value)| (*value).to_owned())
            });
            found.map(String::from)
        };
        let is = |tag: &str| Some(tag.to_owned());
        assert_eq!(language(&[("LANG", "pt_BR.UTF-8")]), is("pt-BR"));
        let both = [("LC_ALL", "de_AT@euro"), ("LANG", "pt_BR.UTF-8")];
        assert_eq!(language(&both), is("de-AT"));
        assert_eq!(language(&[("LC_ALL", ""), ("LANG", "fr")]), is("fr"));
        for none in ["C", "POSIX", "C.UTF-8", ""] {
            assert_eq!(language(&[("LANG", none)]), None, "{none}");
        }
        assert_eq!(language(&[]), None);
    }
}
