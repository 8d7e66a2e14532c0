//! The assistant between a customer and an agent, each in a terminal of their own: it answers with
//! a source, asks once, hands the chat off with all it knows, is silent while a person has the
//! chat, and answers again when it gets it back.

use tests::desk::{Desk, PATIENCE, header, prompts};
use tests::hub::HubSetup;
use tests::programs::{programs, workspace};
use tests::pty::Pty;

const ESCAPE: &str = "\x1b";

/// A desk whose assistant answers first, from the knowledge base of the demo.
fn desk() -> Desk {
    let knowledge = workspace().join("server/src/demo/kb");
    let folder = knowledge.to_str().expect("a path of ours is UTF-8");
    let desk = Desk::start_with(HubSetup {
        env: vec![("FRONTDESK_KB".to_owned(), folder.to_owned())],
        ..HubSetup::default()
    });
    let file = desk.owner.home().path().join("assistant.toml");
    let text = "format = 1\n[assistant]\nfirst_line = \"always\"\n";
    std::fs::write(&file, text).expect("a file in a home of ours");
    desk.done(&["apply", "-f", "assistant.toml", "--yes"]);
    desk
}

#[track_caller]
fn says(customer: &Pty, text: &str) {
    customer.wait_for("the prompt", PATIENCE, prompts);
    customer.send_line(text);
}

#[test]
fn the_assistant_answers_hands_off_is_silent_and_answers_again() {
    let mut desk = desk();
    let ana = desk.agent("Ana", "Customer Care");
    let console = desk.console(&ana);
    let dmitri = desk.customer();
    let customer = desk.chat(&dmitri, &["--name", "Dmitri"]);
    customer.wait_text("Assistant (AI): I am an automated assistant", PATIENCE);

    // An answer with its source, which is labelled on both sides.
    says(&customer, "How do I return something?");
    customer.wait_text("within 30 days", PATIENCE);
    console.wait_text("ASSISTANT (1)", PATIENCE);
    console.send_line("/go dmitri");
    console.wait_text("AI answer: returns", PATIENCE);
    console.wait_text("kb:returns#", PATIENCE);
    console.wait_text("with the assistant", PATIENCE);

    // It did not help: it asks once more; a person is asked for and takes over.
    says(&customer, "no");
    console.wait_text("AI asks for other words", PATIENCE);
    says(&customer, "/human");
    customer.wait_text("Asking for a person", PATIENCE);
    customer.wait_text("You are number 1 in the queue", PATIENCE);
    console.wait_text("HAND-OFF: the customer asked for a person", PATIENCE);
    console.send(ESCAPE);
    console.wait_text("NAV", PATIENCE);
    console.wait_text("tried  [kb:returns#", PATIENCE);
    console.wait_text("first  How do I return something?", PATIENCE);
    console.send("a");
    console.wait_for("a chat of Ana's", PATIENCE, |screen| {
        header(screen).contains("mine 1")
    });
    customer.wait_text("Ana joined the chat", PATIENCE);

    // A person has it: the assistant says nothing, whatever is asked.
    says(&customer, "How do I reset my password?");
    console.wait_text("How do I reset my password?", PATIENCE);
    console.send("i");
    console.wait_text("COMPOSE", PATIENCE);
    console.send_line("One moment please");
    customer.wait_text("Ana: One moment please", PATIENCE);

    // Help with an answer goes in the composer, and is not sent.
    console.send(ESCAPE);
    console.wait_text("NAV", PATIENCE);
    console.send("P");
    console.wait_text("help with writing", PATIENCE);
    console.send("\r");
    console.wait_text("knowledge [kb:password-reset#", PATIENCE);
    console.send("\r");
    console.wait_for("a draft in the composer", PATIENCE, |screen| {
        screen.contents().contains("COMPOSE") && !screen.contents().contains("knowledge [kb")
    });
    console.send("\x03");
    console.wait_text("draft cleared", PATIENCE);

    // It gets the chat back, and answers what comes from then on.
    console.send_line("/return");
    console.wait_text("#1 is with the assistant now", PATIENCE);
    customer.wait_text("Ana handed the chat to the assistant", PATIENCE);
    says(&customer, "What does shipping cost?");
    console.wait_text("AI answer: shipping", PATIENCE);
    let screen = customer.screen();
    assert!(screen.contains("(AI)"), "{screen}");

    // An answer of it can be called wrong.
    console.send_line("/flag the price is of last year");
    console.wait_text("Ana calls an answer wrong", PATIENCE);
    console.wait_text("last year", PATIENCE);

    // All that was said, in its order, long after it.
    let told = dmitri.run(&programs().chat, &["transcript", "1"], "", PATIENCE);
    let (_, later) = told
        .stdout
        .split_once("Ana joined the chat")
        .expect("she did");
    let (owned, later) = later
        .split_once("handed the chat to the assistant")
        .expect("she did");
    assert!(!owned.contains("(AI)"), "it talks over a person: {owned}");
    assert!(later.contains("(AI): "), "{later}");
    assert!(
        !later.contains("password"),
        "of before it had the chat: {later}"
    );
}

/// A pipe waits for the answer and not for the greeting; a person can be asked for from the start.
#[test]
fn a_pipe_gets_the_answer_of_the_assistant_or_waits_for_a_person() {
    let desk = desk();
    let bo = desk.customer();
    let ask = [
        "--name",
        "Bo",
        "--wait",
        "25s",
        "--message",
        "Can I pay with paypal?",
    ];
    let asked = bo.run(&programs().chat, &ask, "", PATIENCE);
    assert_eq!(asked.code(), 0, "{asked:?}");
    let answers: Vec<&str> = asked.stdout.lines().collect();
    assert!(
        answers.len() >= 2 && answers[0].starts_with("Assistant (AI): I am an automated"),
        "{asked:?}"
    );
    assert!(answers[1].starts_with("Assistant (AI): "), "{asked:?}");

    let human = ["--name", "Bo", "--human", "--message", "a person please"];
    let asked = bo.run(&programs().chat, &human, "", PATIENCE);
    assert_eq!(
        (asked.code(), asked.stdout.as_str()),
        (0, "2\n"),
        "{asked:?}"
    );
    let state = desk.done(&["chat", "get", "2", "--output", "json"]);
    assert!(state.contains("\"state\": \"waiting\""), "{state}");
}
