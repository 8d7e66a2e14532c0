//! Where a model is, and which addresses may be one.

use std::net::{IpAddr, Ipv6Addr};

use hyper::Uri;
use shared::client::url::is_loopback;

use super::Key;

/// Which language the service speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Chat completions as OpenAI defined them.
    OpenAi,
    /// Google's `generateContent`.
    Gemini,
}

impl Kind {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Gemini => "gemini",
        }
    }
}

/// Where a model is; from the hub's own configuration only, never from the desk.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// What it speaks.
    pub kind: Kind,
    /// The address under which its calls are, with the version: `https://api.openai.com/v1`. A
    /// query stays with every call (`?api-version=`).
    pub base_url: String,
    /// Its name there.
    pub model: String,
    /// Its key; none for one that wants none.
    pub key: Option<Key>,
    /// Keys and texts may travel in clear text to another machine.
    pub allow_insecure: bool,
}

/// Why an endpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// Not an address. It is not quoted: people put keys into them.
    #[error("base_url is no address; write it like https://api.openai.com/v1")]
    Malformed,
    /// A key or a login in the address lands in logs.
    #[error("base_url holds a login or a key; remove it and name the key by key_env or key_file")]
    Secret,
    /// Keys and texts in the clear.
    #[error("base_url would send keys and texts in the clear; use https, or say allow_insecure")]
    Plain,
    /// Where clouds tell their machines secrets; no model is there.
    #[error("base_url is an address of the machine's own network card, where no model is")]
    LinkLocal,
    /// No name, or one that is no part of an address.
    #[error("model {0:?} is no name of a model; write it as the service does")]
    Model(String),
    /// Nobody is trusted.
    #[error("this system has no trusted certificates; install its ca-certificates")]
    NoRoots,
}

/// Longest name of a model, in bytes.
const MODEL_BYTES_MAX: usize = 200;

/// The address of an endpoint, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Base {
    /// Scheme, host and path, without a slash at the end.
    stem: String,
    query: Option<String>,
}

impl Base {
    pub(super) fn of(endpoint: &Endpoint) -> Result<Self, EndpointError> {
        let uri: Uri = endpoint
            .base_url
            .trim()
            .parse()
            .map_err(|_| EndpointError::Malformed)?;
        let (Some(scheme @ ("https" | "http")), Some(authority)) =
            (uri.scheme_str(), uri.authority())
        else {
            return Err(EndpointError::Malformed);
        };
        let query = uri.query().filter(|query| !query.is_empty());
        let has_key = |query: &str| {
            let mut names = query.split('&').filter_map(|pair| pair.split('=').next());
            names.any(|name| name.to_ascii_lowercase().contains("key"))
        };
        if authority.as_str().contains('@') || query.is_some_and(has_key) {
            return Err(EndpointError::Secret);
        }
        let port = &authority.as_str()[authority.host().len()..];
        let port_is_one = port.is_empty() || authority.port_u16().is_some_and(|port| port != 0);
        if authority.host().is_empty() || !port_is_one {
            return Err(EndpointError::Malformed);
        }
        let host = authority
            .host()
            .trim_matches(['[', ']'])
            .to_ascii_lowercase();
        if scheme == "http" && !endpoint.allow_insecure && !is_loopback(&host) {
            return Err(EndpointError::Plain);
        }
        if is_link_local(&host) {
            return Err(EndpointError::LinkLocal);
        }
        check_model(&endpoint.model)?;
        Ok(Self {
            stem: format!("{scheme}://{authority}{}", uri.path().trim_end_matches('/')),
            query: query.map(ToOwned::to_owned),
        })
    }

    /// The address of a call below it.
    pub(super) fn join(&self, path: &str, query: Option<&str>) -> Result<Uri, EndpointError> {
        let mut text = format!("{}/{path}", self.stem);
        let mut mark = '?';
        for part in [self.query.as_deref(), query].into_iter().flatten() {
            text.push(mark);
            text.push_str(part);
            mark = '&';
        }
        text.parse().map_err(|_| EndpointError::Malformed)
    }

    /// Whether this is a deployment at Azure, which wants its key in a header of its own.
    pub(super) fn is_azure(&self) -> bool {
        let query = self.query.as_deref().unwrap_or_default();
        query
            .split('&')
            .any(|pair| pair.starts_with("api-version="))
    }
}

/// Whether a host is link-local, or one of the places where clouds keep what their machines may
/// know.
fn is_link_local(host: &str) -> bool {
    const METADATA_NAMES: [&str; 2] = ["metadata.google.internal", "metadata"];
    match host.parse() {
        Ok(ip) => is_link_local_ip(ip),
        Err(_) => METADATA_NAMES.contains(&host.trim_end_matches('.')),
    }
}

fn is_link_local_ip(ip: IpAddr) -> bool {
    const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_unspecified() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_unicast_link_local() || ip.is_unspecified() || ip == METADATA_V6,
    }
}

/// Whether a model may be at `ip`, which is what the system made of the name `host`. A name of this
/// machine leads to nobody else, since its calls may be in the clear; a private network is fine for
/// any other name, since models run there.
pub(super) fn may_lead_to(host: &str, ip: IpAddr) -> bool {
    !is_link_local_ip(ip) && (!is_loopback(host) || ip.to_canonical().is_loopback())
}

/// The name becomes a part of Gemini's addresses.
fn check_model(model: &str) -> Result<(), EndpointError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/:@".contains(&byte);
    if model.is_empty()
        || model.len() > MODEL_BYTES_MAX
        || !model.bytes().all(fits)
        || model.split('/').any(|part| matches!(part, "" | "." | ".."))
    {
        return Err(EndpointError::Model(model.chars().take(40).collect()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Base, Endpoint, Kind, may_lead_to};

    fn endpoint(base_url: &str) -> Endpoint {
        Endpoint {
            kind: Kind::OpenAi,
            base_url: base_url.into(),
            model: "m".into(),
            key: None,
            allow_insecure: false,
        }
    }

    fn refused(base_url: &str) -> String {
        Base::of(&endpoint(base_url)).unwrap_err().to_string()
    }

    #[test]
    fn calls_are_below_the_base_and_keep_its_query() {
        let join = |base_url: &str, query| {
            let base = Base::of(&endpoint(base_url)).unwrap();
            base.join("chat/completions", query).unwrap().to_string()
        };
        assert_eq!(
            join("https://api.example.org/v1/", None),
            "https://api.example.org/v1/chat/completions"
        );
        assert_eq!(
            join("http://[::1]:8080", Some("alt=sse")),
            "http://[::1]:8080/chat/completions?alt=sse"
        );
        let azure = "https://x.example.org/openai/deployments/d?api-version=2024-10-21";
        assert_eq!(
            join(azure, None),
            "https://x.example.org/openai/deployments/d/chat/completions?api-version=2024-10-21"
        );
        assert!(Base::of(&endpoint(azure)).unwrap().is_azure());
        assert!(
            !Base::of(&endpoint("https://x.example.org"))
                .unwrap()
                .is_azure()
        );
    }

    #[test]
    fn plain_http_stays_on_this_machine_unless_it_is_said() {
        for near in [
            "http://127.0.0.1:1/v1",
            "http://localhost/v1",
            "http://[::1]/v1",
        ] {
            assert!(Base::of(&endpoint(near)).is_ok(), "{near}");
        }
        for far in [
            "http://10.0.0.1/v1",
            "http://localhost.example.org/v1",
            "http://127.0.0.1.example.org",
        ] {
            assert!(refused(far).contains("in the clear"), "{far}");
            let said = Endpoint {
                allow_insecure: true,
                ..endpoint(far)
            };
            assert!(Base::of(&said).is_ok());
        }
    }

    /// S32: where a cloud tells its machines their keys is no place of a model, with whatever
    /// setting.
    #[test]
    fn the_metadata_of_a_cloud_is_no_model() {
        for place in [
            "http://169.254.169.254/latest/meta-data",
            "https://169.254.169.254/v1",
            "http://[::ffff:169.254.169.254]/v1",
            "http://[fe80::1]/v1",
            "http://[fd00:ec2::254]/v1",
            "http://metadata.google.internal/v1",
            "http://METADATA.google.internal./v1",
            "http://0.0.0.0:8080/v1",
            "http://[::]/v1",
        ] {
            let said = Endpoint {
                allow_insecure: true,
                ..endpoint(place)
            };
            let error = Base::of(&said).unwrap_err().to_string();
            assert!(error.contains("no model"), "{place}: {error}");
        }
    }

    /// S32: what a name leads to is judged when it is known: a name that was fine and is made to lead
    /// to the metadata of a cloud, or the name of this machine to another one, leads nowhere.
    #[test]
    fn a_name_leads_to_no_place_that_is_refused_as_an_address() {
        for (host, ip, may) in [
            ("models.example.org", "203.0.113.7", true),
            ("models.lan", "192.168.1.7", true),
            ("models.example.org", "169.254.169.254", false),
            ("models.example.org", "::ffff:169.254.169.254", false),
            ("models.example.org", "fd00:ec2::254", false),
            ("models.example.org", "fe80::1", false),
            ("models.example.org", "0.0.0.0", false),
            ("localhost", "127.0.0.1", true),
            ("localhost", "::1", true),
            ("localhost", "192.168.1.7", false),
            ("localhost", "203.0.113.7", false),
        ] {
            assert_eq!(
                may_lead_to(host, ip.parse().unwrap()),
                may,
                "{host} at {ip}"
            );
        }
    }

    #[test]
    fn an_address_with_a_secret_is_refused_and_not_shown() {
        for secret in [
            "https://user:sk-secret@api.example.org/v1",
            "https://api.example.org/v1?key=sk-secret",
            "https://api.example.org/v1?api_KEY=sk-secret",
            "not an address sk-secret",
            "ftp://sk-secret/",
            "https://sk-secret:99999/v1",
            "https://sk-secret:0/v1",
            "/v1?sk-secret",
        ] {
            assert!(!refused(secret).contains("sk-secret"), "{secret}");
        }
    }

    #[test]
    fn a_model_is_a_name_and_no_way_out_of_the_path() {
        let check = |model: &str| {
            let named = Endpoint {
                model: model.into(),
                ..endpoint("https://api.example.org")
            };
            Base::of(&named).is_ok()
        };
        for fine in ["gpt-5.4-mini", "llama3.2:3b", "org/model@v1"] {
            assert!(check(fine), "{fine}");
        }
        for wrong in [
            "", "a b", "../x", "a/../b", "a//b", "m?key=x", "m#x", "m%2f", "/m",
        ] {
            assert!(!check(wrong), "{wrong}");
        }
    }
}
