//! numbers: arithmetic on whole columns.

use wasmill_udf::*;

module! {
    batch mix(x: BIGINT) -> (y: BIGINT);
    batch add(x: BIGINT, y: BIGINT) -> (sum: BIGINT);
}

/// Four rounds of a 64-bit hash; null stays null.
pub fn mix(x: Column<BIGINT>, y: &mut Builder<BIGINT>) {
    y.map(x, mixed);
}

/// The sum of two columns, null where one of them is.
pub fn add(x: Column<BIGINT>, y: Column<BIGINT>, sum: &mut Builder<BIGINT>) {
    sum.map2(x, y, i64::wrapping_add);
}

/// What [`mix`] makes of one number.
pub fn mixed(x: i64) -> i64 {
    let mut x = x as u64;
    for _ in 0..4 {
        x = (x ^ (x >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    (x ^ (x >> 29)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_null_where_one_is() {
        for rows in [1, 7, 8, 9, 64, 200] {
            let value = |row: i64, every: i64| (row % every != 0).then_some(row);
            let one = testing::column::<BIGINT>((0..rows).map(|row| value(row, 3)));
            let other = testing::column::<BIGINT>((0..rows).map(|row| value(row, 5)));
            let expected: Vec<_> = (0..rows).map(|row| Some(value(row, 3)? + value(row, 5)?)).collect();
            assert_eq!(testing::built::<BIGINT>(|sum| add(one, other, sum)), expected);
        }
    }

    #[test]
    fn mixes_columns_with_and_without_nulls() {
        for values in [vec![], vec![Some(1), Some(-1)], vec![Some(7), None, Some(i64::MIN)]] {
            let expected: Vec<_> = values.iter().map(|x| x.map(mixed)).collect();
            let column = testing::column::<BIGINT>(values.iter().copied());
            assert_eq!(testing::built::<BIGINT>(|y| mix(column, y)), expected);
            let doubled: Vec<_> = values.iter().map(|x| x.map(|x| x.wrapping_mul(2))).collect();
            assert_eq!(testing::built::<BIGINT>(|sum| add(column, column, sum)), doubled);
        }
    }
}
