//! The whole way of a desk in one test, through the real programs alone: from an empty folder to a
//! customer who reads the transcript of a chat that two departments answered.

use tests::desk::{Desk, PATIENCE, header, prompts};
use tests::exposure::{can_look, exposed};
use tests::process::Exit;
use tests::programs::programs;
use tests::pty::Pty;
use tests::report;

/// Opens the chat that needs the agent most.
const NEXT_NEEDING: &str = "\x1ba";
/// Leaves the composer for the keys of the desk.
const ESCAPE: &str = "\x1b";

const QUESTION: &str = "The export stops at 40 percent";
const NOTE: &str = "Looks like a quota";
const SAID: [&str; 4] = [
    "Let me look at it",
    "Thank you Ana",
    "This is Tom now",
    "It works",
];

#[test]
fn from_an_empty_folder_to_the_transcript_of_an_answered_chat() {
    let mut desk = Desk::start();
    desk.done(&["department", "create", "Billing"]);
    desk.done(&["department", "create", "Technical Support"]);
    let ana = desk.agent("Ana", "Billing");
    let tom = desk.agent("Tom", "Technical Support");
    let ana_console = desk.console_online(&ana);
    let tom_console = desk.console_online(&tom);

    // The customer asks from a script, and goes on in a terminal.
    let dmitri = desk.customer();
    let ask = ["--name", "Dmitri", "--department", "bill", "--message", "-"];
    let asked = dmitri.run(&programs().chat, &ask, QUESTION, PATIENCE);
    assert_eq!(
        (asked.code(), asked.stdout.as_str()),
        (0, "1\n"),
        "{asked:?}"
    );
    ana_console.wait_for("a chat of Ana's", PATIENCE, |screen| {
        header(screen).contains("mine 1") && screen.contents().contains("Dmitri")
    });
    ana_console.send(NEXT_NEEDING);
    ana_console.wait_text(QUESTION, PATIENCE);
    let customer = desk.chat(&dmitri, &["resume", "1"]);
    customer.wait_text(&format!("You: {QUESTION}"), PATIENCE);
    // The first word over the socket: only from then on can it hear somebody type.
    customer.wait_text("(seen)", PATIENCE);
    customer.wait_for("the prompt", PATIENCE, prompts);

    both_sides_type(&ana_console, &customer);
    hand_over(&ana_console, &tom_console, &customer);
    no_secret_shows(&desk, &[&ana, &tom, &dmitri, &desk.owner]);
    close(&tom_console, &customer);

    let transcript = dmitri.run(&programs().chat, &["transcript", "1"], "", PATIENCE);
    assert_eq!(transcript.code(), 0, "{transcript:?}");
    let text = &transcript.stdout;
    let told = [QUESTION, SAID[0], SAID[1], SAID[2], SAID[3]];
    let places: Vec<_> = told.iter().map(|line| text.find(line)).collect();
    assert!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{text}"
    );
    assert!(!text.contains(NOTE), "a customer reads a note: {text}");

    for console in [&ana_console, &tom_console] {
        console.send("\x11");
        assert_eq!(console.wait_exit(PATIENCE), Exit::Code(0));
        assert!(console.is_cooked());
    }
    let secrets = desk.secrets(&[&ana, &tom, &dmitri, &desk.owner]);
    let said = [ana_console.raw(), tom_console.raw(), customer.raw()].concat();
    let said = String::from_utf8_lossy(&said).into_owned() + &desk.hub.process().stderr();
    let told: Vec<_> = secrets
        .iter()
        .filter(|secret| said.contains(*secret))
        .collect();
    assert_eq!(told, Vec::<&String>::new(), "a program shows a secret");
}

/// Each side sees that the other types, and then what.
fn both_sides_type(console: &Pty, customer: &Pty) {
    console.send(&SAID[0][..5]);
    customer.wait_text("Ana is typing...", PATIENCE);
    console.send_line(&SAID[0][5..]);
    customer.wait_text(&format!("Ana: {}", SAID[0]), PATIENCE);
    console.wait_for("the message, read by the customer", PATIENCE, |screen| {
        let text = screen.contents();
        let line = text.lines().find(|line| line.contains(SAID[0]));
        line.is_some_and(|line| line.contains("you ++"))
    });

    customer.wait_for("the prompt", PATIENCE, prompts);
    customer.send(&SAID[1][..5]);
    console.wait_text("Dmitri is typing...", PATIENCE);
    customer.send_line(&SAID[1][5..]);
    console.wait_for("the answer of the customer", PATIENCE, |screen| {
        let text = screen.contents();
        text.contains(SAID[1]) && !text.contains("is typing")
    });
}

/// The chat goes to another department with a note, and all of it can be read there.
fn hand_over(from: &Pty, to: &Pty, customer: &Pty) {
    from.send(format!("/transfer Technical {NOTE}"));
    // A terminal that does not mark pastes: what comes at once with its Enter would be one.
    from.wait_text(NOTE, PATIENCE);
    from.send("\r");
    from.wait_for("no chat any more", PATIENCE, |screen| {
        header(screen).contains("mine 0")
    });
    to.wait_for("the chat", PATIENCE, |screen| {
        header(screen).contains("mine 1")
    });
    to.send(NEXT_NEEDING);
    for earlier in [QUESTION, SAID[0], SAID[1], NOTE] {
        to.wait_text(earlier, PATIENCE);
    }
    to.send_line(SAID[2]);
    customer.wait_text(&format!("Tom: {}", SAID[2]), PATIENCE);
    customer.wait_for("the prompt", PATIENCE, prompts);
    customer.send_line(SAID[3]);
    to.wait_text(SAID[3], PATIENCE);
    assert!(!customer.screen().contains(NOTE), "{}", customer.screen());
}

/// The agent closes the chat for ever, and the customer's program ends by itself.
fn close(console: &Pty, customer: &Pty) {
    console.send(ESCAPE);
    console.wait_text("NAV", PATIENCE);
    console.send("x");
    console.wait_text("Close #1 Dmitri for ever?", PATIENCE);
    console.send("y");
    customer.wait_text("This chat is closed", PATIENCE);
    assert_eq!(customer.wait_exit(PATIENCE), Exit::Code(0));
    assert!(customer.is_cooked());
}

/// While all four programs run, nobody can read a secret of theirs.
fn no_secret_shows(desk: &Desk, shells: &[&tests::cli::Cli]) {
    if !can_look() {
        return report("skipped: this system has no /proc to look for secrets in");
    }
    let secrets = desk.secrets(shells);
    let tokens = secrets.iter().filter(|secret| secret.starts_with("fd"));
    // A setup code, two invitations, two tokens for each of three people, one for the customer.
    assert_eq!(tokens.count(), 10, "where are the tokens?");
    assert_eq!(exposed(&secrets), Vec::<String>::new());
}
