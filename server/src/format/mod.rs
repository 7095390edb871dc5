//! How rows look as bytes in files. Knows neither sources nor sinks; both may use it.

pub mod cell;
pub mod partition_dir;
pub mod row_json;
pub mod sink_log;
pub mod table;
