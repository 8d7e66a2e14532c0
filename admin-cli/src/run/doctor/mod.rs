//! `doctor`: what is wrong, and what to do about it, in a form that can be pasted to others.
//!
//! Each finding comes from looking, never from assuming; what could not be looked at says so. No
//! secret is read for it, and the home folder is written as `~`.

mod files;
mod hub;
mod terminal;

use serde::Serialize;
use shared::client::profile::Profile;

use crate::{
    args::Format,
    failure::Failure,
    invocation::Invocation,
    print::{Column, Item, Names, items::main, one_line},
};

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// As it should be.
    Ok,
    /// It works, but not as well as it could; or it could not be looked at.
    Warn,
    /// It does not work.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Finding {
    /// What was looked at, in one word.
    pub(crate) check: &'static str,
    /// How it is.
    pub(crate) state: State,
    /// What was seen.
    pub(crate) detail: String,
    /// What to do about it.
    pub(crate) fix: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self {
            check,
            state: State::Ok,
            detail: detail.into(),
            fix: None,
        }
    }

    fn warn(check: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            state: State::Warn,
            fix: Some(fix.into()),
            ..Self::ok(check, detail)
        }
    }

    fn fail(check: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            state: State::Fail,
            ..Self::warn(check, detail, fix)
        }
    }

    /// The same without the folder that tells who the person is.
    fn without_home(mut self, home: Option<&str>) -> Self {
        if let Some(home) = home.filter(|home| home.len() > 1) {
            self.detail = self.detail.replace(home, "~");
            self.fix = self.fix.map(|fix| fix.replace(home, "~"));
        }
        self
    }

    const fn word(&self) -> &'static str {
        match self.state {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Fail => "fail",
        }
    }
}

impl Item for Finding {
    const COLUMNS: &'static [Column] = &[main("state"), main("check"), main("detail"), main("fix")];

    fn cells(&self, _: &Names) -> Vec<String> {
        vec![
            self.word().to_owned(),
            self.check.to_owned(),
            self.detail.clone(),
            self.fix.clone().unwrap_or_default(),
        ]
    }

    fn handle(&self) -> String {
        self.check.to_owned()
    }
}

/// `doctor`.
pub(super) async fn doctor(app: &Invocation) -> Result<(), Failure> {
    let mut findings = vec![Finding::ok(
        "program",
        format!("frontdesk-admin {}", env!("CARGO_PKG_VERSION")),
    )];
    findings.extend(files::look(app));
    let profile = Profile::resolve(&app.flags(), &app.environment);
    findings.extend(match &profile {
        Ok(profile) => hub::look(profile).await,
        Err(error) => vec![Finding::fail(
            "profile",
            error.to_string(),
            "nothing about the hub can be checked before this is put right",
        )],
    });
    findings.extend(terminal::look(|name| std::env::var(name).ok()));
    let home = std::env::var("HOME").ok();
    let findings: Vec<Finding> = findings
        .into_iter()
        .map(|finding| finding.without_home(home.as_deref()))
        .collect();
    print(app, &findings)?;
    if findings.iter().any(|finding| finding.state == State::Fail) {
        return Err(Failure::Reported { exit_code: 1 });
    }
    Ok(())
}

fn print(app: &Invocation, findings: &[Finding]) -> Result<(), Failure> {
    let as_text = match app.global.output {
        None => app.print.out_is_terminal(),
        Some(format) => matches!(format, Format::Table | Format::Wide),
    };
    if !as_text {
        return app.print.list(findings, None, &Names::default());
    }
    let mut text = String::new();
    for finding in findings {
        let (word, check) = (finding.word(), finding.check);
        text.push_str(&format!(
            "{word:<5} {check:<12} {}\n",
            one_line(&finding.detail)
        ));
        if let Some(fix) = &finding.fix {
            text.push_str(&format!("{:<5} {:<12} -> {}\n", "", "", one_line(fix)));
        }
    }
    app.print.text(&text)
}

#[cfg(test)]
mod tests {
    use super::Finding;

    #[test]
    fn the_home_of_the_person_is_not_told() {
        let finding = Finding::fail("files", "/home/olga/x is wide", "chmod 600 /home/olga/x");
        let shown = finding.clone().without_home(Some("/home/olga"));
        assert_eq!(shown.detail, "~/x is wide");
        assert_eq!(shown.fix.as_deref(), Some("chmod 600 ~/x"));
        assert_eq!(finding.clone().without_home(Some("/")), finding);
    }
}
