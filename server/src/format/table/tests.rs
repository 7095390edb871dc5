//! Tables as PySpark 4.2 printed them.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Int32Array, Int64Array, ListArray, MapBuilder, NullArray,
    StringArray, StringBuilder, StructArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Fields, Int32Type};

use super::*;

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .unwrap()
}

fn strings(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn check(batch: &RecordBatch, rows_max: usize, cell_max: Option<usize>, expected: &str) {
    let printed =
        table(&batch.schema(), std::slice::from_ref(batch), TableStyle { rows_max, cell_max }).unwrap();
    let expected: Vec<_> = expected.lines().map(str::trim_start).filter(|line| !line.is_empty()).collect();
    assert_eq!(printed.trim_end_matches('\n'), expected.join("\n"), "\n{printed}");
}

#[test]
fn long_cells_are_cut_and_stand_at_the_right() {
    let rows = batch(vec![
        ("a", strings(&["abcdefghijklmnopqrstuvwxyz"])),
        ("this_is_a_very_long_column_name_over_twenty", strings(&["ab"])),
        ("e", Arc::new(NullArray::new(1))),
    ]);
    check(
        &rows,
        20,
        Some(20),
        "
        +--------------------+-------------------------------------------+----+
        |                   a|this_is_a_very_long_column_name_over_twenty|   e|
        +--------------------+-------------------------------------------+----+
        |abcdefghijklmnopq...|                                         ab|NULL|
        +--------------------+-------------------------------------------+----+
        ",
    );
    for (cell_max, expected) in
        [(1, "|  a|"), (3, "|abc|"), (4, "|a...|"), (5, "|ab...|"), (10, "|abcdefg...|")]
    {
        let rows = batch(vec![("a", strings(&["abcdefghijkl"]))]);
        let style = TableStyle { rows_max: 20, cell_max: Some(cell_max) };
        let printed = table(&rows.schema(), &[rows], style).unwrap();
        assert_eq!(printed.lines().nth(3), Some(expected));
    }
}

#[test]
fn rows_left_out_are_told() {
    let rows = batch(vec![("id", Arc::new(Int64Array::from(vec![0, 1, 2])))]);
    for (rows_max, expected) in [
        (0, "+---+\n| id|\n+---+\n+---+\nonly showing top 0 rows\n"),
        (1, "+---+\n| id|\n+---+\n|  0|\n+---+\nonly showing top 1 row\n"),
        (2, "+---+\n| id|\n+---+\n|  0|\n|  1|\n+---+\nonly showing top 2 rows\n"),
        (3, "+---+\n| id|\n+---+\n|  0|\n|  1|\n|  2|\n+---+\n\n"),
    ] {
        let halves = [rows.slice(0, 1), rows.slice(1, 2)];
        let style = TableStyle { rows_max, ..TableStyle::default() };
        assert_eq!(table(&rows.schema(), &halves, style).unwrap(), expected);
    }
    let none = RecordBatch::new_empty(rows.schema());
    let printed = table(&rows.schema(), &[none], TableStyle::default()).unwrap();
    assert_eq!(printed, "+---+\n| id|\n+---+\n+---+\n\n");
}

#[test]
fn wide_characters_and_control_characters() {
    let rows = batch(vec![
        ("名前", strings(&["漢字", "xxxxxxxxxxx"])),
        ("b", strings(&["ｱ", "yyyy"])),
        ("c", strings(&["😀😀", "zzzzzz"])),
        ("d\n", strings(&["e\u{301}", "a\nb\tc\rd\\\u{7}"])),
    ]);
    check(
        &rows,
        20,
        None,
        "
        +-----------+----+------+-------------+
        |名前       |b   |c     |d\\n          |
        +-----------+----+------+-------------+
        |漢字       |ｱ   |😀😀  |e\u{301}           |
        |xxxxxxxxxxx|yyyy|zzzzzz|a\\nb\\tc\\rd\\\\a|
        +-----------+----+------+-------------+
        ",
    );
    let rows = batch(vec![
        ("a", strings(&["漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字"])),
        ("b", strings(&["😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀"])),
    ]);
    check(
        &rows,
        20,
        Some(20),
        "
        +-------------------------------------+--------------------+
        |                                    a|                   b|
        +-------------------------------------+--------------------+
        |漢字漢字漢字漢字漢字漢字漢字漢字漢...|😀😀😀😀😀😀😀😀?...|
        +-------------------------------------+--------------------+
        ",
    );
}

#[test]
fn nested_values() {
    let numbers = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1), None, Some(3)])]);
    let fields = Fields::from(vec![
        Field::new("a", DataType::Int32, true),
        Field::new("b", DataType::Int32, true),
        Field::new("c", DataType::Utf8, true),
    ]);
    let parts: Vec<ArrayRef> =
        vec![Arc::new(Int32Array::from(vec![1])), Arc::new(Int32Array::from(vec![None])), strings(&["a\nb"])];
    let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    map.keys().append_value("a");
    map.values().append_value("1");
    map.keys().append_value("b");
    map.values().append_null();
    map.append(true).unwrap();
    let rows = batch(vec![
        ("s", Arc::new(StructArray::new(fields, parts, None))),
        ("l", Arc::new(numbers)),
        ("m", Arc::new(map.finish())),
        ("x", Arc::new(BinaryArray::from_vec(vec![&[0, 255, 16]]))),
        ("t", Arc::new(TimestampMicrosecondArray::from(vec![1_795_262_400_500_000]).with_timezone("UTC"))),
        ("z", Arc::new(BooleanArray::from(vec![true]))),
    ]);
    check(
        &rows,
        20,
        None,
        "
        +---------------+------------+-------------------+----------+---------------------+----+
        |s              |l           |m                  |x         |t                    |z   |
        +---------------+------------+-------------------+----------+---------------------+----+
        |{1, NULL, a\\nb}|[1, NULL, 3]|{a -> 1, b -> NULL}|[00 FF 10]|2026-11-21 12:00:00.5|true|
        +---------------+------------+-------------------+----------+---------------------+----+
        ",
    );
}
