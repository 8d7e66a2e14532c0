//! The real programs under test, built once per test process with the profile of the test itself.
//!
//! `CARGO_BIN_EXE_*` exists only inside a binary's own package, so this asks Cargo, which is quick
//! when nothing changed and never needs the network when the tests themselves were built.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// Where the built programs lie.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `frontdesk-hub`
    pub hub: PathBuf,
    /// `frontdesk-agent`
    pub agent: PathBuf,
    /// `frontdesk-chat`
    pub chat: PathBuf,
    /// `frontdesk-admin`
    pub admin: PathBuf,
    /// The example `panics`: takes a terminal as the console does, and panics when told to.
    pub panics: PathBuf,
}

/// The programs, built now if they are stale.
///
/// # Panics
/// When they do not build; Cargo's messages are in the panic.
pub fn programs() -> &'static Programs {
    static BUILT: OnceLock<Programs> = OnceLock::new();
    BUILT.get_or_init(build)
}

fn build() -> Programs {
    let test = std::env::current_exe().expect("a test knows its own path");
    let (target, profile) = target_and_profile(&test);
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_about_this_package) {
            command.env_remove(name);
        }
    }
    let output = command
        .args(["build", "--workspace", "--bins", "--locked"])
        // Naming a test makes Cargo choose the same features of dependencies as `cargo test`
        // does; without it everything below the programs would be compiled a second time.
        .args(["--test", "e2e", "--example", "panics"])
        .args(["--message-format", "json-render-diagnostics"])
        .arg("--profile")
        .arg(profile)
        .arg("--target-dir")
        .arg(target)
        .current_dir(workspace())
        .stdin(Stdio::null())
        .output()
        .expect("cargo can be started");
    assert!(
        output.status.success(),
        "the programs do not build:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let messages = String::from_utf8_lossy(&output.stdout);
    let program = |name| executable(&messages, name).unwrap_or_else(|| panic!("no {name} built"));
    Programs {
        hub: program("frontdesk-hub"),
        agent: program("frontdesk-agent"),
        chat: program("frontdesk-chat"),
        admin: program("frontdesk-admin"),
        panics: program("panics"),
    }
}

/// The root of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package lies in the workspace")
}

/// What `cargo test` tells a test about its package. Some build scripts ask to run again when one
/// of these changes, so passing them on would rebuild half the tree here, and again in the next
/// `cargo test`.
fn is_about_this_package(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
        || ["CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"].contains(&name)
}

/// A test lies in `TARGET/PROFILE/deps/`, where the folder of the profile `dev` is called `debug`.
fn target_and_profile(test: &Path) -> (PathBuf, String) {
    let folder = test
        .parent()
        .filter(|deps| deps.ends_with("deps"))
        .and_then(Path::parent)
        .expect("Cargo builds tests in TARGET/PROFILE/deps");
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let target = folder
        .parent()
        .expect("a profile's folder lies in a target");
    (target.to_owned(), profile.to_owned())
}

/// The executable of the binary `name` among Cargo's messages, which are JSON, one a line.
fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{executable, target_and_profile};

    #[test]
    fn the_profile_is_that_of_the_test() {
        let check = |test: &str, target: &str, profile: &str| {
            let expect = (Path::new(target).to_owned(), profile.to_owned());
            assert_eq!(target_and_profile(Path::new(test)), expect);
        };
        check("/x/target/debug/deps/e2e-1", "/x/target", "dev");
        check("/x/target/release/deps/e2e-1", "/x/target", "release");
        check("/y/soak/deps/e2e-1", "/y", "soak");
    }

    #[test]
    fn an_executable_is_found_by_its_own_name() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"server"},"executable":null}"#,
            "\nnot JSON\n",
            r#"{"reason":"compiler-artifact","target":{"name":"hub"},"executable":"/t/hub"}"#,
        );
        assert_eq!(
            executable(messages, "hub").as_deref(),
            Some(Path::new("/t/hub"))
        );
        assert_eq!(executable(messages, "server"), None);
    }
}
