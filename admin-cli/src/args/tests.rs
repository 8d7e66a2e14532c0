//! Tests of the command line.

use std::ffi::OsString;

use clap::{CommandFactory, Parser};

use super::{Cli, Format, PROGRAM, Verb, asks_for_json, secret_flag};
use crate::args::{chat::ChatVerb, desk::DepartmentVerb};

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(words(line))
}

/// Splits a line as a shell does, with single quotes only, up to a redirection.
fn words(line: &str) -> Vec<String> {
    let line = line.split(['<', '>', '|']).next().unwrap_or(line);
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

fn raw(line: &str) -> Vec<OsString> {
    words(line).into_iter().map(OsString::from).collect()
}

/// The examples of a command, and of all below it; says no where one has none.
fn examples(command: &clap::Command, path: &str, found: &mut Vec<String>) {
    let help = command.get_before_long_help().map(ToString::to_string);
    let lines = help.unwrap_or_default();
    let own: Vec<_> = lines
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .map(str::to_owned)
        .collect();
    if command.get_subcommands().next().is_none() {
        assert!(!own.is_empty(), "{path} has no example");
        let verb: Vec<_> = path.split(' ').collect();
        for example in &own {
            assert_eq!(
                words(example)[..verb.len()],
                verb,
                "{example} is of another verb"
            );
        }
    }
    found.extend(own);
    for below in command.get_subcommands() {
        examples(below, &format!("{path} {}", below.get_name()), found);
    }
}

#[test]
fn the_tree_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_example_parses() {
    let mut found = Vec::new();
    examples(&Cli::command(), PROGRAM, &mut found);
    assert!(found.len() > 50, "{} examples", found.len());
    for example in found {
        if let Err(error) = parse(&example) {
            panic!("{example}\n{error}");
        }
    }
}

#[test]
fn global_flags_stand_before_or_after_a_verb() {
    for line in [
        "frontdesk-admin -o json --yes --limit 7 --hub http://127.0.0.1:1 department delete billing",
        "frontdesk-admin department -o json --yes delete --limit 7 billing --hub http://127.0.0.1:1",
        "frontdesk-admin department delete billing --hub http://127.0.0.1:1 --limit=7 -y -o json",
    ] {
        let cli = parse(line).unwrap();
        assert_eq!(cli.global.output, Some(Format::Json), "{line}");
        assert_eq!(cli.global.limit, 7, "{line}");
        assert!(cli.global.yes, "{line}");
        assert_eq!(cli.global.hub.as_deref(), Some("http://127.0.0.1:1"));
        let Verb::Department(DepartmentVerb::Delete { departments }) = cli.verb else {
            panic!("another verb: {line}");
        };
        assert_eq!(departments, ["billing"]);
    }
}

#[test]
fn values_are_checked_before_anything_is_done() {
    for line in [
        "frontdesk-admin department create Billing --capacity many",
        "frontdesk-admin user create bea --role king",
        "frontdesk-admin chat get first",
        "frontdesk-admin chat transfer 7",
        "frontdesk-admin chat transfer 7 --department billing --agent ana",
        "frontdesk-admin department list --limit 0",
        "frontdesk-admin department list -o xml",
        "frontdesk-admin token create t --days 366",
        "frontdesk-admin departmnt list",
        "frontdesk-admin chat send 7 hello --client-id short",
        "frontdesk-admin chat list --timeout 5m",
        "frontdesk-admin chat list --watch --timeout 5",
        "frontdesk-admin wait chat 7",
        "frontdesk-admin wait --for opened chat 7",
        "frontdesk-admin user role bea king",
    ] {
        let error = parse(line).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
    }
    let cli = parse("frontdesk-admin chat get #4821").unwrap();
    assert!(matches!(cli.verb, Verb::Chat(ChatVerb::Get { chats, .. }) if chats == ["4821"]));
}

#[test]
fn a_slip_of_the_finger_is_answered_with_what_was_meant() {
    let error = parse("frontdesk-admin departmnt list")
        .unwrap_err()
        .to_string();
    assert!(error.contains("'department'"), "{error}");
}

#[test]
fn a_secret_among_the_arguments_is_found() {
    for line in [
        "frontdesk-admin login --password hunter2",
        "frontdesk-admin login --password=hunter2",
        "frontdesk-admin --password hunter2 login",
        "frontdesk-admin login --password",
    ] {
        assert_eq!(secret_flag(&raw(line)), Some("--password"), "{line}");
    }
    assert_eq!(
        secret_flag(&raw("frontdesk-admin invite accept --code abc")),
        Some("--code")
    );
    for line in [
        "frontdesk-admin canned update 12 --code hello",
        "frontdesk-admin login --password-stdin",
        "frontdesk-admin login --password-file f",
        "frontdesk-admin invite accept --code-file -",
    ] {
        assert_eq!(secret_flag(&raw(line)), None, "{line}");
    }
}

#[test]
fn json_is_asked_for_in_every_way_it_can_be() {
    for line in [
        "-o json",
        "-ojson",
        "-o=json",
        "--output json",
        "--output=json",
        "-o ndjson",
    ] {
        assert!(
            asks_for_json(&raw(&format!("frontdesk-admin x {line} y"))),
            "{line}"
        );
    }
    assert!(!asks_for_json(&raw(
        "frontdesk-admin department get json -o yaml"
    )));
}
