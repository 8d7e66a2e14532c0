//! The user's own files: the config, who may read the secrets, and the room that is left.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use shared::client::profile::{Config, Places};

use crate::{invocation::Invocation, run::doctor::Finding};

/// Drafts and outboxes need little, but they need it.
const FREE_BYTES_MIN: u64 = 16 * 1024 * 1024;
/// Below this it will soon be too little.
const FREE_BYTES_FEW: u64 = 256 * 1024 * 1024;
/// Folders below the state that are looked through.
const DEPTH_MAX: u32 = 4;

pub(super) fn look(app: &Invocation) -> Vec<Finding> {
    let places = match Places::find(&app.environment) {
        Ok(places) => places,
        Err(error) => {
            return vec![Finding::fail("config", error.to_string(), "set HOME")];
        }
    };
    let chosen = app.global.context.as_deref();
    let chosen = chosen.or(app.environment.context.as_deref());
    let mut findings = config(&places, chosen);
    findings.push(modes(&places));
    findings.push(space(places.state()));
    findings
}

fn config(places: &Places, chosen: Option<&str>) -> Vec<Finding> {
    let path = places.config().display();
    let config = match Config::in_force(places) {
        Ok(config) => config,
        Err(error) => {
            let fix = format!("correct {path}, or move it away and log in again");
            return vec![Finding::fail("config", error.to_string(), fix)];
        }
    };
    if !places.config().exists() {
        return vec![Finding::warn(
            "config",
            format!("{path} is not there"),
            "log in with: frontdesk-admin login --hub URL",
        )];
    }
    let number = config.contexts.len();
    let chosen = chosen.or(config.current_context.as_deref());
    let contexts = match chosen {
        Some(name) if config.contexts.contains_key(name) => {
            Finding::ok("contexts", format!("{name} of {number}"))
        }
        Some(name) => Finding::fail(
            "contexts",
            format!("{name} is to be used and is none of {number}"),
            "choose one with: frontdesk-admin context use NAME",
        ),
        None if number == 0 => Finding::warn(
            "contexts",
            "none",
            "log in with: frontdesk-admin login --hub URL",
        ),
        None => Finding::warn(
            "contexts",
            format!("{number}, none in use"),
            "choose one with: frontdesk-admin context use NAME",
        ),
    };
    vec![Finding::ok("config", path.to_string()), contexts]
}

/// Everything below the state is the user's alone, and the logins wherever they are.
fn modes(places: &Places) -> Finding {
    let mut wide = Vec::new();
    let mut seen = 0;
    for path in [places.state(), &places.credentials(), places.cache()] {
        walk(path, DEPTH_MAX, &mut |path, mode, foreign| {
            seen += 1;
            if foreign || mode & 0o077 != 0 {
                wide.push(format!("{} ({mode:04o})", path.display()));
            }
        });
    }
    wide.sort();
    wide.dedup();
    let state = places.state().display();
    let cache = match places.cache().exists() {
        true => format!(" {}", places.cache().display()),
        false => String::new(),
    };
    match wide.as_slice() {
        [] if seen == 0 => Finding::ok("files", format!("nothing in {state} yet")),
        [] => Finding::ok("files", format!("{state}: readable by you alone")),
        [first, rest @ ..] => Finding::fail(
            "files",
            format!("others may use {first} and {} more", rest.len()),
            format!("run: chmod -R go-rwx {state}{cache}"),
        ),
    }
}

fn walk(path: &Path, depth: u32, look: &mut impl FnMut(&Path, u32, bool)) {
    let Ok(metadata) = std::fs::symlink_metadata(path) else {
        return;
    };
    if metadata.is_symlink() {
        return;
    }
    let foreign = metadata.uid() != rustix::process::geteuid().as_raw();
    look(path, metadata.mode() & 0o7777, foreign);
    if metadata.is_dir() && depth > 0 {
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            walk(&entry.path(), depth - 1, look);
        }
    }
}

fn space(state: &Path) -> Finding {
    let there: Option<PathBuf> = state
        .ancestors()
        .find(|folder| folder.exists())
        .map(Path::to_owned);
    let there = there.unwrap_or_else(|| PathBuf::from("/"));
    let room = match rustix::fs::statvfs(&there) {
        Ok(room) => room,
        Err(error) => {
            let detail = format!("{}: {error}", there.display());
            return Finding::warn("space", detail, "check that the folder can be read");
        }
    };
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    let detail = format!("{} MiB free for {}", free / (1024 * 1024), state.display());
    let fix = "make room: what is typed is kept there until the hub has it";
    match free {
        0..FREE_BYTES_MIN => Finding::fail("space", detail, fix),
        FREE_BYTES_MIN..FREE_BYTES_FEW => Finding::warn("space", detail, fix),
        _ => Finding::ok("space", detail),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use shared::client::profile::Places;

    use super::{config, modes};
    use crate::run::doctor::State;

    #[test]
    fn a_file_that_others_may_read_is_found_however_deep() {
        let home = tempfile::tempdir().unwrap();
        let places = Places::under(home.path());
        assert_eq!(modes(&places).state, State::Ok);
        let folder = places.state().join("drafts/desk");
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("7");
        fs::write(&file, "a draft").unwrap();
        for (path, mode) in [
            (places.state().to_owned(), 0o700),
            (places.state().join("drafts"), 0o700),
            (folder, 0o700),
            (file.clone(), 0o600),
        ] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        assert_eq!(modes(&places).state, State::Ok);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o604)).unwrap();
        let finding = modes(&places);
        assert_eq!(finding.state, State::Fail);
        assert!(
            finding.detail.contains("drafts/desk/7 (0604)"),
            "{finding:?}"
        );
    }

    #[test]
    fn a_config_that_makes_no_sense_and_a_context_that_is_not_there_are_told() {
        let home = tempfile::tempdir().unwrap();
        let places = Places::under(home.path());
        let check = |text: &str| {
            fs::write(places.config(), text).unwrap();
            let last = config(&places, None).pop().unwrap();
            (last.check, last.state)
        };
        assert_eq!(config(&places, None)[0].state, State::Warn);
        assert_eq!(check("contexts = 7\n"), ("config", State::Fail));
        let known = "[contexts.a]\nhub = \"http://127.0.0.1:1\"\n";
        assert_eq!(check(known), ("contexts", State::Warn));
        assert_eq!(
            check(&format!("current_context = \"a\"\n{known}")),
            ("contexts", State::Ok)
        );
        assert_eq!(
            check(&format!("current_context = \"b\"\n{known}")),
            ("contexts", State::Fail)
        );
    }
}
