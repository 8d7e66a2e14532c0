//! Which hub and as whom: precedence, hints, and files that are refused.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use shared::{
    client::{
        credentials::{Chats, Credentials, CredentialsFile, SavedChat},
        profile::{Config, Context, Environment, Flags, Places, Profile, ProfileError},
        session::{Token, TokenSource},
        url::{DEFAULT_HUB, HubUrl},
    },
    id::ChatId,
    time::Timestamp,
};

const CONFIG: &str = r#"
current_context = "work"

[contexts.work]
hub = "https://work.example.org"
ca = "work.pem"
department = "Billing"
confirm = "work"

[contexts.demo-agent1]
hub = "http://127.0.0.1:8470"
credentials = "demo/credentials.toml"
read_only = true
"#;

fn home(config: &str) -> (tempfile::TempDir, Environment) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("config.toml"), config).unwrap();
    let environment = Environment {
        home: Some(dir.path().to_owned()),
        ..Environment::default()
    };
    (dir, environment)
}

fn url(text: &str) -> HubUrl {
    HubUrl::parse(text).unwrap()
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

fn log_in(file: &CredentialsFile, access: &str) {
    let credentials = Credentials {
        user: "ana".to_owned(),
        access_token: Token::new(access.to_owned()),
        refresh_token: Token::new("refresh".to_owned()),
        expires_at: Timestamp::from_ms(253_402_207_200_000),
    };
    file.store(&credentials).unwrap();
}

#[test]
fn flags_come_before_environment_before_config() {
    let (dir, config) = home(CONFIG);
    let profile = |flags: &Flags, environment: &Environment| {
        let profile = Profile::resolve(flags, environment).unwrap();
        (profile.context, profile.hub.to_string())
    };
    let none = Flags::default();
    let work = (text("work"), "https://work.example.org".to_owned());
    let demo = (text("demo-agent1"), "http://127.0.0.1:8470".to_owned());
    assert_eq!(profile(&none, &config), work);

    let mut environment = config.clone();
    environment.context = text("demo-agent1");
    assert_eq!(profile(&none, &environment), demo);
    let context = text("work");
    let flags = Flags {
        context,
        ..Flags::default()
    };
    assert_eq!(profile(&flags, &environment), work);

    environment.context = None;
    environment.hub = text("https://env.example.org");
    let other = (None, "https://env.example.org".to_owned());
    assert_eq!(profile(&none, &environment), other);
    let hub = text("http://127.0.0.1:8470/");
    let flags = Flags {
        hub,
        ..Flags::default()
    };
    assert_eq!(
        profile(&flags, &environment),
        demo,
        "an address finds its context"
    );

    fs::remove_file(dir.path().join("config.toml")).unwrap();
    assert_eq!(profile(&none, &config), (None, DEFAULT_HUB.to_owned()));
}

/// What a project asks for comes before the user's config and behind the environment, and only
/// chooses: a folder of somebody else could lead a login to a hub of theirs otherwise.
#[test]
fn a_project_chooses_among_the_users_contexts() {
    let (dir, mut environment) = home(CONFIG);
    let deep = dir.path().join("project/src/deep");
    fs::create_dir_all(&deep).unwrap();
    let file = dir.path().join("project/.frontdesk.toml");
    fs::write(&file, "context = \"demo-agent1\"\ndepartment = \"Sales\"\n").unwrap();
    environment.folder = Some(deep);
    let resolve = |environment: &Environment| Profile::resolve(&Flags::default(), environment);

    let profile = resolve(&environment).unwrap();
    assert_eq!(profile.context, text("demo-agent1"));
    assert_eq!(profile.department, text("Sales"));
    environment.context = text("work");
    let profile = resolve(&environment).unwrap();
    assert_eq!(profile.context, text("work"));
    environment.context = None;

    for wrong in [
        "[contexts.work]\nhub = \"https://evil.example.org\"\n",
        "hub = \"https://evil.example.org\"\n",
    ] {
        fs::write(&file, wrong).unwrap();
        let error = resolve(&environment).unwrap_err();
        assert!(matches!(error, ProfileError::Malformed { .. }), "{error}");
        assert_eq!(error.exit_code(), 2);
    }
    fs::write(&file, "context = \"wrok\"\n").unwrap();
    let error = resolve(&environment).unwrap_err();
    assert!(
        error.to_string().contains("did you mean \"work\"?"),
        "{error}"
    );
}

#[test]
fn the_users_config_comes_before_the_systems_and_a_named_file_is_alone() {
    let (dir, environment) = home("[contexts.demo]\nhub = \"http://127.0.0.1:1\"\n");
    let system = dir.path().join("etc/config.toml");
    fs::create_dir(dir.path().join("etc")).unwrap();
    let both = "current_context = \"work\"\n[contexts.demo]\nhub = \"http://127.0.0.1:2\"\n\
                [contexts.work]\nhub = \"https://work.example.org\"\nca = \"work.pem\"\n";
    fs::write(&system, both).unwrap();
    let places = Places::find(&environment).unwrap();
    let own = Config::load(&places).unwrap();
    assert_eq!((own.contexts.len(), own.current_context), (1, None));
    let places = places.with_system(system.clone());
    let config = Config::in_force(&places).unwrap();
    assert_eq!(config.current_context, text("work"));
    assert_eq!(config.contexts["demo"].hub, url("http://127.0.0.1:1"));
    let ca = config.contexts["work"].ca.clone();
    assert_eq!(
        ca,
        Some(dir.path().join("etc/work.pem")),
        "meant from there"
    );
    // A change of the user's config takes nothing of the system's over.
    Config::update(&places, |config| config.current_context = text("demo")).unwrap();
    assert_eq!(Config::load(&places).unwrap().contexts.len(), 1);

    let flags = Flags {
        config: Some(system),
        ..Flags::default()
    };
    let profile = Profile::resolve(&flags, &environment).unwrap();
    assert_eq!(profile.hub, url("https://work.example.org"));
    let ca: Option<PathBuf> = profile.tls.ca;
    assert_eq!(ca, Some(dir.path().join("etc/work.pem")));
}

#[test]
fn a_context_brings_its_settings_and_its_files() {
    let (dir, environment) = home(CONFIG);
    let work = Profile::resolve(&Flags::default(), &environment).unwrap();
    assert_eq!(work.department, text("Billing"));
    assert_eq!(work.confirm, text("work"));
    assert!(!work.read_only);
    assert_eq!(work.tls.ca, Some(dir.path().join("work.pem")));
    assert_eq!(
        work.credentials.path(),
        dir.path().join("state/credentials.toml")
    );

    let flags = Flags {
        context: text("demo-agent1"),
        ca: Some("other.pem".into()),
        ..Flags::default()
    };
    let demo = Profile::resolve(&flags, &environment).unwrap();
    assert!(demo.read_only);
    assert_eq!(demo.tls.ca, Some("other.pem".into()));
    assert_eq!(
        demo.credentials.path(),
        dir.path().join("demo/credentials.toml")
    );
    assert_eq!(demo.credentials.key(), "demo-agent1");
    log_in(&demo.credentials, "demo-token");
    assert!(matches!(demo.token_source(), Ok(TokenSource::Session(_))));
}

#[test]
fn tokens_of_one_hub_never_go_to_another() {
    let (_dir, environment) = home(CONFIG);
    let work = Profile::resolve(&Flags::default(), &environment).unwrap();
    log_in(&work.credentials, "work-token");
    let flags = Flags {
        hub: text("https://evil.example.org"),
        context: text("work"),
        ca: None,
        ..Flags::default()
    };
    let profile = Profile::resolve(&flags, &environment).unwrap();
    assert_eq!(profile.hub, url("https://evil.example.org"));
    let error = profile.token_source().unwrap_err();
    assert_eq!(error.exit_code(), 4, "{error}");
}

#[test]
fn an_unknown_context_names_the_nearest() {
    let (_dir, environment) = home(CONFIG);
    let resolve = |name: &str| {
        let flags = Flags {
            context: text(name),
            ..Flags::default()
        };
        Profile::resolve(&flags, &environment).unwrap_err()
    };
    let near = resolve("demo-agnt1");
    assert_eq!(near.exit_code(), 2);
    assert_eq!(
        near.to_string(),
        r#"context "demo-agnt1" is not known; did you mean "demo-agent1"?"#
    );
    let far = resolve("zzz").to_string();
    assert!(!far.contains("did you mean"), "{far}");
}

#[test]
fn a_token_of_the_environment_comes_before_a_login_and_is_not_stored() {
    let (dir, mut environment) = home(CONFIG);
    environment.token = Some(Token::new("from-env".to_owned()));
    let profile = Profile::resolve(&Flags::default(), &environment).unwrap();
    let source = profile.token_source().unwrap();
    assert!(matches!(&source, TokenSource::Fixed(token) if token.expose() == "from-env"));
    assert!(
        !format!("{source:?} {profile:?}").contains("from-env"),
        "never shown"
    );
    assert!(!dir.path().join("state").exists());
}

#[test]
fn credentials_that_others_may_read_are_refused() {
    let (_dir, environment) = home(CONFIG);
    let profile = Profile::resolve(&Flags::default(), &environment).unwrap();
    log_in(&profile.credentials, "secret-token");
    let path = profile.credentials.path();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    let error = profile.token_source().unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[test]
fn an_illegible_file_is_named_without_its_secrets() {
    let (_dir, environment) = home(CONFIG);
    let profile = Profile::resolve(&Flags::default(), &environment).unwrap();
    log_in(&profile.credentials, "secret-token");
    let path = profile.credentials.path();
    let spoiled = fs::read_to_string(path)
        .unwrap()
        .replace("secret-token\"", "secret-token");
    fs::write(path, spoiled).unwrap();
    let line = profile.token_source().unwrap_err().to_string();
    assert!(
        line.contains("credentials.toml") && !line.contains("secret-token"),
        "{line}"
    );
}

#[test]
fn wrong_config_is_a_usage_error() {
    for config in [
        "current_context = 1",
        "[contexts.a]\nhub = \"http://desk.example.org\"",
        "[contexts.a]\nhub = \"https://desk.example.org\"\nreadonly = true",
        "current_context = \"gone\"",
    ] {
        let (_dir, environment) = home(config);
        let error = Profile::resolve(&Flags::default(), &environment).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{config}: {error}");
    }
}

#[test]
fn contexts_are_added_for_others_to_find() {
    let (dir, environment) = home(CONFIG);
    let places = Places::find(&environment).unwrap();
    let mut context = Context::new(url("http://127.0.0.1:9000"));
    context.credentials = Some(dir.path().join("demo.toml"));
    let add = |config: &mut Config| {
        config
            .contexts
            .insert("demo-admin".to_owned(), context.clone());
    };
    Config::update(&places, add).unwrap();
    let written = fs::metadata(places.config()).unwrap().modified().unwrap();
    Config::update(&places, add).unwrap();
    let again = fs::metadata(places.config()).unwrap().modified().unwrap();
    assert_eq!(written, again, "what is the same is not written");
    let config = Config::load(&places).unwrap();
    assert_eq!(config.context("demo-admin").unwrap(), &context);
    assert_eq!(config.contexts.len(), 3);
    assert!(matches!(
        config.context("x"),
        Err(ProfileError::UnknownContext { .. })
    ));
}

#[test]
fn chats_are_found_by_hub_and_number_or_as_the_last_one() {
    let (_dir, environment) = home("");
    let chats = Chats::new(&Places::find(&environment).unwrap());
    let here = url("http://127.0.0.1:8470");
    let there = url("https://desk.example.org");
    let saved = |hub: &HubUrl, chat: u64, token: &str| SavedChat {
        hub: hub.clone(),
        chat: ChatId(chat),
        token: Token::new(token.to_owned()),
        name: "Kim".to_owned(),
        cursor: None,
        used_at: None,
    };
    let found = |hub: &HubUrl, chat: Option<u64>| {
        let found = chats.find(hub, chat.map(ChatId)).unwrap();
        found.map(|saved| saved.token.expose().to_owned())
    };
    assert_eq!(found(&here, None), None);
    for chat in [
        saved(&here, 1, "h1"),
        saved(&there, 1, "t1"),
        saved(&here, 2, "h2"),
    ] {
        chats.store(&chat).unwrap();
    }
    assert_eq!(found(&here, None), text("h2"));
    assert_eq!(found(&there, Some(1)), text("t1"));
    chats.store(&saved(&here, 1, "h1 again")).unwrap();
    assert_eq!(found(&here, None), text("h1 again"), "the last used one");
    assert_eq!(chats.list().unwrap().len(), 3);
    chats.remove(&here, ChatId(1)).unwrap();
    assert_eq!(found(&here, Some(1)), None);
    assert_eq!(found(&there, Some(1)), text("t1"));
}

#[test]
fn what_the_console_reads_is_kept_by_the_others() {
    let console = r#"
[agent]
theme = "light"

[agent.keys.nav]
accept = ["A", "Ctrl+A"]

[contexts.work.agent]
theme = "dark"
"#;
    let (dir, environment) = home(&format!("{CONFIG}{console}"));
    let profile = Profile::resolve(&Flags::default(), &environment).unwrap();
    assert_eq!(profile.agent["theme"].as_str(), Some("light"));
    assert_eq!(profile.context_agent["theme"].as_str(), Some("dark"));
    let places = Places::under(dir.path());
    let before = Config::load(&places).unwrap();
    let renamed = |config: &mut Config| config.current_context = text("demo-agent1");
    Config::update(&places, renamed).unwrap();
    let after = Config::load(&places).unwrap();
    assert_eq!(
        (&after.agent, &after.contexts),
        (&before.agent, &before.contexts)
    );
    assert_eq!(
        after.agent["keys"]["nav"]["accept"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    let profile = Profile::resolve(&Flags::default(), &environment).unwrap();
    assert!(profile.context_agent.is_empty());
}
