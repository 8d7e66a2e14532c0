//! From what the hub is told of a model to the client that asks it.

use shared::text::SafeText;

use super::provider::{Endpoint, EndpointError, Key, KeyError, Kind, Provider};
use crate::config::{EndpointConfig, KeySource, ProviderKind};

/// Why a configured model cannot be asked. Nothing of a key is in it.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Its key cannot be had.
    #[error("the key of the language model: {0}")]
    Key(#[from] KeyError),
    /// Its address or name is none.
    #[error("the language model: {0}")]
    Endpoint(#[from] EndpointError),
    /// The system gives no randomness.
    #[error("the system gives no random bytes: {0}")]
    Randomness(getrandom::Error),
}

/// The client of a configured model, with its key. Connects to nothing yet.
pub(super) fn provider(config: &EndpointConfig) -> Result<Provider, ModelError> {
    let key = match &config.key {
        None => None,
        Some(KeySource::Env(name)) => Some(Key::from_env(name)?),
        Some(KeySource::File(path)) => Some(Key::from_file(path)?),
    };
    let endpoint = Endpoint {
        kind: match config.kind {
            ProviderKind::OpenAi => Kind::OpenAi,
            ProviderKind::Gemini => Kind::Gemini,
        },
        base_url: config.base_url.clone(),
        model: config.model.clone(),
        key,
        allow_insecure: config.allow_insecure,
    };
    Ok(Provider::new(endpoint)?)
}

/// The host of a model's address, which is all of it that is shown.
pub(super) fn host(config: &EndpointConfig) -> SafeText {
    let uri: Option<hyper::Uri> = config.base_url.trim().parse().ok();
    let host = uri.as_ref().and_then(|uri| uri.host()).unwrap_or_default();
    SafeText::line(host)
}
