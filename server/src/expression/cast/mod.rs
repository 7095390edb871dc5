//! Spark's casts between the types of the engine: which are allowed, and the kernels. Text forms both ways.

mod decimal;
mod java_float;
mod kernel;
mod nested;
mod number;
mod read;
mod text;
mod time;
mod zone;

pub use decimal::{decimal_to_double, double_to_decimal, fit_decimal, rescale};
pub use kernel::{can_cast, cast};
pub use nested::retype;
pub use read::{
    parse_boolean, parse_date, parse_decimal, parse_double, parse_float, parse_integer, parse_timestamp,
};
pub use text::{date_text, decimal_text, double_text, float_text, text_of, timestamp_text};
pub use time::{civil_from_days, days_from_civil, month_length};
pub use zone::Zone;

/// What happens to a value that the target type cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnInvalid {
    /// CAST: an error with Spark's error class.
    Fail,
    /// TRY_CAST: null.
    Null,
}
