//! What a windowed count costs without source, guest and state: rows grouped by window and word, batch after batch.

#![allow(clippy::panic, reason = "a benchmark that cannot run says so and ends")]

use std::hint::black_box;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wasmill::error::Result;
use wasmill::expression::{Analyzer, Environment};
use wasmill::operator::Project;
use wasmill::operator::aggregate::{Aggregation, Call, Grouping};
use wasmill::record::timestamp_type;
use wasmill::sink::OutputMode;
use wasmill::udf::Moment;

const MOMENT: Moment = Moment { time_us: 0, seed: 0 };

const BATCHES: usize = 50;
const ROWS_A_BATCH: usize = 8_192;
const VOCABULARY: u64 = 10_000;
/// 80,000 words, of 10,000 lines, to a second of event time.
const MICROS_A_ROW: f64 = 12.5;

fn well<T>(result: Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("{error:?}"))
}

fn schema() -> SchemaRef {
    let columns = vec![Field::new("ts", timestamp_type(), true), Field::new("word", DataType::Utf8, true)];
    Arc::new(Schema::new(columns))
}

/// Words as a text has them: the square of an even chance prefers the low ranks.
fn rows(batch: usize) -> RecordBatch {
    let mut state = batch as u64 + 1;
    let mut word = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let chance = (state >> 40) as f64 / (1_u64 << 24) as f64;
        format!("word{}", (chance.powi(4) * VOCABULARY as f64) as u64)
    };
    let words = StringArray::from_iter_values((0..ROWS_A_BATCH).map(|_| word()));
    let time = |row: usize| ((batch * ROWS_A_BATCH + row) as f64 * MICROS_A_ROW) as i64;
    let times = TimestampMicrosecondArray::from_iter_values((0..ROWS_A_BATCH).map(time)).with_timezone("UTC");
    let columns: Vec<ArrayRef> = vec![Arc::new(times), Arc::new(words)];
    RecordBatch::try_new(schema(), columns).unwrap_or_else(|error| panic!("{error}"))
}

/// Groups by `keys` and counts.
fn count(keys: &[&str]) -> Arc<Aggregation> {
    let environment = Arc::new(Environment::new());
    let analyzer = Analyzer::new(schema(), environment.clone());
    let keys: Vec<String> = keys.iter().map(|key| key.to_string()).collect();
    let keys = well(analyzer.keys(&keys));
    let list = well(analyzer.aggregates(&keys, &["count(*) AS count".to_string()]));
    let fields = keys.iter().map(|key| key.field().clone());
    let fields: Vec<_> = fields.chain(list.calls.iter().map(|call| call.field.clone())).collect();
    let results = Analyzer::new(Arc::new(Schema::new(fields)), environment);
    let mut outputs: Vec<_> =
        keys.iter().map(|key| well(results.expression(&format!("`{}`", key.field().name())))).collect();
    outputs.extend(list.outputs.iter().cloned());
    let calls = list.calls.into_iter().map(Call::BuiltIn).collect();
    Arc::new(well(Aggregation::new(keys, calls, OutputMode::Update, Project::new(outputs))))
}

fn aggregate(criterion: &mut Criterion) {
    let batches: Vec<RecordBatch> = (0..BATCHES).map(rows).collect();
    let mut group = criterion.benchmark_group("aggregate");
    group.throughput(Throughput::Elements((BATCHES * ROWS_A_BATCH) as u64)).sample_size(20);
    for (name, keys) in [
        ("word", &["word"][..]),
        ("tumbling window and word", &["window(ts, '10 seconds')", "word"]),
        ("sliding window and word", &["window(ts, '10 seconds', '5 seconds')", "word"]),
    ] {
        let aggregation = count(keys);
        group.bench_function(name, |bench| {
            bench.iter(|| {
                let mut grouping = well(Grouping::start(aggregation.clone(), None, MOMENT));
                batches.iter().for_each(|rows| well(grouping.add(rows)));
                black_box(well(grouping.finish()));
            })
        });
    }
    group.finish();
}

criterion_group!(benches, aggregate);
criterion_main!(benches);
