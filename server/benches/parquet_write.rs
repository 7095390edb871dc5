//! Rows a second into parquet, as the file sink writes them: windows, words and counts, snappy.

use std::hint::black_box;
use std::io::Write;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wasmill::error::Result;
use wasmill::format::{Format, encoder};
use wasmill::record::{Options, timestamp_type};
use wasmill::storage::FileWriter;

const ROWS: usize = 100_000;

/// As many different words as the workload of the project has.
const WORDS: usize = 10_000;

/// Counts bytes and keeps none.
#[derive(Default)]
struct Sink(u64);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl FileWriter for Sink {
    fn close(self: Box<Self>) -> Result<u64> {
        Ok(self.0)
    }
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("start", timestamp_type(), true),
        Field::new("word", DataType::Utf8, true),
        Field::new("count", DataType::Int64, true),
    ]))
}

fn rows() -> RecordBatch {
    let start = (0..ROWS).map(|row| (row / WORDS) as i64 * 10_000_000);
    let words: Vec<String> = (0..ROWS).map(|row| format!("word{:05}", row * 7919 % WORDS)).collect();
    let counts = (0..ROWS).map(|row| (row * 31 % 1_000) as i64);
    let columns: Vec<arrow::array::ArrayRef> = vec![
        Arc::new(TimestampMicrosecondArray::from_iter_values(start).with_timezone("UTC")),
        Arc::new(StringArray::from_iter_values(words)),
        Arc::new(Int64Array::from_iter_values(counts)),
    ];
    RecordBatch::try_new(schema(), columns).unwrap_or_else(|_| RecordBatch::new_empty(schema()))
}

fn write(rows: &RecordBatch) -> Result<u64> {
    let out = Box::new(Sink::default());
    let mut encoder = encoder(Format::Parquet, &schema(), &Options::default(), out)?;
    encoder.write(rows)?;
    encoder.finish()
}

fn parquet_write(criterion: &mut Criterion) {
    let rows = rows();
    assert_eq!(rows.num_rows(), ROWS);
    let mut group = criterion.benchmark_group("parquet_write");
    group.throughput(Throughput::Elements(ROWS as u64));
    group.bench_function("windowed_counts", |bencher| bencher.iter(|| black_box(write(&rows).is_ok())));
    group.finish();
}

criterion_group!(benches, parquet_write);
criterion_main!(benches);
