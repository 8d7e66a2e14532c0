//! Many things on one standard input: names or numbers, one a line.
//!
//! All lines are read and understood before anything is done to the first. What fails is told
//! with its line, and the rest goes on.

use std::{
    fmt,
    io::{self, Read},
    path::Path,
    time::Duration,
};

use shared::id::ChatId;

use crate::{failure::Failure, invocation::Invocation, run};

/// Longest input, in bytes.
const INPUT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How often the same is tried again when the hub asks to wait.
const TRIES_MAX: u32 = 10;
/// Names that are listed in a question.
const LISTED_MAX: usize = 10;

/// A thing, and the line of standard input that named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given<T> {
    pub(super) thing: T,
    line: Option<usize>,
}

impl<T: fmt::Display> fmt::Display for Given<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.thing.fmt(f)
    }
}

/// The things that the command line names; `-` are those of standard input.
///
/// # Errors
/// [`Failure::Refused`] with exit code 2 when standard input names nothing, or a line makes no
/// sense.
pub(super) fn names(words: &[String]) -> Result<Vec<Given<String>>, Failure> {
    given(words, &["username", "code", "name", "id"], |name| {
        Ok(name.to_owned())
    })
}

/// The same for chats.
pub(super) fn chats(words: &[String]) -> Result<Vec<Given<ChatId>>, Failure> {
    given(words, &["chat", "id"], |name| {
        let number = name.strip_prefix('#').unwrap_or(name);
        number
            .parse()
            .map_err(|_| format!("{name:?} is not the number of a chat"))
    })
}

fn given<T>(
    words: &[String],
    fields: &[&str],
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<Given<T>>, Failure> {
    let mut all = Vec::new();
    let mut read = false;
    for word in words {
        if word == "-" {
            if read {
                return Err(Failure::usage(
                    "- is given twice",
                    "there is one standard input",
                ));
            }
            read = true;
            all.extend(lines(&input()?, fields, &parse)?);
        } else {
            let thing = parse(word).map_err(|why| Failure::usage(why, "correct it"))?;
            all.push(Given { thing, line: None });
        }
    }
    Ok(all)
}

fn input() -> Result<String, Failure> {
    let mut text = Vec::new();
    let most = INPUT_BYTES_MAX as u64 + 1;
    let read = io::stdin().lock().take(most).read_to_end(&mut text);
    read.map_err(|error| Failure::file(Path::new("-"), &error))?;
    if text.len() > INPUT_BYTES_MAX {
        return Err(Failure::usage(
            format!("standard input has more than {INPUT_BYTES_MAX} bytes; nothing was done"),
            "give it in parts",
        ));
    }
    String::from_utf8(text).map_err(|_| {
        Failure::usage(
            "standard input is not UTF-8 text; nothing was done",
            "give names or numbers, one a line",
        )
    })
}

fn lines<T>(
    text: &str,
    fields: &[&str],
    parse: &impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<Given<T>>, Failure> {
    let (mut all, mut wrong) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') && parse(line).is_err() {
            continue;
        }
        match name_of(line, fields).and_then(|name| parse(&name)) {
            Ok(thing) => all.push(Given {
                thing,
                line: Some(number),
            }),
            Err(why) => wrong.push(format!("line {number}: {why}")),
        }
    }
    if let Some((first, others)) = wrong.split_first() {
        let more = match others.len() {
            0 => String::new(),
            more => format!(", and {more} more such lines"),
        };
        return Err(Failure::usage(
            format!("{first}{more}; nothing was done"),
            "give names or numbers, one a line, or lines of JSON with an id",
        ));
    }
    if all.is_empty() {
        return Err(Failure::usage(
            "standard input names nothing; nothing was done",
            "give names or numbers, one a line",
        ));
    }
    Ok(all)
}

/// What a line names: a field of a JSON object, else the text up to the first tab, as the first
/// column of a list has it.
fn name_of(line: &str, fields: &[&str]) -> Result<String, String> {
    if !line.starts_with('{') {
        return Ok(line.split('\t').next().unwrap_or(line).trim().to_owned());
    }
    let value: serde_json::Value =
        serde_json::from_str(line).map_err(|_| "this is no line of JSON".to_owned())?;
    let found = fields.iter().find_map(|field| match value.get(field)? {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    });
    found.ok_or_else(|| format!("this has none of {}", fields.join(", ")))
}

/// Does the same to several things, as [`run::each`]; what fails is told with its line. Where the
/// hub asks to wait, that is done.
pub(super) async fn each<A, T>(
    app: &Invocation,
    all: &[Given<A>],
    mut work: impl AsyncFnMut(&A) -> Result<Option<T>, Failure>,
) -> (Vec<T>, Result<(), Failure>)
where
    A: fmt::Display,
{
    run::each(app, all, async |given: &Given<A>| {
        let mut tries = 0;
        loop {
            tries += 1;
            let failure = match work(&given.thing).await {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
            match failure.retry_after_ms() {
                Some(ms) if all.len() > 1 && tries < TRIES_MAX => {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                }
                _ => {
                    return Err(match given.line {
                        Some(line) => failure.at_line(line),
                        None => failure,
                    });
                }
            }
        }
    })
    .await
}

/// The things in a question, not all of many.
pub(super) fn listed<T: fmt::Display>(all: &[Given<T>]) -> String {
    let first = all.iter().take(LISTED_MAX).map(ToString::to_string);
    let mut text = first.collect::<Vec<_>>().join(", ");
    if all.len() > LISTED_MAX {
        text.push_str(&format!(" and {} more", all.len() - LISTED_MAX));
    }
    text
}

/// The one thing that is meant, if it is one.
pub(super) fn sole(all: &[Given<String>]) -> Option<&str> {
    match all {
        [one] => Some(&one.thing),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use shared::id::ChatId;

    use super::{Given, lines, listed};
    use crate::failure::Failure;

    type Numbered = Vec<(u64, Option<usize>)>;

    fn check(text: &str) -> Result<Numbered, (String, u8)> {
        let parse = |name: &str| {
            let number = name.strip_prefix('#').unwrap_or(name);
            let id: Result<ChatId, _> = number.parse();
            id.map_err(|_| format!("{name:?} is not the number of a chat"))
        };
        let told = |failure: Failure| {
            let code = failure.exit_code();
            (failure.report().unwrap().message, code)
        };
        let found = lines(text, &["chat", "id"], &parse).map_err(told)?;
        Ok(found.iter().map(|one| (one.thing.0, one.line)).collect())
    }

    #[test]
    fn a_line_is_a_number_a_row_or_json() {
        let text =
            "7\n\n# comment\n#8\n9\tactive\tBilling\r\n{\"id\":10}\n{\"chat\":11,\"seq\":2}\n";
        let found = [
            (7, Some(1)),
            (8, Some(4)),
            (9, Some(5)),
            (10, Some(6)),
            (11, Some(7)),
        ];
        assert_eq!(check(text), Ok(found.to_vec()));
    }

    #[test]
    fn a_line_that_makes_no_sense_stops_all_before_the_first() {
        let (message, code) = check("7\nseven\n{\"seq\":1}\n{\n").unwrap_err();
        assert_eq!(
            message,
            "line 2: \"seven\" is not the number of a chat, and 2 more such lines; nothing was done"
        );
        assert_eq!(code, 2);
        for empty in ["", "\n\n", "# only a comment\n"] {
            let (message, code) = check(empty).unwrap_err();
            assert_eq!(message, "standard input names nothing; nothing was done");
            assert_eq!(code, 2);
        }
    }

    #[test]
    fn a_question_names_the_first_of_many() {
        let many: Vec<_> = (1..=12).map(|thing| Given { thing, line: None }).collect();
        assert_eq!(listed(&many), "1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more");
        assert_eq!(listed(&many[..2]), "1, 2");
    }
}
