//! The columns of what a document changes.

use serde_json::Value;
use shared::desk::{Change, FieldChange};

use crate::print::{
    Column, Item, Names,
    items::{main, word},
};

/// Longest value that is shown whole, in characters.
const VALUE_CHARS_MAX: usize = 40;

impl Item for Change {
    const COLUMNS: &'static [Column] = &[main("deed"), main("kind"), main("name"), main("changes")];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            word(&self.deed),
            self.kind.to_string(),
            self.name.to_string(),
            fields(&self.fields),
        ]
    }

    fn handle(&self) -> String {
        format!("{} {}", self.kind, self.name).trim_end().to_owned()
    }
}

/// `capacity 3 -> 5, active true -> false`.
pub(crate) fn fields(all: &[FieldChange]) -> String {
    let all = all.iter().map(|change| {
        let (from, to) = (value(&change.from), value(&change.to));
        format!("{} {from} -> {to}", change.field)
    });
    all.collect::<Vec<_>>().join(", ")
}

fn value(value: &Value) -> String {
    let text = match value {
        Value::Null => "none".to_owned(),
        Value::String(text) if text.is_empty() || text.contains(['\n', ',']) => {
            word(&Value::String(text.clone())).replace('\n', "\\n")
        }
        Value::Array(all) if all.is_empty() => "none".to_owned(),
        Value::Array(all) if all.iter().all(Value::is_string) => {
            all.iter().map(word).collect::<Vec<_>>().join("+")
        }
        value => word(value),
    };
    let text = if text.is_empty() {
        "none".to_owned()
    } else {
        text
    };
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}..", &text[..end]),
        None => text,
    }
}
