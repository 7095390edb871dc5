//! What the tests of sinks share.

use uuid::Uuid;

use super::CheckpointFacts;
use crate::record::{BatchId, Options, QueryId};

pub fn options(pairs: &[(&str, &str)]) -> Options {
    let pairs = pairs.iter().map(|(key, value)| (key.to_string(), value.to_string()));
    Options::new(pairs.collect()).unwrap()
}

pub const QUERY: QueryId = QueryId(Uuid::from_u128(1));

pub fn facts(planned: Option<BatchId>, committed: Option<BatchId>) -> CheckpointFacts {
    CheckpointFacts { query_id: QUERY, planned, committed }
}
