//! Every example of every `--help`, run at a real desk in the order of a pinned file, and what
//! came of it compared with what is pinned there.
//!
//! The examples are taken from the help of the programs themselves: a new one that is not pinned
//! fails, and a pinned one that is in no help any more. `FRONTDESK_WRITE=1` pins what happens now;
//! read the difference before you commit it.
//!
//! A pinned file has, line by line:
//! `%fresh` a new hub without an owner; `%do CMD` runs a preparation that must succeed;
//! `%map WORD = CMD` puts what a command prints in place of a word of the examples;
//! `$ CMD` an example that ends; `$~ CMD` one that goes on and is ended by SIGTERM after its first
//! line, `$- CMD` one that is as soon as it has connected;
//! `$@ TEXT @ CMD` one on a terminal, ended as soon as it shows the text. Below an example stand
//! its exit code (`?`), its standard output (`>`) and its standard error (`!`).

mod desk;
mod normal;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tests::cli::Cli;
use tests::desk::PATIENCE;
use tests::home::Home;
use tests::programs::{programs, workspace};

use desk::World;

/// One line of a pinned file with what stands below it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    line: String,
    pinned: Vec<String>,
}

impl Step {
    /// The example, if it is one.
    fn example(&self) -> Option<&str> {
        let rest = self.line.strip_prefix('$')?;
        match rest.strip_prefix('@') {
            Some(rest) => rest.split_once(" @ ").map(|(_, command)| command),
            None => Some(rest.trim_start_matches(['~', '-']).trim()),
        }
    }
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in text.lines() {
        match steps.last_mut() {
            Some(step) if line.starts_with(['?', '>', '!']) => step.pinned.push(line.to_owned()),
            _ => steps.push(Step {
                line: line.to_owned(),
                pinned: Vec::new(),
            }),
        }
    }
    steps
}

fn written(steps: &[Step]) -> String {
    let lines = steps.iter().flat_map(|step| {
        let pinned = step.pinned.iter().map(String::as_str);
        std::iter::once(step.line.as_str()).chain(pinned)
    });
    lines.map(|line| format!("{line}\n")).collect()
}

/// Runs a file; every difference, and the file as it would be now.
fn run(path: &Path) -> (Vec<String>, Vec<Step>) {
    let text = std::fs::read_to_string(path).unwrap();
    let mut steps = steps(&text);
    let mut world = World::new();
    let mut faults = Vec::new();
    for step in &mut steps {
        // A step that cannot go on panics: the file up to there shows where.
        tests::report(&step.line);
        let now = world.step(&step.line);
        if now != step.pinned {
            faults.push(format!(
                "{}\n--- pinned\n{}\n--- now\n{}",
                step.line,
                step.pinned.join("\n"),
                now.join("\n")
            ));
            step.pinned = now;
        }
    }
    (faults, steps)
}

fn check(name: &str, mut examples: BTreeSet<String>) {
    let path: PathBuf = workspace().join("tests/e2e/examples").join(name);
    let (mut faults, steps) = run(&path);
    if std::env::var_os("FRONTDESK_WRITE").is_some() {
        std::fs::write(&path, written(&steps)).unwrap();
    }
    for example in steps.iter().filter_map(Step::example) {
        if !examples.remove(example) {
            faults.push(format!("in no help, or run twice: {example}"));
        }
    }
    faults.extend(
        examples
            .iter()
            .map(|example| format!("not pinned: {example}")),
    );
    assert!(faults.is_empty(), "{name}:\n{}", faults.join("\n\n"));
}

/// The examples in the help of a verb, and of all below it.
fn in_help(cli: &Cli, program: &Path, verb: &[String], found: &mut BTreeSet<String>) {
    let args: Vec<&str> = verb.iter().map(String::as_str).chain(["--help"]).collect();
    let output = cli.run(program, &args, "", PATIENCE);
    assert_eq!(output.code(), 0, "{args:?}: {output:?}");
    found.extend(section(&output.stdout, "Examples:").map(str::to_owned));
    if verb.is_empty() {
        found.extend(of_help(cli, program));
    }
    let verbs = section(&output.stdout, "Commands:").filter(|line| !line.starts_with(' '));
    // `help` is one that the parser made, or one of ours without verbs.
    let verbs = verbs
        .filter_map(|line| line.split(' ').next())
        .filter(|verb| *verb != "help");
    for below in verbs {
        let verb: Vec<String> = verb.iter().cloned().chain([below.to_owned()]).collect();
        in_help(cli, program, &verb, found);
    }
}

/// The examples of the verb `help` of the admin tool, which is a verb of ours.
fn of_help(cli: &Cli, program: &Path) -> Vec<String> {
    let output = cli.run(program, &["help", "--help"], "", PATIENCE);
    section(&output.stdout, "Examples:")
        .map(str::to_owned)
        .collect()
}

/// The lines of a section of a help, without their indentation.
fn section<'a>(help: &'a str, title: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = help.lines().skip_while(move |line| *line != title).skip(1);
    lines
        .take_while(|line| line.is_empty() || line.starts_with("  "))
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  "))
}

#[test]
fn every_example_of_every_help_does_what_is_pinned() {
    let cli = Cli::new(Home::new());
    let built = programs();
    let mut examples = BTreeSet::new();
    for program in [&built.hub, &built.agent, &built.chat, &built.admin] {
        in_help(&cli, program, &[], &mut examples);
    }
    assert!(examples.len() > 100, "{} examples", examples.len());
    check("help.txt", examples);
}

#[test]
fn every_command_of_the_readme_does_what_is_pinned() {
    let readme = std::fs::read_to_string(workspace().join("README.md")).unwrap();
    let commands = readme.lines().filter_map(|line| {
        let command = line.strip_prefix("$ ").unwrap_or(line);
        let is_one = command.starts_with("frontdesk-") || command.contains("| frontdesk-");
        is_one.then(|| command.to_owned())
    });
    let commands: BTreeSet<String> = commands.filter(|line| !line.contains('`')).collect();
    assert!(commands.len() > 4, "{commands:?}");
    check("readme.txt", commands);
}

#[test]
fn a_file_of_steps_reads_back_as_it_was() {
    let text = "%fresh\n# why\n\n$ a b\n? 0\n> x\n> \n! y\n$@ pass word @ c\n? 143\n$~ d\n";
    let read = steps(text);
    assert_eq!(written(&read), text);
    let examples: Vec<&str> = read.iter().filter_map(Step::example).collect();
    assert_eq!(examples, ["a b", "c", "d"]);
    let help =
        "Does.\n\nExamples:\n  a b\n  c\n\nUsage: a\n\nCommands:\n  b   x\n      y\n  c   z\n";
    assert_eq!(section(help, "Examples:").collect::<Vec<_>>(), ["a b", "c"]);
    assert_eq!(section(help, "Commands:").count(), 3);
}
