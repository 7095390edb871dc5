//! The rows of a measurement: of a file, over and over, or made up by the types of their columns. Measures nothing.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use arrow::array::{ArrayRef, Int32Array, new_null_array};
use arrow::datatypes::{DataType, Field, Fields};
use serde_json::{Map, Value, json};

use crate::cli::udf::json_rows;
use crate::error::{Error, Result};
use crate::udf::{Function, Kind};

/// Rows of a group, in aggregates and group functions.
const ROWS_A_GROUP: usize = 16;

/// Letters of a made-up word.
const LETTERS_MAX: u64 = 9;

pub struct Rows {
    pub count: usize,
    pub columns: Vec<ArrayRef>,
    pub groups: usize,
    /// The group of each row; it never falls.
    pub owners: Int32Array,
    /// The columns of the keys, as far as the function sees them.
    pub keys: Vec<ArrayRef>,
}

impl Rows {
    pub fn new(function: &Function, count: usize, file: Option<&Path>) -> Result<Rows> {
        let groups = count.div_ceil(ROWS_A_GROUP);
        let owners = (0..count).map(|row| (row / ROWS_A_GROUP) as i32);
        let columns = match file {
            Some(file) => columns_of_file(file, &function.inputs, count)?,
            None => made_up(&function.inputs, count)?,
        };
        let keys = match &function.kind {
            Kind::Group { key, .. } => made_up(key, groups)?,
            _ => Vec::new(),
        };
        Ok(Rows { count, columns, groups, owners: Int32Array::from_iter_values(owners), keys })
    }
}

fn columns_of_file(file: &Path, fields: &Fields, count: usize) -> Result<Vec<ArrayRef>> {
    let failed = |e| Error::user("cannot read the rows").with("file", file.display()).because(e);
    let text = fs::read_to_string(file).map_err(failed)?;
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        return Err(Error::user("the file has no rows").with("file", file.display()));
    }
    let lines: String = lines.iter().cycle().take(count).map(|line| format!("{line}\n")).collect();
    Ok(json_rows::read(&lines, file, fields)?.columns().to_vec())
}

fn made_up(fields: &Fields, count: usize) -> Result<Vec<ArrayRef>> {
    // Columns that JSON has no text for are null.
    let written: Fields = fields.iter().filter(|field| is_written(field.data_type())).cloned().collect();
    let (mut noise, mut lines) = (Noise(0x9e37_79b9_7f4a_7c15), String::new());
    for row in 0..count {
        let members = written.iter().map(|field| (field.name().clone(), noise.value(field.data_type(), row)));
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "{}", Value::Object(members.collect::<Map<_, _>>()));
    }
    let rows = json_rows::read(&lines, Path::new("rows that were made up"), &written)?;
    let column = |field: &std::sync::Arc<Field>| match rows.column_by_name(field.name()) {
        Some(column) => column.clone(),
        None => new_null_array(field.data_type(), count),
    };
    Ok(fields.iter().map(column).collect())
}

/// Whether JSON lines can hold values of a type: intervals only as a column of their own, keys of maps only as texts.
fn is_written(data_type: &DataType) -> bool {
    let is_inside = |field: &std::sync::Arc<Field>| {
        is_written(field.data_type()) && !matches!(field.data_type(), DataType::Duration(_))
    };
    match data_type {
        DataType::Interval(_) | DataType::Null => false,
        DataType::List(item) => is_inside(item),
        DataType::Struct(fields) => fields.iter().all(is_inside),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => {
                fields[0].data_type() == &DataType::Utf8 && fields.iter().all(is_inside)
            }
            _ => false,
        },
        _ => true,
    }
}

/// A sequence of numbers that looks random and is the same in every run.
struct Noise(u64);

impl Noise {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % end
    }

    fn value(&mut self, data_type: &DataType, row: usize) -> Value {
        match data_type {
            DataType::Boolean => json!(self.below(2) == 1),
            DataType::Int8 | DataType::Int16 | DataType::Int32 => json!(1 + self.below(100)),
            DataType::Int64 => json!(self.below(1 << 40)),
            DataType::Float32 | DataType::Float64 => json!(self.below(1 << 20) as f64 / 8.0),
            // A decimal of few digits fits any precision and scale but 1 and 1.
            DataType::Decimal128(precision, scale) if *scale as u8 == *precision => json!(0),
            DataType::Decimal128(_, _) => json!(self.below(10)),
            DataType::Utf8 => json!(self.words()),
            DataType::Binary => json!("AAECAwQFBgcICQoLDA0ODw=="),
            DataType::Date32 => json!(format!("2026-01-{:02}", 1 + self.below(28))),
            DataType::Timestamp(_, _) => {
                json!(format!("2026-01-01T{:02}:{:02}:{:02}", row / 3_600 % 24, row / 60 % 60, row % 60))
            }
            DataType::Duration(_) => json!("10 seconds"),
            DataType::List(item) => (0..3).map(|_| self.value(item.data_type(), row)).collect(),
            DataType::Struct(fields) => {
                let member = |field: &std::sync::Arc<Field>| {
                    (field.name().clone(), self.value(field.data_type(), row))
                };
                Value::Object(fields.iter().map(member).collect())
            }
            DataType::Map(entries, _) => match entries.data_type() {
                DataType::Struct(fields) if fields.len() == 2 => {
                    let (key, value) = (fields[0].data_type(), fields[1].data_type());
                    let entry = |_| match self.value(key, row) {
                        Value::String(text) => (text, self.value(value, row)),
                        other => (other.to_string(), self.value(value, row)),
                    };
                    Value::Object((0..2).map(entry).collect())
                }
                _ => Value::Null,
            },
            _ => Value::Null,
        }
    }

    /// A line of eight words.
    fn words(&mut self) -> String {
        let mut line = String::new();
        for word in 0..8 {
            if word > 0 {
                line.push(' ');
            }
            for _ in 0..2 + self.below(LETTERS_MAX) {
                line.push((b'a' + self.below(26) as u8) as char);
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::parse_ddl;

    #[test]
    fn rows_of_every_type_are_made_up() {
        let schema = parse_ddl(
            "a BOOLEAN, b TINYINT, c SMALLINT, d INT, e BIGINT, f FLOAT, g DOUBLE, h DECIMAL(12,2), i DECIMAL(2,2), \
             j STRING, k BINARY, l DATE, m TIMESTAMP, n TIMESTAMP_NTZ, o INTERVAL DAY TO SECOND, \
             p ARRAY<BIGINT>, q MAP<STRING, INT>, r STRUCT<x: INT, y: ARRAY<STRING>>",
        )
        .unwrap();
        assert_eq!(
            made_up(parse_ddl("a VOID, b INTERVAL YEAR TO MONTH, c MAP<INT, INT>").unwrap().fields(), 3)
                .unwrap()
                .iter()
                .map(|column| column.logical_null_count())
                .collect::<Vec<_>>(),
            [3, 3, 3]
        );
        let columns = made_up(schema.fields(), 100).unwrap();
        for (column, field) in columns.iter().zip(schema.fields()) {
            assert_eq!((column.len(), column.null_count()), (100, 0), "{field}");
            assert_eq!(column.data_type(), field.data_type());
        }
    }

    #[test]
    fn rows_of_a_file_come_over_and_over() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "{\"x\": 1}\n\n{\"x\": 2, \"$key\": 1}\n").unwrap();
        let schema = parse_ddl("x BIGINT").unwrap();
        let columns = columns_of_file(file.path(), schema.fields(), 5).unwrap();
        assert_eq!(columns[0].as_ref(), &arrow::array::Int64Array::from(vec![1, 2, 1, 2, 1]));
    }
}
