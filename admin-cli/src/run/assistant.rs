//! The assistant: its settings, how it is, and trials of it.

use serde::Serialize;
use serde_json::{Map, Value};
use shared::{
    api::{AssistantStatus, AssistantTried, AssistantTry},
    assistant::{AssistantChange, AssistantSettings},
    client::{http::Method, profile::nearest},
};

use crate::{
    args::{Format, assistant::AssistantVerb},
    failure::Failure,
    invocation::{Invocation, Target},
    print::Names,
    run::canned::body,
};

const PATH: &str = "/api/assistant";
const HINT: &str = "see them with: frontdesk-admin assistant get";

/// A setting of the assistant, as a line of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Setting {
    /// What it is called.
    pub(crate) key: String,
    /// What it is.
    pub(crate) value: String,
}

/// `assistant ..`.
pub(super) async fn run(app: &Invocation, verb: AssistantVerb) -> Result<(), Failure> {
    match verb {
        AssistantVerb::Get { keys } => {
            for key in &keys {
                check(key)?;
            }
            let settings: AssistantSettings = app.get(PATH).await?;
            show(app, &settings, &keys)
        }
        AssistantVerb::Set { changes } => {
            let change = change(&changes)?;
            let keys: Vec<String> = changes.iter().map(|one| key_of(one).to_owned()).collect();
            let changed = app.change(Method::Put, PATH, Some(&change)).await?;
            changed.map_or(Ok(()), |settings: AssistantSettings| {
                show(app, &settings, &keys)
            })
        }
        AssistantVerb::Status => {
            let status: AssistantStatus = app.get("/api/assistant/status").await?;
            app.print.item(&status, &Names::default())
        }
        AssistantVerb::Test { text } => {
            let tried = AssistantTry {
                text: body(&text)?,
                history: Vec::new(),
            };
            let tried: AssistantTried = app
                .send(&Target::new("/api/assistant/test"), &tried)
                .await?;
            app.print.item(&tried, &Names::default())
        }
    }
}

/// The settings as they are for programs, as lines for everyone else.
fn show(app: &Invocation, settings: &AssistantSettings, keys: &[String]) -> Result<(), Failure> {
    if let Some(Format::Json | Format::Yaml | Format::Ndjson) = app.global.output {
        return app.print.item(settings, &Names::default());
    }
    let values = serde_json::to_value(settings).unwrap_or_default();
    let wanted = AssistantSettings::KEYS.iter();
    let wanted = wanted.filter(|key| keys.is_empty() || keys.iter().any(|one| one == *key));
    let lines: Vec<Setting> = wanted
        .map(|key| Setting {
            key: (*key).to_owned(),
            value: shown(&values[*key]),
        })
        .collect();
    app.print.list(&lines, None, &Names::default())
}

/// A value as it is written on the command line.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(shown).collect();
            items.join(", ")
        }
        other => other.to_string(),
    }
}

fn key_of(change: &str) -> &str {
    change.split_once('=').map_or(change, |(key, _)| key).trim()
}

/// A key that there is, or the nearest one.
fn check(key: &str) -> Result<(), Failure> {
    if AssistantSettings::KEYS.contains(&key) {
        return Ok(());
    }
    let keys: Vec<String> = AssistantSettings::KEYS
        .iter()
        .map(ToString::to_string)
        .collect();
    let meant = match nearest(key, keys.iter()) {
        Some(meant) => format!("; did you mean {meant:?}?"),
        None => String::new(),
    };
    Err(Failure::usage(
        format!("the assistant has no setting {key:?}{meant}"),
        HINT,
    ))
}

/// What `KEY=VALUE` words change. What a value has to be is known from the default.
fn change(words: &[String]) -> Result<AssistantChange, Failure> {
    let defaults = serde_json::to_value(AssistantSettings::default()).unwrap_or_default();
    let mut change = Map::new();
    for word in words {
        let key = key_of(word);
        check(key)?;
        let Some((_, value)) = word.split_once('=') else {
            return Err(Failure::usage(
                format!("{key} has no value; write {key}=VALUE"),
                HINT,
            ));
        };
        let value = value.trim();
        let parsed =
            parsed(value, &defaults[key]).ok_or_else(|| wrong(key, value, &defaults[key]))?;
        // Alone first, so that what is wrong can be named.
        let alone = Value::Object(Map::from_iter([(key.to_owned(), parsed.clone())]));
        serde_json::from_value::<AssistantChange>(alone)
            .map_err(|error| refused(key, value, &error.to_string()))?;
        if change.insert(key.to_owned(), parsed).is_some() {
            return Err(Failure::usage(format!("{key} is given twice"), HINT));
        }
    }
    serde_json::from_value(Value::Object(change))
        .map_err(|error| Failure::usage(error.to_string(), HINT))
}

/// A value of the kind that `default` is of.
fn parsed(value: &str, default: &Value) -> Option<Value> {
    Some(match default {
        Value::Bool(_) => match value {
            "true" | "yes" | "on" => Value::Bool(true),
            "false" | "no" | "off" => Value::Bool(false),
            _ => return None,
        },
        Value::Number(number) if number.is_f64() => {
            let share: f64 = value.parse().ok()?;
            (0.0..=1.0).contains(&share).then(|| Value::from(share))?
        }
        Value::Number(_) => Value::from(value.parse::<u64>().ok()?),
        Value::Array(_) => {
            let items = value.split(',').map(str::trim);
            let items = items.filter(|item| !item.is_empty());
            items.map(Value::from).collect()
        }
        _ => Value::from(value),
    })
}

fn wrong(key: &str, value: &str, default: &Value) -> Failure {
    let wanted = match default {
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a number from 0 to 1",
        _ => "a whole number from 0",
    };
    Failure::usage(format!("{key}={value}: give {wanted}"), HINT)
}

/// What a kind of value says of one that is none.
fn refused(key: &str, value: &str, error: &str) -> Failure {
    let why = match error.split_once("expected one of ") {
        Some((_, known)) => format!("give one of {}", known.replace('`', "")),
        None => match error.split_once("expected ") {
            Some((_, known)) if known.contains('`') => {
                format!("give {}", known.replace('`', ""))
            }
            _ => "is too large".to_owned(),
        },
    };
    Failure::usage(format!("{key}={value}: {why}"), HINT)
}

#[cfg(test)]
mod tests {
    use shared::{
        assistant::{AssistantChange, FirstLine, Share},
        text::SafeText,
    };

    use super::change;

    fn changed(words: &[&str]) -> Result<AssistantChange, String> {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        change(&words).map_err(|failure| failure.to_string())
    }

    #[test]
    fn words_become_a_change() {
        let expected = AssistantChange {
            first_line: Some(FirstLine::Always),
            answer_threshold: Some(Share::from_number(0.75)),
            max_turns: Some(8),
            answer_sources: Some(false),
            escalate_keywords: Some(["lawyer", "refund dispute"].map(SafeText::line).to_vec()),
            ..AssistantChange::default()
        };
        let words = [
            "first_line=always",
            "answer_threshold=0.75",
            "max_turns=8",
            "answer_sources=off",
            "escalate_keywords=lawyer, refund dispute",
        ];
        assert_eq!(changed(&words), Ok(expected));
        let none = changed(&["escalate_keywords="]).unwrap();
        assert_eq!(none.escalate_keywords, Some(Vec::new()));
    }

    #[test]
    fn a_mistake_is_told_in_one_line() {
        for (word, part) in [
            ("first_lin=always", "did you mean \"first_line\"?"),
            (
                "first_line=sometimes",
                "first_line=sometimes: give one of off, always",
            ),
            (
                "max_turns=many",
                "max_turns=many: give a whole number from 0",
            ),
            ("max_turns=300", "max_turns=300: is too large"),
            ("answer_threshold=1.5", "give a number from 0 to 1"),
            ("answer_sources=perhaps", "give true or false"),
            ("mode", "mode has no value; write mode=VALUE"),
            ("xyzzy=1", "the assistant has no setting \"xyzzy\""),
            (
                "while_queued=loud",
                "while_queued=loud: give silent or assist",
            ),
        ] {
            let error = changed(&[word]).unwrap_err();
            assert!(error.contains(part), "{word}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
        let twice = changed(&["max_turns=3", "max_turns=4"]).unwrap_err();
        assert!(twice.contains("max_turns is given twice"), "{twice}");
    }
}
