//! Reading what a client says: the frame that nearly all of them are in one pass, the others by
//! the whole grammar.
//!
//! An enum tagged inside is collected first and read then, twice over for a command: a dozen
//! pieces of memory for each message that is posted. What is read here in one pass means the same;
//! what is not of this form, or wrong, is left to the grammar, which also knows what to say of it.

use serde::Deserialize;
use shared::{
    command::Command,
    frame::ClientFrame,
    id::{CannedId, ChatId, CommandId, Seq},
    model::Visibility,
    text::SafeText,
};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum DoTag {
    Do,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum PostTag {
    PostMessage,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Do {
    #[serde(rename = "type")]
    _tag: DoTag,
    cid: CommandId,
    command: Post,
}

/// The fields of [`Command::PostMessage`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Post {
    #[serde(rename = "type")]
    _tag: PostTag,
    chat: ChatId,
    text: SafeText,
    #[serde(default)]
    visibility: Visibility,
    #[serde(default)]
    expected_seq: Option<Seq>,
    #[serde(default)]
    canned: Vec<CannedId>,
}

/// Reads a frame.
///
/// # Errors
/// What the grammar has to say.
pub(super) fn read(text: &str) -> serde_json::Result<ClientFrame> {
    post(text).map_or_else(|| serde_json::from_str(text), Ok)
}

fn post(text: &str) -> Option<ClientFrame> {
    let Do { cid, command, .. } = serde_json::from_str(text).ok()?;
    Some(ClientFrame::Do {
        cid,
        command: Command::PostMessage {
            chat: command.chat,
            text: command.text,
            visibility: command.visibility,
            expected_seq: command.expected_seq,
            canned: command.canned,
        },
    })
}

#[cfg(test)]
mod tests {
    use shared::frame::ClientFrame;

    use super::{post, read};

    /// Fields of a posted message: right ones, ones of other forms, wrong ones.
    const FIELDS: [&str; 14] = [
        r#""chat":7"#,
        r#""chat":"7""#,
        r#""chat":7.0"#,
        r#""text":"hello \"you\" \u00e9""#,
        r#""text":null"#,
        r#""visibility":"public""#,
        r#""visibility":"note""#,
        r#""visibility":"loud""#,
        r#""expected_seq":3"#,
        r#""expected_seq":null"#,
        r#""canned":[1,2]"#,
        r#""canned":null"#,
        r#""surplus":1"#,
        r#""type":"post_message""#,
    ];

    #[test]
    fn what_is_read_in_one_pass_is_what_the_grammar_reads() {
        let mut both = 0;
        for chosen in 0..1_u32 << FIELDS.len() {
            let fields: Vec<&str> = (0..FIELDS.len())
                .filter(|bit| chosen & 1 << bit != 0)
                .map(|bit| FIELDS[bit])
                .collect();
            let fields = fields.join(",");
            let text =
                format!(r#"{{"type":"do","cid":"0123456789abcdef","command":{{{fields}}}}}"#);
            let whole = serde_json::from_str::<ClientFrame>(&text);
            if let Some(quick) = post(&text) {
                assert_eq!(Some(quick), whole.ok(), "{text}");
                both += 1;
            }
        }
        assert!(both > 10, "only {both} were read in one pass");
    }

    #[test]
    fn what_is_wrong_is_told_by_the_grammar() {
        for wrong in [
            r#"{"type":"do","cid":"short","command":{"type":"post_message","chat":1,"text":"a"}}"#,
            r#"{"type":"do","cid":"0123456789abcdef","command":{"type":"fly"}}"#,
            r#"{"type":"do","type":"do","cid":"0123456789abcdef","command":{"type":"fly"}}"#,
            r#"{"type":"ping","id":"a","surplus":1}"#,
            "[",
        ] {
            let grammar = serde_json::from_str::<ClientFrame>(wrong).unwrap_err();
            let told = read(wrong).unwrap_err();
            assert_eq!(told.to_string(), grammar.to_string());
        }
        let ping = r#"{"type":"ping","id":"a"}"#;
        assert!(matches!(read(ping), Ok(ClientFrame::Ping { id }) if id == "a"));
    }
}
