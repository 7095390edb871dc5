//! numbers: arithmetic on whole columns.

use wasmill_udf::*;

module! {
    batch mix(x: BIGINT) -> (y: BIGINT);
}

/// Four rounds of a 64-bit hash; null stays null.
pub fn mix(x: Column<BIGINT>, y: &mut Builder<BIGINT>) {
    if x.may_have_nulls() {
        for x in x.iter() {
            match x {
                Some(x) => y.push(mixed(x)),
                None => y.push_null(),
            }
        }
    } else {
        for (y, x) in y.extend(x.rows()).iter_mut().zip(x.values()) {
            *y = mixed(*x);
        }
    }
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
    fn mixes_columns_with_and_without_nulls() {
        for values in [vec![], vec![Some(1), Some(-1)], vec![Some(7), None, Some(i64::MIN)]] {
            let expected: Vec<_> = values.iter().map(|x| x.map(mixed)).collect();
            let column = testing::column::<BIGINT>(values);
            assert_eq!(testing::built::<BIGINT>(|y| mix(column, y)), expected);
        }
    }
}
