//! Pseudo-random numbers that are the same on every machine, and the mixing beneath them.

/// A small generator: a counter and the finisher of SplitMix64.
pub(in crate::assistant) struct Dice(u64);

impl Dice {
    /// The same seed, the same numbers.
    pub(in crate::assistant) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number under `below`, which is not zero.
    pub(in crate::assistant) const fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(1);
        ((mix(self.0, 0) as u128 * below as u128) >> 64) as usize
    }

    /// Puts `items` into an order of chance.
    pub(in crate::assistant) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.roll(at + 1));
        }
    }
}

/// One step of a digest of 64 bits: the finisher of SplitMix64 over the sum.
pub(super) const fn mix(digest: u64, next: u64) -> u64 {
    let mut z = digest
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add(next.wrapping_add(0x632b_e59b_d9b4_e019));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
