//! `format_number`: numbers with grouped digits, by a count of places or by a pattern of Java's DecimalFormat.

use std::sync::Arc;

use arrow::array::StringBuilder;
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use datafusion_expr_common::columnar_value::ColumnarValue;

use crate::error::{Error, Result};
use crate::expression::coercion::{is_float, is_integral, unexpected_type};
use crate::expression::function::kernel::*;
use crate::expression::function::math::round::{Mode, divide};
use crate::expression::registry::{Argument, Call, Function, Kernel};

pub static FUNCTIONS: &[Function] = &[Function { names: &["format_number"], resolve: format_number }];

/// How a number is laid out.
#[derive(Clone, Debug, PartialEq)]
struct Layout {
    prefix: String,
    suffix: String,
    /// Prefix and suffix of negative numbers; the minus sign before the prefix if there are none.
    negative: Option<(String, String)>,
    /// Digits in a group; 0 for no groups.
    group: usize,
    whole_least: usize,
    fraction_least: usize,
    fraction_most: usize,
    percent: bool,
}

/// More places than a number of any type has.
const PLACES_MAX: usize = 340;

impl Layout {
    fn places(places: usize) -> Layout {
        let places = places.min(PLACES_MAX);
        Layout {
            prefix: String::new(),
            suffix: String::new(),
            negative: None,
            group: 3,
            whole_least: 1,
            fraction_least: places,
            fraction_most: places,
            percent: false,
        }
    }

    fn of_pattern(pattern: &str) -> Result<Layout> {
        if pattern.is_empty() {
            return Ok(Layout::places(0));
        }
        let refuse = |why: &str| {
            Error::user(format!("`format_number` cannot read the pattern: {why}")).with("pattern", pattern)
        };
        let mut parts = SubPatterns::default();
        parts.read(pattern).map_err(refuse)?;
        let [prefix, digits, suffix, negative_prefix, _, negative_suffix] = parts.texts;
        let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
        if fraction.contains(['.', ',']) {
            return Err(refuse("a second point, or a comma behind the point"));
        }
        let zeros = |text: &str| text.matches('0').count();
        let group = whole.rfind(',').map_or(0, |at| whole.len() - at - 1);
        let no_zero = zeros(&digits) == 0 && digits.contains('.');
        Ok(Layout {
            percent: prefix.contains('%') || suffix.contains('%'),
            negative: parts.has_negative.then_some((negative_prefix, negative_suffix)),
            prefix,
            suffix,
            group,
            whole_least: if no_zero { 1 } else { zeros(whole) },
            fraction_least: zeros(fraction),
            fraction_most: fraction.len(),
        })
    }

    /// Lays out the digits of a number that was rounded to the most places wanted.
    fn lay_out(&self, negative: bool, whole: &str, fraction: &str) -> String {
        let fraction = fraction.trim_end_matches('0');
        let fraction = format!("{fraction:0<width$}", width = self.fraction_least);
        let whole = whole.trim_start_matches('0');
        let mut whole = format!("{whole:0>width$}", width = self.whole_least);
        if whole.is_empty() && fraction.is_empty() {
            whole.push('0');
        }
        let mut text = String::new();
        match &self.negative {
            Some((prefix, _)) if negative => text.push_str(prefix),
            _ => {
                text.push_str(if negative { "-" } else { "" });
                text.push_str(&self.prefix);
            }
        }
        push_grouped(&whole, self.group, &mut text);
        if !fraction.is_empty() {
            text.push('.');
            text.push_str(&fraction);
        }
        match &self.negative {
            Some((_, suffix)) if negative => text.push_str(suffix),
            _ => text.push_str(&self.suffix),
        }
        text
    }

    fn double(&self, value: f64) -> String {
        if value.is_nan() {
            return "NaN".into();
        }
        if value.is_infinite() {
            return if value < 0.0 { "-∞".into() } else { "∞".into() };
        }
        let value = if self.percent { value * 100.0 } else { value };
        // Rust rounds the exact value of the float, halves to even, as DecimalFormat does.
        // Where nothing is rounded away, it shows the shortest digits, and zeros behind them.
        let shortest = value.abs().to_string();
        let places = shortest.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let text = if places <= self.fraction_most {
            shortest
        } else {
            format!("{:.*}", self.fraction_most, value.abs())
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        self.lay_out(value.is_sign_negative(), whole, fraction)
    }

    fn decimal(&self, value: i128, scale: i8) -> String {
        let places = i64::from(scale) - if self.percent { 2 } else { 0 };
        let dropped = places - self.fraction_most as i64;
        let (rounded, places) = match dropped {
            1.. => (divide(value, dropped as u32, Mode::HalfEven), self.fraction_most as i64),
            _ => (value, places),
        };
        let mut digits = rounded.unsigned_abs().to_string();
        // A percentage may need more digits than there are.
        digits.extend(std::iter::repeat_n('0', (-places).max(0) as usize));
        let places = places.max(0) as usize;
        let digits = format!("{digits:0>width$}", width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        self.lay_out(value < 0, whole, fraction)
    }
}

/// Prefix, digits and suffix of the pattern, and of its part for negative numbers.
#[derive(Default)]
struct SubPatterns {
    texts: [String; 6],
    has_negative: bool,
}

impl SubPatterns {
    fn read(&mut self, pattern: &str) -> std::result::Result<(), &'static str> {
        let mut at = 0;
        let mut quoted = false;
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\'' if chars.next_if_eq(&'\'').is_some() => self.affix(&mut at, '\''),
                '\'' => quoted = !quoted,
                c if quoted => self.affix(&mut at, c),
                '#' | '0' | ',' | '.' => {
                    if at % 3 == 2 {
                        return Err("digits behind the suffix");
                    }
                    at = at / 3 * 3 + 1;
                    self.texts[at].push(c);
                }
                ';' if at < 3 => {
                    self.has_negative = true;
                    at = 3;
                }
                ';' => return Err("a third part"),
                'E' if at % 3 == 1 => return Err("exponents are not supported"),
                '‰' | '¤' => return Err("per mille and currencies are not supported"),
                c => self.affix(&mut at, c),
            }
        }
        if quoted { Err("a quotation is not closed") } else { Ok(()) }
    }

    fn affix(&mut self, at: &mut usize, c: char) {
        if *at % 3 == 1 {
            *at += 1;
        }
        self.texts[*at].push(c);
    }
}

/// Digits with a comma between groups, counted from the end.
pub fn push_grouped(digits: &str, group: usize, out: &mut String) {
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && group > 0 && (digits.len() - i).is_multiple_of(group) {
            out.push(',');
        }
        out.push(digit);
    }
}

/// The number of a row, laid out.
type Numbers = Box<dyn Fn(usize, &Layout) -> Option<String>>;

fn numbers(value: &ColumnarValue, data_type: &DataType) -> Result<Numbers> {
    Ok(match data_type {
        DataType::Decimal128(_, scale) => {
            let (column, scale) = (Column::<Number<Decimal128Type>>::of(value)?, *scale);
            Box::new(move |row, layout| Some(layout.decimal(column.get(row)?, scale)))
        }
        DataType::Int64 => {
            let column = Column::<Number<Int64Type>>::of(value)?;
            Box::new(move |row, layout| Some(layout.decimal(column.get(row)?.into(), 0)))
        }
        _ => {
            let column = Column::<Number<Float64Type>>::of(value)?;
            Box::new(move |row, layout| Some(layout.double(column.get(row)?)))
        }
    })
}

fn format_number(args: &[Argument]) -> Result<Call> {
    count("format_number", args, 2, 2)?;
    let data_type = match args[0].data_type {
        decimal @ DataType::Decimal128(..) => decimal.clone(),
        integer if is_integral(integer) => BIGINT,
        other if is_float(other) || *other == DataType::Null => DOUBLE,
        other => return Err(unexpected_type("format_number", 1, "NUMERIC", other)),
    };
    let by_pattern = *args[1].data_type == STRING;
    let prepared = literal_text(&args[1]).map(Layout::of_pattern).transpose()?;
    let types = [data_type.clone(), if by_pattern { STRING } else { INT }];
    let kernel: Kernel = Arc::new(move |args, rows| {
        let numbers = numbers(&args[0], &data_type)?;
        if by_pattern {
            let patterns = Column::<Text>::of(&args[1])?;
            return over_rows(args, rows, &STRING, |row, out: &mut StringBuilder| {
                let text = match (&prepared, patterns.get(row)) {
                    (Some(layout), Some(_)) => numbers(row, layout),
                    (None, Some(pattern)) => numbers(row, &Layout::of_pattern(pattern)?),
                    (_, None) => None,
                };
                out.append_option(text);
                Ok(())
            });
        }
        let places = Column::<Int>::of(&args[1])?;
        over_rows(args, rows, &STRING, |row, out: &mut StringBuilder| {
            let layout = places.get(row).filter(|places| *places >= 0).map(|n| Layout::places(n as usize));
            out.append_option(layout.and_then(|layout| numbers(row, &layout)));
            Ok(())
        })
    });
    Ok(nullable(call("format_number", args, &types, STRING, kernel)?))
}
