//! Tests of the formats.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;
use shared::{
    id::{CannedId, DepartmentId, UserId},
    model::{AgentStatus, Canned, CannedScope, Department, Role, User},
    text::{HOSTILE, SafeText, width},
};

use super::{Column, Item, Names, Style, csv_cell, safe_json};
use crate::args::Format;

const FORMATS: [Option<Format>; 8] = [
    None,
    Some(Format::Table),
    Some(Format::Wide),
    Some(Format::Json),
    Some(Format::Yaml),
    Some(Format::Ndjson),
    Some(Format::Name),
    Some(Format::Csv),
];

/// Any text.
#[derive(Serialize)]
struct Raw {
    text: String,
}

impl Item for Raw {
    const COLUMNS: &'static [Column] = &[Column {
        title: "text",
        main: true,
    }];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![self.text.clone()]
    }

    fn handle(&self) -> String {
        self.text.clone()
    }
}

fn department(id: u64, name: &str) -> Department {
    Department {
        id: DepartmentId(id),
        name: SafeText::line(name),
        description: SafeText::line("invoices, refunds"),
        active: true,
        default: id == 1,
        capacity: None,
        retention_days: None,
        form: Vec::new(),
        rev: 41,
    }
}

fn canned(id: u64, scope: CannedScope) -> Canned {
    let variant = |tag: &str| (SafeText::line(tag), SafeText::block("oi"));
    Canned {
        id: CannedId(id),
        code: SafeText::line("hello"),
        scope,
        text: SafeText::block("Hello {{customer.name}},\nhow are you?"),
        variants: BTreeMap::from(["pt-BR", "de"].map(variant)),
        uses: 3,
        rev: 41,
    }
}

fn user(departments: &[u64]) -> User {
    User {
        id: UserId(7),
        username: SafeText::line("ana"),
        name: SafeText::line("Ana"),
        role: Role::Agent,
        departments: departments
            .iter()
            .map(|&id| DepartmentId(id))
            .collect::<BTreeSet<_>>(),
        status: AgentStatus::Online,
        reason: None,
        drain: false,
        reachable: true,
        capacity: Some(5),
        active: true,
        rev: 9,
    }
}

fn list<T: Item>(format: Option<Format>, columns: Option<usize>, items: &[T]) -> String {
    let mut out = Vec::new();
    let style = Style::new(format, columns.is_some(), columns, false);
    style
        .write_list(&mut out, items, None, &Names::default())
        .unwrap();
    String::from_utf8(out).unwrap()
}

fn item<T: Item>(format: Format, item: &T, names: &Names) -> String {
    let mut out = Vec::new();
    let style = Style::new(Some(format), false, None, false);
    style.write_item(&mut out, item, names).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_table_is_padded_and_titled() {
    let two = [department(1, "Customer Care"), department(12, "技術")];
    assert_eq!(
        list(Some(Format::Table), None, &two),
        "ID  NAME           ACTIVE  DEFAULT  CAPACITY\n\
         1   Customer Care  yes     yes      -\n\
         12  技術           yes     no       -\n"
    );
}

#[test]
fn a_canned_reply_says_for_whom_it_is_in_one_row() {
    let department = DepartmentId(2);
    let three = [
        canned(1, CannedScope::Global),
        canned(2, CannedScope::Department { department }),
        canned(12, CannedScope::Personal { user: UserId(7) }),
    ];
    assert_eq!(
        list(Some(Format::Wide), None, &three),
        "ID  CODE   SCOPE         USES  TEXT                                   LANGUAGES  REV\n\
         1   hello  global        3     Hello {{customer.name}}, how are you?  de,pt-BR   41\n\
         2   hello  department 2  3     Hello {{customer.name}}, how are you?  de,pt-BR   41\n\
         12  hello  personal 7    3     Hello {{customer.name}}, how are you?  de,pt-BR   41\n"
    );
    assert_eq!(list(Some(Format::Name), None, &three), "1\n2\n12\n");
    let mut names = Names::default();
    names
        .departments
        .insert(department, SafeText::line("Billing"));
    let row = item(Format::Table, &three[1], &names);
    assert!(row.contains("department Billing"), "{row}");
    let json: Value = serde_json::from_str(&item(Format::Json, &three[2], &names)).unwrap();
    assert_eq!(
        json["scope"],
        serde_json::json!({"kind": "personal", "user": 7})
    );
}

#[test]
fn a_pipe_gets_tabs_without_a_header() {
    assert_eq!(
        list(None, None, &[department(1, "Customer Care")]),
        "1\tCustomer Care\tyes\tyes\t\n"
    );
}

#[test]
fn a_table_is_cut_to_the_terminal_only() {
    let long = [department(1, &"long ".repeat(60))];
    for columns in [40, 60, 200] {
        for line in list(None, Some(columns), &long).lines() {
            assert!(width(line) <= columns, "{columns}: {line}");
        }
    }
    let cells = list(Some(Format::Table), None, &long);
    assert!(!cells.contains(".."), "{cells}");
}

#[test]
fn json_has_every_key_in_a_fixed_order() {
    let json = list(Some(Format::Json), None, &[department(1, "Billing")]);
    let keys = [
        "items",
        "id",
        "name",
        "description",
        "active",
        "default",
        "capacity",
        "form",
        "rev",
        "next",
    ];
    let mut from = 0;
    for key in keys {
        let at = json[from..].find(&format!("\"{key}\":"));
        from += at.unwrap_or_else(|| panic!("{key} is missing or out of place in {json}"));
    }
    let value: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["next"], Value::Null);
    assert_eq!(value["items"][0]["capacity"], Value::Null);
    assert_eq!(list::<Department>(Some(Format::Ndjson), None, &[]), "");
    let empty: Value =
        serde_json::from_str(&list::<Department>(Some(Format::Json), None, &[])).unwrap();
    assert_eq!(empty, serde_json::json!({"items": [], "next": null}));
}

#[test]
fn yaml_says_the_same_as_json() {
    let yaml = item(
        Format::Yaml,
        &department(1, "yes: no # \"x\""),
        &Names::default(),
    );
    assert!(yaml.starts_with("id: 1\nname: "), "{yaml}");
    assert!(yaml.contains("capacity: null\n"), "{yaml}");
    assert!(
        !yaml.contains("name: yes: no"),
        "a name is quoted where it must be: {yaml}"
    );
}

#[test]
fn names_are_what_other_verbs_take() {
    let two = [department(1, "Customer Care"), department(2, "Billing")];
    assert_eq!(
        list(Some(Format::Name), None, &two),
        "Customer Care\nBilling\n"
    );
    assert_eq!(item(Format::Name, &user(&[]), &Names::default()), "ana\n");
}

#[test]
fn tables_show_names_for_numbers_where_they_are_known() {
    let mut names = Names::default();
    names
        .departments
        .insert(DepartmentId(1), SafeText::line("Billing"));
    let row = item(Format::Table, &user(&[1, 2]), &names);
    assert!(row.contains("Billing,2"), "{row}");
    let json: Value = serde_json::from_str(&item(Format::Json, &user(&[1, 2]), &names)).unwrap();
    assert_eq!(json["departments"], serde_json::json!([1, 2]));
}

#[test]
fn csv_keeps_hostile_names_in_their_cell() {
    let hostile = [
        department(1, "a,b"),
        department(2, "say \"hi\""),
        department(3, "=cmd|'/c calc'!A0"),
        department(4, "line\nbreak"),
    ];
    let csv = list(Some(Format::Csv), None, &hostile);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(&reader.headers().unwrap()[1], "name");
    let names: Vec<String> = reader
        .records()
        .map(|row| row.unwrap()[1].to_owned())
        .collect();
    assert_eq!(
        names,
        ["a,b", "say \"hi\"", "'=cmd|'/c calc'!A0", "line break"]
    );
}

#[test]
fn csv_takes_no_number_for_a_formula() {
    for (cell, expected) in [
        ("+43 (1) 234-5", "+43 (1) 234-5"),
        ("-12", "-12"),
        ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
        ("@SUM(1)", "'@SUM(1)"),
        ("=1", "'=1"),
        ("a=1", "a=1"),
    ] {
        assert_eq!(csv_cell(cell), expected);
    }
}

#[test]
fn nothing_hostile_reaches_the_terminal_in_any_format() {
    for (index, text) in HOSTILE.iter().enumerate() {
        // As if nobody had cleaned it before.
        let one = Raw {
            text: (*text).to_owned(),
        };
        for format in FORMATS {
            for columns in [None, Some(80)] {
                let out = list(format, columns, std::slice::from_ref(&one));
                let clean = SafeText::block(&out);
                assert_eq!(clean.as_str(), out, "{format:?}, hostile text {index}");
            }
        }
        let rows = list(Some(Format::Table), None, &[one]);
        assert_eq!(
            rows.lines().count(),
            2,
            "hostile text {index} forges a row: {rows}"
        );
    }
}

#[test]
fn json_that_would_paint_is_escaped_and_still_the_same() {
    let dirty = "{\"a\":\"\u{202e}\u{9b}31mé\u{1f600}\"}";
    let safe = safe_json(dirty);
    assert!(safe.is_ascii(), "{safe}");
    let (before, after): (Value, Value) = (
        serde_json::from_str(dirty).unwrap(),
        serde_json::from_str(&safe).unwrap(),
    );
    assert_eq!(before, after);
    assert_eq!(safe_json("{\"a\":\"é\"}"), "{\"a\":\"é\"}");
}

#[test]
fn every_thing_has_a_cell_for_each_column() {
    fn check<T: Item>(item: &T) {
        assert_eq!(item.cells(&Names::default()).len(), T::COLUMNS.len());
        let titles: BTreeSet<_> = T::COLUMNS.iter().map(|column| column.title).collect();
        assert_eq!(titles.len(), T::COLUMNS.len(), "a title is used twice");
    }
    check(&department(1, "Billing"));
    check(&user(&[1]));
    check(&canned(1, CannedScope::Global));
}
