//! What goes into a well-behaved guest and comes out again.

use arrow::array::{
    Array, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DurationMicrosecondArray, Float32Array,
    Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, TimestampMicrosecondArray, UInt32Array,
    new_empty_array,
};
use arrow::compute::concat;

use super::*;

fn decimals(values: &[Option<i128>]) -> Decimal128Array {
    Decimal128Array::from(values.to_vec()).with_precision_and_scale(12, 2).unwrap()
}

/// A column for each type of the ABI, under the name of the function that gives it back.
fn columns() -> Vec<(&'static str, ArrayRef)> {
    let times = [
        Some(0),
        None,
        Some(i64::MIN),
        Some(i64::MAX),
        Some(1_700_000_000_000_000),
        None,
        Some(-1),
        Some(7),
        Some(8),
    ];
    let timestamps = TimestampMicrosecondArray::from(times.to_vec());
    let words =
        ["", "a", "größer", "null", "ein längeres Wort als sechzehn Bytes", "\u{1f600}", "x", "y", "z"];
    vec![
        (
            "boolean",
            Arc::new(BooleanArray::from(times.iter().map(|t| t.map(|t| t % 2 == 0)).collect::<Vec<_>>())),
        ),
        ("tinyint", Arc::new(Int8Array::from(times.iter().map(|t| t.map(|t| t as i8)).collect::<Vec<_>>()))),
        (
            "smallint",
            Arc::new(Int16Array::from(times.iter().map(|t| t.map(|t| t as i16)).collect::<Vec<_>>())),
        ),
        ("int", Arc::new(Int32Array::from(times.iter().map(|t| t.map(|t| t as i32)).collect::<Vec<_>>()))),
        ("bigint", Arc::new(Int64Array::from(times.to_vec()))),
        (
            "float",
            Arc::new(Float32Array::from(times.iter().map(|t| t.map(|t| t as f32)).collect::<Vec<_>>())),
        ),
        (
            "double",
            Arc::new(Float64Array::from(times.iter().map(|t| t.map(|t| t as f64)).collect::<Vec<_>>())),
        ),
        ("decimal", Arc::new(decimals(&times.map(|t| t.map(|t| i128::from(t) % 1_000_000_000_000))))),
        ("string", strings(&words.map(|word| Some(word).filter(|word| *word != "null")))),
        (
            "binary",
            Arc::new(BinaryArray::from(
                words.map(|word| Some(word.as_bytes()).filter(|word| word.len() != 4)).to_vec(),
            )),
        ),
        ("date", Arc::new(Date32Array::from(times.iter().map(|t| t.map(|t| t as i32)).collect::<Vec<_>>()))),
        ("timestamp", Arc::new(timestamps.clone().with_timezone("UTC"))),
        ("timestamp_ntz", Arc::new(timestamps)),
        ("interval", Arc::new(DurationMicrosecondArray::from(times.to_vec()))),
    ]
}

/// The rows of a function that gives one for each, put together.
fn mapped(results: &[Transformed]) -> ArrayRef {
    let columns: Vec<_> = results.iter().map(|result| result.columns[0].as_ref()).collect();
    assert!(results.iter().all(|result| result.origin.is_none() && result.errors.is_empty()));
    concat(&columns).unwrap()
}

#[test]
fn every_type_comes_back_as_it_went() {
    for (function, column) in columns() {
        let transform = module("identity").transform(function).unwrap();
        assert_eq!(transform.inputs()[0].data_type(), column.data_type());
        assert_eq!(transform.outputs()[0].data_type(), column.data_type());
        let mut guest = transform.open(MOMENT).unwrap();
        for slice in [(0, 9), (0, 0), (0, 1), (1, 3), (2, 6), (3, 6), (4, 5), (8, 1)] {
            let slice = column.slice(slice.0, slice.1);
            let results = guest.process(std::slice::from_ref(&slice), slice.len()).unwrap();
            match slice.len() {
                0 => assert!(results.is_empty()),
                _ => assert_eq!(&mapped(&results), &slice, "{function}"),
            }
        }
        let empty = new_empty_array(column.data_type());
        assert!(guest.process(&[empty], 0).unwrap().is_empty());
        let all_null = arrow::array::new_null_array(column.data_type(), 70);
        assert_eq!(&mapped(&guest.process(&[Arc::clone(&all_null)], 70).unwrap()), &all_null, "{function}");
    }
}

#[test]
fn a_batch_too_large_for_a_call_is_split_and_nothing_is_lost() {
    let small = Runtime::new(Limits { call_bytes: 4096, instances: 4, ..limits() }, Compiler::Here).unwrap();
    let split = small.load(&bytes("text")).unwrap().transform("split_words").unwrap();
    let lines: Vec<_> = (0..5_000).map(|row| "wort ".repeat(row % 40) + &row.to_string()).collect();
    let column: ArrayRef = Arc::new(StringArray::from(lines.clone()));
    let results = split.open(MOMENT).unwrap().process(&[column], lines.len()).unwrap();
    assert!(results.len() > 100, "{}", results.len());
    let (mut words, mut origin, mut next) = (Vec::new(), Vec::new(), 0);
    for result in &results {
        assert_eq!(result.rows.start, next);
        next = result.rows.end;
        words.extend(texts(&result.columns[0]).into_iter().flatten());
        origin.extend(result.origin.as_ref().unwrap().values().iter().copied());
    }
    assert_eq!(next, lines.len());
    let expected: Vec<_> = lines
        .iter()
        .enumerate()
        .flat_map(|(row, line)| line.split(' ').map(move |word| (row as u32, word)))
        .collect();
    assert_eq!(origin, expected.iter().map(|(row, _)| *row).collect::<Vec<_>>());
    assert_eq!(words, expected.iter().map(|(_, word)| *word).collect::<Vec<_>>());
}

#[test]
fn a_row_larger_than_a_call_goes_alone_and_one_too_large_is_refused() {
    let small = Limits { call_bytes: 4096, memory_bytes: 8 << 20, instances: 4, ..limits() };
    let transform = Runtime::new(small, Compiler::Here)
        .unwrap()
        .load(&bytes("identity"))
        .unwrap()
        .transform("string")
        .unwrap();
    let large = "x".repeat(100_000);
    let column = strings(&[Some("a"), Some(&large), Some("b")]);
    let results = transform.open(MOMENT).unwrap().process(&[Arc::clone(&column)], 3).unwrap();
    assert_eq!(results.len(), 3);
    assert_eq!(&mapped(&results), &column);
    let column = strings(&[Some("a"), Some(&"x".repeat(3 << 20)), Some("b")]);
    let error = transform.open(MOMENT).unwrap().process(&[column], 3).unwrap_err();
    assert_eq!((error.message(), error.fact("row")), ("a row is too large for a udf", Some("1")));
}

#[test]
fn text_splits_changes_and_counts() {
    let lines = strings(&[Some("to be  or"), None, Some(""), Some(" größer ")]);
    let result = call("text", "split_words", &[Arc::clone(&lines)], 4).unwrap().remove(0);
    let words = texts(&result.columns[0]).into_iter().flatten().collect::<Vec<_>>();
    assert_eq!(words, ["to", "be", "or", "größer"]);
    assert_eq!(result.origin, Some(UInt32Array::from(vec![0, 0, 0, 3])));
    assert_eq!(result.rows_out, 4);
    let upper = mapped(&call("text", "upper", &[Arc::clone(&lines)], 4).unwrap());
    assert_eq!(upper.as_ref(), strings(&[Some("TO BE  OR"), None, Some(""), Some(" GRÖSSER ")]).as_ref());
    let lengths = mapped(&call("text", "word_length", &[lines], 4).unwrap());
    assert_eq!(lengths.as_ref(), &Int32Array::from(vec![Some(9), None, Some(0), Some(8)]) as &dyn Array);
}

fn mixed(x: i64) -> i64 {
    let rounds = (0..4).fold(x as u64, |x, _| (x ^ (x >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (rounds ^ (rounds >> 29)) as i64
}

#[test]
fn whole_columns_are_mixed() {
    let values: Vec<_> = (0..10_000).map(|x| Some(x * 7_919 - 5_000)).collect();
    for values in [values.clone(), values.into_iter().map(|x| x.filter(|x| x % 3 != 0)).collect()] {
        let expected = numbers(&values.iter().map(|x| x.map(mixed)).collect::<Vec<_>>());
        let mixed = mapped(&call("numbers", "mix", &[numbers(&values)], values.len()).unwrap());
        assert_eq!(&mixed, &expected);
    }
}

#[test]
fn columns_rows_and_outcomes_of_every_shape() {
    let id = numbers(&[Some(1), None, Some(3)]);
    let name = strings(&[None, Some("b"), Some("c")]);
    let flag: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]));
    let result = call("identity", "twice", &[Arc::clone(&id), name, flag], 3).unwrap().remove(0);
    assert_eq!(&result.columns[0], &numbers(&[Some(1), Some(1), None, None, Some(3), Some(3)]));
    assert_eq!(texts(&result.columns[1])[2..4], [Some("b".to_string()), Some("b".to_string())]);
    assert_eq!(result.columns[2].null_count(), 2);
    assert_eq!(result.origin, Some(UInt32Array::from(vec![0, 0, 1, 1, 2, 2])));

    let result =
        call("identity", "keep_positive", &[numbers(&[Some(1), Some(-1), None, Some(9)])], 4).unwrap();
    assert_eq!((result[0].columns.len(), result[0].rows_out), (0, 2));
    assert_eq!(result[0].origin, Some(UInt32Array::from(vec![0, 3])));

    let result =
        call("identity", "checked", &[numbers(&[Some(1), Some(-5), None, Some(9)])], 4).unwrap().remove(0);
    assert_eq!(&result.columns[0], &numbers(&[Some(1), None, Some(9)]));
    assert_eq!(result.origin, Some(UInt32Array::from(vec![0, 2, 3])));
    assert_eq!(result.errors, [RowError { row: 1, message: "-5 is negative".into() }]);

    let result = call("identity", "nothing", &[], 3).unwrap().remove(0);
    assert_eq!(result.columns[0].as_ref(), &Int32Array::from(vec![1, 1, 1]) as &dyn Array);
}

#[test]
fn a_module_says_what_it_is() {
    let text = module("text");
    assert_eq!(text.digest().len(), 64);
    let names: Vec<_> = text.manifest().functions.iter().map(|function| function.name.as_str()).collect();
    assert_eq!(names, ["split_words", "upper", "word_length"]);
    let split = text.transform("split_words").unwrap();
    assert!(split.has_origin() && !text.transform("upper").unwrap().has_origin());
    assert_eq!((split.inputs()[0].name().as_str(), split.outputs()[0].name().as_str()), ("line", "word"));
    let error = text.transform("split").err().unwrap();
    assert_eq!(error.hint_text(), Some("it has split_words, upper, word_length"));
}

#[test]
fn a_panic_and_a_refusal_reach_the_user() {
    let error = call("identity", "share", &[numbers(&[Some(5), Some(0)])], 2).unwrap_err();
    let text = report(&error);
    for part in [
        "trap=`unreachable (a panic or an abort)`",
        "rows=`0..2`",
        "function=`share`",
        "divide by zero",
        "identity",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let error = call("identity", "never", &[numbers(&[Some(5)])], 1).unwrap_err();
    assert_eq!(error.fact("reason"), Some("will not have 1 rows"));
}

#[test]
fn a_failed_guest_is_not_called_again_and_wrong_columns_are_our_fault() {
    let mut guest = module("identity").transform("share").unwrap().open(MOMENT).unwrap();
    assert!(guest.process(&[numbers(&[Some(0)])], 1).is_err());
    let error = guest.process(&[numbers(&[Some(1)])], 1).unwrap_err();
    assert_eq!(error.kind(), crate::error::ErrorKind::Internal);
    for columns in [vec![], vec![strings(&[None])], vec![numbers(&[Some(1), Some(2)])]] {
        let error = call("identity", "share", &columns, 1).unwrap_err();
        assert_eq!(error.kind(), crate::error::ErrorKind::Internal);
    }
}
