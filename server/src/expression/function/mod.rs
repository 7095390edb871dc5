//! The library of named functions, a file a topic. Operators and casts are not here.

pub mod array;
pub mod datetime;
mod kernel;
mod string;

use super::registry::Function;

/// The tables of all topics; [`super::registry::lookup`] reads them.
pub static TABLES: &[&[Function]] = &[
    array::access::FUNCTIONS,
    array::edit::FUNCTIONS,
    array::join::FUNCTIONS,
    array::order::FUNCTIONS,
    array::sequence::FUNCTIONS,
    array::set::FUNCTIONS,
    string::case::FUNCTIONS,
    string::code::FUNCTIONS,
    string::concat::FUNCTIONS,
    string::mask::FUNCTIONS,
    string::search::FUNCTIONS,
    string::slice::FUNCTIONS,
    string::split::FUNCTIONS,
    string::trim::FUNCTIONS,
];
