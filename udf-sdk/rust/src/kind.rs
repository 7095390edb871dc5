//! The column types of the ABI, under the names SQL gives them. A module's line and its columns use these.

use core::fmt::Debug;

use crate::build::{BoolBuilder, Build, BytesBuilder, FixedBuilder};
use crate::column::Column;
use crate::const_text::ConstText;
use crate::manifest::ColumnSpec;

/// A column type.
pub trait Kind: Sized + 'static {
    /// What a row function gets and gives.
    type Value<'a>: Copy + Debug + PartialEq;
    /// Makes a column.
    type Builder: Build;
    /// The name in the manifest.
    const SQL: &'static str;
    /// Arrow's format string, ended by a zero.
    const FORMAT: &'static str;
    /// What the type is made of.
    const CHILDREN: &'static [ColumnSpec] = &[];

    /// # Safety
    /// `row` is a row of the column.
    unsafe fn value<'a>(column: &Column<'a, Self>, row: usize) -> Self::Value<'a>;
}

/// A type whose values all have the same width.
pub trait Fixed: Kind<Builder = FixedBuilder<Self::Native>> {
    type Native: Copy + Default + 'static;
}

/// A type made of others.
pub trait Nested: Kind {}

/// STRING and BINARY.
pub trait Bytes: Kind<Builder = BytesBuilder> {}

macro_rules! fixed {
    ($($(#[$doc:meta])* $kind:ident $native:ty, $sql:literal, $format:literal;)+) => {$(
        $(#[$doc])*
        #[allow(clippy::upper_case_acronyms, reason = "SQL's own name")]
        pub struct $kind;

        impl Kind for $kind {
            type Value<'a> = $native;
            type Builder = FixedBuilder<$native>;
            const SQL: &'static str = $sql;
            const FORMAT: &'static str = concat!($format, "\0");

            #[inline(always)]
            unsafe fn value<'a>(column: &Column<'a, $kind>, row: usize) -> $native {
                column.values()[row]
            }
        }

        impl Fixed for $kind {
            type Native = $native;
        }
    )+};
}

fixed! {
    TINYINT i8, "TINYINT", "c";
    SMALLINT i16, "SMALLINT", "s";
    INT i32, "INT", "i";
    BIGINT i64, "BIGINT", "l";
    FLOAT f32, "FLOAT", "f";
    DOUBLE f64, "DOUBLE", "g";
    /// Days since 1970-01-01.
    DATE i32, "DATE", "tdD";
    /// An instant: microseconds since 1970-01-01 00:00:00 UTC.
    TIMESTAMP i64, "TIMESTAMP", "tsu:UTC";
    /// A time on the wall of no place: microseconds since 1970-01-01 00:00:00.
    #[allow(non_camel_case_types, reason = "SQL's own name")]
    TIMESTAMP_NTZ i64, "TIMESTAMP_NTZ", "tsu:";
    /// INTERVAL DAY TO SECOND: microseconds.
    INTERVAL i64, "INTERVAL DAY TO SECOND", "tDu";
    /// INTERVAL YEAR TO MONTH: months.
    #[allow(non_camel_case_types, reason = "SQL's own name")]
    INTERVAL_YEAR_MONTH i32, "INTERVAL YEAR TO MONTH", "tiM";
}

/// `P` digits, `S` of them behind the point; a value is the number without its point.
pub struct DECIMAL<const P: u8, const S: u8>;

impl<const P: u8, const S: u8> DECIMAL<P, S> {
    const SQL_TEXT: ConstText<16> = {
        assert!(
            P >= 1 && P <= 38 && S <= P,
            "a decimal has 1 to 38 digits, not more behind the point than in all"
        );
        ConstText::new("DECIMAL(").number(P).text(",").number(S).text(")")
    };
    const FORMAT_TEXT: ConstText<16> = ConstText::new("d:").number(P).text(",").number(S).text("\0");
}

impl<const P: u8, const S: u8> Kind for DECIMAL<P, S> {
    type Value<'a> = i128;
    type Builder = FixedBuilder<i128>;
    const SQL: &'static str = Self::SQL_TEXT.as_str();
    const FORMAT: &'static str = Self::FORMAT_TEXT.as_str();

    #[inline(always)]
    unsafe fn value<'a>(column: &Column<'a, Self>, row: usize) -> i128 {
        column.values()[row]
    }
}

impl<const P: u8, const S: u8> Fixed for DECIMAL<P, S> {
    type Native = i128;
}

pub struct BOOLEAN;

impl Kind for BOOLEAN {
    type Value<'a> = bool;
    type Builder = BoolBuilder;
    const SQL: &'static str = "BOOLEAN";
    const FORMAT: &'static str = "b\0";

    #[inline(always)]
    unsafe fn value<'a>(column: &Column<'a, BOOLEAN>, row: usize) -> bool {
        // SAFETY: the caller holds that the row is there, so the bitmap has its bit.
        unsafe { *column.first.add(row / 8) & (1 << (row % 8)) != 0 }
    }
}

pub struct STRING;

impl Kind for STRING {
    type Value<'a> = &'a str;
    type Builder = BytesBuilder;
    const SQL: &'static str = "STRING";
    const FORMAT: &'static str = "u\0";

    #[inline(always)]
    unsafe fn value<'a>(column: &Column<'a, STRING>, row: usize) -> &'a str {
        // SAFETY: the host gives only UTF-8, cut between characters.
        unsafe { core::str::from_utf8_unchecked(column.bytes(row)) }
    }
}

impl Bytes for STRING {}

pub struct BINARY;

impl Kind for BINARY {
    type Value<'a> = &'a [u8];
    type Builder = BytesBuilder;
    const SQL: &'static str = "BINARY";
    const FORMAT: &'static str = "z\0";

    #[inline(always)]
    unsafe fn value<'a>(column: &Column<'a, BINARY>, row: usize) -> &'a [u8] {
        column.bytes(row)
    }
}

impl Bytes for BINARY {}
