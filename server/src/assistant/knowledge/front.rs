//! The front matter of a file: YAML between two lines of `---`, with the line of every value.

use serde::Deserialize;
use serde_saphyr::{Error, Spanned, options::MergeKeyPolicy};

use super::{meant, topic::Policy};

/// A value and the line of the file that it stands in.
#[derive(Clone, Debug)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) line: usize,
}

/// What a file says of itself.
#[derive(Debug, Default)]
pub(super) struct Front {
    pub(super) id: Option<Placed<String>>,
    pub(super) title: Option<Placed<String>>,
    pub(super) questions: Vec<Placed<String>>,
    pub(super) intents: Vec<Placed<String>>,
    pub(super) answer: Option<Placed<String>>,
    pub(super) policy: Policy,
    pub(super) lang: Option<Placed<String>>,
    pub(super) updated: Option<Placed<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    id: Option<Spanned<String>>,
    title: Option<Spanned<String>>,
    questions: Option<Vec<Spanned<String>>>,
    intents: Option<Vec<Spanned<String>>>,
    answer: Option<Spanned<String>>,
    policy: Option<Policy>,
    lang: Option<Spanned<String>>,
    updated: Option<Spanned<String>>,
}

/// The front matter, without its lines of `---`, and the body. A file that begins otherwise has
/// no front matter.
pub(super) fn split(text: &str) -> Result<(&str, &str), &'static str> {
    let is_fence = |line: &str| line.trim_end() == "---";
    let mut lines = text.split_inclusive('\n');
    let Some(first) = lines.next().filter(|line| is_fence(line)) else {
        return Ok(("", text));
    };
    let mut end = first.len();
    for line in lines {
        if is_fence(line) {
            return Ok((&text[first.len()..end], &text[end + line.len()..]));
        }
        end += line.len();
    }
    Err("the front matter is never closed; end it with a line of ---")
}

impl Front {
    /// Reads YAML that begins in line 2 of a file; an error names its line of the file.
    pub(super) fn parse(yaml: &str) -> Result<Self, (usize, String)> {
        if yaml.trim().is_empty() {
            return Ok(Self::default());
        }
        let options = serde_saphyr::options! {
            with_snippet: false,
            merge_keys: MergeKeyPolicy::Error,
        };
        let keys: Keys =
            serde_saphyr::from_str_with_options(yaml, options).map_err(|error| told(&error))?;
        Ok(Self {
            id: keys.id.map(placed),
            title: keys.title.map(placed),
            questions: keys.questions.into_iter().flatten().map(placed).collect(),
            intents: keys.intents.into_iter().flatten().map(placed).collect(),
            answer: keys.answer.map(placed),
            policy: keys.policy.unwrap_or_default(),
            lang: keys.lang.map(placed),
            updated: keys.updated.map(placed),
        })
    }
}

fn placed(spanned: Spanned<String>) -> Placed<String> {
    Placed {
        line: in_file(spanned.referenced.line()),
        value: spanned.value,
    }
}

/// The front matter begins in the second line.
fn in_file(line: u64) -> usize {
    usize::try_from(line)
        .unwrap_or(usize::MAX)
        .saturating_add(1)
}

fn told(error: &Error) -> (usize, String) {
    let line = error.location().map_or(1, |place| in_file(place.line()));
    let names = |expected: &[&str]| expected.iter().map(|name| (*name).to_owned()).collect();
    let what = match error.without_snippet() {
        Error::SerdeUnknownField {
            field, expected, ..
        } => {
            let names: Vec<String> = names(expected);
            format!("unknown key {field:?}; {}", meant(field, &names))
        }
        Error::SerdeUnknownVariant {
            variant, expected, ..
        } => {
            let names: Vec<String> = names(expected);
            format!("{variant:?} is no policy; {}", meant(variant, &names))
        }
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("the key {key:?} is there twice; keep one")
        }
        other => {
            let text = other.to_string();
            let text = text.lines().next().unwrap_or_default();
            format!("the front matter is no YAML that is understood: {text}")
        }
    };
    (line, what)
}
