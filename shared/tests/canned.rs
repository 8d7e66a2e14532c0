//! The laws of canned replies: templates, languages, and which reply a code means.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::{
    Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use shared::{
    canned::{
        Expansion, Facts, Part, VARIABLES, choose, expand, language_tag, lookup, parse,
        unknown_variable,
    },
    id::{CannedId, ChatId, DepartmentId, Epoch, Seq, UserId},
    model::{Canned, CannedScope, Chat, ChatState},
    text::SafeText,
    time::Timestamp,
};

fn chat(name: &str, fields: &[(&str, &str)]) -> Chat {
    let field = |(key, value): &(&str, &str)| (SafeText::line(key), SafeText::line(value));
    Chat {
        id: ChatId(42),
        state: ChatState::Active,
        department: DepartmentId(2),
        owner: Some(UserId(7)),
        epoch: Epoch(2),
        seq: Seq(3),
        episode: 1,
        rank_at: Timestamp::from_ms(0),
        place: None,
        customer: UserId(12),
        name: SafeText::line(name),
        email: Some(SafeText::line("bo@example.com")),
        phone: None,
        fields: fields.iter().map(field).collect(),
        tags: BTreeSet::new(),
        priority: 0,
        opened_at: Timestamp::from_ms(0),
        resolved_at: None,
        previous: None,
        read_by_customer: Seq(0),
        read_by_staff: Seq(0),
        until: None,
        read_by_owner: Seq(0),
        unread_from: None,
        hand_off: None,
        rating: None,
        rev: 3,
    }
}

fn filled(template: &str, chat: &Chat) -> Expansion {
    let facts = Facts {
        chat,
        agent: "Ana Lima",
        department: "Billing",
    };
    expand(template, &facts)
}

fn canned(id: u64, code: &str, scope: CannedScope) -> Canned {
    Canned {
        id: CannedId(id),
        code: SafeText::line(code),
        scope,
        text: SafeText::block("hello"),
        variants: BTreeMap::new(),
        uses: 0,
        rev: id,
    }
}

#[test]
fn every_variable_is_filled() {
    let chat = chat("Bo Ek", &[("plan", "pro"), ("Order number", "A-17")]);
    for (template, expected) in [
        ("{{customer.name}}", "Bo Ek"),
        ("{{customer.first_name}}", "Bo"),
        ("{{customer.email}}", "bo@example.com"),
        ("{{agent.name}}/{{agent.first_name}}", "Ana Lima/Ana"),
        ("#{{chat.id}} in {{department.name}}", "#42 in Billing"),
        (
            "{{attr.plan}} {{ attr.Order number | default : \"-\" }}",
            "pro A-17",
        ),
        ("{{customer.phone|default:\"no phone\"}}", "no phone"),
        ("{{customer.phone|default:\"\"}}.", "."),
        ("{{customer.phone|default:\"}} {{\"}}", "}} {{"),
        ("{{{customer.first_name}}} {{ {{chat.id}}", "{Bo} {{ 42"),
        ("a {{ b } c", "a {{ b } c"),
        ("{{", "{{"),
    ] {
        let expansion = filled(template, &chat);
        assert_eq!(expansion.text, expected, "{template}");
        assert_eq!(expansion.unfilled, [], "{template}");
    }
}

#[test]
fn what_has_no_value_stays_and_is_named_where_it_stands() {
    let chat = chat("Bo", &[]);
    let template = "é {{customer.phone}} {{ attr.plan }} {{nonsense|default:x}}";
    let expansion = filled(template, &chat);
    assert_eq!(expansion.text, template);
    let found: Vec<_> = expansion
        .unfilled
        .iter()
        .map(|one| (one.name.as_str(), &expansion.text[one.range.clone()]))
        .collect();
    assert_eq!(
        found,
        [
            ("customer.phone", "{{customer.phone}}"),
            ("attr.plan", "{{ attr.plan }}"),
            ("nonsense|default:x", "{{nonsense|default:x}}"),
        ]
    );
}

#[test]
fn a_value_is_never_read_as_a_template() {
    let chat = chat("{{agent.name}}", &[("plan", "{{customer.email}}")]);
    let expansion = filled("{{customer.name}} {{attr.plan}}", &chat);
    assert_eq!(expansion.text, "{{agent.name}} {{customer.email}}");
    assert_eq!(expansion.unfilled, []);
    // Neither do two harmless ones make a variable together.
    let halves = self::chat("{{agent", &[("rest", ".name}}")]);
    let expansion = filled("{{customer.name}}{{attr.rest}}", &halves);
    assert_eq!(expansion.text, "{{agent.name}}");
}

#[test]
fn the_validator_names_what_no_chat_can_have() {
    for name in VARIABLES {
        assert_eq!(unknown_variable(&format!("{{{{{name}}}}}")), None, "{name}");
    }
    for (template, unknown) in [
        ("no variable {{ at all", None),
        ("{{attr.anything at all}}", None),
        ("{{customer.shoe_size}}", Some("customer.shoe_size")),
        ("{{chat.id}} {{Customer.name}}", Some("Customer.name")),
        ("{{customer.shoe|default:\"x\"}}", Some("customer.shoe")),
        ("{{customer.name|upper}}", Some("customer.name|upper")),
        ("{{attr.x|default:y}}", Some("attr.x|default:y")),
        ("{{attr.}}", Some("attr.")),
        ("{{ }}", Some("")),
    ] {
        assert_eq!(unknown_variable(template), unknown, "{template}");
    }
}

#[test]
fn a_tag_of_a_language_has_one_form() {
    for (raw, tag) in [
        ("PT", Some("pt")),
        ("pt-br", Some("pt-BR")),
        ("ast-ES", Some("ast-ES")),
        ("es-419", Some("es-419")),
        ("p", None),
        ("port", None),
        ("pt-", None),
        ("pt-B", None),
        ("pt-41", None),
        ("pt-BR-x", None),
        ("p1", None),
        ("", None),
    ] {
        assert_eq!(language_tag(raw).as_deref(), tag, "{raw}");
    }
}

#[test]
fn the_nearest_language_is_chosen() {
    let mut reply = canned(1, "hi", CannedScope::Global);
    let variants = [("pt", "olá"), ("pt-BR", "oi"), ("de-AT", "servus")];
    reply.variants = variants
        .map(|(tag, text)| (SafeText::line(tag), SafeText::block(text)))
        .into();
    for (locale, text) in [
        (None, "hello"),
        (Some("pt-BR"), "oi"),
        (Some("pt_BR.UTF-8"), "oi"),
        (Some("PT-br"), "oi"),
        (Some("pt-PT"), "olá"),
        (Some("pt"), "olá"),
        (Some("de"), "hello"),
        (Some("de-DE"), "hello"),
        (Some("ptx"), "hello"),
        (Some(""), "hello"),
    ] {
        assert_eq!(choose(&reply, locale).as_str(), text, "{locale:?}");
    }
}

#[test]
fn the_most_specific_scope_comes_first_and_ties_are_listed() {
    let department = |id| CannedScope::Department {
        department: DepartmentId(id),
    };
    let personal = |id| CannedScope::Personal { user: UserId(id) };
    let all = [
        canned(1, "hi", CannedScope::Global),
        canned(2, "hi", department(2)),
        canned(3, "hi", department(3)),
        canned(4, "hi", personal(7)),
        canned(5, "hi", personal(8)),
        canned(6, "hi-there", CannedScope::Global),
    ];
    let found = |code: &str, viewer, department| -> Vec<u64> {
        let found = lookup(code, UserId(viewer), DepartmentId(department), &all);
        found.iter().map(|canned| canned.id.0).collect()
    };
    assert_eq!(found("hi", 7, 2), [4, 2, 1]);
    assert_eq!(found("HI", 9, 3), [3, 1]);
    assert_eq!(found("hi-there", 7, 2), [6]);
    assert_eq!(found("h", 7, 2), [0; 0]);
}

/// Pieces that templates are made of, whole and broken.
fn template() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        piece("{{"),
        piece("}}"),
        piece("{"),
        piece("}"),
        piece("|"),
        piece("default:"),
        piece("\"there\""),
        piece("\""),
        piece(" "),
        piece("customer.name"),
        piece("customer.phone"),
        piece("attr.plan"),
        piece("{{chat.id}}"),
        piece("{{customer.phone|default:\"x\"}}"),
        any::<String>(),
    ];
    prop::collection::vec(pieces, 0..24).prop_map(|pieces| pieces.concat())
}

fn piece(piece: &'static str) -> impl Strategy<Value = String> {
    Just(piece.to_owned())
}

proptest! {
    #[test]
    fn parts_put_together_are_the_template(template in template()) {
        let whole: String = parse(&template)
            .into_iter()
            .map(|part| match part {
                Part::Text(text) => text,
                Part::Variable { written, .. } => written,
            })
            .collect();
        prop_assert_eq!(whole, template);
    }

    #[test]
    fn what_stays_unfilled_is_where_it_is_said_to_be(template in template(), name in any::<String>()) {
        let chat = chat(&name, &[]);
        let expansion = filled(&template, &chat);
        let variables: Vec<_> = parse(&template)
            .into_iter()
            .filter_map(|part| match part {
                Part::Text(_) => None,
                Part::Variable { written, name, default } => Some((written, name, default)),
            })
            .collect();
        let mut from = 0;
        for one in &expansion.unfilled {
            prop_assert!(one.range.start >= from, "in order, apart");
            from = one.range.end;
            let written = &expansion.text[one.range.clone()];
            prop_assert!(variables.contains(&(written, one.name.as_str(), None)), "{written}");
        }
        let open = variables.iter().filter(|(_, name, default)| {
            default.is_none() && (unknown_variable(&format!("{{{{{name}}}}}")).is_some()
                || name.starts_with("attr.") || *name == "customer.phone")
        });
        prop_assert!(expansion.unfilled.len() >= open.count());
    }

    /// Text without two braces is nobody's template.
    #[test]
    fn plain_text_is_itself(text in "[^{]*") {
        let expansion = filled(&text, &chat("Bo", &[]));
        prop_assert_eq!(expansion, Expansion { text, unfilled: Vec::new() });
    }

    /// Values come out as they went in, whatever they look like.
    #[test]
    fn values_are_put_in_as_they_are(name in template()) {
        let chat = chat(&name, &[]);
        let expansion = filled("<{{customer.name|default:\"nobody\"}}>", &chat);
        let name = if chat.name.trim().is_empty() { "nobody" } else { chat.name.as_str() };
        prop_assert_eq!(expansion.text, format!("<{name}>"));
        prop_assert_eq!(expansion.unfilled, []);
    }
}
