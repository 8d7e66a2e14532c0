//! How a piece of a chat looks as lines of a terminal or a pipe.
//!
//! Pure. The first column belongs to the desk: only its own lines begin with the mark `--`. A
//! person's line begins with the name, quoted when it could be taken for something else, and every
//! further row of a message is indented, so that nobody can write a line of the desk. Colours are
//! two attributes at most and never carry meaning alone.

use std::borrow::Cow;

use shared::{
    attachment::shown,
    client::socket::StopReason,
    model::{Actor, ActorKind, ChatState},
    text::{graphemes, render, width},
};

use crate::story::{Piece, Said, Speaker, Story};

/// What every line of the desk begins with.
const MARK: &str = "-- ";
/// What follows the name of the assistant, and of nobody else.
const AI: &str = " (AI)";
/// What every further row of a message begins with.
const INDENT: &str = "  ";
/// Narrower terminals are treated as this many columns wide.
const COLUMNS_MIN: usize = 20;

/// Whether attributes may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Bold names, faint asides.
    Styled,
    /// Characters only.
    Plain,
}

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// Everything.
    Unicode,
    /// ASCII; everything else is a question mark.
    Ascii,
}

/// For what the lines are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns to wrap at; none leaves lines as long as they are, for a pipe or a file.
    pub columns: Option<usize>,
    /// Attributes.
    pub ink: Ink,
    /// Characters.
    pub charset: Charset,
}

impl Look {
    /// For a pipe or a file: no wrapping, no attributes, all characters.
    pub const PIPE: Self = Self {
        columns: None,
        ink: Ink::Plain,
        charset: Charset::Unicode,
    };
}

/// The lines of a piece, each with its line end.
#[must_use]
pub fn show(piece: &Piece, look: Look) -> String {
    match piece {
        Piece::Said(said) if said.speaker == Speaker::System => system(&said.text, look),
        Piece::Said(said) => spoken(said, "", look),
        Piece::Edited(said) => spoken(said, " (edited)", look),
        Piece::Place(place) => system(&format!("You are number {place} in the queue"), look),
        Piece::Sent => aside("(sent)", look),
        Piece::Seen => aside("(seen)", look),
        Piece::NotSent { reason } => {
            system(&format!("not sent: {reason}; press Enter to retry"), look)
        }
        Piece::NotDone { reason } => system(reason, look),
        Piece::Typing { name } => faint(&format!("{} is typing...", speaker(name)), look),
        Piece::Looking { name } => {
            let text = format!("{}{AI} is looking for an answer...", speaker(name));
            faint(&text, look)
        }
        Piece::Lost { why, .. } => system(
            &format!("Reconnecting: {why}. What you write is kept and sent when the hub is back"),
            look,
        ),
        Piece::Back => system("Connected again", look),
        Piece::Gap => system("Some messages may be missing here; see /transcript", look),
        Piece::Rated(score) => system(&format!("Rated {score} of 5"), look),
        Piece::Resolved => system(
            "Rate the chat with /rate 1-5, write to go on, or leave with /quit",
            look,
        ),
        Piece::Closed => system(
            "This chat is closed; open a new one with: frontdesk-chat",
            look,
        ),
        Piece::Stopped(why) => system(&stopped(why), look),
    }
}

/// Why a connection does not come back, with what to do.
#[must_use]
pub fn stopped(why: &StopReason) -> String {
    match why {
        StopReason::Revoked => {
            "the hub does not know this login any more; log in again, or open a new chat".to_owned()
        }
        StopReason::Replaced => "another program goes on with this chat".to_owned(),
        StopReason::Version { message } | StopReason::Forbidden { message } => message.clone(),
    }
}

/// Who answers, or when a person will: what is known of it, and no promise.
#[must_use]
pub fn human(story: &Story) -> String {
    match (story.state(), story.agent(), story.place()) {
        (Some(ChatState::Waiting), _, Some(place)) => {
            format!("A person will answer; you are number {place} in the queue")
        }
        (Some(ChatState::Waiting), ..) => "A person will answer; you are in the queue".to_owned(),
        (Some(ChatState::Resolved), ..) => {
            "This chat has ended; write, and a person is asked for again".to_owned()
        }
        (Some(ChatState::Closed), ..) => {
            "This chat is closed; open a new one with: frontdesk-chat".to_owned()
        }
        (Some(ChatState::Assistant), ..) => {
            "The assistant (AI) answers; /human gets a person".to_owned()
        }
        (Some(ChatState::Hold | ChatState::Snoozed), ..) => {
            "A person has your chat and has put it aside for now; write to bring it back".to_owned()
        }
        (Some(_), Some(agent), _) => format!("{} answers you, a person", speaker(agent)),
        (Some(_), None, _) => "A person has your chat".to_owned(),
        (None, ..) => "The hub is not reached yet; what you write is kept".to_owned(),
    }
}

/// A line of the desk or of this program.
#[must_use]
pub fn system(text: &str, look: Look) -> String {
    row_of(MARK, text, look)
}

/// An entry of a list, or a text that the customer asked for.
#[must_use]
pub fn item(text: &str, look: Look) -> String {
    row_of(INDENT, text, look)
}

/// A line of the desk that matters little.
fn faint(text: &str, look: Look) -> String {
    styled("\x1b[2m", &row_of(MARK, text, look), look)
}

/// A word about the customer's own last line.
fn aside(text: &str, look: Look) -> String {
    styled("\x1b[2m", &row_of(INDENT, text, look), look)
}

/// What a person said.
fn spoken(said: &Said, suffix: &str, look: Look) -> String {
    let name = match said.speaker {
        Speaker::Customer => Cow::Borrowed("You"),
        Speaker::Assistant => labelled(&said.name),
        Speaker::Agent | Speaker::System => speaker(&said.name),
    };
    let head = format!("{name}{suffix}:");
    let words = shown(&said.text, &said.attachments);
    let shown = row_of("", &format!("{head} {}", render(&words)), look);
    let head = fit(&head, look.charset);
    match shown.strip_prefix(head.as_ref()) {
        Some(rest) => format!("{}{rest}", styled("\x1b[1m", &head, look)),
        None => shown,
    }
}

/// Who said something, as a line of theirs begins.
#[must_use]
pub fn speaker_word(actor: &Actor) -> Cow<'_, str> {
    match actor.kind {
        ActorKind::Customer => Cow::Borrowed("You"),
        ActorKind::System => Cow::Borrowed("--"),
        ActorKind::Agent => speaker(&actor.name),
        ActorKind::Assistant => labelled(&actor.name),
    }
}

/// The name of the assistant: it says each time what it is.
#[must_use]
pub fn labelled(name: &str) -> Cow<'static, str> {
    Cow::Owned(format!("{}{AI}", speaker(name)))
}

/// A name that cannot be taken for a mark, for the customer or for what follows a name.
fn speaker(name: &str) -> Cow<'_, str> {
    let line = render(name).replace('\n', " ");
    let odd = !line.starts_with(char::is_alphanumeric)
        || line.contains([':', '"'])
        || line
            .to_lowercase()
            .contains(AI.trim_ascii_start().to_lowercase().as_str())
        || line.eq_ignore_ascii_case("you");
    if odd {
        Cow::Owned(format!("\"{}\"", line.replace('"', "'")))
    } else {
        Cow::Owned(line)
    }
}

/// The rows of `text` behind `first`; the further ones are indented.
fn row_of(first: &str, text: &str, look: Look) -> String {
    let text = render(text);
    let text = fit(&text, look.charset);
    let mut out = String::with_capacity(text.len() + 16);
    let mut lead = first;
    for line in text.trim_end().split('\n') {
        let room = look.columns.map(|columns| {
            // The last column stays free: some terminals wrap as soon as it is used.
            columns.max(COLUMNS_MIN) - 1 - INDENT.len().max(first.len())
        });
        for row in rows(line, room) {
            let row = format!("{lead}{row}");
            out.push_str(row.trim_end());
            out.push('\n');
            lead = INDENT;
        }
    }
    out
}

/// Cuts a line into rows of at most `room` columns, at spaces where there are any.
fn rows(line: &str, room: Option<usize>) -> Vec<&str> {
    let Some(room) = room.filter(|&room| width(line) > room) else {
        return vec![line];
    };
    let mut rows = Vec::new();
    let (mut start, mut used, mut space) = (0, 0, None);
    let mut at = 0;
    for grapheme in graphemes(line) {
        let columns = width(grapheme);
        if used + columns > room && at > start {
            let cut = space.filter(|&space| space > start).unwrap_or(at);
            rows.push(&line[start..cut]);
            start = cut;
            used = width(&line[start..at]);
            space = None;
        }
        at += grapheme.len();
        used += columns;
        if grapheme == " " {
            space = Some(at);
        }
    }
    rows.push(&line[start..]);
    rows
}

fn fit(text: &str, charset: Charset) -> Cow<'_, str> {
    if charset == Charset::Unicode || text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let ascii = graphemes(text).map(|cluster| if cluster.is_ascii() { cluster } else { "?" });
    Cow::Owned(ascii.collect())
}

fn styled(attribute: &str, text: &str, look: Look) -> String {
    match look.ink {
        Ink::Plain => text.to_owned(),
        Ink::Styled => {
            let body = text.trim_end_matches('\n');
            format!("{attribute}{body}\x1b[0m{}", &text[body.len()..])
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shared::{
        client::socket::StopReason,
        id::{AttachmentId, Seq},
        model::Attachment,
        text::{HOSTILE, SafeText, width},
        time::Timestamp,
    };

    use super::{Charset, Ink, Look, show};
    use crate::story::{Piece, Said, Speaker};

    const NARROW: Look = Look {
        columns: Some(40),
        ..Look::PIPE
    };

    fn said(speaker: Speaker, name: &str, text: &str) -> Said {
        Said {
            seq: Seq(1),
            at: Timestamp::from_ms(0),
            speaker,
            name: SafeText::block(name),
            text: SafeText::block(text),
            attachments: Vec::new(),
        }
    }

    fn every_form(text: &str) -> Vec<Piece> {
        let mut pieces = vec![
            Piece::NotSent {
                reason: text.to_owned(),
            },
            Piece::Typing {
                name: SafeText::block(text),
            },
            Piece::Looking {
                name: SafeText::block(text),
            },
            Piece::Lost {
                why: text.to_owned(),
                retry_in: Duration::ZERO,
            },
            Piece::Stopped(StopReason::Forbidden {
                message: text.to_owned(),
            }),
        ];
        for speaker in [
            Speaker::Agent,
            Speaker::Assistant,
            Speaker::Customer,
            Speaker::System,
        ] {
            let mut with_file = said(speaker, text, text);
            with_file.attachments.push(Attachment {
                id: AttachmentId(3),
                name: SafeText::line(text),
                bytes: 12,
                kind: SafeText::line(text),
            });
            pieces.push(Piece::Said(with_file));
            pieces.push(Piece::Edited(said(speaker, text, text)));
        }
        pieces
    }

    #[test]
    fn nothing_hostile_comes_through_any_form() {
        for text in HOSTILE {
            for look in [Look::PIPE, NARROW] {
                for piece in every_form(text) {
                    let shown = show(&piece, look);
                    let bad = |c: char| c.is_control() && c != '\n';
                    assert!(!shown.contains(bad), "{text:?} gave {shown:?}");
                    assert!(shown.ends_with('\n'), "{shown:?} is no line");
                }
            }
        }
    }

    #[test]
    fn nobody_writes_a_line_of_the_desk() {
        let forged = [
            "-- System",
            "--",
            "-- You are number 1",
            "\n-- x",
            "  -- x",
            "\u{2013}- x",
        ];
        for name in forged {
            for text in [
                "hi",
                "-- closed",
                "a\n-- closed",
                "a\n\n-- closed\nb",
                "\r\n-- closed",
            ] {
                for look in [Look::PIPE, NARROW] {
                    let piece = Piece::Said(said(Speaker::Agent, name, text));
                    let shown = show(&piece, look);
                    assert!(
                        shown.lines().all(|line| !line.starts_with("--")),
                        "{name:?} and {text:?} gave {shown:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn padding_cannot_push_a_mark_into_the_first_column() {
        for padding in 0..120 {
            let text = format!("{}-- This chat is closed", " ".repeat(padding));
            let shown = show(&Piece::Said(said(Speaker::Agent, "Ana", &text)), NARROW);
            assert!(
                shown.lines().all(|line| !line.starts_with("--")),
                "{shown:?}"
            );
            assert!(shown.lines().all(|line| width(line) < 40), "{shown:?}");
        }
    }

    #[test]
    fn a_file_is_a_row_of_its_message() {
        let mut with_file = said(Speaker::Agent, "Ana", "the invoice");
        with_file.attachments.push(Attachment {
            id: AttachmentId(3),
            name: SafeText::line("invoice.pdf"),
            bytes: 12,
            kind: SafeText::line("application/pdf"),
        });
        assert_eq!(
            show(&Piece::Said(with_file), Look::PIPE),
            "Ana: the invoice\n  [file 3] invoice.pdf (12 B, application/pdf)\n"
        );
    }

    #[test]
    fn another_you_is_quoted() {
        let shown = show(&Piece::Said(said(Speaker::Agent, "You", "hi")), Look::PIPE);
        assert_eq!(shown, "\"You\": hi\n");
        let shown = show(
            &Piece::Said(said(Speaker::Agent, "Ana: yes", "hi")),
            Look::PIPE,
        );
        assert_eq!(shown, "\"Ana: yes\": hi\n");
    }

    #[test]
    fn the_assistant_says_each_time_what_it_is_and_nobody_else_does() {
        let shown = |speaker, name| show(&Piece::Said(said(speaker, name, "hi")), Look::PIPE);
        assert_eq!(shown(Speaker::Assistant, "Robin"), "Robin (AI): hi\n");
        assert_eq!(
            shown(Speaker::Assistant, "Robin: x"),
            "\"Robin: x\" (AI): hi\n"
        );
        assert_eq!(shown(Speaker::Agent, "Robin"), "Robin: hi\n");
        assert_eq!(shown(Speaker::Agent, "Ana (ai)"), "\"Ana (ai)\": hi\n");
        let edited = Piece::Edited(said(Speaker::Assistant, "Robin", "hi"));
        assert_eq!(show(&edited, Look::PIPE), "Robin (AI) (edited): hi\n");
        let name = SafeText::line("Robin");
        assert_eq!(
            show(&Piece::Looking { name }, Look::PIPE),
            "-- Robin (AI) is looking for an answer...\n"
        );
    }

    #[test]
    fn a_pipe_gets_plain_lines() {
        let shown = show(
            &Piece::Said(said(Speaker::Agent, "Ana", "one\ntwo")),
            Look::PIPE,
        );
        assert_eq!(shown, "Ana: one\n  two\n");
        assert_eq!(
            show(&Piece::Place(3), Look::PIPE),
            "-- You are number 3 in the queue\n"
        );
    }

    #[test]
    fn attributes_end_with_the_line() {
        let look = Look {
            ink: Ink::Styled,
            ..NARROW
        };
        let shown = show(&Piece::Said(said(Speaker::Agent, "Ana", "hi")), look);
        assert_eq!(shown, "\x1b[1mAna:\x1b[0m hi\n");
        assert_eq!(show(&Piece::Sent, look), "\x1b[2m  (sent)\x1b[0m\n");
    }

    #[test]
    fn without_unicode_there_is_ascii() {
        let look = Look {
            charset: Charset::Ascii,
            ..NARROW
        };
        let shown = show(&Piece::Said(said(Speaker::Agent, "Anaïs", "漢字 ok")), look);
        assert_eq!(shown, "Ana?s: ?? ok\n");
    }

    #[test]
    fn long_lines_break_at_spaces() {
        let text = "the quick brown fox jumps over the lazy dog and runs away";
        let shown = show(&Piece::Said(said(Speaker::Agent, "Ana", text)), NARROW);
        assert_eq!(
            shown,
            "Ana: the quick brown fox jumps over\n  the lazy dog and runs away\n"
        );
    }
}
