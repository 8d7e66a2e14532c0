//! The published schema of what `-o json` prints, and of errors: `docs/schema/admin.schema.json`.
//!
//! It is made from the types that are printed. When one has changed on purpose, write it anew with
//! `FRONTDESK_WRITE=1 cargo test -p admin-cli schema`.

use std::{collections::BTreeSet, path::Path};

use clap::{Command, CommandFactory};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde::Serialize;
use serde_json::{Map, Value, json};
use shared::{
    api::{
        AssistantStatus, AssistantTried, AuditVerdict, CreatedUser, Erased, Invited, KbCheck,
        KbSuggestion, KbTest, KbTopic, Message, PasswordCode, Posted, RetentionDue, SearchHit,
        SessionInfo, SystemStatus, TokenInfo, TotpBegun, TotpStatus,
    },
    assistant::AssistantSettings,
    desk::{Change, Document},
    model::{Canned, Chat, Department, Invitation, Settings, User},
    record::{Delivered, Record},
};

use crate::{
    args::Cli,
    failure::Report,
    invocation::{Effect, PlannedEvent},
    print::{
        explained::Explained,
        identity::{Identity, KnownToken, NamedContext, RecoveryCode},
        items::{QueueChange, Version, WrittenFile},
    },
    run::doctor::Finding,
};

const PUBLISHED: &str = "docs/schema/admin.schema.json";

/// What a verb prints.
enum Form {
    /// One thing.
    Item(&'static str),
    /// `{"items": [..], "next": ..}`.
    List(&'static str),
    /// One thing where one was asked for, else a list.
    Either(&'static str),
    /// A document a line.
    Stream(&'static str),
    /// One thing of one of these.
    OneOf(&'static [&'static str]),
    /// Text, a script or a file, whatever the format.
    Text,
    /// Nothing on standard output.
    Nothing,
}

use Form::{Either, Item, List, Nothing, OneOf, Stream, Text};

/// Every verb. A new one gets its row here.
const VERBS: &[(&str, Form)] = &[
    ("setup", Item("User")),
    ("login", Item("User")),
    ("logout", Nothing),
    ("whoami", Item("Identity")),
    ("context list", List("NamedContext")),
    ("context use", Item("NamedContext")),
    ("context show", Item("NamedContext")),
    ("context set", Item("NamedContext")),
    ("context rm", Nothing),
    ("department list", List("Department")),
    ("department get", Either("Department")),
    ("department create", Item("Department")),
    ("department update", Item("Department")),
    ("department delete", Either("Department")),
    ("canned list", List("Canned")),
    ("canned get", Either("Canned")),
    ("canned create", Item("Canned")),
    ("canned update", Item("Canned")),
    ("canned delete", Either("Canned")),
    ("user list", List("User")),
    ("user get", Either("User")),
    ("user create", Item("CreatedUser")),
    ("user update", Item("User")),
    ("user role", Item("User")),
    ("user passwd", Item("PasswordCode")),
    ("user disable", Either("User")),
    ("user enable", Either("User")),
    ("user delete", Either("User")),
    ("invite create", Item("Invited")),
    ("invite list", List("Invitation")),
    ("invite revoke", Nothing),
    ("invite accept", Item("User")),
    ("chat list", List("Chat")),
    ("chat get", Either("Chat")),
    ("chat search", List("SearchHit")),
    ("chat tail", Stream("Message")),
    ("chat send", Item("Posted")),
    ("chat claim", Either("Chat")),
    ("chat assign", Either("Chat")),
    ("chat transfer", Item("Chat")),
    ("chat close", Either("Chat")),
    ("chat resolve", Either("Chat")),
    ("chat export", Text),
    ("customer erase", Item("Erased")),
    ("queue list", List("Chat")),
    ("queue watch", Stream("QueueChange")),
    ("settings get", Item("Settings")),
    ("settings set", Item("Settings")),
    ("settings retention", Item("RetentionDue")),
    ("assistant get", Item("AssistantSettings")),
    ("assistant set", Item("AssistantSettings")),
    ("assistant status", Item("AssistantStatus")),
    ("assistant test", Item("AssistantTried")),
    ("export", Item("Document")),
    ("diff", List("Change")),
    ("apply", List("Change")),
    ("import users", List("Change")),
    ("import departments", List("Change")),
    ("kb list", List("KbTopic")),
    ("kb check", Item("KbCheck")),
    ("kb test", Item("KbTest")),
    ("kb suggest", List("KbSuggestion")),
    ("token create", Item("TokenInfo")),
    ("token list", List("KnownToken")),
    ("token delete", Nothing),
    ("totp status", Item("TotpStatus")),
    ("totp enable", Item("TotpBegun")),
    ("totp confirm", List("RecoveryCode")),
    ("totp codes", List("RecoveryCode")),
    ("totp disable", Nothing),
    ("totp reset", Nothing),
    ("session list", List("SessionInfo")),
    ("session end", Nothing),
    ("backup", Item("WrittenFile")),
    ("audit list", List("Record")),
    ("audit verify", Item("AuditVerdict")),
    ("tail", Stream("EventLine")),
    ("wait", OneOf(&["Chat", "User", "Message"])),
    ("explain chat", Item("Explained")),
    ("status", Item("SystemStatus")),
    ("doctor", List("Finding")),
    ("man", List("WrittenFile")),
    ("version", Item("Version")),
    ("help", Text),
    ("completion", Text),
];

/// The error that a verb prints on standard error.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is of use")]
struct ErrorOutput {
    error: Report,
}

/// A line of `tail`: the frame of the WebSocket, byte by byte.
#[derive(Serialize, JsonSchema)]
struct EventLine {
    /// `event`.
    r#type: String,
    #[serde(flatten)]
    event: Delivered,
}

fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schemas = settings.into_generator();
    add::<User>(&mut schemas);
    add::<Identity>(&mut schemas);
    add::<NamedContext>(&mut schemas);
    add::<Department>(&mut schemas);
    add::<Canned>(&mut schemas);
    add::<CreatedUser>(&mut schemas);
    add::<Invited>(&mut schemas);
    add::<Invitation>(&mut schemas);
    add::<Chat>(&mut schemas);
    add::<Settings>(&mut schemas);
    add::<AssistantSettings>(&mut schemas);
    add::<AssistantStatus>(&mut schemas);
    add::<AssistantTried>(&mut schemas);
    add::<Document>(&mut schemas);
    add::<Change>(&mut schemas);
    add::<SearchHit>(&mut schemas);
    add::<Message>(&mut schemas);
    add::<QueueChange<'_>>(&mut schemas);
    add::<KbTopic>(&mut schemas);
    add::<KbCheck>(&mut schemas);
    add::<KbTest>(&mut schemas);
    add::<KbSuggestion>(&mut schemas);
    add::<TokenInfo>(&mut schemas);
    add::<KnownToken>(&mut schemas);
    add::<SessionInfo>(&mut schemas);
    add::<TotpStatus>(&mut schemas);
    add::<TotpBegun>(&mut schemas);
    add::<RecoveryCode>(&mut schemas);
    add::<WrittenFile>(&mut schemas);
    add::<EventLine>(&mut schemas);
    add::<Record>(&mut schemas);
    add::<AuditVerdict>(&mut schemas);
    add::<Erased>(&mut schemas);
    add::<RetentionDue>(&mut schemas);
    add::<SystemStatus>(&mut schemas);
    add::<Finding>(&mut schemas);
    add::<Version>(&mut schemas);
    add::<PlannedEvent>(&mut schemas);
    add::<Effect>(&mut schemas);
    add::<PasswordCode>(&mut schemas);
    add::<Posted>(&mut schemas);
    add::<Explained>(&mut schemas);
    add::<ErrorOutput>(&mut schemas);
    let types = schemas.take_definitions(true);
    let mut verbs = Map::new();
    for (path, form) in VERBS {
        let schema = match form {
            Item(name) => of(&types, name),
            List(name) => list(&types, name),
            Either(name) => json!({ "anyOf": [of(&types, name), list(&types, name)] }),
            Stream(name) => {
                json!({ "description": "A document a line.", "anyOf": [of(&types, name)] })
            }
            OneOf(names) => {
                let all: Vec<Value> = names.iter().map(|name| of(&types, name)).collect();
                json!({ "anyOf": all })
            }
            Text | Nothing => continue,
        };
        verbs.insert((*path).to_owned(), schema);
    }
    let dry_run = json!({ "anyOf": [list(&types, "PlannedEvent"), list(&types, "Effect")] });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What frontdesk-admin -o json prints",
        "description": "For each verb. With --watch a line is {\"change\", \"item\"}, where change is \
            listed, added, changed or removed. With --dry-run a change prints a plan instead, and an error \
            goes to standard error. New fields may come; a field without a value is null.",
        "x-verbs": verbs,
        "x-dry-run": dry_run,
        "x-error": of(&types, "ErrorOutput"),
        "$defs": types,
    })
}

fn add<T: JsonSchema>(schemas: &mut SchemaGenerator) {
    schemas.subschema_for::<T>();
}

fn of(types: &Map<String, Value>, name: &str) -> Value {
    assert!(types.contains_key(name), "{name} is not in the schema");
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn list(types: &Map<String, Value>, name: &str) -> Value {
    json!({
        "type": "object",
        "properties": {
            "items": { "type": "array", "items": of(types, name) },
            "next": { "type": ["string", "null"] },
        },
        "required": ["items", "next"],
    })
}

fn leaves(command: &Command, path: &str, found: &mut BTreeSet<String>) {
    for below in command.get_subcommands() {
        let path = format!("{path} {}", below.get_name());
        if below.get_subcommands().next().is_none() {
            found.insert(path.trim().to_owned());
        }
        leaves(below, &path, found);
    }
}

#[test]
fn every_verb_has_a_row() {
    let mut verbs = BTreeSet::new();
    leaves(&Cli::command(), "", &mut verbs);
    let rows: BTreeSet<String> = VERBS.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(rows, verbs);
}

#[test]
fn the_published_schema_is_that_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(PUBLISHED);
    let now = format!("{}\n", serde_json::to_string_pretty(&document()).unwrap());
    if std::env::var_os("FRONTDESK_WRITE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &now).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    let advice = "write it anew with: FRONTDESK_WRITE=1 cargo test -p admin-cli schema";
    assert!(
        published == now,
        "{PUBLISHED} is not what is printed; {advice}"
    );
}
