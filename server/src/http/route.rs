//! The form of a route, the one table of all of them, and the matching of paths.
//!
//! A route that is not in the table does not exist: it is neither served nor documented.

use std::{future::Future, pin::Pin, sync::LazyLock};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use shared::api::BODY_BYTES_MAX;
use warp::reply::Response;

use crate::desk::permission::Action;

use super::{call::Call, errors::Failure, query::Param, routes};

/// What a handler gives.
pub(super) type Answer = Result<Response, Failure>;
/// Serves a call.
pub(super) type Handler = fn(Call) -> Pin<Box<dyn Future<Output = Answer> + Send>>;
/// Makes the schema of a body.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What one does to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verb {
    /// Reads.
    Get,
    /// Adds, or acts.
    Post,
    /// Replaces.
    Put,
    /// Takes away.
    Delete,
}

impl Verb {
    /// The HTTP method.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    /// Of a request's method; HEAD is a GET whose body is not sent.
    pub(super) fn of(method: &str) -> Option<Self> {
        Some(match method {
            "GET" | "HEAD" => Self::Get,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "DELETE" => Self::Delete,
            _ => return None,
        })
    }
}

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Everyone; a token is not looked at. What a secret in the body allows is for `accounts`.
    Open,
    /// Loopback, and whose token allows the action; others are told that there is no such path.
    Hidden(Action),
    /// With a token that allows the action, or without one where the table lets nobody do it.
    Anyone(Action),
    /// With a token that allows the action. On which things is judged by the desk.
    Bearer(Action),
}

/// What a good answer has for a body.
#[derive(Clone, Copy)]
pub(super) enum Body {
    /// None.
    Nothing,
    /// JSON.
    Json(SchemaOf),
    /// Something else, of this media type.
    Other(&'static str),
}

/// A row of the table.
#[derive(Clone, Copy)]
pub(super) struct Route {
    /// The method.
    pub(super) verb: Verb,
    /// The path, with parameters like `{id}`.
    pub(super) path: &'static str,
    /// Names the operation.
    pub(super) name: &'static str,
    /// One sentence.
    pub(super) summary: &'static str,
    /// Who may call.
    pub(super) access: Access,
    /// What the query may have.
    pub(super) query: &'static [Param],
    /// What the body must be, if there is one.
    pub(super) request: Option<SchemaOf>,
    /// The body is bytes that the handler reads as they come.
    pub(super) streams: bool,
    /// The status of success, and its body.
    pub(super) status: u16,
    /// What the answer is.
    pub(super) answer: Body,
    /// Whether `If-Match: rev` is heeded.
    pub(super) if_match: bool,
    /// Most bytes of a request's body.
    pub(super) body_bytes_max: usize,
    /// Serves it.
    pub(super) handler: Handler,
}

impl Route {
    const fn new(
        verb: Verb,
        path: &'static str,
        name: &'static str,
        access: Access,
        handler: Handler,
        summary: &'static str,
    ) -> Self {
        Self {
            verb,
            path,
            name,
            summary,
            access,
            query: &[],
            request: None,
            streams: false,
            status: 204,
            answer: Body::Nothing,
            if_match: false,
            body_bytes_max: BODY_BYTES_MAX,
            handler,
        }
    }

    /// A route that reads.
    pub(super) const fn get(
        path: &'static str,
        name: &'static str,
        access: Access,
        handler: Handler,
        summary: &'static str,
    ) -> Self {
        Self::new(Verb::Get, path, name, access, handler, summary)
    }

    /// A route that adds or acts.
    pub(super) const fn post(
        path: &'static str,
        name: &'static str,
        access: Access,
        handler: Handler,
        summary: &'static str,
    ) -> Self {
        Self::new(Verb::Post, path, name, access, handler, summary)
    }

    /// A route that replaces.
    pub(super) const fn put(
        path: &'static str,
        name: &'static str,
        access: Access,
        handler: Handler,
        summary: &'static str,
    ) -> Self {
        Self::new(Verb::Put, path, name, access, handler, summary)
    }

    /// A route that takes away.
    pub(super) const fn delete(
        path: &'static str,
        name: &'static str,
        access: Access,
        handler: Handler,
        summary: &'static str,
    ) -> Self {
        Self::new(Verb::Delete, path, name, access, handler, summary)
    }

    /// With a JSON body of `T`.
    pub(super) const fn takes<T: JsonSchema>(mut self) -> Self {
        self.request = Some(SchemaGenerator::subschema_for::<T>);
        self
    }

    /// With a body of at most `bytes_max` bytes of any kind, read by the handler as they come.
    pub(super) const fn takes_bytes(mut self, bytes_max: u64) -> Self {
        self.streams = true;
        self.body_bytes_max = bytes_max as usize;
        self
    }

    /// With JSON of `T` in the answer.
    pub(super) const fn gives<T: JsonSchema>(mut self, status: u16) -> Self {
        self.status = status;
        self.answer = Body::Json(SchemaGenerator::subschema_for::<T>);
        self
    }

    /// With an answer of another media type.
    pub(super) const fn gives_other(mut self, media: &'static str) -> Self {
        self.status = 200;
        self.answer = Body::Other(media);
        self
    }

    /// With parameters in the query.
    pub(super) const fn query(mut self, params: &'static [Param]) -> Self {
        self.query = params;
        self
    }

    /// With a limit of the body of its own.
    pub(super) const fn body_max(mut self, bytes: usize) -> Self {
        self.body_bytes_max = bytes;
        self
    }

    /// Heeds `If-Match: rev`.
    pub(super) const fn if_match(mut self) -> Self {
        self.if_match = true;
        self
    }

    /// The names of the path's parameters.
    pub(super) fn params(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(param)
    }
}

/// Every route, by path and method.
pub(super) static TABLE: LazyLock<Vec<Route>> = LazyLock::new(|| {
    let mut table = routes::ALL.concat();
    table.sort_by_key(|route| (route.path, route.verb));
    table
});

/// What a path and a method lead to.
pub(super) enum Found {
    /// A route, with the values of its path's parameters.
    Route(&'static Route, Vec<String>),
    /// Only other methods, as in `Allow`.
    OtherMethod(String),
    /// Nothing.
    Nothing,
}

/// Looks a request up. One slash at the end does not matter; words count before parameters.
pub(super) fn find(method: &str, path: &str) -> Found {
    let path = match path.strip_suffix('/') {
        Some(shorter) if !shorter.is_empty() => shorter,
        _ => path,
    };
    let fitting = TABLE.iter().filter(|route| fits(route.path, path));
    let Some(most_words) = fitting.clone().map(words).max() else {
        return Found::Nothing;
    };
    let mut allow: Vec<&str> = Vec::new();
    for route in fitting.filter(|route| words(route) == most_words) {
        if Verb::of(method) == Some(route.verb) {
            return Found::Route(route, values(route.path, path));
        }
        allow.push(route.verb.as_str());
        if route.verb == Verb::Get {
            allow.push("HEAD");
        }
    }
    Found::OtherMethod(allow.join(", "))
}

fn param(segment: &'static str) -> Option<&'static str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

fn fits(pattern: &'static str, path: &str) -> bool {
    let mut wanted = pattern.split('/');
    let mut given = path.split('/');
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) => {
                let fits = wanted == given || (param(wanted).is_some() && !given.is_empty());
                if !fits {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

fn words(route: &Route) -> usize {
    route.path.split('/').count() - route.params().count()
}

fn values(pattern: &'static str, path: &str) -> Vec<String> {
    pattern
        .split('/')
        .zip(path.split('/'))
        .filter(|(wanted, _)| param(wanted).is_some())
        .map(|(_, given)| given.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Access, Found, TABLE, find};

    fn name(method: &str, path: &str) -> Option<(&'static str, Vec<String>)> {
        match find(method, path) {
            Found::Route(route, values) => Some((route.name, values)),
            _ => None,
        }
    }

    #[test]
    fn paths_lead_to_their_routes() {
        let found = |name, values: &[&str]| {
            Some((name, values.iter().map(|&text| text.to_owned()).collect()))
        };
        assert_eq!(
            name("GET", "/api/departments"),
            found("list_departments", &[])
        );
        assert_eq!(
            name("GET", "/api/departments/"),
            found("list_departments", &[])
        );
        assert_eq!(
            name("HEAD", "/api/departments/"),
            found("list_departments", &[])
        );
        assert_eq!(
            name("GET", "/api/departments/active"),
            found("list_open_departments", &[])
        );
        assert_eq!(
            name("GET", "/api/departments/7/"),
            found("read_department", &["7"])
        );
        assert_eq!(
            name("POST", "/api/chats/42/messages"),
            found("post_message", &["42"])
        );
        for nothing in [
            "/",
            "",
            "/api",
            "/api//departments",
            "/api/departments//",
            "/API/chats",
        ] {
            assert!(matches!(find("GET", nothing), Found::Nothing), "{nothing}");
        }
    }

    #[test]
    fn another_method_is_told_what_there_is() {
        let Found::OtherMethod(allow) = find("PATCH", "/api/departments/7") else {
            panic!("there is no PATCH");
        };
        assert_eq!(allow, "GET, HEAD, PUT, DELETE");
        assert!(matches!(
            find("DELETE", "/api/departments/active"),
            Found::OtherMethod(_)
        ));
    }

    #[test]
    fn the_table_has_no_two_of_anything() {
        let names: BTreeSet<_> = TABLE.iter().map(|route| route.name).collect();
        let paths: BTreeSet<_> = TABLE.iter().map(|route| (route.verb, route.path)).collect();
        assert_eq!((names.len(), paths.len()), (TABLE.len(), TABLE.len()));
        for route in TABLE.iter() {
            assert!(
                route.path.starts_with('/') && !route.path.ends_with('/'),
                "{}",
                route.path
            );
            assert!(route.summary.ends_with('.'), "{}", route.name);
        }
    }

    /// The list that everyone may call is short and known; all else names its action.
    #[test]
    fn only_these_paths_need_no_token() {
        let open: Vec<_> = TABLE
            .iter()
            .filter(|route| !matches!(route.access, Access::Bearer(_)))
            .map(|route| (route.verb.as_str(), route.path))
            .collect();
        let known = [
            ("GET", "/api/departments/active"),
            ("GET", "/api/desk"),
            ("GET", "/api/openapi.json"),
            ("GET", "/docs"),
            ("GET", "/livez"),
            ("GET", "/metrics"),
            ("GET", "/readyz"),
            ("POST", "/api/auth/login"),
            ("POST", "/api/auth/refresh"),
            ("POST", "/api/auth/register"),
            ("POST", "/api/chats"),
            ("POST", "/api/invitations/accept"),
            ("POST", "/api/setup"),
        ];
        assert_eq!(open.into_iter().collect::<BTreeSet<_>>(), known.into());
    }
}
