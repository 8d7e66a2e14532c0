//! `frontdesk-hub demo`: a sample desk on loopback, made through the same REST routes and
//! sockets that everyone uses, and a few simulated customers who talk.
//!
//! Passwords are random, made on the first run and kept with the data; nothing here has a
//! default password. The hub listens before the first of them is hashed.

mod assistant;
mod customers;
mod desk;
pub mod kb;

use std::{
    fs,
    io::{self, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{assistant::Assistant, config::Flags};

/// Where the data of the demo lies when nobody says otherwise.
const FOLDER: &str = "frontdesk-demo";

/// A running demo.
pub struct Demo {
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// The settings of the demo: its own folder, and quiet logs.
#[must_use]
pub fn flags(flags: Flags) -> Flags {
    Flags {
        data: flags.data.or_else(|| Some(PathBuf::from(FOLDER))),
        log: flags.log.or_else(|| Some("warn".into())),
        ..flags
    }
}

/// Writes the sample knowledge base into the data folder, when the demo runs there for the first
/// time: what its user changed or took away stays so.
///
/// # Errors
/// Of the file system.
pub fn write_knowledge(data: &Path) -> io::Result<()> {
    let folder = data.join("kb");
    if data.join("desk.redb").exists() || folder.exists() {
        return Ok(());
    }
    fs::create_dir_all(&folder)?;
    for (name, text) in kb::sample() {
        fs::write(folder.join(name), text)?;
    }
    Ok(())
}

/// Makes the sample desk on the hub that listens at `address` and sets the customers talking.
#[must_use]
pub fn start(data: &Path, address: SocketAddr, assistant: Assistant) -> Demo {
    let demo = Demo {
        tasks: TaskTracker::new(),
        stop: CancellationToken::new(),
    };
    let (data, stop, tasks) = (data.to_owned(), demo.stop.clone(), demo.tasks.clone());
    demo.tasks.spawn(async move {
        let made = tokio::select! {
            made = desk::prepare(&data, address, &assistant) => made,
            () = stop.cancelled() => return,
        };
        match made {
            Ok(hub) => {
                say(&desk::commands(&data));
                customers::start(&hub, &tasks, &stop);
            }
            Err(error) => say(&format!("the sample desk could not be made: {error}")),
        }
    });
    demo
}

impl Demo {
    /// Sends the simulated customers away.
    pub fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
    }
}

fn say(text: &str) {
    let mut out = io::stdout().lock();
    if let Err(error) = writeln!(out, "{text}").and_then(|()| out.flush()) {
        tracing::debug!(%error, "nobody reads standard output");
    }
}
