//! Where rows come from. A source answers two questions: what is your latest offset, and read this range.
//! It never pushes, and knows neither the query nor where its offsets are logged.

mod file;
mod kafka;
mod rate;
mod rate_micro_batch;
mod rate_rows;
mod registry;
mod socket;
#[cfg(test)]
pub(crate) mod testing;

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use serde_json::{Map, Value};

use crate::error::Result;
use crate::record::Offset;

pub use crate::record::SourceLog;

pub use file::{FileSource, FileSourceSpec};
pub use kafka::KafkaSource;
pub use rate::RateSource;
pub use rate_micro_batch::RateMicroBatchSource;
pub use registry::{FORMATS, RowPlace, check, open, row_place};
pub use socket::SocketSource;

/// Rows of one split, in order, in batches of at most [`ReadOptions::rows_max`] rows.
pub type BatchStream = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// Whether the options that bound a batch (`maxOffsetsPerTrigger`, `maxFilesPerTrigger` ...) count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadLimits {
    Honour,
    /// The trigger `once` takes everything there is.
    Ignore,
}

/// How a split is read.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// The columns wanted, as indexes into [`Source::schema`], ascending. Batches hold exactly these.
    pub projection: Vec<usize>,
    /// The most rows of one record batch.
    pub rows_max: usize,
    /// Behind these columns one more, `path` STRING, as a dictionary: the file that a row is in. Only file
    /// sources are asked for it.
    pub with_path: bool,
}

/// A source of one query. Methods are called by the query's thread alone, splits are read on others.
///
/// Whatever is decided here is the same after a restart: ranges come from the offset log, and what a source has
/// to remember besides (a file list, the first offsets) it writes through its `SourceLog` before it returns.
pub trait Source: Send {
    fn schema(&self) -> SchemaRef;

    /// For progress and errors: `KafkaV2[Subscribe[lines]]`.
    fn description(&self) -> String;

    /// Where the batch that starts at `start` may end: the end offset under the limits, or `start` itself (or
    /// nothing, if `start` is nothing) when there is nothing to read. `start` is nothing before the first batch.
    fn next_end(&mut self, start: Option<&Offset>, limits: ReadLimits) -> Result<Option<Offset>>;

    /// The newest offset there is, whatever the limits; for progress. Nothing if the source does not know.
    fn latest(&mut self) -> Result<Option<Offset>>;

    /// Fixes the offsets which the trigger `availableNow` will read up to; later [`Source::next_end`] stops there.
    fn fix_end(&mut self) -> Result<()>;

    /// The range `start..end` as splits, in an order that is a function of the range alone. Reading them in that
    /// order gives the rows of the batch, byte for byte the same each time.
    fn splits(&mut self, start: Option<&Offset>, end: &Offset) -> Result<Vec<Box<dyn Split>>>;

    /// All batches up to `end` are committed: their input may be cleaned up.
    fn commit(&mut self, end: &Offset) -> Result<()>;

    /// Facts for progress, such as how far behind the source's end the batch stopped.
    fn metrics(&self, end: &Offset) -> Map<String, Value>;
}

/// A share of a range that one thread reads.
pub trait Split: Send {
    /// For errors: `lines-0 offsets 100..2000`.
    fn describe(&self) -> String;

    fn read(self: Box<Self>, options: &ReadOptions) -> Result<BatchStream>;
}

/// What every source is built from, besides its own options.
#[derive(Clone)]
pub struct SourceContext {
    pub log: Arc<dyn SourceLog>,
    pub clock: Arc<dyn crate::clock::Clock>,
    /// What relative paths are relative to: the directory of the query file.
    pub base: PathBuf,
    /// The most splits that are read at once: threads of the query.
    pub parallelism: usize,
    /// A stable text for names that peers see, such as the Kafka group id.
    pub query_name: String,
}
