//! `approx_count_distinct`: one set of HyperLogLog++ registers a group.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryArray, Int64Array};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
};

use super::hll::{Hll, precision};
use super::{Accumulator, wrong_type};
use crate::error::{Error, Result};
use crate::operator::aggregate::lane::normalised;

pub struct ApproxCount {
    precision: u32,
    groups: Vec<Hll>,
}

impl ApproxCount {
    pub fn new(relative_sd: f64) -> Result<ApproxCount> {
        let precision = precision(relative_sd).ok_or_else(|| {
            Error::user("approx_count_distinct cannot be as exact or inexact as that")
                .with("relative_sd", relative_sd)
                .hint("a relative standard deviation of 0.05 is the default; use one up to 0.39")
        })?;
        Ok(ApproxCount { precision, groups: Vec::new() })
    }
}

impl Accumulator for ApproxCount {
    fn resize(&mut self, len: usize) {
        self.groups.resize(len, Hll::new(self.precision));
    }

    fn update(&mut self, arguments: &[ArrayRef], groups: &[u32]) -> Result<()> {
        let column = normalised(&arguments[0])?;
        let hlls = &mut self.groups;
        for_each_value(&column, |row, bytes| hlls[groups[row] as usize].insert(bytes))
    }

    fn merge(&mut self, state: &[ArrayRef], groups: &[u32]) -> Result<()> {
        let registers = state[0].as_binary_opt::<i32>().ok_or_else(|| wrong_type("approx_count_distinct"))?;
        for (row, group) in groups.iter().enumerate() {
            let other = Hll::from_registers(self.precision, registers.value(row)).ok_or_else(|| {
                Error::data("state holds another number of registers than the query asks for")
            })?;
            self.groups[*group as usize].merge(&other);
        }
        Ok(())
    }

    fn state(&self) -> Result<Vec<ArrayRef>> {
        let registers = BinaryArray::from_iter_values(self.groups.iter().map(|hll| hll.registers()));
        Ok(vec![Arc::new(registers)])
    }

    fn evaluate(&self) -> Result<ArrayRef> {
        Ok(Arc::new(Int64Array::from_iter_values(self.groups.iter().map(|hll| hll.estimate()))))
    }
}

/// The bytes that Spark hashes for each value that is not null.
fn for_each_value(column: &ArrayRef, mut take: impl FnMut(usize, &[u8])) -> Result<()> {
    match column.data_type() {
        DataType::Utf8 => {
            let values = column.as_string::<i32>().iter().enumerate();
            values.for_each(|(row, value)| value.into_iter().for_each(|v| take(row, v.as_bytes())));
        }
        DataType::Binary => {
            let values = column.as_binary::<i32>().iter().enumerate();
            values.for_each(|(row, value)| value.into_iter().for_each(|v| take(row, v)));
        }
        DataType::Boolean => {
            let values = column.as_boolean().iter().enumerate();
            values.for_each(|(row, value)| {
                value.into_iter().for_each(|v| take(row, &i32::from(v).to_le_bytes()))
            });
        }
        DataType::Int8 => fixed::<Int8Type, 4>(column, take, |v| i32::from(v).to_le_bytes()),
        DataType::Int16 => fixed::<Int16Type, 4>(column, take, |v| i32::from(v).to_le_bytes()),
        DataType::Int32 => fixed::<Int32Type, 4>(column, take, |v| v.to_le_bytes()),
        DataType::Date32 => fixed::<Date32Type, 4>(column, take, |v| v.to_le_bytes()),
        DataType::Float32 => fixed::<Float32Type, 4>(column, take, |v| v.to_bits().to_le_bytes()),
        DataType::Int64 => fixed::<Int64Type, 8>(column, take, |v| v.to_le_bytes()),
        DataType::Timestamp(_, _) => fixed::<TimestampMicrosecondType, 8>(column, take, |v| v.to_le_bytes()),
        DataType::Duration(_) => fixed::<DurationMicrosecondType, 8>(column, take, |v| v.to_le_bytes()),
        DataType::Float64 => fixed::<Float64Type, 8>(column, take, |v| v.to_bits().to_le_bytes()),
        DataType::Decimal128(precision, _) if *precision <= 18 => {
            fixed::<Decimal128Type, 8>(column, take, |v| (v as i64).to_le_bytes());
        }
        DataType::Decimal128(_, _) => {
            let values = column.as_primitive::<Decimal128Type>().iter().enumerate();
            values.for_each(|(row, value)| {
                value.into_iter().for_each(|v| take(row, shortest_bytes(v).as_slice()))
            });
        }
        other => {
            return Err(Error::user("approx_count_distinct does not take this type")
                .with("type", crate::record::type_name(other)));
        }
    }
    Ok(())
}

fn fixed<T: ArrowPrimitiveType, const N: usize>(
    column: &ArrayRef,
    mut take: impl FnMut(usize, &[u8]),
    bytes: impl Fn(T::Native) -> [u8; N],
) {
    for (row, value) in column.as_primitive::<T>().iter().enumerate() {
        if let Some(value) = value {
            take(row, &bytes(value));
        }
    }
}

/// Two's complement, big-endian, without needless leading bytes, as Java's BigInteger gives it.
fn shortest_bytes(value: i128) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let sign = if value < 0 { 0xff } else { 0 };
    let mut start = 0;
    while start < 15 && bytes[start] == sign && (bytes[start + 1] ^ sign) & 0x80 == 0 {
        start += 1;
    }
    bytes[start..].to_vec()
}
