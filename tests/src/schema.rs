//! Whether a JSON document fits a JSON Schema (draft 2020-12), for the schemas that we publish.
//!
//! Small on purpose and without a crate: our schemas use few keywords, a keyword that is not known
//! here is a fault, so that nothing is passed over, and a field that the schema does not describe
//! is one too, which validators do not say.

use serde_json::{Map, Value};

/// Keywords that say nothing about what fits.
const SILENT: [&str; 5] = ["description", "default", "format", "title", "$schema"];

/// Everything at which `value` does not fit the part `schema` of the document `root`.
#[must_use]
pub fn faults(root: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    Checker { root }.check(schema, value, "", &mut faults);
    faults
}

struct Checker<'a> {
    root: &'a Value,
}

impl Checker<'_> {
    fn check(&self, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
        let Value::Object(schema) = schema else {
            // `true` takes anything.
            if schema != &Value::Bool(true) {
                faults.push(format!("{at}: {schema} is no schema"));
            }
            return;
        };
        for (keyword, rule) in schema {
            let fits = match keyword.as_str() {
                word if SILENT.contains(&word) => true,
                "$ref" => {
                    let pointer = rule.as_str().and_then(|rule| rule.strip_prefix('#'));
                    match pointer.and_then(|pointer| self.root.pointer(pointer)) {
                        Some(schema) => self.check(schema, value, at, faults),
                        None => faults.push(format!("{at}: {rule} leads nowhere")),
                    }
                    true
                }
                "type" => is_of(rule, value),
                "const" => rule == value,
                "enum" => list(rule).contains(value),
                "minimum" => value
                    .as_f64()
                    .is_none_or(|v| rule.as_f64().is_some_and(|r| v >= r)),
                "maximum" => value
                    .as_f64()
                    .is_none_or(|v| rule.as_f64().is_some_and(|r| v <= r)),
                "minItems" => value
                    .as_array()
                    .is_none_or(|v| v.len() as u64 >= number(rule)),
                "maxItems" => value
                    .as_array()
                    .is_none_or(|v| v.len() as u64 <= number(rule)),
                "uniqueItems" => value.as_array().is_none_or(|v| {
                    v.iter()
                        .enumerate()
                        .all(|(index, item)| !v[..index].contains(item))
                }),
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(rule, item, &format!("{at}/{index}"), faults);
                    }
                    true
                }
                "required" => {
                    for name in list(rule).iter().filter_map(Value::as_str) {
                        if value.is_object() && value.get(name).is_none() {
                            faults.push(format!("{at}: {name} is missing"));
                        }
                    }
                    true
                }
                "properties" => {
                    for (name, rule) in rule.as_object().into_iter().flatten() {
                        if let Some(value) = value.get(name) {
                            self.check(rule, value, &format!("{at}/{name}"), faults);
                        }
                    }
                    true
                }
                "additionalProperties" => {
                    for (name, value) in undescribed(schema, value) {
                        self.check(rule, value, &format!("{at}/{name}"), faults);
                    }
                    true
                }
                "anyOf" | "oneOf" => self.one_fits(list(rule), value, at, faults),
                unknown => {
                    faults.push(format!("{at}: the keyword {unknown} is not known"));
                    true
                }
            };
            if !fits {
                faults.push(format!("{at}: {value} does not fit {keyword} {rule}"));
            }
        }
        let apart = ["additionalProperties", "anyOf", "oneOf"];
        if schema.contains_key("properties") && !apart.iter().any(|word| schema.contains_key(*word))
        {
            let names = undescribed(schema, value).map(|(name, _)| name.as_str());
            faults.extend(names.map(|name| format!("{at}: {name} is not in the schema")));
        }
    }

    /// Whether one of several fits; says of the nearest what does not.
    fn one_fits(&self, rules: &[Value], value: &Value, at: &str, faults: &mut Vec<String>) -> bool {
        let each = rules.iter().map(|rule| {
            let mut faults = Vec::new();
            self.check(rule, value, at, &mut faults);
            faults
        });
        match each.min_by_key(Vec::len) {
            Some(nearest) => {
                let fits = nearest.is_empty();
                faults.extend(nearest);
                fits
            }
            None => false,
        }
    }
}

fn undescribed<'a>(
    schema: &Map<String, Value>,
    value: &'a Value,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let known = schema.get("properties").and_then(Value::as_object).cloned();
    let known = known.unwrap_or_default();
    let fields = value.as_object().into_iter().flatten();
    fields.filter(move |(name, _)| !known.contains_key(*name))
}

fn list(rule: &Value) -> &[Value] {
    rule.as_array().map_or(&[], Vec::as_slice)
}

fn number(rule: &Value) -> u64 {
    rule.as_u64().unwrap_or(0)
}

fn is_of(rule: &Value, value: &Value) -> bool {
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        _ => false,
    };
    match rule {
        Value::String(name) => is(name),
        rule => list(rule).iter().filter_map(Value::as_str).any(is),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::faults;

    #[test]
    fn what_does_not_fit_is_found_and_what_does_is_not() {
        let root = json!({
            "$defs": { "Id": { "type": "integer", "minimum": 1 } },
            "x": {
                "type": "object",
                "properties": {
                    "id": { "$ref": "#/$defs/Id" },
                    "tags": { "type": "array", "items": { "type": "string" }, "maxItems": 2 },
                    "at": { "anyOf": [{ "type": "null" }, { "type": "string" }] },
                },
                "required": ["id"],
            },
        });
        let check = |value: Value| faults(&root, &root["x"], &value).len();
        assert_eq!(check(json!({ "id": 1, "tags": ["a"], "at": null })), 0);
        for wrong in [
            json!({}),
            json!({ "id": 0 }),
            json!({ "id": "1" }),
            json!({ "id": 1, "tags": [1] }),
            json!({ "id": 1, "tags": ["a", "b", "c"] }),
            json!({ "id": 1, "at": 7 }),
            json!({ "id": 1, "more": true }),
        ] {
            assert!(check(wrong.clone()) > 0, "{wrong}");
        }
        let unknown = json!({ "type": "string", "pattern": "a" });
        assert_eq!(faults(&root, &unknown, &json!("a")).len(), 1);
    }
}
