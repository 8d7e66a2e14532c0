//! What a pipe has to say: the command line's one message, or stdin as it comes.
//!
//! In a pipe every line is said as it is; only JSON asks for anything else.

use std::{
    collections::VecDeque,
    io::{self, BufRead, Read},
    path::Path,
    thread,
    time::Duration,
};

use shared::{
    client::files::Picked,
    id::CommandId,
    text::{MESSAGE_BYTES_MAX, SafeText},
};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

use crate::{args::TalkArgs, error::ChatError, files, json::Input, talk::check};

/// Stdin that ends within this is one message; one that stays open is a message a line.
const GATHER: Duration = Duration::from_millis(250);
/// Lines of stdin that may wait.
const LINES_MAX: usize = 64;
/// Longest line of JSON, in bytes.
const JSON_BYTES_MAX: usize = 64 * 1024;

/// Something to do in the chat.
#[derive(Debug)]
pub enum Unit {
    /// Says it, under a name if it was given one.
    Say(SafeText, Option<CommandId>),
    /// Sends a file.
    File(Picked),
    /// Ends the chat.
    End,
    /// Rates it.
    Rate(u8, Option<SafeText>),
    /// Says the customer's language.
    Language(SafeText),
    /// Asks for a person.
    Human,
}

/// A line of stdin, or what is wrong with it.
pub type Line = Result<String, ChatError>;

/// What there is to say.
#[derive(Debug)]
pub struct Speech {
    /// What is known already.
    pub units: VecDeque<Unit>,
    /// Where more comes from.
    pub stdin: Option<mpsc::Receiver<Line>>,
    as_json: bool,
}

impl Speech {
    /// The next things to do; nothing at the end. Cancel safe.
    ///
    /// # Errors
    /// [`ChatError::Usage`] for a line that makes no sense, [`ChatError::Io`].
    pub async fn next(&mut self) -> Result<VecDeque<Unit>, ChatError> {
        let as_json = self.as_json;
        while let Some(stdin) = &mut self.stdin {
            match stdin.recv().await.transpose()? {
                Some(line) => {
                    let units = units(&line, as_json)?;
                    if !units.is_empty() {
                        return Ok(units);
                    }
                }
                None => self.stdin = None,
            }
        }
        Ok(VecDeque::new())
    }
}

/// What is to be said, as far as it is known before the chat is opened.
///
/// # Errors
/// [`ChatError::Usage`] and [`ChatError::Pick`] for what cannot be said, [`ChatError::Io`].
pub async fn speech(args: &TalkArgs) -> Result<Speech, ChatError> {
    let text = match (&args.message, &args.message_file) {
        (Some(text), _) if text == "-" => Some(read_all("stdin", &mut io::stdin().lock())?),
        (Some(text), _) => Some(text.clone()),
        (None, Some(path)) => Some(read_file(path)?),
        (None, None) => None,
    };
    let said = text.map(|text| whole(&text)).transpose()?;
    let file = args.file.as_deref().map(files::pick).transpose()?;
    if said.is_some() || file.is_some() {
        return Ok(Speech {
            units: said.into_iter().chain(file.map(Unit::File)).collect(),
            stdin: None,
            as_json: false,
        });
    }
    let limit = if args.json_in {
        JSON_BYTES_MAX
    } else {
        MESSAGE_BYTES_MAX
    };
    let mut stdin = lines_of_stdin(limit);
    if args.json_in {
        let first = stdin.recv().await.transpose()?.unwrap_or_default();
        let units = units(&first, true)?;
        return Ok(Speech {
            units,
            stdin: Some(stdin),
            as_json: true,
        });
    }
    gather(stdin).await
}

/// Waits for the first line, then a moment for the end.
async fn gather(mut stdin: mpsc::Receiver<Line>) -> Result<Speech, ChatError> {
    let mut text = stdin.recv().await.transpose()?.unwrap_or_default();
    let quiet = Instant::now() + GATHER;
    loop {
        if text.len() > MESSAGE_BYTES_MAX {
            return Err(ChatError::Usage(format!(
                "stdin has more than {MESSAGE_BYTES_MAX} bytes; send it in parts"
            )));
        }
        match timeout_at(quiet, stdin.recv()).await {
            Ok(Some(line)) => text.push_str(&line?),
            Ok(None) => {
                return Ok(Speech {
                    units: VecDeque::from([whole(&text)?]),
                    stdin: None,
                    as_json: false,
                });
            }
            Err(_) => break,
        }
    }
    let mut said = VecDeque::new();
    for line in text.lines() {
        said.extend(units(line, false)?);
    }
    Ok(Speech {
        units: said,
        stdin: Some(stdin),
        as_json: false,
    })
}

fn whole(text: &str) -> Result<Unit, ChatError> {
    let text = SafeText::block(text.trim_end());
    if text.trim().is_empty() {
        return Err(ChatError::Usage(
            "there is nothing to send; try: echo 'my question' | frontdesk-chat --name Bo"
                .to_owned(),
        ));
    }
    check(&text)?;
    Ok(Unit::Say(text, None))
}

/// What a line of stdin asks for; nothing for a blank one.
fn units(line: &str, as_json: bool) -> Result<VecDeque<Unit>, ChatError> {
    if line.trim().is_empty() {
        return Ok(VecDeque::new());
    }
    if !as_json {
        return whole(line).map(|unit| VecDeque::from([unit]));
    }
    let input = serde_json::from_str(line).map_err(|error| {
        ChatError::Usage(format!(
            "a line of stdin is no message ({error}); write {{\"type\":\"message\",\"text\":\"..\"}}"
        ))
    })?;
    Ok(VecDeque::from([match input {
        Input::Message { text, client_id } => {
            check(&text)?;
            Unit::Say(text, client_id)
        }
        Input::End => Unit::End,
        Input::Rate { score, comment } => Unit::Rate(score, comment),
        Input::Language { language } => Unit::Language(language),
        Input::Human => Unit::Human,
    }]))
}

/// Reads stdin on a thread of its own, line by line, each at most `limit` bytes long.
fn lines_of_stdin(limit: usize) -> mpsc::Receiver<Line> {
    let (sender, lines) = mpsc::channel(LINES_MAX);
    // Ends with stdin or with the program; nothing waits for it.
    drop(thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        loop {
            let mut bytes = Vec::new();
            let read = (&mut stdin)
                .take(limit as u64 + 2)
                .read_until(b'\n', &mut bytes);
            let line = match read {
                Ok(0) => return,
                Ok(_) if bytes.len() > limit + 1 => Err(too_large("a line of stdin", limit)),
                Ok(_) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
                Err(source) => Err(ChatError::Io {
                    what: "read stdin".to_owned(),
                    source,
                }),
            };
            let last = line.is_err();
            if sender.blocking_send(line).is_err() || last {
                return;
            }
        }
    }));
    lines
}

fn read_file(path: &Path) -> Result<String, ChatError> {
    if path == Path::new("-") {
        return read_all("stdin", &mut io::stdin().lock());
    }
    let name = path.display().to_string();
    let mut file = std::fs::File::open(path).map_err(|source| ChatError::Io {
        what: format!("read {name}"),
        source,
    })?;
    read_all(&name, &mut file)
}

fn read_all(name: &str, from: &mut impl Read) -> Result<String, ChatError> {
    let mut bytes = Vec::new();
    let read = from
        .take(MESSAGE_BYTES_MAX as u64 + 2)
        .read_to_end(&mut bytes);
    read.map_err(|source| ChatError::Io {
        what: format!("read {name}"),
        source,
    })?;
    if bytes.len() > MESSAGE_BYTES_MAX + 1 {
        return Err(too_large(name, MESSAGE_BYTES_MAX));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn too_large(name: &str, limit: usize) -> ChatError {
    ChatError::Usage(format!(
        "{name} has more than {limit} bytes; send it in parts"
    ))
}

#[cfg(test)]
mod tests {
    use super::{Unit, units, whole};

    #[test]
    fn a_blank_line_says_nothing() {
        assert!(units("  \n", false).unwrap().is_empty());
        assert!(whole(" \n ").is_err());
        let said = units("hello\n", false).unwrap();
        assert!(matches!(&said[0], Unit::Say(text, None) if text.as_str() == "hello"));
    }

    /// A number may choose among what the assistant offers.
    #[test]
    fn a_number_is_a_message() {
        for number in ["0", "2"] {
            let said = units(&format!("{number}\n"), false).unwrap();
            assert!(matches!(&said[0], Unit::Say(text, None) if text.as_str() == number));
            assert!(matches!(whole(number), Ok(Unit::Say(..))));
        }
    }

    #[test]
    fn json_lines_say_end_and_rate() {
        let one = |line: &str| units(line, true).map(|mut units| units.pop_front());
        assert!(matches!(
            one(r#"{"type":"message","text":"hi","client_id":"0123456789abcdef"}"#),
            Ok(Some(Unit::Say(_, Some(_))))
        ));
        assert!(matches!(one(r#"{"type":"end"}"#), Ok(Some(Unit::End))));
        assert!(matches!(one(r#"{"type":"human"}"#), Ok(Some(Unit::Human))));
        assert!(matches!(
            one(r#"{"type":"rate","score":5}"#),
            Ok(Some(Unit::Rate(5, None)))
        ));
        assert!(one("hello").is_err_and(|error| error.exit_code() == 2));
    }
}
