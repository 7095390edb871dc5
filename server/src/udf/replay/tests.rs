//! Calls of every kind fail, are kept, and fail again in the same way; another module may do better.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, new_null_array};
use arrow::datatypes::DataType;

use super::*;
use crate::error::{Error, ErrorKind};
use crate::udf::{Compiler, GroupInput, Limits, Module, Moment, Runtime, Timers};

const MOMENT: Moment = Moment { time_us: 1_795_262_400_123_456, seed: 7 };

fn bytes(name: &str) -> Vec<u8> {
    fs::read(build_udfs::module(name)).unwrap()
}

fn limits() -> Limits {
    Limits { instances: 4, ..Limits::default() }
}

fn keeping(folder: &std::path::Path) -> Arc<Runtime> {
    Runtime::keeping(limits(), Compiler::Here, ReplayStore::new(folder.into())).unwrap()
}

fn numbers(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn recorded(error: &Error) -> (PathBuf, Recording) {
    let path = PathBuf::from(error.fact("replay").unwrap());
    let file = fs::read(&path).unwrap();
    let recording = Recording::from_bytes(&file).unwrap();
    // What was read writes the same file again.
    assert_eq!(recording.to_bytes().unwrap(), file);
    (path, recording)
}

/// The same failure again, by the module that the recording holds.
fn fails_again(error: &Error) -> Recording {
    let (_, recording) = recorded(error);
    let module = Runtime::showing_lines(limits()).unwrap().load(&recording.module).unwrap();
    assert_eq!(module.digest(), recording.module_digest);
    let again = replay(&recording, &module).unwrap_err();
    assert_eq!(again.message(), error.message());
    for fact in ["trap", "call", "function", "status", "reason", "why"] {
        assert_eq!(again.fact(fact), error.fact(fact), "{fact}");
    }
    recording
}

fn call(module: &Arc<Module>, function: &str, columns: &[ArrayRef], rows: usize) -> Error {
    module.transform(function).unwrap().open(MOMENT).and_then(|mut g| g.process(columns, rows)).unwrap_err()
}

#[test]
fn a_transform_fails_again_and_names_its_functions() {
    let folder = tempfile::tempdir().unwrap();
    let module = keeping(folder.path()).load(&bytes("identity")).unwrap();
    let columns = [numbers(&[Some(5), None, Some(0)])];
    let error = call(&module, "share", &columns, 3);
    let recording = fails_again(&error);
    assert_eq!(recording.call.as_ref().unwrap().parts[0].rows.num_rows(), 3);
    assert!(recording.error.contains("divide by zero"));
    // The backtrace has the names of the guest's functions.
    let module = Runtime::showing_lines(limits()).unwrap().load(&recording.module).unwrap();
    let again = replay(&recording, &module).unwrap_err().report();
    assert!(again.contains("identity") && again.contains("panic"), "{again}");
    fails_again(&call(&module_of("identity", folder.path()), "never", &columns, 3));
}

fn module_of(name: &str, folder: &std::path::Path) -> Arc<Module> {
    keeping(folder).load(&bytes(name)).unwrap()
}

#[test]
fn what_cannot_be_used_and_what_does_not_open_fails_again() {
    let folder = tempfile::tempdir().unwrap();
    let module = module_of("hostile", folder.path());
    for name in ["divide_by_zero", "deep_recursion", "offsets_fall", "wrong_type_at_open", "fail_with_reason"]
    {
        let function = module.transform(name).unwrap();
        let columns: Vec<_> = function.inputs().iter().map(|f| new_null_array(f.data_type(), 3)).collect();
        fails_again(&call(&module, name, &columns, 3));
    }
}

#[test]
fn another_module_may_do_better_or_take_something_else() {
    let folder = tempfile::tempdir().unwrap();
    let module = module_of("identity", folder.path());
    let (_, mut recording) = recorded(&call(&module, "share", &[numbers(&[Some(0), Some(2)])], 2));
    // A function of the same columns stands for the mended one.
    recording.function = "checked".into();
    assert_eq!(replay(&recording, &module).unwrap(), Replayed { rows_out: 2, refused: Vec::new() });
    recording.function = "string".into();
    let error = replay(&recording, &module).unwrap_err();
    assert_eq!((error.kind(), error.fact("recorded")), (ErrorKind::User, Some("(BIGINT)")));
    assert_eq!(error.fact("takes"), Some("(STRING)"));
    recording.function = "gone".into();
    assert_eq!(replay(&recording, &module).unwrap_err().message(), "the module has no such function");
}

#[test]
fn refused_rows_are_refused_again() {
    let folder = tempfile::tempdir().unwrap();
    let module = module_of("identity", folder.path());
    let mut guest = module.transform("checked").unwrap().open(MOMENT).unwrap();
    let columns = [numbers(&[Some(1), Some(-5)])];
    let refused = guest.process(&columns, 2).unwrap().remove(0).errors;
    let error = guest.keep_refused(&columns, 0..2, Error::user("a guest refused a row"));
    let (_, recording) = recorded(&error);
    assert_eq!(replay(&recording, &module).unwrap(), Replayed { rows_out: 1, refused });
}

#[test]
fn states_rows_keys_and_timers_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let module = module_of("top", folder.path());
    let top = module.aggregate("top_k").unwrap();
    let none: Vec<_> = top.state().iter().map(|field| new_null_array(field.data_type(), 1)).collect();
    let count: ArrayRef = match top.inputs()[1].data_type() {
        DataType::Int32 => Arc::new(Int32Array::from(vec![-1])),
        _ => Arc::new(Int64Array::from(vec![-1])),
    };
    let error =
        top.open(MOMENT).unwrap().update(&none, &[numbers(&[Some(1)]), count], &Int32Array::from(vec![0]));
    let recording = fails_again(&error.unwrap_err());
    assert_eq!(recording.call.as_ref().unwrap().parts.len(), 2);

    let sessions = module_of("sessions", folder.path());
    let function = sessions.group(&sessions.manifest().functions[0].name).unwrap();
    let column = |field: &arrow::datatypes::FieldRef, rows| new_null_array(field.data_type(), rows);
    let timers = Timers { groups: vec![0, 1], times: vec![5, 6] };
    let input = GroupInput {
        watermark_us: Some(7),
        time_us: 8,
        keys: &function.key().iter().map(|field| column(field, 2)).collect::<Vec<_>>(),
        states: &function.state().iter().map(|field| column(field, 2)).collect::<Vec<_>>(),
        rows: &function.inputs().iter().map(|field| column(field, 3)).collect::<Vec<_>>(),
        row_groups: &Int32Array::from(vec![0, 1, 1]),
        timers: &Timers::default(),
        fired: &timers,
    };
    let error = function.open(MOMENT).unwrap().process(&input).unwrap_err();
    assert!(error.fact("reason").unwrap().contains("gap of a session"));
    let call = fails_again(&error).call.unwrap();
    assert_eq!((call.number(0).unwrap(), call.number(8).unwrap()), (7, 8));
    assert_eq!(call.parts.iter().map(|part| part.rows.num_rows()).collect::<Vec<_>>(), [2, 2, 3, 0, 2]);
}

#[test]
fn a_store_keeps_the_newest_and_the_same_call_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = ReplayStore::of_size(folder.path().join("a/b"), 3, 1 << 20);
    let recording = |seed: u64| Recording {
        function: "f".into(),
        module_digest: "d".into(),
        moment: Moment { time_us: 0, seed },
        error: "e".into(),
        call: None,
        module: vec![0; 1_000].into(),
    };
    let count = || folder.path().join("a/b").read_dir().unwrap().count();
    let first = store.keep(&recording(0)).unwrap();
    assert_eq!(store.keep(&recording(0)), Some(first.clone()));
    assert_eq!(count(), 1);
    for seed in 1..10 {
        let kept = store.keep(&recording(seed)).unwrap();
        assert_eq!(Recording::from_bytes(&fs::read(&kept).unwrap()).unwrap(), recording(seed));
    }
    assert_eq!(count(), 3);
    let small = ReplayStore::of_size(folder.path().join("c"), 100, 2_000);
    (0..10).for_each(|seed| assert!(small.keep(&recording(seed)).unwrap().exists()));
    assert_eq!(folder.path().join("c").read_dir().unwrap().count(), 1);
}

#[test]
fn a_file_that_was_bent_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let module = module_of("identity", folder.path());
    let error = call(&module, "never", &[numbers(&[Some(1)])], 1);
    let (path, _) = recorded(&error);
    let file = fs::read(path).unwrap();
    for end in [0, 15, 16, 24, 40, file.len() - 1] {
        assert_eq!(Recording::from_bytes(&file[..end]).unwrap_err().kind(), ErrorKind::Data);
    }
    for at in [0, 15, 17, 30, 100, file.len() / 2, file.len() - 1] {
        let mut bent = file.clone();
        bent[at] ^= 1;
        assert_eq!(Recording::from_bytes(&bent).unwrap_err().kind(), ErrorKind::Data, "{at}");
    }
}
