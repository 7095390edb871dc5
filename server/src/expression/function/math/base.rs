//! Numbers in other bases: bin, conv.

use arrow::array::StringBuilder;

use crate::error::Result;
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function};

pub static FUNCTIONS: &[Function] =
    &[Function { names: &["bin"], resolve: bin }, Function { names: &["conv"], resolve: conv }];

fn bin(args: &[Argument]) -> Result<Call> {
    let kernel = map1::<Long, StringBuilder, _>(STRING, |n, out| {
        out.append_value(format!("{n:b}"));
        Ok(())
    });
    call("bin", args, &[BIGINT], STRING, kernel)
}

/// The 64-bit number that the leading digits of `text` are in the base `from`, in the base `to`.
///
/// A negative `to` reads the number as signed. None if a base is unknown or the text is empty.
fn converted(text: &str, from: i32, to: i32) -> Result<Option<String>> {
    let (base, radix) = (from.unsigned_abs(), to.unsigned_abs());
    let text = text.trim_matches(' ');
    if from < 0 || !(2..=36).contains(&base) || !(2..=36).contains(&radix) || text.is_empty() {
        return Ok(None);
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut value: u64 = 0;
    for digit in digits.chars().map_while(|c| c.to_digit(base)) {
        let next = value.checked_mul(base.into()).and_then(|v| v.checked_add(digit.into()));
        value = next.ok_or_else(|| overflow("conv"))?;
    }
    if negative && to > 0 {
        // The two's complement; a number beyond the signed range counts as -1.
        value = if (value as i64) < 0 { u64::MAX } else { value.wrapping_neg() };
    }
    let mut minus = negative && to < 0;
    if to < 0 && (value as i64) < 0 {
        value = value.wrapping_neg();
        minus = true;
    }
    let mut reversed = Vec::new();
    loop {
        let digit = char::from_digit((value % u64::from(radix)) as u32, radix);
        reversed.extend(digit.map(|c| c.to_ascii_uppercase()));
        value /= u64::from(radix);
        if value == 0 {
            break;
        }
    }
    reversed.extend(minus.then_some('-'));
    Ok(Some(reversed.iter().rev().collect()))
}

fn conv(args: &[Argument]) -> Result<Call> {
    let kernel = map3::<Text, Int, Int, StringBuilder, _>(STRING, |text, from, to, out| {
        out.append_option(converted(text, from, to)?);
        Ok(())
    });
    Ok(nullable(call("conv", args, &[STRING, INT, INT], STRING, kernel)?))
}
