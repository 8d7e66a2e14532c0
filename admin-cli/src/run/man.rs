//! Manual pages, made from the definition that `--help` is made from.

use std::{
    io::Write,
    path::Path,
    process::{Command as Process, Stdio},
};

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::{
    args::{Cli, Man as Args, PROGRAM},
    failure::Failure,
    invocation::Invocation,
    print::{Names, items::WrittenFile},
};

/// `man`.
pub(super) fn man(app: &Invocation, args: &Args) -> Result<(), Failure> {
    let command = command();
    if let Some(folder) = &args.dir {
        return write_all(app, &command, folder);
    }
    let mut found = &command;
    for word in &args.topic {
        found = found.find_subcommand(word).ok_or_else(|| {
            Failure::usage(
                format!("there is no verb {:?}", args.topic.join(" ")),
                format!("see all verbs with: {PROGRAM} --help"),
            )
        })?;
    }
    let page = page(found)?;
    if app.print.out_is_terminal() && shown_by_man(&page) {
        return Ok(());
    }
    app.print.bytes(&page)
}

fn write_all(app: &Invocation, command: &Command, folder: &Path) -> Result<(), Failure> {
    app.refuse_dry_run("man --dir")?;
    std::fs::create_dir_all(folder).map_err(|error| Failure::file(folder, &error))?;
    let mut written = Vec::new();
    write_below(command, folder, &mut written)?;
    app.print.list(&written, None, &Names::default())
}

fn write_below(
    command: &Command,
    folder: &Path,
    written: &mut Vec<WrittenFile>,
) -> Result<(), Failure> {
    let path = folder.join(Man::new(command.clone()).get_filename());
    let page = page(command)?;
    std::fs::write(&path, &page).map_err(|error| Failure::file(&path, &error))?;
    written.push(WrittenFile {
        file: path.display().to_string(),
        bytes: page.len() as u64,
    });
    command
        .get_subcommands()
        .try_for_each(|below| write_below(below, folder, written))
}

/// The definition with every page's name.
fn command() -> Command {
    let mut command = Cli::command();
    command.build();
    command
}

/// A page; the examples, which `--help` has first, stand at its end.
fn page(command: &Command) -> Result<Vec<u8>, Failure> {
    let man = Man::new(command.clone())
        .source(format!("frontdesk {}", env!("CARGO_PKG_VERSION")))
        .manual("Frontdesk");
    let mut page = Vec::new();
    man.render(&mut page)?;
    if let Some(help) = command.get_before_long_help() {
        page.extend_from_slice(examples(&help.to_string()).as_bytes());
    }
    Ok(page)
}

/// A section of lines that stay lines.
fn examples(help: &str) -> String {
    let mut section = ".SH EXAMPLES\n.nf\n".to_owned();
    let lines = help.lines().filter(|line| *line != "Examples:");
    for line in lines {
        section.push_str(&roff(line.trim_start()));
        section.push('\n');
    }
    section.push_str(".fi\n");
    section
}

/// A line as roff prints it unchanged.
fn roff(line: &str) -> String {
    let mut text = String::with_capacity(line.len() + 8);
    if line.starts_with(['.', '\'']) {
        text.push_str("\\&");
    }
    for c in line.chars() {
        match c {
            '\\' => text.push_str("\\e"),
            '-' => text.push_str("\\-"),
            '\'' => text.push_str("\\(aq"),
            c => text.push(c),
        }
    }
    text
}

/// Whether the reader of manual pages took it.
fn shown_by_man(page: &[u8]) -> bool {
    let shown = || -> std::io::Result<bool> {
        let mut man = Process::new("man")
            .args(["-l", "-"])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        if let Some(mut stdin) = man.stdin.take() {
            // Who has read enough closes it.
            drop(stdin.write_all(page));
        }
        Ok(man.wait()?.success())
    };
    shown().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::{io::Write, process::Stdio};

    use clap::Command;

    use super::{command, page};

    /// What a person reads; none where nothing can show manual pages.
    fn shown(page: &[u8]) -> Option<String> {
        let mut man = std::process::Command::new("man");
        let man = man.args(["-l", "-"]).env("MANWIDTH", "200");
        let man = man.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut man = man.stderr(Stdio::null()).spawn().ok()?;
        man.stdin.take()?.write_all(page).ok()?;
        let output = man.wait_with_output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then_some(text)
    }

    fn check(command: &Command, pages: &mut Vec<String>) {
        let page = String::from_utf8(page(command).unwrap()).unwrap();
        let help = command.get_before_long_help().map(ToString::to_string);
        let has_own = command.get_subcommands().next().is_none();
        assert!(help.is_some() || !has_own, "{}", command.get_name());
        assert!(page.starts_with(".ie") && page.contains("\n.TH "), "{page}");
        pages.push(page);
        for below in command.get_subcommands() {
            check(below, pages);
        }
    }

    #[test]
    fn every_verb_has_a_page_whose_examples_are_lines() {
        let mut pages = Vec::new();
        check(&command(), &mut pages);
        assert!(pages.len() > 50, "{} pages", pages.len());
        let create = |page: &&String| page.contains(".TH frontdesk-admin-department-create ");
        let page = pages.iter().find(create).unwrap();
        let Some(text) = shown(page.as_bytes()) else {
            return;
        };
        let line = "frontdesk-admin department create Billing --description 'Invoices and refunds'";
        let found = text.lines().any(|shown| shown.trim() == line);
        assert!(found, "{text}");
    }
}
