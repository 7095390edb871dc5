//! Every function of the hostile module ends in the right error, and the host goes on.

use super::*;
use crate::error::ErrorKind;

/// A sin, and a part of the error that tells it from the others.
const REFUSED: &[(&str, &str)] = &[
    ("endless_loop", "trap=`out of fuel` call=`process`"),
    ("endless_open", "trap=`out of fuel` call=`open`"),
    ("endless_alloc", "memory_refused=`"),
    ("endless_bulk_fill", "trap=`out of fuel`"),
    ("grow_memory", "memory_refused=`67174400`"),
    ("trap", "trap=`unreachable (a panic or an abort)`"),
    ("divide_by_zero", "trap=`"),
    ("read_outside", "trap=`memory access out of bounds`"),
    ("deep_recursion", "trap=`stack overflow`"),
    ("log_outside", "trap=`refused call of the host`"),
    ("fail_without_reason", "status=`-7` reason=`the function gave no reason`"),
    ("fail_with_reason", "status=`1` reason=`out of \u{fffd}[31mluck`"),
    ("fail_with_reason_outside", "a pointer leaves the memory"),
    ("no_columns", "a column is missing"),
    ("columns_outside", "a pointer leaves the memory"),
    ("column_missing", "a column is missing` column=`y`"),
    ("column_outside", "a pointer leaves the memory` "),
    ("child_is_its_parent", "another shape than its type"),
    ("children_at_the_end", "a pointer leaves the memory"),
    ("too_few_children", "field=`n_children`"),
    ("wrong_buffer_count", "field=`n_buffers`"),
    ("length_negative", "a length is negative"),
    ("length_huge", "another length than it should"),
    ("length_beyond_32_bits", "a length is out of range"),
    ("length_short", "another length than it should"),
    ("array_offset", "field=`offset`"),
    ("dictionary", "no dictionaries"),
    ("offsets_missing", "a buffer is missing"),
    ("offsets_fall", "the offsets of a column fall"),
    ("offsets_negative", "the offsets of a column are negative"),
    ("offsets_leave_memory", "a pointer leaves the memory"),
    ("data_outside", "a pointer leaves the memory"),
    ("validity_outside", "a pointer leaves the memory"),
    ("not_utf8", "a text is not UTF-8"),
    ("half_characters", "a text ends inside a character"),
    ("too_much_output", "the output is too large"),
    ("wrong_type_at_open", "open gave another type than the manifest"),
    ("wrong_name_at_open", "open gave another column name than the manifest"),
    ("no_schema_at_open", "a text does not end"),
    ("endless_format_at_open", "a text does not end"),
    ("arena_null", "the arena has no more memory"),
    ("arena_outside", "memory that is not there"),
    ("arena_unaligned", "the arena's memory is not aligned"),
    ("origin_missing", "a column is missing"),
    ("origin_unannounced", "an origin came that the manifest does not announce"),
    ("origin_falls", "the origin falls or names a row that is not there"),
    ("origin_negative", "the origin falls or names a row that is not there"),
    ("origin_too_large", "the origin falls or names a row that is not there"),
    ("origin_short", "another length than it should"),
    ("outcome_unknown", "outcome=`9`"),
    ("outcome_short", "another length than it should"),
    ("outcome_outside", "a pointer leaves the memory"),
    ("error_not_utf8", "a text is not UTF-8` column=`error`"),
];

const ALLOWED: &[&str] = &[
    "log_flood",
    "unaligned_buffers",
    "wrong_null_count",
    "offsets_from_the_middle",
    "skip_every_second_row",
    "fail_every_second_row",
];

fn commit(sin: &str) -> Result<Vec<Transformed>> {
    let x = numbers(&[Some(1), Some(2), None]);
    call("hostile", sin, &[x, strings(&[Some("a"), None, Some("c")])], 3)
}

#[test]
fn every_sin_ends_in_its_error_and_the_host_lives() {
    let mut wrong = Vec::new();
    for (sin, part) in REFUSED {
        match commit(sin) {
            Ok(_) => wrong.push(format!("{sin} went well")),
            Err(error) => {
                let right = error.kind() == ErrorKind::User && error.fact("function") == Some(*sin);
                if !right || !error.to_string().contains(part) {
                    wrong.push(format!("{sin}: expected {part}, found {error}"));
                }
            }
        }
        assert_eq!(call("text", "split_words", &[strings(&[Some("a b")])], 1).unwrap()[0].rows_out, 2);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_function_of_the_hostile_module_is_in_a_list() {
    for function in &module("hostile").manifest().functions {
        let listed =
            REFUSED.iter().any(|(sin, _)| *sin == function.name) || ALLOWED.contains(&function.name.as_str());
        assert!(listed, "{}", function.name);
    }
}

#[test]
fn what_only_looks_wrong_is_taken() {
    let ab = Some("ab".to_string());
    for sin in ["log_flood", "unaligned_buffers", "wrong_null_count", "offsets_from_the_middle"] {
        let result = commit(sin).unwrap().remove(0);
        assert_eq!(texts(&result.columns[0]), [ab.clone(), ab.clone(), ab.clone()], "{sin}");
    }
    for sin in ["skip_every_second_row", "fail_every_second_row"] {
        let result = commit(sin).unwrap().remove(0);
        assert_eq!(texts(&result.columns[0]), [ab.clone(), ab.clone()], "{sin}");
        assert_eq!(result.origin.unwrap().values().to_vec(), [0, 2], "{sin}");
        let errors = if sin == "skip_every_second_row" { 0 } else { 1 };
        assert_eq!(result.errors.len(), errors, "{sin}");
    }
}

#[test]
fn a_loop_is_stopped_by_the_clock_when_fuel_is_plenty() {
    let patient = Limits { fuel_per_call: u64::MAX, deadline_ms: 50, instances: 4, ..limits() };
    let hostile = Runtime::new(patient, Compiler::Here).unwrap().load(&bytes("hostile")).unwrap();
    for (sin, call) in
        [("endless_loop", "process"), ("endless_bulk_fill", "process"), ("endless_open", "open")]
    {
        let transform = hostile.transform(sin).unwrap();
        let columns = [numbers(&[Some(1)]), strings(&[None])];
        let error = transform.open(MOMENT).and_then(|mut guest| guest.process(&columns, 1)).unwrap_err();
        assert_eq!((error.fact("trap"), error.fact("call")), (Some("deadline"), Some(call)), "{error}");
    }
}

#[test]
fn fuel_spent_is_the_same_in_every_run() {
    let enough = |fuel_per_call| {
        let runtime = Runtime::new(
            Limits { fuel_per_call, fuel_per_row: 0, fuel_per_byte: 0, instances: 2, ..limits() },
            Compiler::Here,
        );
        let split = runtime.unwrap().load(&bytes("text")).unwrap().transform("split_words").unwrap();
        split
            .open(MOMENT)
            .and_then(|mut guest| guest.process(&[strings(&[Some("to be or not to be")])], 1))
            .is_ok()
    };
    let (mut too_little, mut plenty) = (0, 1 << 20);
    while plenty - too_little > 1 {
        let middle = (too_little + plenty) / 2;
        if enough(middle) { plenty = middle } else { too_little = middle }
    }
    for _ in 0..3 {
        assert!(enough(plenty) && !enough(too_little), "{plenty}");
    }
}

#[test]
fn guests_may_not_outnumber_the_pool() {
    let two = Runtime::new(Limits { instances: 2, ..limits() }, Compiler::Here).unwrap();
    let split = two.load(&bytes("text")).unwrap().transform("split_words").unwrap();
    let guests = [split.open(MOMENT).unwrap(), split.open(MOMENT).unwrap()];
    let error = split.open(MOMENT).err().unwrap();
    assert_eq!((error.kind(), error.message()), (ErrorKind::External, "no guest is free"));
    drop(guests);
    assert!(split.open(MOMENT).is_ok());
}
