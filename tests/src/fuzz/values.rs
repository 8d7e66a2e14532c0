//! Changes to the values of a JSON input that leave its shape alone, so that most of what comes out
//! is still a frame and gets behind the parser: numbers at their limits, hostile and long texts,
//! lists doubled and emptied, and the values that other inputs have under the same name.
//!
//! Absent on purpose: tags (`type`, `kind`) and missing fields. Bytes that were tossed, which make
//! no frame of nearly all, are beside this.

use serde_json::{Map, Value};
use shared::text::HOSTILE;

use super::INPUT_BYTES_MAX;
use crate::seed::Rng;

/// Names under which any text may stand.
const TEXTS: [&str; 16] = [
    "text",
    "name",
    "description",
    "label",
    "message",
    "comment",
    "note",
    "value",
    "preview",
    "reason",
    "caption",
    "client",
    "token",
    "add",
    "remove",
    "code",
];
/// Numbers around which something else begins.
const LIMITS: [u64; 12] = [
    0,
    1,
    2,
    3,
    31,
    200,
    255,
    256,
    65_535,
    4_294_967_295,
    9_007_199_254_740_993,
    u64::MAX,
];
/// Longest text that is made: beyond what a message may have.
const TEXT_BYTES_MAX: usize = 9 * 1024;

/// `input` with one to three values changed; none when it is no JSON with a value to change.
pub fn vary(rng: &mut Rng, input: &[u8], others: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut root: Value = serde_json::from_slice(input).ok()?;
    for _ in 0..rng.within(1..=3) {
        let mut found = Vec::new();
        places("", &mut root, &mut found);
        if found.is_empty() {
            return None;
        }
        let at = rng.within(0..=found.len() as u64 - 1) as usize;
        let (name, value) = found.swap_remove(at);
        change(rng, &name, value, others);
    }
    let bytes = serde_json::to_vec(&root).ok()?;
    (bytes.len() as u64 <= INPUT_BYTES_MAX).then_some(bytes)
}

/// Every value below `value` that is no object and no tag, each with the name of its field.
fn places<'a>(name: &str, value: &'a mut Value, found: &mut Vec<(String, &'a mut Value)>) {
    if value
        .as_array()
        .is_some_and(|items| items.iter().any(Value::is_object))
    {
        let items = value.as_array_mut().into_iter().flatten();
        items.for_each(|item| places(name, item, found));
    } else if value.is_object() {
        for (name, value) in value.as_object_mut().into_iter().flatten() {
            if name != "type" && name != "kind" {
                places(name, value, found);
            }
        }
    } else {
        found.push((name.to_owned(), value));
    }
}

fn change(rng: &mut Rng, name: &str, value: &mut Value, others: &[Vec<u8>]) {
    match value {
        Value::Number(number) => {
            let now = number.as_u64().unwrap_or_default();
            let near = [now.saturating_add(1), now.saturating_sub(1)];
            let number = if rng.chance(50) {
                *rng.pick(&near)
            } else {
                *rng.pick(&LIMITS)
            };
            *value = number.into();
        }
        Value::Bool(on) => *on = !*on,
        Value::String(now) if TEXTS.contains(&name) => *now = text(rng, now),
        Value::Array(items) => match rng.within(0..=2) {
            0 => items.clear(),
            1 => items.extend(items.clone()),
            _ => items
                .iter_mut()
                .for_each(|item| change(rng, name, item, others)),
        },
        _ => {
            if let Some(other) = borrowed(rng, name, others) {
                *value = other;
            }
        }
    }
}

/// A text of the hostile ones, of `now` many times over, or of nothing.
fn text(rng: &mut Rng, now: &str) -> String {
    let hostile: &&str = rng.pick(HOSTILE);
    match rng.within(0..=3) {
        0 => (*hostile).to_owned(),
        1 => format!("{now}{hostile}{now}"),
        2 => now
            .chars()
            .cycle()
            .take(rng.within(0..=TEXT_BYTES_MAX as u64) as usize)
            .collect(),
        _ => String::new(),
    }
}

/// What another input has under this name.
fn borrowed(rng: &mut Rng, name: &str, others: &[Vec<u8>]) -> Option<Value> {
    fn collect(wanted: &str, value: &Value, found: &mut Vec<Value>) {
        match value {
            Value::Object(fields) => in_fields(wanted, fields, found),
            Value::Array(items) => items.iter().for_each(|item| collect(wanted, item, found)),
            _ => {}
        }
    }
    fn in_fields(wanted: &str, fields: &Map<String, Value>, found: &mut Vec<Value>) {
        for (name, value) in fields {
            if name == wanted {
                found.push(value.clone());
            }
            collect(wanted, value, found);
        }
    }
    let mut found = Vec::new();
    for other in others {
        if let Ok(value) = serde_json::from_slice(other) {
            collect(name, &value, &mut found);
        }
    }
    (!found.is_empty()).then(|| rng.pick(&found).clone())
}

#[cfg(test)]
mod tests {
    use super::vary;
    use crate::{fuzz::is_frame, seed::Seed};

    #[test]
    fn a_varied_frame_is_another_one_and_mostly_still_a_frame() {
        let inputs: [&[u8]; 3] = [
            br#"{"type":"fetch","id":"1","chat":1,"before":5,"limit":200}"#,
            br#"{"type":"do","cid":"0123456789abcdef","command":{"type":"post_message","chat":42,"text":"hello","visibility":"public"}}"#,
            br#"{"type":"rate","chat":1,"score":5,"comment":"c"}"#,
        ];
        let others = inputs.map(<[u8]>::to_vec);
        let mut rng = Seed::from_env_or_random("FRONTDESK_SEED").rng();
        let (mut legal, mut other) = (0, 0);
        for number in 0..600 {
            let input = inputs[number % 3];
            let varied = vary(&mut rng, input, &others).unwrap();
            legal += u32::from(is_frame(&varied));
            let before: serde_json::Value = serde_json::from_slice(input).unwrap();
            other +=
                u32::from(serde_json::from_slice::<serde_json::Value>(&varied).unwrap() != before);
        }
        assert!(legal > 360, "{legal} of 600 are frames");
        assert!(other > 500, "{other} of 600 differ");
        assert_eq!(vary(&mut rng, b"[[[", &others), None);
        assert_eq!(vary(&mut rng, b"{}", &others), None);
    }
}
