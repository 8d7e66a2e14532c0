//! Files of chats: read from the disk and sent, got from the hub and saved, each in a task of its
//! own that tells how it goes. What is wanted is decided in `update`.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use shared::{
    attachment::{file_name, size},
    client::{
        error::ClientError,
        files::{self, Picked},
        http::Http,
        save::{Place, save},
    },
    id::{ChatId, CommandId},
    model::{Attachment, Visibility},
};
use tokio::{sync::mpsc, task::spawn_blocking, time::interval};

use crate::msg::{Effect, Msg};

/// How often one is told how far a file is.
const TELL_EVERY: Duration = Duration::from_secs(2);
/// Waits before a file is sent again whose fate is not known: the hub takes it once.
const AGAIN_AFTER: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];
/// Most paths that are offered to complete one.
const PATHS_MAX: usize = 200;

/// What is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A file of the disk, as it was typed.
    Path(String),
    /// A text, as a file of this name.
    Text {
        /// The name.
        name: String,
        /// The text.
        text: String,
    },
}

/// A file that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// Names it, so that it is sent once however often it is tried.
    pub cid: CommandId,
    /// Where to.
    pub chat: ChatId,
    /// What.
    pub content: Content,
    /// What to say with it.
    pub caption: String,
    /// To whom.
    pub visibility: Visibility,
}

/// Begins what `effect` asks for. `downloads` is where files go when nobody says.
pub(crate) fn begin(http: &Http, told: &mpsc::Sender<Msg>, downloads: &Path, effect: Effect) {
    let (http, told, downloads) = (http.clone(), told.clone(), downloads.to_owned());
    tokio::spawn(async move {
        let msg = match effect {
            Effect::SendFile(sending) => done(send(&http, &told, *sending).await),
            Effect::SaveFile { chat, file, to } => {
                done(keep(&http, chat, file, to, downloads).await)
            }
            Effect::Paths(typed) => {
                let wanted = typed.clone();
                let paths = spawn_blocking(move || paths(&wanted))
                    .await
                    .unwrap_or_default();
                Msg::Paths { typed, paths }
            }
            _ => return,
        };
        // The console may have ended meanwhile.
        drop(told.send(msg).await);
    });
}

fn done(outcome: Result<String, String>) -> Msg {
    let error = outcome.is_err();
    let text = outcome.unwrap_or_else(|why| why);
    let done = true;
    Msg::File { text, error, done }
}

async fn send(http: &Http, told: &mpsc::Sender<Msg>, sending: Sending) -> Result<String, String> {
    let Sending {
        cid,
        chat,
        content,
        caption,
        visibility,
    } = sending;
    let picked = match content {
        Content::Text { name, text } => Picked {
            name: file_name(&name),
            bytes: text.into_bytes().into(),
        },
        Content::Path(typed) => {
            let picked = spawn_blocking(move || files::pick(&expanded(&typed))).await;
            let picked = picked.map_err(|error| error.to_string())?;
            picked.map_err(|error| format!("not sent: {error}"))?
        }
    };
    let sent = Arc::<AtomicU64>::default();
    let mut waits = AGAIN_AFTER.into_iter();
    let posted = loop {
        let words = (caption.as_str(), visibility);
        let sending = files::send(http, chat, &picked, words, &cid, &sent);
        let answer = with_progress(sending, told, &picked, &sent).await;
        match answer {
            Ok(posted) => break posted,
            Err(error) => match waits.next().filter(|_| is_passing(&error)) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(format!("{} was not sent: {error}", picked.name)),
            },
        }
    };
    let file = posted.attachment;
    Ok(match visibility {
        Visibility::Public => format!("sent {file}"),
        Visibility::Note => format!("sent {file} to the team"),
    })
}

/// Waits for `sending` and tells now and then how far it is.
async fn with_progress<T>(
    sending: impl Future<Output = T>,
    told: &mpsc::Sender<Msg>,
    picked: &Picked,
    sent: &AtomicU64,
) -> T {
    let mut ticks = interval(TELL_EVERY);
    ticks.tick().await;
    tokio::pin!(sending);
    loop {
        tokio::select! {
            answer = &mut sending => return answer,
            _ = ticks.tick() => {
                let whole = size(picked.bytes.len() as u64);
                let gone = size(sent.load(Ordering::Relaxed));
                let text = format!("sending {}: {gone} of {whole}", picked.name);
                let (error, done) = (false, false);
                // Of no use when so much else is to be told.
                drop(told.try_send(Msg::File { text, error, done }));
            }
        }
    }
}

/// Whether the same may go well a little later.
fn is_passing(error: &ClientError) -> bool {
    match error {
        ClientError::Unreachable { .. } | ClientError::Timeout { .. } => true,
        ClientError::Api(error) => error.code.retriable(),
        _ => false,
    }
}

async fn keep(
    http: &Http,
    chat: ChatId,
    file: Attachment,
    to: String,
    downloads: PathBuf,
) -> Result<String, String> {
    let bytes = files::get(http, chat, &file)
        .await
        .map_err(|error| format!("{} was not saved: {error}", file.name))?;
    let saved = spawn_blocking(move || {
        let place = if to.is_empty() {
            Place::In(downloads)
        } else {
            Place::of(&expanded(&to))
        };
        save(&place, &file.name, &bytes)
    });
    let saved = saved.await.map_err(|error| error.to_string())?;
    let path = saved.map_err(|error| error.to_string())?;
    Ok(format!("saved {}", path.display()))
}

/// `~` is the person's home.
#[must_use]
pub fn expanded(typed: &str) -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    match (typed.strip_prefix('~'), home) {
        (Some(""), Some(home)) => home,
        (Some(rest), Some(home)) => match rest.strip_prefix('/') {
            Some(rest) => home.join(rest),
            None => PathBuf::from(typed),
        },
        _ => PathBuf::from(typed),
    }
}

/// What is on the disk and begins as `typed` does, folders with `/`; hidden only when asked for.
fn paths(typed: &str) -> Vec<String> {
    let cut = typed.rfind('/').map_or(0, |slash| slash + 1);
    let (folder, begun) = typed.split_at(cut);
    let place = if folder.is_empty() {
        PathBuf::from(".")
    } else {
        expanded(folder)
    };
    let Ok(entries) = std::fs::read_dir(place) else {
        return Vec::new();
    };
    let mut found: Vec<String> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let shown = begun.starts_with('.') || !name.starts_with('.');
            // What cannot stand in a line cannot be completed to either.
            let plain = !name.contains(char::is_control);
            (shown && plain && name.starts_with(begun)).then_some(())?;
            let slash = if entry.path().is_dir() { "/" } else { "" };
            Some(format!("{folder}{name}{slash}"))
        })
        .collect();
    found.sort();
    found.truncate(PATHS_MAX);
    found
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::paths;

    #[test]
    fn paths_are_completed_within_their_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| format!("{}/{name}", folder.path().display());
        for name in ["report.pdf", "reports.txt", ".secret", "bad\nname"] {
            fs::write(at(name), "x").expect("written");
        }
        fs::create_dir(at("receipts")).expect("made");
        let all = [at("receipts/"), at("report.pdf"), at("reports.txt")];
        assert_eq!(paths(&at("re")), all);
        assert_eq!(paths(&at("report.")), [at("report.pdf")]);
        assert_eq!(paths(&at(".")), [at(".secret")]);
        assert_eq!(paths(&at("")), all);
        assert_eq!(paths(&at("none/x")), [""; 0]);
    }
}
