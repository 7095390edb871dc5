//! Where rows go. A batch is staged invisibly, then published once: publishing batch N again changes nothing.
//! A sink knows neither the query nor where the rows came from.

pub mod console;
pub mod file;
pub mod kafka;
pub mod letter;
pub mod memory;
mod registry;
#[cfg(test)]
mod testing;

use std::any::Any;

use arrow::array::RecordBatch;

use crate::error::{Error, Result};
use crate::record::{BatchId, QueryId};

pub use registry::{FORMATS, SinkContext, SinkSpec, check, check_format, open};

/// Which rows of the result a batch brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputMode {
    /// Rows that can never change.
    Append,
    /// Rows that changed in this batch.
    Update,
    /// The whole result, each batch.
    Complete,
}

/// What the checkpoint knows when a query starts, for a sink to compare with what it finds at its own end.
#[derive(Clone, Copy, Debug)]
pub struct CheckpointFacts {
    pub query_id: QueryId,
    /// The newest batch in the offset log.
    pub planned: Option<BatchId>,
    /// The newest batch in the commit log.
    pub committed: Option<BatchId>,
}

/// What a partition's writer staged; only the sink that made it reads inside.
pub type Staged = Box<dyn Any + Send>;

/// What the sink itself staged before, back in its own type.
fn staged_as<T: 'static>(staged: Staged) -> Result<T> {
    let own = staged.downcast::<T>();
    own.map(|own| *own).map_err(|_| Error::internal("a sink was given what another sink staged"))
}

/// A sink of one query.
pub trait Sink: Send + Sync {
    /// For progress: `FileSink[file:///out]`.
    fn description(&self) -> String;

    /// Called once at start, before any batch. Refuses, with an explanation of what to do, when what the sink
    /// holds is not explained by the checkpoint: rows would be lost or doubled.
    fn recover(&self, facts: &CheckpointFacts) -> Result<()>;

    /// Starts staging one partition of a batch. Called from several threads, once for each partition; partition
    /// numbers are dense from 0. Whatever an earlier attempt at the same batch staged is replaced.
    fn stage(&self, batch: BatchId, partition: usize) -> Result<Box<dyn StageWriter>>;

    /// Makes the batch visible, all of it or nothing; `staged` is in partition order. Whether that happened
    /// already is found by reading the sink, and then nothing changes.
    fn publish(&self, batch: BatchId, staged: Vec<Staged>) -> Result<()>;
}

/// Takes the rows of one partition of one batch.
pub trait StageWriter: Send {
    fn write(&mut self, rows: &RecordBatch) -> Result<()>;

    /// Everything is durable, nothing is visible.
    fn finish(self: Box<Self>) -> Result<Staged>;
}
