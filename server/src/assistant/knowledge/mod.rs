//! The knowledge base: a folder of Markdown, read, checked, searched.
//!
//! One file is one [`Topic`]: `topic` reads it (`front` its front matter, `markdown` its body,
//! `template` its answer), `load` finds the files, `search` finds passages by words, and the
//! classifier learns the questions. A [`Knowledge`] never changes; [`Library`] holds the newest
//! one and replaces it when files change. `check` says what could be better, `suggest` what is
//! missing. What is answered to whom is decided elsewhere.

pub mod check;
mod front;
pub mod harvest;
mod library;
mod load;
mod markdown;
mod search;
pub mod suggest;
mod template;
mod topic;
pub mod trial;

use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};
use shared::{client::profile::nearest, text::SafeText};

use self::search::Index;
use super::classifier::{Classifier, Example, Ranking};

pub use self::{
    library::{Library, Look, Shelf},
    load::{BYTES_MAX, FILE_BYTES_MAX, TOPICS_MAX},
    template::{Template, Vars},
    topic::{ANSWER_CHARS_MAX, PASSAGE_CHARS_MAX, Passage, Policy, Topic},
};

/// What is wrong with a file of the knowledge base, or with its folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Which, from the folder; empty for the folder itself.
    pub file: PathBuf,
    /// The line, from 1; none when the whole file is meant.
    pub line: Option<usize>,
    /// What, and what to do.
    pub what: SafeText,
}

impl Problem {
    /// Line 0 is the whole file.
    fn at(file: &Path, line: usize, what: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: (line > 0).then_some(line),
            what: SafeText::line(&what.into()),
        }
    }

    fn of(file: &Path, what: impl Into<String>) -> Self {
        Self::at(file, 0, what)
    }
}

/// `returns.md:3: unknown key "questons"; did you mean "questions"?`
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.as_os_str().is_empty() {
            let file = self.file.to_string_lossy();
            write!(f, "{}", SafeText::line(&file))?;
            if let Some(line) = self.line {
                write!(f, ":{line}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.what)
    }
}

/// A passage that has to do with what was asked.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'a> {
    /// Whose.
    pub topic: &'a Topic,
    /// Which.
    pub passage: &'a Passage,
    /// From 0 to 1: how likely it is that the passage speaks of what was asked.
    pub score: f64,
}

/// A knowledge base as it was when it was read: its topics, what the classifier learned from
/// them, and the index that they are searched by. The same files give the same, bit for bit.
pub struct Knowledge {
    /// By id.
    topics: Vec<Topic>,
    classifier: Classifier,
    index: Index,
    hosts: BTreeSet<String>,
    hash: [u8; 32],
}

impl Knowledge {
    /// Reads a folder and learns from it. Takes seconds for thousands of questions: not for a
    /// thread that others wait for.
    ///
    /// # Errors
    /// Everything that is wrong with any file; nothing is kept then.
    pub fn load(folder: &Path) -> Result<Self, Vec<Problem>> {
        let read = load::read(folder);
        match read.problems.is_empty() {
            true => Ok(Self::new(read.topics)),
            false => Err(read.problems),
        }
    }

    /// Knows nothing.
    #[must_use]
    pub fn empty() -> Self {
        Self::new(Vec::new())
    }

    /// Of topics whose ids differ.
    fn new(mut topics: Vec<Topic>) -> Self {
        topics.sort_by(|a, b| a.id.cmp(&b.id));
        let examples: Vec<Example<'_>> = topics
            .iter()
            .flat_map(|topic| {
                let questions = topic.questions.iter();
                questions.map(|text| Example {
                    intent: &topic.id,
                    text,
                })
            })
            .collect();
        Self {
            classifier: Classifier::train(&examples),
            index: Index::new(&topics),
            hosts: hosts(&topics),
            hash: hash(&topics),
            topics,
        }
    }

    /// Which topics a text asks for, best first: the intents are ids of topics. A topic without
    /// questions is never among them.
    #[must_use]
    pub fn classify(&self, text: &str) -> Ranking {
        self.classifier.classify(text)
    }

    /// At most `k` passages that have to do with `text`, best first: by their words, and by how
    /// sure the classifier is of their topic.
    #[must_use]
    pub fn search(&self, text: &str, k: usize) -> Vec<Hit<'_>> {
        self.look_up(text, k).1
    }

    /// Both of a text: the topics that it asks for, and the passages that have to do with it.
    #[must_use]
    pub fn look_up(&self, text: &str, k: usize) -> (Ranking, Vec<Hit<'_>>) {
        let ranking = self.classify(text);
        let found = self.index.search(text).into_iter().filter_map(|found| {
            let topic = self.topics.get(found.topic)?;
            let passage = topic.passages.get(found.passage)?;
            let guess = ranking
                .guesses
                .iter()
                .find(|guess| guess.intent == topic.id);
            let sure = guess.map_or(0.0, |guess| guess.confidence);
            Some(Hit {
                topic,
                passage,
                score: found.score.max(sure),
            })
        });
        let mut hits: Vec<Hit<'_>> = found.collect();
        // Stable: of equals the one with the better words.
        hits.sort_by(|a, b| b.score.total_cmp(&a.score));
        hits.truncate(k);
        (ranking, hits)
    }

    /// The topic of this id.
    #[must_use]
    pub fn topic(&self, id: &str) -> Option<&Topic> {
        let at = self
            .topics
            .binary_search_by(|topic| (*topic.id).cmp(id))
            .ok()?;
        self.topics.get(at)
    }

    /// All topics, by id.
    #[must_use]
    pub fn topics(&self) -> &[Topic] {
        &self.topics
    }

    /// Whether there is nothing to answer from.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// SHA-256 over everything that has been read: the same for the same content.
    #[must_use]
    pub const fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// The hosts that its texts link to, in lower case.
    #[must_use]
    pub const fn hosts(&self) -> &BTreeSet<String> {
        &self.hosts
    }
}

fn hash(topics: &[Topic]) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut add = |part: &str| {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    };
    for topic in topics {
        add(&topic.id);
        add(&topic.title);
        add(topic.policy.word());
        add(topic.lang.as_deref().unwrap_or_default());
        add(topic.updated.as_deref().unwrap_or_default());
        add(topic.answer.as_ref().map_or("", Template::source));
        for texts in [&topic.questions, &topic.intents] {
            add(&texts.len().to_string());
            texts.iter().for_each(|text| add(text));
        }
        add(&topic.passages.len().to_string());
        for passage in &topic.passages {
            add(&passage.heading);
            add(&passage.text);
        }
    }
    hash.finalize().into()
}

fn hosts(topics: &[Topic]) -> BTreeSet<String> {
    let mut hosts = BTreeSet::new();
    for topic in topics {
        let answer = topic.answer.as_ref().map(Template::source);
        let passages = topic.passages.iter().map(|passage| passage.text.as_str());
        for text in passages.chain(answer) {
            hosts.extend(hosts_in(text));
        }
    }
    hosts
}

/// The hosts of the web addresses in a text (RFC 3986, 3.2).
fn hosts_in(text: &str) -> impl Iterator<Item = String> + '_ {
    text.match_indices("://").filter_map(|(at, mark)| {
        let is_web = ["http", "https"].iter().any(|scheme| {
            let end = text[..at].len();
            end.checked_sub(scheme.len())
                .and_then(|from| text.get(from..end))
                .is_some_and(|found| found.eq_ignore_ascii_case(scheme))
        });
        let rest = &text[at + mark.len()..];
        let ends = |c: char| {
            c.is_whitespace() || matches!(c, '/' | '?' | '#' | ')' | '>' | '"' | '\'' | ',')
        };
        let authority = rest.split(ends).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let host = host
            .split(':')
            .next()
            .unwrap_or_default()
            .trim_end_matches('.');
        (is_web && !host.is_empty()).then(|| host.to_ascii_lowercase())
    })
}

/// The name that was probably meant, or all there are.
fn meant(given: &str, names: &[String]) -> String {
    match nearest(given, names.iter()) {
        Some(name) => format!("did you mean {name:?}?"),
        None => format!("one of {}", names.join(", ")),
    }
}
