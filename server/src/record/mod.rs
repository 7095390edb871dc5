//! The words of the data: schemas, ids, offsets, times. No I/O, no behaviour of a query.
//!
//! Rows move as Arrow [`RecordBatch`](arrow::array::RecordBatch)es.

mod ddl;
mod id;
mod nearest;
mod offset;
mod options;
mod source_log;
mod time;
mod types;

pub use ddl::parse_ddl;
pub use id::{BatchId, QueryId, RunId};
pub use nearest::nearest;
pub use offset::Offset;
pub use options::{BareUnit, Options};
pub use source_log::SourceLog;
pub use time::{
    EventTimeStats, MICROS_PER_SECOND, format_timestamp_micros, parse_delay_micros, parse_interval_micros,
    parse_timestamp_micros,
};
pub use types::{timestamp_type, type_name};
