//! Functions of the bits of integers. The operators `& | ^ ~ << >> >>>` are not here.

use std::sync::Arc;

use arrow::array::{Int8Builder, Int32Builder, Int64Builder};
use arrow::datatypes::DataType;

use crate::error::Result;
use crate::expression::coercion::{is_integral, unexpected_type};
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["bit_count"], resolve: bit_count },
    Function { names: &["bit_get", "getbit"], resolve: bit_get },
    Function {
        names: &["bitmap_bit_position"],
        resolve: |args| bitmap(args, "bitmap_bit_position", bit_position),
    },
    Function {
        names: &["bitmap_bucket_number"],
        resolve: |args| bitmap(args, "bitmap_bucket_number", bucket_number),
    },
    Function { names: &["bitmap_count"], resolve: bitmap_count },
];

fn bit_count(args: &[Argument]) -> Result<Call> {
    count("bit_count", args, 1, 1)?;
    if *args[0].data_type == BOOLEAN {
        let kernel = map1::<Flag, Int32Builder, _>(INT, |b, out| {
            out.append_value(b.into());
            Ok(())
        });
        return call("bit_count", args, &[BOOLEAN], INT, kernel);
    }
    if !is_integral(args[0].data_type) && *args[0].data_type != DataType::Null {
        return Err(unexpected_type("bit_count", 1, "INTEGRAL or BOOLEAN", args[0].data_type));
    }
    let kernel = map1::<Long, Int32Builder, _>(INT, |n, out| {
        out.append_value(n.count_ones() as i32);
        Ok(())
    });
    call("bit_count", args, &[BIGINT], INT, kernel)
}

fn bit_get(args: &[Argument]) -> Result<Call> {
    count("bit_get", args, 2, 2)?;
    let size = match args[0].data_type {
        DataType::Int8 => 8,
        DataType::Int16 => 16,
        DataType::Int32 | DataType::Null => 32,
        DataType::Int64 => 64,
        other => return Err(unexpected_type("bit_get", 1, "INTEGRAL", other)),
    };
    let kernel = map2::<Long, Int, Int8Builder, _>(DataType::Int8, move |n, position, out| {
        if !(0..size).contains(&position) {
            let why = format!("expects an integer in [0, {size}), but got {position}");
            return Err(invalid("BIT_POSITION_RANGE", "bit_get", "pos", why));
        }
        out.append_value((n >> position & 1) as i8);
        Ok(())
    });
    call("bit_get", args, &[BIGINT, INT], DataType::Int8, kernel)
}

/// Bits of a bitmap; Spark's bitmaps are 4 KiB.
const BITMAP_BITS: i64 = 8 * 4096;

fn bit_position(n: i64) -> i64 {
    if n > 0 { (n - 1) % BITMAP_BITS } else { n.wrapping_neg() % BITMAP_BITS }
}

fn bucket_number(n: i64) -> i64 {
    if n > 0 { 1 + (n - 1) / BITMAP_BITS } else { n / BITMAP_BITS }
}

fn bitmap(args: &[Argument], name: &str, f: fn(i64) -> i64) -> Result<Call> {
    let kernel = map1::<Long, Int64Builder, _>(BIGINT, move |n, out| {
        out.append_value(f(n));
        Ok(())
    });
    call(name, args, &[BIGINT], BIGINT, kernel)
}

fn bitmap_count(args: &[Argument]) -> Result<Call> {
    count("bitmap_count", args, 1, 1)?;
    if *args[0].data_type != BINARY {
        return Err(unexpected_type("bitmap_count", 1, "BINARY", args[0].data_type));
    }
    let kernel: Kernel = Arc::new(|args, rows| {
        let bytes = Column::<Bytes>::of(&args[0])?;
        over_rows(args, rows, &BIGINT, |row, out: &mut Int64Builder| {
            out.append_option(bytes.get(row).map(|b| b.iter().map(|b| i64::from(b.count_ones())).sum()));
            Ok(())
        })
    });
    call("bitmap_count", args, &[BINARY], BIGINT, kernel)
}
