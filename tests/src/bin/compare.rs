//! Runs a query file on its input in every way that the tests do, and prints how it differs from Spark's answer.
//! `tests/oracle/compare` gets that answer first.

use std::path::Path;
use std::process::ExitCode;

use harness::cases::{Case, Way};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [query, input, answer] = &arguments[..] else {
        eprintln!("usage: compare QUERY INPUT ANSWER");
        return ExitCode::from(2);
    };
    let expected = std::fs::read_to_string(answer).unwrap_or_else(|e| panic!("cannot read {answer}: {e}"));
    let case = Case::read(query, Path::new(query), Path::new(input), &expected);
    let mut same = true;
    for way in [Way::Straight, Way::Restarted, Way::Parallel(3)] {
        let differences = case.differences(way);
        same &= differences.is_empty();
        println!("{way:?}: {}", if differences.is_empty() { "the same as Spark" } else { "different" });
        differences.iter().for_each(|difference| println!("  {difference}"));
    }
    if same { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
