//! The report on data of a few lines, and the floors on the real data where it is given.

use std::{env, fs, path::Path};

use super::{EvalError, FOLDER_VARIABLE, Report};

/// A folder with two intents, as all files.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut train = String::new();
    for thing in ["parcel", "letter", "order", "package", "shipment", "post"] {
        train.push_str(&format!("delivery\twhen does my {thing} arrive\r\n"));
        train.push_str(&format!("refund\tI want my money back for the {thing}\r\n"));
    }
    let files = [
        ("banking77.train.tsv", train.as_str()),
        (
            "banking77.test.tsv",
            "delivery\tWhen does it arrive?\nrefund\tmoney back, please\n",
        ),
        ("clinc150.train.tsv", train.as_str()),
        ("clinc150-small.train.tsv", train.as_str()),
        (
            "clinc150.test.tsv",
            "delivery\twhen does the parcel arrive\nrefund\tmy money back\n",
        ),
        ("clinc150.oos_test.tsv", "oos\thow tall is Mont Blanc\n"),
        (
            "nlupp-even.handoff.tsv",
            "human\tI want to speak to a human\nother\tthank you\n",
        ),
    ];
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("a file is written");
    }
    folder
}

#[test]
fn a_data_set_is_measured() {
    let folder = folder();
    let report = Report::of_set(folder.path(), "clinc150").expect("the files are there");
    let figures = &report.sets[0];
    assert_eq!((figures.intents, figures.train, figures.test), (2, 12, 2));
    assert_eq!((figures.accuracy, figures.top_three), (100.0, 100.0));
    assert_eq!(figures.held_back, Some(100.0));
    assert_eq!(figures.auroc, Some(100.0));
    assert!(figures.is_repeatable && figures.model_bytes > 0);
    let of_goals: Vec<&str> = report
        .floors
        .iter()
        .map(|floor| floor.goal.as_str())
        .collect();
    assert_eq!(of_goals, ["G2", "G2", "G2"]);
    assert!(report.floors[0].is_met, "{:?}", report.floors);
    let table = report.table();
    assert!(table.contains("G2 clinc150: accuracy, %"), "{table}");
    assert!(table.lines().all(|line| line.len() <= 80), "{table}");
}

#[test]
fn a_share_of_each_intent_is_drawn() {
    let folder = folder();
    let report = Report::of_set(folder.path(), "banking77-5").expect("the files are there");
    assert_eq!((report.sets[0].intents, report.sets[0].train), (2, 10));
}

#[test]
fn a_figure_below_its_floor_is_told() {
    let folder = folder();
    let wrong = "refund\twhen does it arrive\n";
    fs::write(folder.path().join("banking77.test.tsv"), wrong).expect("a file is written");
    let report = Report::of_set(folder.path(), "banking77").expect("the files are there");
    assert!(!report.is_good());
    let table = report.table();
    let line = table.lines().find(|line| line.contains("accuracy"));
    assert!(
        line.is_some_and(|line| line.ends_with(" 91  below")),
        "{table}"
    );
}

#[test]
fn customers_who_ask_for_a_person_are_counted() {
    let folder = folder();
    let human = Report::of_set(folder.path(), "human")
        .expect("the files are there")
        .human
        .expect("it was measured");
    assert_eq!((human.recall, human.false_alarms), (100.0, 0.0));
}

#[test]
fn what_is_wrong_with_the_data_is_said() {
    let folder = folder();
    let path = folder.path();
    let refused = |set| Report::of_set(path, set).expect_err("it is refused");
    assert!(matches!(refused("elsewhere"), EvalError::NoSuchSet { .. }));
    fs::write(path.join("banking77.test.tsv"), "refund\tyes\nno tab\n").expect("it is written");
    let error = refused("banking77");
    assert_eq!(error.exit_code(), 65);
    assert!(
        error.to_string().contains("banking77.test.tsv:2 is not"),
        "{error}"
    );
    fs::remove_file(path.join("nlupp-even.handoff.tsv")).expect("it was there");
    let error = Report::of_all(path, Path::new("/nowhere")).expect_err("a file is missing");
    assert_eq!(error.exit_code(), 66);
    assert_eq!(error.to_string().lines().count(), 1);
}

/// The times of the floors are those of a release build, so only the rest is asserted here.
#[test]
fn the_real_data_is_above_the_floors() {
    let Some(folder) = env::var_os(FOLDER_VARIABLE) else {
        use std::io::Write as _;
        let said = writeln!(std::io::stderr(), "skipped: {FOLDER_VARIABLE} is not set");
        assert!(said.is_ok());
        return;
    };
    let folder = Path::new(&folder);
    let report = Report::of_set(folder, "human").expect("the files are there");
    assert!(report.is_good(), "{}", report.table());
    let report = Report::of_set(folder, "banking77-1000").expect("the files are there");
    let figures = &report.sets[0];
    assert!(
        figures.is_repeatable && figures.accuracy >= 74.0,
        "{figures:?}"
    );
    assert!(figures.answered_precision >= Some(94.0), "{figures:?}");
}
