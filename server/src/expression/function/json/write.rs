//! Writes JSON as Jackson does.

use std::fmt::Write as _;

use super::read::Value;
use crate::expression::cast::double_text;

/// A string in quotes.
pub fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04X}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A number as Jackson gives it back: whole numbers as they are, others as a double.
fn write_number(text: &str, out: &mut String) {
    if text.contains(['.', 'e', 'E']) {
        out.push_str(&double_text(text.parse().unwrap_or(f64::NAN)));
    } else if text == "-0" {
        out.push('0');
    } else {
        out.push_str(text);
    }
}

/// A value read from JSON, without blanks.
pub fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Flag(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(text) => write_number(text, out),
        Value::NotANumber(text) => {
            out.push('"');
            out.push_str(text);
            out.push('"');
        }
        Value::Text(text) => write_text(text, out),
        Value::List(elements) => {
            out.push('[');
            for (i, element) in elements.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_value(element, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (i, (name, value)) in fields.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_text(name, out);
                out.push(':');
                write_value(value, out);
            }
            out.push('}');
        }
    }
}
