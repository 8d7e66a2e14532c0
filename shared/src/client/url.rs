//! Where a hub is. Plain `http` is a loopback matter; everything else is `https`.

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The hub of a fresh installation on this machine.
pub const DEFAULT_HUB: &str = "http://127.0.0.1:8470";

/// The address of a hub: scheme, host and port, no path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HubUrl {
    secure: bool,
    host: Box<str>,
    port: u16,
}

/// Why an address was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not `https://HOST[:PORT]` or `http://LOOPBACK[:PORT]`.
    #[error("{0:?} is not the address of a hub; write it like https://desk.example.org")]
    Malformed(String),
    /// Plain `http` would show the token to the network.
    #[error("{0:?} would send secrets in the clear; use https, or http on this machine only")]
    Plain(String),
}

impl HubUrl {
    /// Takes an address.
    ///
    /// # Errors
    /// [`UrlError::Malformed`] for anything but a scheme, a host and a port;
    /// [`UrlError::Plain`] for `http` to a host that is not `localhost` or a loopback address.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let malformed = || UrlError::Malformed(text.chars().take(80).collect());
        let uri: hyper::Uri = text.trim().parse().map_err(|_| malformed())?;
        let authority = uri.authority().ok_or_else(malformed)?;
        if authority.as_str().contains('@') || uri.path() != "/" || uri.query().is_some() {
            return Err(malformed());
        }
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(malformed()),
        };
        let host = authority
            .host()
            .trim_matches(['[', ']'])
            .to_ascii_lowercase();
        // The library takes a port that is too large for no port at all.
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") if secure => 443,
            Some("") => 80,
            rest => {
                let port = rest.and_then(|rest| rest.strip_prefix(':'));
                port.and_then(|port| port.parse().ok())
                    .ok_or_else(malformed)?
            }
        };
        if host.is_empty() || port == 0 {
            return Err(malformed());
        }
        if !secure && !is_loopback(&host) {
            return Err(UrlError::Plain(text.chars().take(80).collect()));
        }
        Ok(Self {
            secure,
            host: host.into(),
            port,
        })
    }

    /// Whether TLS is spoken.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host, without brackets for IPv6.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Host and port as a `Host` header has them.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.to_string()
        };
        match (self.secure, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

impl fmt::Display for HubUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

impl FromStr for HubUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::parse(text)
    }
}

impl Serialize for HubUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HubUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Whether a host, in lower case and without brackets, is this machine.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::{HubUrl, UrlError};

    #[test]
    fn addresses_are_written_as_they_are_read() {
        for text in [
            "https://desk.example.org",
            "https://desk.example.org:8443",
            "http://127.0.0.1:8470",
            "http://localhost:8470",
            "http://[::1]:8470",
            "https://[2001:db8::1]",
        ] {
            let url = HubUrl::parse(text).expect("a good address");
            assert_eq!(url.to_string(), text);
            assert_eq!(HubUrl::parse(&url.to_string()), Ok(url));
        }
        let slash = HubUrl::parse("HTTPS://Desk.Example.org:443/").expect("a good address");
        assert_eq!(slash.to_string(), "https://desk.example.org");
    }

    /// S20: a client speaks plain HTTP and ws:// with this machine alone.
    #[test]
    fn plain_http_stays_on_this_machine() {
        for text in [
            "http://desk.example.org",
            "http://192.168.1.4:8470",
            "http://localhost.example.org",
            "http://127.0.0.1.example.org",
            "http://[2001:db8::1]:8470",
        ] {
            assert!(
                matches!(HubUrl::parse(text), Err(UrlError::Plain(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn other_things_are_refused() {
        for text in [
            "",
            "desk.example.org",
            "127.0.0.1:8470",
            "ws://localhost",
            "https://user:pw@desk.example.org",
            "https://desk.example.org/path",
            "https://desk.example.org?token=x",
            "https://desk.example.org:99999",
            "https://desk.example.org:0",
        ] {
            assert!(
                matches!(HubUrl::parse(text), Err(UrlError::Malformed(_))),
                "{text}"
            );
        }
    }
}
