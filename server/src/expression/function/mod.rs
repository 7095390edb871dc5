//! The library of named functions, a file a topic. Operators and casts are not here.

pub mod array;
mod condition;
pub mod datetime;
mod hash;
mod json;
mod kernel;
mod map;
mod math;
mod regex;
mod string;
mod url;

use super::registry::Function;

/// The tables of all topics; [`super::registry::lookup`] reads them.
pub static TABLES: &[&[Function]] = &[
    array::access::FUNCTIONS,
    array::edit::FUNCTIONS,
    array::join::FUNCTIONS,
    array::order::FUNCTIONS,
    array::sequence::FUNCTIONS,
    array::set::FUNCTIONS,
    condition::FUNCTIONS,
    datetime::arithmetic::FUNCTIONS,
    datetime::convert::FUNCTIONS,
    datetime::field::FUNCTIONS,
    datetime::format::FUNCTIONS,
    datetime::make::FUNCTIONS,
    datetime::truncate::FUNCTIONS,
    datetime::zone::FUNCTIONS,
    hash::digest::FUNCTIONS,
    hash::value::FUNCTIONS,
    json::from::FUNCTIONS,
    json::path::FUNCTIONS,
    json::to::FUNCTIONS,
    map::build::FUNCTIONS,
    map::parts::FUNCTIONS,
    math::base::FUNCTIONS,
    math::bits::FUNCTIONS,
    math::bucket::FUNCTIONS,
    math::elementary::FUNCTIONS,
    math::extreme::FUNCTIONS,
    math::modulo::FUNCTIONS,
    math::round::FUNCTIONS,
    math::sign::FUNCTIONS,
    regex::extract::FUNCTIONS,
    regex::replace::FUNCTIONS,
    regex::split::FUNCTIONS,
    string::case::FUNCTIONS,
    string::character::FUNCTIONS,
    string::code::FUNCTIONS,
    string::concat::FUNCTIONS,
    string::format::FUNCTIONS,
    string::mask::FUNCTIONS,
    string::number::FUNCTIONS,
    string::search::FUNCTIONS,
    string::slice::FUNCTIONS,
    string::split::FUNCTIONS,
    string::trim::FUNCTIONS,
    string::utf8::FUNCTIONS,
    url::FUNCTIONS,
];
