//! The moment that a guest lives in: the time and the chance of its batch, the same in every run of it.

use sha2::{Digest, Sha256};

/// All that a guest may know of the world outside its batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// The logical time of the batch, in microseconds since 1970-01-01 UTC. It stands still.
    pub time_us: i64,
    /// Where the guest's random numbers start.
    pub seed: u64,
}

impl Moment {
    /// The moment of a partition of a batch.
    pub fn new(query_id: [u8; 16], batch: u64, partition: usize, time_us: i64) -> Moment {
        let mut hash = Sha256::new();
        hash.update(query_id);
        hash.update(batch.to_le_bytes());
        hash.update((partition as u64).to_le_bytes());
        let mut seed = [0; 8];
        seed.copy_from_slice(&hash.finalize()[..8]);
        Moment { time_us, seed: u64::from_le_bytes(seed) }
    }
}
