//! What turns of customers do, and how often the rules tell it on labelled data.

use std::{fs, path::Path};

use super::{Act, act, words};

/// Turns as people write them to a desk, by what they do.
const TURNS: &str = include_str!("turns.txt");

fn act_of(name: &str) -> Act {
    match name {
        "greeting" => Act::Greeting,
        "thanks" => Act::Thanks,
        "bye" => Act::Bye,
        "affirm" => Act::Affirm,
        "deny" => Act::Deny,
        "request" => Act::Request,
        "content" => Act::Content,
        "human" => Act::Human,
        number => Act::Choice(number.parse().expect("a name of an act or a number")),
    }
}

#[test]
fn turns_do_what_they_do() {
    let mut wrong = Vec::new();
    for line in TURNS
        .lines()
        .filter(|line| !line.starts_with("# ") && !line.is_empty())
    {
        let (name, text) = line.split_once('\t').expect("an act and a turn");
        for form in [
            text.to_owned(),
            text.to_uppercase(),
            format!(" {text}\n"),
            text.replace('\'', "\u{2019}"),
        ] {
            if act(&form) != act_of(name) {
                wrong.push(format!("{name}: {form:?} is {:?}", act(&form)));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn words_are_counted() {
    let cases = [
        ("", 0),
        ("  ", 0),
        ("hi", 1),
        ("don't know", 2),
        ("a b, c d.", 4),
        ("👍", 0),
        ("z\u{200B}w", 1),
    ];
    for (text, count) in cases {
        assert_eq!(words(text), count, "{text:?}");
    }
}

#[test]
fn any_text_does_something() {
    for piece in [
        "",
        "?",
        "no ",
        "thanks for ",
        "what ",
        "👍",
        "1 ",
        "\u{200B}",
        "é",
        "is it ",
    ] {
        assert_ne!(act(&piece.repeat(20_000)), Act::Human, "{piece:?}");
    }
}

#[test]
fn labelled_turns_do_what_they_do() {
    let Some(folder) = std::env::var_os("FRONTDESK_EVAL_DIR") else {
        skipped();
        return;
    };
    let read =
        |name: &str| fs::read_to_string(Path::new(&folder).join(name)).expect("the data is there");
    // The share of the texts with this label that do one of these.
    let share = |text: &str, wanted: &str, acts: &[Act]| {
        let labelled = text.lines().filter_map(|line| line.split_once('\t'));
        let (mut right, mut all) = (0u32, 0u32);
        for (label, text) in labelled {
            let talk = [
                "greeting",
                "goodbye",
                "thank_you",
                "yes",
                "no",
                "maybe",
                "cancel",
            ]
            .contains(&label);
            if label == wanted || wanted == "other" && !talk {
                all += 1;
                right += u32::from(acts.contains(&act(text)));
            }
        }
        f64::from(right) / f64::from(all)
    };
    let clinc = read("clinc150.test.tsv");
    let floors: [(&str, &[Act], f64); 6] = [
        ("other", &[Act::Request, Act::Human], 0.92),
        ("greeting", &[Act::Greeting], 0.65),
        ("goodbye", &[Act::Bye], 0.75),
        ("thank_you", &[Act::Thanks], 0.80),
        ("yes", &[Act::Affirm], 0.85),
        ("no", &[Act::Deny], 0.75),
    ];
    let mut below = Vec::new();
    for (label, acts, floor) in floors {
        let share = share(&clinc, label, acts);
        if share < floor {
            below.push(format!("{label} {share:.3}"));
        }
    }
    let banking = share(
        &read("banking77.test.tsv"),
        "other",
        &[Act::Request, Act::Human],
    );
    if banking < 0.95 {
        below.push(format!("banking {banking:.3}"));
    }
    assert!(below.is_empty(), "below the floors: {}", below.join(", "));
}

#[expect(clippy::print_stderr, reason = "a test that did not run says so")]
fn skipped() {
    eprintln!("skipped: FRONTDESK_EVAL_DIR is not set");
}
