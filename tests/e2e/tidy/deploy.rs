//! What is promised of how the programs are built, what they are built from, and how they are run:
//! lints, profiles, `deny.toml`, the lock file and the systemd unit, read as they are.
//!
//! Absent on purpose: running the tools that judge the same; `.ci/run` does, where they are.

use std::{collections::BTreeMap, process::Command};

use tests::{programs::workspace, report};

use super::source::{PACKAGES, read};

/// The lines of a section of a TOML file, without comments.
fn section<'a>(toml: &'a str, name: &str) -> Vec<&'a str> {
    let head = format!("[{name}]");
    let lines = toml.lines().map(str::trim);
    lines
        .skip_while(|line| *line != head)
        .skip(1)
        .take_while(|line| !(line.starts_with('[') && line.ends_with(']') && !line.contains('=')))
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

/// S33: no crate of ours has unsafe code or can turn that off, arithmetic that overflows ends the
/// request in a release too, and the lints that find panics hold everywhere.
#[test]
fn no_crate_has_unsafe_code_and_releases_check_overflow() {
    let root = read(&workspace().join("Cargo.toml"));
    let rust = section(&root, "workspace.lints.rust");
    assert!(rust.contains(&"unsafe_code = \"forbid\""), "{rust:?}");
    let clippy = section(&root, "workspace.lints.clippy");
    assert!(clippy.contains(&"unwrap_used = \"warn\""), "{clippy:?}");
    let release = section(&root, "profile.release");
    assert!(release.contains(&"overflow-checks = true"), "{release:?}");
    assert!(
        !release.iter().any(|line| line.starts_with("panic")),
        "{release:?}"
    );
    for package in PACKAGES {
        let manifest = read(&workspace().join(package).join("Cargo.toml"));
        let lints = section(&manifest, "lints");
        assert_eq!(
            lints,
            ["workspace = true"],
            "{package} has lints of its own"
        );
    }
}

/// S34: what the programs are made of is written down and bounded: a lock file without foreign
/// sources, and `deny.toml` with licences, bans and sources. (Advisories need a database that
/// `.ci/run` uses where there is one.)
#[test]
fn the_supply_chain_is_listed_and_bounded() {
    let deny = read(&workspace().join("deny.toml"));
    let sources = section(&deny, "sources");
    assert!(
        sources.contains(&"unknown-registry = \"deny\""),
        "{sources:?}"
    );
    assert!(sources.contains(&"unknown-git = \"deny\""), "{sources:?}");
    assert!(section(&deny, "advisories").contains(&"yanked = \"deny\""));
    let bans = section(&deny, "bans").join("\n");
    for banned in ["openssl-sys", "aws-lc-sys", "jsonwebtoken"] {
        assert!(
            bans.contains(&format!("crate = \"{banned}\"")),
            "{banned}: {bans}"
        );
    }
    let licences = section(&deny, "licenses").join("\n");
    assert!(
        licences.contains("\"MIT\"") && !licences.contains("GPL"),
        "{licences}"
    );
    let lock = read(&workspace().join("Cargo.lock"));
    let registry = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    for line in lock.lines().filter(|line| line.starts_with("source = ")) {
        assert_eq!(line, registry);
    }
    let names = lock.lines().filter_map(|line| line.strip_prefix("name = "));
    for name in names {
        let name = name.trim_matches('"');
        let banned = ["openssl-sys", "aws-lc-sys", "jsonwebtoken"].contains(&name);
        assert!(!banned, "{name} is banned and in the lock file");
    }
    let ci = read(&workspace().join(".ci/run"));
    assert!(ci.contains("check bans licenses sources"), "{ci}");
    assert!(ci.contains("--locked"), "{ci}");
}

/// The settings of the unit, each with all its values.
fn unit() -> BTreeMap<String, Vec<String>> {
    let text = read(&workspace().join("server/deploy/frontdesk-hub.service"));
    let mut settings = BTreeMap::<String, Vec<String>>::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some((key, value)) = line.split_once('=') {
            settings
                .entry(key.to_owned())
                .or_default()
                .push(value.to_owned());
        }
    }
    settings
}

/// S35: under systemd the hub is nobody in particular, has no capability, writes its own folder
/// alone, and may call little; its exposure is at most 2.0 where systemd can judge it.
#[test]
fn the_unit_leaves_the_hub_little_to_do_harm_with() {
    let unit = unit();
    let is = |key: &str, value: &str| {
        let values = unit.get(key).map(Vec::as_slice).unwrap_or_default();
        assert_eq!(values, [value], "{key}");
    };
    for key in [
        "DynamicUser",
        "NoNewPrivileges",
        "ProtectHome",
        "PrivateTmp",
        "PrivateDevices",
        "PrivateUsers",
        "ProtectKernelTunables",
        "ProtectKernelModules",
        "ProtectKernelLogs",
        "ProtectControlGroups",
        "RestrictNamespaces",
        "RestrictSUIDSGID",
        "LockPersonality",
        "MemoryDenyWriteExecute",
    ] {
        is(key, "yes");
    }
    is("CapabilityBoundingSet", "");
    is("AmbientCapabilities", "");
    is("ProtectSystem", "strict");
    is("StateDirectoryMode", "0700");
    is("UMask", "0077");
    is("SystemCallArchitectures", "native");
    is("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX");
    let calls = &unit["SystemCallFilter"];
    assert_eq!(calls, &["@system-service", "~@privileged @resources"]);
    assert!(
        unit["ExecStart"][0].ends_with("--data %S/frontdesk"),
        "{unit:?}"
    );
    assert!(
        !unit.contains_key("Environment"),
        "no secret belongs into a unit"
    );

    let file = workspace().join("server/deploy/frontdesk-hub.service");
    let judged = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=20"])
        .arg(&file)
        .output();
    match judged {
        Ok(judged) => {
            let told = String::from_utf8_lossy(&judged.stdout);
            let last = told.lines().last().unwrap_or_default();
            assert!(judged.status.success(), "{last} {:?}", judged.stderr);
            report(&format!("figure: unit_exposure {last}"));
        }
        Err(error) => report(&format!("SKIPPED: systemd-analyze does not run: {error}")),
    }
}

#[test]
fn a_section_ends_where_the_next_begins() {
    let toml = "[a]\nx = 1\n# no\n\n[b]\ny = [\n  \"z\",\n]\n[c.d]\nw = 2\n";
    assert_eq!(section(toml, "a"), ["x = 1"]);
    assert_eq!(section(toml, "b"), ["y = [", "\"z\",", "]"]);
    assert_eq!(section(toml, "c.d"), ["w = 2"]);
    assert_eq!(section(toml, "e"), [""; 0]);
}
