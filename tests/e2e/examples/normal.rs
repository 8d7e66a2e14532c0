//! Output without what differs from run to run: folders, ports, times, secrets, sizes.

/// Numbers of so many digits are sizes and durations.
const LARGE_DIGITS: usize = 4;

/// The text with a word in angle brackets for each thing that is never the same.
pub(super) fn normal(text: &str, home: &str) -> String {
    let text = without_waits(&text.replace(home, "~"));
    let mut normal = String::with_capacity(text.len());
    let mut word = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || "_.:-".contains(c) {
            word.push(c);
        } else {
            normal.push_str(&stable(&word));
            word.clear();
            normal.push(c);
        }
    }
    normal.push_str(&stable(&word));
    normal
}

/// A wait of less than a second is not said, so none is.
fn without_waits(text: &str) -> String {
    const BEGIN: &str = ", waiting for ";
    const END: &str = " s already";
    let mut parts = text.split(BEGIN);
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(END) {
            Some((seconds, rest)) if is_digits(seconds) => whole.push_str(rest),
            _ => whole.push_str(&format!("{BEGIN}{part}")),
        }
    }
    whole
}

fn stable(word: &str) -> String {
    let end = word.trim_end_matches(['.', ':', '-']);
    let rest = &word[end.len()..];
    let stable = match kind(end) {
        Some(kind) => kind.to_owned(),
        None => match end.rsplit_once(':') {
            Some((host, port)) if host.ends_with("127.0.0.1") && is_digits(port) => {
                format!("{host}:8470")
            }
            _ => end.to_owned(),
        },
    };
    stable + rest
}

fn kind(word: &str) -> Option<&'static str> {
    let parts: Vec<&str> = word.split('.').collect();
    let hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    if has_form(word, "0000-00-00T") {
        Some("<time>")
    } else if has_form(word, "0000-00-00") && word.len() == 10 {
        Some("<date>")
    } else if has_form(word, "00:00") && word.len() <= 8 {
        Some("<clock>")
    } else if word.len() > 8 && word.starts_with("fd") && word.as_bytes()[3] == b'_' {
        Some("<secret>")
    } else if word.starts_with("r-") && word.len() > 4 && hex(&word[2..]) {
        Some("<request>")
    } else if let [first, pos, check] = parts[..]
        && hex(first)
        && is_digits(pos)
        && check.len() >= 8
        && hex(check)
    {
        Some("<cursor>")
    } else if let Some((pos, hash)) = word.split_once(':')
        && is_digits(pos)
        && hash.len() == 64
        && hex(hash)
    {
        Some("<head>")
    } else if word.len() >= LARGE_DIGITS && is_digits(word) {
        Some("<number>")
    } else if word.len() >= 12 && hex(word) && word.bytes().any(|byte| byte.is_ascii_digit()) {
        Some("<id>")
    } else {
        None
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether it begins with this form, where `0` is any digit.
fn has_form(word: &str, form: &str) -> bool {
    word.len() >= form.len()
        && word
            .bytes()
            .zip(form.bytes())
            .all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                form => byte == form,
            })
}

#[test]
fn only_what_differs_is_taken_out() {
    let check = |text: &str, expected: &str| assert_eq!(normal(text, "/tmp/h"), expected);
    check("/tmp/h/desk.redb\t344064\n", "~/desk.redb\t<number>\n");
    check("until 2026-11-21T18:14:58.382Z.", "until <time>.");
    check(
        "at http://127.0.0.1:41234 as",
        "at http://127.0.0.1:8470 as",
    );
    check(
        "14:05 Bo: 12 apples, v0.1.0",
        "<clock> Bo: 12 apples, v0.1.0",
    );
    check(
        "\"cursor\":\"9f2c.120.5a5a5a5a\"",
        "\"cursor\":\"<cursor>\"",
    );
    check("code fdi_0123456789abc", "code <secret>");
    check("moved here, waiting for 1 s already\n", "moved here\n");
    check("request: r-7f3a", "request: <request>");
}
