//! Seeds and the small generator that turns them into faults and workloads.
//!
//! SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014): a few
//! lines, the same numbers on every machine and in every year. Not for secrets.

use std::fmt;
use std::ops::RangeInclusive;

/// Where all randomness of one test comes from; repeat the test by giving the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(u64);

impl Seed {
    /// A seed known beforehand.
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The seed in the environment variable `name` (decimal, or hexadecimal after `0x`), or a new
    /// random one. Either way it is printed, so that a failing run can be repeated.
    ///
    /// # Panics
    /// When the variable holds something else, or the system gives no random number.
    pub fn from_env_or_random(name: &str) -> Self {
        let seed = match std::env::var(name) {
            Ok(text) => {
                let text = text.trim();
                let value = match text.strip_prefix("0x") {
                    Some(digits) => u64::from_str_radix(digits, 16),
                    None => text.parse(),
                };
                Self(value.unwrap_or_else(|_| panic!("{name}={text} is not a number of 64 bits")))
            }
            Err(_) => Self(getrandom::u64().expect("the system gives random numbers")),
        };
        #[expect(
            clippy::print_stderr,
            reason = "only this macro is captured by the test runner and shown with a failure"
        )]
        {
            eprintln!("seed={seed} (repeat with {name}={seed})");
        }
        seed
    }

    /// The seed of one part of the test: parts do not disturb each other's numbers.
    pub fn derive(self, part: &str) -> Self {
        // FNV-1a: `DefaultHasher` promises nothing across releases of Rust.
        let hash = part.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self(Rng(self.0 ^ hash).next_u64())
    }

    /// The generator that starts at this seed.
    pub fn rng(self) -> Rng {
        Rng(self.0)
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A deterministic stream of numbers.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `range`, each about as likely.
    ///
    /// # Panics
    /// When the range is empty.
    pub fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        let (first, last) = range.into_inner();
        assert!(first <= last, "no number lies in {first}..={last}");
        match (last - first).checked_add(1) {
            Some(width) => first + self.next_u64() % width,
            None => self.next_u64(),
        }
    }

    /// True in `percent` of 100 cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.within(1..=100) <= percent
    }

    /// One of `items`.
    ///
    /// # Panics
    /// When there is none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        assert!(!items.is_empty(), "there is nothing to pick from");
        let last = items.len() as u64 - 1;
        &items[self.within(0..=last) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::{Rng, Seed};

    #[test]
    fn the_numbers_are_those_of_the_reference_implementation() {
        let mut rng = Seed::new(1_234_567).rng();
        let numbers = [rng.next_u64(), rng.next_u64(), rng.next_u64()];
        assert_eq!(
            numbers,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn parts_have_numbers_of_their_own() {
        let seed = Seed::new(7);
        assert_eq!(seed.derive("a"), seed.derive("a"));
        assert_ne!(seed.derive("a"), seed.derive("b"));
        assert_ne!(seed.derive("a"), Seed::new(8).derive("a"));
    }

    #[test]
    fn a_range_is_reached_at_both_ends_and_never_left() {
        let mut rng = Rng(3);
        let mut seen = [false; 4];
        for _ in 0..1_000 {
            seen[(rng.within(10..=13) - 10) as usize] = true;
        }
        assert_eq!(seen, [true; 4]);
        assert_eq!(rng.within(5..=5), 5);
        assert_ne!(rng.within(0..=u64::MAX), rng.within(0..=u64::MAX));
    }
}
