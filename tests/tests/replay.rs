//! A call that failed in a query is made again from its file alone, and by a module that does better.

use std::fs;

use harness::program::{Run, Settings, command};

/// What stands between backquotes behind `name=`.
fn fact<'a>(text: &'a str, name: &str) -> &'a str {
    let start = text.find(&format!("{name}=`")).unwrap_or_else(|| panic!("no {name} in:\n{text}"));
    text[start..].split('`').nth(1).unwrap()
}

/// The error of a query whose rows, numbers, go through a function of `identity`.
fn failure(function: &str, numbers: &[i64]) -> String {
    let work = tempfile::tempdir().unwrap();
    let rows: Vec<_> = numbers.iter().map(|x| format!("{{\"x\": {x}}}\n")).collect();
    fs::create_dir(work.path().join("in")).unwrap();
    fs::write(work.path().join("in/rows.json"), rows.concat()).unwrap();
    let query = format!(
        "source: {{ format: json, schema: x BIGINT, options: {{ path: {} }} }}
stages: [{{ udf: {{ module: \"{}\", function: {function}, input: [x] }} }}]
sink: {{ format: console }}
trigger: {{ availableNow: true }}
",
        work.path().join("in").display(),
        build_udfs::module("identity").display(),
    );
    let file = work.path().join("query.yaml");
    fs::write(&file, query).unwrap();
    let ended = Run::start(work.path(), &file, &Settings::default()).ended();
    assert_eq!(ended.status.code(), Some(2), "{}", ended.says());
    ended.log
}

#[test]
fn a_trap_of_a_query_is_replayed() {
    let log = failure("share", &[5, 0]);
    let ended = command(&["replay", fact(&log, "replay")]);
    assert_eq!(ended.status.code(), Some(2), "{}", ended.says());
    assert!(ended.out.contains("function  share\n") && ended.out.contains("the same one"), "{}", ended.out);
    for part in ["trap=`unreachable", "divide by zero", "rows=`0..2`", "identity"] {
        assert!(ended.log.contains(part), "{part}: {}", ended.log);
    }
    // The other module stands for a mended one: its function of this name is not there.
    let numbers = build_udfs::module("numbers");
    let ended = command(&["replay", fact(&log, "replay"), "--module", numbers.to_str().unwrap()]);
    assert!(ended.out.contains("another one") && ended.log.contains("no such function"), "{}", ended.says());
}

#[test]
fn a_refused_row_of_a_query_is_replayed() {
    let log = failure("checked", &[1, -5, 3]);
    let ended = command(&["replay", fact(&log, "replay")]);
    assert_eq!(ended.status.code(), Some(2), "{}", ended.says());
    assert!(ended.log.contains("first=`1` message=`-5 is negative`"), "{}", ended.log);
}
