//! The desk as code from the shell: out of one hub, into another, whole or not at all.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Instant};

use serde_json::{Value, json};
use shared::{
    api::{AcceptInvitation, SessionTokens},
    model::Role,
    text::SafeText,
};
use tests::cli::Cli;
use tests::desk::PATIENCE;
use tests::home::Home;
use tests::process::Output;
use tests::programs::programs;
use tests::site::{PASSWORD, Site};

/// The admin tool of the owner of a hub.
struct Admin {
    cli: Cli,
}

impl Admin {
    fn of(site: &Site) -> Self {
        let hub = format!("http://{}", site.hub.address());
        let home = Home::new().with_env("FRONTDESK_HUB", hub);
        Self {
            cli: Cli::new(home.with_env("FRONTDESK_TOKEN", &site.owner.token)),
        }
    }

    fn run(&self, args: &[&str], stdin: &str) -> Output {
        self.cli.run(&programs().admin, args, stdin, PATIENCE)
    }

    /// What is printed by a run that ends with `code`.
    #[track_caller]
    fn ends(&self, code: i32, args: &[&str], stdin: &str) -> String {
        let output = self.run(args, stdin);
        assert_eq!(output.code(), code, "{args:?}: {output:?}");
        output.stdout
    }

    #[track_caller]
    fn export(&self) -> String {
        self.ends(0, &["export"], "")
    }

    #[track_caller]
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.cli.home().path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// The last position of the log.
async fn pos(site: &Site) -> u64 {
    let tail: Value = site
        .http(&site.owner)
        .get("/api/admin/system-status")
        .await
        .unwrap();
    tail["pos"].as_u64().unwrap_or_else(|| panic!("{tail}"))
}

/// A desk with something of everything, made by one verb after the other.
async fn filled() -> (Site, Admin) {
    let site = Site::start(&["Billing"]).await;
    site.staff("ana", Role::Agent, &["Billing", "Customer Care"])
        .await;
    site.staff("sue", Role::Supervisor, &["Billing"]).await;
    let admin = Admin::of(&site);
    let form = r#"[{"key":"plan","label":"Which plan?","kind":"choice","choices":["free","pro"]}]"#;
    let form = admin.file("form.json", form);
    let done = |args: &[&str]| admin.ends(0, args, "");
    done(&[
        "settings",
        "set",
        "--name",
        "Bright Bikes",
        "--notice",
        "We keep it.\nAsk.",
    ]);
    done(&[
        "department",
        "update",
        "Billing",
        "--form",
        &form,
        "--capacity",
        "3",
    ]);
    done(&["user", "update", "ana", "--capacity", "5"]);
    done(&[
        "canned",
        "create",
        "hello",
        "--text",
        "Hello\n\t\"you\"",
        "--lang",
        "pt-BR=Oi",
    ]);
    done(&[
        "canned",
        "create",
        "refund",
        "--department",
        "billing",
        "--text",
        "It is coming",
    ]);
    done(&[
        "canned",
        "create",
        "brb",
        "--personal",
        "--text",
        "One moment",
    ]);
    (site, admin)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_changes_nothing_where_it_is_from_and_rebuilds_the_desk_elsewhere() {
    let (site, admin) = filled().await;
    let export = admin.export();
    let before = pos(&site).await;
    let file = admin.file("desk.toml", &export);
    assert_eq!(admin.ends(0, &["diff", "-f", &file], ""), "");
    let applied = admin.ends(0, &["apply", "-f", "-"], &export);
    assert!(
        applied.lines().all(|line| line.starts_with("unchanged\t")),
        "{applied}"
    );
    for form in ["json", "toml"] {
        let other = admin.ends(0, &["export", "-o", form], "");
        admin.ends(0, &["apply", "-f", "-"], &other);
    }
    assert_eq!(pos(&site).await, before, "not a record was written");

    let empty = Site::start(&[]).await;
    let rebuilt = Admin::of(&empty);
    let codes = rebuilt.cli.home().path().join("codes.tsv");
    let codes = codes.to_str().unwrap();
    assert_eq!(
        rebuilt
            .ends(8, &["diff", "-f", &file], "")
            .matches("+ ")
            .count(),
        6
    );
    let applied = rebuilt.run(&["apply", "-f", &file, "--codes", codes], "");
    assert_eq!(applied.code(), 0, "{applied:?}");
    assert!(
        applied
            .stderr
            .contains("6 created, 1 updated, 0 deleted, 3 unchanged"),
        "{applied:?}"
    );
    // Users were invited, and what a document says does not tell whether they came already.
    assert_eq!(rebuilt.export(), export, "byte for byte");

    let mode = fs::metadata(codes).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let lines = fs::read_to_string(codes).unwrap();
    let lines: Vec<Vec<&str>> = lines
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    let names: Vec<&str> = lines.iter().map(|line| line[0]).collect();
    assert_eq!(names, ["ana", "sue"]);
    for line in &lines {
        assert!(!applied.stdout.contains(line[1]) && !applied.stderr.contains(line[1]));
        let accept = AcceptInvitation {
            code: line[1].into(),
            username: None,
            name: None,
            password: PASSWORD.into(),
            totp: None,
        };
        let came = empty
            .anyone()
            .post("/api/invitations/accept", &accept)
            .await;
        let came: SessionTokens = came.unwrap();
        assert_eq!(came.user.username, SafeText::line(line[0]));
    }
    assert_eq!(rebuilt.export(), export);
    let again = rebuilt.run(&["apply", "-f", &file, "--codes", codes], "");
    assert!(
        again
            .stderr
            .contains("0 created, 0 updated, 0 deleted, 10 unchanged"),
        "{again:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_with_its_place_and_nothing_is_done() {
    let (site, admin) = filled().await;
    let before = (admin.export(), pos(&site).await);
    let file = admin.file(
        "bad.toml",
        "format = 1\n[[department]]\nname = \"Sales\"\n\n[[user]]\nusername = \"kim\"\n\
         name = \"Kim\"\nrole = \"agent\"\ndepartments = [\"Sales\", \"Sails\"]\n\n\
         [[canned]]\ncode = \"x\"\nscope = \"global\"\ntext = \"{{shoe}}\"\n",
    );
    for verb in ["diff", "apply"] {
        let output = admin.run(&[verb, "-f", &file], "");
        assert_eq!(
            (output.code(), output.stdout.as_str()),
            (2, ""),
            "{output:?}"
        );
        assert!(
            output
                .stderr
                .contains("user \"kim\": names the department \"Sails\""),
            "{output:?}"
        );
        assert!(
            output
                .stderr
                .contains("canned \"x\": text has the unknown variable"),
            "{output:?}"
        );
    }
    admin.file(
        "desk/a.toml",
        "format = 1\n[[department]]\nname = \"Sales\"\n",
    );
    admin.file(
        "desk/b.toml",
        "format = 1\n\n[[department]]\nname = \"Sales\"\ncolour = 1\n",
    );
    let folder = admin.cli.home().path().join("desk");
    let folder = folder.to_str().unwrap();
    let output = admin.run(&["apply", "-f", folder], "");
    assert_eq!(output.code(), 2);
    assert!(
        output
            .stderr
            .contains("desk/b.toml:5:1: unknown field `colour`"),
        "{output:?}"
    );
    admin.file(
        "desk/b.toml",
        "format = 1\n\n[[department]]\nname = \"SALES\"\n",
    );
    let output = admin.run(&["apply", "-f", folder], "");
    assert!(
        output.stderr.contains("twice; keep one of them"),
        "{output:?}"
    );
    for (stdin, path, code) in [("", "-", 2), ("", "nowhere.toml", 3), ("[", "-", 2)] {
        let output = admin.run(&["apply", "-f", path], stdin);
        assert_eq!(output.code(), code, "{output:?}");
    }
    assert_eq!(
        (admin.export(), pos(&site).await),
        before,
        "nothing was done"
    );
    assert_eq!(codes_left(&admin), 0);
}

/// Files with codes where nobody named one.
fn codes_left(admin: &Admin) -> usize {
    fn count(folder: &Path) -> usize {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .map(|entry| match entry.path() {
                path if path.is_dir() => count(&path),
                path => usize::from(path.extension().is_some_and(|ending| ending == "tsv")),
            })
            .sum()
    }
    count(admin.cli.home().path())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_selected_is_pruned_and_only_when_that_is_confirmed() {
    let (_site, admin) = filled().await;
    let file = admin.file(
        "some.toml",
        "format = 1\n[[department]]\nname = \"Customer Care\"\ndefault = true\n\
         [[canned]]\ncode = \"hello\"\nscope = \"global\"\ntext = \"Hello\"\n",
    );
    let kept = admin.ends(8, &["diff", "-f", &file], "");
    assert_eq!(
        kept,
        "~ canned hello: text Hello\\n    \"you\" -> Hello, variants {\"pt-BR\":\"Oi\"} -> {}\n"
    );
    assert_eq!(admin.run(&["apply", "-f", &file, "--prune"], "").code(), 2);
    let prune = [
        "apply",
        "-f",
        &file,
        "--prune",
        "--selector",
        "department,canned",
    ];
    let refused = admin.run(&prune, "");
    assert_eq!(refused.code(), 2, "{refused:?}");
    assert!(refused.stderr.contains("nothing was done"), "{refused:?}");
    let dry = [&prune[..], &["--dry-run", "--exit-code"]].concat();
    let planned = admin.ends(8, &dry, "");
    assert!(
        planned.contains("deleted\tdepartment\tBilling"),
        "{planned}"
    );
    let pruned = admin.ends(0, &[&prune[..], &["--yes"]].concat(), "");
    let lines: Vec<&str> = pruned.lines().collect();
    assert_eq!(
        lines,
        [
            "deleted\tdepartment\tBilling\t",
            "unchanged\tdepartment\tCustomer Care\t",
            "updated\tuser\tana\tdepartments Billing+Customer Care -> Customer Care",
            "updated\tuser\tsue\tdepartments Billing -> none",
            "updated\tcanned\thello\ttext Hello\\n \"you\" -> Hello, variants {\"pt-BR\":\"Oi\"} -> {}",
            "deleted\tcanned\trefund of Billing\t",
            "deleted\tcanned\tbrb of @olga\t",
        ]
    );
    assert_eq!(codes_left(&admin), 0);
}

/// A document of many things, so that its apply takes a while.
fn many() -> Value {
    let canned = |n: usize| json!({"code": format!("c{n}"), "scope": "global", "text": "hello"});
    let user = |n: usize| json!({"username": format!("u{n}"), "name": "U", "role": "agent"});
    json!({
        "format": 1,
        "user": (0..300).map(user).collect::<Vec<_>>(),
        "canned": (0..1_000).map(canned).collect::<Vec<_>>(),
    })
}

/// However the hub dies, the document is applied whole or not at all, and who came with it gets in.
#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_is_killed_meanwhile_has_all_of_it_or_nothing() {
    for killed in [true, false] {
        let mut site = Site::start(&[]).await;
        let admin = Admin::of(&site);
        let before = admin.export();
        let file = admin.file("many.json", &many().to_string());
        let codes = admin.cli.home().path().join("codes.tsv");
        let args = ["apply", "-f", &file, "--codes", codes.to_str().unwrap()];
        let running = admin.cli.start(&programs().admin, &args);
        // The file is made when the diff is answered, right before the apply is sent.
        let began = Instant::now();
        while !codes.exists() {
            assert!(began.elapsed() < PATIENCE, "{running}");
            tokio::task::yield_now().await;
        }
        if killed {
            site.hub.kill9();
        } else {
            site.hub.terminate();
        }
        site.hub.restart();
        let output = running.finish(PATIENCE);
        let after = admin.export();
        if output.code() == 0 {
            assert_eq!(after.matches("[[canned]]").count(), 1_000);
            assert_eq!(after.matches("[[user]]").count(), 301);
            let codes = fs::read_to_string(&codes).unwrap();
            assert_eq!(codes.lines().count(), 300);
            let code = codes.lines().next().unwrap().split('\t').nth(1).unwrap();
            let accept = AcceptInvitation {
                code: code.into(),
                username: None,
                name: None,
                password: PASSWORD.into(),
                totp: None,
            };
            let came = site.anyone().post("/api/invitations/accept", &accept).await;
            let came: SessionTokens = came.unwrap();
            assert_eq!(came.user.username.as_str(), "u0");
        } else {
            let whole = after.matches("[[canned]]").count() == 1_000;
            assert!(whole || after == before, "{output:?}");
        }
    }
}

/// A pipe whose writer failed takes nothing away.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_pipe_does_not_erase_the_notice() {
    let (_site, admin) = filled().await;
    let before = admin.run(&["settings", "get", "-o", "json"], "").stdout;
    let refused = admin.run(&["settings", "set", "--notice", "-"], "");
    assert_eq!(refused.code(), 2, "{refused:?}");
    assert!(
        refused.stderr.contains("standard input is empty"),
        "{refused:?}"
    );
    let after = admin.run(&["settings", "get", "-o", "json"], "").stdout;
    assert_eq!(before, after);
}
