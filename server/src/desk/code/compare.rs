//! What becomes of each thing between two documents of a desk.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value};
use shared::{
    desk::{Change, Deed, Document, FieldChange, Kind},
    text::SafeText,
};

use super::key::Entry;

/// What differs, and what of `document` does not.
pub(super) fn changes(before: &Document, after: &Document, document: &Document) -> Vec<Change> {
    let mut changes = Vec::new();
    let single = (&before.settings, &after.settings, &document.settings);
    one(&mut changes, Kind::Settings, single);
    let single = (&before.assistant, &after.assistant, &document.assistant);
    one(&mut changes, Kind::Assistant, single);
    let lists = (&before.department, &after.department, &document.department);
    section(&mut changes, Kind::Department, lists);
    let lists = (&before.user, &after.user, &document.user);
    section(&mut changes, Kind::User, lists);
    let lists = (&before.canned, &after.canned, &document.canned);
    section(&mut changes, Kind::Canned, lists);
    changes
}

/// What there is one of: before, after and in the document.
type Single<'a, T> = (&'a Option<T>, &'a Option<T>, &'a Option<T>);

fn one<T: Serialize>(
    changes: &mut Vec<Change>,
    kind: Kind,
    (before, after, document): Single<'_, T>,
) {
    let fields = fields(before, after);
    if !fields.is_empty() || document.is_some() {
        changes.push(Change {
            deed: match fields.is_empty() {
                true => Deed::Unchanged,
                false => Deed::Updated,
            },
            kind,
            name: SafeText::default(),
            fields,
        });
    }
}

/// The same list before, after and in the document.
type Lists<'a, T> = (&'a Option<Vec<T>>, &'a Option<Vec<T>>, &'a Option<Vec<T>>);

fn section<T: Entry + Serialize + PartialEq>(
    changes: &mut Vec<Change>,
    kind: Kind,
    (before, after, document): Lists<'_, T>,
) {
    let (before, after) = (by_key(before), by_key(after));
    let named: BTreeSet<T::Key> = document.iter().flatten().map(Entry::key).collect();
    let keys: BTreeSet<&T::Key> = before.keys().chain(after.keys()).collect();
    for key in keys {
        let (deed, entry, fields) = match (before.get(key), after.get(key)) {
            (None, Some(new)) => (Deed::Created, new, Vec::new()),
            (Some(old), None) => (Deed::Deleted, old, Vec::new()),
            (Some(old), Some(new)) if old != new => (Deed::Updated, new, fields(old, new)),
            (Some(_), Some(new)) if named.contains(key) => (Deed::Unchanged, new, Vec::new()),
            _ => continue,
        };
        changes.push(Change {
            deed,
            kind,
            name: entry.title(),
            fields,
        });
    }
}

fn by_key<T: Entry>(list: &Option<Vec<T>>) -> BTreeMap<T::Key, &T> {
    let entries = list.iter().flatten();
    entries.map(|entry| (entry.key(), entry)).collect()
}

/// The fields of a thing that differ.
fn fields<T: Serialize>(old: &T, new: &T) -> Vec<FieldChange> {
    let (old, new) = (object(old), object(new));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let differing = names
        .into_iter()
        .filter(|&name| old.get(name) != new.get(name));
    differing
        .map(|name| {
            let (from, to) = (old.get(name), new.get(name));
            FieldChange {
                field: SafeText::line(name),
                from: from.cloned().unwrap_or_else(|| unsaid(to)),
                to: to.cloned().unwrap_or_else(|| unsaid(from)),
            }
        })
        .collect()
}

fn object<T: Serialize>(entry: &T) -> Map<String, Value> {
    match serde_json::to_value(entry) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// The value of a field that is not said, when `other` is another value of it: a document leaves
/// out only what is the default.
fn unsaid(other: Option<&Value>) -> Value {
    match other {
        Some(Value::Bool(value)) => Value::Bool(!value),
        Some(Value::Array(_)) => Value::Array(Vec::new()),
        Some(Value::Object(_)) => Value::Object(Map::new()),
        Some(Value::String(_)) => Value::String(String::new()),
        _ => Value::Null,
    }
}
