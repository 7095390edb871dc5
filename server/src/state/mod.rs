//! Keyed state of a query's stateful operators. Knows no operator, and not where the commit log is.
//!
//! One RocksDB a query, one column family an operator; a key is its key group, two bytes, and then bytes that
//! sort as the operator wants. The database on the local disk is a cache: what lasts is in the checkpoint.
//!
//! For batch N: the changes go into `N.changes` in the checkpoint, then the query writes `commits/N`, then the
//! changes go into the database, in one write together with the number N. So the database is never ahead of the
//! commit log, and whatever a crash takes from it, change logs bring back. Every few batches the database's files
//! are copied to the checkpoint, each file once, and `N.snapshot` lists those that are version N.

mod changes;
mod frame;
mod layout;
mod local;
mod memory;
mod reader;
mod restore;
mod snapshot;
mod snapshotter;
mod store;
mod stored;
#[cfg(test)]
mod tests;

pub use changes::Changes;
pub use memory::{MEMORY_BYTES_DEFAULT, SharedMemory};
pub use reader::{Scan, StateReader};
pub use store::{OperatorState, StateMetrics, StateSettings, StateStore};

/// Keys are spread over this many groups, for good: parallelism is a choice of ranges of them.
pub const KEY_GROUPS: u16 = 128;

/// Batches between snapshots.
pub const SNAPSHOT_INTERVAL: u64 = 10;

/// How many of the newest versions can be restored: as many as the logs have entries.
pub const VERSIONS_KEPT: u64 = 100;

/// The group of a key; the same on every machine and in every release.
pub fn key_group(key: &[u8]) -> u16 {
    (xxhash_rust::xxh64::xxh64(key, 0) % u64::from(KEY_GROUPS)) as u16
}
