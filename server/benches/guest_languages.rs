//! The same two functions in every language, a table of nanoseconds a row, with native Rust as the first line:
//! `cargo bench -p wasmill --bench guest_languages`. What a call costs in itself is the bench `guest_call`.
#![allow(clippy::expect_used, reason = "a benchmark that cannot run says so and ends")]

use std::hint::black_box;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, StringArray, StringBuilder};
use wasmill::udf::{Compiler, Limits, Moment, Runtime, Transform};

/// Rows of a batch.
const ROWS: usize = 8_192;

/// Time is taken of so many batches, so often; the lowest of the medians counts.
const BATCHES: usize = 40;
const ROUNDS: usize = 9;

const MOMENT: Moment = Moment { time_us: 0, seed: 0 };

/// Language, and the modules that have `split_words` and `mix`.
const LANGUAGES: [(&str, &str, &str); 5] = [
    ("Rust", "text", "numbers"),
    ("C", "words-c", "words-c"),
    ("C without the header", "words-by-hand", "words-by-hand"),
    ("Go", "words-go", "words-go"),
    ("AssemblyScript", "words-assemblyscript", "words-assemblyscript"),
];

/// Lines of eight words, about 55 bytes.
fn lines() -> ArrayRef {
    let mut state = 1u64;
    let mut word = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let random = state >> 33;
        let letters = random.to_string();
        letters[..(2 + (random % 8) as usize).min(letters.len())].to_string()
    };
    let line = |_| (0..8).map(|_| word()).collect::<Vec<_>>().join(" ");
    Arc::new(StringArray::from_iter_values((0..ROWS).map(line)))
}

fn numbers() -> ArrayRef {
    Arc::new(Int64Array::from_iter_values((0..ROWS as i64).map(|row| row * 7_919)))
}

fn split_natively(lines: &ArrayRef) {
    let lines = lines.as_any().downcast_ref::<StringArray>().expect("lines are text");
    let (mut words, mut origin) = (StringBuilder::new(), Vec::new());
    for (row, line) in lines.iter().enumerate() {
        for word in line.unwrap_or("").split(' ').filter(|word| !word.is_empty()) {
            words.append_value(word);
            origin.push(row as u32);
        }
    }
    black_box((words.finish(), origin));
}

fn mix_natively(numbers: &ArrayRef) {
    let numbers = numbers.as_any().downcast_ref::<Int64Array>().expect("numbers are numbers");
    let mixed = numbers.values().iter().map(|x| {
        let rounds = (0..4).fold(*x as u64, |x, _| (x ^ (x >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        (rounds ^ (rounds >> 29)) as i64
    });
    black_box(Int64Array::from_iter_values(mixed));
}

#[allow(clippy::disallowed_methods, reason = "a benchmark reads the real clock")]
fn now() -> Instant {
    Instant::now()
}

/// The lowest of the medians of what `work` takes.
fn time(mut work: impl FnMut()) -> Duration {
    let mut median = || {
        let mut times: Vec<_> = (0..BATCHES)
            .map(|_| {
                let start = now();
                work();
                start.elapsed()
            })
            .collect();
        times.sort_unstable();
        times[BATCHES / 2]
    };
    (0..ROUNDS).map(|_| median()).min().expect("more than no rounds")
}

fn ns_a_row(work: impl FnMut()) -> f64 {
    time(work).as_nanos() as f64 / ROWS as f64
}

/// Nanoseconds a row in a guest that is kept, and in a fresh one for each batch.
fn in_guest(transform: &Arc<Transform>, column: &ArrayRef) -> (f64, f64) {
    let mut guest = transform.open(MOMENT).expect("a guest");
    let kept = ns_a_row(|| {
        black_box(guest.process(std::slice::from_ref(column), ROWS).expect("a result"));
    });
    let fresh = ns_a_row(|| {
        let mut guest = transform.open(MOMENT).expect("a guest");
        black_box(guest.process(std::slice::from_ref(column), ROWS).expect("a result"));
    });
    (kept, fresh)
}

fn main() {
    let runtime = Runtime::new(Limits::default(), Compiler::Here).expect("the engine");
    let (lines, numbers) = (lines(), numbers());
    let mut out = std::io::stdout();
    let mut print = |line: String| writeln!(out, "{line}").expect("somewhere to print to");
    print("| language | module | compile | open | split_words, kept | fresh | mix, kept | fresh |".into());
    print("|---|---|---|---|---|---|---|---|".into());
    let (split, mix) = (ns_a_row(|| split_natively(&lines)), ns_a_row(|| mix_natively(&numbers)));
    print(format!("| native Rust | | | | {split:.1} ns | | {mix:.1} ns | |"));
    for (language, text, arithmetic) in LANGUAGES {
        let load = |module: &str, function: &str| {
            let bytes = std::fs::read(build_udfs::module(module)).expect("a module that was just built");
            let start = now();
            let module = runtime.load(&bytes).expect("a sample module");
            (module.transform(function).expect("a sample function"), bytes.len(), start.elapsed())
        };
        let (split, bytes, compile) = load(text, "split_words");
        let (mix, ..) = load(arithmetic, "mix");
        let open = time(|| drop(black_box(split.open(MOMENT).expect("a guest")))).as_nanos() as f64 / 1e3;
        let (split, split_fresh) = in_guest(&split, &lines);
        let (mix, mix_fresh) = in_guest(&mix, &numbers);
        print(format!(
            "| {language} | {:.1} KB | {} ms | {open:.1} µs | {split:.1} ns | {split_fresh:.1} ns | {mix:.1} ns | {mix_fresh:.1} ns |",
            bytes as f64 / 1e3,
            compile.as_millis(),
        ));
    }
}
