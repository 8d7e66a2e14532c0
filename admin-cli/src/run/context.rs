//! Hubs by name, in the user's own config. No hub is asked.

use shared::client::{
    credentials::CredentialsFile,
    profile::{Config, Context, Places, ProfileError},
    url::{DEFAULT_HUB, HubUrl},
};

use crate::{
    args::access::{ContextSet, ContextVerb},
    confirm,
    failure::Failure,
    invocation::Invocation,
    print::{Names, identity::NamedContext},
    run::{each, listed, login::absolute, sole, unless_missing},
};

/// `context ..`.
pub(super) async fn run(app: &Invocation, verb: ContextVerb) -> Result<(), Failure> {
    let places = Places::find(&app.environment)?;
    match verb {
        ContextVerb::List => list(app, &places),
        ContextVerb::Use { name } => choose(app, &places, &name),
        ContextVerb::Show { name } => show(app, &places, name),
        ContextVerb::Set(args) => set(app, &places, args),
        ContextVerb::Rm { names } => rm(app, &places, &names).await,
    }
}

fn list(app: &Invocation, places: &Places) -> Result<(), Failure> {
    let config = Config::in_force(places)?;
    let items: Result<Vec<NamedContext>, Failure> = config
        .contexts
        .iter()
        .map(|(name, context)| described(places, &config, name, context))
        .collect();
    app.print.list(&items?, None, &Names::default())
}

fn show(app: &Invocation, places: &Places, name: Option<String>) -> Result<(), Failure> {
    let config = Config::in_force(places)?;
    let name = match name {
        Some(name) => Some(name),
        None => app.profile()?.context.clone(),
    };
    let Some(name) = name else {
        return Err(Failure::usage(
            "no context is in use",
            "log in, or choose one with: frontdesk-admin context use NAME",
        ));
    };
    print(app, places, &config, &name)
}

fn choose(app: &Invocation, places: &Places, name: &str) -> Result<(), Failure> {
    app.refuse_dry_run("context use")?;
    Config::in_force(places)?.context(name).map_err(unknown)?;
    Config::update(places, |config| {
        config.current_context = Some(name.to_owned());
    })?;
    print(app, places, &Config::in_force(places)?, name)
}

fn set(app: &Invocation, places: &Places, args: ContextSet) -> Result<(), Failure> {
    app.refuse_dry_run("context set")?;
    let parse = |text: &str| HubUrl::parse(text).map_err(ProfileError::from);
    let hub = app.global.hub.as_deref().map(parse).transpose()?;
    let default = parse(DEFAULT_HUB)?;
    let ca = absolute(app.global.ca.as_deref())?;
    let moved = Config::update(places, |config| {
        let context = config.contexts.entry(args.name.clone());
        let context = context.or_insert_with(|| Context::new(hub.clone().unwrap_or(default)));
        let moved = hub.filter(|hub| *hub != context.hub);
        let has_moved = moved.is_some();
        if let Some(hub) = moved {
            context.hub = hub;
        }
        if let Some(read_only) = args.read_only {
            context.read_only = read_only;
        }
        if let Some(word) = args.ask_for {
            context.confirm = Some(word).filter(|word| !word.is_empty());
        }
        if let Some(name) = args.department {
            context.department = Some(name).filter(|name| !name.is_empty());
        }
        if ca.is_some() {
            context.ca = ca;
        }
        has_moved
    })?;
    if moved {
        // The token of one hub must not be shown to another.
        login_of(places, &args.name).remove()?;
    }
    print(app, places, &Config::load(places)?, &args.name)
}

async fn rm(app: &Invocation, places: &Places, names: &[String]) -> Result<(), Failure> {
    app.refuse_dry_run("context rm")?;
    let question = format!("Forget context {} and its login?", listed(names));
    confirm::ask_here(app, &question, sole(names)).await?;
    let (_, outcome) = each(app, names, async |name| {
        let removed = Config::update(places, |config| {
            config.context(name).map(drop)?;
            if config.current_context.as_ref() == Some(name) {
                config.current_context = None;
            }
            Ok(config.contexts.remove(name))
        })?;
        if unless_missing(app, removed.map_err(unknown))?.is_some() {
            login_of(places, name).remove()?;
            app.print.note(&format!("forgot context {name:?}"));
        }
        Ok(Some(()))
    })
    .await;
    outcome
}

fn print(app: &Invocation, places: &Places, config: &Config, name: &str) -> Result<(), Failure> {
    let context = config.context(name).map_err(unknown)?;
    let item = described(places, config, name, context)?;
    app.print.item(&item, &Names::default())
}

fn described(
    places: &Places,
    config: &Config,
    name: &str,
    context: &Context,
) -> Result<NamedContext, Failure> {
    let login = match &context.credentials {
        Some(_) => None,
        None => login_of(places, name).load()?,
    };
    Ok(NamedContext {
        name: name.to_owned(),
        current: config.current_context.as_deref() == Some(name),
        hub: context.hub.to_string(),
        read_only: context.read_only,
        confirm: context.confirm.clone(),
        department: context.department.clone(),
        user: login.map(|login| login.user),
    })
}

fn login_of(places: &Places, name: &str) -> CredentialsFile {
    CredentialsFile::new(places.credentials(), name.to_owned())
}

/// A context that was named as the thing to work on, and is not there.
fn unknown(error: ProfileError) -> Failure {
    match error {
        ProfileError::UnknownContext { name, nearest } => {
            Failure::not_found("context", &name, nearest.as_deref())
        }
        error => error.into(),
    }
}
