//! What every user of this machine can read about our programs: arguments, and what their own
//! user can read besides, the environment. No secret may be in either.
//!
//! Absent on purpose: systems without `/proc`, where [`can_look`] says so.

use std::fs;
use std::path::Path;

/// What the secrets of the hub begin with: the two tokens of a login, those of customers and of
/// scripts, invitations, setup codes.
const PREFIXES: [&str; 6] = ["fda_", "fdr_", "fdc_", "fdp_", "fdi_", "fds_"];

/// Whether this system shows processes as files.
#[must_use]
pub fn can_look() -> bool {
    Path::new("/proc/self/cmdline").exists()
}

/// Where one of `secrets` stands in the arguments or the environment of any running process, this
/// one apart. Each secret is named by its beginning.
#[must_use]
pub fn exposed(secrets: &[String]) -> Vec<String> {
    let own = std::process::id().to_string();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = processes.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|name| *name != own && name.bytes().all(|byte| byte.is_ascii_digit()))
        .flat_map(|pid| {
            ["cmdline", "environ"].map(|file| {
                // One that ended meanwhile, or of another user, shows nothing.
                let bytes = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
                (format!("{file} of process {pid}"), bytes)
            })
        })
        .flat_map(|(place, bytes)| {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let found = secrets.iter().filter(move |secret| text.contains(*secret));
            found.map(move |secret| format!("{:.8}.. is in the {place}", secret))
        })
        .collect()
}

/// Every token of the hub that is kept in a file in `folder` or deeper.
#[must_use]
pub fn tokens_kept(folder: &Path) -> Vec<String> {
    let mut tokens = Vec::new();
    collect(folder, &mut tokens);
    tokens.sort_unstable();
    tokens.dedup();
    tokens
}

fn collect(folder: &Path, tokens: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, tokens);
            continue;
        }
        let text = fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let secrets = words.filter(|word| PREFIXES.iter().any(|prefix| word.starts_with(prefix)));
        tokens.extend(secrets.map(str::to_owned));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::{can_look, exposed, tokens_kept};
    use crate::cli::Cli;
    use crate::home::Home;

    #[test]
    fn a_secret_in_an_argument_or_the_environment_is_found() {
        if !can_look() {
            return crate::report("skipped: this system has no /proc");
        }
        let secret = |name: &str| format!("{name}-{}", std::process::id());
        let (argument, variable, hidden) = (secret("argue"), secret("vary"), secret("hide"));
        let home = Home::new().with_env("SECRET", &variable);
        let cli = Cli::new(home);
        let script = "echo ready; read line; read end";
        let mut shell = cli.start(Path::new("/bin/sh"), &["-c", script, &argument]);
        shell.wait_line("ready", Duration::from_secs(20), |line| line == "ready");
        shell.send_line(&hidden);
        let check = |secret: &str| exposed(&[secret.to_owned()]);
        let found = |secret: &str, file: &str| {
            let place = format!("{file} of process {}", shell.pid());
            check(secret).iter().any(|line| line.contains(&place))
        };
        assert!(found(&argument, "cmdline"), "{:?}", check(&argument));
        assert!(found(&variable, "environ"), "{:?}", check(&variable));
        assert_eq!(check(&hidden), Vec::<String>::new());
    }

    #[test]
    fn the_tokens_of_a_home_are_found() {
        let home = Home::new();
        let folder = home.path().join("state/frontdesk");
        std::fs::create_dir_all(&folder).unwrap();
        let text = "access_token = \"fda_01\"\ntoken = \"fdc_2\"\nname = \"Ada fda\"\n";
        std::fs::write(folder.join("credentials.toml"), text).unwrap();
        assert_eq!(tokens_kept(home.path()), ["fda_01", "fdc_2"]);
    }
}
