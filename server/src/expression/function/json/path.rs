//! `get_json_object` and other questions about one JSON text.

use std::sync::Arc;

use arrow::array::{Int32Builder, ListBuilder, StringBuilder};

use super::read::{Rules, Value, read};
use super::write::write_value;
use crate::error::Result;
use crate::expression::coercion::array_type;
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["get_json_object"], resolve: get_json_object },
    Function { names: &["json_array_length"], resolve: json_array_length },
    Function { names: &["json_object_keys"], resolve: json_object_keys },
];

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Name(String),
    Index(usize),
    /// `[*]`
    Each,
}

/// The steps of a path such as `$.a[0]['b c'][*]`; none if it is not one.
fn parse_path(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(behind) = rest.strip_prefix("['") {
            let end = behind.find('\'').filter(|end| *end > 0)?;
            steps.push(Step::Name(behind[..end].to_string()));
            rest = behind[end + 1..].strip_prefix(']')?;
        } else if let Some(behind) = rest.strip_prefix('[') {
            let (inside, behind) = behind.split_once(']')?;
            steps.push(match inside.trim() {
                "*" => Step::Each,
                digits if digits.bytes().all(|b| b.is_ascii_digit()) => Step::Index(digits.parse().ok()?),
                _ => return None,
            });
            rest = behind;
        } else {
            let behind = rest.strip_prefix('.')?;
            let end = behind.find(['.', '[']).unwrap_or(behind.len());
            if end == 0 || &behind[..end] == "*" {
                return None;
            }
            steps.push(Step::Name(behind[..end].to_string()));
            rest = &behind[end..];
        }
    }
    Some(steps)
}

/// How values are written: a lone string is bare, within an array it is quoted, and arrays of arrays may be
/// flattened.
#[derive(Clone, Copy, PartialEq)]
enum Style {
    Raw,
    Quoted,
    Flat,
}

/// Writes what the path finds; each found value is one element of `out`.
fn find(value: &Value, steps: &[Step], style: Style, out: &mut Vec<String>) {
    match (value, steps) {
        (Value::Text(text), []) if style == Style::Raw => out.push(text.clone()),
        (Value::List(elements), []) if style == Style::Flat => {
            elements.iter().for_each(|element| find(element, &[], style, out));
        }
        (value, []) => {
            let mut text = String::new();
            write_value(value, &mut text);
            out.push(text);
        }
        (Value::Object(fields), [Step::Name(name), rest @ ..]) => {
            for (_, value) in fields.iter().filter(|(n, value)| n == name && *value != Value::Null) {
                let before = out.len();
                find(value, rest, style, out);
                if out.len() > before {
                    return;
                }
            }
        }
        (Value::List(elements), [Step::Each, Step::Each, rest @ ..]) => {
            let mut found = Vec::new();
            elements.iter().for_each(|element| find(element, rest, Style::Flat, &mut found));
            if !found.is_empty() {
                out.push(format!("[{}]", found.join(",")));
            }
        }
        (Value::List(elements), [Step::Each, rest @ ..]) => {
            let inner = if style == Style::Raw { Style::Quoted } else { style };
            let mut found = Vec::new();
            elements.iter().for_each(|element| find(element, rest, inner, &mut found));
            match found.len() {
                0 => {}
                1 if style != Style::Quoted => out.append(&mut found),
                _ => out.push(format!("[{}]", found.join(","))),
            }
        }
        (Value::List(elements), [Step::Index(index), rest @ ..]) => {
            if let Some(element) = elements.get(*index) {
                let style = if rest.first() == Some(&Step::Each) { Style::Quoted } else { style };
                find(element, rest, style, out);
            }
        }
        _ => {}
    }
}

fn object(text: &str, steps: &[Step]) -> Option<String> {
    let value = read(text, Rules::default()).ok()??;
    let mut found = Vec::new();
    find(&value, steps, Style::Raw, &mut found);
    (!found.is_empty()).then(|| found.concat())
}

fn get_json_object(args: &[Argument]) -> Result<Call> {
    count("get_json_object", args, 2, 2)?;
    let prepared = literal_text(&args[1]).map(parse_path);
    let kernel = map2::<Text, Text, StringBuilder, _>(STRING, move |text, path, out| {
        let found = match &prepared {
            Some(steps) => steps.as_ref().and_then(|steps| object(text, steps)),
            None => parse_path(path).and_then(|steps| object(text, &steps)),
        };
        out.append_option(found);
        Ok(())
    });
    Ok(nullable(call("get_json_object", args, &[STRING, STRING], STRING, kernel)?))
}

fn json_array_length(args: &[Argument]) -> Result<Call> {
    let kernel = map1::<Text, Int32Builder, _>(INT, |text, out| {
        out.append_option(match read(text, Rules::default()) {
            Ok(Some(Value::List(elements))) => Some(elements.len() as i32),
            _ => None,
        });
        Ok(())
    });
    Ok(nullable(call("json_array_length", args, &[STRING], INT, kernel)?))
}

fn json_object_keys(args: &[Argument]) -> Result<Call> {
    let output = array_type(STRING, true);
    let result = output.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let texts = Column::<Text>::of(&args[0])?;
        over_rows(args, rows, &output, |row, out: &mut ListBuilder<StringBuilder>| {
            match texts.get(row).map(|text| read(text, Rules::default())) {
                Some(Ok(Some(Value::Object(fields)))) => {
                    fields.iter().for_each(|(name, _)| out.values().append_value(name));
                    out.append(true);
                }
                _ => out.append_null(),
            }
            Ok(())
        })
    });
    Ok(nullable(call("json_object_keys", args, &[STRING], result, kernel)?))
}
