//! Columns of JSON records: every field that any record has, in the order of their names, of the narrowest type
//! that holds all its values.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields};
use serde_json::Value;

use super::Parts;
use crate::error::Result;
use crate::format::lines::{Lines, Separator};
use crate::record::Options;

/// What the values of a field have in common.
#[derive(Clone, Debug, PartialEq)]
enum Shape {
    Null,
    Boolean,
    Long,
    Double,
    Text,
    List(Box<Shape>),
    Struct(BTreeMap<String, Shape>),
}

pub fn infer(options: &Options, parts: Parts<'_>) -> Result<Vec<Field>> {
    let corrupt_column = options.get("columnNameOfCorruptRecord").unwrap_or("_corrupt_record").to_string();
    let separator = match options.boolean("multiLine")? {
        Some(true) => Separator::Never,
        _ => Separator::of(options)?,
    };
    let mut columns = BTreeMap::new();
    let mut add = |record: &Value| match shape_of(record) {
        Shape::Struct(fields) => merge_fields(&mut columns, fields),
        _ => merge_fields(&mut columns, BTreeMap::from([(corrupt_column.clone(), Shape::Text)])),
    };
    for part in parts {
        let part = part?;
        let mut lines = Lines::open(&part, separator.clone())?;
        while let Some(line) = lines.next()? {
            if line.trim_ascii().is_empty() {
                continue;
            }
            match serde_json::from_slice(line) {
                Ok(Value::Array(records)) => records.iter().for_each(&mut add),
                Ok(record) => add(&record),
                // A record that cannot be read is text as a whole.
                Err(_) => add(&Value::Null),
            }
        }
    }
    Ok(columns.iter().filter_map(|(name, shape)| Some(Field::new(name, data_type(shape)?, true))).collect())
}

fn shape_of(value: &Value) -> Shape {
    match value {
        Value::Null => Shape::Null,
        Value::Bool(_) => Shape::Boolean,
        Value::Number(number) if number.is_i64() => Shape::Long,
        Value::Number(_) => Shape::Double,
        Value::String(_) => Shape::Text,
        Value::Array(values) => Shape::List(Box::new(values.iter().map(shape_of).fold(Shape::Null, merge))),
        Value::Object(fields) => {
            Shape::Struct(fields.iter().map(|(name, value)| (name.clone(), shape_of(value))).collect())
        }
    }
}

fn merge(one: Shape, other: Shape) -> Shape {
    match (one, other) {
        (Shape::Null, shape) | (shape, Shape::Null) => shape,
        (Shape::Long, Shape::Double) | (Shape::Double, Shape::Long) => Shape::Double,
        (Shape::List(one), Shape::List(other)) => Shape::List(Box::new(merge(*one, *other))),
        (Shape::Struct(mut one), Shape::Struct(other)) => {
            merge_fields(&mut one, other);
            Shape::Struct(one)
        }
        (one, other) if one == other => one,
        _ => Shape::Text,
    }
}

fn merge_fields(fields: &mut BTreeMap<String, Shape>, others: BTreeMap<String, Shape>) {
    for (name, shape) in others {
        let before = fields.remove(&name).unwrap_or(Shape::Null);
        fields.insert(name, merge(before, shape));
    }
}

/// Nothing for a struct without fields, which no column can be.
fn data_type(shape: &Shape) -> Option<DataType> {
    Some(match shape {
        Shape::Null | Shape::Text => DataType::Utf8,
        Shape::Boolean => DataType::Boolean,
        Shape::Long => DataType::Int64,
        Shape::Double => DataType::Float64,
        Shape::List(element) => DataType::List(Arc::new(Field::new("element", data_type(element)?, true))),
        Shape::Struct(fields) => {
            let named = fields.iter();
            let fields: Fields =
                named.filter_map(|(name, shape)| Some(Field::new(name, data_type(shape)?, true))).collect();
            if fields.is_empty() {
                return None;
            }
            DataType::Struct(fields)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::type_name;

    #[test]
    fn values_have_the_narrowest_type_that_holds_all() {
        for (values, expected) in [
            (&["1", "null"][..], "BIGINT"),
            (&["1", "2.5"], "DOUBLE"),
            (&["9223372036854775808"], "DOUBLE"),
            (&["true"], "BOOLEAN"),
            (&["true", "1"], "STRING"),
            (&["null"], "STRING"),
            (&["[]", "[1, null]", "[2.5]"], "ARRAY<DOUBLE>"),
            (
                &["{\"b\": 1}", "{\"a\": {\"c\": \"x\"}, \"b\": null}"],
                "STRUCT<a: STRUCT<c: STRING>, b: BIGINT>",
            ),
            (&["{\"b\": 1}", "[1]"], "STRING"),
        ] {
            let shapes = values.iter().map(|value| shape_of(&serde_json::from_str(value).unwrap()));
            let found = data_type(&shapes.fold(Shape::Null, merge)).unwrap();
            assert_eq!(type_name(&found), expected, "{values:?}");
        }
    }
}
