//! Logs: for people on a terminal, JSON otherwise. User text goes into fields, never into the
//! message, and no body, token or password is ever logged.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// Starts logging to standard error. A second call changes nothing.
///
/// # Errors
/// The text of the filter that makes no sense.
pub fn start(config: &Config) -> Result<(), String> {
    let filter = EnvFilter::try_new(&config.log)
        .map_err(|error| format!("log filter {:?} is wrong: {error}", config.log))?;
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
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
    Ok(())
}
