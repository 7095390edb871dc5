//! What bytes from outside cost as columns: JSON and CSV lines of a file, and JSON in a column through `from_json`.

#![allow(clippy::panic, reason = "a benchmark that cannot run says so and ends")]

use std::hint::black_box;
use std::io::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use wasmill::error::Result;
use wasmill::expression::{Analyzer, Environment};
use wasmill::format::{FilePart, Format, decoder};
use wasmill::record::{Options, parse_ddl};
use wasmill::storage::{LocalStorage, Storage};

const ROWS: usize = 100_000;
const ROWS_A_BATCH: usize = 8_192;
const DDL: &str = "id BIGINT, name STRING, price DOUBLE, ts TIMESTAMP, ok BOOLEAN";

fn json(row: usize) -> String {
    format!(
        r#"{{"id":{row},"name":"name of {}","price":{}.25,"ts":"2026-01-01T00:00:{:02}.5Z","ok":{}}}"#,
        row % 1_000,
        row % 97,
        row % 60,
        row.is_multiple_of(3)
    )
}

fn csv(row: usize) -> String {
    format!(
        "{row},name of {},{}.25,2026-01-01T00:00:{:02}.5Z,{}",
        row % 1_000,
        row % 97,
        row % 60,
        row.is_multiple_of(3)
    )
}

fn well<T>(result: Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("{error:?}"))
}

/// Reads the whole file and gives the number of rows.
fn read(path: &str, format: Format, schema: &SchemaRef) -> usize {
    let part = FilePart { file: well(LocalStorage.open(path)), path: path.to_string(), range: None };
    let decoder = well(decoder(format, schema, &Options::default()));
    let batches = well(decoder.read(part, &[0, 1, 2, 3, 4], ROWS_A_BATCH));
    batches.map(|batch| well(batch).num_rows()).sum()
}

fn decode(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let schema = well(parse_ddl(DDL));
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(ROWS as u64)).sample_size(20);
    for (format, name, line) in
        [(Format::Json, "json", json as fn(usize) -> String), (Format::Csv, "csv", csv)]
    {
        let path = dir.path().join(name);
        let mut file = std::fs::File::create(&path).unwrap_or_else(|error| panic!("{error}"));
        let text: String = (0..ROWS).map(|row| line(row) + "\n").collect();
        file.write_all(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        let path = path.to_string_lossy().into_owned();
        assert_eq!(read(&path, format, &schema), ROWS);
        group.bench_function(BenchmarkId::new("file", name), |bench| {
            bench.iter(|| read(&path, format, &schema))
        });
    }
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..ROWS).map(json)));
    let column = Arc::new(Schema::new(vec![Field::new("text", DataType::Utf8, true)]));
    let rows = RecordBatch::try_new(column.clone(), vec![texts]).unwrap_or_else(|error| panic!("{error}"));
    let analyzer = Analyzer::new(column, Arc::new(Environment::new()));
    let from_json = well(analyzer.expression(&format!("from_json(text, '{DDL}')")));
    group.bench_function("from_json", |bench| bench.iter(|| black_box(well(from_json.evaluate(&rows)))));
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
