//! The way to the hub, for every loop of the console: does what an effect asks of it, and brings
//! back as messages what comes of that. Waits for the disk, never for the hub.

use std::path::PathBuf;

use shared::client::{http::Http, socket::SocketHandle};
use tokio::sync::mpsc;

use crate::{
    files,
    keep::ask,
    msg::{Effect, Msg},
};

/// What reaches the hub.
#[derive(Debug)]
pub(crate) struct Reach {
    pub(crate) socket: SocketHandle,
    pub(crate) http: Http,
    /// Where tasks that wait tell what came of it.
    pub(crate) told: mpsc::Sender<Msg>,
    /// Where files are saved when nobody says.
    pub(crate) downloads: PathBuf,
}

impl Reach {
    /// Does what `effect` asks of the hub; gives back one that asks for something else.
    pub(crate) async fn perform(&self, effect: Effect) -> Option<Effect> {
        match effect {
            Effect::Do { cid, command } => {
                if let Err(error) = self.socket.send(cid.clone(), command).await {
                    let why = error.to_string();
                    self.report(Msg::Refused { cid, why });
                }
            }
            Effect::Discard { cid } => {
                if let Err(error) = self.socket.outbox().discard(&cid) {
                    self.tell(error.to_string(), true);
                }
            }
            Effect::Fetch {
                id,
                chat,
                before,
                after,
                limit,
            } => {
                if let Err(error) = self.socket.fetch(id, chat, before, after, limit) {
                    self.tell(error.to_string(), true);
                }
            }
            Effect::Past { .. }
            | Effect::Hours { .. }
            | Effect::Search(_)
            | Effect::LookUp(_)
            | Effect::Assist { .. } => {
                ask(&self.http, &self.told, effect);
            }
            Effect::SendFile(_) | Effect::SaveFile { .. } | Effect::Paths(_) => {
                files::begin(&self.http, &self.told, &self.downloads, effect);
            }
            Effect::Typing { chat, on } => self.socket.typing(chat, on, None),
            Effect::View(chat) => {
                if let Err(error) = self.socket.view(chat) {
                    self.tell(error.to_string(), true);
                }
            }
            Effect::RetryNow => self.socket.retry_now(),
            Effect::Measure => self.socket.measure(),
            other => return Some(other),
        }
        None
    }

    /// Comes back as a message; lost only when so many wait that one more says nothing new.
    pub(crate) fn report(&self, msg: Msg) {
        drop(self.told.try_send(msg));
    }

    /// The same for a line to the person.
    pub(crate) fn tell(&self, text: String, error: bool) {
        self.report(Msg::Told { text, error });
    }
}
