//! SQL expressions that give Spark 4's results: ANSI mode, session time zone UTC. Knows no stage and no state.
//!
//! SQL text is cut into tokens by sqlparser, read by Spark's grammar and typed by Spark's rules here, and run
//! on whole columns. A function is run only if it is in the registry, where each entry says how Spark types
//! its arguments; anything else is refused by name.

pub mod coercion;
pub mod function;
pub mod registry;
