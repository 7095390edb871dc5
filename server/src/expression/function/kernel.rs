//! Row loops over typed columns: the shape that most functions share. Knows no function.
//!
//! A function's closure sees the values of a row in which no argument is null, and writes to an Arrow builder;
//! a null argument gives a null result.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryArray, BinaryBuilder, BooleanArray, BooleanBuilder,
    PrimitiveArray, PrimitiveBuilder, StringArray, StringBuilder,
};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use datafusion_common::ScalarValue;
use datafusion_expr_common::columnar_value::ColumnarValue;

use crate::error::{Error, Result};
use crate::expression::coercion::{expect, wrong_count};
use crate::expression::registry::{Argument, Call, Kernel};

/// How values of a column type are read.
pub trait Read: 'static {
    type Array: Array + Clone + 'static;
    type Item<'a>;
    fn value(array: &Self::Array, row: usize) -> Self::Item<'_>;
}

pub struct Text;
pub struct Bytes;
pub struct Flag;
pub struct Number<T>(PhantomData<T>);
pub type Int = Number<Int32Type>;
pub type Long = Number<Int64Type>;
pub type Double = Number<Float64Type>;
pub type Day = Number<Date32Type>;
pub type Instant = Number<TimestampMicrosecondType>;

impl Read for Text {
    type Array = StringArray;
    type Item<'a> = &'a str;
    fn value(array: &StringArray, row: usize) -> &str {
        array.value(row)
    }
}

impl Read for Bytes {
    type Array = BinaryArray;
    type Item<'a> = &'a [u8];
    fn value(array: &BinaryArray, row: usize) -> &[u8] {
        array.value(row)
    }
}

impl Read for Flag {
    type Array = BooleanArray;
    type Item<'a> = bool;
    fn value(array: &BooleanArray, row: usize) -> bool {
        array.value(row)
    }
}

impl<T: ArrowPrimitiveType> Read for Number<T> {
    type Array = PrimitiveArray<T>;
    type Item<'a> = T::Native;
    fn value(array: &PrimitiveArray<T>, row: usize) -> T::Native {
        array.value(row)
    }
}

/// One argument: an array, or a constant that stands for every row.
pub struct Column<R: Read> {
    array: R::Array,
    constant: bool,
}

impl<R: Read> Column<R> {
    pub fn of(value: &ColumnarValue) -> Result<Column<R>> {
        let (array, constant) = array_of(value)?;
        match array.as_any().downcast_ref::<R::Array>() {
            Some(typed) => Ok(Column { array: typed.clone(), constant }),
            None => Err(Error::internal("read an argument of another type").with("type", array.data_type())),
        }
    }

    /// The value, or none for null.
    pub fn get(&self, row: usize) -> Option<R::Item<'_>> {
        let row = if self.constant { 0 } else { row };
        if self.array.is_null(row) { None } else { Some(R::value(&self.array, row)) }
    }
}

/// The array behind a value, and whether its one row stands for all.
pub fn array_of(value: &ColumnarValue) -> Result<(ArrayRef, bool)> {
    match value {
        ColumnarValue::Array(array) => Ok((array.clone(), false)),
        ColumnarValue::Scalar(scalar) => {
            let array = scalar.to_array().map_err(|e| Error::internal("read a constant").because(e))?;
            Ok((array, true))
        }
    }
}

/// How results are written: an Arrow builder.
pub trait Write: Sized {
    fn start(rows: usize, output: &DataType) -> Self;
    fn null(&mut self);
    fn end(self) -> ArrayRef;
}

impl Write for StringBuilder {
    fn start(rows: usize, _: &DataType) -> Self {
        StringBuilder::with_capacity(rows, rows * 16)
    }
    fn null(&mut self) {
        self.append_null();
    }
    fn end(mut self) -> ArrayRef {
        Arc::new(self.finish())
    }
}

impl Write for BinaryBuilder {
    fn start(rows: usize, _: &DataType) -> Self {
        BinaryBuilder::with_capacity(rows, rows * 16)
    }
    fn null(&mut self) {
        self.append_null();
    }
    fn end(mut self) -> ArrayRef {
        Arc::new(self.finish())
    }
}

impl Write for BooleanBuilder {
    fn start(rows: usize, _: &DataType) -> Self {
        BooleanBuilder::with_capacity(rows)
    }
    fn null(&mut self) {
        self.append_null();
    }
    fn end(mut self) -> ArrayRef {
        Arc::new(self.finish())
    }
}

impl<T: ArrowPrimitiveType> Write for PrimitiveBuilder<T> {
    fn start(rows: usize, output: &DataType) -> Self {
        PrimitiveBuilder::with_capacity(rows).with_data_type(output.clone())
    }
    fn null(&mut self) {
        self.append_null();
    }
    fn end(mut self) -> ArrayRef {
        Arc::new(self.finish())
    }
}

/// Runs `body` over the rows; over one row, with a scalar result, if all arguments are constants.
pub fn over_rows<W: Write>(
    args: &[ColumnarValue],
    rows: usize,
    output: &DataType,
    mut body: impl FnMut(usize, &mut W) -> Result<()>,
) -> Result<ColumnarValue> {
    let constant = all_constant(args);
    let rows = if constant { 1 } else { rows };
    let mut out = W::start(rows, output);
    for row in 0..rows {
        body(row, &mut out)?;
    }
    finished(out.end(), constant)
}

pub fn all_constant(args: &[ColumnarValue]) -> bool {
    args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)))
}

/// The result of a kernel: the array, or its one value if it stands for every row.
pub fn finished(array: ArrayRef, constant: bool) -> Result<ColumnarValue> {
    if !constant {
        return Ok(ColumnarValue::Array(array));
    }
    let scalar = ScalarValue::try_from_array(&array, 0);
    Ok(ColumnarValue::Scalar(scalar.map_err(|e| Error::internal("make a constant").because(e))?))
}

pub fn map1<A, W, F>(output: DataType, f: F) -> Kernel
where
    A: Read,
    W: Write,
    F: for<'a> Fn(A::Item<'a>, &mut W) -> Result<()> + Send + Sync + 'static,
{
    Arc::new(move |args, rows| {
        let a = Column::<A>::of(&args[0])?;
        over_rows(&args[..1], rows, &output, |row, out: &mut W| match a.get(row) {
            Some(a) => f(a, out),
            None => nothing(out),
        })
    })
}

pub fn map2<A, B, W, F>(output: DataType, f: F) -> Kernel
where
    A: Read,
    B: Read,
    W: Write,
    F: for<'a> Fn(A::Item<'a>, B::Item<'a>, &mut W) -> Result<()> + Send + Sync + 'static,
{
    Arc::new(move |args, rows| {
        let (a, b) = (Column::<A>::of(&args[0])?, Column::<B>::of(&args[1])?);
        over_rows(&args[..2], rows, &output, |row, out: &mut W| match (a.get(row), b.get(row)) {
            (Some(a), Some(b)) => f(a, b, out),
            _ => nothing(out),
        })
    })
}

pub fn map3<A, B, C, W, F>(output: DataType, f: F) -> Kernel
where
    A: Read,
    B: Read,
    C: Read,
    W: Write,
    F: for<'a> Fn(A::Item<'a>, B::Item<'a>, C::Item<'a>, &mut W) -> Result<()> + Send + Sync + 'static,
{
    Arc::new(move |args, rows| {
        let (a, b, c) = (Column::<A>::of(&args[0])?, Column::<B>::of(&args[1])?, Column::<C>::of(&args[2])?);
        over_rows(args, rows, &output, |row, out: &mut W| match (a.get(row), b.get(row), c.get(row)) {
            (Some(a), Some(b), Some(c)) => f(a, b, c, out),
            _ => nothing(out),
        })
    })
}

fn nothing<W: Write>(out: &mut W) -> Result<()> {
    out.null();
    Ok(())
}

/// Checks number and types of the arguments against `types`, and makes the call.
///
/// The result may be null if an argument may be.
pub fn call(
    name: &str,
    args: &[Argument],
    types: &[DataType],
    output: DataType,
    kernel: Kernel,
) -> Result<Call> {
    if args.len() != types.len() {
        return Err(wrong_count(name, &types.len().to_string(), args.len()));
    }
    let arguments = args.iter().zip(types).enumerate();
    let arguments = arguments.map(|(i, (arg, to))| expect(name, i + 1, arg.data_type, to));
    let arguments = arguments.collect::<Result<Vec<_>>>()?;
    Ok(Call { arguments, output, nullable: args.iter().any(|arg| arg.nullable), kernel })
}

/// The same call with a result that may be null whatever the arguments are.
pub fn nullable(mut call: Call) -> Call {
    call.nullable = true;
    call
}

/// Checks that a function is given from `least` to `most` arguments.
pub fn count(name: &str, args: &[Argument], least: usize, most: usize) -> Result<()> {
    if (least..=most).contains(&args.len()) {
        return Ok(());
    }
    let wanted = if least == most { least.to_string() } else { format!("{least} to {most}") };
    Err(wrong_count(name, &wanted, args.len()))
}

/// The text of an argument that is a constant; none for a column and for null.
pub fn literal_text<'a>(arg: &Argument<'a>) -> Option<&'a str> {
    match arg.literal {
        Some(ScalarValue::Utf8(Some(text))) => Some(text),
        _ => None,
    }
}

/// The value of an argument that is a constant of an integer type.
pub fn literal_int(arg: &Argument) -> Option<i64> {
    match arg.literal? {
        ScalarValue::Int8(value) => value.map(i64::from),
        ScalarValue::Int16(value) => value.map(i64::from),
        ScalarValue::Int32(value) => value.map(i64::from),
        ScalarValue::Int64(value) => *value,
        _ => None,
    }
}

/// An argument that the function does not take at that value: Spark's INVALID_PARAMETER_VALUE.
pub fn invalid(class: &str, function: &str, parameter: &str, why: impl std::fmt::Display) -> Error {
    Error::user(format!(
        "[INVALID_PARAMETER_VALUE.{class}] the value of `{parameter}` in `{function}`: {why}"
    ))
}

/// Integer arithmetic left the range of its type.
pub fn overflow(function: &str) -> Error {
    Error::user(format!("[ARITHMETIC_OVERFLOW] overflow in {function}"))
}

pub const STRING: DataType = DataType::Utf8;
pub const BINARY: DataType = DataType::Binary;
pub const BOOLEAN: DataType = DataType::Boolean;
pub const INT: DataType = DataType::Int32;
pub const BIGINT: DataType = DataType::Int64;
pub const DOUBLE: DataType = DataType::Float64;
pub const DATE: DataType = DataType::Date32;
