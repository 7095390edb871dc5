//! What is kept of compiled modules, what is never loaded, and what a module is tried out for. The process that compiles
//! has its tests in `tests/tests/upload.rs`, where there is a program to start.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields};

use super::artifact::{Artifact, Identity};
use super::cache::Cache;
use super::made_up::rows;
use super::trial::{MOMENT, outcome, try_out};
use super::*;
use crate::record::parse_ddl;
use crate::udf::limits::Limits;
use crate::udf::module::Module;
use crate::udf::moment::Moment;
use crate::udf::runtime::Runtime;

const CODE: &[u8] = b"not code, but the cache does not look";

fn identity(module: u8, setting: u8) -> Identity {
    Identity { module: [module; 32], setting: [setting; 32] }
}

fn found(cache: &Cache, identity: &Identity) -> Option<Vec<u8>> {
    cache.find(identity).map(|artifact| artifact.bytes().to_vec())
}

fn keep(cache: &Cache, identity: &Identity, code: &[u8]) {
    cache.keep(identity, &Artifact::from_our_compiler(code.to_vec()));
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(folder.join("artifacts")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn what_is_kept_is_found_again_by_whoever_has_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (identity(1, 1), identity(2, 1));
    let cache = Cache::new(folder.path().join("cache"));
    assert_eq!(found(&cache, &one), None);
    keep(&cache, &one, CODE);
    assert_eq!(found(&cache, &one).as_deref(), Some(CODE));
    assert_eq!(found(&cache, &two), None);
    // Another process.
    assert_eq!(found(&Cache::new(folder.path().join("cache")), &one).as_deref(), Some(CODE));
    let [file] = files(&folder.path().join("cache")).try_into().unwrap();
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(&folder.path().join("cache/artifact-key")), 0o600);
    assert_eq!(mode(&folder.path().join("cache/artifacts")), 0o700);
}

#[test]
fn a_file_that_was_touched_is_thrown_away() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (identity(1, 1), identity(1, 2));
    let cache = Cache::new(folder.path().into());
    keep(&cache, &one, CODE);
    let [file] = files(folder.path()).try_into().unwrap();
    let whole = fs::read(&file).unwrap();
    let mut damaged: Vec<Vec<u8>> = (0..whole.len()).map(|end| whole[..end].to_vec()).collect();
    for at in 0..whole.len() {
        let mut bent = whole.clone();
        bent[at] ^= 1 << (at % 8);
        damaged.push(bent);
    }
    damaged.push([whole.as_slice(), b"x"].concat());
    for bytes in damaged {
        fs::write(&file, &bytes).unwrap();
        assert_eq!(found(&cache, &one), None, "{bytes:?}");
        assert!(!file.exists());
    }
    // The same module under other limits or of another engine, put in its place.
    keep(&cache, &other, CODE);
    let [theirs] = files(folder.path()).try_into().unwrap();
    fs::rename(theirs, &file).unwrap();
    assert_eq!(found(&cache, &one), None);
    assert!(files(folder.path()).is_empty());
}

#[test]
fn another_key_or_one_that_others_can_read_signs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, one) = (Cache::new(folder.path().into()), identity(1, 1));
    let key = folder.path().join("artifact-key");
    keep(&cache, &one, CODE);
    fs::write(&key, [7; 32]).unwrap();
    assert_eq!(found(&cache, &one), None);
    for spoil in [
        |key: &Path| fs::set_permissions(key, fs::Permissions::from_mode(0o644)).unwrap(),
        |key: &Path| fs::write(key, b"short").unwrap(),
    ] {
        spoil(&key);
        keep(&cache, &one, CODE);
        assert_eq!(found(&cache, &one), None);
        fs::remove_file(&key).unwrap();
        keep(&cache, &one, CODE);
        assert!(found(&cache, &one).is_some());
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), b"").unwrap();
    let cache = Cache::new(folder.path().join("file"));
    keep(&cache, &identity(1, 1), CODE);
    assert_eq!(found(&cache, &identity(1, 1)), None);
}

#[test]
fn what_was_used_least_recently_makes_room() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = (CODE.len() + 32) as u64;
    let cache = Cache::of_bytes(folder.path().into(), 2 * bytes);
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    for module in 1..=2 {
        keep(&cache, &identity(module, 1), CODE);
    }
    for file in files(folder.path()) {
        fs::File::open(file).unwrap().set_modified(old).unwrap();
    }
    // The first is used again, so that the second goes.
    assert!(found(&cache, &identity(1, 1)).is_some());
    keep(&cache, &identity(3, 1), CODE);
    let left = [1, 2, 3].map(|module| found(&cache, &identity(module, 1)).is_some());
    assert_eq!(left, [true, false, true]);
    // One that is larger than everything there may be is kept alone.
    keep(&cache, &identity(4, 1), &[0; 1_000]);
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn many_at_once_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let cache = Cache::of_bytes(folder.path().join("cache"), 3 * (CODE.len() + 32) as u64);
            scope.spawn(move || {
                for turn in 0..50 {
                    let identity = identity(turn % 5, 1);
                    if let Some(code) = found(&cache, &identity) {
                        assert_eq!(code, CODE);
                    }
                    keep(&cache, &identity, CODE);
                }
            });
        }
    });
}

fn load(name: &str) -> Arc<Module> {
    let runtime = Runtime::new(Limits { instances: 4, ..Limits::default() }, Compiler::Here).unwrap();
    runtime.load(&fs::read(build_udfs::module(name)).unwrap()).unwrap()
}

#[test]
fn sample_modules_do_the_same_twice() {
    for name in ["text", "identity", "numbers", "top", "sessions"] {
        try_out(&load(name)).unwrap();
    }
}

#[test]
fn a_function_that_does_not_open_is_refused() {
    let error = try_out(&load("hostile")).unwrap_err();
    assert_eq!((error.fact("call"), error.fact("function")), (Some("open"), Some("endless_open")));
}

#[test]
fn what_differs_from_run_to_run_is_refused() {
    let module = load("preview1");
    for (name, differs) in [("time", true), ("arguments", false)] {
        let function = module.manifest().functions.iter().find(|function| function.name == name).unwrap();
        let run = |moment| outcome(&module, function, moment).unwrap();
        assert!(run(MOMENT).compare(&run(MOMENT)).is_ok());
        let other = Moment { seed: 2, time_us: MOMENT.time_us + 1 };
        assert_eq!(run(MOMENT).compare(&run(other)).is_err(), differs, "{name}");
    }
}

#[test]
fn every_type_has_made_up_rows() {
    let ddl = "a BOOLEAN, b TINYINT, c SMALLINT, d INT, e BIGINT, f FLOAT, g DOUBLE, h DECIMAL(1,1), i DECIMAL(38,0),
        j DECIMAL(12,2), k STRING, l BINARY, m DATE, n TIMESTAMP, o TIMESTAMP_NTZ, p INTERVAL DAY TO SECOND,
        q ARRAY<INT>, r STRUCT<x: INT, y: ARRAY<STRING>>, s INTERVAL YEAR TO MONTH";
    let schema = parse_ddl(ddl).unwrap();
    let columns = rows(schema.fields(), 9).unwrap();
    for (column, field) in columns.iter().zip(schema.fields()) {
        assert_eq!((column.len(), column.data_type()), (9, field.data_type()));
        assert_eq!(column.null_count(), 1, "{}", field.name());
    }
    let none: Fields = Vec::<Field>::new().into();
    assert!(rows(&none, 3).unwrap().is_empty());
    assert_eq!(rows(&vec![Field::new("a", DataType::Int32, true)].into(), 1).unwrap()[0].null_count(), 1);
}

#[test]
fn a_runtime_for_queries_has_no_compiler() {
    let compiler = Compiler::child("/no/such/program".into(), None);
    let runtime = Runtime::new(Limits { instances: 1, ..Limits::default() }, compiler).unwrap();
    let error = wasmtime::Module::from_binary(&runtime.engine, b"\0asm\x01\0\0\0").err().unwrap();
    assert!(error.to_string().contains("compil"), "{error}");
}
