//! wasmill: streaming queries whose stages are the user's own WebAssembly.
//!
//! Modules stand in layer order, a blank line between layers. A module uses only layers above its own;
//! `tests/tests/tidy.rs` holds it. ARCHITECTURE.md has the map.

pub mod clock;
pub mod error;
pub mod fault;

pub mod record;
pub mod storage;

pub mod format;
pub mod kafka;

pub mod checkpoint;
pub mod expression;
pub mod sink;
pub mod source;
pub mod state;
pub mod udf;

pub mod operator;

pub mod plan;

pub mod query;

pub mod cli;

pub mod telemetry;
