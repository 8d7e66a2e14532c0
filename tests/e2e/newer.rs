//! A hub that says more than these programs know: nothing of it may break them.

use tests::cli::Cli;
use tests::desk::{Desk, PATIENCE};
use tests::home::Home;
use tests::newer::Newer;
use tests::programs::programs;

#[test]
fn fields_of_a_newer_hub_break_no_program() {
    let mut desk = Desk::start();
    let ana = desk.agent("Ana", "Customer Care");
    let newer = Newer::before(desk.hub.address());
    let url = newer.url();
    // A context is a login at an address: the newer hub gets one of its own.
    for cli in [&desk.owner, &ana] {
        let config = cli.home().path().join("config/frontdesk/config.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        std::fs::write(&config, text.replace(&desk.hub.url(), &url)).unwrap();
    }
    let customer = Cli::new(Home::new().with_env("FRONTDESK_HUB", &url));

    for words in [
        &["department", "create", "Billing"][..],
        &[
            "canned", "create", "hi", "--text", "Hello", "--lang", "de=Hallo",
        ],
        &[
            "user",
            "update",
            "ana",
            "--department",
            "Customer Care,Billing",
        ],
    ] {
        desk.done(words);
    }
    let args = [
        "--department",
        "Billing",
        "--name",
        "Bo",
        "--message",
        "hello there",
    ];
    let said = customer.run(&programs().chat, &args, "", PATIENCE);
    assert_eq!((said.code(), said.stdout.trim()), (0, "1"), "{said:?}");

    let keys = "/status online\n/go 1\nHello, let me see\n/quit\n";
    let plain = ana.run(&programs().agent, &["--plain"], keys, PATIENCE);
    assert_eq!(plain.code(), 0, "{plain:?}");
    assert!(plain.stdout.contains("#1 stored"), "{plain:?}");
    let again = ["resume", "1", "--json", "--json-in", "--wait", "0"];
    let line = "{\"type\":\"message\",\"text\":\"thank you\",\"from_the_future\":{\"deep\":[1]}}\n";
    let said = customer.run(&programs().chat, &again, line, PATIENCE);
    assert_eq!(said.code(), 0, "{said:?}");
    let transcript = customer.run(&programs().chat, &["transcript", "1"], "", PATIENCE);
    for words in ["hello there", "Hello, let me see", "thank you"] {
        assert!(transcript.stdout.contains(words), "{transcript:?}");
    }

    for words in [
        &["whoami"][..],
        &["department", "get", "billing"],
        &["canned", "list"],
        &["user", "list"],
        &["chat", "list"],
        &["chat", "search", "hello"],
        &["chat", "tail", "1", "--no-follow"],
        &["queue", "list"],
        &["session", "list"],
        &["status"],
        &["doctor"],
        &["tail", "--no-follow"],
    ] {
        let output = desk.admin(words);
        assert_eq!(output.code(), 0, "{words:?}: {output:?}");
        assert!(
            words[0] == "queue" || !output.stdout.is_empty(),
            "{words:?}"
        );
    }
    assert!(newer.documents() > 60, "{} documents", newer.documents());
}
