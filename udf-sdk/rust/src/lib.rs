//! wasmill-udf: the kit. The page below is what an author needs; `udf-sdk/ABI.md` is what it stands on.
//!
#![doc = include_str!("../README.md")]

pub mod abi;
#[doc(hidden)]
pub mod arena;
#[cfg(not(target_arch = "wasm32"))]
#[doc(hidden)]
pub mod bench;
mod buffer;
mod build;
pub mod bytes;
mod column;
mod const_text;
#[doc(hidden)]
pub mod entry;
#[doc(hidden)]
pub mod foreach;
#[doc(hidden)]
pub mod group;
pub mod json;
mod kind;
#[doc(hidden)]
pub mod manifest;
mod module;
#[doc(hidden)]
pub mod nested;
pub mod parse;
mod put;
mod record;
#[doc(hidden)]
pub mod rows;
pub mod testing;

pub use build::{BoolBuilder, Build, BytesBuilder, FixedBuilder};
pub use column::Column;
pub use entry::log;
pub use foreach::Effects;
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
