//! wasmill-udf: stages for wasmill in Rust. A function and one line about it make a stage:
//!
//! ```
//! use wasmill_udf::*;
//!
//! module! {
//!     map word_length(word: STRING) -> (length: INT);
//!     flat_map split_words(line: STRING) -> (word: STRING);
//!     batch double(x: BIGINT) -> (y: BIGINT);
//! }
//!
//! // One row for each row. `Option` for null, `Result` for rows in error.
//! fn word_length(word: Option<&str>) -> Option<i32> {
//!     word.map(|word| word.chars().count() as i32)
//! }
//!
//! // Any number of rows for each row.
//! fn split_words(line: Option<&str>, out: &mut Emit<STRING>) {
//!     for word in bytes::split(line.unwrap_or(""), b' ').filter(|word| !word.is_empty()) {
//!         out.emit(word);
//!     }
//! }
//!
//! // Whole columns at once, for speed.
//! fn double(x: Column<BIGINT>, y: &mut Builder<BIGINT>) {
//!     for x in x.iter() {
//!         match x {
//!             Some(x) => y.push(x * 2),
//!             None => y.push_null(),
//!         }
//!     }
//! }
//!
//! assert_eq!(testing::emitted::<STRING>(|out| split_words(Some("to  be"), out)), ["to", "be"]);
//! ```
//!
//! Build with `crate-type = ["cdylib"]` for `wasm32-unknown-unknown`. The functions stay plain Rust, so that unit
//! tests call them natively. `udf-sdk/ABI.md` says what crosses the boundary.

pub mod abi;
#[doc(hidden)]
pub mod arena;
mod buffer;
mod build;
pub mod bytes;
mod column;
mod const_text;
#[doc(hidden)]
pub mod entry;
#[doc(hidden)]
pub mod group;
mod kind;
#[doc(hidden)]
pub mod manifest;
mod module;
#[doc(hidden)]
pub mod nested;
mod put;
mod record;
#[doc(hidden)]
pub mod rows;
pub mod testing;

pub use build::{BoolBuilder, Build, BytesBuilder, FixedBuilder};
pub use column::Column;
pub use entry::log;
pub use group::Group;
pub use kind::{
    BIGINT, BINARY, BOOLEAN, DATE, DECIMAL, DOUBLE, FLOAT, INT, INTERVAL, INTERVAL_YEAR_MONTH, Kind, Nested,
    SMALLINT, STRING, TIMESTAMP, TIMESTAMP_NTZ, TINYINT,
};
pub use nested::{ARRAY, Entries, EntriesBuilder, Items, ItemsBuilder, MAP};
pub use put::Put;
pub use rows::Emit;

/// The builder of a column of kind `K`.
pub type Builder<K> = <K as Kind>::Builder;
