//! Text that may go to a terminal: the one sanitiser.

use std::{fmt, ops::Deref, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize};

/// Most bytes of a message after cleaning.
pub const MESSAGE_BYTES_MAX: usize = 8 * 1024;
/// Most graphemes of a name.
pub const NAME_GRAPHEMES_MAX: usize = 64;

/// Text without control sequences.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct SafeText(Arc<str>);

impl SafeText {
    /// Cleans text of several lines.
    #[must_use]
    pub fn block(raw: &str) -> Self {
        Self(
            raw.chars()
                .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
                .collect::<String>()
                .into(),
        )
    }

    /// Cleans text of one line.
    #[must_use]
    pub fn line(raw: &str) -> Self {
        Self(
            raw.split(|c: char| c.is_control() || c.is_whitespace())
                .filter(|word| !word.is_empty())
                .collect::<Vec<_>>()
                .join(" ")
                .into(),
        )
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for SafeText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SafeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Ok(Self::block(&text))
    }
}
