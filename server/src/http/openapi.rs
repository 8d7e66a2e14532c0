//! The OpenAPI 3.1 document, made from the table of routes and the types on the wire.
//!
//! Nothing in it is written by hand but what the types cannot say, so it cannot be out of date.

use std::sync::LazyLock;

use bytes::Bytes;
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use shared::{api::ErrorBody, error::ErrorCode};

use super::{
    call::DryRun,
    query::{DRY_RUN, Kind, Param},
    route::{Access, Body, Route, TABLE, Verb},
};

/// The document as it is served.
pub(super) static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());

fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut schemas = settings.into_generator();
    let mut paths = Map::new();
    for route in TABLE.iter() {
        let path = paths
            .entry(route.path)
            .or_insert_with(|| Value::Object(Map::new()));
        path[route.verb.as_str().to_lowercase()] = operation(route, &mut schemas);
    }
    let error = schemas.subschema_for::<ErrorBody>();
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Frontdesk",
            "version": "1",
            "license": { "name": "MIT", "identifier": "MIT" },
            "description": "A support desk that lives in the terminal. JSON in snake_case, RFC 3339 \
                times in UTC; answers may get new fields. Everything live is on the WebSocket `/ws`.",
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas.take_definitions(true),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of a sign-in, of a script or of a customer's chat. \
                        Never in a URL.",
                },
            },
            "responses": {
                "Error": {
                    "description": "What went wrong, for programs and for people.",
                    "content": { "application/json": { "schema": error } },
                },
            },
        },
    })
}

fn operation(route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let mut operation = json!({
        "operationId": route.name,
        "tags": [area(route)],
        "summary": route.summary,
        "description": access_text(route.access),
        "security": security(route.access),
        "parameters": parameters(route),
        "responses": responses(route, schemas),
    });
    if let Some(schema_of) = route.request {
        operation["requestBody"] = json!({
            "required": true,
            "content": { "application/json": { "schema": schema_of(schemas) } },
        });
    }
    if route.streams {
        operation["requestBody"] = json!({
            "required": true,
            "content": { "application/octet-stream": {} },
        });
    }
    operation
}

/// The word of the path that says what it is about.
pub(super) fn area(route: &Route) -> &'static str {
    let path = route.path.strip_prefix("/api/").unwrap_or("/hub");
    path.split('/')
        .find(|word| !word.is_empty())
        .unwrap_or("hub")
}

/// Who may call, for people.
pub(super) fn access_text(access: Access) -> String {
    match access {
        Access::Open => "For everyone.".to_owned(),
        Access::Hidden(action) => {
            format!("On the machine of the hub, or with a token that may `{action}`.")
        }
        Access::Anyone(action) => format!("Without a token, or with one that may `{action}`."),
        Access::Bearer(action) => format!("With a token that may `{action}`."),
    }
}

fn security(access: Access) -> Value {
    match access {
        Access::Open => json!([]),
        Access::Hidden(_) | Access::Anyone(_) => json!([{}, { "bearer": [] }]),
        Access::Bearer(_) => json!([{ "bearer": [] }]),
    }
}

fn parameters(route: &Route) -> Vec<Value> {
    let number = |name: &str| matches!(name, "id" | "attachment");
    let mut all: Vec<Value> = route
        .params()
        .map(|name| {
            let kind = if number(name) { "integer" } else { "string" };
            json!({ "name": name, "in": "path", "required": true, "schema": { "type": kind } })
        })
        .collect();
    all.extend(route.query.iter().map(query_parameter));
    if route.if_match {
        all.push(json!({
            "name": "If-Match", "in": "header", "required": false,
            "description": "The `rev` that one read; another one now is `conflict`.",
            "schema": { "type": "integer" },
        }));
    }
    if is_command(route) {
        all.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Names the command for ever, as `cid` in a body does: however often it \
                is sent, it is done once.",
            "schema": { "type": "string", "pattern": "^[A-Za-z0-9_-]{16,64}$" },
        }));
    }
    all
}

/// Whether the route is a command of the desk: those can be tried dry.
fn is_command(route: &Route) -> bool {
    route.query.iter().any(|param| param.name == DRY_RUN.name)
}

fn query_parameter(param: &Param) -> Value {
    let schema = match param.kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Number => json!({ "type": "integer", "minimum": 0 }),
        Kind::Flag => json!({ "type": "string", "enum": ["0", "1", "false", "true"] }),
        Kind::OneOf(choices) => json!({ "type": "string", "enum": choices }),
    };
    json!({
        "name": param.name, "in": "query", "required": false,
        "description": param.summary, "schema": schema,
    })
}

fn responses(route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let mut all = Map::new();
    let content = match route.answer {
        Body::Nothing => json!({ "description": "Done." }),
        Body::Json(schema_of) => json!({
            "description": "Done.",
            "content": { "application/json": { "schema": schema_of(schemas) } },
        }),
        Body::Other(media) => json!({ "description": "Done.", "content": { media: {} } }),
    };
    all.insert(route.status.to_string(), content);
    if is_command(route) {
        let dry_run = json!({
            "description": "With `dry_run`: what would happen.",
            "content": { "application/json": { "schema": schemas.subschema_for::<DryRun>() } },
        });
        match all.get_mut("200") {
            None => drop(all.insert("200".to_owned(), dry_run)),
            Some(done) => {
                let schema = &mut done["content"]["application/json"]["schema"];
                *schema = json!({ "anyOf": [schema.take(), schemas.subschema_for::<DryRun>()] });
            }
        }
    }
    for code in codes(route) {
        all.entry(code.http_status().to_string())
            .or_insert_with(|| json!({ "$ref": "#/components/responses/Error" }));
    }
    Value::Object(all)
}

/// The codes that a route can answer with.
fn codes(route: &Route) -> Vec<ErrorCode> {
    let mut codes = vec![
        ErrorCode::Invalid,
        ErrorCode::RateLimited,
        ErrorCode::Internal,
        ErrorCode::Busy,
    ];
    if matches!(route.access, Access::Bearer(_) | Access::Anyone(_)) {
        codes.extend([ErrorCode::Unauthenticated, ErrorCode::Forbidden]);
    }
    if route.request.is_some() || route.streams {
        codes.extend([ErrorCode::TooLarge, ErrorCode::Unauthenticated]);
    }
    if route.params().next().is_some() || matches!(route.access, Access::Hidden(_)) {
        codes.push(ErrorCode::NotFound);
    }
    if route.verb != Verb::Get {
        codes.extend([ErrorCode::Conflict, ErrorCode::StorageFull]);
    }
    codes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::document;
    use crate::http::route::TABLE;

    fn references(value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value.as_str().filter(|_| name == "$ref") {
                        Some(target) => drop(into.insert(target.to_owned())),
                        None => references(value, into),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, into)),
            _ => {}
        }
    }

    #[test]
    fn every_route_is_in_the_document() {
        let document = document();
        for route in TABLE.iter() {
            let operation = &document["paths"][route.path][route.verb.as_str().to_lowercase()];
            assert_eq!(operation["operationId"], route.name);
            let responses = operation["responses"].as_object().unwrap();
            assert!(
                responses.contains_key(&route.status.to_string()),
                "{}",
                route.name
            );
            assert_eq!(
                operation["requestBody"].is_object(),
                route.request.is_some() || route.streams
            );
        }
        let paths: BTreeSet<_> = TABLE.iter().map(|route| route.path).collect();
        assert_eq!(document["paths"].as_object().unwrap().len(), paths.len());
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let mut targets = BTreeSet::new();
        references(&document, &mut targets);
        assert!(targets.contains("#/components/schemas/Chat"), "{targets:?}");
        for target in targets {
            let pointer = target
                .strip_prefix('#')
                .expect("a reference into the document");
            assert!(document.pointer(pointer).is_some(), "{target}");
        }
    }

    #[test]
    fn the_same_table_gives_the_same_bytes() {
        assert_eq!(document().to_string(), document().to_string());
    }

    #[test]
    fn requests_refuse_unknown_fields_in_the_document_too() {
        let document = document();
        let schemas = &document["components"]["schemas"];
        assert_eq!(schemas["Login"]["additionalProperties"], false);
        assert!(schemas["Chat"].get("additionalProperties").is_none());
    }
}
