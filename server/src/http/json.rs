//! Reading JSON from clients: bounded in depth, strict in fields, with a sentence when it is wrong.

use serde::de::DeserializeOwned;
use shared::api::JSON_DEPTH_MAX;

use super::errors::Failure;

/// Longest part of a parser's complaint that is passed on, in characters.
const COMPLAINT_CHARS_MAX: usize = 300;

/// Reads a body. An empty one is an empty object, for routes where every field is optional.
///
/// # Errors
/// `invalid` with a sentence that names the field.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    let body = if body.is_empty() { b"{}" } else { body };
    if depth(body) > JSON_DEPTH_MAX {
        return Err(Failure::invalid(format!(
            "the body is nested more than {JSON_DEPTH_MAX} levels deep; flatten it"
        )));
    }
    serde_json::from_slice(body)
        .map_err(|error| Failure::invalid(format!("the body is wrong: {}", complaint(&error))))
}

/// How deeply arrays and objects are nested; brackets inside strings do not count.
pub(super) fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// What the parser says, for people: the choice of types is ours to explain, not the parser's.
fn complaint(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = text.rfind(" at line ").map_or("", |at| &text[at..]);
    if text.contains("untagged enum DepartmentRef") {
        return format!("a department is a number or a name{place}");
    }
    if text.contains("untagged enum UserRef") {
        return format!("an agent is a number or a username{place}");
    }
    text.chars().take(COMPLAINT_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use shared::api::{EndChat, Login, OpenChat};

    use super::{depth, parse};

    fn complaint<T: serde::de::DeserializeOwned + std::fmt::Debug>(body: &str) -> String {
        format!("{:?}", parse::<T>(body.as_bytes()).unwrap_err())
    }

    #[test]
    fn an_unknown_or_missing_field_is_named() {
        let role = r#"{"username":"a","password":"b","role":"owner"}"#;
        assert!(complaint::<Login>(role).contains("unknown field `role`"));
        assert!(complaint::<Login>("").contains("missing field `username`"));
        let department = r#"{"department":{},"cid":"0123456789abcdef"}"#;
        assert!(complaint::<OpenChat>(department).contains("a department is a number or a name"));
    }

    #[test]
    fn no_body_is_an_empty_object() {
        let end: EndChat = parse(b"").unwrap();
        assert_eq!(end.cid, None);
    }

    #[test]
    fn depth_counts_brackets_outside_strings() {
        assert_eq!(depth(br#"{"a":[1,{"b":2}]}"#), 3);
        assert_eq!(depth(br#"{"a":"[[[[\"[["}"#), 1);
        let deep = format!("{}{}", "[".repeat(17), "]".repeat(17));
        assert!(complaint::<serde_json::Value>(&deep).contains("nested"));
    }
}
