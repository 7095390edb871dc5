//! Tests of the row codec, of the group table and of states of guests, without queries.

use std::sync::Arc;

use arrow::array::*;
use arrow::datatypes::{DataType, Field, Int32Type, TimeUnit};

use super::GuestCall;
use super::accumulator::Accumulator;
use super::guest::GuestStates;
use super::lane::Lane;
use super::row_codec::RowCodec;
use super::table::GroupTable;
use crate::udf::{Compiler, Limits, Moment, Runtime};

fn columns() -> Vec<ArrayRef> {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![
        Some(vec![Some(1), None]),
        None,
        Some(vec![]),
        Some(vec![Some(-7)]),
    ]);
    let fields = StructArray::from(vec![
        (
            Arc::new(Field::new("a", DataType::Int32, true)),
            Arc::new(Int32Array::from(vec![1, 2, 3, 4])) as ArrayRef,
        ),
        (
            Arc::new(Field::new("b", DataType::Utf8, true)),
            Arc::new(StringArray::from(vec![Some("x"), None, Some(""), Some("y\0z")])) as ArrayRef,
        ),
    ]);
    vec![
        Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), Some(true)])),
        Arc::new(Int8Array::from(vec![Some(-128), Some(127), None, Some(0)])),
        Arc::new(Int16Array::from(vec![Some(-1), Some(i16::MAX), None, Some(i16::MIN)])),
        Arc::new(Int32Array::from(vec![Some(-1), Some(i32::MAX), None, Some(i32::MIN)])),
        Arc::new(Int64Array::from(vec![Some(-1), Some(i64::MAX), None, Some(i64::MIN)])),
        Arc::new(Float32Array::from(vec![Some(-0.5), Some(f32::INFINITY), None, Some(0.0)])),
        Arc::new(Float64Array::from(vec![Some(-0.5), Some(f64::NEG_INFINITY), None, Some(1e300)])),
        Arc::new(
            Decimal128Array::from(vec![Some(-5), Some(123), None, Some(0)])
                .with_precision_and_scale(20, 3)
                .unwrap(),
        ),
        Arc::new(StringArray::from(vec![Some("a\0b"), Some(""), None, Some("äöü")])),
        Arc::new(BinaryArray::from(vec![Some(&[0, 0][..]), Some(&[0xff, 0][..]), None, Some(&[][..])])),
        Arc::new(Date32Array::from(vec![Some(-1), Some(0), None, Some(20_000)])),
        Arc::new(
            TimestampMicrosecondArray::from(vec![Some(-1), Some(0), None, Some(1)]).with_timezone("UTC"),
        ),
        Arc::new(TimestampMicrosecondArray::from(vec![Some(-1), Some(0), None, Some(1)])),
        Arc::new(DurationMicrosecondArray::from(vec![Some(-1), Some(0), None, Some(1)])),
        Arc::new(IntervalYearMonthArray::from(vec![Some(-1), Some(0), None, Some(1)])),
        Arc::new(list),
        Arc::new(fields),
        Arc::new(NullArray::new(4)),
    ]
}

fn types(columns: &[ArrayRef]) -> Vec<DataType> {
    columns.iter().map(|column| column.data_type().clone()).collect()
}

#[test]
fn rows_of_every_type_come_back() {
    let columns = columns();
    let codec = RowCodec::new(types(&columns)).unwrap();
    let rows = codec.encode(&columns).unwrap();
    let back = codec.decode((0..rows.len()).map(|row| rows.row(row))).unwrap();
    for (column, back) in columns.iter().zip(&back) {
        assert_eq!(column, back);
    }
}

#[test]
fn encoded_rows_sort_as_their_values_do() {
    let ascending: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![None, Some(i64::MIN), Some(-1), Some(0), Some(1), Some(i64::MAX)])),
        Arc::new(Float64Array::from(vec![
            None,
            Some(f64::NEG_INFINITY),
            Some(-1.5),
            Some(0.0),
            Some(2.0),
            Some(f64::NAN),
        ])),
        Arc::new(StringArray::from(vec![None, Some(""), Some("\0"), Some("a"), Some("a\0"), Some("aa")])),
        Arc::new(TimestampMicrosecondArray::from(vec![None, Some(-5), Some(-1), Some(0), Some(1), Some(9)])),
    ];
    for column in ascending {
        let codec = RowCodec::new(vec![column.data_type().clone()]).unwrap();
        let rows = codec.encode(std::slice::from_ref(&column)).unwrap();
        for row in 1..rows.len() {
            assert!(rows.row(row - 1) < rows.row(row), "{:?} row {row}", column.data_type());
        }
    }
}

#[test]
fn damaged_rows_are_refused_or_read_as_something_but_never_panic() {
    let columns = columns();
    let codec = RowCodec::new(types(&columns)).unwrap();
    let rows = codec.encode(&columns).unwrap();
    for row in 0..rows.len() {
        let good = rows.row(row);
        for cut in 0..good.len() {
            assert!(codec.decode([&good[..cut]].into_iter()).is_err(), "row {row} cut at {cut}");
        }
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.to_vec();
                bad[at] ^= 1 << bit;
                let _ = codec.decode([bad.as_slice()].into_iter());
            }
        }
    }
}

#[test]
fn equal_keys_share_a_group_and_groups_come_in_order_of_appearance() {
    let words: ArrayRef =
        Arc::new(StringArray::from(vec![Some("b"), Some("a"), None, Some("b"), None, Some("")]));
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![0.0, f64::NAN, 1.0, -0.0, 1.0, 0.0]));
    let lanes = [Lane::new(&words).unwrap(), Lane::new(&numbers).unwrap()];
    let mut table = GroupTable::new();
    let mut groups = Vec::new();
    table.intern(&lanes, 6, &mut groups).unwrap();
    assert_eq!(groups, [0, 1, 2, 0, 2, 3]);
    table.intern(&lanes, 6, &mut groups).unwrap();
    assert_eq!(groups, [0, 1, 2, 0, 2, 3]);
    let keys = table.keys(&[DataType::Utf8, DataType::Float64]).unwrap();
    assert_eq!(keys[0].as_string::<i32>().iter().collect::<Vec<_>>(), [Some("b"), Some("a"), None, Some("")]);
    assert_eq!(keys[1].len(), 4);
}

#[test]
fn every_key_type_comes_back_from_the_table() {
    for column in columns() {
        if matches!(column.data_type(), DataType::Float32 | DataType::Float64 | DataType::Null) {
            continue;
        }
        let lanes = [Lane::new(&column).unwrap()];
        let (mut table, mut groups) = (GroupTable::new(), Vec::new());
        table.intern(&lanes, column.len(), &mut groups).unwrap();
        let keys = table.keys(&[column.data_type().clone()]).unwrap().remove(0);
        let indices = UInt32Array::from(groups);
        assert_eq!(&arrow::compute::take(&keys, &indices, None).unwrap(), &column);
    }
}

#[test]
fn many_keys_stay_apart() {
    let times: ArrayRef = Arc::new(
        TimestampMicrosecondArray::from_iter_values((0..100_000).map(|i| i % 10)).with_timezone("UTC"),
    );
    let words: ArrayRef =
        Arc::new(StringArray::from_iter_values((0..100_000).map(|i| format!("w{}", i % 7_919))));
    let lanes = [Lane::new(&times).unwrap(), Lane::new(&words).unwrap()];
    let (mut table, mut groups) = (GroupTable::new(), Vec::new());
    table.intern(&lanes, 100_000, &mut groups).unwrap();
    assert_eq!(table.len(), 79_190);
    let keys = table.keys(&[times.data_type().clone(), DataType::Utf8]).unwrap();
    assert_eq!(keys[0].data_type(), &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
    for (row, group) in groups.iter().enumerate() {
        assert_eq!(keys[1].as_string::<i32>().value(*group as usize), format!("w{}", row % 7_919));
    }
}

/// The three largest of many numbers in seven groups: of pieces that are updated one by one, and of parts of them that
/// are merged; with room for so many bytes a call.
fn largest(call_bytes: usize, piece: usize, parts: usize) -> (ArrayRef, Vec<ArrayRef>) {
    let runtime =
        Runtime::new(Limits { call_bytes, instances: 4, ..Limits::default() }, Compiler::Here).unwrap();
    let module = runtime.load(&std::fs::read(build_udfs::module("top")).unwrap()).unwrap();
    let aggregate = module.aggregate("top_k").unwrap();
    let call = GuestCall { aggregate, module: "top".into(), arguments: Vec::new(), name: "top".into() };
    let states = || GuestStates::new(&call, Moment { time_us: 0, seed: 0 }).unwrap();
    let numbers: Vec<i64> = (0..3_000_i64).map(|i| i * 7_919 % 10_007).collect();
    let groups: Vec<u32> = (0..3_000_u32).map(|i| i * i % 7).collect();
    let mut all = states();
    all.resize(8);
    for part in 0..parts {
        let mut own = states();
        own.resize(8);
        let range = part * 3_000 / parts..(part + 1) * 3_000 / parts;
        for (numbers, groups) in numbers[range.clone()].chunks(piece).zip(groups[range].chunks(piece)) {
            let values: ArrayRef = Arc::new(Int64Array::from(numbers.to_vec()));
            let k: ArrayRef = Arc::new(Int32Array::from(vec![3; numbers.len()]));
            own.update(&[values, k], groups).unwrap();
        }
        all.merge(&own.state().unwrap(), &[0, 1, 2, 3, 4, 5, 6, 7]).unwrap();
    }
    (all.evaluate().unwrap(), all.state().unwrap())
}

#[test]
fn states_of_guests_do_not_show_how_calls_were_cut() {
    let whole = largest(1 << 20, 3_000, 1);
    let texts: Vec<_> = whole.0.as_string::<i32>().iter().collect();
    assert_eq!(texts[0].map(|text| text.split(',').count()), Some(3));
    // No number was a square of this remainder, so the group has no state.
    assert_eq!(texts[3], None);
    assert_eq!(largest(64, 3_000, 1), whole);
    assert_eq!(largest(1 << 20, 5, 1), whole);
    assert_eq!(largest(300, 100, 6), whole);
}
