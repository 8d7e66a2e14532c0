//! Commands that a program promised to send, on disk until the hub has them.
//!
//! A file of lines that is only appended to, replaced whole now and then, and locked by one
//! program. It survives that program's end at any byte. Sending is not done here.

use std::{
    collections::{BTreeSet, VecDeque},
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use serde::{Deserialize, Serialize};

use crate::{
    client::private::{self, PrivateError},
    command::Command,
    error::{ErrorCode, exit},
    id::CommandId,
    machine,
    time::Timestamp,
};

/// Most commands that may wait.
pub const PENDING_MAX: usize = 1_000;
/// Most failed commands that are kept to be shown; older ones are forgotten.
pub const FAILURES_MAX: usize = 100;
/// Most programs of one profile that can run at once.
const PROGRAMS_MAX: u32 = 32;
/// A file is not replaced before it has this many bytes.
const COMPACT_BYTES_MIN: u64 = 256 * 1024;

/// A command that waits to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Names it on every try.
    pub cid: CommandId,
    /// What to do.
    pub command: Command,
    /// When the user asked for it.
    pub at: Timestamp,
}

/// A command that the hub will never do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What was asked for.
    #[serde(flatten)]
    pub entry: Entry,
    /// Why not, for programs.
    pub code: ErrorCode,
    /// Why not, for people.
    pub reason: String,
}

/// Why a command was not taken into the outbox, or an outbox not opened.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// Another program has it open.
    #[error("another program uses the outbox {}; end it first", .0.display())]
    Locked(PathBuf),
    /// All outboxes of this profile are in use.
    #[error("{PROGRAMS_MAX} programs of {0:?} run already; end one first")]
    TooManyPrograms(String),
    /// Too much waits already.
    #[error("{PENDING_MAX} messages wait to be sent; reconnect before you write more")]
    Full,
    /// The id names another command that waits.
    #[error("cid {0} is taken by another command; make a new one")]
    CidTaken(CommandId),
    /// A line in the middle of the file is illegible.
    #[error("line {line} of the outbox {} is damaged; move the file away to go on", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
    /// The file could not be used.
    #[error("{0}")]
    File(#[from] PrivateError),
    /// A command of the hub's own, which nobody can send.
    #[error("this command cannot be sent: {0}")]
    Unsendable(#[from] serde_json::Error),
}

impl OutboxError {
    /// The exit code of a program that ends because of this.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Locked(_) | Self::TooManyPrograms(_) | Self::CidTaken(_) => {
                ErrorCode::Conflict.exit_code()
            }
            Self::File(PrivateError::Wide { .. } | PrivateError::Foreign { .. }) => exit::USAGE,
            Self::Full | Self::Damaged { .. } | Self::File(_) | Self::Unsendable(_) => {
                exit::FAILURE
            }
        }
    }
}

/// The commands of one program that wait. Clones are the same outbox.
#[derive(Clone, Debug)]
pub struct Outbox {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    slot: CommandId,
    pending: VecDeque<Entry>,
    failures: VecDeque<Failure>,
    journal: Option<Journal>,
}

/// One line of the file.
#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Line {
    /// The first line: which instance of the program this is.
    Slot { slot: CommandId },
    /// A command waits.
    Put(Entry),
    /// A command was done.
    Done { cid: CommandId },
    /// A command will never be done.
    Failed {
        cid: CommandId,
        code: ErrorCode,
        reason: String,
    },
    /// A failure was seen and is forgotten.
    Discard { cid: CommandId },
}

impl Outbox {
    /// An outbox that ends with its program, for pipes and tests.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::new(State::new(CommandId::random()))
    }

    /// Opens an outbox, made if need be. What waited before is pending again.
    ///
    /// # Errors
    /// [`OutboxError::Locked`] when another program has it; [`OutboxError::Damaged`];
    /// [`OutboxError::File`] when it is not private or cannot be read or written.
    pub fn open(path: &Path) -> Result<Self, OutboxError> {
        private::create_folder(private::parent(path))?;
        let lock = private::try_lock(path)?.ok_or_else(|| OutboxError::Locked(path.to_owned()))?;
        let mut file = private::open_append(path)?;
        let failed = |source| PrivateError::Io {
            path: path.to_owned(),
            source,
        };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        let whole = bytes
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        let mut state = State::read(&bytes[..whole], path)?;
        // What follows the last newline is a write that never ended, and was never promised.
        file.set_len(whole as u64).map_err(failed)?;
        let mut journal = Journal {
            path: path.to_owned(),
            file,
            bytes: whole as u64,
            compacted_bytes: 0,
            _lock: lock,
        };
        if whole == 0 {
            let slot = state.slot.clone();
            journal.append(&[Line::Slot { slot }], Durability::Synced)?;
            File::open(private::parent(path))
                .and_then(|folder| folder.sync_all())
                .map_err(failed)?;
        }
        state.journal = Some(journal);
        Ok(Self::new(state))
    }

    /// Opens an outbox of `profile` in `folder` that no other program has: one with something to
    /// send before an empty one.
    ///
    /// # Errors
    /// As [`Outbox::open`], and [`OutboxError::TooManyPrograms`].
    pub fn open_free(folder: &Path, profile: &str) -> Result<Self, OutboxError> {
        let mut empty = None;
        let paths = (1..=PROGRAMS_MAX)
            .map(|number| folder.join(format!("{}-{number}.ndjson", file_name(profile))));
        // One that was swept leaves a gap, and behind it another may have something to send.
        let (there, fresh): (Vec<_>, Vec<_>) = paths.partition(|path| path.exists());
        for path in there {
            match Self::open(&path) {
                Ok(outbox) if !outbox.pending().is_empty() => return Ok(outbox),
                Ok(outbox) => {
                    empty.get_or_insert(outbox);
                }
                Err(OutboxError::Locked(_)) => {}
                Err(error) => return Err(error),
            }
        }
        for path in fresh {
            if let Some(outbox) = empty {
                return Ok(outbox);
            }
            match Self::open(&path) {
                Ok(outbox) => empty = Some(outbox),
                Err(OutboxError::Locked(_)) => {}
                Err(error) => return Err(error),
            }
        }
        empty.ok_or_else(|| OutboxError::TooManyPrograms(profile.to_owned()))
    }

    /// Removes the outboxes of a profile that is over, unless one of them is in use, damaged, or
    /// has a message that was never sent. Says whether nothing of it is left.
    ///
    /// # Errors
    /// [`OutboxError::File`] when one cannot be looked at.
    pub fn sweep(folder: &Path, profile: &str) -> Result<bool, OutboxError> {
        let mut done = true;
        for number in 1..=PROGRAMS_MAX {
            let path = folder.join(format!("{}-{number}.ndjson", file_name(profile)));
            if !path.exists() {
                continue;
            }
            let outbox = match Self::open(&path) {
                Ok(outbox) => outbox,
                Err(OutboxError::Locked(_) | OutboxError::Damaged { .. }) => {
                    done = false;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let is_said = |command: &Command| matches!(command, Command::PostMessage { .. });
            let unsent = outbox.pending().iter().any(|entry| is_said(&entry.command))
                || outbox
                    .failures()
                    .iter()
                    .any(|failure| is_said(&failure.entry.command));
            if unsent {
                done = false;
                continue;
            }
            // The lock is held until the outbox is dropped, after its file is gone.
            remove(&path)?;
            remove(&private::lock_path(&path))?;
        }
        Ok(done)
    }

    /// The instance of the program that this outbox belongs to; the same after a restart.
    #[must_use]
    pub fn slot(&self) -> CommandId {
        self.state().slot.clone()
    }

    /// Takes a command in; it is on disk when this returns. A failed command may be put again.
    /// Blocks the thread for a disk write.
    ///
    /// # Errors
    /// [`OutboxError::Full`], [`OutboxError::CidTaken`], [`OutboxError::File`] and
    /// [`OutboxError::Unsendable`]; nothing was taken in then.
    pub fn put(&self, cid: CommandId, command: Command) -> Result<(), OutboxError> {
        let mut state = self.state();
        if let Some(entry) = state.pending.iter().find(|entry| entry.cid == cid) {
            if entry.command == command {
                return Ok(());
            }
            return Err(OutboxError::CidTaken(cid));
        }
        if state.pending.len() >= PENDING_MAX {
            return Err(OutboxError::Full);
        }
        let since = machine::wall().duration_since(SystemTime::UNIX_EPOCH);
        let at = Timestamp::default().after(since.unwrap_or_default());
        let entry = Entry { cid, command, at };
        let line = [Line::Put(entry)];
        state.write(&line, Durability::Synced)?;
        for line in line {
            state.apply(line);
        }
        state.compact()
    }

    /// The hub has done the command. Losing this note is harmless, so it is not synced: the
    /// command is sent again with the same cid, and the hub answers that it was done.
    ///
    /// # Errors
    /// [`OutboxError::File`] when the note could not be written; the command is gone from
    /// memory all the same.
    pub fn done(&self, cid: &CommandId) -> Result<(), OutboxError> {
        self.note(Line::Done { cid: cid.clone() })
    }

    /// The hub will never do the command; it is kept among [`Outbox::failures`].
    ///
    /// # Errors
    /// As [`Outbox::done`].
    pub fn failed(
        &self,
        cid: &CommandId,
        code: ErrorCode,
        reason: &str,
    ) -> Result<(), OutboxError> {
        self.note(Line::Failed {
            cid: cid.clone(),
            code,
            reason: reason.to_owned(),
        })
    }

    /// Forgets a failure, or a command that waits and is not wanted any more.
    ///
    /// # Errors
    /// As [`Outbox::done`].
    pub fn discard(&self, cid: &CommandId) -> Result<(), OutboxError> {
        self.note(Line::Discard { cid: cid.clone() })
    }

    /// What waits, in the order of asking.
    #[must_use]
    pub fn pending(&self) -> Vec<Entry> {
        self.state().pending.iter().cloned().collect()
    }

    /// What failed for good, oldest first.
    #[must_use]
    pub fn failures(&self) -> Vec<Failure> {
        self.state().failures.iter().cloned().collect()
    }

    /// The first commands that wait and are not among `sent`.
    pub(crate) fn unsent(&self, sent: &BTreeSet<CommandId>, max: usize) -> Vec<Entry> {
        let state = self.state();
        let unsent = state
            .pending
            .iter()
            .filter(|entry| !sent.contains(&entry.cid));
        unsent.take(max).cloned().collect()
    }

    fn new(state: State) -> Self {
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn note(&self, line: Line) -> Result<(), OutboxError> {
        let mut state = self.state();
        let written = state.write(std::slice::from_ref(&line), Durability::Written);
        state.apply(line);
        written
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change of the state is one step, so that a panic elsewhere leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    const fn new(slot: CommandId) -> Self {
        Self {
            slot,
            pending: VecDeque::new(),
            failures: VecDeque::new(),
            journal: None,
        }
    }

    fn read(bytes: &[u8], path: &Path) -> Result<Self, OutboxError> {
        let mut state = Self::new(CommandId::random());
        for (index, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
            let line = serde_json::from_slice(line).map_err(|_| OutboxError::Damaged {
                path: path.to_owned(),
                line: index + 1,
            })?;
            state.apply(line);
        }
        Ok(state)
    }

    fn apply(&mut self, line: Line) {
        match line {
            Line::Slot { slot } => self.slot = slot,
            Line::Put(entry) => {
                self.failures
                    .retain(|failure| failure.entry.cid != entry.cid);
                self.pending.push_back(entry);
            }
            Line::Done { cid } => self.pending.retain(|entry| entry.cid != cid),
            Line::Failed { cid, code, reason } => {
                let Some(at) = self.pending.iter().position(|entry| entry.cid == cid) else {
                    return;
                };
                if let Some(entry) = self.pending.remove(at) {
                    self.failures.push_back(Failure {
                        entry,
                        code,
                        reason,
                    });
                }
                if self.failures.len() > FAILURES_MAX {
                    self.failures.pop_front();
                }
            }
            Line::Discard { cid } => {
                self.pending.retain(|entry| entry.cid != cid);
                self.failures.retain(|failure| failure.entry.cid != cid);
            }
        }
    }

    fn write(&mut self, lines: &[Line], durability: Durability) -> Result<(), OutboxError> {
        match &mut self.journal {
            Some(journal) => journal.append(lines, durability),
            None => Ok(()),
        }
    }

    /// Replaces the file when most of it is history.
    fn compact(&mut self) -> Result<(), OutboxError> {
        let Some(journal) = &mut self.journal else {
            return Ok(());
        };
        if journal.bytes <= COMPACT_BYTES_MIN.max(journal.compacted_bytes * 2) {
            return Ok(());
        }
        let mut lines = vec![Line::Slot {
            slot: self.slot.clone(),
        }];
        for failure in &self.failures {
            let Failure {
                entry,
                code,
                reason,
            } = failure.clone();
            let cid = entry.cid.clone();
            lines.push(Line::Put(entry));
            lines.push(Line::Failed { cid, code, reason });
        }
        lines.extend(self.pending.iter().cloned().map(Line::Put));
        journal.replace(&lines)
    }
}

/// What must hold when a write returns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Durability {
    /// It survives the end of the program.
    Written,
    /// It survives the end of the power.
    Synced,
}

#[derive(Debug)]
struct Journal {
    path: PathBuf,
    file: File,
    bytes: u64,
    /// Its size when it was last replaced.
    compacted_bytes: u64,
    _lock: File,
}

impl Journal {
    fn append(&mut self, lines: &[Line], durability: Durability) -> Result<(), OutboxError> {
        let text = encode(lines)?;
        let written = self.file.write_all(&text).and_then(|()| match durability {
            Durability::Written => Ok(()),
            Durability::Synced => self.file.sync_data(),
        });
        if let Err(source) = written {
            // A half line would spoil the next one.
            drop(self.file.set_len(self.bytes));
            return Err(self.failed(source).into());
        }
        self.bytes += text.len() as u64;
        Ok(())
    }

    fn replace(&mut self, lines: &[Line]) -> Result<(), OutboxError> {
        let text = encode(lines)?;
        private::write(&self.path, &text)?;
        self.file = private::open_append(&self.path)?;
        self.bytes = text.len() as u64;
        self.compacted_bytes = self.bytes;
        Ok(())
    }

    fn failed(&self, source: io::Error) -> PrivateError {
        PrivateError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

fn encode(lines: &[Line]) -> Result<Vec<u8>, serde_json::Error> {
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, line)?;
        text.push(b'\n');
    }
    Ok(text)
}

fn remove(path: &Path) -> Result<(), OutboxError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(PrivateError::Io {
            path: path.to_owned(),
            source,
        }
        .into()),
        _ => Ok(()),
    }
}

/// A profile may be named by anything, a file may not.
fn file_name(profile: &str) -> String {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    profile
        .chars()
        .map(|c| if legal(c) { c } else { '_' })
        .take(80)
        .collect()
}
