//! The published schema of `--json` and `--json-in`: `docs/schema/chat.schema.json`.
//!
//! It is made from the types that are printed and read. When one has changed on purpose, write it
//! anew with `FRONTDESK_WRITE=1 cargo test -p customer-cli schema`.

use std::path::Path;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Value, json};
use shared::api::CustomerExport;

use crate::{
    account::Identity,
    history::ListedChat,
    json::{Input, Line},
};

const PUBLISHED: &str = "docs/schema/chat.schema.json";

fn document() -> Value {
    let mut written = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator();
    let event = written.subschema_for::<Line<'_>>();
    let listed = written.subschema_for::<ListedChat<'_>>();
    let identity = written.subschema_for::<Identity<'_>>();
    let export = written.subschema_for::<CustomerExport>();
    let types = written.take_definitions(true);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What frontdesk-chat --json prints and --json-in reads",
        "description": "Each line is an object. New fields and new types may come and are to be \
            ignored; a field without a value is null.",
        "anyOf": [event],
        "x-input": input::<Input>(),
        "x-verbs": { "list": listed, "whoami": identity, "export": export },
        "$defs": types,
    })
}

/// The schema of what is read, whole in one place.
fn input<T: JsonSchema>() -> Value {
    let mut settings = SchemaSettings::draft2020_12().for_deserialize();
    settings.inline_subschemas = true;
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    // It is said once for the document.
    schema.remove("$schema");
    schema.into()
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
    let advice = "write it anew with: FRONTDESK_WRITE=1 cargo test -p customer-cli schema";
    assert!(
        published == now,
        "{PUBLISHED} is not what is printed; {advice}"
    );
}
