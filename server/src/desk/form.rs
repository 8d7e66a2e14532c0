//! What may be written where: names, texts, and the answers to a department's form.
//!
//! The sanitiser itself is `shared::text`; nothing here knows who asks.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    canned::{LANGUAGE_FIELD, language_tag},
    command::OpenChat,
    model::{Department, FieldKind, FormField},
    text::{MESSAGE_BYTES_MAX, SafeText},
};

use super::Rejection;

/// Largest answer, attribute, reason or comment.
const LINE_BYTES_MAX: usize = 1024;
/// Largest description of a department.
const DESCRIPTION_BYTES_MAX: usize = 2 * 1024;
/// Most questions of a form, and most choices of a question.
const FORM_ITEMS_MAX: usize = 32;

/// What a customer told beside the name.
pub(super) struct Answers {
    pub(super) email: Option<SafeText>,
    pub(super) phone: Option<SafeText>,
    pub(super) fields: BTreeMap<SafeText, SafeText>,
}

/// A name of a person or thing, cleaned.
pub(super) fn name(field: &str, raw: &SafeText) -> Result<SafeText, Rejection> {
    shared::text::name(raw).map_err(|error| named(field, &error))
}

/// A name of a customer, who may not look like staff.
pub(super) fn customer_name(raw: &SafeText) -> Result<SafeText, Rejection> {
    shared::text::customer_name(raw).map_err(|error| named("name", &error))
}

/// Puts what is wrong with a name behind the name of its field.
fn named(field: &str, error: &shared::text::NameError) -> Rejection {
    let text = error.to_string();
    let problem = text.strip_prefix("name ").unwrap_or(&text);
    Rejection::invalid(field, problem)
}

/// A name to log in with: letters, digits and `. _ - @`, not only digits.
pub(super) fn username(raw: &SafeText) -> Result<SafeText, Rejection> {
    let username = name("username", raw)?;
    let legal = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
    let digits = username.chars().all(|c| c.is_ascii_digit());
    if digits || !username.chars().all(legal) {
        return Err(Rejection::invalid(
            "username",
            "has characters that cannot be in one; use letters, digits and . _ - @",
        ));
    }
    Ok(username)
}

/// A name of a department, which must not read as a number.
pub(super) fn department_name(raw: &SafeText) -> Result<SafeText, Rejection> {
    let name = name("name", raw)?;
    if name.chars().all(|c| c.is_ascii_digit()) {
        return Err(Rejection::invalid("name", "is a number; add a word to it"));
    }
    Ok(name)
}

/// A language in the one form of its tag.
pub(super) fn language(raw: &SafeText) -> Result<SafeText, Rejection> {
    let tag = language_tag(raw.trim());
    let tag = tag.ok_or_else(|| {
        Rejection::invalid("language", "is no language; use a tag like pt or pt-BR")
    })?;
    Ok(SafeText::line(&tag))
}

/// The text of a message or note.
pub(super) fn message(text: &SafeText) -> Result<SafeText, Rejection> {
    if text.trim().is_empty() {
        return Err(Rejection::invalid("text", "is empty; write something"));
    }
    within("text", text, MESSAGE_BYTES_MAX)?;
    Ok(text.clone())
}

/// What is said with a file, which may be nothing.
pub(super) fn caption(text: &SafeText) -> Result<SafeText, Rejection> {
    within("text", text, MESSAGE_BYTES_MAX)?;
    if text.trim().is_empty() {
        return Ok(SafeText::default());
    }
    Ok(text.clone())
}

/// The description of a department.
pub(super) fn description(text: &SafeText) -> Result<SafeText, Rejection> {
    within("description", text, DESCRIPTION_BYTES_MAX)?;
    Ok(text.clone())
}

/// Longest retention, in days: a century.
const RETENTION_DAYS_MAX: u32 = 36_525;

/// Days of retention.
pub(super) fn days(days: u32) -> Result<u32, Rejection> {
    if days <= RETENTION_DAYS_MAX {
        return Ok(days);
    }
    let problem = format!("is more than {RETENTION_DAYS_MAX}; 0 keeps for ever");
    Err(Rejection::invalid("retention_days", problem))
}

/// The privacy notice of the desk.
pub(super) fn notice(text: &SafeText) -> Result<SafeText, Rejection> {
    within("notice", text, MESSAGE_BYTES_MAX)?;
    Ok(text.clone())
}

/// A line that may be left out; an empty one counts as left out.
pub(super) fn optional_line(
    field: &'static str,
    raw: Option<&SafeText>,
) -> Result<Option<SafeText>, Rejection> {
    let Some(raw) = raw else { return Ok(None) };
    let line = line(field, raw)?;
    Ok((!line.is_empty()).then_some(line))
}

/// One line of at most 1 KiB.
pub(super) fn line(field: &'static str, raw: &SafeText) -> Result<SafeText, Rejection> {
    let line = SafeText::line(raw);
    within(field, &line, LINE_BYTES_MAX)?;
    Ok(line)
}

/// Checks what a customer told against the form of the department.
pub(super) fn answers(department: &Department, open: &OpenChat) -> Result<Answers, Rejection> {
    let mut given: BTreeMap<SafeText, SafeText> = BTreeMap::new();
    for (key, value) in &open.fields {
        if !department.form.iter().any(|field| field.key == *key) {
            return Err(Rejection::invalid(
                format!("field \"{key}\""),
                format!("is not asked by \"{}\"; leave it out", department.name),
            ));
        }
        given.insert(key.clone(), line("answer", value)?);
    }
    let own_fields = [("email", &open.email), ("phone", &open.phone)];
    for (key, value) in own_fields {
        if let Some(value) = value {
            given.insert(SafeText::line(key), line("answer", value)?);
        }
    }
    given.retain(|_, value| !value.is_empty());
    for field in &department.form {
        match given.get(&field.key) {
            Some(value) => check_answer(&field.key, field.kind, &field.choices, value)?,
            None if field.required => {
                return Err(Rejection::invalid(
                    format!("field \"{}\"", field.key),
                    format!("is required: {}", field.label),
                ));
            }
            None => {}
        }
    }
    for (key, kind) in [("email", FieldKind::Email), ("phone", FieldKind::Phone)] {
        if let Some(value) = given.get(&SafeText::line(key)) {
            check_answer(key, kind, &[], value)?;
        }
    }
    let key = SafeText::line(LANGUAGE_FIELD);
    // A form that asks for the language itself comes first.
    if let (Some(raw), None) = (&open.language, given.get(&key)) {
        given.insert(key, language(raw)?);
    }
    Ok(Answers {
        email: given.remove(&SafeText::line("email")),
        phone: given.remove(&SafeText::line("phone")),
        fields: given,
    })
}

/// The questions of a form, cleaned.
pub(super) fn form(fields: &[FormField]) -> Result<Vec<FormField>, Rejection> {
    let mut keys = BTreeSet::new();
    if fields.len() > FORM_ITEMS_MAX {
        return Err(Rejection::invalid(
            "form",
            format!("has more than {FORM_ITEMS_MAX} fields; ask less"),
        ));
    }
    let mut form = Vec::with_capacity(fields.len());
    for field in fields {
        let key = name("form key", &field.key)?;
        if !keys.insert(key.clone()) {
            return Err(Rejection::invalid(
                format!("form key \"{key}\""),
                "is there twice; give each field its own",
            ));
        }
        let choices = field.choices.iter();
        let choices: Vec<SafeText> = choices
            .map(|choice| name("choice", choice))
            .collect::<Result<_, _>>()?;
        let fits = (field.kind == FieldKind::Choice) != choices.is_empty();
        if !fits || choices.len() > FORM_ITEMS_MAX {
            return Err(Rejection::invalid(
                format!("form field \"{key}\""),
                format!("needs 1 to {FORM_ITEMS_MAX} choices for kind choice, none for others"),
            ));
        }
        form.push(FormField {
            key,
            label: name("form label", &field.label)?,
            kind: field.kind,
            required: field.required,
            choices,
        });
    }
    Ok(form)
}

fn check_answer(
    key: &str,
    kind: FieldKind,
    choices: &[SafeText],
    value: &SafeText,
) -> Result<(), Rejection> {
    let problem = match kind {
        FieldKind::Text => return Ok(()),
        FieldKind::Email if is_email(value) => return Ok(()),
        FieldKind::Phone if is_phone(value) => return Ok(()),
        FieldKind::Choice if choices.contains(value) => return Ok(()),
        FieldKind::Email => "is not an e-mail address; write it like ana@example.org".to_owned(),
        FieldKind::Phone => "is not a telephone number; write it like +49 30 123456".to_owned(),
        FieldKind::Choice => {
            let choices: Vec<&str> = choices.iter().map(SafeText::as_str).collect();
            format!("is not a choice; choose one of: {}", choices.join(", "))
        }
    };
    Err(Rejection::invalid(format!("field \"{key}\""), problem))
}

fn is_email(value: &str) -> bool {
    let parts = value.split_once('@');
    parts.is_some_and(|(name, host)| {
        !name.is_empty()
            && !host.is_empty()
            && !host.contains('@')
            && !value.contains(char::is_whitespace)
    })
}

fn is_phone(value: &str) -> bool {
    let legal = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '(' | ')' | ' ');
    (5..=20).contains(&value.len())
        && value.chars().all(legal)
        && value.chars().any(|c| c.is_ascii_digit())
}

fn within(field: &'static str, text: &SafeText, bytes_max: usize) -> Result<(), Rejection> {
    let bytes = text.len();
    if bytes > bytes_max {
        return Err(Rejection::TooLarge {
            field,
            bytes,
            bytes_max,
        });
    }
    Ok(())
}
