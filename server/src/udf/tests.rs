//! Tests of the wasm host against the real sample modules, built here, and against bytes made up here.

mod aggregate;
mod bombs;
mod by_hand;
mod foreach;
mod fuzz;
mod garbage;
mod group;
mod guests;
mod languages;
mod malformed;
mod nested;
mod refusals;
mod round_trip;
mod sins;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, AsArray, Int64Array, StringArray};

use super::*;
use crate::error::{Error, Result};

/// Small enough that every limit can be reached at once.
fn limits() -> Limits {
    Limits {
        instances: 32,
        fuel_per_call: 200_000_000,
        fuel_per_row: 100_000,
        deadline_ms: 60_000,
        output_bytes: 4 << 20,
        ..Limits::default()
    }
}

fn runtime() -> Arc<Runtime> {
    static RUNTIME: OnceLock<Arc<Runtime>> = OnceLock::new();
    Arc::clone(RUNTIME.get_or_init(|| Runtime::new(limits(), Compiler::Here).unwrap()))
}

const MOMENT: Moment = Moment { time_us: 1_795_262_400_123_456, seed: 7 };

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(build_udfs::module(name)).unwrap()
}

fn module(name: &str) -> Arc<Module> {
    static MODULES: OnceLock<Vec<(&str, Arc<Module>)>> = OnceLock::new();
    let load = || build_udfs::MODULES.map(|name| (name, runtime().load(&bytes(name)).unwrap())).to_vec();
    let modules = MODULES.get_or_init(load);
    Arc::clone(&modules.iter().find(|(found, _)| *found == name).unwrap().1)
}

fn call(module_name: &str, function: &str, columns: &[ArrayRef], rows: usize) -> Result<Vec<Transformed>> {
    module(module_name).transform(function)?.open(MOMENT)?.process(columns, rows)
}

fn strings(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn numbers(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn texts(column: &ArrayRef) -> Vec<Option<String>> {
    column.as_string::<i32>().iter().map(|text| text.map(str::to_string)).collect()
}

/// The same in every run, so that a check does not fail at random; another one in each where time is given to look for
/// what is new. `WASMILL_SEED` gives it; a test that fails says it.
fn seed() -> u64 {
    let given = std::env::var("WASMILL_SEED").ok().map(|seed| seed.parse().unwrap());
    let is_long = std::env::var_os("WASMILL_FUZZ_SECONDS").is_some();
    let usual = || if is_long { RandomState::new().build_hasher().finish() } else { 20_261_121 };
    let seed: u64 = given.unwrap_or_else(usual).max(1);
    println!("WASMILL_SEED={seed}");
    seed
}

/// A sequence of numbers that looks random and is the same for the same seed, which is not 0.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

fn report(error: &Error) -> String {
    error.report()
}
