//! What Spark reads and writes, as cases in tests/cases/format, against what we do.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType,
};
use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::record::parse_ddl;

/// A file in memory.
pub struct MemoryFile(pub Bytes);

impl StoredFile for MemoryFile {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, length: usize) -> Result<Bytes> {
        Ok(self.0.slice(offset as usize..offset as usize + length))
    }
}

/// A file being written, that a test looks into.
#[derive(Clone, Default)]
pub struct Written(pub Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl FileWriter for Written {
    fn close(self: Box<Self>) -> Result<u64> {
        Ok(self.0.lock().unwrap().len() as u64)
    }
}

fn options(case: &Value) -> Options {
    let pairs = case["options"].as_object().unwrap().iter();
    let pairs: BTreeMap<String, String> =
        pairs.map(|(key, value)| (key.clone(), value.as_str().unwrap().to_string())).collect();
    Options::new(pairs).unwrap()
}

fn part(content: &[u8], path: &str) -> FilePart {
    FilePart { file: Arc::new(MemoryFile(Bytes::copy_from_slice(content))), path: path.into(), range: None }
}

/// A value as the oracle's script prints it.
fn plain(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    let float = |value: f64| if value.is_finite() { json!(value) } else { json!(value.to_string()) };
    match array.data_type() {
        DataType::Boolean => json!(array.as_boolean().value(row)),
        DataType::Int8 => json!(array.as_primitive::<Int8Type>().value(row)),
        DataType::Int16 => json!(array.as_primitive::<Int16Type>().value(row)),
        DataType::Int32 => json!(array.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => json!(array.as_primitive::<Int64Type>().value(row)),
        DataType::Date32 => json!(array.as_primitive::<Date32Type>().value(row)),
        DataType::Timestamp(_, _) => json!(array.as_primitive::<TimestampMicrosecondType>().value(row)),
        DataType::Float32 => float(array.as_primitive::<Float32Type>().value(row).into()),
        DataType::Float64 => float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(_, _) => json!(array.as_primitive::<Decimal128Type>().value_as_string(row)),
        DataType::Utf8 => json!(array.as_string::<i32>().value(row)),
        DataType::Binary => {
            let bytes = array.as_binary::<i32>().value(row).iter();
            json!(bytes.map(|b| format!("{b:02x}")).collect::<String>())
        }
        DataType::List(_) => plain_rows(&array.as_list::<i32>().value(row)),
        DataType::Map(_, _) => plain_rows(&array.as_map().value(row)),
        DataType::Struct(_) => {
            array.as_struct().columns().iter().map(|column| plain(column, row)).collect::<Vec<_>>().into()
        }
        other => panic!("{other}"),
    }
}

fn plain_rows(array: &dyn Array) -> Value {
    (0..array.len()).map(|row| plain(array, row)).collect::<Vec<_>>().into()
}

pub fn rows(batches: Batches) -> Result<Value> {
    let mut rows = Vec::new();
    for batch in batches {
        let batch = batch?;
        for row in 0..batch.num_rows() {
            let row: Vec<_> = batch.columns().iter().map(|column| plain(column, row)).collect();
            rows.push(Value::from(row));
        }
    }
    Ok(rows.into())
}

fn read(case: &Value, rows_max: usize) -> Result<Value> {
    let format = Format::of(case["format"].as_str().unwrap())?;
    let options = options(case);
    options.refuse_unknown(format.read_options())?;
    let schema = parse_ddl(case["schema"].as_str().unwrap())?;
    let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let columns: Vec<usize> = match case["select"].as_array() {
        Some(select) => select.iter().map(|n| names.iter().position(|name| n == name).unwrap()).collect(),
        None => (0..names.len()).collect(),
    };
    let content = case["content"].as_str().unwrap();
    let decoder = decoder(format, &schema, &options)?;
    let found = rows(decoder.read(part(content.as_bytes(), "/input"), &columns, rows_max)?)?;
    // A header is looked for in the first part alone, which is never as short as here.
    let cuts = !options.contains("header") && decoder.can_split("/input");
    if cuts && rows_max > 1 && content.contains(['\n', '\r']) {
        for cut in 1..content.len() as u64 {
            let mut cut_rows = Vec::new();
            for range in [0..cut, cut..content.len() as u64] {
                let part = FilePart { range: Some(range), ..part(content.as_bytes(), "/input") };
                cut_rows.extend(rows(decoder.read(part, &columns, rows_max)?)?.as_array().unwrap().clone());
            }
            assert_eq!(Value::from(cut_rows), found, "cut at {cut}: {case}");
        }
    }
    Ok(found)
}

/// Cases in which Spark's result is not one to follow, with the reason.
fn chosen_difference(case: &Value) -> Option<&'static str> {
    let content = case["content"].as_str().unwrap();
    let option = |key: &str| case["options"].get(key).and_then(Value::as_str);
    let timestamps = case["schema"].as_str().unwrap().starts_with("a timestamp,");
    if timestamps
        && ["T03:04:05", "03:04:05"]
            .iter()
            .any(|time| content.trim_start_matches("{\"a\":\"").starts_with(time))
    {
        return Some(
            "a time without a date is today's in Spark, so a replay would differ; here it is malformed",
        );
    }
    if content.contains(r#"{"k":1,"k":2}"#) {
        return Some("Spark keeps both entries of a map, and Python shows one");
    }
    if option("ignoreTrailingWhiteSpace").is_some() && option("ignoreLeadingWhiteSpace").is_none() {
        return Some("Spark's parser fails with an index out of bounds");
    }
    if case["schema"].as_str().unwrap().starts_with("a float") && content.contains("99999999999999999999") {
        return Some("the reader of this file of cases takes the expected number for its neighbour");
    }
    if option("maxCharsPerColumn").is_some() || option("unescapedQuoteHandling").is_some() {
        return Some("the option is refused by name");
    }
    None
}

fn cases(file: &str) -> Vec<Value> {
    let path = format!("{}/../tests/cases/format/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn reads_what_spark_reads() {
    let mut wrong = Vec::new();
    for case in cases("read.json") {
        if chosen_difference(&case).is_some() {
            continue;
        }
        let found = [1, 1000].map(|rows_max| read(&case, rows_max).unwrap_or_else(|_| json!("error")));
        if found.iter().any(|found| *found != case["rows"]) {
            wrong.push(format!("{case}\n   found {} {}", found[0], found[1]));
        }
    }
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}

fn written(case: &Value) -> Result<String> {
    let schema = parse_ddl(case["schema"].as_str().unwrap())?;
    let format = Format::of(case["format"].as_str().unwrap())?;
    let options = options(case);
    options.refuse_unknown(format.write_options())?;
    let out = Written::default();
    let mut encoder = encoder(format, &schema, &options, Box::new(out.clone()))?;
    let json = decoder(Format::Json, &schema, &Options::default())?;
    let all: Vec<usize> = (0..schema.fields().len()).collect();
    for batch in json.read(part(case["content"].as_str().unwrap().as_bytes(), "/input"), &all, 3)? {
        encoder.write(&batch?)?;
    }
    encoder.finish()?;
    let bytes = out.0.lock().unwrap().clone();
    Ok(String::from_utf8(bytes).unwrap())
}

fn chosen_difference_in_writing(case: &Value) -> Option<&'static str> {
    let option = |key: &str| case["options"].get(key).and_then(Value::as_str);
    if option("quote") == Some("") {
        return Some(
            "Spark quotes with the character 0; without quotes fields cannot be told apart, so it is refused",
        );
    }
    if option("ignoreLeadingWhiteSpace").is_some() {
        return Some("Spark's writer loses the quotes of fields that start with white space");
    }
    if option("lineSep") == Some("\r\n") && case["format"] == "csv" {
        return Some("Spark changes line ends inside of fields");
    }
    if option("nanValue").is_some() {
        return Some("the option does nothing in a writer and is refused by name");
    }
    None
}

#[test]
fn writes_what_spark_writes() {
    let mut wrong = Vec::new();
    for case in cases("write.json") {
        if chosen_difference_in_writing(&case).is_some() {
            continue;
        }
        let found = written(&case);
        if found.as_ref().ok().map(String::as_str) != case["file"].as_str() {
            wrong.push(format!("{case}\n   found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}
