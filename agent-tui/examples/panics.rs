//! Takes a terminal over just as the console does, and panics when a key says where: `t` in the
//! thread that draws, `w` in another one. What it leaves behind is what a fault in the console
//! would leave.

use std::{
    env, fs,
    io::{self, Read, Write},
    process::ExitCode,
    thread,
};

use agent_tui::term::{
    Hangup, Modes, PROBE_MAX, TerminalGuard, Tty, install_panic_hook, listen, probe,
};

fn main() -> io::Result<ExitCode> {
    let home = env::var_os("HOME").unwrap_or_default();
    let report = std::path::Path::new(&home).join("console-panic.log");
    let draft = std::path::Path::new(&home).join("draft");
    let hangup = Hangup::new(move || drop(fs::write(&draft, "half a thought")));
    let panicked = hangup.clone();
    install_panic_hook(Some(report), move || panicked.exit_after_panic());
    let (_signals, _asked) = listen(hangup)?;
    let mut guard = TerminalGuard::raw()?;
    let answers = probe(&mut Tty, false, PROBE_MAX)?;
    guard.enter(Modes {
        mouse: true,
        kitty: answers.kitty,
        synchronized: answers.synchronized,
    })?;
    Tty.write_all(b"ready")?;
    let mut key = [0];
    while io::stdin().read(&mut key)? == 1 {
        match key[0] {
            b't' => panic!("the thread that draws failed"),
            b'w' => drop(thread::spawn(|| panic!("another thread failed")).join()),
            _ => return Ok(ExitCode::SUCCESS),
        }
    }
    Ok(ExitCode::FAILURE)
}
