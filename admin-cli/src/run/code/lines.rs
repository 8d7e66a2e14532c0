//! What becomes of things, in lines that people read.

use shared::desk::{Change, Deed, Totals};

use crate::print::changes::fields;

/// `+ department Returns`, `~ user ana: capacity 3 -> 5`, `- canned hello`.
pub(super) fn of(change: &Change) -> String {
    let mark = match change.deed {
        Deed::Created => '+',
        Deed::Updated => '~',
        Deed::Unchanged => '=',
        Deed::Deleted => '-',
    };
    let fields = fields(&change.fields);
    let colon = if fields.is_empty() { "" } else { ": " };
    format!("{mark} {}{colon}{fields}\n", name(change))
}

/// `department Returns`; the settings have no name.
pub(super) fn name(change: &Change) -> String {
    match change.kind {
        kind if kind.is_single() => change.kind.to_string(),
        kind => format!("{kind} {}", change.name),
    }
}

/// `2 created, 1 updated, 0 deleted, 7 unchanged`.
pub(super) fn totals(totals: Totals) -> String {
    let Totals {
        created,
        updated,
        unchanged,
        deleted,
    } = totals;
    format!("{created} created, {updated} updated, {deleted} deleted, {unchanged} unchanged")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared::{
        desk::{Change, Deed, FieldChange, Kind},
        text::SafeText,
    };

    use super::of;

    fn change(deed: Deed, kind: Kind, name: &str, fields: &[(&str, Value, Value)]) -> String {
        let fields = fields.iter().cloned();
        of(&Change {
            deed,
            kind,
            name: SafeText::line(name),
            fields: fields
                .map(|(field, from, to)| FieldChange {
                    field: SafeText::line(field),
                    from,
                    to,
                })
                .collect(),
        })
    }

    #[test]
    fn changes_are_lines() {
        let made = change(Deed::Created, Kind::Department, "Returns", &[]);
        assert_eq!(made, "+ department Returns\n");
        let gone = change(Deed::Deleted, Kind::Canned, "hello of @ana", &[]);
        assert_eq!(gone, "- canned hello of @ana\n");
        let fields = [
            ("capacity", json!(3), Value::Null),
            ("active", json!(true), json!(false)),
            ("departments", json!(["A", "B"]), json!([])),
        ];
        let updated = change(Deed::Updated, Kind::User, "ana", &fields);
        let expected = "~ user ana: capacity 3 -> none, active true -> false, \
                        departments A+B -> none\n";
        assert_eq!(updated, expected);
        let fields = [("notice", json!(""), json!("one\ntwo ".repeat(20)))];
        let settings = change(Deed::Updated, Kind::Settings, "", &fields);
        assert!(
            settings.starts_with("~ settings: notice none -> one\\ntwo"),
            "{settings}"
        );
        assert!(
            settings.ends_with("..\n") && settings.len() < 90,
            "{settings}"
        );
    }
}
