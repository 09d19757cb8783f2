//! The hash function of the crate: FNV-1a with 128 bits.
//!
//! Hashes are stored in cursors and checkpoints, so they are the same in all versions of the crate and on all machines.

const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// A hash that is computed byte by byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fnv(u128);

impl Default for Fnv {
    fn default() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }
}

impl Fnv {
    pub(crate) fn add(&mut self, byte: u8) {
        self.0 = (self.0 ^ u128::from(byte)).wrapping_mul(PRIME);
    }

    pub(crate) fn finish(self) -> u128 {
        self.0
    }
}

/// A short hash of a key's JSON text. An integer is its own hash.
#[allow(
    clippy::cast_possible_truncation,
    reason = "64 of the 128 bits are enough to distinguish the keys of a few pages"
)]
pub(crate) fn key_hash(key: &str) -> u64 {
    key.parse().unwrap_or_else(|_| {
        let mut hash = Fnv::default();
        key.bytes().for_each(|byte| hash.add(byte));
        hash.finish() as u64
    })
}
