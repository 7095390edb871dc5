//! Regular expressions of Java, run by the `regex` crate. What that crate cannot do (lookaround, backreferences,
//! possessive quantifiers) is refused by name.

mod class;
pub mod extract;
pub mod pattern;
pub mod replace;
pub mod split;
mod translate;

pub use pattern::{Pattern, Source};
pub use split::splitter;
