//! Numbers and times read from text, eight digits in one step. What the standard library reads as well is not here.

/// Reads a whole number: an optional sign and digits, nothing else. None too if it does not fit.
pub fn int(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    // Nineteen digits fit into the unsigned number without a check.
    if digits.is_empty() || digits.len() > 19 {
        return long(negative, digits);
    }
    let number = unsigned(digits)?;
    match negative {
        true if number <= 1 << 63 => Some((number as i64).wrapping_neg()),
        false => i64::try_from(number).ok(),
        true => None,
    }
}

/// Zeros in front may make a number longer than it is.
#[cold]
fn long(negative: bool, digits: &[u8]) -> Option<i64> {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    if digits.is_empty() || digits.len() - zeros > 19 {
        return None;
    }
    let number = if zeros == digits.len() { 0 } else { unsigned(&digits[zeros..])? };
    let number = i128::from(number);
    i64::try_from(if negative { -number } else { number }).ok()
}

/// Reads up to nineteen digits.
#[inline]
fn unsigned(digits: &[u8]) -> Option<u64> {
    let mut number: u64 = 0;
    let mut chunks = digits.chunks_exact(8);
    for chunk in &mut chunks {
        let chunk: [u8; 8] = chunk.try_into().ok()?;
        number = number * 100_000_000 + eight(u64::from_le_bytes(chunk))?;
    }
    for digit in chunks.remainder() {
        number = number * 10 + digit_of(*digit)?;
    }
    Some(number)
}

#[inline(always)]
fn digit_of(byte: u8) -> Option<u64> {
    let digit = byte.wrapping_sub(b'0');
    (digit < 10).then_some(u64::from(digit))
}

/// Reads eight digits, the first in the lowest byte.
#[inline(always)]
fn eight(word: u64) -> Option<u64> {
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    // A digit has the upper half 3, and still has it with 6 added.
    let halves = word & (word.wrapping_add(0x0606_0606_0606_0606)) & 0xf0f0_f0f0_f0f0_f0f0;
    if halves != ZEROS || (word | word.wrapping_add(0x0606_0606_0606_0606)) & 0xf0f0_f0f0_f0f0_f0f0 != ZEROS {
        return None;
    }
    let digits = word - ZEROS;
    let pairs = (digits * 10) + (digits >> 8);
    let low = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(100 + (1_000_000 << 32));
    let high = ((pairs >> 16) & 0x0000_00ff_0000_00ff).wrapping_mul(1 + (10_000 << 32));
    Some(low.wrapping_add(high) >> 32)
}

/// Reads `2026-01-31`, or with a time behind it `2026-01-31T23:59:59`, with a space in place of the `T`, with a fraction
/// of up to nine digits, and with `Z` or an offset such as `+02:00`; without one it is UTC. Gives microseconds since
/// 1970-01-01 UTC, digits behind them cut off.
pub fn timestamp(text: &[u8]) -> Option<i64> {
    let (date, time) = text.split_at_checked(10)?;
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = *date else { return None };
    let (year, month, day) = (unsigned(&[y0, y1, y2, y3])?, two(m0, m1)?, two(d0, d1)?);
    let days = days(year as i64, month as i64, day as i64)?;
    let micros = days * 86_400_000_000;
    if time.is_empty() { Some(micros) } else { Some(micros + time_of_day(time)?) }
}

fn two(first: u8, second: u8) -> Option<u64> {
    Some(digit_of(first)? * 10 + digit_of(second)?)
}

/// Days since 1970-01-01 in the Gregorian calendar; none if there is no such day.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(is_leap),
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    // The year begins with March, so that a leap day is its last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let before = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(before + (153 * month + 2) / 5 + day - 1 - 719_468)
}

/// Microseconds from what stands behind a date: `T23:59:59.123Z`.
fn time_of_day(text: &[u8]) -> Option<i64> {
    let (time, rest) = text.split_at_checked(9)?;
    let [b'T' | b' ', h0, h1, b':', m0, m1, b':', s0, s1] = *time else { return None };
    let (hour, minute, second) = (two(h0, h1)?, two(m0, m1)?, two(s0, s1)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut micros = ((hour * 60 + minute) * 60 + second) as i64 * 1_000_000;
    let mut rest = rest;
    if let [b'.', fraction @ ..] = rest {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=9).contains(&digits) {
            return None;
        }
        let (number, power) = (unsigned(&fraction[..digits])?, 10u64.pow(digits as u32));
        micros += (number * 1_000_000 / power) as i64;
        rest = &fraction[digits..];
    }
    Some(micros - offset(rest)?)
}

/// Microseconds that a clock is ahead of UTC.
fn offset(text: &[u8]) -> Option<i64> {
    let (sign, [h0, h1, b':', m0, m1]) = (match text {
        [] | [b'Z'] => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    }) else {
        return None;
    };
    let (hours, minutes) = (two(*h0, *h1)?, two(*m0, *m1)?);
    (hours <= 18 && minutes <= 59).then_some(sign * (hours * 60 + minutes) as i64 * 60_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_as_the_standard_library_reads_them() {
        let mut texts: Vec<String> = [
            "",
            "-",
            "+",
            "+5",
            "-0",
            "0",
            "00000000000000000000000007",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "-9223372036854775809",
            "18446744073709551616",
            "1 ",
            " 1",
            "1a",
            "12345678",
            "1234567:",
            "/2345678",
            "123456789",
            "12345678901234567x",
            "ä",
            "1.0",
            "1e3",
        ]
        .map(String::from)
        .to_vec();
        let mut noise: u64 = 7;
        for length in 0..3_000 {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            texts.push(format!("{}", (noise as i64) >> (length % 64)));
            // A byte that is no digit at any place.
            let mut bent = texts[texts.len() - 1].clone().into_bytes();
            let place = noise as usize % bent.len();
            bent[place] = (noise >> 32) as u8 & 0x7f;
            texts.push(String::from_utf8(bent).unwrap());
        }
        for text in texts {
            assert_eq!(int(text.as_bytes()), text.parse().ok(), "{text}");
        }
    }

    #[test]
    fn times_are_read() {
        for (text, micros) in [
            ("1970-01-01", Some(0)),
            ("1969-12-31T23:59:59.999999Z", Some(-1)),
            ("2026-01-01 00:00:10", Some(1_767_225_610_000_000)),
            ("2026-01-01T00:00:10.5", Some(1_767_225_610_500_000)),
            ("2026-01-01T02:00:10.123456789+02:00", Some(1_767_225_610_123_456)),
            ("2025-12-31T19:30:10-04:30", Some(1_767_225_610_000_000)),
            ("2000-02-29", Some(951_782_400_000_000)),
            ("0001-01-01", Some(-62_135_596_800_000_000)),
            ("1900-02-29", None),
            ("2026-13-01", None),
            ("2026-00-01", None),
            ("2026-04-31", None),
            ("2026-01-01T24:00:00", None),
            ("2026-01-01T00:60:00", None),
            ("2026-01-01T00:00", None),
            ("2026-01-01T00:00:00.", None),
            ("2026-01-01T00:00:00.0000000001", None),
            ("2026-01-01T00:00:00+2", None),
            ("2026-01-01T00:00:00+19:00", None),
            ("2026-01-01x", None),
            ("2026-1-1", None),
            ("", None),
        ] {
            assert_eq!(timestamp(text.as_bytes()), micros, "{text}");
        }
        // One day after the other, through leap years of every kind.
        let (mut expected, first) = (days(1599, 12, 31).unwrap(), days(1600, 1, 1).unwrap());
        assert_eq!(expected + 1, first);
        for year in 1600..2401 {
            for month in 1..=12 {
                for day in 1..=31 {
                    if let Some(found) = days(year, month, day) {
                        expected += 1;
                        assert_eq!(found, expected, "{year}-{month}-{day}");
                    }
                }
            }
        }
        assert_eq!(days(1970, 1, 1), Some(0));
    }
}
