//! The query of a URL: a few named values, each known to the route and given at most once.

use std::str::FromStr;

use shared::api::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX};

use super::errors::Failure;

/// What the value of a parameter looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Any text.
    Text,
    /// A whole number.
    Number,
    /// `1` or `true`, `0` or `false`.
    Flag,
    /// One of these.
    OneOf(&'static [&'static str]),
}

/// A parameter that a route takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Param {
    /// Its name.
    pub(super) name: &'static str,
    /// What it is for.
    pub(super) summary: &'static str,
    /// What its value looks like.
    pub(super) kind: Kind,
}

impl Param {
    /// A parameter.
    pub(super) const fn new(name: &'static str, kind: Kind, summary: &'static str) -> Self {
        Self {
            name,
            summary,
            kind,
        }
    }
}

/// Items of a page.
pub(super) const LIMIT: Param = Param::new("limit", Kind::Number, "Items of a page: 1 to 200.");
/// Where the page before ended.
pub(super) const AFTER: Param = Param::new("after", Kind::Text, "The `next` of the page before.");
/// Says what would happen.
pub(super) const DRY_RUN: Param = Param::new(
    "dry_run",
    Kind::Flag,
    "Answer what would happen, and do nothing.",
);

/// The beginnings of the hub's tokens.
const TOKEN_PREFIXES: [&str; 6] = ["fda_", "fdr_", "fdc_", "fdp_", "fdi_", "fds_"];
/// Names under which programs put tokens into URLs.
const TOKEN_NAMES: [&str; 6] = [
    "token",
    "access_token",
    "refresh_token",
    "auth",
    "authorization",
    "api_key",
];

/// The values of a query, decoded.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the part of a URL after `?`.
    ///
    /// # Errors
    /// `invalid` for bad escapes, for a parameter given twice, and for anything like a token.
    pub(super) fn parse(raw: &str) -> Result<Self, Failure> {
        let mut values: Vec<(String, String)> = Vec::new();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (decode(name), decode(value)) else {
                return Err(Failure::invalid(
                    "the query has a bad escape; use UTF-8 and %XX",
                ));
            };
            let secret = TOKEN_NAMES.contains(&name.to_lowercase().as_str())
                || TOKEN_PREFIXES
                    .iter()
                    .any(|prefix| value.starts_with(prefix));
            if secret {
                return Err(Failure::invalid(
                    "a token never goes into a URL, where logs keep it; \
                     send \"Authorization: Bearer TOKEN\"",
                ));
            }
            if values.iter().any(|(known, _)| *known == name) {
                return Err(Failure::invalid(format!(
                    "{name} is given twice; give it once"
                )));
            }
            values.push((name, value));
        }
        Ok(Self(values))
    }

    /// Refuses parameters that the route does not take.
    ///
    /// # Errors
    /// `invalid` that names the parameter.
    pub(super) fn only(&self, params: &[Param]) -> Result<(), Failure> {
        for (name, value) in &self.0 {
            let Some(param) = params.iter().find(|param| param.name == *name) else {
                let known: Vec<_> = params.iter().map(|param| param.name).collect();
                let known = match known.as_slice() {
                    [] => "this path takes no parameters".to_owned(),
                    _ => format!("it takes {}", known.join(", ")),
                };
                return Err(Failure::invalid(format!(
                    "unknown parameter {name}; {known}"
                )));
            };
            let right = match param.kind {
                Kind::Text => true,
                Kind::Number => value.parse::<u64>().is_ok(),
                Kind::Flag => flag(value).is_some(),
                Kind::OneOf(choices) => choices.contains(&value.as_str()),
            };
            if !right {
                let wanted = match param.kind {
                    Kind::OneOf(choices) => format!("one of {}", choices.join(", ")),
                    Kind::Flag => "0 or 1".to_owned(),
                    Kind::Number | Kind::Text => "a number".to_owned(),
                };
                return Err(Failure::invalid(format!("{name} must be {wanted}")));
            }
        }
        Ok(())
    }

    /// The text of a parameter.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        Some(value)
    }

    /// The value of a parameter.
    ///
    /// # Errors
    /// `invalid` when it cannot be read.
    pub(super) fn value<T: FromStr>(&self, name: &str) -> Result<Option<T>, Failure> {
        self.text(name)
            .map(|text| {
                text.parse()
                    .map_err(|_| Failure::invalid(format!("{name} is not a value that fits here")))
            })
            .transpose()
    }

    /// Whether a flag is given and not 0.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.text(name).and_then(flag).unwrap_or(false)
    }

    /// Items of the page that is wanted.
    ///
    /// # Errors
    /// `invalid` beyond 1 to 200.
    pub(super) fn limit(&self) -> Result<usize, Failure> {
        let limit = self.value(LIMIT.name)?.unwrap_or(PAGE_ITEMS_DEFAULT);
        if (1..=PAGE_ITEMS_MAX).contains(&limit) {
            Ok(limit as usize)
        } else {
            Err(Failure::invalid(format!(
                "limit must be a number from 1 to {PAGE_ITEMS_MAX}"
            )))
        }
    }
}

fn flag(value: &str) -> Option<bool> {
    match value {
        "1" | "true" | "" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}

/// Undoes percent-encoding and `+`.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                rest = after;
                let digits = std::str::from_utf8(digits).ok()?;
                if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    return None;
                }
                u8::from_str_radix(digits, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use shared::id::ChatId;

    use super::{AFTER, DRY_RUN, Kind, LIMIT, Param, Query};

    fn complaint(raw: &str, params: &[Param]) -> String {
        let refused = Query::parse(raw).and_then(|query| query.only(params));
        format!("{:?}", refused.unwrap_err())
    }

    #[test]
    fn values_are_decoded_and_typed() {
        let query = Query::parse("after=12&department=Technical+Support%21&dry_run").unwrap();
        assert_eq!(query.value::<ChatId>("after").unwrap(), Some(ChatId(12)));
        assert_eq!(query.text("department"), Some("Technical Support!"));
        assert!(query.flag("dry_run") && !query.flag("mine"));
        assert!(query.value::<ChatId>("department").is_err());
        assert_eq!(query.limit().unwrap(), 50);
    }

    #[test]
    fn only_what_the_route_knows_passes() {
        let state = Param::new("state", Kind::OneOf(&["active", "waiting"]), "");
        let params = [LIMIT, AFTER, DRY_RUN, state];
        assert!(complaint("statee=active", &params).contains("unknown parameter statee"));
        assert!(complaint("state=%7B%22%24ne%22%3A1%7D", &params).contains("one of active"));
        assert!(complaint("limit=1e9", &params).contains("limit must be a number"));
        assert!(complaint("limit=1&limit=2", &params).contains("twice"));
        assert!(complaint("after=%zz", &params).contains("escape"));
        assert!(complaint("after=%ff", &params).contains("escape"));
        assert!(complaint("dry_run=maybe", &params).contains("0 or 1"));
        for limit in ["limit=0", "limit=201", "limit=1000000000"] {
            assert!(Query::parse(limit).unwrap().limit().is_err());
        }
    }

    #[test]
    fn a_token_in_a_query_is_refused_and_not_repeated() {
        for raw in [
            "token=abc",
            "Access_Token=abc",
            "after=fda_0123abc",
            "%74oken=abc",
        ] {
            let complaint = complaint(raw, &[AFTER]);
            assert!(complaint.contains("never goes into a URL"), "{complaint}");
            assert!(!complaint.contains("abc"), "{complaint}");
        }
    }
}
