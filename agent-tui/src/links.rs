//! Links in messages: found, taken apart, and written so that nobody is deceived by what they
//! look like. Only `http`, `https` and `mailto`; a host that is not ASCII is shown and opened in
//! its ASCII form (punycode, RFC 3492). Deliberately absent: opening anything.

/// A link as it would be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The whole address, in ASCII.
    pub url: String,
    /// `http`, `https` or `mailto`.
    pub scheme: &'static str,
    /// The host, or the address of a `mailto`, in ASCII.
    pub host: String,
    /// What a person should know before they open it.
    pub warnings: Vec<String>,
}

const SCHEMES: [(&str, &str); 3] = [
    ("https://", "https"),
    ("http://", "http"),
    ("mailto:", "mailto"),
];
/// Longest link that is offered: all of it can be shown.
const BYTES_MAX: usize = 1_000;

/// The links of `text`, in their order, each once.
pub fn links(text: &str) -> Vec<Link> {
    let mut found: Vec<Link> = Vec::new();
    let mut rest = text;
    while let Some((at, prefix, scheme)) = first(rest) {
        let tail = &rest[at + prefix.len()..];
        let end = tail.find(ends).unwrap_or(tail.len());
        let body = trimmed(&tail[..end]);
        if let Some(link) = link(scheme, body).filter(|link| !found.contains(link)) {
            found.push(link);
        }
        rest = &tail[end..];
    }
    found
}

/// The first scheme of the list that begins a word, with its place.
fn first(text: &str) -> Option<(usize, &'static str, &'static str)> {
    let lower = text.to_ascii_lowercase();
    let begins = |at: usize| {
        let before = lower[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '+' | '-' | '.'))
    };
    let places = SCHEMES.iter().flat_map(|(prefix, scheme)| {
        let hits = lower.match_indices(prefix);
        hits.map(|(at, _)| (at, *prefix, *scheme))
    });
    places
        .filter(|(at, ..)| begins(*at))
        .min_by_key(|(at, ..)| *at)
}

fn ends(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '<' | '>' | '"' | '`' | '{' | '}' | '|' | '\\')
}

/// Without the punctuation of the sentence around it.
fn trimmed(body: &str) -> &str {
    let mut body = body;
    loop {
        let cut = body.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '*']);
        let open = |pair: (char, char)| {
            cut.ends_with(pair.1) && cut.matches(pair.0).count() < cut.matches(pair.1).count()
        };
        let next = if open(('(', ')')) || open(('[', ']')) {
            &cut[..cut.len() - 1]
        } else {
            cut
        };
        if next.len() == body.len() {
            return body;
        }
        body = next;
    }
}

fn link(scheme: &'static str, body: &str) -> Option<Link> {
    if body.is_empty() || body.len() > BYTES_MAX {
        return None;
    }
    let mut warnings = Vec::new();
    if scheme == "mailto" {
        let url = format!("mailto:{}", percent(body));
        let host = percent(body.split('?').next().unwrap_or_default());
        return (host.contains('@')).then_some(Link {
            url,
            scheme,
            host,
            warnings,
        });
    }
    let (authority, path) = match body.find(['/', '?', '#']) {
        Some(at) => body.split_at(at),
        None => (body, ""),
    };
    let (user, server) = match authority.rsplit_once('@') {
        Some((user, server)) => (Some(user), server),
        None => (None, authority),
    };
    if let Some(user) = user {
        let user = percent(user);
        warnings.push(format!("\"{user}\" before the @ is no host"));
    }
    let (name, port) = match server.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) => (name, Some(port)),
        _ => (server, None),
    };
    let host = ascii_host(name)?;
    if host.split('.').any(|label| label.starts_with("xn--")) {
        warnings.push(format!("the host is not plain ASCII: {name}"));
    }
    let user = user.map(|user| format!("{}@", percent(user)));
    let port = port.map(|port| format!(":{port}"));
    let url = format!(
        "{scheme}://{}{host}{}{}",
        user.unwrap_or_default(),
        port.unwrap_or_default(),
        percent(path)
    );
    Some(Link {
        url,
        scheme,
        host,
        warnings,
    })
}

/// A host in ASCII; none when it cannot be one.
fn ascii_host(name: &str) -> Option<String> {
    let labels = name.split(['.', '\u{3002}', '\u{FF0E}', '\u{FF61}']);
    let labels = labels.map(|label| {
        let label = label.to_lowercase();
        if label.is_ascii() {
            let fits =
                |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '[' | ']' | ':');
            return (!label.is_empty() && label.chars().all(fits)).then_some(label);
        }
        punycode(&label).map(|code| format!("xn--{code}"))
    });
    let labels: Option<Vec<String>> = labels.collect();
    labels.map(|labels| labels.join("."))
}

/// What is not printable ASCII as `%XX`.
fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The parameters of punycode.
const BASE: u32 = 36;
const THRESHOLD_MIN: u32 = 1;
const THRESHOLD_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;

/// A label in punycode, by the encoder of RFC 3492, 6.3; none when it is longer than labels are.
fn punycode(label: &str) -> Option<String> {
    let total = u32::try_from(label.chars().count()).ok()?;
    if total > 63 {
        return None;
    }
    let mut out: String = label.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(out.len()).ok()?;
    if basic > 0 {
        out.push('-');
    }
    let (mut n, mut delta, mut bias, mut handled) = (128, 0_u32, 72, basic);
    while handled < total {
        let next = label.chars().map(u32::from).filter(|c| *c >= n).min()?;
        delta = delta.checked_add((next - n).checked_mul(handled + 1)?)?;
        n = next;
        for c in label.chars().map(u32::from) {
            if c < n {
                delta = delta.checked_add(1)?;
            }
            if c == n {
                push_number(delta, bias, &mut out);
                bias = adapt(delta, handled + 1, handled == basic);
                delta = 0;
                handled += 1;
            }
        }
        delta = delta.checked_add(1)?;
        n += 1;
    }
    Some(out)
}

/// A number as digits of falling weight.
fn push_number(number: u32, bias: u32, out: &mut String) {
    let digit = |value: u32| char::from_digit((value + 10) % BASE, BASE);
    let mut q = number;
    let mut k = BASE;
    loop {
        let t = k.saturating_sub(bias).clamp(THRESHOLD_MIN, THRESHOLD_MAX);
        if q < t {
            out.extend(digit(q));
            return;
        }
        out.extend(digit(t + (q - t) % (BASE - t)));
        q = (q - t) / (BASE - t);
        k += BASE;
    }
}

fn adapt(delta: u32, points: u32, first: bool) -> u32 {
    let mut delta = if first { delta / DAMP } else { delta / 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > ((BASE - THRESHOLD_MIN) * THRESHOLD_MAX) / 2 {
        delta /= BASE - THRESHOLD_MIN;
        k += BASE;
    }
    k + ((BASE - THRESHOLD_MIN + 1) * delta) / (delta + SKEW)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;
    use shared::text::HOSTILE;

    use super::{links, punycode};

    fn urls(text: &str) -> Vec<String> {
        links(text).into_iter().map(|link| link.url).collect()
    }

    #[test]
    fn links_are_found_in_sentences() {
        let text = "See (https://a.example/x_(y)), HTTP://B.example:8080/?q=1. Or write to \
                    mailto:ana@example.org! Again https://a.example/x_(y)";
        let expected = [
            "https://a.example/x_(y)",
            "http://b.example:8080/?q=1",
            "mailto:ana@example.org",
        ];
        assert_eq!(urls(text), expected);
    }

    #[test]
    fn other_schemes_are_no_links() {
        for text in [
            "file:///etc/passwd",
            "javascript:alert(1)",
            "ssh://host",
            "xhttps://a.example",
            "https://",
            "http:///path",
            "mailto:nobody",
            "ftp+http://a.example",
        ] {
            assert_eq!(urls(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn a_host_that_looks_like_another_is_shown_in_ascii() {
        let found = links("https://\u{430}\u{440}\u{440}\u{4CF}\u{435}.com/login");
        assert_eq!(found[0].url, "https://xn--80ak6aa92e.com/login");
        assert_eq!(found[0].host, "xn--80ak6aa92e.com");
        assert_eq!(found[0].warnings.len(), 1);
        let found = links("https://paypal.com@evil.example/");
        assert_eq!(found[0].host, "evil.example");
        assert!(found[0].warnings[0].contains("paypal.com"));
        assert!(links("https://plain.example/")[0].warnings.is_empty());
    }

    /// Known answers: RFC 3492, 7.1, and registered names.
    #[test]
    fn punycode_is_that_of_the_standard() {
        for (label, code) in [
            ("b\u{FC}cher", "bcher-kva"),
            ("m\u{FC}nchen", "mnchen-3ya"),
            (
                "\u{4ED6}\u{4EEC}\u{4E3A}\u{4EC0}\u{4E48}\u{4E0D}\u{8BF4}\u{4E2D}\u{6587}",
                "ihqwcrb4cv8a8dqg056pqjye",
            ),
            ("\u{65E5}\u{672C}\u{8A9E}", "wgv71a119e"),
            ("\u{2603}", "n3h"),
        ] {
            assert_eq!(punycode(label).as_deref(), Some(code));
        }
    }

    #[test]
    fn what_is_shown_and_opened_is_printable_ascii() {
        for hostile in HOSTILE {
            for link in links(&format!(
                "https://{hostile}.example/{hostile} mailto:a@{hostile}"
            )) {
                assert!(
                    link.url.bytes().all(|byte| byte.is_ascii_graphic()),
                    "{link:?}"
                );
                assert!(
                    link.host.bytes().all(|byte| byte.is_ascii_graphic()),
                    "{link:?}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_may_hold_links(text in ".*https?://.{0,40}.*") {
            for link in links(&text) {
                assert!(link.url.starts_with(link.scheme));
                assert!(link.url.bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }
    }
}
