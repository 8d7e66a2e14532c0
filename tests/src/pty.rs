//! A program in a real terminal: a pseudo-terminal in front of it, a screen behind it.
//!
//! The screen is what vt100 makes of the program's bytes; the bytes themselves are kept too, for
//! questions a screen cannot answer (was the terminal left as it was found?).

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::Signal;
use rustix::termios::LocalModes;

use crate::home::Home;
use crate::process::{Exit, LAST_WORDS_MAX, Lifetime, keep};
use crate::relay::{Hold, Line, distant, slowed};
use crate::watched::Watched;

/// Writes that wait for a program to read them; the next one blocks.
const KEYBOARD_QUEUE: usize = 256;

/// The terminal a program finds itself in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Height in cells, 1 or more.
    pub rows: u16,
    /// Width in cells, 1 or more.
    pub cols: u16,
    /// Whether it answers questions (cursor position, device attributes, marked pastes) as real
    /// ones do.
    pub answers: bool,
    /// Whether it says, when it answers, that it has kitty's keys and synchronized output.
    pub modern: bool,
}

impl Terminal {
    /// A terminal of this size that answers questions.
    pub const fn sized(rows: u16, cols: u16) -> Self {
        Self {
            rows,
            cols,
            answers: true,
            modern: false,
        }
    }
}

impl Default for Terminal {
    /// 24 rows of 80 columns.
    fn default() -> Self {
        Self::sized(24, 80)
    }
}

/// A program and its terminal; the program is killed when dropped.
pub struct Pty {
    name: String,
    /// Gone after [`Pty::hang_up`], and the keyboard with it.
    master: Option<Box<dyn MasterPty + Send>>,
    keyboard: Option<SyncSender<Vec<u8>>>,
    display: Arc<Watched<Display>>,
    lifetime: Lifetime,
    /// After the program, which may be writing there.
    _home: Home,
}

impl Pty {
    /// Runs `program` from `home` in a new terminal.
    ///
    /// # Panics
    /// When there is no pseudo-terminal left or the program cannot be started.
    #[track_caller]
    pub fn start(home: &Home, terminal: Terminal, program: &Path, args: &[&str]) -> Self {
        Self::run(home, terminal, program, args, None)
    }

    /// The same with a slow line between the program and the terminal; `hold` stops it.
    ///
    /// # Panics
    /// As [`Pty::start`].
    #[track_caller]
    pub fn start_over(
        (line, hold): (Line, &Hold),
        home: &Home,
        terminal: Terminal,
        program: &Path,
        args: &[&str],
    ) -> Self {
        Self::run(home, terminal, program, args, Some((line, hold)))
    }

    #[track_caller]
    fn run(
        home: &Home,
        terminal: Terminal,
        program: &Path,
        args: &[&str],
        line: Option<(Line, &Hold)>,
    ) -> Self {
        let pair = native_pty_system()
            .openpty(pty_size(terminal.rows, terminal.cols))
            .expect("a pseudo-terminal can be opened");
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.env_clear();
        command.env("TERM", "xterm-256color");
        for (name, value) in home.environment() {
            command.env(name, value);
        }
        command.cwd(home.path());
        let child = pair.slave.spawn_command(command);
        let pid = match child.map(|child| child.process_id()) {
            Ok(pid) => pid.expect("a started child has a pid"),
            Err(error) => panic!("{} does not start: {error}", program.display()),
        };
        // Our copy of the program's side would keep the output from ever ending.
        drop(pair.slave);

        let (keyboard, typed) = sync_channel(KEYBOARD_QUEUE);
        let mut writer = pair.master.take_writer().expect("nobody took it before");
        if let Some((line, _)) = line {
            writer = Box::new(distant(writer, line));
        }
        thread::spawn(move || write_all(writer, &typed));

        let display = Arc::new(Watched::new(Display::new(terminal)));
        let mut reader = pair
            .master
            .try_clone_reader()
            .expect("a handle can be cloned");
        if let Some((line, hold)) = line {
            reader = Box::new(slowed(reader, line, hold.clone()));
        }
        let (shown, answers) = (Arc::clone(&display), keyboard.clone());
        thread::spawn(move || read_all(reader, &shown, &answers));

        Self {
            name: program.display().to_string(),
            master: Some(pair.master),
            keyboard: Some(keyboard),
            display,
            lifetime: Lifetime::of(pid),
            _home: home.clone(),
        }
    }

    /// The process id.
    pub fn pid(&self) -> i32 {
        self.lifetime.pid()
    }

    /// Types `bytes`; a program that has ended does not read them.
    pub fn send(&self, bytes: impl AsRef<[u8]>) {
        // The writing thread ends with the terminal, and the program's end is seen elsewhere.
        if let Some(keyboard) = &self.keyboard {
            keyboard.send(bytes.as_ref().to_vec()).ok();
        }
    }

    /// Closes the terminal while the program runs, as when its window is closed. The program must
    /// draw afresh on Ctrl+L: reading ends with that.
    ///
    /// # Panics
    /// When it draws nothing `within` that time.
    #[track_caller]
    pub fn hang_up(&mut self, within: Duration) {
        self.display.update(|display| display.closing = true);
        let master = self.master.take().expect("a terminal hangs up once");
        // Not another size: who has no controlling terminal is not told of it.
        self.send("\x0c");
        self.keyboard = None;
        drop(master);
        let ended = self
            .display
            .wait(within, |display| display.ended.then_some(()));
        assert!(ended.is_some(), "nothing drawn within {within:?}");
    }

    /// Processor time that the program has used, also when it has ended: in clock ticks, 100 of
    /// them in a second.
    ///
    /// # Panics
    /// Where the system has no `/proc`.
    pub fn cpu_ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid()));
        let stat = stat.expect("the program is not reaped");
        // After the name, which may hold blanks, words 11 to 14 are user and system time, its own and
        // that of the children it has waited for.
        let (_, rest) = stat.rsplit_once(')').expect("a name in brackets");
        let ticks = rest.split_whitespace().skip(11).take(4);
        ticks
            .map(|word| word.parse::<u64>().expect("a number"))
            .sum()
    }

    /// The keyboard alone, for another thread.
    pub fn keyboard(&self) -> impl Fn(&str) + Send + use<> {
        let keyboard = self.keyboard.clone();
        move |keys| {
            if let Some(keyboard) = &keyboard {
                keyboard.send(keys.as_bytes().to_vec()).ok();
            }
        }
    }

    /// Types `line` and presses Enter.
    pub fn send_line(&self, line: &str) {
        self.send(format!("{line}\r"));
    }

    /// Waits until the screen is as `fits` wants it, looking again after each output.
    ///
    /// # Panics
    /// When it is not `within` that time, or the program has ended without; the message shows the
    /// screen.
    #[track_caller]
    pub fn wait_for(
        &self,
        what: &str,
        within: Duration,
        mut fits: impl FnMut(&vt100::Screen) -> bool,
    ) {
        let seen = self.display.wait(within, |display| {
            if fits(display.parser.screen()) {
                return Some(true);
            }
            display.ended.then_some(false)
        });
        let outcome = match seen {
            Some(true) => return,
            Some(false) => {
                // How it ended may be known a moment after its terminal closed.
                self.lifetime.wait(LAST_WORDS_MAX);
                "before the end".to_owned()
            }
            None => format!("within {within:?}"),
        };
        panic!("no {what} {outcome} of {}", self.describe());
    }

    /// Waits until `text` stands somewhere on the screen.
    ///
    /// # Panics
    /// As [`Pty::wait_for`].
    #[track_caller]
    pub fn wait_text(&self, text: &str, within: Duration) {
        self.wait_for(&format!("{text:?}"), within, |screen| {
            screen.contents().contains(text)
        });
    }

    /// The text on the screen, line by line, without the blanks at the ends.
    pub fn screen(&self) -> String {
        self.display
            .read(|display| display.parser.screen().contents())
    }

    /// All bytes the program has written.
    pub fn raw(&self) -> Vec<u8> {
        self.display.read(|display| display.raw.clone())
    }

    /// How many bytes the program has written.
    pub fn written(&self) -> usize {
        self.display.read(|display| display.raw.len())
    }

    /// Waits until the program has written more than `past` bytes, and gives how many it has then;
    /// none when it writes nothing more `within` that time.
    pub fn wait_output(&self, past: usize, within: Duration) -> Option<usize> {
        let more = |display: &Display| Some(display.raw.len()).filter(|length| *length > past);
        self.display.wait(within, more)
    }

    /// Whether the terminal edits lines and echoes what is typed, as it does for a shell: false
    /// while a full-screen program has it, true again after one that tidied up.
    ///
    /// # Panics
    /// When the system does not tell.
    pub fn is_cooked(&self) -> bool {
        let modes = self.master().get_termios().expect("a terminal has modes");
        let cooked = (LocalModes::ICANON | LocalModes::ECHO).bits();
        modes.local_flags.bits() & cooked == cooked
    }

    /// Gives the terminal another size; the program is told (SIGWINCH).
    ///
    /// # Panics
    /// When a side is 0, or the system refuses.
    pub fn resize(&self, rows: u16, cols: u16) {
        // Ours first: nothing the program draws for the new size may meet the old screen.
        self.display
            .update(|display| display.parser.set_size(cells(rows), cells(cols)));
        self.master()
            .resize(pty_size(rows, cols))
            .expect("a terminal can be resized");
    }

    /// Sends the program a signal; nothing happens when it has ended.
    pub fn signal(&self, signal: Signal) {
        self.lifetime.signal(signal);
    }

    /// Ends the program without a chance to tidy up, and waits until it is gone.
    pub fn kill9(&self) {
        self.lifetime.kill9();
    }

    /// Waits for the program to end and for the last of its output.
    ///
    /// # Panics
    /// When it has not ended `within` that time; the message shows the screen.
    #[track_caller]
    pub fn wait_exit(&self, within: Duration) -> Exit {
        let deadline = Instant::now() + within;
        let exit = self.wait_gone(within);
        crate::guard::assert_clean();
        // A child it left behind may hold the terminal open, which is no failure here.
        let left = deadline.saturating_duration_since(Instant::now());
        self.display
            .wait(left, |display| display.ended.then_some(()));
        exit
    }

    /// Waits for the program to end, whatever has become of its output.
    ///
    /// # Panics
    /// As [`Pty::wait_exit`].
    #[track_caller]
    pub fn wait_gone(&self, within: Duration) -> Exit {
        match self.lifetime.wait(within) {
            Some(exit) => exit,
            None => panic!("no end within {within:?} of {}", self.describe()),
        }
    }

    fn master(&self) -> &dyn MasterPty {
        self.master
            .as_deref()
            .expect("the terminal has not hung up")
    }

    fn describe(&self) -> String {
        format!(
            "{} ({:?})\n--- screen\n{}\n---",
            self.name,
            self.lifetime.exit(),
            self.screen()
        )
    }
}

/// What the program has shown so far.
struct Display {
    parser: vt100::Parser<Answers>,
    raw: Vec<u8>,
    /// Nobody reads on after the next output.
    closing: bool,
    ended: bool,
}

impl Display {
    fn new(terminal: Terminal) -> Self {
        let answers = Answers {
            willing: terminal.answers,
            modern: terminal.modern,
            bytes: Vec::new(),
        };
        let (rows, cols) = (cells(terminal.rows), cells(terminal.cols));
        Self {
            parser: vt100::Parser::new_with_callbacks(rows, cols, 0, answers),
            raw: Vec::new(),
            closing: false,
            ended: false,
        }
    }
}

/// The answers of a terminal to the questions in the program's output.
struct Answers {
    willing: bool,
    modern: bool,
    bytes: Vec<u8>,
}

impl vt100::Callbacks for Answers {
    fn unhandled_csi(
        &mut self,
        screen: &mut vt100::Screen,
        intermediate: Option<u8>,
        second: Option<u8>,
        params: &[&[u16]],
        last: char,
    ) {
        if !self.willing {
            return;
        }
        match (intermediate, second, params, last) {
            // Where is the cursor?
            (None, _, [[6]], 'n') => {
                let (row, col) = screen.cursor_position();
                let answer = format!("\x1b[{};{}R", row + 1, col + 1);
                self.bytes.extend_from_slice(answer.as_bytes());
            }
            // What are you? A VT102: nothing that needs more is known here.
            (None, _, [] | [[0]], 'c') => self.bytes.extend_from_slice(b"\x1b[?6c"),
            // Do you mark pastes? It is known and off.
            (Some(b'?'), Some(b'$'), [[2004]], 'p') => {
                self.bytes.extend_from_slice(b"\x1b[?2004;2$y");
            }
            // Can you show a frame at once? That is known too.
            (Some(b'?'), Some(b'$'), [[2026]], 'p') if self.modern => {
                self.bytes.extend_from_slice(b"\x1b[?2026;2$y");
            }
            // Which of kitty's keys are on? None so far.
            (Some(b'?'), None, _, 'u') if self.modern => self.bytes.extend_from_slice(b"\x1b[?0u"),
            _ => {}
        }
    }
}

fn read_all(
    mut reader: Box<dyn Read + Send>,
    display: &Watched<Display>,
    keyboard: &SyncSender<Vec<u8>>,
) {
    let mut piece = [0; 16 * 1024];
    // Linux ends the output of a terminal with an error, other systems with nothing more to read.
    while let Ok(length @ 1..) = reader.read(&mut piece) {
        let (answers, closing) = display.update(|display| {
            keep(&mut display.raw, &piece[..length]);
            display.parser.process(&piece[..length]);
            let answers = std::mem::take(&mut display.parser.callbacks_mut().bytes);
            (answers, display.closing)
        });
        if closing {
            break;
        }
        if !answers.is_empty() {
            // Reading must go on whatever the program does with its input, hence no blocking.
            keyboard.try_send(answers).ok();
        }
    }
    drop(reader);
    display.update(|display| display.ended = true);
}

fn write_all(mut writer: Box<dyn Write + Send>, typed: &Receiver<Vec<u8>>) {
    while let Ok(bytes) = typed.recv() {
        if writer
            .write_all(&bytes)
            .and_then(|()| writer.flush())
            .is_err()
        {
            return;
        }
    }
}

fn pty_size(rows: u16, cols: u16) -> PtySize {
    PtySize {
        rows,
        cols,
        pixel_width: 0,
        pixel_height: 0,
    }
}

fn cells(side: u16) -> NonZeroU16 {
    NonZeroU16::new(side).expect("a terminal has at least one cell")
}
