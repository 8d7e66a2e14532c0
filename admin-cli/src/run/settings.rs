//! The settings of the desk.

use shared::{
    api::RetentionDue, client::http::Method, command::SettingsChange, model::Settings,
    text::SafeText,
};

use crate::{
    args::settings::SettingsVerb,
    failure::Failure,
    invocation::{Invocation, Target},
    print::Names,
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
        SettingsVerb::Set {
            name,
            notice,
            retention_days,
        } => set(app, name.as_deref(), notice.as_deref(), retention_days).await,
        SettingsVerb::Retention { days } => {
            let target = Target::new("/api/retention").with_some("days", days);
            let due: RetentionDue = app.get(target).await?;
            app.print.item(&due, &Names::default())
        }
    }
}

async fn set(
    app: &Invocation,
    name: Option<&str>,
    notice: Option<&str>,
    retention_days: Option<u32>,
) -> Result<(), Failure> {
    let change = SettingsChange {
        name: name.map(SafeText::line),
        notice: notice.map(body).transpose()?,
        retention_days,
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
