//! The fencing token of a lease.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The fencing token of a lease: each lease of a key has a greater one than all leases of this key before it, so that a store can
/// refuse the save of a worker whose lease has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fence(u64);

impl Fence {
    /// The token with this number, from 1.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
