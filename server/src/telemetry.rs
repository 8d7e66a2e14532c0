//! Logs: for people on a terminal, JSON otherwise. User text goes into fields, never into the
//! message, and no body, token or password is ever logged.

use std::{
    io::{self, IsTerminal as _},
    panic::{self, PanicHookInfo},
};

use shared::text::SafeText;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// Libraries that write what goes through them, which is what people say: never as loud as that,
/// whatever the filter asks for.
const QUIET: [&str; 4] = [
    "tungstenite=info",
    "tokio_tungstenite=info",
    "hyper=debug",
    "rustls=debug",
];

/// Starts logging to standard error. A second call changes nothing.
///
/// # Errors
/// The text of the filter that makes no sense.
pub fn start(config: &Config) -> Result<(), String> {
    let filter = EnvFilter::try_new(&config.log)
        .map_err(|error| format!("log filter {:?} is wrong: {error}", config.log))?;
    let filter = QUIET.iter().fold(filter, |filter, directive| {
        filter.add_directive(directive.parse().expect("a directive of ours is one"))
    });
    let terminal = io::stderr().is_terminal();
    let format = config.log_format.unwrap_or(if terminal {
        LogFormat::Pretty
    } else {
        LogFormat::Json
    });
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    let started = match format {
        LogFormat::Pretty => lines
            .with_ansi(terminal && std::env::var_os("NO_COLOR").is_none())
            .with_target(false)
            .try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    match started {
        Ok(()) => panic::set_hook(Box::new(log_panic)),
        Err(_) => tracing::debug!("logging was started before"),
    }
    Ok(())
}

/// Panics are defects, and lines of the log like any other: one each, without a backtrace.
fn log_panic(info: &PanicHookInfo<'_>) {
    let payload = info.payload();
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let said = text.or_else(|| payload.downcast_ref::<&str>().copied());
    let said = said.unwrap_or("nothing");
    let at = info.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(panic = %SafeText::line(said), at, "a task panicked");
}
