//! What the hub is told of its assistant: where its knowledge base is, and where a model is.
//!
//! The key of a model is only named here, by an environment variable or a file, and read when
//! the hub starts. There is no flag for it, because arguments are everybody's to see.

use std::{ffi::OsString, path::PathBuf};

use serde::Deserialize;

/// Where a model's key is looked for when nobody says otherwise.
const KEY_ENV_DEFAULT: &str = "FRONTDESK_AI_KEY";

const PROVIDER_ENV: &str = "FRONTDESK_AI_PROVIDER";
const BASE_URL_ENV: &str = "FRONTDESK_AI_BASE_URL";
const MODEL_ENV: &str = "FRONTDESK_AI_MODEL";
const KEY_FILE_ENV: &str = "FRONTDESK_AI_KEY_FILE";

/// The assistant's part of the settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssistantConfig {
    /// Folder of the knowledge base.
    pub kb: Option<PathBuf>,
    /// Where a model is; without one nothing leaves the process.
    pub endpoint: Option<EndpointConfig>,
}

/// Which language a model's service speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderKind {
    /// OpenAI's chat completions, as many services and local programs speak them.
    OpenAi,
    /// Google's Gemini.
    Gemini,
}

impl ProviderKind {
    fn parse(word: &str) -> Result<Self, AssistantConfigError> {
        match word {
            "openai" => Ok(Self::OpenAi),
            "gemini" => Ok(Self::Gemini),
            _ => Err(AssistantConfigError::UnknownProvider(
                word.chars().take(40).collect(),
            )),
        }
    }

    /// The word for it in settings.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Gemini => "gemini",
        }
    }

    /// The service of the maker.
    const fn base_url(self) -> &'static str {
        match self {
            Self::OpenAi => "https://api.openai.com/v1",
            Self::Gemini => "https://generativelanguage.googleapis.com/v1beta",
        }
    }
}

/// Where a model is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointConfig {
    /// What it speaks.
    pub kind: ProviderKind,
    /// The address under which its calls are.
    pub base_url: String,
    /// Its name there.
    pub model: String,
    /// Where its key is; none for one that wants none.
    pub key: Option<KeySource>,
    /// Keys and texts may travel in clear text to another machine.
    pub allow_insecure: bool,
}

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// In the environment variable of this name, which is set.
    Env(String),
    /// In this file, which only its owner may read.
    File(PathBuf),
}

/// Why the assistant's part of the settings cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssistantConfigError {
    /// No such language.
    #[error("provider {0:?} is none of openai, gemini; name one of them")]
    UnknownProvider(String),
    /// Settings of a model without the provider they belong to.
    #[error("{0} is set, but there is no provider; say provider = \"openai\" or \"gemini\"")]
    NoProvider(&'static str),
    /// A provider has many models.
    #[error("provider {0} has no model; say model = \"..\" or set FRONTDESK_AI_MODEL")]
    NoModel(&'static str),
    /// The service of the maker wants a key.
    #[error("provider {0} has no key; set FRONTDESK_AI_KEY or name a key_file")]
    NoKey(&'static str),
    /// The variable that the file names is not there.
    #[error("key_env names {0}, which is not set; set it or name a key_file")]
    EnvUnset(String),
    /// A variable holds something else than text.
    #[error("{0} is no text in UTF-8; set it anew")]
    NotText(String),
}

/// `[assistant]` in the file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AssistantFile {
    kb: Option<PathBuf>,
    provider: Option<String>,
    base_url: Option<String>,
    model: Option<String>,
    key_env: Option<String>,
    key_file: Option<PathBuf>,
    allow_insecure: bool,
}

/// Puts flag, environment and file together; `env` looks up a variable.
pub(super) fn load(
    kb: Option<PathBuf>,
    file: AssistantFile,
    env: &dyn Fn(&str) -> Option<OsString>,
) -> Result<AssistantConfig, AssistantConfigError> {
    let kb = kb.or_else(|| file.kb.clone());
    let endpoint = endpoint(file, env)?;
    Ok(AssistantConfig { kb, endpoint })
}

fn endpoint(
    file: AssistantFile,
    env: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Option<EndpointConfig>, AssistantConfigError> {
    // An empty variable is how scripts and unit files unset one.
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    let text = |name: &str| match set(name).map(OsString::into_string) {
        None => Ok(None),
        Some(Ok(text)) => Ok(Some(text)),
        Some(Err(_)) => Err(AssistantConfigError::NotText(name.to_owned())),
    };
    let provider = text(PROVIDER_ENV)?.or(file.provider);
    let base_url = text(BASE_URL_ENV)?.or(file.base_url);
    let model = text(MODEL_ENV)?.or(file.model);
    let key_file = set(KEY_FILE_ENV).map(PathBuf::from).or(file.key_file);
    let Some(provider) = provider else {
        // A key alone may lie in an environment for other programs.
        return match (base_url, model) {
            (Some(_), _) => Err(AssistantConfigError::NoProvider("base_url")),
            (_, Some(_)) => Err(AssistantConfigError::NoProvider("model")),
            (None, None) => Ok(None),
        };
    };
    let kind = ProviderKind::parse(&provider)?;
    let model = model.ok_or(AssistantConfigError::NoModel(kind.word()))?;
    let name = file.key_env.as_deref().unwrap_or(KEY_ENV_DEFAULT);
    let key = match (set(name), key_file) {
        (Some(_), _) => Some(KeySource::Env(name.to_owned())),
        (None, Some(path)) => Some(KeySource::File(path)),
        (None, None) if file.key_env.is_some() => {
            return Err(AssistantConfigError::EnvUnset(name.to_owned()));
        }
        (None, None) if base_url.is_none() => {
            return Err(AssistantConfigError::NoKey(kind.word()));
        }
        (None, None) => None,
    };
    Ok(Some(EndpointConfig {
        kind,
        base_url: base_url.unwrap_or_else(|| kind.base_url().to_owned()),
        model,
        key,
        allow_insecure: file.allow_insecure,
    }))
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsString, path::PathBuf};

    use super::{
        AssistantConfig, AssistantConfigError, AssistantFile, EndpointConfig, KeySource,
        ProviderKind, load,
    };

    fn check(toml: &str, env: &[(&str, &str)]) -> Result<AssistantConfig, AssistantConfigError> {
        let file: AssistantFile = toml::from_str(toml).unwrap();
        load(None, file, &|name| {
            let found = env.iter().find(|(each, _)| *each == name);
            found.map(|(_, value)| OsString::from(*value))
        })
    }

    fn endpoint(toml: &str, env: &[(&str, &str)]) -> EndpointConfig {
        check(toml, env).unwrap().endpoint.unwrap()
    }

    #[test]
    fn nothing_said_is_no_model_even_beside_a_key() {
        let nothing = AssistantConfig::default();
        assert_eq!(check("", &[]), Ok(nothing.clone()));
        assert_eq!(check("", &[("FRONTDESK_AI_KEY", "k")]), Ok(nothing));
    }

    #[test]
    fn a_provider_needs_a_model_and_at_its_maker_a_key() {
        let found = endpoint(
            "provider = \"gemini\"\nmodel = \"m\"",
            &[("FRONTDESK_AI_KEY", "k")],
        );
        assert_eq!(found.kind, ProviderKind::Gemini);
        assert_eq!(
            found.base_url,
            "https://generativelanguage.googleapis.com/v1beta"
        );
        assert_eq!(found.key, Some(KeySource::Env("FRONTDESK_AI_KEY".into())));
        for (toml, error) in [
            (
                "provider = \"openai\"",
                AssistantConfigError::NoModel("openai"),
            ),
            (
                "provider = \"openai\"\nmodel = \"m\"",
                AssistantConfigError::NoKey("openai"),
            ),
            (
                "provider = \"other\"\nmodel = \"m\"",
                AssistantConfigError::UnknownProvider("other".into()),
            ),
            ("model = \"m\"", AssistantConfigError::NoProvider("model")),
            (
                "base_url = \"u\"",
                AssistantConfigError::NoProvider("base_url"),
            ),
            (
                "provider = \"openai\"\nmodel = \"m\"\nkey_env = \"MINE\"",
                AssistantConfigError::EnvUnset("MINE".into()),
            ),
        ] {
            assert_eq!(check(toml, &[]), Err(error), "{toml}");
        }
    }

    #[test]
    fn a_service_elsewhere_may_want_no_key() {
        let local =
            "provider = \"openai\"\nmodel = \"m\"\nbase_url = \"http://127.0.0.1:11434/v1\"";
        assert_eq!(endpoint(local, &[]).key, None);
    }

    #[test]
    fn the_environment_beats_the_file_and_an_empty_variable_is_none() {
        let file = "provider = \"openai\"\nmodel = \"m\"\nkey_file = \"key\"\nkb = \"docs\"";
        assert_eq!(
            endpoint(file, &[("FRONTDESK_AI_KEY", "")]).key,
            Some(KeySource::File(PathBuf::from("key")))
        );
        let found = endpoint(
            file,
            &[
                ("FRONTDESK_AI_PROVIDER", "gemini"),
                ("FRONTDESK_AI_MODEL", "other"),
                ("FRONTDESK_AI_BASE_URL", "https://models.example.org"),
                ("FRONTDESK_AI_KEY_FILE", "elsewhere"),
            ],
        );
        assert_eq!(found.kind, ProviderKind::Gemini);
        assert_eq!(found.model, "other");
        assert_eq!(found.base_url, "https://models.example.org");
        assert_eq!(found.key, Some(KeySource::File("elsewhere".into())));
        assert_eq!(check(file, &[]).unwrap().kb, Some("docs".into()));
    }

    #[test]
    fn no_error_shows_what_a_variable_holds() {
        let odd = |name: &str| {
            use std::os::unix::ffi::OsStringExt as _;
            (name == "FRONTDESK_AI_MODEL").then(|| OsString::from_vec(b"secret\xff".to_vec()))
        };
        let error = load(None, AssistantFile::default(), &odd).unwrap_err();
        assert_eq!(
            error.to_string(),
            "FRONTDESK_AI_MODEL is no text in UTF-8; set it anew"
        );
    }
}
