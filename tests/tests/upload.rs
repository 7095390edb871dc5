//! The process that compiles modules: what it makes is loaded and kept, what is too much for it is told, and it is shut
//! in before it reads anything.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use harness::program::{Run, Settings, command, program};
use harness::wait::poll;
use wasmill::error::{ErrorKind, Result};
use wasmill::udf::{Compiler, Limits, Module, Runtime};

fn load(name: &str, program: PathBuf, cache: Option<&Path>, limits: Limits) -> Result<Arc<Module>> {
    let bytes = fs::read(build_udfs::module(name)).unwrap();
    let limits = Limits { instances: 4, ..limits };
    Runtime::new(limits, Compiler::child(program, cache.map(Path::to_path_buf)))?.load(&bytes)
}

fn artifacts(cache: &Path) -> Vec<PathBuf> {
    fs::read_dir(cache.join("artifacts")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_module_is_compiled_once() {
    let cache = tempfile::tempdir().unwrap();
    let limits = Limits::default;
    load("text", program(), Some(cache.path()), limits()).unwrap();
    let [file] = artifacts(cache.path()).try_into().unwrap();
    let whole = fs::read(&file).unwrap();
    // Nobody could compile it now.
    let nobody = || PathBuf::from("/no/such/program");
    let module = load("text", nobody(), Some(cache.path()), limits()).unwrap();
    assert_eq!(module.manifest().functions[0].name, "split_words");
    // Under other limits it is judged again.
    let other = Limits { memory_bytes: 32 << 20, ..limits() };
    assert_eq!(load("text", nobody(), Some(cache.path()), other).err().unwrap().kind(), ErrorKind::External);
    // What was touched is made again.
    for damaged in [&whole[..whole.len() / 2], &[whole.as_slice(), b"x"].concat(), b""] {
        fs::write(&file, damaged).unwrap();
        assert!(load("text", nobody(), Some(cache.path()), limits()).is_err());
        assert!(!file.exists());
        fs::write(&file, damaged).unwrap();
        load("text", program(), Some(cache.path()), limits()).unwrap();
        assert_eq!(fs::read(&file).unwrap().len(), whole.len());
    }
    load("text", program(), None, limits()).unwrap();
}

#[test]
fn what_is_too_much_for_the_compiler_is_told_with_its_limit() {
    let small = Limits { compile_memory_bytes: 48 << 20, ..Limits::default() };
    let hasty = Limits { compile_cpu_s: 1, ..Limits::default() };
    let brief = Limits { compile_s: 1, ..Limits::default() };
    for (limits, limit) in
        [(small, "50331648 bytes of memory"), (hasty, "1 s of processor time"), (brief, "1 s")]
    {
        // Go's runtime takes a compiler seconds.
        let error = load("words-go", program(), None, limits).err().unwrap();
        assert_eq!((error.kind(), error.fact("limit")), (ErrorKind::User, Some(limit)), "{error}");
        assert!(error.hint_text().is_some());
    }
}

#[test]
fn what_fails_when_it_is_tried_out_is_told_as_a_call_tells_it() {
    let error = load("hostile", program(), None, Limits::default()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::User);
    let text = error.report();
    for part in [
        "failed when it was tried out",
        "trap=`out of fuel` call=`open` function=`endless_open`",
        "hint: the function did far more",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_compiler_that_answers_nonsense_is_no_users_fault() {
    let folder = tempfile::tempdir().unwrap();
    let script = |name: &str, text: &str| {
        use std::os::unix::fs::PermissionsExt;
        let file = folder.path().join(name);
        fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    };
    let code = r#"cat > /dev/null; echo '{"refusal":null,"open":[]}'; head -c 100000 /dev/zero"#;
    for (program, kind) in [
        ("/no/such/program".into(), ErrorKind::External),
        ("/bin/false".into(), ErrorKind::Internal),
        ("/bin/true".into(), ErrorKind::Internal),
        (script("noise", "head -c 1000000 /dev/zero"), ErrorKind::Internal),
        (script("not-json", "cat > /dev/null; echo yes"), ErrorKind::Internal),
        (script("no-code", code), ErrorKind::Internal),
        (script("killed", "kill -9 $$"), ErrorKind::External),
    ] {
        let error = load("text", program.clone(), None, Limits::default()).err().unwrap();
        assert_eq!(error.kind(), kind, "{}: {error}", program.display());
    }
}

#[test]
fn it_shuts_itself_in_before_it_reads() {
    let limits = serde_json::to_string(&Limits::default()).unwrap();
    let mut child = Command::new(program())
        .args(["compile-module", &limits])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let about = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", child.id())).unwrap();
    let is_shut = || about("status").contains("Seccomp:\t2").then_some(());
    assert!(poll(std::time::Duration::from_secs(60), is_shut).is_some(), "{}", about("status"));
    assert!(about("status").contains("NoNewPrivs:\t1"));
    let rows = about("limits");
    let limit = |name: &str| {
        let row = rows.lines().find(|row| row.starts_with(name)).unwrap();
        row[26..].split_whitespace().take(2).map(str::to_string).collect::<Vec<_>>()
    };
    assert_eq!(limit("Max cpu time"), ["30", "31"]);
    assert_eq!(limit("Max core file size"), ["0", "0"]);
    assert_eq!(limit("Max open files"), ["16", "16"]);
    assert_eq!(limit("Max file size"), ["67108864", "67108864"]);
    assert_ne!(limit("Max address space")[1], "unlimited");
    // What is no module at all is answered, and told to the user.
    child.stdin.take().unwrap().write_all(b"hello").unwrap();
    let output = child.wait_with_output().unwrap();
    let answer = String::from_utf8(output.stdout).unwrap();
    assert!(
        answer.contains("this is not a WebAssembly module") && answer.contains("\"open\":[]"),
        "{answer}"
    );
}

/// The queries of a file: one that a guest of `preview1` never comes back from, and one over files of two rows.
fn queries(work: &Path, names: &[&str]) -> PathBuf {
    let query = |name: &str, column: &str, module: &str, function: &str| {
        format!(
            "name: {name}
source: {{ format: json, schema: {column}, options: {{ path: {0}/{name}-in, maxFilesPerTrigger: 1 }} }}
stages: [{{ udf: {{ module: \"{1}\", function: {function}, input: [x] }} }}]
sink: {{ format: json, options: {{ path: {0}/{name}-out }} }}
trigger: {{ availableNow: true }}
checkpointLocation: {0}/{name}-checkpoint
",
            work.display(),
            build_udfs::module(module).display(),
        )
    };
    let all = [
        ("stuck", query("stuck", "x BIGINT", "preview1", "spin")),
        ("good", query("good", "x STRING", "text", "split_words")),
    ];
    let wanted = all.iter().filter(|(name, _)| names.contains(name)).map(|(_, query)| query.as_str());
    let file = work.join("queries.yaml");
    fs::write(&file, wanted.collect::<Vec<_>>().join("---\n")).unwrap();
    file
}

#[test]
fn a_query_beside_a_guest_that_does_not_come_back_loses_nothing() {
    let work = tempfile::tempdir().unwrap();
    let path = |name: &str| work.path().join(name);
    fs::create_dir(path("stuck-in")).unwrap();
    fs::create_dir(path("good-in")).unwrap();
    fs::write(path("stuck-in/rows.json"), "{\"x\": 1000000000000}\n").unwrap();
    for file in 0..5 {
        let rows = "{\"x\": \"one two\"}\n{\"x\": \"three\"}\n";
        fs::write(path(&format!("good-in/{file}.json")), rows).unwrap();
    }
    // None before the first batch.
    let words = || {
        let shown = command(&["show", path("good-out").to_str().unwrap(), "--output", "json"]);
        let document: Option<serde_json::Value> = serde_json::from_str(&shown.out).ok();
        document.and_then(|document| document["count"].as_u64())
    };
    let run =
        |names: &[&str]| Run::start(work.path(), &queries(work.path(), names), &Settings::default()).ended();
    let ended = run(&["stuck", "good"]);
    assert_eq!(ended.status.code(), Some(2), "{}", ended.says());
    let log = &ended.log;
    assert!(log.contains("query=`stuck`") && log.contains("trap=`out of fuel`"), "{}", ended.says());
    assert!(!log.contains("query=`good`"), "{}", ended.says());
    // It finished its batches, all of them or until it was told that the other one had failed.
    assert_eq!(words().unwrap_or(0) % 3, 0);
    let ended = run(&["good"]);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.says());
    assert_eq!(words(), Some(15));
}
