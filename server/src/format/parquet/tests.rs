//! Parquet files that Spark wrote (tests/cases/format) are read as Spark reads them, and ours have its schemas.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::printer::print_schema;
use serde_json::Value;

use crate::error::Result;
use crate::format::tests::{MemoryFile, Written};
use crate::format::{FilePart, Format, decoder, encoder};
use crate::record::{Options, parse_ddl};

fn path(name: &str) -> String {
    format!("{}/../tests/cases/format/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn cases() -> Vec<Value> {
    serde_json::from_str(&std::fs::read_to_string(path("parquet.json")).unwrap()).unwrap()
}

fn written(
    format: Format,
    schema: &SchemaRef,
    options: &Options,
    source: (Format, &[u8]),
) -> Result<Vec<u8>> {
    let out = Written::default();
    let mut encoder = encoder(format, schema, options, Box::new(out.clone()))?;
    let all: Vec<usize> = (0..schema.fields().len()).collect();
    let file = Arc::new(MemoryFile(bytes::Bytes::copy_from_slice(source.1)));
    let part = FilePart { file, path: "/input".into(), range: None };
    for batch in decoder(source.0, schema, &Options::default())?.read(part, &all, 2)? {
        encoder.write(&batch?)?;
    }
    encoder.finish()?;
    let bytes = out.0.lock().unwrap().clone();
    Ok(bytes)
}

/// The rows of a parquet file as lines of JSON.
fn lines(schema: &SchemaRef, content: &[u8]) -> Value {
    match written(Format::Json, schema, &Options::default(), (Format::Parquet, content)) {
        Ok(bytes) => String::from_utf8(bytes).unwrap().lines().collect::<Vec<_>>().into(),
        Err(_) => "error".into(),
    }
}

fn schema(case: &Value) -> SchemaRef {
    parse_ddl(case["schema"].as_str().unwrap()).unwrap()
}

fn chosen_difference(case: &Value) -> Option<&'static str> {
    match case["schema"].as_str().unwrap() {
        "i smallint" => Some("Spark cuts numbers that do not fit; here the type is refused"),
        "z timestamp_ntz" => {
            Some("Spark takes instants of 96 bits for local times; here the type is refused")
        }
        _ => None,
    }
}

#[test]
fn reads_what_spark_reads() {
    for case in cases() {
        let content = std::fs::read(path(&format!("{}.parquet", case["file"].as_str().unwrap()))).unwrap();
        let found = lines(&schema(&case), &content);
        match chosen_difference(&case) {
            Some(why) => assert_eq!(found, "error", "{why}"),
            None => assert_eq!(found, case["rows"], "{case}"),
        }
    }
}

/// One name a line, in lower case, instants as we write them.
fn normal(message: &str) -> Vec<String> {
    let line = |line: &str| {
        let line = line
            .trim()
            .to_lowercase()
            .replace("byte_array (", "byte_array(")
            .replace(" byte_array ", " binary ");
        let name = line.strip_prefix("optional int96 ").and_then(|rest| rest.strip_suffix(';'));
        name.map_or(line.clone(), |name| format!("optional int64 {name} (timestamp(micros,true));"))
    };
    message.lines().map(line).filter(|line| !line.is_empty()).collect()
}

#[test]
fn writes_the_schema_that_spark_writes() {
    for case in cases() {
        let (Some(content), Some(message)) = (case["content"].as_str(), case["message"].as_str()) else {
            continue;
        };
        for compression in ["none", "uncompressed", "snappy", "GZIP", "zstd", "lz4", "lz4_raw"] {
            let options =
                Options::new([("compression".to_string(), compression.to_string())].into()).unwrap();
            let ours = written(Format::Parquet, &schema(&case), &options, (Format::Json, content.as_bytes()))
                .unwrap();
            assert_eq!(lines(&schema(&case), &ours), case["rows"], "{compression} {case}");
            let reader = SerializedFileReader::new(bytes::Bytes::from(ours)).unwrap();
            let mut found = Vec::new();
            print_schema(&mut found, reader.metadata().file_metadata().schema());
            if matches!(case["file"].as_str(), Some("plain" | "nested")) {
                assert_eq!(normal(&String::from_utf8(found).unwrap()), normal(message), "{case}");
            }
        }
    }
}

#[test]
fn torn_files_are_named() {
    let schema = parse_ddl("a int").unwrap();
    for content in [&b""[..], b"PAR1", b"PAR1 no footer PAR1"] {
        let file = Arc::new(MemoryFile(bytes::Bytes::copy_from_slice(content)));
        let part = FilePart { file, path: "/torn".into(), range: None };
        let decoder = decoder(Format::Parquet, &schema, &Options::default()).unwrap();
        let error = decoder.read(part, &[0], 10).err().unwrap();
        assert_eq!(error.fact("file"), Some("/torn"), "{content:?}");
    }
}

#[test]
fn types_that_spark_cannot_read_are_refused_by_name() {
    for (ddl, column) in
        [("a int, i interval day to second", "i"), ("v void", "v"), ("s struct<v: void>", "s")]
    {
        let error = super::check_write(&parse_ddl(ddl).unwrap(), &Options::default()).unwrap_err();
        assert_eq!(error.fact("column"), Some(column), "{ddl}");
    }
}
