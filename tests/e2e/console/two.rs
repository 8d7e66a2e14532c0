//! Two consoles of one agent: what is read in one is read in the other, and so is the status.

use tests::desk::{Desk, PATIENCE, header};
use tests::programs::programs;
use tests::pty::Pty;

const ESC: &str = "\x1b";

/// Whether the list has the chat of `name`, with a number of unread messages or without.
fn listed(screen: &vt100::Screen, name: &str, unread: Option<&str>) -> bool {
    let (_, columns) = screen.size();
    let mut rows = screen.rows(0, columns.get());
    rows.any(|row| {
        // The list ends at a line; its row ends with the age and the mark.
        let list = row.split('│').next().unwrap_or_default();
        let mut words = list.split_whitespace();
        if !list.contains(name) || !list.starts_with(|c: char| c.is_ascii_digit()) {
            return false;
        }
        let last = words.next_back().unwrap_or_default();
        let marked = last.chars().all(|c| c.is_ascii_digit()).then_some(last);
        marked == unread
    })
}

#[track_caller]
fn wait_listed(console: &Pty, what: &str, name: &str, unread: Option<&str>) {
    console.wait_for(what, PATIENCE, |screen| listed(screen, name, unread));
}

#[test]
fn reading_in_one_console_clears_the_other_and_the_status_is_shared() {
    let mut desk = Desk::start();
    let ana = desk.agent("Ana", "Customer Care");
    let first = desk.console_online(&ana);
    for name in ["Bo", "Cy"] {
        let args = ["--name", name, "--message", "hello"];
        let asked = desk.customer().run(&programs().chat, &args, "", PATIENCE);
        assert_eq!(asked.code(), 0, "{asked:?}");
    }
    first.wait_for("both chats", PATIENCE, |screen| {
        header(screen).contains("mine 2")
    });
    // The list has its mark before anybody looks.
    wait_listed(&first, "Bo's unread message", "Bo", Some("1"));
    wait_listed(&first, "Cy's unread message", "Cy", Some("1"));

    first.send(ESC);
    first.wait_text("NAV", PATIENCE);
    first.send("S");
    first.wait_text("finish and leave", PATIENCE);
    first.send("busy\r");
    first.wait_text("why (may be empty)", PATIENCE);
    first.send("lunch\r");
    first.wait_for("the status", PATIENCE, |screen| {
        header(screen).contains("! busy (lunch)")
    });

    // A second one shows the same, and changes nothing of it; it shows a chat from the start.
    let second = desk.console(&ana);
    second.wait_for("the same status", PATIENCE, |screen| {
        header(screen).contains("! busy (lunch)")
    });
    wait_listed(&second, "the first chat in front", "Bo", None);
    wait_listed(&first, "Bo, read in the second", "Bo", None);
    wait_listed(&second, "Cy's unread message", "Cy", Some("1"));
    wait_listed(&first, "Cy's unread message still", "Cy", Some("1"));
    assert!(header_of(&first).contains("! busy (lunch)"));

    first.send("2");
    wait_listed(&first, "Cy, read here", "Cy", None);
    wait_listed(&second, "Cy, read there", "Cy", None);

    // Together they would be one key with Alt.
    second.send(ESC);
    second.wait_text("NAV", PATIENCE);
    second.send("S");
    second.wait_text("finish and leave", PATIENCE);
    second.send("online\r");
    for console in [&first, &second] {
        console.wait_for("online in both", PATIENCE, |screen| {
            header(screen).contains("* online")
        });
    }
}

fn header_of(console: &Pty) -> String {
    let screen = console.screen();
    screen.lines().next().unwrap_or_default().to_owned()
}
