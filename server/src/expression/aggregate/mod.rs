//! Group keys and aggregate lists: what a groupBy computes of its input, and of its groups. Computes nothing.

mod function;
mod keys;
mod list;

pub use function::AggregateFunction;
pub use keys::{GroupKey, WindowKey, parts_on_keys};
pub use list::{AggregateCall, AggregateList};
