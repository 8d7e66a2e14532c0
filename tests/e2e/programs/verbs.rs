//! The admin tool on many things, on what happens, and on what happened: what it does with
//! standard input, what it waits for, and what it explains.

use rustix::process::Signal;
use serde_json::Value;
use tests::cli::Cli;
use tests::desk::{CONTEXT, Desk, PATIENCE};
use tests::process::{Exit, Output, Process};
use tests::programs::programs;

fn run(cli: &Cli, args: &[&str], stdin: &str) -> Output {
    cli.run(&programs().admin, args, stdin, PATIENCE)
}

#[track_caller]
fn json(output: &str) -> Value {
    serde_json::from_str(output).unwrap_or_else(|error| panic!("{error}: {output}"))
}

/// A chat of somebody without an account, and its number.
#[track_caller]
fn chat(desk: &Desk, name: &str, text: &str) -> String {
    let args = ["--name", name, "--message", text];
    let said = desk.customer().run(&programs().chat, &args, "", PATIENCE);
    assert_eq!(said.code(), 0, "{said:?}");
    let list = desk.done(&["chat", "list", "--all", "-o", "name"]);
    list.lines().last().unwrap().to_owned()
}

#[track_caller]
fn seen(process: &mut Process, what: &str) -> String {
    process.wait_line(what, PATIENCE, |line| line.contains(what))
}

#[test]
fn a_message_is_sent_once_under_its_name() {
    let desk = Desk::start();
    let id = chat(&desk, "Bo", "hello");
    let refused = desk.admin(&["chat", "send", &id, "too early"]);
    assert_eq!(refused.code(), 6, "{refused:?}");
    desk.done(&["chat", "claim", &id]);
    desk.done(&["chat", "send", &id, "in one word"]);
    let piped = run(&desk.owner, &["chat", "send", &id], "from\na pipe\n");
    assert_eq!(piped.code(), 0, "{piped:?}");
    let dash = ["chat", "send", &id, "-", "--note"];
    assert_eq!(run(&desk.owner, &dash, "not for Bo\n").code(), 0);
    let named = [
        "chat",
        "send",
        &id,
        "once",
        "--client-id",
        "nightly-2026-11-20",
        "-o",
        "json",
    ];
    let (first, again) = (json(&desk.done(&named)), json(&desk.done(&named)));
    assert_eq!(
        (&first["dup"], &again["dup"]),
        (&false.into(), &true.into())
    );
    assert_eq!(first["seq"], again["seq"]);

    let long = "x".repeat(8 * 1024 + 1);
    for (stdin, told) in [("", "empty"), (" \n", "empty"), (&long, "8192 bytes")] {
        let refused = run(&desk.owner, &["chat", "send", &id, "-"], stdin);
        assert_eq!((refused.code(), refused.stdout.as_str()), (2, ""));
        assert!(refused.stderr.contains(told), "{refused:?}");
    }
    let dry = desk.done(&["chat", "send", &id, "never", "--dry-run", "-o", "json"]);
    assert_eq!(json(&dry)["items"][0]["event"]["type"], "message_posted");
    let told = desk.done(&["chat", "tail", &id, "--no-follow", "-o", "ndjson"]);
    let texts: Vec<String> = told
        .lines()
        .map(|line| json(line)["text"].as_str().unwrap().to_owned())
        .filter(|text| !text.contains("joined"))
        .collect();
    assert_eq!(
        texts,
        ["hello", "in one word", "from\na pipe", "not for Bo", "once"]
    );
}

#[test]
fn many_chats_are_ended_from_one_standard_input() {
    let desk = Desk::start();
    let ids: Vec<String> = (0..4).map(|_| chat(&desk, "Bo", "hello")).collect();
    for (stdin, told) in [
        ("", "names nothing"),
        ("\n# nobody\n", "names nothing"),
        (
            "1\nsecond\n",
            "line 2: \"second\" is not the number of a chat",
        ),
    ] {
        let refused = run(&desk.owner, &["chat", "close", "-", "--yes"], stdin);
        assert_eq!((refused.code(), refused.stdout.as_str()), (2, ""));
        assert!(refused.stderr.contains(told), "{refused:?}");
    }
    let asked = run(&desk.owner, &["chat", "close", "-"], &ids[0]);
    assert_eq!(asked.code(), 2, "there is nobody to ask: {asked:?}");

    let lines = format!("# two of them\n{}\n\n999\n#{}\n", ids[0], ids[1]);
    let partly = run(
        &desk.owner,
        &["chat", "close", "-", "--yes", "-o", "name"],
        &lines,
    );
    assert_eq!(partly.code(), 9, "{partly:?}");
    assert_eq!(partly.stdout, format!("{}\n{}\n", ids[0], ids[1]));
    assert!(partly.stderr.contains("line 4: chat 999 "), "{partly:?}");
    // What a list prints is what the next program reads, in every form.
    let waiting = desk.done(&["chat", "list", "--state", "waiting", "-o", "ndjson"]);
    let claimed = run(&desk.owner, &["chat", "claim", "-", "-o", "name"], &waiting);
    assert_eq!(claimed.code(), 0, "{claimed:?}");
    assert_eq!(claimed.stdout, format!("{}\n{}\n", ids[2], ids[3]));
    let rows = desk.done(&["chat", "list", "--state", "active"]);
    let resolved = run(&desk.owner, &["chat", "resolve", "-"], &rows);
    assert_eq!(resolved.code(), 0, "{resolved:?}");
    let all_closed = run(&desk.owner, &["chat", "close", "-", "--yes"], "998\n999\n");
    assert_eq!(all_closed.code(), 3, "all failed: as the first one");

    let closed = desk.done(&["chat", "list", "--state", "closed", "-o", "name"]);
    assert_eq!(closed, format!("{}\n{}\n", ids[1], ids[0]));
    let csv = ["chat", "list", "--state", "closed", "--all", "-o", "csv"];
    let csv = desk.done(&csv);
    assert_eq!(csv.lines().count(), 3, "{csv}");
}

#[test]
fn users_and_departments_are_named_on_standard_input_too() {
    let desk = Desk::start();
    for name in ["ana", "bea"] {
        desk.done(&["user", "create", name]);
    }
    desk.done(&["department", "create", "Billing"]);
    let off = run(
        &desk.owner,
        &["user", "disable", "-", "-o", "name"],
        "ana\nnobody\nbea\n",
    );
    assert_eq!((off.code(), off.stdout.as_str()), (9, "ana\nbea\n"));
    assert!(
        off.stderr.contains("line 2: user \"nobody\" not found"),
        "{off:?}"
    );
    let list = desk.done(&["user", "list", "--role", "agent", "-o", "ndjson"]);
    let gone = run(&desk.owner, &["user", "delete", "-", "--yes"], &list);
    assert_eq!(gone.code(), 0, "{gone:?}");
    assert_eq!(desk.done(&["user", "list", "-o", "name"]), "olga\n");
    let got = run(
        &desk.owner,
        &["department", "get", "-", "-o", "name"],
        "billing\n1\n",
    );
    assert_eq!(got.stdout, "Billing\nCustomer Care\n");
    let gone = run(&desk.owner, &["department", "delete", "-", "--yes"], "");
    assert_eq!(gone.code(), 2, "{gone:?}");
}

#[test]
fn a_chat_is_explained_from_its_record() {
    let mut desk = Desk::start();
    desk.done(&["department", "create", "Billing"]);
    let ana = desk.agent("Ana", "Customer Care,Billing");
    let _console = desk.console_online(&ana);
    let id = chat(&desk, "Bo", "hello");
    desk.done(&["chat", "transfer", &id, "--department", "billing"]);
    let told = desk.done(&["explain", "chat", &id]);
    let sentences: Vec<&str> = told
        .lines()
        .skip(2)
        .map(|line| line.split_once("  ").unwrap().1)
        .collect();
    assert_eq!(sentences[0], "opened in Customer Care by Bo");
    assert_eq!(sentences[1], "queued in Customer Care, as it was opened");
    let given = "given to ana, the only agent with room (epoch ";
    assert!(sentences[2].starts_with(given), "{told}");
    assert!(
        sentences.contains(&"moved from ana in Customer Care to Billing by olga"),
        "{told}"
    );
    let first = told.lines().next().unwrap();
    assert!(
        first.starts_with(&format!("chat {id} is with ana in Billing: given to ana, ")),
        "{told}"
    );
    let all = json(&desk.done(&["explain", "chat", &id, "-o", "json"]));
    assert_eq!(all["summary"], first);
    let steps = all["steps"].as_array().unwrap();
    let given = steps.iter().find(|step| step["event"] == "chat_assigned");
    let given = given.unwrap();
    assert_eq!(
        (&given["rule"], &given["candidates"]),
        (&"least_loaded".into(), &1.into())
    );
    let absent = desk.admin(&["explain", "chat", "999"]);
    assert_eq!(absent.code(), 3, "{absent:?}");
}

#[test]
fn a_code_sets_a_new_password_and_ends_what_the_old_one_opened() {
    let mut desk = Desk::start();
    let ana = desk.agent("Ana", "Customer Care");
    let refused = desk.admin(&["user", "passwd", "ana"]);
    assert_eq!(refused.code(), 2, "it asks: {refused:?}");
    let dry = desk.done(&["user", "passwd", "ana", "--dry-run", "-o", "name"]);
    assert!(
        dry.starts_with("makes a code for a new password of ana"),
        "{dry}"
    );
    assert_eq!(run(&ana, &["whoami"], "").code(), 0);

    let code = desk.done(&["user", "passwd", "ana", "--yes", "-o", "name"]);
    let out = run(&ana, &["whoami"], "");
    assert_eq!(out.code(), 4, "their sessions have ended: {out:?}");
    let hub = desk.hub.url();
    let file = ana.home().path().join("reset");
    std::fs::write(&file, &code).unwrap();
    let accept = [
        "invite",
        "accept",
        "--code-file",
        "reset",
        "--password-stdin",
    ];
    let accept = [&accept[..], &["--hub", &hub, "--context", CONTEXT]].concat();
    let weak = run(&ana, &accept, "password\n");
    assert_eq!(weak.code(), 2, "{weak:?}");
    let tried = [&accept[..], &["--dry-run", "-o", "name"]].concat();
    let tried = run(&ana, &tried, "marble otter lighthouse\n");
    assert_eq!(tried.stdout, "sets the password of ana and signs them in\n");
    let set = run(&ana, &accept, "marble otter lighthouse\n");
    assert_eq!(set.code(), 0, "{set:?}");
    assert_eq!(run(&ana, &["whoami", "-o", "name"], "").stdout, "ana\n");
    let again = run(&ana, &accept, "marble otter lighthouse\n");
    assert_eq!(again.code(), 4, "{again:?}");

    let own = desk.admin(&["user", "passwd", "olga", "--yes"]);
    assert_eq!(own.code(), 5, "{own:?}");
    desk.done(&["user", "role", "ana", "admin"]);
    assert!(
        desk.done(&["user", "get", "ana", "-o", "csv"])
            .contains(",admin,")
    );
    let above = run(&ana, &["user", "passwd", "olga", "--yes"], "");
    assert_eq!(above.code(), 5, "{above:?}");
}

#[test]
fn a_token_is_read_from_a_file_and_dry_runs_make_nothing() {
    let desk = Desk::start();
    let dry = desk.done(&["token", "create", "cron", "--dry-run", "-o", "json"]);
    let effect = json(&dry)["items"][0]["effect"].clone();
    assert!(
        effect.as_str().unwrap().starts_with("makes the token"),
        "{dry}"
    );
    assert_eq!(desk.done(&["token", "list", "-o", "name"]), "");
    for args in [
        &["login", "--username", "olga", "--dry-run"][..],
        &["logout", "--dry-run"],
        &[
            "setup",
            "--username",
            "eve",
            "--code-file",
            "x",
            "--dry-run",
        ],
    ] {
        let refused = desk.admin(args);
        assert_eq!(refused.code(), 2, "{refused:?}");
        assert!(refused.stderr.contains("nothing was done"), "{refused:?}");
    }
    let token = desk.done(&["token", "create", "cron", "-o", "name"]);
    let script = desk.customer();
    let login = run(&script, &["login", "--with-token"], &token);
    assert_eq!(login.code(), 0, "{login:?}");
    assert_eq!(run(&script, &["whoami", "-o", "name"], "").stdout, "olga\n");
    let all = desk.done(&["session", "end", "--all", "--dry-run"]);
    assert!(all.contains("1 tokens for scripts"), "{all}");
    assert_eq!(run(&script, &["whoami"], "").code(), 0);
}

#[test]
fn a_list_goes_on_over_a_hub_that_was_killed() {
    let mut desk = Desk::start();
    let args = ["department", "list", "--watch", "-o", "ndjson"];
    let mut watch = desk.owner.start(&programs().admin, &args);
    let first = json(&seen(&mut watch, "Customer Care"));
    assert_eq!(first["change"], "listed");
    desk.done(&["department", "create", "Billing"]);
    assert_eq!(json(&seen(&mut watch, "Billing"))["change"], "added");
    let early = ["department", "update", "billing", "--capacity", "7"];
    desk.done(&early);
    assert_eq!(
        json(&seen(&mut watch, "\"capacity\":7"))["change"],
        "changed"
    );
    desk.hub.kill9();
    desk.hub.restart();
    desk.done(&[
        "department",
        "update",
        "billing",
        "--description",
        "refunds",
    ]);
    let changed = json(&seen(&mut watch, "refunds"));
    assert_eq!(
        (&changed["change"], &changed["item"]["name"]),
        (&"changed".into(), &"Billing".into())
    );
    desk.done(&["department", "delete", "billing", "--yes"]);
    let removed = json(&seen(&mut watch, "removed"));
    assert_eq!(removed["item"]["name"], "Billing");
    watch.signal(Signal::INT);
    assert_eq!(watch.wait_exit(PATIENCE), Exit::Code(130));
    assert_eq!(watch.stdout().lines().count(), 5, "{}", watch.stdout());
}

#[test]
fn chats_users_and_the_queue_are_watched_too() {
    let desk = Desk::start();
    let watched = |args: &[&str]| desk.owner.start(&programs().admin, args);
    let id = chat(&desk, "Bo", "hello");
    let mut chats = watched(&["chat", "list", "--watch", "--state", "waiting"]);
    let mut one = watched(&["chat", "get", &id, "--watch", "-o", "json"]);
    let mut users = watched(&["user", "get", "olga", "--watch", "-o", "ndjson"]);
    let mut queue = watched(&["queue", "list", "--watch", "-o", "ndjson"]);
    assert!(seen(&mut chats, "Bo").starts_with(&format!("listed\t{id}\twaiting\t")));
    seen(&mut one, "\"waiting\"");
    seen(&mut users, "olga");
    seen(&mut queue, "waits");
    desk.done(&["chat", "claim", &id]);
    assert!(seen(&mut chats, "removed").contains("Bo"));
    seen(&mut one, "\"active\"");
    seen(&mut queue, "left");
    desk.done(&["user", "update", "olga", "--name", "Olga Oak"]);
    assert_eq!(json(&seen(&mut users, "Olga Oak"))["change"], "changed");
    let short = desk.admin(&["user", "list", "--watch", "--timeout", "1s", "-o", "name"]);
    assert_eq!((short.code(), short.stdout.as_str()), (0, "olga\n"));
    let closed = desk.admin(&["chat", "list", "--state", "closed", "--watch"]);
    assert_eq!(closed.code(), 2, "{closed:?}");
}

#[test]
fn one_waits_for_a_chat_and_for_a_user() {
    let mut desk = Desk::start();
    let id = chat(&desk, "Bo", "hello");
    let wait = |what: &str, kind: &str, which: &str| {
        let args = ["wait", "--for", what, kind, which, "-o", "json", "-v"];
        let wait = desk.owner.start(&programs().admin, &args);
        // From here on nothing is missed, also over a hub that is killed.
        wait.wait_error(&format!("GET /api/{kind}s/{id} ok"), PATIENCE);
        wait
    };
    let late = ["wait", "--for", "assigned", "chat", &id, "--timeout", "1s"];
    let late = desk.admin(&late);
    assert_eq!((late.code(), late.stdout.as_str()), (7, ""), "{late:?}");
    assert!(
        late.stderr.contains("was not assigned within 1 s"),
        "{late:?}"
    );
    for (args, code) in [
        (&["wait", "--for", "online", "chat", &id][..], 2),
        (&["wait", "--for", "closed", "user", "olga"], 2),
        (&["wait", "--for", "closed", "chat", "999"], 3),
    ] {
        let refused = desk.admin(args);
        assert_eq!(refused.code(), code, "{refused:?}");
    }
    let assigned = wait("assigned", "chat", &id);
    desk.done(&["chat", "claim", &id]);
    let assigned = assigned.finish(PATIENCE);
    assert_eq!(assigned.code(), 0, "{assigned:?}");
    assert_eq!(json(&assigned.stdout)["state"], "active");

    let written = wait("message", "chat", &id);
    let resolved = wait("resolved", "chat", &id);
    let closed = wait("closed", "chat", &id);
    desk.hub.kill9();
    desk.hub.restart();
    desk.done(&["chat", "send", &id, "my own words do not count"]);
    desk.done(&["chat", "resolve", &id]);
    let resolved = resolved.finish(PATIENCE);
    assert_eq!(
        (resolved.code(), json(&resolved.stdout)["id"].to_string()),
        (0, id.clone())
    );
    desk.done(&["chat", "close", &id, "--yes"]);
    let closed = closed.finish(PATIENCE);
    assert_eq!(json(&closed.stdout)["state"], "closed", "{closed:?}");
    let never = written.finish(PATIENCE);
    assert_eq!(never.code(), 6, "it will never be written in: {never:?}");
    let done = desk.admin(&["wait", "--for", "closed", "chat", &id, "--timeout", "1s"]);
    assert_eq!(done.code(), 0, "{done:?}");

    let ana = desk.agent("Ana", "Customer Care");
    let online = desk.owner.start(
        &programs().admin,
        &["wait", "--for", "online", "user", "ana", "-o", "name"],
    );
    let _console = desk.console_online(&ana);
    let online = online.finish(PATIENCE);
    assert_eq!((online.code(), online.stdout.as_str()), (0, "ana\n"));
}

#[test]
fn one_waits_for_the_words_of_the_customer() {
    let desk = Desk::start();
    let bo = desk.customer();
    let say = |args: &[&str]| {
        let said = bo.run(&programs().chat, args, "", PATIENCE);
        assert_eq!(said.code(), 0, "{said:?}");
    };
    say(&["--name", "Bo", "--message", "hello"]);
    desk.done(&["chat", "claim", "1"]);
    let args = ["wait", "--for", "message", "chat", "1", "-o", "json", "-v"];
    let wait = desk.owner.start(&programs().admin, &args);
    // From here on it knows what was said before.
    wait.wait_error("GET /api/chats/1 ok", PATIENCE);
    desk.done(&["chat", "send", "1", "what is it?"]);
    desk.done(&["chat", "send", "1", "--note", "sounds angry"]);
    say(&["resume", "1", "--message", "my printer burns"]);
    let wait = wait.finish(PATIENCE);
    assert_eq!(wait.code(), 0, "{wait:?}");
    let message = json(&wait.stdout);
    assert_eq!(
        message["text"], "my printer burns",
        "neither one's own nor the desk's"
    );
}

#[test]
fn a_department_of_the_context_is_meant_when_none_is_named() {
    let desk = Desk::start();
    desk.done(&["department", "create", "Billing"]);
    let id = chat(&desk, "Bo", "hello");
    desk.done(&["context", "set", CONTEXT, "--department", "Billing"]);
    let list = desk.admin(&["chat", "list", "-o", "name"]);
    assert_eq!((list.code(), list.stdout.as_str()), (0, ""));
    assert!(list.stderr.contains("only Billing"), "{list:?}");
    for every in [
        &["chat", "list", "--department", "", "-o", "name"][..],
        &[
            "queue",
            "list",
            "--department",
            "customer care",
            "-o",
            "name",
        ],
    ] {
        assert_eq!(desk.done(every), format!("{id}\n"));
    }
    let tail = desk.done(&["tail", "--no-follow"]);
    assert_eq!(tail.lines().count(), 1, "{tail}");
    assert_eq!(json(&tail)["event"]["type"], "department_created");
}

#[test]
fn a_short_list_says_of_how_many_it_is() {
    let desk = Desk::start();
    for name in ["Billing", "Sales"] {
        desk.done(&["department", "create", name]);
    }
    let two = desk.admin(&["department", "list", "--limit", "2", "-o", "name"]);
    assert_eq!(two.stdout, "Customer Care\nBilling\n");
    assert!(two.stderr.contains("showing 2 of 3; use --all"), "{two:?}");
    let all = desk.admin(&["department", "list", "--limit", "3"]);
    assert_eq!(all.stderr, "");
    for _ in 0..3 {
        chat(&desk, "Bo", "hello");
    }
    let one = desk.admin(&["chat", "list", "--state", "waiting", "--limit", "1"]);
    assert!(one.stderr.contains("showing 1 of 3"), "{one:?}");
    let paged = desk.done(&["chat", "list", "--all", "-o", "ndjson"]);
    assert_eq!(paged.lines().count(), 3);
}
