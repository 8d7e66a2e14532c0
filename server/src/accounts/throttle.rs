//! The login throttle: how often one may try a password.
//!
//! Pure like the rates it is made of: the time is passed in, the owner holds the lock, and what is
//! remembered has a bound. Deliberately absent: which addresses are exempt, one-time codes, and
//! anything that would slow down whoever has a session already.

use std::net::{IpAddr, Ipv6Addr};

use sha2::{Digest, Sha256};

use crate::accounts::rate::{KEYS_MAX, Rate, Recent, RetryAfter, Used};

/// Wrong guesses at one account before the first wait.
const GUESSES_FREE: u32 = 5;
/// First wait of an account; it doubles with each further wrong guess.
const WAIT_MS_MIN: u64 = 1_000;
/// Longest wait of an account: no lock is permanent, or anyone could lock anyone out.
const WAIT_MS_MAX: u64 = 15 * 60 * 1_000;
/// Wrong guesses are forgotten after this long without another.
const GUESSES_KEPT_MS: u64 = 24 * 60 * 60 * 1_000;
/// Guesses at one account whatever the waits: 15 at once and 15 an hour, so 30 in any hour, even
/// while the owner's own sign-ins keep ending the waits.
const GUESSES: Rate = Rate {
    interval_us: 240_000_000,
    burst: 15,
};

/// The rates of the login throttle; the waits of an account are not for setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginRates {
    /// For one address.
    pub per_ip: Option<Rate>,
    /// For all together.
    pub global: Option<Rate>,
}

impl Default for LoginRates {
    /// 20 a minute for an address. 20 a second for all, which is more than the hashing threads
    /// serve, and so few that an hour of it cannot push an account out of the [`KEYS_MAX`].
    fn default() -> Self {
        Self {
            per_ip: Rate::per_minute(20, 20),
            global: Rate::per_second(20, 200),
        }
    }
}

/// Slows down guessing at passwords, by account, by address and in all.
///
/// Unknown usernames are counted like known ones, so a refusal tells nothing. Only signing in is
/// slowed: whoever has a session keeps it, whatever others try with their name.
#[derive(Debug)]
pub struct LoginThrottle {
    rates: LoginRates,
    accounts: Recent<AccountKey, Guesses>,
    ips: Recent<IpAddr, Used>,
    global: Used,
}

/// A digest of the username: keys of one size, however long the names that are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct AccountKey([u8; 16]);

impl AccountKey {
    fn new(username: &str) -> Self {
        let digest: [u8; 32] = Sha256::digest(username.to_lowercase()).into();
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        Self(key)
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Guesses {
    /// Since the last success.
    count: u32,
    last_ms: u64,
    used: Used,
}

impl Guesses {
    fn check(self, now_ms: u64) -> Result<(), RetryAfter> {
        longest([self.used.check(GUESSES, now_ms), self.waited(now_ms)])
    }

    fn waited(self, now_ms: u64) -> Result<(), RetryAfter> {
        let Some(doublings) = self.count.checked_sub(GUESSES_FREE) else {
            return Ok(());
        };
        let wait_ms = WAIT_MS_MIN
            .saturating_mul(2_u64.saturating_pow(doublings))
            .min(WAIT_MS_MAX);
        match self.last_ms.saturating_add(wait_ms).saturating_sub(now_ms) {
            0 => Ok(()),
            retry_after_ms => Err(RetryAfter { retry_after_ms }),
        }
    }

    const fn is_idle(self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.last_ms) >= GUESSES_KEPT_MS
    }

    fn take(&mut self, now_ms: u64) {
        if self.is_idle(now_ms) {
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        self.last_ms = now_ms;
        self.used.take(GUESSES, now_ms);
    }

    fn give_back(&mut self) {
        self.count = self.count.saturating_sub(1);
        self.used.give_back(GUESSES);
    }
}

impl LoginThrottle {
    /// A throttle that has seen nothing yet.
    #[must_use]
    pub fn new(rates: LoginRates) -> Self {
        let (accounts, ips) = (Recent::new(KEYS_MAX), Recent::new(KEYS_MAX));
        Self {
            rates,
            accounts,
            ips,
            global: Used::default(),
        }
    }

    /// Asks before a password is looked at. What passes counts as a wrong guess at once, so that
    /// a hundred tries in flight are a hundred tries; [`Self::succeeded`] or [`Self::undecided`]
    /// takes that back. A refusal counts for nothing. `ip` is `None` for a peer that is exempt.
    ///
    /// # Errors
    /// [`RetryAfter`], the longest of the waits of account, address and all together.
    pub fn check(
        &mut self,
        username: &str,
        ip: Option<IpAddr>,
        now_ms: u64,
    ) -> Result<(), RetryAfter> {
        let account = AccountKey::new(username);
        let ip = ip.map(network);
        let (per_ip, global) = (self.rates.per_ip.zip(ip), self.rates.global);
        longest([
            self.accounts.get(&account).check(now_ms),
            per_ip.map_or(Ok(()), |(rate, ip)| self.ips.get(&ip).check(rate, now_ms)),
            global.map_or(Ok(()), |rate| self.global.check(rate, now_ms)),
        ])?;
        self.accounts
            .update(&account, |guesses| guesses.take(now_ms));
        if let Some((rate, ip)) = per_ip {
            self.ips.update(&ip, |used| used.take(rate, now_ms));
        }
        if let Some(rate) = global {
            self.global.take(rate, now_ms);
        }
        Ok(())
    }

    /// The try was no guess: the account's waits end, and an office behind one address is not
    /// slowed by its own people.
    pub fn succeeded(&mut self, username: &str, ip: Option<IpAddr>) {
        self.take_back(username, ip, |guesses| {
            guesses.give_back();
            guesses.count = 0;
        });
    }

    /// The password was not looked at after all, because hashing was busy.
    pub fn undecided(&mut self, username: &str, ip: Option<IpAddr>) {
        self.take_back(username, ip, Guesses::give_back);
    }

    /// Frees what is kept for those not heard of lately; call it once a minute.
    pub fn retain_recent(&mut self, now_ms: u64) {
        self.accounts.retain(|guesses| !guesses.is_idle(now_ms));
        self.ips.retain(|used| !used.is_idle(now_ms));
    }

    /// Accounts and addresses remembered.
    #[must_use]
    pub fn keys(&self) -> (usize, usize) {
        (self.accounts.len(), self.ips.len())
    }

    fn take_back(&mut self, username: &str, ip: Option<IpAddr>, change: impl FnOnce(&mut Guesses)) {
        self.accounts.update(&AccountKey::new(username), change);
        if let Some((rate, ip)) = self.rates.per_ip.zip(ip.map(network)) {
            self.ips.update(&ip, |used| used.give_back(rate));
        }
    }
}

/// What counts as one address: an IPv4 address, or the /64 that one IPv6 subscriber has whole.
#[must_use]
pub fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Passes only where all pass; whoever comes back after the longest wait has waited for all.
fn longest<const N: usize>(checks: [Result<(), RetryAfter>; N]) -> Result<(), RetryAfter> {
    let waits = checks.into_iter().filter_map(Result::err);
    waits
        .max_by_key(|wait| wait.retry_after_ms)
        .map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv6Addr};

    use proptest::collection::vec;
    use proptest::prelude::{Just, Strategy, prop_assert, prop_assert_eq, proptest};
    use proptest::prop_oneof;

    use super::{LoginRates, LoginThrottle, network};
    use crate::accounts::rate::{KEYS_MAX, Rate, RetryAfter};

    const HOUR_MS: u64 = 3_600_000;
    const OPEN: LoginRates = LoginRates {
        per_ip: None,
        global: None,
    };

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Guess,
        OwnerSignsIn,
        Busy,
        Sweep,
    }

    /// Steps at one pace a run: an owner who signs in all day long needs another than a sweep.
    fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
        let pace_ms = prop_oneof![Just(1), Just(2_000), Just(60_000), Just(2 * HOUR_MS)];
        pace_ms.prop_flat_map(|pace_ms| {
            let step = prop_oneof![
                6 => Just(Step::Guess),
                2 => Just(Step::OwnerSignsIn),
                1 => Just(Step::Busy),
                1 => Just(Step::Sweep),
            ];
            vec((0..pace_ms, step), 1..300)
        })
    }

    fn address(n: u32) -> Option<IpAddr> {
        Some(IpAddr::from(n.to_be_bytes()))
    }

    proptest! {
        /// S7: whatever the pace, and whatever the owner does meanwhile.
        #[test]
        fn no_hour_sees_more_than_30_guesses_at_an_account(steps in steps()) {
            let mut throttle = LoginThrottle::new(OPEN);
            let mut now_ms = 0;
            let mut passed_ms = Vec::new();
            for (pause_ms, step) in steps {
                now_ms += pause_ms;
                match step {
                    Step::Guess => {
                        // As fast as the throttle lets one.
                        if let Err(wait) = throttle.check("ana", None, now_ms) {
                            prop_assert!(wait.retry_after_ms <= 15 * 60 * 1_000, "{wait:?}");
                            now_ms += wait.retry_after_ms;
                            prop_assert_eq!(throttle.check("ana", None, now_ms), Ok(()));
                        }
                        passed_ms.push(now_ms);
                    }
                    Step::OwnerSignsIn if throttle.check("ana", None, now_ms).is_ok() => {
                        throttle.succeeded("ana", None);
                    }
                    Step::Busy if throttle.check("ana", None, now_ms).is_ok() => {
                        throttle.undecided("ana", None);
                    }
                    Step::OwnerSignsIn | Step::Busy => {}
                    Step::Sweep => throttle.retain_recent(now_ms),
                }
            }
            for (n, from_ms) in passed_ms.iter().enumerate() {
                let within = passed_ms[n..].iter().take_while(|at_ms| **at_ms <= from_ms + HOUR_MS);
                prop_assert!(within.count() <= 30);
            }
        }
    }

    #[test]
    fn waits_double_from_a_second_to_a_quarter_of_an_hour() {
        let mut throttle = LoginThrottle::new(OPEN);
        let mut now_ms = 5_000;
        let mut waits_s = Vec::new();
        while waits_s.len() < 13 {
            match throttle.check("ana", None, now_ms) {
                Ok(()) => {}
                Err(wait) => {
                    waits_s.push(wait.retry_after_ms / 1_000);
                    now_ms += wait.retry_after_ms;
                }
            }
        }
        assert_eq!(
            waits_s,
            [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
        );
    }

    #[test]
    fn tries_in_flight_count_at_once() {
        let mut throttle = LoginThrottle::new(OPEN);
        let passed = (0..100)
            .filter(|_| throttle.check("ana", None, 0).is_ok())
            .count();
        assert_eq!(passed, 5);
    }

    #[test]
    fn success_ends_the_waits_and_busy_costs_nothing() {
        let mut throttle = LoginThrottle::new(OPEN);
        for _ in 0..5 {
            throttle.check("ana", None, 0).unwrap();
        }
        assert_eq!(
            throttle.check("ANA", None, 0),
            Err(RetryAfter {
                retry_after_ms: 1_000
            })
        );
        throttle.undecided("ana", None);
        throttle.check("ana", None, 0).unwrap();
        throttle.check("ana", None, 1_000).unwrap();
        throttle.succeeded("Ana", None);
        for _ in 0..5 {
            throttle.check("ana", None, 1_000).unwrap();
        }
        assert!(throttle.check("ana", None, 1_000).is_err());
        assert!(throttle.check("bo", None, 1_000).is_ok());
    }

    #[test]
    fn an_address_has_20_guesses_a_minute_and_its_people_are_free() {
        let mut throttle = LoginThrottle::new(LoginRates::default());
        let mut guess = |n: u32, now_ms| throttle.check(&format!("user{n}"), address(7), now_ms);
        assert!((0..20).all(|n| guess(n, 0).is_ok()));
        assert_eq!(
            guess(20, 0),
            Err(RetryAfter {
                retry_after_ms: 3_000
            })
        );
        assert!(guess(21, 3_000).is_ok());
        assert!(guess(22, 3_000).is_err());
        throttle.succeeded("user21", address(7));
        assert!(throttle.check("user22", address(7), 3_000).is_ok());
        assert!(throttle.check("user23", address(8), 3_000).is_ok());
        assert!(throttle.check("user24", None, 3_000).is_ok());
    }

    #[test]
    fn all_together_are_capped() {
        let rates = LoginRates {
            per_ip: None,
            global: Rate::per_second(2, 3),
        };
        let mut throttle = LoginThrottle::new(rates);
        let mut guess = |n: u32, now_ms| throttle.check(&format!("user{n}"), address(n), now_ms);
        assert!((0..3).all(|n| guess(n, 0).is_ok()));
        assert_eq!(
            guess(3, 0),
            Err(RetryAfter {
                retry_after_ms: 500
            })
        );
        assert!(guess(3, 500).is_ok());
    }

    #[test]
    fn an_hour_at_the_global_cap_pushes_no_account_out() {
        let Rate { interval_us, burst } = LoginRates::default().global.unwrap();
        let in_an_hour = HOUR_MS * 1_000 / interval_us + u64::from(burst);
        assert!(
            in_an_hour < u64::try_from(KEYS_MAX).unwrap(),
            "{in_an_hour}"
        );
    }

    #[test]
    fn an_ipv6_subscriber_is_one_address() {
        let [one, same, other, mapped] = [
            "2001:db8:1:2::1",
            "2001:db8:1:2:ffff::9",
            "2001:db8:1:3::1",
            "::ffff:192.0.2.1",
        ]
        .map(|text| IpAddr::V6(text.parse::<Ipv6Addr>().unwrap()));
        assert_eq!(network(one), network(same));
        assert_ne!(network(one), network(other));
        assert_eq!(network(mapped).to_string(), "192.0.2.1");
        let mut throttle = LoginThrottle::new(LoginRates {
            per_ip: Rate::per_minute(1, 1),
            global: None,
        });
        assert!(throttle.check("ana", Some(one), 0).is_ok());
        assert!(throttle.check("bo", Some(same), 0).is_err());
        assert!(throttle.check("bo", Some(other), 0).is_ok());
    }
}
