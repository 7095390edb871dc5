//! The kernels of operators, on whole columns. They know no SQL text and no typing rules.

mod arithmetic;
mod bits;
mod compare;
mod decimal;
mod like;
mod nested;
mod rows;
mod temporal;

pub use arithmetic::{Arithmetic, arithmetic, divide_integral, negate};
pub use bits::{BitOperation, Shift, bit_not, bits, shift};
pub use compare::{Comparison, compare, is_nan, not};
pub use decimal::{decimal_arithmetic, decimal_divide_integral};
pub use like::{Like, like};
pub use nested::{
    check_map_keys, list_item, list_of, map_of, map_value, struct_field, struct_field_of_list, struct_of,
};
pub use temporal::{
    add_micros, add_months, date_plus_days, days_between, interval_of_days, interval_sum, interval_times,
    micros_between,
};
