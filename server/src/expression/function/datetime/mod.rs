//! Dates and times, a file a kind of work. The session's time zone is UTC.

pub mod arithmetic;
pub mod calendar;
pub mod convert;
pub mod field;
pub mod format;
pub mod make;
mod parse;
mod pattern;
pub mod truncate;
pub mod zone;

pub use format::Formatter;
pub use parse::Parser;
