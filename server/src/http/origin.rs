//! Where a request comes from: the other end of its connection, or whom a trusted proxy names.
//!
//! Only proxies that the settings trust may speak for others. Their lists of addresses are read
//! from the right, past every trusted proxy, to the first address that is not one: what stands
//! left of it anybody may have written.

use std::net::IpAddr;

use warp::http::{HeaderMap, HeaderName, header};

use crate::config::Network;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Headers that proxies leave; a request that has one comes from elsewhere.
const LEFT_BY_PROXIES: [HeaderName; 6] = [
    header::FORWARDED,
    X_FORWARDED_FOR,
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-real-ip"),
    header::VIA,
];

/// Whose request peers may say it is, and whether loopback is spared.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    /// Who may name a client.
    pub(crate) proxies: Vec<Network>,
    /// Whether clients on this machine are not counted by address.
    pub(crate) exempt_loopback: bool,
}

/// Where a call comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The client's address.
    pub(crate) ip: IpAddr,
    /// It is a process of this machine, and no proxy speaks for someone else.
    pub(crate) local: bool,
    /// A trusted proxy passed it on, and named this client.
    pub(crate) named: bool,
    /// Whether the address is spared every count.
    exempt: bool,
}

impl Origin {
    /// Of a request from `peer` with these headers.
    pub(crate) fn of(peer: IpAddr, headers: &HeaderMap, trust: &Trust) -> Self {
        let peer = peer.to_canonical();
        let passed_on = LEFT_BY_PROXIES
            .iter()
            .any(|name| headers.contains_key(name));
        let trusted = trust.is_proxy(peer);
        let named = match trusted && passed_on {
            true => client(headers, trust),
            false => None,
        };
        let ip = named.unwrap_or(peer);
        // SSH users, and proxies nobody trusts to name their clients, are on loopback. One that is
        // trusted and names nobody is no way past the limits.
        let exempt = trust.exempt_loopback && ip.is_loopback() && !(trusted && passed_on);
        Self {
            ip,
            local: peer.is_loopback() && !passed_on,
            named: named.is_some(),
            exempt,
        }
    }

    /// The address whose tries are counted.
    pub(crate) fn counted_ip(self) -> Option<IpAddr> {
        (!self.exempt).then_some(self.ip)
    }
}

impl Trust {
    fn is_proxy(&self, ip: IpAddr) -> bool {
        self.proxies.iter().any(|proxy| proxy.contains(ip))
    }
}

/// Whom the proxies name. Nobody, where the two headers that may say so differ: one of them was
/// passed through unread.
fn client(headers: &HeaderMap, trust: &Trust) -> Option<IpAddr> {
    let x_forwarded = headers.contains_key(&X_FORWARDED_FOR).then(|| {
        nearest(
            values(headers, &X_FORWARDED_FOR).flat_map(|line| line.rsplit(',')),
            trust,
        )
    });
    let forwarded = headers.contains_key(header::FORWARDED).then(|| {
        let hops = values(headers, &header::FORWARDED).flat_map(|line| line.rsplit(','));
        nearest(hops.map(|hop| for_of(hop).unwrap_or_default()), trust)
    });
    match (x_forwarded, forwarded) {
        (Some(one), Some(other)) if one != other => None,
        (Some(named), _) | (None, Some(named)) => named,
        (None, None) => None,
    }
}

/// The lines of a header, the last one first.
fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).iter().rev();
    // What is no text names nobody, and ends the walk as such.
    lines.map(|value| value.to_str().unwrap_or_default())
}

/// The first address from the right that is no trusted proxy; the last one if all are.
fn nearest<'a>(hops: impl Iterator<Item = &'a str>, trust: &Trust) -> Option<IpAddr> {
    let mut last = None;
    for hop in hops {
        let ip = address(hop)?;
        if !trust.is_proxy(ip) {
            return Some(ip);
        }
        last = Some(ip);
    }
    last
}

/// The `for` of one hop of `Forwarded` (RFC 7239).
fn for_of(hop: &str) -> Option<&str> {
    hop.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let is_for = name.trim().eq_ignore_ascii_case("for");
        is_for.then(|| value.trim().trim_matches('"'))
    })
}

/// An address with or without a port: `192.0.2.1:80`, `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => match text.split_once(':') {
            Some((address, port)) if !port.contains(':') => address,
            _ => text,
        },
    };
    bare.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use warp::http::HeaderMap;

    use super::{Origin, Trust};

    fn origin(peer: &str, lines: &[(&'static str, &str)], proxies: &[&str]) -> Origin {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        let proxies = proxies.iter().map(|proxy| proxy.parse().unwrap());
        let trust = Trust {
            proxies: proxies.collect(),
            exempt_loopback: true,
        };
        Origin::of(peer.parse().unwrap(), &headers, &trust)
    }

    /// S23: a forged X-Forwarded-For or Forwarded changes nothing unless a trusted proxy says it,
    /// and of what that says only the rightmost address nobody trusts counts.
    #[test]
    fn only_a_trusted_proxy_may_name_a_client() {
        const XFF: &str = "x-forwarded-for";
        const FWD: &str = "forwarded";
        let lan = &["10.0.0.0/8", "127.0.0.1"][..];
        type Case<'a> = (
            &'a str,
            &'a [(&'static str, &'a str)],
            &'a [&'a str],
            &'a str,
        );
        let cases: &[Case<'_>] = &[
            ("192.0.2.1", &[], &[], "192.0.2.1"),
            ("192.0.2.1", &[(XFF, "127.0.0.1")], &[], "192.0.2.1"),
            ("192.0.2.1", &[(XFF, "198.51.100.1")], lan, "192.0.2.1"),
            ("192.0.2.1", &[(FWD, "for=198.51.100.1")], lan, "192.0.2.1"),
            ("127.0.0.1", &[(XFF, "198.51.100.1")], lan, "198.51.100.1"),
            (
                "::ffff:10.0.0.1",
                &[(XFF, "198.51.100.1")],
                lan,
                "198.51.100.1",
            ),
            // The client wrote the left part, the proxies the right.
            (
                "10.0.0.1",
                &[(XFF, "1.1.1.1, 198.51.100.1")],
                lan,
                "198.51.100.1",
            ),
            (
                "10.0.0.1",
                &[(XFF, "1.1.1.1, 198.51.100.1, 10.0.0.2")],
                lan,
                "198.51.100.1",
            ),
            (
                "10.0.0.1",
                &[(XFF, "1.1.1.1"), (XFF, "198.51.100.1")],
                lan,
                "198.51.100.1",
            ),
            ("10.0.0.1", &[(XFF, "10.0.0.9, 10.0.0.2")], lan, "10.0.0.9"),
            (
                "10.0.0.1",
                &[(XFF, "198.51.100.1:4711")],
                lan,
                "198.51.100.1",
            ),
            (
                "10.0.0.1",
                &[(XFF, "[2001:db8::7]:443")],
                lan,
                "2001:db8::7",
            ),
            ("10.0.0.1", &[(XFF, "2001:db8::7")], lan, "2001:db8::7"),
            (
                "10.0.0.1",
                &[(FWD, "for=1.1.1.1, For=\"[2001:db8::7]:80\";proto=https")],
                lan,
                "2001:db8::7",
            ),
            // Nobody is named: the proxy itself is who asks.
            ("10.0.0.1", &[(XFF, "1.1.1.1, unknown")], lan, "10.0.0.1"),
            ("10.0.0.1", &[(XFF, "")], lan, "10.0.0.1"),
            (
                "10.0.0.1",
                &[(FWD, "for=_hidden;by=1.1.1.1")],
                lan,
                "10.0.0.1",
            ),
            (
                "10.0.0.1",
                &[(FWD, "for=1.1.1.1, by=2.2.2.2")],
                lan,
                "10.0.0.1",
            ),
            (
                "10.0.0.1",
                &[(XFF, "1.1.1.1"), (FWD, "for=2.2.2.2")],
                lan,
                "10.0.0.1",
            ),
            (
                "10.0.0.1",
                &[(XFF, "1.1.1.1"), (FWD, "for=1.1.1.1")],
                lan,
                "1.1.1.1",
            ),
        ];
        for (peer, lines, proxies, expect) in cases {
            let got = origin(peer, lines, proxies);
            assert_eq!(got.ip.to_string(), *expect, "{peer} {lines:?}");
            assert_eq!(
                got.named,
                got.ip.to_string() != peer.trim_start_matches("::ffff:")
            );
        }
    }

    /// S23: loopback is spared, but not who comes through a proxy that is trusted.
    #[test]
    fn loopback_is_spared_and_local_only_without_a_proxy() {
        let seen = |lines: &[(&'static str, &str)], proxies: &[&str]| {
            let origin = origin("127.0.0.1", lines, proxies);
            (origin.local, origin.counted_ip().map(|ip| ip.to_string()))
        };
        let spoof = &[("x-forwarded-for", "127.0.0.1")][..];
        let garbage = &[("x-forwarded-for", "nobody")][..];
        let loopback = || Some("127.0.0.1".to_owned());
        assert_eq!(seen(&[], &[]), (true, None));
        assert_eq!(seen(&[], &["127.0.0.1"]), (true, None));
        assert_eq!(seen(spoof, &[]), (false, None));
        assert_eq!(seen(spoof, &["127.0.0.1"]), (false, loopback()));
        assert_eq!(seen(garbage, &["127.0.0.1"]), (false, loopback()));
        for name in ["via", "x-real-ip", "x-forwarded-proto", "x-forwarded-host"] {
            assert_eq!(seen(&[(name, "x")], &[]), (false, None), "{name}");
        }
    }
}
