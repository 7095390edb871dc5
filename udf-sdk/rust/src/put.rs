//! What a row function may give for a column of a kind: the value, an option of it, a result with it.

use crate::build::{BoolBuilder, Build, BytesBuilder, FixedBuilder};
use crate::kind::{
    BIGINT, DATE, DOUBLE, FLOAT, INT, INTERVAL, INTERVAL_YEAR_MONTH, SMALLINT, TIMESTAMP, TIMESTAMP_NTZ,
    TINYINT,
};
use crate::kind::{BINARY, BOOLEAN, DECIMAL, Kind, STRING};

/// Why a row could not be computed; the row becomes an error row.
pub type Refused = String;

/// A value for a column of kind `K`.
pub trait Put<K: Kind> {
    /// Appends exactly one row; a null one when the value is refused.
    fn put(self, builder: &mut K::Builder) -> Result<(), Refused>;
}

macro_rules! put_fixed {
    ($($kind:ident $native:ty),+) => {$(
        impl Put<$kind> for $native {
            #[inline(always)]
            fn put(self, builder: &mut FixedBuilder<$native>) -> Result<(), Refused> {
                builder.push(self);
                Ok(())
            }
        }
    )+};
}

put_fixed!(TINYINT i8, SMALLINT i16, INT i32, BIGINT i64, FLOAT f32, DOUBLE f64, DATE i32, INTERVAL_YEAR_MONTH i32);
put_fixed!(TIMESTAMP i64, TIMESTAMP_NTZ i64, INTERVAL i64);

impl<const P: u8, const S: u8> Put<DECIMAL<P, S>> for i128 {
    #[inline(always)]
    fn put(self, builder: &mut FixedBuilder<i128>) -> Result<(), Refused> {
        builder.push(self);
        Ok(())
    }
}

impl Put<BOOLEAN> for bool {
    #[inline(always)]
    fn put(self, builder: &mut BoolBuilder) -> Result<(), Refused> {
        builder.push(self);
        Ok(())
    }
}

macro_rules! put_bytes {
    ($($kind:ident $value:ty),+) => {$(
        impl Put<$kind> for $value {
            #[inline(always)]
            fn put(self, builder: &mut BytesBuilder) -> Result<(), Refused> {
                builder.push(self.as_ref());
                Ok(())
            }
        }
    )+};
}

put_bytes!(STRING &str, STRING String, STRING &String, BINARY &[u8], BINARY Vec<u8>, BINARY &Vec<u8>);

impl<K: Kind, V: Put<K>> Put<K> for Option<V> {
    #[inline(always)]
    fn put(self, builder: &mut K::Builder) -> Result<(), Refused> {
        match self {
            Some(value) => value.put(builder),
            None => {
                builder.push_null();
                Ok(())
            }
        }
    }
}

impl<K: Kind, V: Put<K>, E: ToString> Put<K> for Result<V, E> {
    #[inline(always)]
    fn put(self, builder: &mut K::Builder) -> Result<(), Refused> {
        match self {
            Ok(value) => value.put(builder),
            Err(error) => {
                builder.push_null();
                Err(error.to_string())
            }
        }
    }
}
