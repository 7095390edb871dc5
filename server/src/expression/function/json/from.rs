//! `from_json`: JSON text as values of a schema, column by column.

use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::*;

use super::options::Options;
use super::read::{Rules, Value, read};
use super::write::write_value;
use crate::error::{Error, Result};
use crate::expression::cast::{fit_decimal, parse_date, parse_decimal, parse_timestamp};
use crate::expression::function::array::too_long;
use crate::expression::function::datetime::Parser;
use crate::expression::function::datetime::calendar::{MICROS_PER_DAY, MICROS_PER_SECOND};
use crate::expression::function::kernel::*;
use crate::expression::function::string::code::from_base64;
use crate::expression::registry::{Argument, Call, Function, Kernel};
use crate::record::{parse_ddl, type_name};

pub static FUNCTIONS: &[Function] = &[Function { names: &["from_json"], resolve: from_json }];

struct Settings {
    rules: Rules,
    fail_fast: bool,
    corrupt_record: String,
    timestamp: Option<Parser>,
    local: Option<Parser>,
    date: Option<Parser>,
}

/// A column built from values, and the rows whose value did not fit the type.
struct Built {
    array: ArrayRef,
    bad: Vec<bool>,
}

/// Values of rows; none where there is no value, or null.
type Values<'v, 'a> = [Option<&'v Value<'a>>];

fn scalars<W: Write>(
    values: &Values,
    data_type: &DataType,
    read: impl Fn(&Value, &mut W) -> Option<()>,
) -> Built {
    let mut out = W::start(values.len(), data_type);
    let bad = values.iter().map(|value| match value {
        Some(value) if **value != Value::Null => {
            let fits = read(value, &mut out).is_some();
            if !fits {
                out.null();
            }
            !fits
        }
        _ => {
            out.null();
            false
        }
    });
    let bad = bad.collect();
    Built { array: out.end(), bad }
}

fn integers<T>(values: &Values, data_type: &DataType) -> Built
where
    T: ArrowPrimitiveType,
    T::Native: TryFrom<i64>,
{
    scalars(values, data_type, |value, out: &mut PrimitiveBuilder<T>| {
        let number: i64 = value.integer()?.parse().ok()?;
        out.append_value(T::Native::try_from(number).ok()?);
        Some(())
    })
}

/// A float of a number, or of one of the words for what is none.
fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Number(text) => text.parse().ok(),
        Value::NotANumber(word) => not_a_number(word),
        Value::Text(word) => not_a_number(word),
        _ => None,
    }
}

fn not_a_number(word: &str) -> Option<f64> {
    match word {
        "NaN" => Some(f64::NAN),
        "+INF" | "INF" | "+Infinity" | "Infinity" => Some(f64::INFINITY),
        "-INF" | "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

fn decimals(values: &Values, data_type: &DataType, precision: u8, scale: i8) -> Built {
    scalars(values, data_type, |value, out: &mut Decimal128Builder| {
        let text = match value {
            Value::Number(text) => text,
            Value::Text(text) => text.as_str(),
            _ => return None,
        };
        let (unscaled, from_scale) = parse_decimal(text)?;
        out.append_value(fit_decimal(unscaled, from_scale, precision, scale)?);
        Some(())
    })
}

fn times(values: &Values, data_type: &DataType, parser: Option<&Parser>) -> Built {
    let zoned = matches!(data_type, DataType::Timestamp(_, Some(_)));
    scalars(values, data_type, |value, out: &mut TimestampMicrosecondBuilder| {
        let micros = match (value, parser) {
            (Value::Text(text), Some(parser)) => parser.parse(text)?,
            (Value::Text(text), None) if !text.is_empty() => parse_timestamp(text)?.0,
            (Value::Number(_), _) if zoned => {
                value.integer()?.parse::<i64>().ok()?.checked_mul(MICROS_PER_SECOND)?
            }
            _ => return None,
        };
        out.append_value(micros);
        Some(())
    })
}

fn build(values: &Values, data_type: &DataType, settings: &Settings) -> Result<Built> {
    Ok(match data_type {
        DataType::Boolean => scalars(values, data_type, |value, out: &mut BooleanBuilder| match value {
            Value::Flag(flag) => {
                out.append_value(*flag);
                Some(())
            }
            _ => None,
        }),
        DataType::Int8 => integers::<Int8Type>(values, data_type),
        DataType::Int16 => integers::<Int16Type>(values, data_type),
        DataType::Int32 => integers::<Int32Type>(values, data_type),
        DataType::Int64 => integers::<Int64Type>(values, data_type),
        DataType::Float32 => scalars(values, data_type, |value, out: &mut Float32Builder| {
            out.append_value(float(value)? as f32);
            Some(())
        }),
        DataType::Float64 => scalars(values, data_type, |value, out: &mut Float64Builder| {
            out.append_value(float(value)?);
            Some(())
        }),
        DataType::Decimal128(precision, scale) => decimals(values, data_type, *precision, *scale),
        DataType::Utf8 => scalars(values, data_type, |value, out: &mut StringBuilder| {
            let mut text = String::new();
            match value {
                Value::Text(text) => out.append_value(text),
                Value::NotANumber(word) => out.append_value(word),
                value => {
                    write_value(value, &mut text);
                    out.append_value(&text);
                }
            }
            Some(())
        }),
        DataType::Binary => scalars(values, data_type, |value, out: &mut BinaryBuilder| match value {
            Value::Text(text) => {
                out.append_value(from_base64(text.as_bytes())?);
                Some(())
            }
            _ => None,
        }),
        DataType::Date32 => scalars(values, data_type, |value, out: &mut Date32Builder| {
            let Value::Text(text) = value else { return None };
            let days = match &settings.date {
                Some(parser) => parser.parse(text)?.div_euclid(MICROS_PER_DAY) as i32,
                None => parse_date(text)?,
            };
            out.append_value(days);
            Some(())
        }),
        DataType::Timestamp(_, Some(_)) => times(values, data_type, settings.timestamp.as_ref()),
        DataType::Timestamp(_, None) => times(values, data_type, settings.local.as_ref()),
        DataType::List(field) => lists(values, field, settings)?,
        DataType::Struct(fields) => structs(values, fields, settings)?,
        DataType::Map(entries, _) => maps(values, data_type, entries, settings)?,
        other => {
            let error = "`from_json` does not support a type";
            return Err(Error::user(error).with("type", type_name(other)));
        }
    })
}

/// Where each row's children begin; from their counts.
fn offsets(counts: impl Iterator<Item = usize>) -> Result<OffsetBuffer<i32>> {
    let mut offsets = vec![0];
    let mut end = 0;
    for count in counts {
        end += count;
        offsets.push(i32::try_from(end).map_err(|_| too_long("from_json"))?);
    }
    Ok(OffsetBuffer::new(offsets.into()))
}

/// Rows whose children all fit; a child that does not fit makes the whole array or map null.
fn whole(values: &Values, lengths: &[Option<usize>], bad_children: &[bool]) -> (Vec<bool>, Vec<bool>) {
    let mut at = 0;
    let mut valid = Vec::with_capacity(lengths.len());
    let mut bad = Vec::with_capacity(lengths.len());
    for (value, length) in values.iter().zip(lengths) {
        let present = value.is_some_and(|value| *value != Value::Null);
        let end = at + length.unwrap_or(0);
        let spoiled = bad_children[at..end].contains(&true);
        at = end;
        valid.push(length.is_some() && !spoiled);
        bad.push(present && (length.is_none() || spoiled));
    }
    (valid, bad)
}

fn lists(values: &Values, field: &FieldRef, settings: &Settings) -> Result<Built> {
    let elements = |value: &Option<&_>| match value {
        Some(Value::List(elements)) => Some(elements.len()),
        _ => None,
    };
    let lengths: Vec<_> = values.iter().map(elements).collect();
    let children = values.iter().flat_map(|value| match value {
        Some(Value::List(elements)) => elements.as_slice(),
        _ => &[],
    });
    let children: Vec<_> = children.map(Some).collect();
    let child = build(&children, field.data_type(), settings)?;
    let (valid, bad) = whole(values, &lengths, &child.bad);
    let offsets = offsets(lengths.iter().map(|length| length.unwrap_or(0)))?;
    let list = ListArray::try_new(field.clone(), offsets, child.array, Some(NullBuffer::from(valid)));
    Ok(Built { array: Arc::new(list.map_err(|e| Error::internal("make an array of JSON").because(e))?), bad })
}

fn maps(values: &Values, data_type: &DataType, entries: &FieldRef, settings: &Settings) -> Result<Built> {
    let wrong =
        || Error::user("`from_json` takes maps whose keys are strings").with("type", type_name(data_type));
    let DataType::Struct(fields) = entries.data_type() else { return Err(wrong()) };
    if *fields[0].data_type() != DataType::Utf8 {
        return Err(wrong());
    }
    // A key that comes again replaces the value of the first.
    let merged: Vec<Option<Vec<(&String, &Value)>>> = values
        .iter()
        .map(|value| match value {
            Some(Value::Object(pairs)) => {
                let mut kept: Vec<(&String, &Value)> = Vec::new();
                for (name, value) in pairs {
                    match kept.iter_mut().find(|(known, _)| *known == name) {
                        Some(known) => known.1 = value,
                        None => kept.push((name, value)),
                    }
                }
                Some(kept)
            }
            _ => None,
        })
        .collect();
    let lengths: Vec<_> = merged.iter().map(|pairs| pairs.as_ref().map(Vec::len)).collect();
    let names: StringArray = merged.iter().flatten().flatten().map(|(name, _)| Some(name.as_str())).collect();
    let children: Vec<_> = merged.iter().flatten().flatten().map(|(_, value)| Some(*value)).collect();
    let child = build(&children, fields[1].data_type(), settings)?;
    let (valid, bad) = whole(values, &lengths, &child.bad);
    let wrap = |e| Error::internal("make a map of JSON").because(e);
    let pairs =
        StructArray::try_new(fields.clone(), vec![Arc::new(names), child.array], None).map_err(wrap)?;
    let offsets = offsets(lengths.iter().map(|length| length.unwrap_or(0)))?;
    let map = MapArray::try_new(entries.clone(), offsets, pairs, Some(NullBuffer::from(valid)), false);
    Ok(Built { array: Arc::new(map.map_err(wrap)?), bad })
}

fn structs(values: &Values, fields: &Fields, settings: &Settings) -> Result<Built> {
    let object = |value: &Option<&Value>| matches!(value, Some(Value::Object(_)));
    let mut bad: Vec<bool> = values
        .iter()
        .map(|value| !object(value) && value.is_some_and(|value| *value != Value::Null))
        .collect();
    let mut columns = Vec::with_capacity(fields.len());
    for field in fields {
        let children: Vec<_> =
            values.iter().map(|value| value.and_then(|value| value.last(field.name()))).collect();
        let child = build(&children, field.data_type(), settings)?;
        bad.iter_mut().zip(&child.bad).for_each(|(bad, child)| *bad |= child);
        columns.push(child.array);
    }
    let valid: Vec<bool> = values.iter().map(object).collect();
    let made = StructArray::try_new_with_length(
        fields.clone(),
        columns,
        Some(NullBuffer::from(valid)),
        values.len(),
    );
    Ok(Built { array: Arc::new(made.map_err(|e| Error::internal("make a struct of JSON").because(e))?), bad })
}

/// The type that a schema names, all parts of it nullable.
fn schema_type(text: &str) -> Result<DataType> {
    let lower = text.trim_start().to_lowercase();
    let wrapped =
        ["array<", "map<", "struct<"].iter().any(|prefix| lower.replace(' ', "").starts_with(prefix));
    let data_type = if wrapped {
        parse_ddl(&format!("value {text}"))?.field(0).data_type().clone()
    } else {
        DataType::Struct(parse_ddl(text)?.fields().clone())
    };
    Ok(loosened(&data_type))
}

fn loosened(data_type: &DataType) -> DataType {
    let field = |field: &FieldRef, nullable| {
        Arc::new(Field::new(field.name(), loosened(field.data_type()), nullable))
    };
    match data_type {
        DataType::List(element) => DataType::List(field(element, true)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|f| field(f, true)).collect()),
        DataType::Map(entries, sorted) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => {
                let pair = Fields::from(vec![field(&pair[0], false), field(&pair[1], true)]);
                DataType::Map(Arc::new(Field::new(entries.name(), DataType::Struct(pair), false)), *sorted)
            }
            _ => data_type.clone(),
        },
        other => other.clone(),
    }
}

fn settings(options: &Options) -> Result<Settings> {
    let fail_fast = match options.text("mode").map(str::to_uppercase).as_deref() {
        None | Some("PERMISSIVE") => false,
        Some("FAILFAST") => true,
        Some(other) => {
            let error = "[PARSE_MODE_UNSUPPORTED] from_json supports the modes PERMISSIVE and FAILFAST";
            return Err(Error::user(error).with("mode", other));
        }
    };
    Ok(Settings {
        rules: options.rules()?,
        fail_fast,
        corrupt_record: options.text("columnnameofcorruptrecord").unwrap_or("_corrupt_record").to_string(),
        timestamp: options.parser("timestampformat")?,
        local: options.parser("timestampntzformat")?,
        date: options.parser("dateformat")?,
    })
}

const OPTIONS: [&str; 9] = [
    "mode",
    "columnnameofcorruptrecord",
    "timestampformat",
    "timestampntzformat",
    "dateformat",
    "allowsinglequotes",
    "allowunquotedfieldnames",
    "allownumericleadingzeros",
    "allownonnumericnumbers",
];

/// The value of a text, fitted to the root: an object where an array of structs is wanted is its one element.
fn root<'a>(text: &'a str, data_type: &DataType, rules: Rules) -> std::result::Result<Option<Value<'a>>, ()> {
    let value = read(text, rules).map_err(|_| ())?;
    Ok(match (value, data_type) {
        (Some(value @ Value::Object(_)), DataType::List(field))
            if matches!(field.data_type(), DataType::Struct(_)) =>
        {
            Some(Value::List(vec![value]))
        }
        (value, _) => value,
    })
}

fn from_json(args: &[Argument]) -> Result<Call> {
    count("from_json", args, 2, 3)?;
    let Some(schema) = literal_text(&args[1]) else {
        return Err(Error::user(
            "[INVALID_SCHEMA.NON_STRING_LITERAL] from_json: the schema is not a constant string",
        ));
    };
    let output = schema_type(schema)?;
    let settings = settings(&Options::of("from_json", args.get(2), &OPTIONS)?)?;
    let data_type = output.clone();
    let kernel: Kernel = Arc::new(move |args, rows| {
        let texts = Column::<Text>::of(&args[0])?;
        let constant = matches!(args[0], datafusion_expr_common::columnar_value::ColumnarValue::Scalar(_));
        let rows = if constant { 1 } else { rows };
        let texts: Vec<Option<&str>> = (0..rows).map(|row| texts.get(row)).collect();
        finished(parsed(&texts, &data_type, &settings)?, constant)
    });
    let mut types = vec![STRING, STRING];
    types.extend(args.get(2).map(|arg| arg.data_type.clone()));
    Ok(nullable(call("from_json", args, &types, output, kernel)?))
}

fn parsed(texts: &[Option<&str>], data_type: &DataType, settings: &Settings) -> Result<ArrayRef> {
    let trees: Vec<_> =
        texts.iter().map(|text| text.map(|text| root(text, data_type, settings.rules))).collect();
    let values: Vec<_> =
        trees.iter().map(|tree| tree.as_ref().and_then(|tree| tree.as_ref().ok()?.as_ref())).collect();
    let mut built = build(&values, data_type, settings)?;
    for (bad, tree) in built.bad.iter_mut().zip(&trees) {
        *bad |= matches!(tree, Some(Err(())));
    }
    if let Some(row) = built.bad.iter().position(|bad| *bad).filter(|_| settings.fail_fast) {
        let error = "[MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION] a record is malformed";
        return Err(Error::user(error).with("record", texts[row].unwrap_or_default()));
    }
    let DataType::Struct(fields) = data_type else { return Ok(built.array) };
    // A malformed text gives a struct of nulls, with the text in the column for it.
    let parts: StructArray = downcast_array(&built.array);
    let valid: Vec<bool> = (0..texts.len()).map(|row| built.array.is_valid(row) || built.bad[row]).collect();
    let columns = fields.iter().zip(parts.columns()).map(|(field, column)| {
        if *field.name() != settings.corrupt_record || *field.data_type() != DataType::Utf8 {
            return column.clone();
        }
        let records = texts.iter().zip(&built.bad).map(|(text, bad)| text.filter(|_| *bad));
        Arc::new(records.collect::<StringArray>()) as ArrayRef
    });
    let columns = columns.collect();
    let made =
        StructArray::try_new_with_length(fields.clone(), columns, Some(NullBuffer::from(valid)), texts.len());
    Ok(Arc::new(made.map_err(|e| Error::internal("make a struct of JSON").because(e))?))
}
