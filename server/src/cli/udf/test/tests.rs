//! Tests of cases: those of the sample modules pass, and what is wrong with one is told.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, OnceLock};

use super::*;
use crate::udf::{Compiler, Limits, Runtime};

/// Compiling takes longest, so it is done once for all tests.
fn module(name: &str) -> Arc<Module> {
    static RUNTIME: OnceLock<Arc<Runtime>> = OnceLock::new();
    static LOADED: Mutex<BTreeMap<String, Arc<Module>>> = Mutex::new(BTreeMap::new());
    let runtime = RUNTIME.get_or_init(|| Runtime::new(Limits::default(), Compiler::Here).unwrap());
    let mut loaded = LOADED.lock().unwrap();
    let load = || load(&build_udfs::module(name), runtime).unwrap().0;
    Arc::clone(loaded.entry(name.into()).or_insert_with(load))
}

fn udfs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../udfs")
}

/// Runs cases; gives whether all passed, and what was printed.
fn run_in(module: &Arc<Module>, folder: &Path, start: &str, write: bool) -> (bool, String) {
    let mut out = Vec::new();
    let passed = run_cases(module, &find_cases(folder, start).unwrap(), write, &mut out).is_ok();
    (passed, String::from_utf8(out).unwrap())
}

/// In every language to the last byte: `words-` has the functions of `text` and `numbers`, `kinds-` those of `top` and
/// `sessions`.
#[test]
fn the_cases_of_the_sample_modules_pass() {
    for (cases, start, modules) in [
        ("text", "", vec!["text"]),
        ("text", "split_words/", vec!["words-c", "words-by-hand", "words-go", "words-assemblyscript"]),
        ("numbers", "", vec!["numbers"]),
        ("numbers", "mix/", vec!["words-c", "words-by-hand", "words-go", "words-assemblyscript"]),
        ("alerts", "", vec!["alerts"]),
        ("top", "", vec!["top"]),
        ("top", "top_k/", vec!["kinds-c", "kinds-go", "kinds-assemblyscript"]),
        ("sessions", "", vec!["sessions", "kinds-c", "kinds-go", "kinds-assemblyscript"]),
    ] {
        for name in modules {
            let (passed, out) = run_in(&module(name), &udfs().join(cases).join("cases"), start, false);
            assert!(passed && out.contains("ok "), "{name}\n{out}");
        }
    }
}

/// A folder with one case of these files.
fn folder_of(function: &str, files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let case = folder.path().join(function).join("case");
    std::fs::create_dir_all(&case).unwrap();
    for (name, text) in files {
        std::fs::write(case.join(name), text).unwrap();
    }
    folder
}

#[test]
fn what_is_wrong_with_a_case_is_told() {
    let session = "{\"$key\": 1, \"time\": \"2026-01-01T00:00:00Z\", \"gap\": \"1 second\"}\n";
    for (name, function, input, part) in [
        ("text", "word_length", "{\"word\": \"four\"}\n", "expected nothing"),
        ("text", "word_length", "{\"world\": \"four\"}\n", "did you mean `word`?"),
        ("text", "word_length", "four\n", "no JSON object"),
        ("text", "word_length", "\n", "a case has no rows"),
        ("text", "word_size", "{}\n", "it has split_words, upper, word_length"),
        ("top", "top_k", "{\"$key\": 1, \"value\": 1, \"k\": 1}\n", "column=`$key`"),
        ("top", "top_k", "{\"value\": 1, \"k\": 0}\n", "found    {\"$error\":\"k must be a number"),
        ("sessions", "sessions", session, "expected nothing"),
        ("sessions", "sessions", "{\"$watermark\": \"soon\"}\n", "no timestamp"),
        ("preview1", "chance", "{\"x\": 8}\n{\"x\": 8}\n", "depends on how rows are cut"),
    ] {
        let folder =
            folder_of(function, &[("input.jsonl", input), ("expected.jsonl", ""), ("state.jsonl", "")]);
        let (passed, out) = run_in(&module(name), folder.path(), "", false);
        assert!(!passed && out.contains(part), "{name}.{function}: no {part} in\n{out}");
    }
}

#[test]
fn what_came_back_is_written_where_it_is_asked_for() {
    let input = "{\"$key\": [1], \"value\": 4, \"pause\": \"1 second\"}\n";
    for with_state in [false, true] {
        let mut files = vec![("input.jsonl", input)];
        files.extend(with_state.then_some(("state.jsonl", "")));
        let folder = folder_of("pauses", &files);
        let (written, out) = run_in(&module("sessions"), folder.path(), "", true);
        assert!(written, "{out}");
        let read = |file: &str| std::fs::read_to_string(folder.path().join("pauses/case").join(file)).ok();
        assert_eq!(read("expected.jsonl").as_deref(), Some(""));
        let state = "{\"$key\":[1],\"total\":4,\"events\":1,\"timer\":\"2026-01-01T00:00:01.000000Z\",\
                     \"$timers\":[\"2026-01-01T00:00:01.000000Z\"]}\n";
        assert_eq!(read("state.jsonl").as_deref(), with_state.then_some(state));
        assert!(run_in(&module("sessions"), folder.path(), "", false).0);
    }
}

#[test]
fn lines_are_compared_as_json() {
    let found = [r#"{"$row":0,"word":"a"}"#.to_string(), r#"{"$row":1,"word":null}"#.to_string()];
    for (expected, same) in [
        ("{\"word\": \"a\", \"$row\": 0}\n\n{\"$row\":1,\"word\":null}\n", true),
        ("{\"$row\":0,\"word\":\"a\"}\n", false),
        ("{\"$row\":0,\"word\":\"b\"}\n{\"$row\":1,\"word\":null}\n", false),
        ("nonsense\n{\"$row\":1,\"word\":null}\n", false),
        ("", false),
    ] {
        assert_eq!(difference(expected, &found).is_none(), same, "{expected}");
    }
}
