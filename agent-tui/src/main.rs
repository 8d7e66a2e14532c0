//! The agent console: reads the command line, takes the terminal, runs, gives it back, and says
//! in one line why it ended if that was not the person's wish.

use std::{
    fmt,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use agent_tui::{
    args::Args,
    cache::Cache,
    config::{Config, ConfigError, EscHold, Options},
    drafts::Drafts,
    files::expanded,
    model::Settings,
    notify::{Means, Notifier},
    plain::Plain,
    runtime::{Console, Left},
    term::{
        Answers, Hangup, Line, Modes, PROBE_MAX, SLOW_ESC, TermSignal, TerminalGuard, Tty,
        install_panic_hook, listen, probe,
    },
    theme::{Theme, Tone},
};
use clap::{CommandFactory, Parser};
use clap_complete::{
    CompleteEnv,
    engine::{ArgValueCandidates, CompletionCandidate},
};
use jiff::tz::TimeZone;
use shared::{
    client::{
        error::ClientError,
        outbox::{Outbox, OutboxError},
        profile::{Flags, Profile, context_names},
    },
    error::exit,
    text::SafeText,
};

/// Why the console ended, with its exit code.
struct Failure {
    why: String,
    code: u8,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self {
            why: error.to_string(),
            code: error.exit_code(),
        }
    }
}

impl From<OutboxError> for Failure {
    fn from(error: OutboxError) -> Self {
        Self {
            why: error.to_string(),
            code: error.exit_code(),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self {
            why: error.to_string(),
            code: exit::USAGE,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self {
            why: error.to_string(),
            code: exit::FAILURE,
        }
    }
}

fn main() -> ExitCode {
    CompleteEnv::with_factory(completed)
        .var("FRONTDESK_COMPLETE")
        .complete();
    match run(Args::parse()) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            // There is nobody else to tell when even this fails.
            drop(writeln!(io::stderr().lock(), "{}", error_line(&failure)));
            ExitCode::from(failure.code)
        }
    }
}

/// The command line as a shell completes it; `frontdesk-admin completion` makes one ask.
fn completed() -> clap::Command {
    let contexts = || context_names().into_iter().map(CompletionCandidate::new);
    let contexts = ArgValueCandidates::new(move || contexts().collect());
    Args::command().mut_arg("context", |arg| arg.add(contexts))
}

/// Why it ended, in one line: some of it may be a hub's words.
fn error_line(failure: &Failure) -> SafeText {
    SafeText::line(&format!("error: {failure}"))
}

/// 128 and the number of the signal, as a shell says it.
fn signal_code(signal: TermSignal) -> u8 {
    match signal {
        TermSignal::Interrupt => 130,
        TermSignal::Quit => 131,
        TermSignal::Terminate | TermSignal::Suspend | TermSignal::Resume => 143,
    }
}

/// Runs to the end; gives the exit code.
fn run(args: Args) -> Result<u8, Failure> {
    let flags = Flags {
        hub: args.hub.clone(),
        context: args.context.clone(),
        ca: None,
        config: args.config.clone(),
    };
    let profile = Profile::load(&flags).map_err(ClientError::from)?;
    let Config { options, keymap } =
        Config::resolve(&args, |name| std::env::var(name).ok(), &profile)?;
    if options.plain.unwrap_or_default() && !args.wall {
        return run_plain(&options, profile);
    }
    if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        return Err(Failure {
            why: "this terminal (TERM=dumb) cannot show the screens; use frontdesk-agent --plain"
                .to_owned(),
            code: exit::USAGE,
        });
    }
    let token = profile.token_source()?;
    let outbox = if args.wall {
        Outbox::in_memory()
    } else {
        profile.outbox()?
    };
    let drafts = drafts(&options, &profile);
    let cache = cache(&args, &options, &profile, &drafts)?;
    let saved = drafts.clone();
    // The terminal is gone then: a draft that cannot be saved can be shown to nobody.
    let hangup = Hangup::new(move || drop(saved.flush()));
    let panicked = hangup.clone();
    let report = profile.places.state().join("console-panic.log");
    install_panic_hook(Some(report), move || panicked.exit_after_panic());
    let (_signals, signals) = listen(hangup.clone())?;
    let mut guard = TerminalGuard::raw()?;
    let tone = wanted_tone(&options);
    let far = std::env::var_os("SSH_CONNECTION").is_some();
    let answers = probe(&mut Tty, tone.is_none() && !far, PROBE_MAX)?;
    let modes = Modes {
        mouse: options.mouse.unwrap_or_default(),
        kitty: answers.kitty,
        synchronized: answers.synchronized,
    };
    guard.enter(modes)?;
    let light = answers.is_light().unwrap_or(false);
    let tone = tone.unwrap_or(if light { Tone::Light } else { Tone::Dark });
    let context = profile.context.clone();
    let ascii = options.ascii.unwrap_or_default();
    let console = Console {
        keymap,
        debug_keys: args.debug_keys,
        settings: Settings {
            context: context.unwrap_or_else(|| profile.hub.to_string()),
            ascii,
            wall: args.wall,
            plain: false,
            opens_links: !far && has_browser(),
            zone: TimeZone::system(),
            seed: seed()?,
            kitty: answers.kitty,
            notify_body: options.notify_body.unwrap_or_default(),
        },
        theme: Theme::new(tone, ascii),
        fresh: options.fresh.unwrap_or_default(),
        cache,
        synchronized: answers.synchronized,
        far,
        line: line(&options, &answers, far),
        notifier: Notifier::new(options.notify.unwrap_or_default(), |name| {
            std::env::var_os(name)
        }),
        profile,
        token,
        outbox,
        drafts,
        downloads: downloads(&options),
    };
    match runtime()?.block_on(console.run(guard, hangup, signals))? {
        Left::Quit => Ok(exit::OK),
        Left::Signal(signal) => Ok(signal_code(signal)),
    }
}

/// The console in lines, which leaves the terminal as it is.
fn run_plain(options: &Options, profile: Profile) -> Result<u8, Failure> {
    let far = std::env::var_os("SSH_CONNECTION").is_some();
    let context = profile.context.clone();
    let plain = Plain {
        token: profile.token_source()?,
        outbox: profile.outbox()?,
        drafts: drafts(options, &profile),
        downloads: downloads(options),
        settings: Settings {
            context: context.unwrap_or_else(|| profile.hub.to_string()),
            ascii: false,
            wall: false,
            plain: true,
            opens_links: !far && has_browser(),
            zone: TimeZone::system(),
            seed: seed()?,
            kitty: false,
            notify_body: false,
        },
        bell: options.notify == Some(Means::Bell),
        profile,
    };
    let ending = runtime()?.block_on(plain.run())?;
    match ending.why {
        Some(why) if ending.code != exit::OK => Err(Failure {
            why,
            code: ending.code,
        }),
        why => {
            if let Some(why) = why {
                // There is nobody else to tell when even this fails.
                drop(writeln!(io::stderr().lock(), "{why}"));
            }
            Ok(ending.code)
        }
    }
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
}

/// What the person asked for, which comes before `NO_COLOR` (no-color.org); none leaves it to the
/// terminal's answer.
fn wanted_tone(options: &Options) -> Option<Tone> {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    options.theme.or(no_color.then_some(Tone::None))
}

/// Where drafts are kept, if they are.
fn drafts(options: &Options, profile: &Profile) -> Drafts {
    let drafts = Drafts::new(&profile.places.drafts(), profile.credentials.key());
    drafts.kept_if(options.drafts.unwrap_or(true))
}

/// Where files are saved when nobody says.
fn downloads(options: &Options) -> PathBuf {
    let wanted = options.downloads.as_deref().and_then(Path::to_str);
    expanded(wanted.unwrap_or("."))
}

/// Where the desk is kept for the next start; without a login of its own nowhere.
fn cache(
    args: &Args,
    options: &Options,
    profile: &Profile,
    drafts: &Drafts,
) -> Result<Option<Cache>, Failure> {
    let wanted = options.cache.unwrap_or(true);
    let login = match profile.token {
        Some(_) => None,
        None => profile.credentials.load().map_err(ClientError::from)?,
    };
    let cache = login.map(|login| Cache::new(drafts.folder(), &login.user));
    if let (false, Some(cache)) = (wanted, &cache) {
        cache.remove();
    }
    // A wall watches: it has no view of its own to keep.
    Ok(cache.filter(|_| wanted && !args.wall))
}

/// Whether a link can be opened on this machine.
fn has_browser() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    ["BROWSER", "WAYLAND_DISPLAY", "DISPLAY"]
        .into_iter()
        .any(set)
}

/// What arrives from this terminal, and how.
fn line(options: &Options, answers: &Answers, far: bool) -> Line {
    let asked = options.esc_ms.map(EscHold::duration);
    // Kitty's keys have an Esc of their own. Who does not answer in time may be far away too.
    let slow = !answers.kitty && (far || !answers.complete);
    Line {
        esc_hold: asked.unwrap_or(if slow { SLOW_ESC } else { Duration::ZERO }),
        // tmux marks pastes itself and those of the terminal around it, but is never asked.
        brackets: answers.brackets || std::env::var_os("TMUX").is_some(),
        late: !answers.complete,
        unfinished: answers.unfinished,
    }
}

fn seed() -> io::Result<u64> {
    getrandom::u64().map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use shared::text::{HOSTILE, SafeText};

    use super::{Failure, error_line};

    #[test]
    fn what_a_hub_said_last_is_one_clean_line() {
        for text in HOSTILE {
            let why = format!("the hub's answer makes no sense: {text}");
            let line = error_line(&Failure { why, code: 1 });
            assert!(!line.contains(char::is_control), "{line:?}");
            assert_eq!(SafeText::block(&line), line);
        }
    }
}
