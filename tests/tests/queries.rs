//! Every case of `tests/cases/queries`: the same batches as Spark's, straight, with a kill behind every batch, and
//! on another number of threads. `tests/cases/README.md` lists where we differ by choice.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use harness::cases::{Case, Way};

/// Cases at a time: each is one process that waits for the disk much of the time.
const AT_ONCE: usize = 3;

fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    // The program finds them by name, beside itself.
    build_udfs::build(&build_udfs::MODULES).unwrap();
    let only = std::env::var("WASMILL_CASE").unwrap_or_default();
    let mut names: Vec<String> = fs::read_dir(root.join("queries"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains(&only))
        .collect();
    names.sort();
    let read = |name: &String| {
        let folder = root.join("queries").join(name);
        let (chosen, spark) = (folder.join("chosen.jsonl"), folder.join("expected.jsonl"));
        let expected = fs::read_to_string(if chosen.exists() { chosen } else { spark }).unwrap();
        Case::read(name, &folder.join("query.yaml"), &root.join("input"), &expected)
    };
    names.iter().map(read).collect()
}

fn expect_no_differences(way: Way) {
    let cases = cases();
    assert!(!cases.is_empty(), "no case has that name");
    let (left, found) = (Mutex::new(cases.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(case) = left.lock().unwrap().next() else { return };
                    let differences = case.differences(way);
                    if !differences.is_empty() {
                        found.lock().unwrap().push(format!("{}\n  {}", case.name, differences.join("\n  ")));
                    }
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap();
    found.sort();
    assert!(found.is_empty(), "{} of {} cases differ:\n{}", found.len(), cases.len(), found.join("\n"));
}

#[test]
fn as_spark_straight() {
    expect_no_differences(Way::Straight);
}

#[test]
fn as_spark_with_a_kill_behind_every_batch() {
    expect_no_differences(Way::Restarted);
}

#[test]
fn as_spark_on_three_threads() {
    expect_no_differences(Way::Parallel(3));
}
