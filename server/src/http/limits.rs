//! How often one may ask: commands of a principal, and chats begun by nobody known.
//!
//! Signing in has its own throttle in `accounts`; connections are counted by the gate.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::Instant,
};

use shared::id::UserId;

use crate::{
    accounts::rate::{Rate, RateLimiter, RetryAfter},
    desk::visibility::Viewer,
};

/// The rates; `None` is no limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    /// Commands of one customer.
    pub(crate) customer: Option<Rate>,
    /// Commands of one member of staff.
    pub(crate) staff: Option<Rate>,
    /// Chats begun without a token from one address.
    pub(crate) open_chat: Option<Rate>,
    /// Pieces of 64 KiB of the files that customers at one address send.
    pub(crate) upload: Option<Rate>,
}

/// The rate of uploads that gives so many MiB an hour, and as many at once.
pub(crate) fn upload_rate(mib_an_hour: u64) -> Option<Rate> {
    let pieces = u32::try_from(mib_an_hour.saturating_mul(16)).unwrap_or(u32::MAX);
    Rate::per_minute((pieces / 60).max(1), pieces)
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            customer: Rate::per_second(20, 500),
            staff: Rate::per_second(50, 1_000),
            open_chat: Rate::per_minute(5, 5),
            upload: upload_rate(100),
        }
    }
}

/// The limiters behind [`Rates`].
#[derive(Debug)]
pub(crate) struct RateLimits {
    started: Instant,
    customers: Mutex<RateLimiter<UserId>>,
    staff: Mutex<RateLimiter<UserId>>,
    addresses: Mutex<RateLimiter<IpAddr>>,
    uploads: Mutex<RateLimiter<IpAddr>>,
}

impl RateLimits {
    /// Limiters that have seen nothing yet.
    #[must_use]
    pub(crate) fn new(rates: Rates) -> Self {
        Self {
            started: Instant::now(),
            customers: Mutex::new(RateLimiter::new(rates.customer)),
            staff: Mutex::new(RateLimiter::new(rates.staff)),
            addresses: Mutex::new(RateLimiter::new(rates.open_chat)),
            uploads: Mutex::new(RateLimiter::new(rates.upload)),
        }
    }

    /// Counts a command.
    ///
    /// # Errors
    /// How many milliseconds to wait.
    pub(crate) fn command(&self, viewer: &Viewer) -> Result<(), u64> {
        let limiter = if viewer.role.is_staff() {
            &self.staff
        } else {
            &self.customers
        };
        self.check(limiter, &viewer.id)
    }

    /// Counts a chat begun without a token from an address that is counted.
    ///
    /// # Errors
    /// How many milliseconds to wait.
    pub(crate) fn open_chat(&self, ip: Option<IpAddr>) -> Result<(), u64> {
        ip.map_or(Ok(()), |ip| self.check(&self.addresses, &neighbourhood(ip)))
    }

    /// Counts 64 KiB of a customer's file from an address that is counted.
    ///
    /// # Errors
    /// How many milliseconds to wait.
    pub(crate) fn upload(&self, ip: Option<IpAddr>) -> Result<(), u64> {
        ip.map_or(Ok(()), |ip| self.check(&self.uploads, &neighbourhood(ip)))
    }

    /// Forgets who has not asked for long; call it once a minute.
    pub(crate) fn retain_recent(&self) {
        let now_ms = self.now_ms();
        for limiter in [&self.customers, &self.staff] {
            lock(limiter).retain_recent(now_ms);
        }
        for limiter in [&self.addresses, &self.uploads] {
            lock(limiter).retain_recent(now_ms);
        }
    }

    fn check<K: Clone + Eq + std::hash::Hash>(
        &self,
        limiter: &Mutex<RateLimiter<K>>,
        key: &K,
    ) -> Result<(), u64> {
        lock(limiter)
            .check(key, self.now_ms())
            .map_err(|RetryAfter { retry_after_ms }| retry_after_ms)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// The addresses one subscriber is likely to have: the address itself, or its IPv6 /64.
pub(crate) fn neighbourhood(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
        ip => ip,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use shared::{id::UserId, model::Role};

    use super::{RateLimits, Rates};
    use crate::{accounts::rate::Rate, desk::visibility::Viewer};

    fn viewer(id: u64, role: Role) -> Viewer {
        Viewer {
            id: UserId(id),
            role,
            departments: BTreeSet::new(),
        }
    }

    #[test]
    fn each_principal_and_address_has_its_own_rate() {
        let limits = RateLimits::new(Rates {
            customer: Rate::per_minute(1, 2),
            staff: None,
            open_chat: Rate::per_minute(1, 1),
            upload: super::upload_rate(1),
        });
        let customer = viewer(1, Role::Customer);
        assert!(limits.command(&customer).is_ok() && limits.command(&customer).is_ok());
        let wait = limits.command(&customer).unwrap_err();
        assert!((50_000..=60_000).contains(&wait), "{wait}");
        assert!(limits.command(&viewer(2, Role::Customer)).is_ok());
        assert!((0..5_000).all(|_| limits.command(&viewer(1, Role::Agent)).is_ok()));

        let open = |ip: &str| limits.open_chat(ip.parse().ok());
        assert!(open("192.0.2.1").is_ok() && open("192.0.2.1").is_err());
        assert!(open("2001:db8::1").is_ok() && open("2001:db8::2").is_err());
        assert!((0..100).all(|_| limits.open_chat(None).is_ok()));
        let upload = |ip: &str| limits.upload(ip.parse().ok());
        assert!((0..16).all(|_| upload("192.0.2.1").is_ok()), "1 MiB");
        assert!(upload("192.0.2.1").is_err() && upload("192.0.2.2").is_ok());
    }
}
