//! The settings of the desk.

use shared::{client::http::Method, command::SettingsChange, model::Settings, text::SafeText};

use crate::{
    args::settings::SettingsVerb, failure::Failure, invocation::Invocation, print::Names,
    run::canned::body,
};

const PATH: &str = "/api/settings";

/// `settings ..`.
pub(super) async fn run(app: &Invocation, verb: SettingsVerb) -> Result<(), Failure> {
    match verb {
        SettingsVerb::Get => {
            let settings: Settings = app.get(PATH).await?;
            app.print.item(&settings, &Names::default())
        }
        SettingsVerb::Set { name, notice } => set(app, name.as_deref(), notice.as_deref()).await,
    }
}

async fn set(app: &Invocation, name: Option<&str>, notice: Option<&str>) -> Result<(), Failure> {
    let change = SettingsChange {
        name: name.map(SafeText::line),
        notice: notice.map(body).transpose()?,
    };
    if change == SettingsChange::default() {
        return Err(Failure::usage(
            "nothing to change was given",
            "see: frontdesk-admin settings set --help",
        ));
    }
    let changed = app.change(Method::Put, PATH, Some(&change)).await?;
    changed.map_or(Ok(()), |settings: Settings| {
        app.print.item(&settings, &Names::default())
    })
}
