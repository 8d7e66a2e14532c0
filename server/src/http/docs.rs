//! `/docs`: the table of routes as one page of HTML, without scripts and without anything from
//! elsewhere.

use std::sync::LazyLock;

use shared::id::hex;
use warp::{
    http::{HeaderValue, StatusCode, header},
    reply::Response,
};

use super::{
    call::with_type,
    errors::Failure,
    openapi::{access_text, area},
    route::{Answer, Body, Route, TABLE},
};

/// Stands in the page where each answer puts a nonce of its own.
const NONCE: &str = "@nonce@";
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;\
    padding:0 1rem}table{border-collapse:collapse;width:100%}td,th{text-align:left;\
    vertical-align:top;padding:.3rem .6rem;border-top:1px solid #8884}code{white-space:nowrap}\
    @media(prefers-color-scheme:dark){body{background:#111;color:#ddd}a{color:#8cf}}";

static PAGE: LazyLock<String> = LazyLock::new(page);

/// The page.
///
/// # Errors
/// `internal` without randomness.
pub(super) fn answer() -> Answer {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(Failure::internal)?;
    let nonce = hex(&nonce);
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    let page = PAGE.replace(NONCE, &nonce);
    let mut response: Response = with_type(StatusCode::OK, "text/html; charset=utf-8", page.into());
    let policy = HeaderValue::try_from(policy).map_err(Failure::internal)?;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

fn page() -> String {
    let mut areas: Vec<&str> = TABLE.iter().map(area).collect();
    areas.sort_unstable();
    areas.dedup();
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Frontdesk API</title>\
         <style nonce=\"{NONCE}\">{STYLE}</style></head><body><h1>Frontdesk API</h1>\
         <p>Made from the hub's table of routes; programs read \
         <a href=\"/api/openapi.json\">/api/openapi.json</a>. Errors are \
         <code>{{\"error\":{{\"code\",\"message\",\"hint\",\"request_id\"}}}}</code>. Tokens go into \
         <code>Authorization: Bearer</code>, never into a URL. Everything live is on the WebSocket \
         <code>/ws</code>.</p>"
    );
    for name in areas {
        page.push_str("<h2>");
        escape_into(&mut page, name);
        page.push_str("</h2><table><tr><th>Route<th>What it does<th>Who<th>Query<th>Answer");
        for route in TABLE.iter().filter(|route| area(route) == name) {
            row(&mut page, route);
        }
        page.push_str("</table>");
    }
    page.push_str("</body></html>");
    page
}

fn row(page: &mut String, route: &Route) {
    page.push_str("<tr><td><code>");
    escape_into(page, &format!("{} {}", route.verb.as_str(), route.path));
    page.push_str("</code><td>");
    escape_into(page, route.summary);
    page.push_str("<td>");
    escape_into(page, &access_text(route.access).replace('`', ""));
    page.push_str("<td>");
    for param in route.query {
        page.push_str("<code>");
        escape_into(page, param.name);
        page.push_str("</code> ");
    }
    let media = match route.answer {
        Body::Nothing => "",
        Body::Json(_) => "JSON",
        Body::Other(media) => media,
    };
    page.push_str(&format!("<td>{} {media}", route.status));
}

fn escape_into(page: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '&' => page.push_str("&amp;"),
            '"' => page.push_str("&quot;"),
            c => page.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use warp::http::header;

    use super::{NONCE, PAGE, answer};
    use crate::http::route::TABLE;

    #[test]
    fn the_page_names_every_route_and_nothing_from_elsewhere() {
        for route in TABLE.iter() {
            assert!(PAGE.contains(route.path), "{}", route.path);
        }
        for foreign in ["<script", "http://", "https://", "src=", "javascript:"] {
            assert!(!PAGE.contains(foreign), "{foreign}");
        }
    }

    #[test]
    fn each_answer_has_a_nonce_of_its_own() {
        let policies: Vec<_> = [answer(), answer()]
            .map(|answer| answer.unwrap().headers()[header::CONTENT_SECURITY_POLICY].clone())
            .into();
        assert_ne!(policies[0], policies[1]);
        assert!(
            policies[0]
                .to_str()
                .unwrap()
                .starts_with("default-src 'none'; style-src 'nonce-")
        );
        assert!(!policies[0].to_str().unwrap().contains(NONCE));
    }
}
