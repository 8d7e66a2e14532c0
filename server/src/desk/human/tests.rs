//! Who asks for a person, who does not, and how often the rule is wrong on labelled data.

use std::{fmt::Write as _, fs, time::Instant};

use super::asks_for_human;

const ASKING: &str = include_str!("asking.txt");
const NOT_ASKING: &str = include_str!("not_asking.txt");

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with("# "))
}

fn wrong(text: &str, expected: bool) -> Vec<&str> {
    lines(text)
        .filter(|line| asks_for_human(line) != expected)
        .collect()
}

#[test]
fn whoever_asks_for_a_person_is_heard() {
    assert_eq!(wrong(ASKING, true), [""; 0]);
}

#[test]
fn whoever_does_not_is_left_alone() {
    assert_eq!(wrong(NOT_ASKING, false), [""; 0]);
}

#[test]
fn case_ends_and_what_cannot_be_seen_change_nothing() {
    for line in lines(ASKING) {
        let upper = line.to_uppercase();
        let mut spread = String::from("  ");
        for c in line.chars() {
            write!(spread, "{c}\u{200B}").expect("a string takes everything");
        }
        let curly = line.replace('\'', "\u{2019}");
        for form in [&upper, &spread, &curly, &format!("\u{FEFF}{line}\r\n")] {
            assert!(asks_for_human(form), "{form:?}");
        }
    }
}

#[test]
fn a_long_text_costs_no_more_than_its_length() {
    let pieces = [
        "i want to talk to ",
        "transfer me my money ",
        "a a a ",
        "stop the bot ",
        "\u{200B}",
        "человек ",
        "human ",
        "there ",
        "agent else ",
        "callback ",
        ",,,,",
    ];
    let time = |text: &str| {
        let tries = (0..5).map(|_| {
            let start = Instant::now();
            std::hint::black_box(asks_for_human(text));
            start.elapsed()
        });
        tries.min().expect("five tries")
    };
    for piece in pieces {
        let short = time(&piece.repeat(1_024 / piece.len()));
        let long = time(&piece.repeat(8_192 / piece.len()));
        // Eight times the length; the rest is for a machine that does other things too.
        assert!(
            long.as_micros() <= 8 * 5 * short.as_micros().max(100),
            "{piece:?} {short:?} {long:?}"
        );
    }
}

#[test]
fn a_clause_without_an_end_is_read_to_its_end() {
    let endless = "my parcel is late and ".repeat(200);
    assert!(!asks_for_human(&endless));
    assert!(asks_for_human(&format!(
        "{endless} i want to talk to a human"
    )));
    assert!(asks_for_human(&format!(
        "i want to talk to a human {endless}"
    )));
}

#[test]
fn the_floors_hold_on_labelled_data() {
    let Some(folder) = std::env::var_os("FRONTDESK_EVAL_DIR") else {
        eprintln_skipped();
        return;
    };
    let read = |name: &str| {
        let path = std::path::Path::new(&folder).join(name);
        fs::read_to_string(&path).expect("the data is there")
    };
    // Recall of those who ask, and the share of the others who are heard all the same.
    let judge = |text: &str| {
        let mut count = [[0u32; 2]; 2];
        for line in text.lines() {
            let (label, text) = line.split_once('\t').expect("a label and a text");
            count[usize::from(label == "human")][usize::from(asks_for_human(text))] += 1;
        }
        let share = |[no, yes]: [u32; 2]| f64::from(yes) / f64::from((no + yes).max(1));
        (share(count[1]), share(count[0]))
    };
    let (recall, alarms) = judge(&read("nlupp-even.handoff.tsv"));
    assert!(
        recall >= 0.85 && alarms <= 0.003,
        "recall {recall:.3}, false alarms {alarms:.4}"
    );
    let clinc = read("clinc150.test.tsv") + &read("clinc150.oos_test.tsv");
    let (_, flagged) = judge(&clinc);
    assert!(flagged <= 0.007, "{flagged:.4} of CLINC150 flagged");
    let (_, flagged) = judge(&read("banking77.test.tsv"));
    assert!(flagged <= 0.003, "{flagged:.4} of BANKING77 flagged");
}

#[expect(clippy::print_stderr, reason = "a test that did not run says so")]
fn eprintln_skipped() {
    eprintln!("skipped: FRONTDESK_EVAL_DIR is not set");
}
