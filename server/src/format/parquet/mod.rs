//! Parquet: columns by name out of files, whatever else the files hold, and batches into files that Spark
//! reads.

mod adapt;
mod read;
mod schema;
#[cfg(test)]
mod tests;
mod write;

pub use read::{ParquetDecoder, READ_OPTIONS};
pub use schema::schema_of;
pub use write::{ParquetEncoder, WRITE_OPTIONS, check_write, extension};
