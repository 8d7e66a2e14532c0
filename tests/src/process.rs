//! A program run as a child with pipes: its lines, its exit, its end by signal.
//!
//! A child is reaped only when its [`Process`] is dropped, so its pid stays its own until then and
//! no signal can ever reach a stranger.

use std::ffi::OsStr;
use std::fmt;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{ChildStdin, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, kill_process, prlimit, waitid,
};

use crate::guard;
use crate::home::Home;
use crate::watched::Watched;

/// Output kept of one stream; what a program writes beyond it is read and forgotten.
pub(crate) const CAPTURE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How long a program that closed its output may take to end.
pub(crate) const LAST_WORDS_MAX: Duration = Duration::from_secs(2);

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl Exit {
    /// The code a shell would show: the program's own, or 128 and the signal.
    pub fn shell_code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128 + signal,
        }
    }
}

/// All a finished program left.
#[derive(Clone, Debug)]
pub struct Output {
    /// What it wrote to standard output; invalid UTF-8 becomes replacement characters.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// How it ended.
    pub exit: Exit,
}

impl Output {
    /// The exit code as a shell would show it.
    pub fn code(&self) -> i32 {
        self.exit.shell_code()
    }
}

/// A running child with piped standard streams; killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    stdin: Option<ChildStdin>,
    stdout: Captured,
    stderr: Captured,
    lines_read_bytes: usize,
    lifetime: Lifetime,
    /// After the child, which may be writing there.
    _home: Home,
}

impl Process {
    /// Runs `program` from `home` with its three standard streams piped.
    ///
    /// # Panics
    /// When it cannot be started.
    #[track_caller]
    pub fn start(
        home: &Home,
        program: &Path,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Self {
        let child = home
            .command(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) => panic!("{} does not start: {error}", program.display()),
        };
        let stdout = child.stdout.take().expect("standard output was piped");
        let stderr = child.stderr.take().expect("standard error was piped");
        Self {
            name: program.display().to_string(),
            stdin: child.stdin.take(),
            stdout: Captured::of(stdout),
            stderr: Captured::of(stderr),
            lines_read_bytes: 0,
            lifetime: Lifetime::of(child.id()),
            _home: home.clone(),
        }
    }

    /// The process id.
    pub fn pid(&self) -> i32 {
        self.lifetime.pid()
    }

    /// Writes to its standard input, as far as it still reads.
    ///
    /// # Panics
    /// When the input was closed before.
    pub fn send(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("the input was not closed");
        // A program that has stopped reading says so by its exit code and its words.
        stdin.write_all(bytes).and_then(|()| stdin.flush()).ok();
    }

    /// Writes one line to its standard input.
    ///
    /// # Panics
    /// When the input was closed before.
    pub fn send_line(&mut self, line: &str) {
        self.send(format!("{line}\n").as_bytes());
    }

    /// Ends its standard input.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Writes all of `bytes` and ends its standard input, without waiting for it to read them.
    pub(crate) fn feed(&mut self, bytes: Vec<u8>) {
        if let Some(mut stdin) = self.stdin.take() {
            thread::spawn(move || stdin.write_all(&bytes).ok());
        }
    }

    /// Waits for the next line of standard output that `fits` and gives it without its line end;
    /// lines before it are skipped, and the next call goes on after it.
    ///
    /// # Panics
    /// When no such line comes `within` that time; the message shows all output.
    #[track_caller]
    pub fn wait_line(
        &mut self,
        what: &str,
        within: Duration,
        fits: impl FnMut(&str) -> bool,
    ) -> String {
        match self.try_wait_line(within, fits) {
            Ok(line) => line,
            Err(Absent::AtEnd) => {
                // What it said about its end and how it ended may come a moment later.
                self.stderr.wait_end(LAST_WORDS_MAX);
                self.lifetime.wait(LAST_WORDS_MAX);
                panic!("no line with {what} before the end of the output of {self}")
            }
            Err(Absent::InTime) => panic!("no line with {what} within {within:?} from {self}"),
        }
    }

    /// The same, where the program may end without such a line: none then.
    ///
    /// # Panics
    /// When neither comes `within` that time; the message shows all output.
    #[track_caller]
    pub fn line_or_end(
        &mut self,
        within: Duration,
        fits: impl FnMut(&str) -> bool,
    ) -> Option<String> {
        match self.try_wait_line(within, fits) {
            Ok(line) => Some(line),
            Err(Absent::AtEnd) => None,
            Err(Absent::InTime) => panic!("neither a line nor an end within {within:?} of {self}"),
        }
    }

    /// Waits until standard error has `text`.
    ///
    /// # Panics
    /// When it has not `within` that time; the message shows all output.
    #[track_caller]
    pub fn wait_error(&self, text: &str, within: Duration) {
        let has = |stream: &Stream| {
            let found = String::from_utf8_lossy(&stream.bytes).contains(text);
            found.then_some(())
        };
        let found = self.stderr.0.wait(within, has);
        assert!(found.is_some(), "no {text:?} within {within:?} from {self}");
    }

    fn try_wait_line(
        &mut self,
        within: Duration,
        mut fits: impl FnMut(&str) -> bool,
    ) -> Result<String, Absent> {
        let next = &mut self.lines_read_bytes;
        let found = self.stdout.0.wait(within, |stream| {
            while let Some(length) = stream.bytes[*next..].iter().position(|byte| *byte == b'\n') {
                let line = String::from_utf8_lossy(&stream.bytes[*next..*next + length]);
                *next += length + 1;
                if fits(&line) {
                    return Some(Ok(line.into_owned()));
                }
            }
            stream.ended.then_some(Err(Absent::AtEnd))
        });
        found.unwrap_or(Err(Absent::InTime))
    }

    /// Waits for it to end.
    ///
    /// # Panics
    /// When it has not ended `within` that time; the message shows all output.
    #[track_caller]
    pub fn wait_exit(&self, within: Duration) -> Exit {
        match self.lifetime.wait(within) {
            Some(exit) => exit,
            None => panic!("no end within {within:?} of {self}"),
        }
    }

    /// Waits for it to end and gives all it left. Its standard input is ended first.
    ///
    /// # Panics
    /// When it has not ended, or still holds its output open, `within` that time. It is killed
    /// then; the message shows all output.
    #[track_caller]
    pub fn finish(mut self, within: Duration) -> Output {
        self.close_stdin();
        let deadline = Instant::now() + within;
        let exit = self.wait_exit(within);
        guard::assert_clean();
        for stream in [&self.stdout, &self.stderr] {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                stream.wait_end(left),
                "output is still open {within:?} after the start of waiting for {self}"
            );
        }
        Output {
            stdout: self.stdout(),
            stderr: self.stderr(),
            exit,
        }
    }

    /// Sends it a signal; nothing happens when it has ended.
    pub fn signal(&self, signal: Signal) {
        self.lifetime.signal(signal);
    }

    /// Ends it without a chance to tidy up, and waits until it is gone.
    pub fn kill9(&self) {
        self.lifetime.kill9();
    }

    /// Limits what it may have of a resource from now on, as `prlimit` does. Without memory it may
    /// end, which is then no fault of its own.
    ///
    /// # Panics
    /// When the system refuses.
    pub fn limit(&self, resource: Resource, most: u64) {
        self.lifetime.limit(resource, most);
    }

    /// Memory that it has now, in KiB; none where the system does not tell.
    pub fn resident_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }

    /// Files and sockets that it has open now; none where the system does not tell.
    pub fn descriptors(&self) -> Option<usize> {
        Some(
            std::fs::read_dir(format!("/proc/{}/fd", self.pid()))
                .ok()?
                .count(),
        )
    }

    /// How it ended, when it did and nobody here sent it a signal to.
    pub fn ended_by_itself(&self) -> Option<Exit> {
        self.lifetime.ended_by_itself()
    }

    /// What it has written to standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it has written to standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({:?})\n--- stdout\n{}\n--- stderr\n{}\n---",
            self.name,
            self.lifetime.exit(),
            self.stdout(),
            self.stderr()
        )
    }
}

/// Why a line was not found.
enum Absent {
    /// The output ended without it.
    AtEnd,
    /// It has not come in time.
    InTime,
}

/// The life of one child, from its pid to its reaping on drop. It alone waits for that child.
pub(crate) struct Lifetime {
    pid: Pid,
    exit: Arc<Watched<Option<Exit>>>,
    /// A signal was sent that may have ended it.
    asked: AtomicBool,
}

impl Lifetime {
    /// Takes charge of the child `pid`, which nobody else may wait for.
    pub(crate) fn of(pid: u32) -> Self {
        let pid = i32::try_from(pid)
            .ok()
            .and_then(Pid::from_raw)
            .expect("a child has a pid");
        guard::started(pid.as_raw_nonzero().get().unsigned_abs());
        let exit = Arc::new(Watched::new(None));
        let seen = Arc::clone(&exit);
        thread::spawn(move || {
            // NOWAIT leaves the child unreaped, and so its pid taken.
            let status = loop {
                match waitid(
                    WaitId::Pid(pid),
                    WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
                ) {
                    Err(rustix::io::Errno::INTR) => {}
                    other => break other.expect("the child is ours alone to wait for"),
                }
            };
            let status = status.expect("a blocking wait gives a status");
            let exit = match status.exit_status() {
                Some(code) => Exit::Code(code),
                None => Exit::Signal(status.terminating_signal().unwrap_or(0)),
            };
            seen.update(|seen| *seen = Some(exit));
        });
        Self {
            pid,
            exit,
            asked: AtomicBool::new(false),
        }
    }

    pub(crate) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    pub(crate) fn exit(&self) -> Option<Exit> {
        self.exit.read(|exit| *exit)
    }

    pub(crate) fn wait(&self, within: Duration) -> Option<Exit> {
        self.exit.wait(within, |exit| *exit)
    }

    /// It has ended, and nobody here asked it to.
    pub(crate) fn ended_by_itself(&self) -> Option<Exit> {
        self.exit().filter(|_| !self.asked.load(Ordering::SeqCst))
    }

    fn limit(&self, resource: Resource, most: u64) {
        if resource == Resource::As {
            self.asked.store(true, Ordering::SeqCst);
        }
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        prlimit(Some(self.pid), resource, limit).expect("a child of ours can be limited");
    }

    pub(crate) fn signal(&self, signal: Signal) {
        if signal != Signal::HUP && signal != Signal::USR1 && signal != Signal::CONT {
            self.asked.store(true, Ordering::SeqCst);
        }
        // An ended child may refuse it; an unreaped one cannot be a stranger.
        kill_process(self.pid, signal).ok();
    }

    pub(crate) fn kill9(&self) {
        self.signal(Signal::KILL);
        let gone = self.wait(Duration::from_secs(30));
        assert!(
            gone.is_some() || thread::panicking(),
            "the kernel did not end process {:?}",
            self.pid
        );
    }
}

impl Drop for Lifetime {
    fn drop(&mut self) {
        self.kill9();
        waitid(WaitId::Pid(self.pid), WaitIdOptions::EXITED).ok();
    }
}

impl fmt::Debug for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {:?}, {:?}", self.pid, self.exit())
    }
}

/// One output stream of a child, read to its end by a thread of its own.
struct Captured(Arc<Watched<Stream>>);

struct Stream {
    bytes: Vec<u8>,
    ended: bool,
}

impl Captured {
    fn of(mut source: impl Read + Send + 'static) -> Self {
        let stream = Arc::new(Watched::new(Stream {
            bytes: Vec::new(),
            ended: false,
        }));
        let sink = Arc::clone(&stream);
        thread::spawn(move || {
            let mut piece = [0; 16 * 1024];
            while let Ok(length @ 1..) = source.read(&mut piece) {
                sink.update(|stream| keep(&mut stream.bytes, &piece[..length]));
            }
            sink.update(|stream| stream.ended = true);
        });
        Self(stream)
    }

    fn text(&self) -> String {
        self.0
            .read(|stream| String::from_utf8_lossy(&stream.bytes).into_owned())
    }

    fn wait_end(&self, within: Duration) -> bool {
        self.0
            .wait(within, |stream| stream.ended.then_some(()))
            .is_some()
    }
}

impl fmt::Debug for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

/// Appends `piece` as far as [`CAPTURE_BYTES_MAX`] has room.
pub(crate) fn keep(bytes: &mut Vec<u8>, piece: &[u8]) {
    let room = CAPTURE_BYTES_MAX - bytes.len();
    bytes.extend_from_slice(&piece[..piece.len().min(room)]);
}
