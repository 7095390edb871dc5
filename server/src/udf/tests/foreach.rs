//! Foreach functions of a sample module: partitions that are taken, skipped, closed, and closed after a failure.

use arrow::array::{Array, Int32Array};

use super::*;

const PLACE: Partition = Partition { partition: 3, epoch: 12 };

fn open(function: &str, partition: Partition) -> ForeachInstance {
    module("alerts").foreach(function).unwrap().open(MOMENT, partition).unwrap()
}

fn rows(count: usize) -> [ArrayRef; 3] {
    let name = |row: usize| if row.is_multiple_of(3) { None } else { Some("ann") };
    let values: Vec<_> = (0..count).map(|row| Some(row as i64 % 5)).collect();
    [strings(&(0..count).map(name).collect::<Vec<_>>()), numbers(&values), numbers(&vec![Some(2); count])]
}

#[test]
fn rows_become_effects_and_the_end_has_one_of_its_own() {
    let mut guest = open("alert", PLACE);
    assert!(guest.takes_rows());
    let effects = guest.process(&rows(5), 5).unwrap().remove(0);
    assert_eq!(effects.rows, 2);
    assert_eq!(
        texts(&effects.columns[1]),
        ["3 is above 2", "4 is above 2"].map(|text| Some(text.to_string()))
    );
    assert_eq!(effects.columns[2].as_ref(), &Int32Array::from(vec![3, 3]) as &dyn Array);
    assert_eq!(&effects.columns[3], &numbers(&[Some(12), Some(12)]));
    assert!(guest.process(&rows(0), 0).unwrap().is_empty());
    let last = guest.close(None).unwrap();
    assert_eq!((last.rows, texts(&last.columns[1])), (1, vec![Some("2".to_string())]));
    // The guest is closed: what comes now finds no partition.
    assert_eq!(
        guest.process(&rows(1), 1).unwrap_err().fact("reason"),
        Some("rows came without an open partition")
    );
}

#[test]
fn where_rows_are_cut_does_not_matter() {
    let small = Runtime::new(Limits { call_bytes: 1024, instances: 4, ..limits() }, Compiler::Here).unwrap();
    let cut = small.load(&bytes("alerts")).unwrap().foreach("alert").unwrap();
    let (mut one, mut many) = (open("alert", PLACE), cut.open(MOMENT, PLACE).unwrap());
    let whole = one.process(&rows(1_000), 1_000).unwrap();
    let pieces = many.process(&rows(1_000), 1_000).unwrap();
    assert_eq!(whole.len(), 1);
    assert!(pieces.len() > 10, "{}", pieces.len());
    let all = |effects: &[Effects], column: usize| {
        let columns: Vec<_> = effects.iter().map(|effects| effects.columns[column].as_ref()).collect();
        arrow::compute::concat(&columns).unwrap()
    };
    (0..4).for_each(|column| assert_eq!(&all(&whole, column), &all(&pieces, column)));
    assert_eq!(texts(&one.close(None).unwrap().columns[1]), texts(&many.close(None).unwrap().columns[1]));
}

#[test]
fn a_partition_may_be_skipped_and_one_that_failed_has_no_last_effect() {
    let takes = |partition| open("even_partitions", Partition { partition, epoch: 0 }).takes_rows();
    assert!(takes(0) && !takes(1) && takes(2));
    let mut skipped = open("even_partitions", Partition { partition: 1, epoch: 0 });
    assert_eq!(skipped.close(None).unwrap().rows, 0);
    let mut guest = open("alert", PLACE);
    guest.process(&rows(5), 5).unwrap();
    assert_eq!(guest.close(Some("the batch failed")).unwrap().rows, 0);
}

#[test]
fn a_row_that_cannot_be_fails_the_partition() {
    let mut guest = open("alert", PLACE);
    let [names, values, _] = rows(2);
    let error = guest.process(&[names, values, numbers(&[Some(1), None])], 2).unwrap_err();
    assert_eq!((error.fact("reason"), error.fact("rows")), (Some("an alert needs a limit"), Some("0..2")));
    assert!(!guest.is_alive() && guest.close(None).is_err());
    let error = module("alerts").transform("alert").err().unwrap();
    assert!(error.hint_text().unwrap().contains("sink: {foreach:"), "{error}");
}
