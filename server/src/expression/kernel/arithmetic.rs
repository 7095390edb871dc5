//! `+ - * / % div` on integers and floats, and unary minus. Decimals are in `decimal`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray};
use arrow::datatypes::*;
use datafusion_expr_common::columnar_value::ColumnarValue;

use super::rows::{Side, divide_by_zero, overflow, pairs, raise_or_null, remainder_by_zero, small_overflow};
use crate::error::{Error, Result};
use crate::expression::registry::Kernel;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Arithmetic {
    fn word(self) -> &'static str {
        match self {
            Arithmetic::Add => "addition",
            Arithmetic::Subtract => "subtraction",
            Arithmetic::Multiply => "multiplication",
            Arithmetic::Divide => "division",
            Arithmetic::Remainder => "remainder",
        }
    }
}

/// What an integer type can do, checked.
pub trait CheckedInteger: Copy + Default + PartialEq + Send + Sync {
    fn checked(self, other: Self, operation: Arithmetic) -> Option<Self>;
    fn checked_negative(self) -> Option<Self>;
}

macro_rules! checked_integer {
    ($($t:ty),*) => { $(impl CheckedInteger for $t {
        #[inline]
        fn checked(self, other: Self, operation: Arithmetic) -> Option<Self> {
            match operation {
                Arithmetic::Add => self.checked_add(other),
                Arithmetic::Subtract => self.checked_sub(other),
                Arithmetic::Multiply => self.checked_mul(other),
                Arithmetic::Divide => self.checked_div(other),
                // The smallest value by -1 has the remainder 0, in Java too.
                Arithmetic::Remainder => if other == 0 { None } else { Some(self.wrapping_rem(other)) },
            }
        }
        fn checked_negative(self) -> Option<Self> { self.checked_neg() }
    })* };
}
checked_integer!(i8, i16, i32, i64);

/// Both operands have `data_type`, an integer or float type. Lenient: null instead of an error.
pub fn arithmetic(operation: Arithmetic, data_type: &DataType, lenient: bool) -> Result<Kernel> {
    Ok(match data_type {
        DataType::Int8 => integers::<Int8Type>(operation, lenient),
        DataType::Int16 => integers::<Int16Type>(operation, lenient),
        DataType::Int32 => integers::<Int32Type>(operation, lenient),
        DataType::Int64 => integers::<Int64Type>(operation, lenient),
        DataType::Float32 => floats::<Float32Type>(operation, lenient),
        DataType::Float64 => floats::<Float64Type>(operation, lenient),
        other => return Err(Error::internal("no arithmetic on this type").with("type", other)),
    })
}

fn integers<T: ArrowPrimitiveType>(operation: Arithmetic, lenient: bool) -> Kernel
where
    T::Native: CheckedInteger,
{
    // One loop per operation, so that each is compiled for itself.
    match operation {
        Arithmetic::Add => integer_kernel::<T>(operation, lenient, |a, b| a.checked(b, Arithmetic::Add)),
        Arithmetic::Subtract => {
            integer_kernel::<T>(operation, lenient, |a, b| a.checked(b, Arithmetic::Subtract))
        }
        Arithmetic::Multiply => {
            integer_kernel::<T>(operation, lenient, |a, b| a.checked(b, Arithmetic::Multiply))
        }
        Arithmetic::Divide => {
            integer_kernel::<T>(operation, lenient, |a, b| a.checked(b, Arithmetic::Divide))
        }
        Arithmetic::Remainder => {
            integer_kernel::<T>(operation, lenient, |a, b| a.checked(b, Arithmetic::Remainder))
        }
    }
}

fn integer_kernel<T: ArrowPrimitiveType>(
    operation: Arithmetic,
    lenient: bool,
    f: impl Fn(T::Native, T::Native) -> Option<T::Native> + Send + Sync + 'static,
) -> Kernel
where
    T::Native: CheckedInteger,
{
    Arc::new(move |values, rows| {
        let (left, right) = (Side::<T>::of(&values[0])?, Side::<T>::of(&values[1])?);
        let error = |_, right: T::Native| match operation {
            Arithmetic::Remainder => remainder_by_zero(),
            Arithmetic::Divide if right == T::Native::default() => divide_by_zero(),
            _ if matches!(T::DATA_TYPE, DataType::Int8 | DataType::Int16) => small_overflow(operation.word()),
            _ => overflow(operation.word()),
        };
        let found = pairs::<T, T, T>(&left, &right, rows, raise_or_null(lenient), &f, error)?;
        Ok(ColumnarValue::Array(Arc::new(found)))
    })
}

fn floats<T: ArrowPrimitiveType>(operation: Arithmetic, lenient: bool) -> Kernel
where
    T::Native: std::ops::Add<Output = T::Native>
        + std::ops::Sub<Output = T::Native>
        + std::ops::Mul<Output = T::Native>
        + std::ops::Div<Output = T::Native>
        + std::ops::Rem<Output = T::Native>,
{
    match operation {
        Arithmetic::Add => float_kernel::<T>(operation, lenient, |a, b| Some(a + b)),
        Arithmetic::Subtract => float_kernel::<T>(operation, lenient, |a, b| Some(a - b)),
        Arithmetic::Multiply => float_kernel::<T>(operation, lenient, |a, b| Some(a * b)),
        Arithmetic::Divide => {
            float_kernel::<T>(operation, lenient, |a, b| (b != T::Native::default()).then(|| a / b))
        }
        Arithmetic::Remainder => {
            float_kernel::<T>(operation, lenient, |a, b| (b != T::Native::default()).then(|| a % b))
        }
    }
}

fn float_kernel<T: ArrowPrimitiveType>(
    operation: Arithmetic,
    lenient: bool,
    f: impl Fn(T::Native, T::Native) -> Option<T::Native> + Send + Sync + 'static,
) -> Kernel {
    Arc::new(move |values, rows| {
        let (left, right) = (Side::<T>::of(&values[0])?, Side::<T>::of(&values[1])?);
        let error = |_, _| match operation {
            Arithmetic::Remainder => remainder_by_zero(),
            _ => divide_by_zero(),
        };
        let found = pairs::<T, T, T>(&left, &right, rows, raise_or_null(lenient), &f, error)?;
        Ok(ColumnarValue::Array(Arc::new(found)))
    })
}

/// `div` of two BIGINTs.
pub fn divide_integral() -> Kernel {
    integers::<Int64Type>(Arithmetic::Divide, false)
}

/// Unary minus of any number, or of a day-time or year-month interval.
pub fn negate() -> Kernel {
    Arc::new(|values, rows| {
        let array = crate::expression::node::into_array(values[0].clone(), rows)?;
        Ok(ColumnarValue::Array(negated(&array)?))
    })
}

fn negated(array: &ArrayRef) -> Result<ArrayRef> {
    fn checked<T: ArrowPrimitiveType>(array: &ArrayRef) -> Result<ArrayRef>
    where
        T::Native: CheckedInteger,
    {
        let array = array.as_primitive::<T>();
        let zero = Side::<T>::Constant(Some(T::Native::default()));
        let column = Side::Column(array.clone());
        let found = pairs::<T, T, T>(
            &zero,
            &column,
            array.len(),
            raise_or_null(false),
            |_, value| value.checked_negative(),
            |_, _| overflow("the negative"),
        )?;
        Ok(Arc::new(found.with_data_type(array.data_type().clone())))
    }
    match array.data_type() {
        DataType::Int8 => checked::<Int8Type>(array),
        DataType::Int16 => checked::<Int16Type>(array),
        DataType::Int32 => checked::<Int32Type>(array),
        DataType::Int64 => checked::<Int64Type>(array),
        DataType::Duration(_) => checked::<DurationMicrosecondType>(array),
        DataType::Interval(IntervalUnit::YearMonth) => checked::<IntervalYearMonthType>(array),
        DataType::Float32 => {
            Ok(Arc::new(array.as_primitive::<Float32Type>().unary::<_, Float32Type>(|v| -v)))
        }
        DataType::Float64 => {
            Ok(Arc::new(array.as_primitive::<Float64Type>().unary::<_, Float64Type>(|v| -v)))
        }
        DataType::Decimal128(..) => super::decimal::negated(array),
        other => Err(Error::internal("no negative of this type").with("type", other)),
    }
}
