//! What a call into a guest costs: opening one, small and large batches, a split of lines into words, hash rounds.
#![allow(clippy::expect_used, reason = "a benchmark that cannot run says so and ends")]

use std::hint::black_box;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use arrow::datatypes::Int64Type;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use wasmill::udf::{Compiler, Limits, Moment, Runtime, Transform};

const MOMENT: Moment = Moment { time_us: 0, seed: 0 };

fn transform(runtime: &Arc<Runtime>, module: &str, function: &str) -> Arc<Transform> {
    let bytes = std::fs::read(build_udfs::module(module)).expect("a module that was just built");
    runtime.load(&bytes).and_then(|module| module.transform(function)).expect("a sample module")
}

/// Lines of eight words, about 55 bytes.
fn lines(rows: usize) -> ArrayRef {
    let mut state = 1u64;
    let mut word = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let random = state >> 33;
        let letters = random.to_string();
        let length = 2 + (random % 8) as usize;
        letters[..length.min(letters.len())].to_string()
    };
    let line = |_| (0..8).map(|_| word()).collect::<Vec<_>>().join(" ");
    Arc::new(StringArray::from_iter_values((0..rows).map(line)))
}

fn numbers(rows: usize) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values((0..rows as i64).map(|row| row * 7_919)))
}

fn split_natively(lines: &ArrayRef) -> usize {
    let lines = lines.as_any().downcast_ref::<StringArray>().expect("lines are text");
    let (mut words, mut origin) = (arrow::array::StringBuilder::new(), Vec::new());
    for (row, line) in lines.iter().enumerate() {
        for word in line.unwrap_or("").split(' ').filter(|word| !word.is_empty()) {
            words.append_value(word);
            origin.push(row as u32);
        }
    }
    black_box(words.finish());
    origin.len()
}

/// A copy of a batch of numbers, into memory of its own.
fn copied(numbers: &ArrayRef) -> ArrayRef {
    let numbers = numbers.as_any().downcast_ref::<Int64Array>().expect("numbers");
    Arc::new(Int64Array::from(black_box(numbers.values()).to_vec()))
}

/// The same four rounds as the guest's, as one would write them.
fn mix_natively(numbers: &ArrayRef) -> ArrayRef {
    let numbers = numbers.as_any().downcast_ref::<Int64Array>().expect("numbers");
    Arc::new(numbers.unary::<_, Int64Type>(|x| {
        let mixed = (0..4).fold(x as u64, |x, _| (x ^ (x >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        (mixed ^ (mixed >> 29)) as i64
    }))
}

fn guest_call(criterion: &mut Criterion) {
    let runtime = Runtime::new(Limits::default(), Compiler::Here).expect("the engine");
    let split = transform(&runtime, "text", "split_words");
    let mix = transform(&runtime, "numbers", "mix");
    let same = transform(&runtime, "identity", "bigint");
    let passed = transform(&runtime, "identity", "passed");

    criterion.bench_function("open", |bench| bench.iter(|| black_box(split.open(MOMENT).expect("a guest"))));

    let mut group = criterion.benchmark_group("process");
    for rows in [64, 1_024, 8_192, 65_536] {
        group.throughput(Throughput::Elements(rows as u64));
        let cases = [
            ("split_words", &split, lines(rows)),
            ("mix", &mix, numbers(rows)),
            ("same", &same, numbers(rows)),
            ("passed", &passed, numbers(rows)),
        ];
        for (name, transform, column) in cases {
            let mut guest = transform.open(MOMENT).expect("a guest");
            group.bench_function(BenchmarkId::new(name, rows), |bench| {
                bench.iter(|| guest.process(std::slice::from_ref(&column), rows).expect("a result"));
            });
        }
        let column = numbers(rows);
        group.bench_function(BenchmarkId::new("memcpy", rows), |bench| bench.iter(|| copied(&column)));
        group.bench_function(BenchmarkId::new("mix_natively", rows), |bench| {
            bench.iter(|| mix_natively(&column))
        });
        group.bench_function(BenchmarkId::new("passed_in_a_fresh_guest", rows), |bench| {
            bench.iter(|| {
                let mut guest = passed.open(MOMENT).expect("a guest");
                guest.process(std::slice::from_ref(&column), rows).expect("a result")
            });
        });
        let column = lines(rows);
        group.bench_function(BenchmarkId::new("split_natively", rows), |bench| {
            bench.iter(|| split_natively(&column))
        });
        group.bench_function(BenchmarkId::new("split_words_in_a_fresh_guest", rows), |bench| {
            bench.iter(|| {
                let mut guest = split.open(MOMENT).expect("a guest");
                guest.process(std::slice::from_ref(&column), rows).expect("a result")
            });
        });
    }
}

criterion_group!(benches, guest_call);
criterion_main!(benches);
