//! The library of named functions, a file a topic. Operators and casts are not here.

use super::registry::Function;

/// The tables of all topics; [`super::registry::lookup`] reads them.
pub static TABLES: &[&[Function]] = &[];
