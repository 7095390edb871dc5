//! JSON in strings, as Jackson reads it for Spark.

pub mod from;
mod options;
pub mod path;
pub mod read;
pub mod to;
mod write;
