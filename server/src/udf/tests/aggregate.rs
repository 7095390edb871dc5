//! Aggregates of a sample module: states in, rows in, states out, results out.

use arrow::array::{Array, Int32Array, StringArray, new_null_array};

use super::*;

fn fresh(groups: usize) -> Vec<ArrayRef> {
    let state = module("top").aggregate("top_k").unwrap().state().clone();
    state.iter().map(|field| new_null_array(field.data_type(), groups)).collect()
}

fn rows(values: &[i64], k: i32) -> Vec<ArrayRef> {
    let k: ArrayRef = Arc::new(Int32Array::from(vec![k; values.len()]));
    vec![numbers(&values.iter().copied().map(Some).collect::<Vec<_>>()), k]
}

#[test]
fn states_take_rows_and_states_in_and_give_results() {
    let mut guest = module("top").aggregate("top_k").unwrap().open(MOMENT).unwrap();
    let one = guest.update(&fresh(3), &rows(&[1, 9, 5, 7], 2), &Int32Array::from(vec![0, 2, 0, 0])).unwrap();
    let other = guest.update(&fresh(1), &rows(&[6, 8], 2), &Int32Array::from(vec![0, 0])).unwrap();
    // Group 1 had no rows: its state is still none.
    assert!(one.iter().all(|column| column.is_null(1)));
    let merged = guest.merge(&one, &other, &Int32Array::from(vec![0])).unwrap();
    let results = guest.finish(&merged).unwrap();
    assert_eq!(results.as_string::<i32>(), &StringArray::from(vec![Some("8,7"), None, Some("9")]));
    assert_eq!(guest.finish(&fresh(0)).unwrap().len(), 0);
}

#[test]
fn a_refusal_ends_the_guest_and_names_the_function() {
    let mut guest = module("top").aggregate("top_k").unwrap().open(MOMENT).unwrap();
    let error = guest.update(&fresh(1), &rows(&[1], 0), &Int32Array::from(vec![0])).unwrap_err();
    let report = report(&error);
    assert!(report.contains("k must be a number") && report.contains("function=`top_k`"), "{report}");
    assert!(guest.finish(&fresh(1)).is_err());
}

#[test]
fn a_function_of_another_kind_is_refused_with_where_it_belongs() {
    let report_of = |error: Option<Error>| report(&error.unwrap());
    let found = report_of(module("top").transform("top_k").err());
    assert!(found.contains("kind=`aggregate`") && found.contains("groupBy"), "{found}");
    let found = report_of(module("text").aggregate("upper").err());
    assert!(found.contains("kind=`transform`") && found.contains("stands as a stage"), "{found}");
}
