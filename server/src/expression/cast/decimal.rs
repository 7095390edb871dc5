//! Decimals: rescaling, fitting into a precision, and to and from other numbers.

use super::read::parse_decimal;
use super::text::{decimal_text, double_text};

/// Ten to the power of `n`, if it fits.
pub fn power_of_ten(n: u32) -> Option<i128> {
    10_i128.checked_pow(n)
}

/// The digits at another scale, rounded half up (away from zero); None if they do not fit 128 bits.
pub fn rescale(value: i128, from: i32, to: i32) -> Option<i128> {
    if to >= from {
        return value.checked_mul(power_of_ten((to - from) as u32)?);
    }
    let Some(divisor) = power_of_ten((from - to) as u32) else { return Some(0) };
    let (quotient, rest) = (value / divisor, value % divisor);
    let up = rest.unsigned_abs() >= divisor.unsigned_abs() - rest.unsigned_abs();
    Some(if up { quotient + value.signum() } else { quotient })
}

/// The digits at scale `scale`, if they fit `precision`.
pub fn fit_decimal(value: i128, from_scale: i32, precision: u8, scale: i8) -> Option<i128> {
    let value = rescale(value, from_scale, i32::from(scale))?;
    let limit = power_of_ten(u32::from(precision))?;
    (value.unsigned_abs() < limit.unsigned_abs()).then_some(value)
}

/// A double by its shortest text, as Spark; None for NaN, the infinities and what does not fit.
pub fn double_to_decimal(value: f64, precision: u8, scale: i8) -> Option<i128> {
    let (digits, from) = parse_decimal(&double_text(value))?;
    fit_decimal(digits, from, precision, scale)
}

/// The nearest double.
pub fn decimal_to_double(value: i128, scale: i8) -> f64 {
    // Both are exact as doubles, so one division rounds once.
    if value.unsigned_abs() < 1 << 53 && (0..=22).contains(&scale) {
        return value as f64 / 10_f64.powi(i32::from(scale));
    }
    decimal_text(value, scale).parse().unwrap_or(f64::NAN)
}

/// The nearest float.
pub fn decimal_to_float(value: i128, scale: i8) -> f32 {
    decimal_text(value, scale).parse().unwrap_or(f32::NAN)
}
