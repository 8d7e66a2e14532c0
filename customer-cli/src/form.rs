//! The questions before a chat, and what counts as an answer.
//!
//! Pure. The hub checks once more; this is so that a wrong answer is asked again at once.

use std::collections::BTreeMap;

use shared::{
    api::{OpenChat, PublicDepartment},
    client::profile::nearest,
    command::DepartmentRef,
    id::{CommandId, DepartmentId},
    model::{FieldKind, FormField},
    text::SafeText,
};

/// Longest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 1024;

/// What the customer told before the chat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// The name.
    pub name: Option<SafeText>,
    /// The e-mail address.
    pub email: Option<SafeText>,
    /// The telephone number.
    pub phone: Option<SafeText>,
    /// The department.
    pub department: Option<DepartmentRef>,
    /// The language, as a tag.
    pub language: Option<SafeText>,
    /// Other answers to its form.
    pub fields: BTreeMap<SafeText, SafeText>,
    /// A person from the start, not the assistant.
    pub human: bool,
}

impl Details {
    /// The body of the request that opens the chat.
    #[must_use]
    pub fn into_request(self, text: Option<SafeText>, cid: CommandId) -> OpenChat {
        OpenChat {
            name: self.name,
            email: self.email,
            phone: self.phone,
            department: self.department,
            text,
            fields: self.fields,
            previous: None,
            human: self.human,
            language: self.language,
            cid,
        }
    }

    /// The answer to a question, if it was given.
    #[must_use]
    pub fn answer(&self, key: &str) -> Option<&SafeText> {
        match key {
            "email" => self.email.as_ref(),
            "phone" => self.phone.as_ref(),
            _ => self.fields.get(&SafeText::line(key)),
        }
    }

    /// Puts in the answer to a question.
    pub fn put(&mut self, key: &SafeText, value: SafeText) {
        match key.as_str() {
            "email" => self.email = Some(value),
            "phone" => self.phone = Some(value),
            _ => {
                self.fields.insert(key.clone(), value);
            }
        }
    }
}

/// Finds the department that is meant: by number, by name, or by the beginning of a word of one.
///
/// # Errors
/// What to tell when there is none or more than one.
pub fn find<'a>(
    departments: &'a [PublicDepartment],
    meant: &str,
) -> Result<&'a PublicDepartment, String> {
    let meant = SafeText::line(meant);
    let wanted = meant.to_lowercase();
    let number = meant.parse::<DepartmentId>().ok();
    let same = |d: &&PublicDepartment| Some(d.id) == number || d.name.to_lowercase() == wanted;
    if let Some(department) = departments.iter().find(same) {
        return Ok(department);
    }
    let begins = |d: &&PublicDepartment| {
        let name = d.name.to_lowercase();
        name.starts_with(&wanted) || name.split(' ').any(|word| word.starts_with(&wanted))
    };
    let near: Vec<&PublicDepartment> = departments.iter().filter(begins).collect();
    match near[..] {
        [department] if !wanted.is_empty() => Ok(department),
        _ => {
            let names: Vec<String> = departments.iter().map(|d| d.name.to_string()).collect();
            // Letters count as the same in either case, as they do for a name that is right.
            let lower: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
            let close = nearest(&wanted, lower.iter()).filter(|_| near.is_empty());
            let close = close.and_then(|near| lower.iter().position(|name| name == near));
            let what = match close {
                Some(at) => format!("did you mean \"{}\"?", names[at]),
                None => format!("choose one of: {}", names.join(", ")),
            };
            Err(format!("department \"{meant}\" is not found; {what}"))
        }
    }
}

/// The question of a form as it is asked.
#[must_use]
pub fn question(field: &FormField) -> String {
    let mut text = SafeText::line(&field.label).to_string();
    if !field.choices.is_empty() {
        let choices: Vec<&str> = field.choices.iter().map(SafeText::as_str).collect();
        text.push_str(&format!(" [{}]", choices.join(", ")));
    }
    if !field.required {
        text.push_str(" (Enter to skip)");
    }
    text.push_str(": ");
    text
}

/// Checks an answer to a question; none when an optional one was skipped.
///
/// # Errors
/// What to tell before asking again.
pub fn check(field: &FormField, answer: &str) -> Result<Option<SafeText>, String> {
    let answer = SafeText::line(answer);
    if answer.is_empty() {
        return if field.required {
            Err("an answer is needed".to_owned())
        } else {
            Ok(None)
        };
    }
    if answer.len() > ANSWER_BYTES_MAX {
        return Err(format!(
            "that is longer than {ANSWER_BYTES_MAX} bytes; shorten it"
        ));
    }
    match field.kind {
        FieldKind::Email if !is_email(&answer) => {
            Err("that is not an e-mail address; write it like ana@example.org".to_owned())
        }
        FieldKind::Phone if !is_phone(&answer) => {
            Err("that is not a telephone number; write it like +49 30 123456".to_owned())
        }
        FieldKind::Choice => choice(&field.choices, &answer).map(Some),
        _ => Ok(Some(answer)),
    }
}

/// The choice that is meant: itself, or its beginning where no other begins so.
fn choice(choices: &[SafeText], answer: &SafeText) -> Result<SafeText, String> {
    let wanted = answer.to_lowercase();
    let same = |choice: &&SafeText| choice.to_lowercase() == wanted;
    let begins = |choice: &&SafeText| choice.to_lowercase().starts_with(&wanted);
    let mut near = choices.iter().filter(begins);
    match (choices.iter().find(same), near.next(), near.next()) {
        (Some(choice), ..) | (None, Some(choice), None) => Ok(choice.clone()),
        _ => {
            let choices: Vec<&str> = choices.iter().map(SafeText::as_str).collect();
            Err(format!("choose one of: {}", choices.join(", ")))
        }
    }
}

fn is_email(value: &str) -> bool {
    value.split_once('@').is_some_and(|(name, host)| {
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

#[cfg(test)]
mod tests {
    use shared::{
        api::PublicDepartment,
        id::DepartmentId,
        model::{FieldKind, FormField},
        text::SafeText,
    };

    use super::{Details, check, find, question};

    fn field(kind: FieldKind, required: bool, choices: &[&str]) -> FormField {
        FormField {
            key: SafeText::line("topic"),
            label: SafeText::line("What is it about?"),
            kind,
            required,
            choices: choices
                .iter()
                .map(|choice| SafeText::line(choice))
                .collect(),
        }
    }

    fn department(id: u64, name: &str) -> PublicDepartment {
        PublicDepartment {
            id: DepartmentId(id),
            name: SafeText::line(name),
            description: SafeText::default(),
            default: id == 1,
            form: Vec::new(),
        }
    }

    #[test]
    fn answers_are_checked_by_kind() {
        let email = field(FieldKind::Email, true, &[]);
        assert!(check(&email, "bo@example.org").is_ok_and(|answer| answer.is_some()));
        for wrong in ["", "bo", "@example.org", "bo@", "bo@a@b", "b o@example.org"] {
            assert!(check(&email, wrong).is_err(), "{wrong:?}");
        }
        let phone = field(FieldKind::Phone, true, &[]);
        assert!(check(&phone, "+49 (30) 12-34").is_ok());
        for wrong in ["1234", "+49 30 12 34 56 78 90 12", "call me", "(((((("] {
            assert!(check(&phone, wrong).is_err(), "{wrong:?}");
        }
        let choice = field(FieldKind::Choice, true, &["Invoice", "Refund"]);
        assert_eq!(check(&choice, "refund"), Ok(Some(SafeText::line("Refund"))));
        assert!(check(&choice, "money").is_err_and(|text| text.contains("Invoice, Refund")));
        let choice = field(FieldKind::Choice, true, &["too big", "too small", "too"]);
        let is = |answer: &str| check(&choice, answer).ok().flatten().map(String::from);
        assert_eq!(is("Too B").as_deref(), Some("too big"));
        assert_eq!(is("too").as_deref(), Some("too"), "it is one by itself");
        assert_eq!(is("to"), None, "three begin so");
        let text = field(FieldKind::Text, false, &[]);
        assert_eq!(check(&text, "  "), Ok(None));
        assert!(check(&text, &"x".repeat(2000)).is_err());
    }

    #[test]
    fn a_question_says_what_may_be_answered() {
        let choice = field(FieldKind::Choice, false, &["Invoice", "Refund"]);
        assert_eq!(
            question(&choice),
            "What is it about? [Invoice, Refund] (Enter to skip): "
        );
    }

    #[test]
    fn a_department_is_found_by_number_name_or_beginning() {
        let all = [
            department(1, "Customer Care"),
            department(2, "Billing"),
            department(3, "Bots"),
        ];
        for (meant, id) in [
            ("2", 2),
            ("billing", 2),
            ("CUST", 1),
            ("care", 1),
            ("bo", 3),
        ] {
            assert_eq!(find(&all, meant).map(|d| d.id.0), Ok(id), "{meant}");
        }
        for meant in ["b", "", "sales"] {
            let error = find(&all, meant).map(|d| d.id.0);
            assert!(error.is_err_and(|text| text.contains("Customer Care, Billing, Bots")));
        }
        assert_eq!(
            find(&all, "Bilng").map(|d| d.id.0),
            Err("department \"Bilng\" is not found; did you mean \"Billing\"?".to_owned())
        );
    }

    #[test]
    fn email_and_phone_have_their_own_places() {
        let mut details = Details::default();
        for key in ["email", "phone", "order"] {
            assert_eq!(details.answer(key), None);
            details.put(&SafeText::line(key), SafeText::line("x"));
            assert!(details.answer(key).is_some());
        }
        assert_eq!(details.fields.len(), 1);
    }
}
