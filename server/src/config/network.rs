//! Networks as settings name them: `10.0.0.0/8`, `2001:db8::/32`, or one address.
//!
//! Deliberately absent: what a network is trusted with.

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Deserializer, de::Error as _};

/// Addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    prefix_bits: u32,
}

/// Why a text names no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no network; write an address or a prefix such as 10.0.0.0/8")]
pub struct NetworkError(String);

impl Network {
    /// The network of this machine alone, of either family.
    #[must_use]
    pub fn loopback() -> [Self; 2] {
        let of = |first, prefix_bits| Self { first, prefix_bits };
        [
            of(IpAddr::from([127, 0, 0, 0]), 8),
            of(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]), 128),
        ]
    }

    /// Whether `ip` lies in it; an IPv4 address mapped into IPv6 counts as IPv4.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.first, ip.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(ip)) => same_prefix(
                first.to_bits().into(),
                ip.to_bits().into(),
                32,
                self.prefix_bits,
            ),
            (IpAddr::V6(first), IpAddr::V6(ip)) => {
                same_prefix(first.to_bits(), ip.to_bits(), 128, self.prefix_bits)
            }
            _ => false,
        }
    }
}

/// Whether two addresses of `bits` bits begin with the same `prefix_bits`.
fn same_prefix(one: u128, other: u128, bits: u32, prefix_bits: u32) -> bool {
    (one ^ other)
        .checked_shr(bits - prefix_bits)
        .is_none_or(|differs| differs == 0)
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let wrong = || NetworkError(text.to_owned());
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| wrong())?;
        let bits_max = if first.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match bits {
            None => bits_max,
            Some(bits) => bits.parse().map_err(|_| wrong())?,
        };
        if prefix_bits > bits_max {
            return Err(wrong());
        }
        Ok(Self { first, prefix_bits })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix_bits)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Network;

    #[test]
    fn a_network_has_the_addresses_that_begin_like_it() {
        let check = |network: &str, ip: &str| {
            let network: Network = network.parse().unwrap();
            network.contains(ip.parse().unwrap())
        };
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("192.0.2.128/25", "192.0.2.200", "192.0.2.1"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::10.1.2.3"),
            ("2001:db8::/32", "2001:db8:1::1", "2001:db9::1"),
            ("::1", "::1", "127.0.0.1"),
        ] {
            assert!(check(network, inside), "{inside} in {network}");
            assert!(!check(network, outside), "{outside} in {network}");
        }
        assert!(check("0.0.0.0/0", "203.0.113.9") && !check("0.0.0.0/0", "::1"));
        let [four, six] = Network::loopback();
        assert!(four.contains([127, 9, 9, 9].into()) && !four.contains([128, 0, 0, 1].into()));
        assert!(six.contains("::1".parse().unwrap()) && !six.contains("::2".parse().unwrap()));
    }

    #[test]
    fn what_is_no_network_is_named() {
        for wrong in [
            "",
            "10.0.0.0/33",
            "10.0.0/8",
            "::1/129",
            "10.0.0.0/",
            "proxy",
            "1.2.3.4/-1",
        ] {
            let error = wrong.parse::<Network>().unwrap_err();
            assert!(error.to_string().contains(wrong), "{error}");
        }
    }
}
