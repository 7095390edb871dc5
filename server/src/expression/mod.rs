//! SQL expressions that give Spark 4's results: ANSI mode, session time zone UTC. Knows no stage and no state.
//!
//! SQL text is cut into tokens by sqlparser, read by Spark's grammar and typed by Spark's rules here, and run
//! on whole columns. A function is run only if it is in the registry, where each entry says how Spark types
//! its arguments; anything else is refused by name.

mod aggregate;
mod analyze;
mod analyzer;
pub mod cast;
pub mod coercion;
mod environment;
pub mod function;
mod kernel;
mod node;
mod parse;
pub mod registry;
mod scalar;

#[cfg(test)]
mod tests;

pub use aggregate::{AggregateCall, AggregateFunction, AggregateList, GroupKey, WindowKey, parts_on_keys};
pub use analyze::simple_type_name;
pub use analyzer::{Analyzer, Generator, GeneratorKind, SelectItem, SortKey};
pub use environment::Environment;
pub use scalar::Expression;
