//! Constants: numbers with their suffixes, strings, X'1F', DATE '...', TIMESTAMP '...'.

use datafusion_common::ScalarValue;

use super::ast::Ast;
use super::lexer::{Lexeme, syntax_error};
use super::parser::Parser;
use crate::error::{Error, Result};
use crate::expression::cast::{double_text, float_text, parse_date, parse_timestamp, timestamp_text};

pub fn null() -> Ast {
    Ast::Literal(ScalarValue::Null, "NULL".into())
}

pub fn boolean(truth: bool) -> Ast {
    Ast::Literal(ScalarValue::Boolean(Some(truth)), truth.to_string())
}

pub fn integer(number: i32) -> Ast {
    Ast::Literal(ScalarValue::Int32(Some(number)), number.to_string())
}

pub fn text(text: &str) -> Ast {
    Ast::Literal(ScalarValue::Utf8(Some(text.to_string())), text.to_string())
}

impl Parser<'_> {
    pub(super) fn number(&mut self, negative: bool) -> Result<Ast> {
        let Lexeme::Number { digits, suffix } = self.advance() else { return self.refuse("a number") };
        let signed = if negative { format!("-{digits}") } else { digits };
        let suffix = suffix.to_uppercase();
        let scientific = signed.contains(['e', 'E']);
        let plain = !scientific && !signed.contains('.');
        let value = match suffix.as_str() {
            "" if scientific => double(&signed),
            "" if plain => whole(&signed),
            "" | "BD" => decimal(&signed),
            "L" if plain => signed.parse().ok().map(|v| ScalarValue::Int64(Some(v))),
            "S" if plain => signed.parse().ok().map(|v| ScalarValue::Int16(Some(v))),
            "Y" if plain => signed.parse().ok().map(|v| ScalarValue::Int8(Some(v))),
            "D" => double(&signed),
            "F" => {
                signed.parse().ok().filter(|_| in_float_range(&signed)).map(|v| ScalarValue::Float32(Some(v)))
            }
            _ => return Err(syntax_error(self.text, &format!("`{signed}{suffix}` is not a number"))),
        };
        let value = value.ok_or_else(|| {
            let class = if suffix.is_empty() || suffix == "BD" {
                "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION"
            } else {
                "INVALID_NUMERIC_LITERAL_RANGE"
            };
            Error::user(format!("[{class}] a number does not fit its type"))
                .with("number", format!("{signed}{suffix}"))
                .with("expression", self.text)
        })?;
        let text = match &value {
            ScalarValue::Float64(Some(v)) => double_text(*v),
            ScalarValue::Float32(Some(v)) => float_text(*v),
            ScalarValue::Decimal128(Some(v), _, scale) => big_decimal_text(*v, *scale),
            other => other.to_string(),
        };
        Ok(Ast::Literal(value, text))
    }

    /// A string; strings side by side are one.
    pub(super) fn string(&mut self) -> Ast {
        let mut value = String::new();
        while let Lexeme::Text(part) = self.peek() {
            value.push_str(part);
            self.advance();
        }
        text(&value)
    }

    pub(super) fn hex(&mut self) -> Result<Ast> {
        let Lexeme::Hex(digits) = self.advance() else { return self.refuse("X'...'") };
        let padded = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits.clone() };
        let bytes: Option<Vec<u8>> = (0..padded.len() / 2)
            .map(|i| padded.get(2 * i..2 * i + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
            .collect();
        let Some(bytes) = bytes else {
            return Err(syntax_error(self.text, "[INVALID_TYPED_LITERAL] X'...' takes hexadecimal digits"));
        };
        let text = format!("X'{}'", padded.to_uppercase());
        Ok(Ast::Literal(ScalarValue::Binary(Some(bytes)), text))
    }

    /// `DATE '...'` and the like; None if no string follows the word.
    pub(super) fn typed_string(&mut self) -> Result<Option<Ast>> {
        let Lexeme::Text(value) = self.peek_at(1) else { return Ok(None) };
        let value = value.clone();
        let Lexeme::Name { text: word, .. } = self.advance() else { return Ok(None) };
        self.advance();
        let word = word.to_uppercase();
        let constant = match word.as_str() {
            "DATE" => parse_date(&value).map(|days| {
                let text = format!("DATE '{}'", crate::expression::cast::date_text(days));
                Ast::Literal(ScalarValue::Date32(Some(days)), text)
            }),
            "TIMESTAMP_NTZ" => parse_timestamp(&value).map(|(micros, _)| {
                let text = format!("TIMESTAMP_NTZ '{}'", timestamp_text(micros));
                Ast::Literal(ScalarValue::TimestampMicrosecond(Some(micros), None), text)
            }),
            "TIMESTAMP" | "TIMESTAMP_LTZ" => parse_timestamp(&value).map(|(micros, _)| {
                let text = format!("TIMESTAMP '{}'", timestamp_text(micros));
                Ast::Literal(ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into())), text)
            }),
            _ => return Err(Error::user("the type TIME is not supported").with("expression", self.text)),
        };
        match constant {
            Some(constant) => Ok(Some(constant)),
            None => Err(Error::user(format!("[INVALID_TYPED_LITERAL] not a value of {word}"))
                .with("value", value)
                .with("expression", self.text)),
        }
    }
}

/// As a double it is not beyond the largest FLOAT.
fn in_float_range(digits: &str) -> bool {
    digits.parse::<f64>().is_ok_and(|value| value.abs() <= f64::from(f32::MAX))
}

/// As Java's BigDecimal prints it: with an exponent when there are many zeros behind the point.
fn big_decimal_text(value: i128, scale: i8) -> String {
    let digits = value.unsigned_abs().to_string();
    let exponent = digits.len() as i32 - 1 - i32::from(scale);
    if exponent >= -6 {
        return crate::expression::cast::decimal_text(value, scale);
    }
    let sign = if value < 0 { "-" } else { "" };
    let point = if digits.len() > 1 { "." } else { "" };
    format!("{sign}{}{point}{}E{exponent}", &digits[..1], &digits[1..])
}

fn double(digits: &str) -> Option<ScalarValue> {
    digits.parse().ok().filter(|v: &f64| v.is_finite()).map(|v| ScalarValue::Float64(Some(v)))
}

fn whole(digits: &str) -> Option<ScalarValue> {
    if let Ok(number) = digits.parse::<i32>() {
        return Some(ScalarValue::Int32(Some(number)));
    }
    if let Ok(number) = digits.parse::<i64>() {
        return Some(ScalarValue::Int64(Some(number)));
    }
    decimal(digits)
}

fn decimal(text: &str) -> Option<ScalarValue> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let scale = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len()) as i32 - exponent;
    let mut value: i128 = mantissa.replace('.', "").parse().ok()?;
    let mut scale = scale;
    while scale < 0 {
        value = value.checked_mul(10)?;
        scale += 1;
    }
    let digits = value.unsigned_abs().to_string().len() as i32;
    let precision = digits.max(scale).max(1);
    (precision <= 38).then(|| ScalarValue::Decimal128(Some(value), precision as u8, scale as i8))
}
