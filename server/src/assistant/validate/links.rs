//! Where the links of an answer lead.
//!
//! Whatever a terminal or a reader may take for an address counts: with a scheme, with `www.`, a
//! bare name of a host with a path or a common ending, the host of an e-mail address.

/// Endings by which a bare name is taken for a host; those of files are not among them.
const ENDINGS: [&str; 40] = [
    "ai", "app", "at", "be", "biz", "br", "ch", "click", "cn", "co", "com", "de", "dev", "es",
    "eu", "fr", "gg", "info", "io", "it", "jp", "link", "live", "ly", "me", "net", "nl", "online",
    "org", "page", "pl", "ru", "shop", "site", "store", "top", "tv", "uk", "us", "xyz",
];

/// Schemes that run something or hide an address instead of naming it.
const REFUSED: [&str; 5] = ["javascript:", "data:", "vbscript:", "file:", "blob:"];

/// Whether every link in `text` leads to a host that may be linked, or was given as it is.
pub(super) fn all_fit(
    text: &str,
    may_link: &dyn Fn(&str) -> bool,
    is_given: &dyn Fn(&str) -> bool,
) -> bool {
    let words = text.split(|c: char| {
        c.is_whitespace()
            || matches!(
                c,
                '<' | '>' | '"' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '`' | '*'
            )
    });
    words
        .flat_map(|word| word.split([',', ';', '\'']))
        .map(|word| word.trim_end_matches(['.', '!', '?', ':']))
        .filter(|word| !word.is_empty())
        .all(|word| fits(word, may_link) || is_given(word))
}

/// Whether a word is no link, or one to a host that may be linked.
fn fits(word: &str, may_link: &dyn Fn(&str) -> bool) -> bool {
    let lower = word.chars().map(narrow).collect::<String>().to_lowercase();
    if REFUSED.iter().any(|scheme| lower.contains(scheme)) {
        return false;
    }
    if let Some((scheme, rest)) = lower.split_once("://") {
        let is_web = scheme.ends_with("http") || scheme.ends_with("https");
        return is_web && !rest.contains("://") && host_fits(rest, may_link);
    }
    // Dots of other scripts are dots to a browser.
    let lower = lower.replace(['\u{2024}', '\u{3002}', '\u{ff61}'], ".");
    let rest = lower.strip_prefix("mailto:").unwrap_or(&lower);
    if looks_like_host(rest) {
        return host_fits(rest, may_link);
    }
    true
}

/// Full-width letters and dots as a browser reads them.
fn narrow(c: char) -> char {
    match c {
        '\u{FF0E}'
        | '\u{FF10}'..='\u{FF19}'
        | '\u{FF21}'..='\u{FF3A}'
        | '\u{FF41}'..='\u{FF5A}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        _ => c,
    }
}

/// What a browser would go to. Backslashes and odd characters are read in several ways, so that
/// they fit nowhere.
fn host_fits(rest: &str, may_link: &dyn Fn(&str) -> bool) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = host.split_once(':').unwrap_or((host, ""));
    let host = host.trim_end_matches('.');
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    !host.is_empty()
        && host.bytes().all(is_name)
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && !rest.contains('\\')
        && may_link(host)
}

/// Whether a word without a scheme is an address all the same.
fn looks_like_host(word: &str) -> bool {
    if word.starts_with("www.") {
        return true;
    }
    let end = word.find(['/', '?', '#', '\\']).unwrap_or(word.len());
    let (authority, path) = word.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    let Some((before, ending)) = host.rsplit_once('.') else {
        return false;
    };
    let is_ending = ending.chars().count() >= 2 && ending.chars().all(char::is_alphabetic);
    let named = !before.is_empty() && is_ending;
    named
        && (ENDINGS.contains(&ending)
            || (path.len() > 1 && !path.starts_with('?'))
            || authority.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::all_fit;

    fn check(text: &str) -> bool {
        all_fit(text, &|host| host == "docs.example.org", &|word| {
            word == "help@example.org"
        })
    }

    #[test]
    fn links_lead_where_they_may() {
        for fine in [
            "See https://docs.example.org/returns, or (http://DOCS.example.org:8080/a?b=c#d).",
            "See docs.example.org/returns.",
            "[returns](https://docs.example.org/returns)",
            "Write to help@example.org!",
            "No link at all, e.g. 3.5 kg of Node.js in settings.json, v1.2, and/or a.m.",
            "Fine... really.Yes",
            "Mr.Smith said: 12:30",
        ] {
            assert!(check(fine), "{fine}");
        }
    }

    #[test]
    fn every_other_link_is_seen_however_it_is_written() {
        for wrong in [
            "https://evil.example.com",
            "HTTPS://EVIL.EXAMPLE.COM/x",
            "see:https://evil.example.com",
            "https://docs.example.org@evil.example.com/",
            "https://docs.example.org:x@evil.example.com/",
            "https://evil.example.com\\@docs.example.org",
            "https://docs.example.org\\.evil.example.com",
            "https://docs.example.org.evil.example.com",
            "https://docs.example.orgevil.com",
            "https://a.docs.example.org",
            "https://xn--dcs-1na.example.org",
            "https://d\u{f6}cs.example.org",
            "https://192.168.0.1/",
            "https://[::1]/",
            "https:///evil.example.com",
            "ftp://docs.example.org",
            "javascript:alert(1)",
            "data:text/html,x",
            "www.evil.example.com",
            "evil.com",
            "evil.com.",
            "evil\u{3002}com",
            "evil\u{2024}com",
            "\u{ff45}vil\u{ff0e}c\u{ff4f}m",
            "evil.zip/download",
            "bit.ly/x",
            "mailto:you@evil.com",
            "you@evil.museum",
            "[docs](https://evil.example.com)",
            "<https://evil.example.com>",
            "a,https://evil.example.com",
            "'https://evil.example.com'",
            "https://docs.example.org/?u=https://evil.example.com",
        ] {
            assert!(!check(wrong), "{wrong}");
        }
    }
}
