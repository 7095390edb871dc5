//! The running query: when batches start, the order in which each becomes durable, and what it reports. Knows
//! neither HTTP nor tenants.

mod batch;
mod closing;
mod letters;
mod open;
mod partition;
mod progress;
mod refusal_log;
mod run;
mod stop;
mod task;
mod trigger;
mod watermark;

use std::path::PathBuf;
use std::sync::Arc;

use crate::clock::Clock;
use crate::state::SharedMemory;

pub use progress::QueryProgress;
pub use run::run_query;
pub use stop::StopSignal;

/// What a run takes from outside its query file.
#[derive(Clone)]
pub struct RunSettings {
    /// Folder of the local state of all queries; each has its own below.
    pub state_dir: PathBuf,
    /// Threads of the query, and partitions of its aggregation.
    pub parallelism: usize,
    pub clock: Arc<dyn Clock>,
    /// Shared by the state of all queries of the process.
    pub state_memory: SharedMemory,
}
