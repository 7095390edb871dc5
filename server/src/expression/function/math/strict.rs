//! Elementary functions to the last bit as Java's `StrictMath` defines them: by the reductions and polynomials of
//! fdlibm, evaluated in its order. Where `libm` evaluates in that order too, it is used instead.

#![expect(clippy::excessive_precision, reason = "constants stand as the polynomials are published")]

use std::f64::consts::{LN_2, LOG10_E};

const TWO_54: f64 = (1_u64 << 54) as f64;
const LN_2_HIGH: f64 = 6.931_471_803_691_238_164_90e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_700_02e-10;

fn high(x: f64) -> u32 {
    (x.to_bits() >> 32) as u32
}

fn with_high(x: f64, word: u32) -> f64 {
    f64::from_bits(u64::from(word) << 32 | x.to_bits() & 0xffff_ffff)
}

/// Only the upper word of a float, the lower one zero.
fn from_high(word: u32) -> f64 {
    f64::from_bits(u64::from(word) << 32)
}

/// The natural logarithm of a positive number; NaN for negatives, -infinity for zero.
pub fn log(x: f64) -> f64 {
    if x.is_nan() || x < 0.0 {
        return f64::NAN;
    }
    if x == 0.0 || x == f64::INFINITY {
        return if x == 0.0 { f64::NEG_INFINITY } else { x };
    }
    // x = 2^k (1 + f) with 1 + f between the half and the whole of the root of two.
    let (x, mut k) = if x < f64::MIN_POSITIVE { (x * TWO_54, -54) } else { (x, 0) };
    k += (high(x) >> 20) as i32 - 1023;
    let mantissa = high(x) & 0x000f_ffff;
    let carry = (mantissa + 0x9_5f64) & 0x10_0000;
    let f = with_high(x, mantissa | (carry ^ 0x3ff0_0000)) - 1.0;
    k += (carry >> 20) as i32;
    let k_float = f64::from(k);
    if (0x000f_ffff & (2 + mantissa)) < 3 {
        if f == 0.0 {
            return if k == 0 { 0.0 } else { k_float * LN_2_HIGH + k_float * LN_2_LOW };
        }
        let r = f * f * (0.5 - 0.333_333_333_333_333_33 * f);
        return if k == 0 { f - r } else { k_float * LN_2_HIGH - ((r - k_float * LN_2_LOW) - f) };
    }
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let even = w
        * (3.999_999_999_940_941_908e-1
            + w * (2.222_219_843_214_978_396e-1 + w * 1.531_383_769_920_937_332e-1));
    let odd = z
        * (6.666_666_666_666_735_130e-1
            + w * (2.857_142_874_366_239_149e-1
                + w * (1.818_357_216_161_805_012e-1 + w * 1.479_819_860_511_658_591e-1)));
    let r = odd + even;
    if (mantissa as i32 - 0x6_147a) | (0x6_b851 - mantissa as i32) > 0 {
        let half_square = 0.5 * f * f;
        return if k == 0 {
            f - (half_square - s * (half_square + r))
        } else {
            k_float * LN_2_HIGH - ((half_square - (s * (half_square + r) + k_float * LN_2_LOW)) - f)
        };
    }
    if k == 0 { f - s * (f - r) } else { k_float * LN_2_HIGH - ((s * (f - r) - k_float * LN_2_LOW) - f) }
}

/// The decimal logarithm of a positive number.
pub fn log10(x: f64) -> f64 {
    if !x.is_finite() || x <= 0.0 {
        return log(x);
    }
    let (x, mut k) = if x < f64::MIN_POSITIVE { (x * TWO_54, -54) } else { (x, 0) };
    k += (high(x) >> 20) as i32 - 1023;
    let below = i32::from(k < 0);
    let y = f64::from(k + below);
    let x = with_high(x, high(x) & 0x000f_ffff | ((0x3ff - below) as u32) << 20);
    let z = y * 3.694_239_077_158_930_786_16e-13 + LOG10_E * log(x);
    z + y * 3.010_299_956_636_117_713_06e-1
}

/// The cube root: a rough one by a third of the exponent, made better to 20 bits, then one step of Newton.
pub fn cbrt(x: f64) -> f64 {
    if !x.is_finite() || x == 0.0 {
        return x;
    }
    let a = x.abs();
    let rough = if a < f64::MIN_POSITIVE {
        let scaled = TWO_54 * a;
        with_high(scaled, high(scaled) / 3 + 696_219_795)
    } else {
        from_high(high(a) / 3 + 715_094_163)
    };
    let r = rough * rough / a;
    let s = 19.0 / 35.0 + r * rough;
    let better = rough * (5.0 / 14.0 + (45.0 / 28.0) / (s + 99.0 / 70.0 + (-864.0 / 1225.0) / s));
    let t = from_high(high(better) + 1);
    let s = t * t;
    let r = a / s;
    let r = (r - t) / (t + t + r);
    (t + t * r).copysign(x)
}

/// The root of the sum of squares, with the larger square split so that no bit is lost.
pub fn hypot(x: f64, y: f64) -> f64 {
    if x.is_infinite() || y.is_infinite() {
        return f64::INFINITY;
    }
    if x.is_nan() || y.is_nan() {
        return f64::NAN;
    }
    let (mut a, mut b) = (x.abs().max(y.abs()), x.abs().min(y.abs()));
    if b == 0.0 || high(a) - high(b) > 0x3c0_0000 {
        return a + b;
    }
    // Keep the squares within range.
    let mut scale = 1.0;
    if a > 2f64.powi(500) {
        (a, b, scale) = (a * 2f64.powi(-600), b * 2f64.powi(-600), 2f64.powi(600));
    }
    if b < 2f64.powi(-500) {
        if b < f64::MIN_POSITIVE {
            (a, b, scale) = (a * 2f64.powi(1022), b * 2f64.powi(1022), scale * 2f64.powi(-1022));
        } else {
            (a, b, scale) = (a * 2f64.powi(600), b * 2f64.powi(600), scale * 2f64.powi(-600));
        }
    }
    let w = a - b;
    let root = if w > b {
        let upper = from_high(high(a));
        let lower = a - upper;
        (upper * upper - (b * -b - lower * (a + upper))).sqrt()
    } else {
        let double = a + a;
        let b_upper = from_high(high(b));
        let b_lower = b - b_upper;
        let upper = from_high(high(a) + 0x0010_0000);
        let lower = double - upper;
        (upper * b_upper - (w * -w - (upper * b_lower + lower * b))).sqrt()
    };
    root * scale
}

/// From here on, the larger exponential alone decides a hyperbolic function.
const EXP_LIMIT: f64 = 22.0;
/// exp overflows above this.
const EXP_MAX: f64 = 709.782_712_893_384;

fn half_exp_twice(x: f64) -> f64 {
    let half = libm::exp(0.5 * x);
    0.5 * half * half
}

pub fn sinh(x: f64) -> f64 {
    let (sign, a) = (if x < 0.0 { -0.5 } else { 0.5 }, x.abs());
    if !x.is_finite() || a < 2f64.powi(-28) {
        return x;
    }
    if a < EXP_LIMIT {
        let t = libm::expm1(a);
        return if a < 1.0 { sign * (2.0 * t - t * t / (t + 1.0)) } else { sign * (t + t / (t + 1.0)) };
    }
    if a <= EXP_MAX { sign * libm::exp(a) } else { 2.0 * sign * half_exp_twice(a) }
}

pub fn cosh(x: f64) -> f64 {
    let a = x.abs();
    if a < 0.5 * LN_2 {
        let t = libm::expm1(a);
        let w = 1.0 + t;
        return if a < 2f64.powi(-55) { w } else { 1.0 + (t * t) / (w + w) };
    }
    if a < EXP_LIMIT {
        let t = libm::exp(a);
        return 0.5 * t + 0.5 / t;
    }
    if a <= EXP_MAX { 0.5 * libm::exp(a) } else { half_exp_twice(a) }
}

pub fn tanh(x: f64) -> f64 {
    let a = x.abs();
    let z = if x.is_nan() || a < 2f64.powi(-55) {
        return x;
    } else if a >= EXP_LIMIT {
        1.0
    } else if a >= 1.0 {
        1.0 - 2.0 / (libm::expm1(2.0 * a) + 2.0)
    } else {
        let t = libm::expm1(-2.0 * a);
        -t / (t + 2.0)
    };
    if x < 0.0 { -z } else { z }
}

/// The inverse hyperbolic sine, by formulas that lose nothing near zero and none of the range.
pub fn asinh(x: f64) -> f64 {
    let a = x.abs();
    if !x.is_finite() || a < 2f64.powi(-28) {
        return x;
    }
    let size = if a > 2f64.powi(28) {
        log(a) + LN_2
    } else if a > 2.0 {
        log(2.0 * a + 1.0 / ((x * x + 1.0).sqrt() + a))
    } else {
        let t = x * x;
        libm::log1p(a + t / (1.0 + (1.0 + t).sqrt()))
    };
    size.copysign(x)
}

/// The inverse hyperbolic cosine; NaN below one.
pub fn acosh(x: f64) -> f64 {
    if x.is_nan() || x < 1.0 {
        return f64::NAN;
    }
    if x >= 2f64.powi(28) {
        return if x.is_infinite() { x } else { log(x) + LN_2 };
    }
    if x > 2.0 {
        return log(2.0 * x - 1.0 / (x + (x * x - 1.0).sqrt()));
    }
    let t = x - 1.0;
    libm::log1p(t + (2.0 * t + t * t).sqrt())
}
