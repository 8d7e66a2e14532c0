//! Canned replies on their way into a message: which one a code means, in which language, and
//! what its template becomes.
//!
//! Pure, for the console, the scripts and the desk alike. A template is text with variables such
//! as `{{customer.first_name|default:"there"}}`; what is put in is never read as a template again.
//! Who may see a reply is decided by the desk; nothing here cleans text.

use std::ops::Range;

use crate::{
    id::{DepartmentId, UserId},
    model::{Canned, CannedScope, Chat},
    text::SafeText,
};

/// The variables that every chat has; beside them `attr.KEY` is the field KEY of the chat.
pub const VARIABLES: [&str; 8] = [
    "customer.name",
    "customer.first_name",
    "customer.email",
    "customer.phone",
    "agent.name",
    "agent.first_name",
    "chat.id",
    "department.name",
];

/// The field of a chat that holds the language of its customer, as a [`language_tag`].
pub const LANGUAGE_FIELD: &str = "language";
/// What the variables of the fields of a chat begin with.
const ATTRIBUTE: &str = "attr.";
/// How a variable begins and ends.
const OPEN: &str = "{{";
const CLOSE: &str = "}}";

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// Text that stays as it is.
    Text(&'a str),
    /// A variable.
    Variable {
        /// As it is written, with its braces.
        written: &'a str,
        /// Its name; everything between the braces when that makes no sense.
        name: &'a str,
        /// What stands there when it has no value.
        default: Option<&'a str>,
    },
}

/// What the variables of a template are filled from.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The chat: its customer, number and fields.
    pub chat: &'a Chat,
    /// The name of the agent who writes.
    pub agent: &'a str,
    /// The name of the department that the chat is in.
    pub department: &'a str,
}

/// A template with its variables filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expansion {
    /// The text; variables without a value stand in it as they were written.
    pub text: String,
    /// Where those are, in their order. A message with one of them must not be sent.
    pub unfilled: Vec<Unfilled>,
}

/// A variable that stayed in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfilled {
    /// Where it stands in the text, in bytes.
    pub range: Range<usize>,
    /// Its name.
    pub name: String,
}

/// How near a canned reply is to one who writes in a chat, the nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nearness {
    /// The writer's own.
    Personal,
    /// Of the department that the chat is in.
    Department,
    /// Of the whole desk.
    Global,
}

/// The pieces of a template, in their order; put together as they are written, they are the
/// template. Braces that are not closed are text.
#[must_use]
pub fn parse(template: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut text_from, mut at) = (0, 0);
    while let Some(found) = template[at..].find(OPEN) {
        let start = at + found;
        let Some((name, default, end)) = variable(template, start) else {
            // One brace further: the inner two of three may begin a variable.
            at = start + 1;
            continue;
        };
        if text_from < start {
            parts.push(Part::Text(&template[text_from..start]));
        }
        let written = &template[start..end];
        parts.push(Part::Variable {
            written,
            name,
            default,
        });
        (text_from, at) = (end, end);
    }
    if text_from < template.len() {
        parts.push(Part::Text(&template[text_from..]));
    }
    parts
}

/// The variable whose braces open at `start`: name, default and where it ends. None when they are
/// not closed before others open.
fn variable(template: &str, start: usize) -> Option<(&str, Option<&str>, usize)> {
    let inner = &template[start + OPEN.len()..];
    if let Some((name, default, rest)) = well_formed(inner) {
        return Some((name, default, template.len() - rest.len()));
    }
    let close = inner.find(CLOSE)?;
    if template[start + 1..start + OPEN.len() + close].contains(OPEN) {
        return None;
    }
    let end = start + OPEN.len() + close + CLOSE.len();
    Some((inner[..close].trim(), None, end))
}

/// Reads `name}}` or `name|default:"text"}}`, with spaces anywhere between; gives also the rest.
fn well_formed(inner: &str) -> Option<(&str, Option<&str>, &str)> {
    let length = inner.find(['|', '{', '}', '"'])?;
    let (name, rest) = (inner[..length].trim(), &inner[length..]);
    if name.is_empty() {
        return None;
    }
    if let Some(rest) = rest.strip_prefix(CLOSE) {
        return Some((name, None, rest));
    }
    let rest = rest.strip_prefix('|')?.trim_start();
    let rest = rest.strip_prefix("default")?.trim_start();
    let rest = rest.strip_prefix(':')?.trim_start();
    let (default, rest) = rest.strip_prefix('"')?.split_once('"')?;
    let rest = rest.trim_start().strip_prefix(CLOSE)?;
    Some((name, Some(default), rest))
}

/// The first variable of a template that no chat can have, by its name.
#[must_use]
pub fn unknown_variable(template: &str) -> Option<&str> {
    parse(template).into_iter().find_map(|part| match part {
        Part::Variable { name, .. } if !is_known(name) => Some(name),
        _ => None,
    })
}

fn is_known(name: &str) -> bool {
    let field = name.strip_prefix(ATTRIBUTE);
    // What makes no sense as a variable is named with what made it so.
    let is_name = !name.contains(['|', '{', '}', '"']);
    VARIABLES.contains(&name) || field.is_some_and(|key| is_name && !key.trim().is_empty())
}

/// Fills the variables of a template in. What a value says is put in as it is.
#[must_use]
pub fn expand(template: &str, facts: &Facts<'_>) -> Expansion {
    let mut expansion = Expansion::default();
    for part in parse(template) {
        match part {
            Part::Text(text) => expansion.text.push_str(text),
            Part::Variable {
                written,
                name,
                default,
            } => expansion.put(written, name, facts.value(name).as_deref().or(default)),
        }
    }
    expansion
}

impl Expansion {
    fn put(&mut self, written: &str, name: &str, value: Option<&str>) {
        let start = self.text.len();
        self.text.push_str(value.unwrap_or(written));
        if value.is_none() {
            self.unfilled.push(Unfilled {
                range: start..self.text.len(),
                name: name.to_owned(),
            });
        }
    }
}

impl Facts<'_> {
    /// The value of a variable; none when it is unknown or blank.
    fn value(&self, name: &str) -> Option<String> {
        let chat = self.chat;
        let value = match name {
            "customer.name" => chat.name.to_string(),
            "customer.first_name" => first(&chat.name),
            "customer.email" => chat.email.as_deref()?.to_owned(),
            "customer.phone" => chat.phone.as_deref()?.to_owned(),
            "agent.name" => self.agent.to_owned(),
            "agent.first_name" => first(self.agent),
            "chat.id" => chat.id.to_string(),
            "department.name" => self.department.to_owned(),
            _ => {
                // The keys of fields are cleaned as names are.
                let key = SafeText::line(name.strip_prefix(ATTRIBUTE)?);
                chat.fields.get(&key)?.to_string()
            }
        };
        (!value.trim().is_empty()).then_some(value)
    }
}

fn first(name: &str) -> String {
    name.split_whitespace()
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// A tag of a language in its one form, such as `pt` or `pt-BR`; none when it is not one: two or
/// three letters, and where needed a region of two letters or three digits.
#[must_use]
pub fn language_tag(raw: &str) -> Option<String> {
    let mut parts = raw.split('-');
    let language = parts.next()?;
    let letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphabetic());
    if !(2..=3).contains(&language.len()) || !letters(language) {
        return None;
    }
    let mut tag = language.to_ascii_lowercase();
    if let Some(region) = parts.next() {
        let digits = region.bytes().all(|byte| byte.is_ascii_digit());
        let fits = (region.len() == 2 && letters(region)) || (region.len() == 3 && digits);
        if !fits {
            return None;
        }
        tag.push('-');
        tag.push_str(&region.to_ascii_uppercase());
    }
    parts.next().is_none().then_some(tag)
}

/// The tag of the language of a locale as systems name it, such as `pt_BR.UTF-8`; none for `C`
/// and for what makes no sense.
#[must_use]
pub fn tag_of_locale(locale: &str) -> Option<String> {
    let name = locale.split(['.', '@']).next().unwrap_or_default();
    language_tag(&name.replace('_', "-"))
}

/// The language of the customer of a chat, as [`choose`] wants it; none when nobody said.
#[must_use]
pub fn language(chat: &Chat) -> Option<&str> {
    let key = SafeText::line(LANGUAGE_FIELD);
    chat.fields.get(&key).map(SafeText::as_str)
}

/// The template for a reader of `locale`, such as `pt-BR` or `pt_BR.UTF-8`: that of the locale,
/// else that of its language, else the text itself.
#[must_use]
pub fn choose<'a>(canned: &'a Canned, locale: Option<&str>) -> &'a SafeText {
    let variant = |tag: &str| {
        let mut variants = canned.variants.iter();
        variants
            .find(|(own, _)| own.eq_ignore_ascii_case(tag))
            .map(|(_, text)| text)
    };
    let locale = locale.unwrap_or_default();
    let tag = locale.split(['.', '@']).next().unwrap_or_default();
    let tag = tag.replace('_', "-");
    let language = tag.split('-').next().unwrap_or_default();
    variant(&tag)
        .or_else(|| variant(language))
        .unwrap_or(&canned.text)
}

/// How near a canned reply of `scope` is to `viewer` in a chat of `department`; none when it does
/// not belong there.
#[must_use]
pub fn nearness(scope: CannedScope, viewer: UserId, department: DepartmentId) -> Option<Nearness> {
    match scope {
        CannedScope::Personal { user } => (user == viewer).then_some(Nearness::Personal),
        CannedScope::Department { department: own } => {
            (own == department).then_some(Nearness::Department)
        }
        CannedScope::Global => Some(Nearness::Global),
    }
}

/// The canned replies that `code` may mean for `viewer` in a chat of `department`, the nearest
/// first, without regard to case. More than one is a tie that the writer may want to see.
#[must_use]
pub fn lookup<'a>(
    code: &str,
    viewer: UserId,
    department: DepartmentId,
    all: impl IntoIterator<Item = &'a Canned>,
) -> Vec<&'a Canned> {
    let code = code.to_lowercase();
    let near = |canned: &&Canned| nearness(canned.scope, viewer, department);
    let all = all.into_iter().filter(|canned| *canned.code == *code);
    let mut found: Vec<&Canned> = all.filter(|canned| near(canned).is_some()).collect();
    found.sort_by_key(|canned| (near(canned), canned.id));
    found
}
