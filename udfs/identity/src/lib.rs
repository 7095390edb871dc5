//! identity: gives back what it gets, one function a type. The smallest test of the boundary.

use wasmill_udf::*;

module! {
    map boolean(value: BOOLEAN) -> (value: BOOLEAN);
    map tinyint(value: TINYINT) -> (value: TINYINT);
    map smallint(value: SMALLINT) -> (value: SMALLINT);
    map int(value: INT) -> (value: INT);
    map bigint(value: BIGINT) -> (value: BIGINT);
    map float(value: FLOAT) -> (value: FLOAT);
    map double(value: DOUBLE) -> (value: DOUBLE);
    map decimal(value: DECIMAL<12, 2>) -> (value: DECIMAL<12, 2>);
    map string(value: STRING) -> (value: STRING);
    map binary(value: BINARY) -> (value: BINARY);
    map date(value: DATE) -> (value: DATE);
    map timestamp(value: TIMESTAMP) -> (value: TIMESTAMP);
    map timestamp_ntz(value: TIMESTAMP_NTZ) -> (value: TIMESTAMP_NTZ);
    map interval(value: INTERVAL) -> (value: INTERVAL);
    flat_map twice(id: BIGINT, name: STRING, flag: BOOLEAN) -> (id: BIGINT, name: STRING, flag: BOOLEAN);
    flat_map keep_positive(x: BIGINT) -> ();
    map checked(x: BIGINT) -> (y: BIGINT);
    map share(x: BIGINT) -> (y: BIGINT);
    batch never(x: BIGINT) -> (y: BIGINT);
    map nothing() -> (one: INT);
}

macro_rules! same {
    ($($name:ident $value:ty),+) => {$(
        pub fn $name(value: Option<$value>) -> Option<$value> {
            value
        }
    )+};
}

same!(boolean bool, tinyint i8, smallint i16, int i32, bigint i64, float f32, double f64, decimal i128, date i32, timestamp i64, timestamp_ntz i64, interval i64);

pub fn string(value: Option<&str>) -> Option<&str> {
    value
}

pub fn binary(value: Option<&[u8]>) -> Option<&[u8]> {
    value
}

/// Each row twice.
pub fn twice(
    id: Option<i64>,
    name: Option<&str>,
    flag: Option<bool>,
    out: &mut Emit<(BIGINT, STRING, BOOLEAN)>,
) {
    out.emit((id, name, flag));
    out.emit((id, name, flag));
}

/// A filter: it gives back no columns, only which rows stay.
pub fn keep_positive(x: Option<i64>, out: &mut Emit<()>) {
    if x.is_some_and(|x| x > 0) {
        out.emit(());
    }
}

/// The row itself, but negative rows are errors.
pub fn checked(x: Option<i64>) -> Result<Option<i64>, String> {
    match x {
        Some(x) if x < 0 => Err(format!("{x} is negative")),
        _ => Ok(x),
    }
}

/// A hundred, shared; panics at zero, as arithmetic in Rust does.
pub fn share(x: Option<i64>) -> Option<i64> {
    x.map(|x| 100 / x)
}

/// Gives up on every batch.
pub fn never(x: Column<BIGINT>, _: &mut Builder<BIGINT>) -> Result<(), String> {
    Err(format!("will not have {} rows", x.rows()))
}

/// A column of ones, from no input.
pub fn nothing() -> i32 {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_and_checks() {
        assert_eq!(checked(Some(-1)), Err("-1 is negative".into()));
        assert_eq!(checked(Some(1)), Ok(Some(1)));
        let built = testing::built::<BIGINT>(|y| assert!(never(testing::column([1, 2]), y).is_err()));
        assert_eq!(built, []);
    }
}
