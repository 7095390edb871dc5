//! Columns made of columns, and every other type: into a guest and out again, whole, sliced and empty.

use arrow::array::{
    Array, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DurationMicrosecondArray, Float32Array,
    Float64Array, Int8Array, Int16Array, Int32Array, IntervalMonthDayNanoArray, IntervalYearMonthArray,
    ListArray, MapArray, NullArray, StructArray, TimestampMicrosecondArray, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::concat;
use arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalUnit};

use super::refusals::{custom, function_type, list, name, number, section};
use super::*;
use crate::record::parse_ddl;

/// Columns of every kind, as SQL names them.
const TYPES: [&str; 24] = [
    "VOID",
    "BOOLEAN",
    "TINYINT",
    "SMALLINT",
    "INT",
    "BIGINT",
    "FLOAT",
    "DOUBLE",
    "DECIMAL(12,2)",
    "STRING",
    "BINARY",
    "DATE",
    "TIMESTAMP",
    "TIMESTAMP_NTZ",
    "INTERVAL DAY TO SECOND",
    "INTERVAL YEAR TO MONTH",
    "INTERVAL",
    "ARRAY<STRING>",
    "ARRAY<ARRAY<BOOLEAN>>",
    "ARRAY<VOID>",
    "STRUCT<>",
    "STRUCT<a: INT, b: STRUCT<c: ARRAY<DOUBLE>, d: STRING>>",
    "MAP<STRING, BIGINT>",
    "MAP<INT, ARRAY<MAP<STRING, STRUCT<e: BINARY, f: DECIMAL(3,1)>>>>",
];

/// A module whose one function hands back the very arrays that it is called with, whatever their type.
fn echo(sql_type: &str) -> Vec<u8> {
    let column = format!(r#"[{{"name":"value","type":"{sql_type}"}}]"#);
    let manifest = format!(
        r#"{{"abi":1,"sdk":"bytes","functions":[{{"kind":"transform","name":"echo","input":{column},"output":{column},"origin":false}}]}}"#
    );
    let types = [function_type(2, 1), function_type(0, 0), function_type(4, 1), function_type(3, 1)];
    let exports = ["wasmill_arena_alloc", "wasmill_arena_reset", "wasmill_open", "wasmill_process"];
    let exports = exports.iter().enumerate().map(|(index, text)| [name(text), vec![0, index as u8]].concat());
    let exports: Vec<_> = [[name("memory"), vec![2, 0]].concat()].into_iter().chain(exports).collect();
    let bodies: [&[u8]; 4] = [
        // The free place, rounded up to 64, which moves on by the bytes asked for.
        &[
            1, 1, 0x7f, 0x23, 0, 0x41, 0x3f, 0x6a, 0x41, 0x40, 0x71, 0x22, 2, 0x20, 0, 0x6a, 0x24, 0, 0x20,
            2, 0x0b,
        ],
        &[0, 0x41, 0x80, 0x08, 0x24, 0, 0x0b],
        // The schema of the outputs is a copy of the inputs' 48 bytes.
        &[0, 0x20, 2, 0x20, 1, 0x41, 0x30, 0xfc, 0x0a, 0, 0, 0x41, 0, 0x0b],
        // The columns of the result are the batch of the call.
        &[0, 0x20, 2, 0x20, 1, 0x36, 2, 0, 0x41, 0, 0x0b],
    ];
    let bodies = bodies.map(|body| [number(body.len()), body.to_vec()].concat());
    [
        b"\0asm\x01\0\0\0".to_vec(),
        list(1, &types),
        list(3, &[vec![0], vec![1], vec![2], vec![3]]),
        list(5, &[[vec![0], number(64)].concat()]),
        list(6, &[vec![0x7f, 1, 0x41, 0x80, 0x08, 0x0b]]),
        list(7, &exports),
        list(10, &bodies),
        custom("wasmill.manifest", &manifest),
        section(0, name("end")),
    ]
    .concat()
}

fn data_type(sql_type: &str) -> DataType {
    parse_ddl(&format!("value {sql_type}")).unwrap().field(0).data_type().clone()
}

/// Some rows of a type; a third of them are null where `nulls` allows it, and hold noise all the same.
fn noise_of(data_type: &DataType, rows: usize, nulls: bool, noise: &mut Noise) -> ArrayRef {
    let valid: Vec<bool> = (0..rows).map(|_| !nulls || noise.below(3) > 0).collect();
    let validity = Some(NullBuffer::from(valid.clone())).filter(|nulls| nulls.null_count() > 0);
    let mut some = || noise.next() as i64 >> noise.below(60);
    macro_rules! values {
        ($array:ident, $value:expr) => {
            Arc::new($array::new((0..rows).map(|_| $value).collect(), validity))
        };
    }
    match data_type {
        DataType::Null => Arc::new(NullArray::new(rows)),
        DataType::Boolean => values!(BooleanArray, some() % 2 == 0),
        DataType::Int8 => values!(Int8Array, some() as i8),
        DataType::Int16 => values!(Int16Array, some() as i16),
        DataType::Int32 => values!(Int32Array, some() as i32),
        DataType::Int64 => values!(Int64Array, some()),
        DataType::Float32 => values!(Float32Array, some() as f32),
        DataType::Float64 => values!(Float64Array, some() as f64),
        DataType::Date32 => values!(Date32Array, some() as i32),
        DataType::Duration(_) => values!(DurationMicrosecondArray, some()),
        DataType::Interval(IntervalUnit::YearMonth) => values!(IntervalYearMonthArray, some() as i32),
        DataType::Interval(_) => {
            values!(
                IntervalMonthDayNanoArray,
                IntervalMonthDayNano::new(some() as i32, some() as i32, some())
            )
        }
        DataType::Timestamp(_, zone) => {
            let values = (0..rows).map(|_| some()).collect();
            Arc::new(TimestampMicrosecondArray::new(values, validity).with_timezone_opt(zone.clone()))
        }
        DataType::Decimal128(precision, scale) => {
            let values = (0..rows).map(|_| i128::from(some() % 1_000)).collect();
            Arc::new(
                Decimal128Array::new(values, validity).with_precision_and_scale(*precision, *scale).unwrap(),
            )
        }
        DataType::Utf8 | DataType::Binary => {
            let texts: Vec<_> =
                valid.iter().map(|valid| valid.then(|| "wört ".repeat(noise.below(9)))).collect();
            match data_type {
                DataType::Utf8 => Arc::new(StringArray::from(texts)),
                _ => Arc::new(BinaryArray::from_iter(texts)),
            }
        }
        DataType::List(item) => {
            let offsets = OffsetBuffer::from_lengths((0..rows).map(|_| noise.below(4)));
            let items = noise_of(item.data_type(), *offsets.last().unwrap() as usize, true, noise);
            Arc::new(ListArray::new(item.clone(), offsets, items, validity))
        }
        DataType::Map(entries, sorted) => {
            let offsets = OffsetBuffer::from_lengths((0..rows).map(|_| noise.below(4)));
            let count = *offsets.last().unwrap() as usize;
            let items = noise_of(entries.data_type(), count, false, noise);
            Arc::new(MapArray::new(entries.clone(), offsets, items.as_struct().clone(), validity, *sorted))
        }
        DataType::Struct(fields) => {
            let column = |field: &arrow::datatypes::FieldRef| {
                noise_of(field.data_type(), rows, field.is_nullable(), &mut *noise)
            };
            let columns = fields.iter().map(column).collect();
            Arc::new(StructArray::try_new_with_length(fields.clone(), columns, validity, rows).unwrap())
        }
        other => panic!("{other}"),
    }
}

fn there_and_back(transform: &Arc<Transform>, column: &ArrayRef) {
    let mut guest = transform.open(MOMENT).unwrap();
    let rows = column.len();
    for (start, end) in [(0, rows), (0, 0), (rows, rows), (0, 1), (1, rows), (7, rows - 9), (64, 128), (8, 9)]
    {
        let slice = column.slice(start, end - start);
        let results = guest.process(std::slice::from_ref(&slice), slice.len()).unwrap();
        let columns: Vec<_> = results.iter().map(|result| result.columns[0].as_ref()).collect();
        columns.iter().for_each(|column| column.to_data().validate_full().unwrap());
        if start == end {
            assert!(columns.is_empty());
        } else {
            assert_eq!(&concat(&columns).unwrap(), &slice, "{}", transform.name());
        }
    }
}

#[test]
fn every_type_comes_back_whole_sliced_and_empty() {
    // The second one has calls so small that every batch is cut in pieces.
    let small = Runtime::new(Limits { call_bytes: 256, instances: 4, ..limits() }, Compiler::Here).unwrap();
    let mut noise = Noise(4711);
    for sql_type in TYPES {
        let data_type = data_type(sql_type);
        for runtime in [runtime(), Arc::clone(&small)] {
            let transform = runtime.load(&echo(sql_type)).unwrap().transform("echo").unwrap();
            for nulls in [false, true] {
                there_and_back(&transform, &noise_of(&data_type, 200, nulls, &mut noise));
            }
            there_and_back(&transform, &new_null_array(&data_type, 200));
        }
    }
}

#[test]
fn the_rust_kit_reads_and_builds_nested_columns() {
    let mut noise = Noise(4712);
    for function in ["months", "array", "nested", "map", "record", "records", "deep"] {
        let transform = module("identity").transform(function).unwrap();
        let data_type = transform.inputs()[0].data_type().clone();
        for nulls in [false, true] {
            there_and_back(&transform, &noise_of(&data_type, 200, nulls, &mut noise));
        }
        there_and_back(&transform, &new_null_array(&data_type, 200));
    }
}

#[test]
fn what_a_value_inside_refuses_is_the_rows_error() {
    let words = [vec![Some("to"), None], vec![Some("refuse")], vec![]];
    let offsets = OffsetBuffer::from_lengths(words.iter().map(Vec::len));
    let items = strings(&words.concat());
    let DataType::List(item) = data_type("ARRAY<STRING>") else { panic!() };
    let column: ArrayRef = Arc::new(ListArray::new(item, offsets, items, None));
    let result = call("identity", "lengths", &[column], 3).unwrap().remove(0);
    assert_eq!(result.errors, [RowError { row: 1, message: "refused inside a struct".into() }]);
    assert_eq!(result.rows_out, 2);
    let total = result.columns[1].as_struct();
    assert_eq!(total.column(0).as_ref(), &Int32Array::from(vec![2, 0]) as &dyn Array);
    assert_eq!(texts(total.column(1)), [Some("TO".to_string()), None]);
}
