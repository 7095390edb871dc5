//! `format_string`: Java's `String.format` for the conversions of text, truth, characters and numbers.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringBuilder, new_empty_array};
use arrow::datatypes::*;

use super::number::push_grouped;
use crate::error::{Error, Result};
use crate::expression::cast::{decimal_text, double_text, float_text};
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};
use crate::record::type_name;

pub static FUNCTIONS: &[Function] =
    &[Function { names: &["format_string", "printf"], resolve: format_string }];

#[derive(Clone, Debug, Default, PartialEq)]
struct Specifier {
    index: Option<Index>,
    left: bool,
    plus: bool,
    space: bool,
    zeros: bool,
    groups: bool,
    parentheses: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
    conversion: char,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Index {
    At(usize),
    Last,
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    Specifier(Specifier),
}

/// A width or precision above this is refused.
const WIDTH_MAX: usize = 100_000;

fn illegal(format: &str, why: impl std::fmt::Display) -> Error {
    Error::user(format!("`format_string` cannot apply the format: {why}")).with("format", format)
}

fn parse(format: &str) -> Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        if at > 0 {
            pieces.push(Piece::Text(rest[..at].to_string()));
        }
        let (specifier, behind) = specifier(format, &rest[at + 1..])?;
        pieces.push(Piece::Specifier(specifier));
        rest = behind;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_string()));
    }
    Ok(pieces)
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

fn specifier<'a>(format: &str, text: &'a str) -> Result<(Specifier, &'a str)> {
    let mut found = Specifier::default();
    let mut rest = text;
    let number = |digits: &str| {
        digits.parse().ok().filter(|n| *n <= WIDTH_MAX).ok_or_else(|| illegal(format, "a huge width"))
    };
    let (index, behind) = digits(rest);
    if let (false, Some(behind)) = (index.is_empty(), behind.strip_prefix('$')) {
        found.index = Some(Index::At(number(index)?));
        rest = behind;
    } else if let Some(behind) = rest.strip_prefix('<') {
        found.index = Some(Index::Last);
        rest = behind;
    }
    while let Some(flag) = rest.chars().next().filter(|c| "-+ 0,(#".contains(*c)) {
        let slot = match flag {
            '-' => &mut found.left,
            '+' => &mut found.plus,
            ' ' => &mut found.space,
            '0' => &mut found.zeros,
            ',' => &mut found.groups,
            '(' => &mut found.parentheses,
            _ => &mut found.alternate,
        };
        if std::mem::replace(slot, true) {
            return Err(illegal(format, format_args!("the flag `{flag}` stands twice")));
        }
        rest = &rest[1..];
    }
    let (width, behind) = digits(rest);
    if !width.is_empty() {
        found.width = number(width)?;
    }
    rest = behind;
    if let Some(behind) = rest.strip_prefix('.') {
        let (precision, behind) = digits(behind);
        found.precision = Some(number(precision)?);
        rest = behind;
    }
    found.conversion = rest.chars().next().ok_or_else(|| illegal(format, "a specifier is not complete"))?;
    let known = "bBsScCdoxXeEfgG%n".contains(found.conversion);
    let clash = found.left && found.zeros || found.plus && found.space;
    if !known || clash || (found.left || found.zeros) && found.width == 0 {
        return Err(illegal(format, format_args!("`%{}`", &text[..text.len() - rest.len() + 1])));
    }
    let behind = &rest[found.conversion.len_utf8()..];
    Ok((found, behind))
}

/// An argument as Java would be given it.
enum Item {
    Null,
    Flag(bool),
    /// An integer of so many bits.
    Integer(i64, u32),
    /// A float, and its text.
    Float(f64, String),
    Text(String),
    Other(String),
}

/// Reads the argument of a row.
type Items = Box<dyn Fn(usize) -> Item>;

fn items(array: &ArrayRef) -> Result<Items> {
    fn integers<T>(array: &ArrayRef, bits: u32) -> Items
    where
        T: ArrowPrimitiveType,
        T::Native: Into<i64>,
    {
        let values = array.as_primitive::<T>().clone();
        Box::new(move |row| Item::Integer(values.value(row).into(), bits))
    }
    let read: Items = match array.data_type() {
        DataType::Null => Box::new(|_| Item::Null),
        DataType::Boolean => {
            let flags = array.as_boolean().clone();
            Box::new(move |row| Item::Flag(flags.value(row)))
        }
        DataType::Int8 => integers::<Int8Type>(array, 8),
        DataType::Int16 => integers::<Int16Type>(array, 16),
        DataType::Int32 => integers::<Int32Type>(array, 32),
        DataType::Int64 => integers::<Int64Type>(array, 64),
        // Java sees dates and times as the numbers that Spark holds.
        DataType::Date32 => integers::<Date32Type>(array, 32),
        DataType::Timestamp(..) => integers::<TimestampMicrosecondType>(array, 64),
        DataType::Float32 => {
            let floats = array.as_primitive::<Float32Type>().clone();
            Box::new(move |row| Item::Float(floats.value(row).into(), float_text(floats.value(row))))
        }
        DataType::Float64 => {
            let floats = array.as_primitive::<Float64Type>().clone();
            Box::new(move |row| Item::Float(floats.value(row), double_text(floats.value(row))))
        }
        DataType::Decimal128(_, scale) => {
            let (decimals, scale) = (array.as_primitive::<Decimal128Type>().clone(), *scale);
            Box::new(move |row| Item::Other(decimal_text(decimals.value(row), scale)))
        }
        DataType::Utf8 => {
            let texts = array.as_string::<i32>().clone();
            Box::new(move |row| Item::Text(texts.value(row).to_string()))
        }
        other => {
            let error = "`format_string` does not support arguments of a type";
            return Err(Error::user(error).with("type", type_name(other)));
        }
    };
    let array = array.clone();
    Ok(Box::new(move |row| if array.is_null(row) { Item::Null } else { read(row) }))
}

impl Specifier {
    fn pad(&self, text: String, out: &mut String) {
        let missing = self.width.saturating_sub(text.encode_utf16().count());
        let blanks = std::iter::repeat_n(' ', missing);
        if self.left {
            out.push_str(&text);
            out.extend(blanks);
        } else {
            out.extend(blanks);
            out.push_str(&text);
        }
    }

    /// A number of its sign and digits, with zeros, signs and groups as the flags want them.
    fn number(&self, negative: bool, prefix: &str, digits: &str, out: &mut String) {
        let mut body = String::from(prefix);
        if self.groups {
            let (whole, fraction) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
            push_grouped(whole, 3, &mut body);
            body.push_str(fraction);
        } else {
            body.push_str(digits);
        }
        let (before, after) = match (negative, self.parentheses) {
            (true, true) => ("(", ")"),
            (true, false) => ("-", ""),
            (false, _) if self.plus => ("+", ""),
            (false, _) if self.space => (" ", ""),
            (false, _) => ("", ""),
        };
        let length = before.len() + body.len() + after.len();
        let zeros = if self.zeros { self.width.saturating_sub(length) } else { 0 };
        let (start, rest) = body.split_at(prefix.len());
        self.pad([before, start, &"0".repeat(zeros), rest, after].concat(), out);
    }

    /// Writes the item; false if the conversion does not take it.
    fn write(&self, item: &Item, out: &mut String) -> bool {
        let conversion = self.conversion.to_ascii_lowercase();
        let mut text = String::new();
        match (conversion, item) {
            ('b', Item::Flag(flag)) => self.cut(flag.to_string(), &mut text),
            ('b', item) => self.cut((!matches!(item, Item::Null)).to_string(), &mut text),
            (_, Item::Null) => self.cut("null".into(), &mut text),
            ('s', Item::Flag(flag)) => self.cut(flag.to_string(), &mut text),
            ('s', Item::Integer(value, _)) => self.cut(value.to_string(), &mut text),
            ('s', Item::Float(_, shown)) => self.cut(shown.clone(), &mut text),
            ('s', Item::Text(shown) | Item::Other(shown)) => self.cut(shown.clone(), &mut text),
            ('c', Item::Integer(value, bits)) if *bits <= 32 => {
                let Some(c) = u32::try_from(*value).ok().and_then(char::from_u32) else { return false };
                self.pad(c.to_string(), &mut text);
            }
            ('d', Item::Integer(value, _)) => {
                self.number(*value < 0, "", &value.unsigned_abs().to_string(), &mut text);
            }
            ('x' | 'o', Item::Integer(value, bits)) => {
                let mask = if *bits == 64 { u64::MAX } else { (1 << bits) - 1 };
                let value = *value as u64 & mask;
                let (prefix, digits) = if conversion == 'x' {
                    ("0x", format!("{value:x}"))
                } else {
                    ("0", format!("{value:o}"))
                };
                self.number(false, if self.alternate { prefix } else { "" }, &digits, &mut text);
            }
            ('e' | 'f' | 'g', Item::Float(value, _)) if !value.is_finite() => {
                let shown = if value.is_nan() { "NaN" } else { "Infinity" };
                let plain = Specifier { zeros: false, groups: false, ..self.clone() };
                plain.number(*value < 0.0, "", shown, &mut text);
            }
            ('e' | 'f' | 'g', Item::Float(value, _)) => {
                let shown = float(conversion, *value, self.precision.unwrap_or(6));
                self.number(value.is_sign_negative(), "", &shown, &mut text);
            }
            _ => return false,
        }
        out.push_str(&if self.conversion.is_ascii_uppercase() { text.to_uppercase() } else { text });
        true
    }

    /// Text cut to the precision, and padded.
    fn cut(&self, text: String, out: &mut String) {
        let text = match self.precision {
            Some(most) => text.chars().take(most).collect(),
            None => text,
        };
        self.pad(text, out);
    }
}

/// The decimal digits that Java shows of a float, and the place of the point among them.
fn shown_digits(value: f64) -> (Vec<u8>, i32) {
    let text = double_text(value.abs());
    let (mantissa, exponent) = text.split_once('E').unwrap_or((&text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let point = whole.len() as i32 + exponent.parse::<i32>().unwrap_or(0);
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    if zeros == digits.len() {
        return (vec![b'0'], 1);
    }
    (digits[zeros..].to_vec(), point - zeros as i32)
}

/// Digits rounded, halves up, to the first `keep`; the point moves where a digit is added in front.
fn rounded(mut digits: Vec<u8>, point: i32, keep: i32) -> (Vec<u8>, i32) {
    if keep < 0 {
        return (Vec::new(), point);
    }
    let keep = keep as usize;
    if digits.len() <= keep {
        return (digits, point);
    }
    let up = digits[keep] >= b'5';
    digits.truncate(keep);
    if !up {
        return (digits, point);
    }
    for digit in digits.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return (digits, point);
        }
        *digit = b'0';
    }
    digits.insert(0, b'1');
    (digits, point + 1)
}

fn float(conversion: char, value: f64, precision: usize) -> String {
    let (digits, point) = shown_digits(value);
    match conversion {
        'f' => fixed(digits, point, precision),
        'e' => scientific(digits, point, precision),
        _ => {
            let precision = precision.max(1);
            let (_, place) = rounded(digits.clone(), point, precision as i32);
            if value == 0.0 {
                return fixed(digits, point, precision - 1);
            }
            if (-3..=precision as i32).contains(&place) {
                fixed(digits, point, (precision as i32 - place).max(0) as usize)
            } else {
                scientific(digits, point, precision - 1)
            }
        }
    }
}

fn fixed(digits: Vec<u8>, point: i32, places: usize) -> String {
    let (digits, point) = rounded(digits, point, point + places as i32);
    let digit =
        |at: i32| usize::try_from(at).ok().and_then(|at| digits.get(at)).map_or('0', |d| char::from(*d));
    let mut text: String = (0..point).map(digit).collect();
    if text.is_empty() {
        text.push('0');
    }
    if places > 0 {
        text.push('.');
        text.extend((point..point + places as i32).map(digit));
    }
    text
}

fn scientific(digits: Vec<u8>, point: i32, places: usize) -> String {
    let zero = digits == b"0";
    let (digits, point) = rounded(digits, point, places as i32 + 1);
    let digit = |at: usize| digits.get(at).map_or('0', |d| char::from(*d));
    let mut text = digit(0).to_string();
    if places > 0 {
        text.push('.');
        text.extend((1..=places).map(digit));
    }
    let exponent = if zero { 0 } else { point - 1 };
    text + &format!("e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// Writes the pieces with the items of a row.
fn fill(
    format: &str,
    pieces: &[Piece],
    items: &[Items],
    row: impl Fn(usize) -> usize,
    out: &mut String,
) -> Result<()> {
    let (mut next, mut last) = (0, None);
    for piece in pieces {
        let specifier = match piece {
            Piece::Text(text) => {
                out.push_str(text);
                continue;
            }
            Piece::Specifier(specifier) => specifier,
        };
        match specifier.conversion {
            '%' => specifier.pad("%".into(), out),
            'n' => out.push('\n'),
            conversion => {
                let index = match specifier.index {
                    Some(Index::At(index)) => index.checked_sub(1),
                    Some(Index::Last) => last,
                    None => {
                        next += 1;
                        Some(next - 1)
                    }
                };
                let item = index.and_then(|index| Some(items.get(index)?(row(index))));
                let Some(item) = item else {
                    return Err(illegal(format, format_args!("`%{conversion}` has no argument")));
                };
                last = index;
                if !specifier.write(&item, out) {
                    return Err(illegal(format, format_args!("`%{conversion}` does not take its argument")));
                }
            }
        }
    }
    Ok(())
}

fn format_string(args: &[Argument]) -> Result<Call> {
    count("format_string", args, 1, usize::MAX)?;
    let prepared = literal_text(&args[0]).map(parse).transpose()?;
    // Refuses what `items` cannot read before there are rows.
    args[1..].iter().try_for_each(|arg| items(&new_empty_array(arg.data_type)).map(|_| ()))?;
    let mut types = vec![STRING];
    types.extend(args[1..].iter().map(|arg| arg.data_type.clone()));
    let kernel: Kernel = Arc::new(move |args, rows| {
        let formats = Column::<Text>::of(&args[0])?;
        let columns = args[1..].iter().map(array_of).collect::<Result<Vec<_>>>()?;
        let items = columns.iter().map(|(array, _)| items(array)).collect::<Result<Vec<_>>>()?;
        let mut text = String::new();
        over_rows(args, rows, &STRING, |row, out: &mut StringBuilder| {
            let Some(format) = formats.get(row) else {
                out.append_null();
                return Ok(());
            };
            text.clear();
            let at = |column: usize| if columns[column].1 { 0 } else { row };
            match &prepared {
                Some(pieces) => fill(format, pieces, &items, at, &mut text)?,
                None => fill(format, &parse(format)?, &items, at, &mut text)?,
            }
            out.append_value(&text);
            Ok(())
        })
    });
    let mut made = call("format_string", args, &types, STRING, kernel)?;
    made.nullable = args[0].nullable;
    Ok(made)
}
