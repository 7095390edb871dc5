//! The digits that Java 17 prints for a DOUBLE or FLOAT. They are not always the shortest that read back: Java
//! before 19 stops a little late for some values, such as `2.14748365E9` for the FLOAT 2^31, and Spark's text
//! follows it. The steps are those of Steele and White with its two estimates, on whole numbers.

/// Digits without point, and the power of ten of the first one plus one: 0.0125 is (`125`, -1).
pub struct Digits {
    pub digits: Vec<u8>,
    pub exponent: i32,
}

/// As Java writes it: a little less than the logarithm itself.
#[allow(clippy::approx_constant)]
const LOG_OF_TWO: f64 = 0.301029995663981;

/// Bits of a double's fraction.
const FRACTION_BITS: i32 = 52;

/// Digits that a power of two beyond the precision leaves without meaning.
const INSIGNIFICANT: [i32; 64] = [
    0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9, 9, 9, 10,
    10, 10, 11, 11, 11, 12, 12, 12, 12, 13, 13, 13, 14, 14, 14, 15, 15, 15, 15, 16, 16, 16, 17, 17, 17, 18,
    18, 18, 19,
];

/// A finite double above 0.
pub fn double_digits(value: f64) -> Digits {
    let bits = value.to_bits();
    let (fraction, exponent) = (bits & ((1 << FRACTION_BITS) - 1), (bits >> FRACTION_BITS) as i32 & 0x7ff);
    if exponent == 0 {
        let zeros = fraction.leading_zeros() as i32;
        let shift = zeros - (63 - FRACTION_BITS);
        return digits(1 - shift - 1023, fraction << shift, 64 - zeros);
    }
    digits(exponent - 1023, fraction | 1 << FRACTION_BITS, FRACTION_BITS + 1)
}

/// A finite float above 0.
pub fn float_digits(value: f32) -> Digits {
    let bits = value.to_bits();
    let (fraction, exponent) = (u64::from(bits & 0x7f_ffff), (bits >> 23) as i32 & 0xff);
    if exponent == 0 {
        let zeros = (fraction as u32).leading_zeros() as i32;
        let shift = zeros - (31 - 23);
        return digits(1 - shift - 127, fraction << shift << 29, 32 - zeros);
    }
    digits(exponent - 127, (fraction | 1 << 23) << 29, 24)
}

/// `fraction` is normalised to 53 bits, of which `significant` have meaning.
fn digits(binary: i32, fraction: u64, significant: i32) -> Digits {
    let zeros = fraction.trailing_zeros() as i32;
    let bits = FRACTION_BITS + 1 - zeros;
    let tiny = (bits - binary - 1).max(0);
    if tiny == 0 && (-21..=62).contains(&binary) {
        let beyond = binary - significant - 1;
        let dropped =
            if binary > significant && beyond > 1 { INSIGNIFICANT[beyond.min(63) as usize] } else { 0 };
        let shift = binary - FRACTION_BITS;
        let whole = if shift >= 0 { fraction << shift } else { fraction >> -shift };
        return whole_digits(whole, dropped);
    }
    let decimal = estimate(fraction, binary);
    let (b5, s5) = ((-decimal).max(0), decimal.max(0));
    let (mut b2, mut s2) = (b5 + tiny + binary, s5 + tiny);
    let mut m2 = b2 - significant;
    b2 -= bits - 1;
    let common = b2.min(s2);
    (b2, s2, m2) = (b2 - common, s2 - common, m2 - common);
    // Below a power of two the next double is only half as far away.
    m2 -= i32::from(bits == 1);
    if m2 < 0 {
        (b2, s2, m2) = (b2 - m2, s2 - m2, 0);
    }
    let value = Natural::from(fraction >> zeros).times_powers(b2, b5);
    let scale = Natural::from(1).times_powers(s2, s5);
    let margin = Natural::from(1).times_powers(m2, b5);
    generate(value, scale, margin, decimal)
}

/// The decimal exponent, or one more than it.
fn estimate(fraction: u64, binary: i32) -> i32 {
    let mantissa = f64::from_bits(1023 << FRACTION_BITS | fraction & ((1 << FRACTION_BITS) - 1));
    let estimated = (mantissa - 1.5) * 0.289529654 + 0.176091259 + f64::from(binary) * LOG_OF_TWO;
    estimated.floor() as i32
}

fn whole_digits(whole: u64, dropped: i32) -> Digits {
    let mut whole = whole;
    if dropped > 0 {
        let unit = 10_u64.pow(dropped as u32);
        let rest = whole % unit;
        whole = whole / unit + u64::from(rest >= unit / 2);
    }
    let text = whole.to_string().into_bytes();
    let exponent = text.len() as i32 + dropped;
    let kept = text.iter().rposition(|digit| *digit != b'0').map_or(1, |last| last + 1);
    Digits { digits: text[..kept].to_vec(), exponent }
}

fn generate(mut value: Natural, scale: Natural, mut margin: Natural, mut decimal: i32) -> Digits {
    let tens = scale.clone().times(10);
    let mut digits = Vec::with_capacity(18);
    let first = value.take_digit(&scale);
    value = value.times(10);
    margin = margin.times(10);
    let mut low = value.less(&margin);
    let mut high = tens.less(&value.plus(&margin));
    if first == 0 && !high {
        decimal -= 1;
    } else {
        digits.push(b'0' + first);
    }
    // The form with an exponent has a digit behind the point at least.
    if !(-3..8).contains(&decimal) {
        (low, high) = (false, false);
    }
    while !low && !high {
        let digit = value.take_digit(&scale);
        value = value.times(10);
        margin = margin.times(10);
        low = value.less(&margin);
        high = tens.less(&value.plus(&margin));
        digits.push(b'0' + digit);
    }
    let twice = value.times(2);
    let odd = digits.last().is_some_and(|digit| digit & 1 == 1);
    let up = high && (!low || tens.less(&twice) || !twice.less(&tens) && odd);
    let exponent = decimal + 1;
    if up { round_up(digits, exponent) } else { Digits { digits, exponent } }
}

fn round_up(mut digits: Vec<u8>, exponent: i32) -> Digits {
    for place in (0..digits.len()).rev() {
        if digits[place] < b'9' {
            digits[place] += 1;
            return Digits { digits, exponent };
        }
        digits[place] = b'0';
    }
    digits.insert(0, b'1');
    digits.pop();
    Digits { digits, exponent: exponent + 1 }
}

/// A whole number of any size, lowest part first; no zero parts at the end.
#[derive(Clone)]
struct Natural(Vec<u32>);

impl Natural {
    fn from(value: u64) -> Natural {
        let mut natural = Natural(vec![value as u32, (value >> 32) as u32]);
        natural.trim();
        natural
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    fn times(mut self, factor: u32) -> Natural {
        let mut carry = 0_u64;
        for part in &mut self.0 {
            let product = u64::from(*part) * u64::from(factor) + carry;
            *part = product as u32;
            carry = product >> 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
        self
    }

    fn times_powers(mut self, twos: i32, fives: i32) -> Natural {
        for _ in 0..fives / 13 {
            self = self.times(1_220_703_125);
        }
        self = self.times(5_u32.pow((fives % 13) as u32));
        let (parts, bits) = (twos / 32, twos % 32);
        self = self.times(1 << bits);
        self.0.splice(0..0, std::iter::repeat_n(0, parts as usize));
        self
    }

    fn less(&self, other: &Natural) -> bool {
        match self.0.len().cmp(&other.0.len()) {
            std::cmp::Ordering::Equal => self.0.iter().rev().lt(other.0.iter().rev()),
            ordering => ordering.is_lt(),
        }
    }

    fn plus(&self, other: &Natural) -> Natural {
        let mut sum = Vec::with_capacity(self.0.len().max(other.0.len()) + 1);
        let mut carry = 0_u64;
        for place in 0..self.0.len().max(other.0.len()) {
            let part = |natural: &Natural| u64::from(natural.0.get(place).copied().unwrap_or(0));
            let total = part(self) + part(other) + carry;
            sum.push(total as u32);
            carry = total >> 32;
        }
        if carry > 0 {
            sum.push(carry as u32);
        }
        Natural(sum)
    }

    /// The quotient by `divisor`, which is below 10; the rest is kept.
    fn take_digit(&mut self, divisor: &Natural) -> u8 {
        let mut digit = 0;
        while !self.less(divisor) {
            let mut borrow = 0_i64;
            for (place, part) in self.0.iter_mut().enumerate() {
                let rest = i64::from(*part) - i64::from(divisor.0.get(place).copied().unwrap_or(0)) - borrow;
                borrow = i64::from(rest < 0);
                *part = rest as u32;
            }
            self.trim();
            digit += 1;
        }
        digit
    }
}

#[cfg(test)]
mod tests {
    use crate::expression::cast::{double_text, float_text};

    #[test]
    fn digits_are_those_of_java_17() {
        for (value, text) in [
            (0.1, "0.1"),
            (100.0, "100.0"),
            (1e23, "9.999999999999999E22"),
            (4.9e-324, "4.9E-324"),
            (f64::MAX, "1.7976931348623157E308"),
            (123456789.125, "1.23456789125E8"),
            (1.0 / 3.0, "0.3333333333333333"),
            (2e-3, "0.002"),
            (9.999999e6, "9999999.0"),
        ] {
            assert_eq!(double_text(value), text);
        }
        for (value, text) in [(2147483648.0_f32, "2.14748365E9"), (0.1, "0.1"), (16777216.0, "1.6777216E7")] {
            assert_eq!(float_text(value), text);
        }
    }
}
