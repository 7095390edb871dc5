//! JSON values into columns, with Spark's coercions: what does not fit its column makes the record a bad one
//! and the column null. Knows no lines and no modes.

use arrow::datatypes::{FieldRef, Fields};

use super::scan::{Malformed, Quoted, Scan, Scanner, Token};
use crate::format::column::{Column, Values};
use crate::format::value::{TimeFormats, read_decimal};

/// How reading a value ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Good,
    /// The value was added, but something inside did not fit and is null.
    Partial,
    /// Nothing was added.
    Bad,
}

/// Reads the members of an object whose bracket was taken into one column each, all of the same length.
///
/// Members that are no field are passed over, fields that are no member are null; of a name that is there
/// twice the last good value counts.
pub fn read_object(
    scanner: &mut Scanner,
    fields: &Fields,
    columns: &mut [Column],
    formats: &TimeFormats,
    row: usize,
) -> Scan<Outcome> {
    let mut outcome = Outcome::Good;
    let (mut first, mut guess) = (true, 0);
    while let Some(name) = scanner.next_name(first)? {
        first = false;
        let Some(index) = find_field(fields, name, guess) else {
            let token = scanner.token()?;
            scanner.skip_rest(token)?;
            continue;
        };
        guess = index + 1;
        let column = &mut columns[index];
        let read = if column.len() > row {
            replace_value(scanner, &fields[index], column, formats, row)?
        } else {
            let read = read_value(scanner, column, formats)?;
            if read == Outcome::Bad {
                column.push_null();
            }
            read
        };
        if read != Outcome::Good {
            outcome = Outcome::Partial;
        }
    }
    for column in columns {
        if column.len() == row {
            column.push_null();
        }
    }
    Ok(outcome)
}

/// Members mostly come in the order of the fields, so the search starts behind the last one found.
fn find_field(fields: &Fields, name: Quoted, guess: usize) -> Option<usize> {
    let name = name.to_text();
    let after = fields.iter().enumerate().skip(guess);
    let mut in_order = after.chain(fields.iter().enumerate().take(guess));
    in_order.find(|(_, field)| *field.name() == *name).map(|(index, _)| index)
}

/// Reads a member whose column has a value for this row already; a bad one leaves that value.
fn replace_value(
    scanner: &mut Scanner,
    field: &FieldRef,
    column: &mut Column,
    formats: &TimeFormats,
    row: usize,
) -> Scan<Outcome> {
    let start = scanner.at;
    let mut trial = Column::new(field.data_type()).map_err(|_| Malformed)?;
    let outcome = read_value(scanner, &mut trial, formats)?;
    if outcome != Outcome::Bad {
        column.truncate(row);
        scanner.at = start;
        read_value(scanner, column, formats)?;
    }
    Ok(outcome)
}

fn read_value(scanner: &mut Scanner, column: &mut Column, formats: &TimeFormats) -> Scan<Outcome> {
    scanner.peek()?;
    let start = scanner.at;
    let token = scanner.token()?;
    if token == Token::Null {
        column.push_null();
        return Ok(Outcome::Good);
    }
    let row = column.len();
    let outcome = match (&mut column.values, token) {
        (Values::Text(bytes), Token::String(text)) => {
            text.decode(&mut bytes.data);
            bytes.end_value();
            Outcome::Good
        }
        (Values::Text(bytes), other) => {
            scanner.skip_rest(other)?;
            bytes.data.extend_from_slice(&scanner.text.as_bytes()[start..scanner.at]);
            bytes.end_value();
            Outcome::Good
        }
        (Values::List(_, ends, child), Token::Array) => read_list(scanner, ends, child, formats)?,
        (Values::Struct(fields, columns), Token::Object) => {
            read_object(scanner, fields, columns, formats, row)?
        }
        (Values::Map(_, ends, keys, values), Token::Object) => {
            read_map(scanner, (ends, keys, values), formats)?
        }
        (values, token) => {
            scanner.skip_rest(token)?;
            let read = read_scalar(values, token, formats, scanner.syntax.non_numeric);
            read.map_or(Outcome::Bad, |()| Outcome::Good)
        }
    };
    if outcome != Outcome::Bad {
        column.mark_valid();
    }
    Ok(outcome)
}

fn read_list(
    scanner: &mut Scanner,
    ends: &mut Vec<i32>,
    child: &mut Column,
    formats: &TimeFormats,
) -> Scan<Outcome> {
    let base = child.len();
    let (mut first, mut outcome) = (true, Outcome::Good);
    while scanner.next_element(first)? {
        first = false;
        outcome = worse(outcome, read_value(scanner, child, formats)?);
    }
    if outcome == Outcome::Bad {
        child.truncate(base);
    } else {
        ends.push(child.len() as i32);
    }
    Ok(outcome)
}

fn read_map(
    scanner: &mut Scanner,
    (ends, keys, values): (&mut Vec<i32>, &mut Column, &mut Column),
    formats: &TimeFormats,
) -> Scan<Outcome> {
    let base = keys.len();
    let (mut first, mut outcome) = (true, Outcome::Good);
    while let Some(name) = scanner.next_name(first)? {
        first = false;
        let read = read_value(scanner, values, formats)?;
        outcome = worse(outcome, read);
        if let (Values::Text(bytes), true) = (&mut keys.values, outcome != Outcome::Bad) {
            name.decode(&mut bytes.data);
            bytes.end_value();
            keys.mark_valid();
        }
    }
    if outcome == Outcome::Bad {
        keys.truncate(base);
        values.truncate(base);
    } else {
        ends.push(keys.len() as i32);
    }
    Ok(outcome)
}

fn worse(one: Outcome, other: Outcome) -> Outcome {
    match (one, other) {
        (Outcome::Bad, _) | (_, Outcome::Bad) => Outcome::Bad,
        (Outcome::Partial, _) | (_, Outcome::Partial) => Outcome::Partial,
        _ => Outcome::Good,
    }
}

/// Adds a value that is neither text nor nested; nothing if it does not fit.
fn read_scalar(values: &mut Values, token: Token, formats: &TimeFormats, non_numeric: bool) -> Option<()> {
    match (values, token) {
        (Values::Boolean(values), Token::True) => values.append(true),
        (Values::Boolean(values), Token::False) => values.append(false),
        (Values::Int8(values), Token::Integer(text)) => values.push(text.parse().ok()?),
        (Values::Int16(values), Token::Integer(text)) => values.push(text.parse().ok()?),
        (Values::Int32(values), Token::Integer(text)) => values.push(text.parse().ok()?),
        (Values::Int64(values), Token::Integer(text)) => values.push(text.parse().ok()?),
        (Values::Float32(values), token) => values.push(match token {
            // A whole number has no negative zero.
            Token::Integer(text) => text.parse::<f32>().ok()? + 0.0,
            Token::Float(text) => text.parse().ok()?,
            other => non_number(other, non_numeric)? as f32,
        }),
        (Values::Float64(values), token) => values.push(match token {
            Token::Integer(text) => text.parse::<f64>().ok()? + 0.0,
            Token::Float(text) => text.parse().ok()?,
            other => non_number(other, non_numeric)?,
        }),
        (Values::Decimal(values, precision, scale), Token::Integer(text) | Token::Float(text)) => {
            values.push(read_decimal(text, *precision, *scale)?);
        }
        (Values::Decimal(values, precision, scale), Token::String(text)) => {
            values.push(read_decimal(&text.to_text(), *precision, *scale)?);
        }
        (Values::Binary(bytes), Token::String(text)) => {
            use base64::Engine;
            let decoded = base64::engine::general_purpose::STANDARD.decode(text.to_text().as_bytes()).ok()?;
            bytes.data.extend_from_slice(&decoded);
            bytes.end_value();
        }
        (Values::Date(values), Token::String(text)) => {
            let text = text.to_text();
            // Spark takes a bare number in quotes as days since the epoch, where no pattern is given.
            let days = || if formats.date.is_none() { text.parse().ok() } else { None };
            values.push(formats.read_date(&text).or_else(days)?);
        }
        (Values::Timestamp(values, Some(_)), Token::String(text)) => {
            values.push(formats.read_timestamp(&text.to_text())?);
        }
        // Seconds; Spark lets them wrap around.
        (Values::Timestamp(values, Some(_)), Token::Integer(text)) => {
            values.push(text.parse::<i64>().ok()?.wrapping_mul(1_000_000));
        }
        (Values::Timestamp(values, None), Token::String(text)) => {
            values.push(formats.read_timestamp_ntz(&text.to_text())?);
        }
        _ => return None,
    }
    Some(())
}

fn non_number(token: Token, allowed: bool) -> Option<f64> {
    let text = match token {
        Token::NonNumber(text) => text.into(),
        Token::String(text) if allowed => text.to_text(),
        _ => return None,
    };
    match &*text {
        "NaN" => Some(f64::NAN),
        "Infinity" | "+Infinity" | "+INF" => Some(f64::INFINITY),
        "-Infinity" | "-INF" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}
