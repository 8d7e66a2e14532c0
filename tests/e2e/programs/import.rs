//! Many users and departments from one CSV file: all of them or none, and everything that is
//! wrong with it at once.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tests::desk::{Desk, PATIENCE};
use tests::programs::programs;

/// A file in the owner's home.
fn file(desk: &Desk, name: &str, text: &str) -> PathBuf {
    let path = desk.owner.home().path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn users_are_invited_from_a_file_all_or_none() {
    let desk = Desk::start();
    desk.done(&["department", "create", "Billing"]);
    let before = desk.done(&["tail", "--no-follow"]);
    let wrong = "username,role,departments,capacity\n\
                 ana,agent,Billing,3\n\
                 bea,boss,Billing,3\n\
                 \n\
                 ana,agent,,many\n";
    file(&desk, "wrong.csv", wrong);
    let refused = desk.admin(&["import", "users", "wrong.csv"]);
    assert_eq!((refused.code(), refused.stdout.as_str()), (2, ""));
    let told: Vec<&str> = refused
        .stderr
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert_eq!(
        told,
        [
            "error: line 3: role \"boss\" is not known; give auditor, agent, supervisor, admin \
             or owner",
            "error: line 5: capacity \"many\" is no whole number; give one, or none",
            "error: line 5: username \"ana\" is on line 2 already",
        ]
    );
    // What only the hub knows has its line too.
    let unknown = "username,departments\nana,Billing\nbea,Bilng\ncarl,Sales\n";
    let refused = desk.owner.run(
        &programs().admin,
        &["import", "users", "-"],
        unknown,
        PATIENCE,
    );
    assert_eq!(refused.code(), 2, "{refused:?}");
    for line in [
        "error: line 3: user \"bea\": ",
        "error: line 4: user \"carl\": ",
    ] {
        assert!(refused.stderr.contains(line), "{refused:?}");
    }
    assert_eq!(
        desk.done(&["tail", "--no-follow"]),
        before,
        "nothing was done"
    );

    let right = "username,name,role,departments\n\
                 ana,Ana,agent,\"Billing, Customer Care\"\n\
                 bea,Bea,supervisor,Billing\n";
    file(&desk, "right.csv", right);
    let words = ["import", "users", "right.csv", "--codes", "codes.tsv"];
    let dry = desk.done(&[&words[..], &["--dry-run", "-o", "name"]].concat());
    assert!(dry.contains("ana") && dry.contains("bea"), "{dry}");
    assert_eq!(
        desk.done(&["tail", "--no-follow"]),
        before,
        "nothing was done"
    );
    desk.done(&words);
    let codes = desk.owner.home().path().join("codes.tsv");
    let mode = std::fs::metadata(&codes).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let codes = std::fs::read_to_string(&codes).unwrap();
    let names: Vec<&str> = codes
        .lines()
        .map(|line| line.split('\t').next().unwrap())
        .collect();
    assert_eq!(BTreeSet::from_iter(names), BTreeSet::from(["ana", "bea"]));
    let list = desk.done(&["user", "list", "--department", "billing", "-o", "name"]);
    let made: BTreeSet<&str> = list.lines().collect();
    assert_eq!(made, BTreeSet::from(["ana", "bea"]));

    let again = desk.admin(&["import", "users", "right.csv", "--codes", "more.tsv"]);
    assert_eq!(again.code(), 2, "{again:?}");
    let there = "error: line 2: user \"ana\" is there already";
    assert!(again.stderr.contains(there), "{again:?}");
    file(
        &desk,
        "more.csv",
        &format!("{right}carl,Carl,agent,Billing\n"),
    );
    let words = ["import", "users", "more.csv", "--codes", "more.tsv"];
    desk.done(&[&words[..], &["--if-not-exists"]].concat());
    let more = std::fs::read_to_string(desk.owner.home().path().join("more.tsv")).unwrap();
    assert!(more.starts_with("carl\t"), "{more}");
    let nothing = ["import", "users", "more.csv", "--if-not-exists"];
    assert_eq!(desk.done(&nothing), "");
}

#[test]
fn departments_come_from_a_file_too() {
    let desk = Desk::start();
    let text = "name;description;capacity\nBilling;Invoices, refunds;3\nSales;;\n";
    file(&desk, "departments.csv", text);
    desk.done(&["import", "departments", "departments.csv"]);
    let list = desk.done(&["department", "list", "-o", "csv"]);
    assert!(
        list.contains("Billing,yes,no,3,\"Invoices, refunds\""),
        "{list}"
    );
    assert!(list.contains("Sales,yes,no,,"), "{list}");
    let absent = desk.admin(&["import", "departments", "none.csv"]);
    assert_eq!(absent.code(), 3, "{absent:?}");
    let empty = desk.admin(&["import", "departments", "-"]);
    assert_eq!(empty.code(), 2, "{empty:?}");
}
