//! Identities: of a query, of a run, of a micro-batch.

use std::fmt;

use uuid::Uuid;

/// The number of a micro-batch: counts from 0 without gaps; a rerun keeps its id.
pub type BatchId = u64;

/// A query's identity, kept across restarts in the checkpoint's `metadata`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QueryId(pub Uuid);

/// One start of a query; new each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RunId(pub Uuid);

impl QueryId {
    /// A name for one of this query's files that every attempt at the same batch spells alike.
    pub fn derive(&self, name: &str) -> Uuid {
        Uuid::new_v5(&self.0, name.as_bytes())
    }
}

impl fmt::Display for QueryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
