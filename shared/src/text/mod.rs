//! The one sanitiser: everything a person or program sent becomes [`SafeText`]
//! before the desk sees it, and passes [`render`] again before a terminal does.
//!
//! The rules are in `rules`, the characters they speak of in `classes`, what a name
//! may be in `names`, columns and graphemes in `width`, and the corpus every sink is
//! tested with in `hostile`. Deliberately absent: length limits of messages (the hub
//! refuses those, so that nobody's words are cut silently), wrapping, the order of
//! right-to-left text (the terminal's business) and anything about colours.

mod classes;
mod hostile;
mod names;
mod rules;
mod width;

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

pub use hostile::HOSTILE;
pub use names::{NAME_GRAPHEMES_MAX, NameError, customer_name, name};
pub use width::{graphemes, truncate_width, width};

/// Largest text of one message, in bytes of UTF-8.
pub const MESSAGE_BYTES_MAX: usize = 8 * 1024;

/// Columns from one tab stop to the next in [`render`].
const TAB_COLUMNS: usize = 4;

/// Text that cannot steer a terminal, reorder what surrounds it or hide a part of itself.
///
/// Only this module builds one. Cleaning never fails and is idempotent, so text may
/// pass any number of hubs and clients and stays the same.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SafeText(Arc<str>);

impl SafeText {
    /// Cleans the text of a message: line feeds and tabs stay, every other kind of
    /// line end becomes a line feed.
    #[must_use]
    pub fn block(raw: &str) -> Self {
        if rules::is_clean_block(raw) {
            return Self(Arc::from(raw));
        }
        Self(rules::clean_block(raw).into())
    }

    /// Cleans what is shown in one line (a name, a tag, a title): NFC, no line ends
    /// or tabs, trimmed, runs of white space folded to one space.
    #[must_use]
    pub fn line(raw: &str) -> Self {
        if rules::is_clean_line(raw) {
            return Self(Arc::from(raw));
        }
        Self(rules::clean_line(raw).into())
    }

    /// The first `chars_max` characters, with an ellipsis where it goes on.
    #[must_use]
    pub fn beginning(&self, chars_max: usize) -> Self {
        match self.char_indices().nth(chars_max) {
            None => self.clone(),
            Some((end, _)) => Self::block(&format!("{}\u{2026}", &self[..end])),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is left. A block of nothing but white space is not empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Deref for SafeText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for SafeText {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&*self.0, f)
    }
}

impl fmt::Debug for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl From<SafeText> for String {
    fn from(text: SafeText) -> Self {
        text.as_str().to_owned()
    }
}

impl Serialize for SafeText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Cleans with [`SafeText::block`], so that text out of any frame or file is safe.
impl<'de> Deserialize<'de> for SafeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(BlockVisitor)
    }
}

/// Borrows the input where the format can lend it: no `String` in between.
struct BlockVisitor;

impl Visitor<'_> for BlockVisitor {
    type Value = SafeText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, raw: &str) -> Result<SafeText, E> {
        Ok(SafeText::block(raw))
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for SafeText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "SafeText".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}

/// Cleans `text` as [`SafeText::block`] does and puts spaces up to the next stop of
/// 4 columns in the place of each tab: what a terminal program does to everything
/// remote when it draws, whoever claims to have cleaned it before.
#[must_use]
pub fn render(text: &str) -> Cow<'_, str> {
    let clean = if rules::is_clean_block(text) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(rules::clean_block(text))
    };
    if clean.contains('\t') {
        Cow::Owned(expand_tabs(&clean))
    } else {
        clean
    }
}

fn expand_tabs(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for line in text.split_inclusive('\n') {
        let mut column = 0;
        for (index, piece) in line.split('\t').enumerate() {
            if index > 0 {
                let spaces = TAB_COLUMNS - column % TAB_COLUMNS;
                out.extend(std::iter::repeat_n(' ', spaces));
                column += spaces;
            }
            out.push_str(piece);
            column += width(piece);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{SafeText, render};

    #[test]
    fn a_frame_is_cleaned_while_it_is_parsed() {
        let text: SafeText = serde_json::from_str(r#""a\u001b[31mb\u202ec""#).unwrap();
        assert_eq!(text.as_str(), "a␛[31mbc");
        assert_eq!(serde_json::to_string(&text).unwrap(), r#""a␛[31mbc""#);
        let borrowed: SafeText = serde_json::from_str(r#""plain""#).unwrap();
        assert_eq!(String::from(borrowed), "plain");
        serde_json::from_str::<SafeText>("7").unwrap_err();
    }

    #[cfg(feature = "schema")]
    #[test]
    fn its_schema_is_a_plain_string() {
        let schema = schemars::SchemaGenerator::default().into_root_schema_for::<SafeText>();
        assert_eq!(schema.get("type"), Some(&serde_json::json!("string")));
    }

    #[test]
    fn tabs_go_to_the_next_stop_of_their_line() {
        assert_eq!(render("a\tb"), "a   b");
        assert_eq!(
            render("\t|\n漢字\t|\nabcd\t|"),
            "    |\n漢字    |\nabcd    |"
        );
        assert_eq!(render("abc\t\te"), "abc     e");
    }
}
