//! Hashes: of values, as Spark deals rows out by them, and digests of bytes.

pub mod digest;
pub mod value;
