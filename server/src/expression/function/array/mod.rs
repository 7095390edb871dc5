//! Array functions, a file a kind of work; here is what they share: reading rows of lists, picking elements by
//! index, and keys that compare elements of any type as Spark does.

pub mod access;
pub mod edit;
pub mod join;
pub mod order;
pub mod sequence;
pub mod set;

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ListArray, MapArray, StructArray, UInt64Array, downcast_array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, FieldRef, Float32Type, Float64Type};
use arrow::row::{RowConverter, Rows, SortField};
use datafusion_expr_common::columnar_value::ColumnarValue;

use crate::error::{Error, Result};
use crate::expression::coercion::{array_type, unexpected_type, wider};
use crate::expression::function::kernel::{array_of, finished};
use crate::expression::registry::Argument;

/// The most elements of one array; Spark's limit.
pub const ELEMENTS_MAX: usize = 2_147_483_632;

/// A column of arrays, or one constant array.
pub struct Lists {
    list: ListArray,
    constant: bool,
}

impl Lists {
    pub fn of(value: &ColumnarValue) -> Result<Lists> {
        let (array, constant) = array_of(value)?;
        match array.as_any().downcast_ref::<ListArray>() {
            Some(list) => Ok(Lists { list: list.clone(), constant }),
            None => Err(Error::internal("read an array argument").with("type", array.data_type())),
        }
    }

    /// Where the elements of the row's array are in [`Lists::values`]; none for null.
    pub fn range(&self, row: usize) -> Option<Range<usize>> {
        let row = if self.constant { 0 } else { row };
        if self.list.is_null(row) {
            return None;
        }
        let offsets = self.list.value_offsets();
        Some(offsets[row] as usize..offsets[row + 1] as usize)
    }

    pub fn values(&self) -> &ArrayRef {
        self.list.values()
    }
}

/// Rows of lists under construction: each element is named by its index in a pool of values.
#[derive(Default)]
pub struct Picked {
    indices: Vec<Option<u64>>,
    offsets: Vec<i32>,
    valid: Vec<bool>,
}

impl Picked {
    pub fn new(rows: usize) -> Picked {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Picked { indices: Vec::new(), offsets, valid: Vec::with_capacity(rows) }
    }

    pub fn push(&mut self, index: usize) {
        self.indices.push(Some(index as u64));
    }

    pub fn push_null(&mut self) {
        self.indices.push(None);
    }

    pub fn extend(&mut self, indices: impl IntoIterator<Item = usize>) {
        self.indices.extend(indices.into_iter().map(|index| Some(index as u64)));
    }

    /// Elements of the row begun so far.
    pub fn pending(&self) -> usize {
        self.indices.len() - self.offsets.last().map_or(0, |last| *last as usize)
    }

    pub fn end_row(&mut self) -> Result<()> {
        let length = i32::try_from(self.indices.len()).map_err(|_| too_long("an array function"))?;
        self.offsets.push(length);
        self.valid.push(true);
        Ok(())
    }

    pub fn null_row(&mut self) {
        self.offsets.push(self.offsets.last().copied().unwrap_or(0));
        self.valid.push(false);
    }

    /// The lists, with elements taken from `pool`.
    pub fn finish(self, pool: &ArrayRef, output: &DataType, constant: bool) -> Result<ColumnarValue> {
        let DataType::List(field) = output else {
            return Err(Error::internal("make an array of another type").with("type", output));
        };
        let indices = UInt64Array::from(self.indices);
        let values = take(pool, &indices, None).map_err(|e| Error::internal("pick elements").because(e))?;
        list_of(field.clone(), self.offsets, values, self.valid, constant)
    }
}

/// A list column of its parts.
pub fn list_of(
    field: FieldRef,
    offsets: Vec<i32>,
    values: ArrayRef,
    valid: Vec<bool>,
    constant: bool,
) -> Result<ColumnarValue> {
    let values = conform(&values, field.data_type())?;
    let nulls = NullBuffer::from(valid);
    let list = ListArray::try_new(field, OffsetBuffer::new(offsets.into()), values, Some(nulls));
    let list = list.map_err(|e| Error::internal("make an array").because(e))?;
    finished(Arc::new(list), constant)
}

/// The same values under a type that differs in field names and nullability alone.
pub fn conform(values: &ArrayRef, wanted: &DataType) -> Result<ArrayRef> {
    if values.data_type() == wanted {
        return Ok(values.clone());
    }
    let wrap = |e| Error::internal("fit a value to its type").with("type", wanted).because(e);
    Ok(match wanted {
        DataType::List(field) => {
            let list: ListArray = downcast_array(values);
            let child = conform(list.values(), field.data_type())?;
            let made =
                ListArray::try_new(field.clone(), list.offsets().clone(), child, list.nulls().cloned());
            Arc::new(made.map_err(wrap)?)
        }
        DataType::Struct(fields) if matches!(values.data_type(), DataType::Struct(_)) => {
            let parts: StructArray = downcast_array(values);
            let columns =
                parts.columns().iter().zip(fields).map(|(column, field)| conform(column, field.data_type()));
            let columns = columns.collect::<Result<Vec<_>>>()?;
            if columns.is_empty() {
                return Ok(values.clone());
            }
            Arc::new(StructArray::try_new(fields.clone(), columns, parts.nulls().cloned()).map_err(wrap)?)
        }
        DataType::Map(field, sorted) if matches!(values.data_type(), DataType::Map(..)) => {
            let map: MapArray = downcast_array(values);
            let entries: ArrayRef = Arc::new(map.entries().clone());
            let entries: StructArray = downcast_array(&conform(&entries, field.data_type())?);
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            Arc::new(MapArray::try_new(field.clone(), offsets, entries, nulls, *sorted).map_err(wrap)?)
        }
        _ => arrow::compute::cast(values, wanted).map_err(wrap)?,
    })
}

/// Whether a value is not null; nothing is, of the type of NULL.
pub fn present(values: &ArrayRef, row: usize) -> bool {
    *values.data_type() != DataType::Null && values.is_valid(row)
}

/// All values of several arrays of one type, one after the other.
pub fn pool(arrays: &[&ArrayRef]) -> Result<ArrayRef> {
    let first = arrays[0].data_type();
    let arrays = arrays.iter().map(|array| conform(array, first)).collect::<Result<Vec<_>>>()?;
    let arrays: Vec<&dyn Array> = arrays.iter().map(|array| array.as_ref()).collect();
    arrow::compute::concat(&arrays).map_err(|e| Error::internal("join arrays").because(e))
}

/// Keys of values of any type but maps: equal and ordered as Spark compares the values (NaN equals NaN and is
/// greatest, -0.0 equals 0.0, null is least).
pub fn keys(values: &ArrayRef) -> Result<Rows> {
    let wrap = |e| Error::internal("compare values").with("type", values.data_type()).because(e);
    let values = plain_floats(values)?;
    let converter = RowConverter::new(vec![SortField::new(values.data_type().clone())]).map_err(wrap)?;
    converter.convert_columns(&[values]).map_err(wrap)
}

/// One NaN and one zero, in nested values too.
fn plain_floats(values: &ArrayRef) -> Result<ArrayRef> {
    let wrap = |e| Error::internal("compare floats").because(e);
    Ok(match values.data_type() {
        DataType::Float32 => {
            let floats: arrow::array::Float32Array = downcast_array(values);
            Arc::new(floats.unary::<_, Float32Type>(|v| if v.is_nan() { f32::NAN } else { v + 0.0 }))
        }
        DataType::Float64 => {
            let floats: arrow::array::Float64Array = downcast_array(values);
            Arc::new(floats.unary::<_, Float64Type>(|v| if v.is_nan() { f64::NAN } else { v + 0.0 }))
        }
        DataType::List(field) => {
            let list: ListArray = downcast_array(values);
            let child = plain_floats(list.values())?;
            let made =
                ListArray::try_new(field.clone(), list.offsets().clone(), child, list.nulls().cloned());
            Arc::new(made.map_err(wrap)?)
        }
        DataType::Struct(fields) if !fields.is_empty() => {
            let parts: StructArray = downcast_array(values);
            let columns = parts.columns().iter().map(plain_floats).collect::<Result<Vec<_>>>()?;
            Arc::new(StructArray::try_new(fields.clone(), columns, parts.nulls().cloned()).map_err(wrap)?)
        }
        _ => values.clone(),
    })
}

/// The element of an array type; an error that names the argument (from 1) for other types.
pub fn element<'a>(name: &str, args: &[Argument<'a>], index: usize) -> Result<&'a FieldRef> {
    match args[index].data_type {
        DataType::List(field) => Ok(field),
        other => Err(unexpected_type(name, index + 1, "ARRAY", other)),
    }
}

/// The common type of an element and a value, or of two elements: strings are not turned into other types.
pub fn common(name: &str, a: &DataType, b: &DataType) -> Result<DataType> {
    let strings = [a, b].iter().filter(|t| ***t == DataType::Utf8).count();
    let null = [a, b].contains(&&DataType::Null);
    wider(a, b).filter(|_| strings != 1 || null).ok_or_else(|| {
        Error::user(format!(
            "[DATATYPE_MISMATCH.ARRAY_FUNCTION_DIFF_TYPES] `{name}` takes values of one type"
        ))
        .with("left", crate::record::type_name(a))
        .with("right", crate::record::type_name(b))
    })
}

/// Refuses types that have no order and no equality.
pub fn comparable(name: &str, data_type: &DataType) -> Result<()> {
    let refused = match data_type {
        DataType::Map(..) => true,
        DataType::List(field) => return comparable(name, field.data_type()),
        DataType::Struct(fields) => {
            return fields.iter().try_for_each(|field: &Arc<Field>| comparable(name, field.data_type()));
        }
        _ => false,
    };
    if !refused {
        return Ok(());
    }
    Err(Error::user(format!("[DATATYPE_MISMATCH.INVALID_ORDERING_TYPE] `{name}` cannot compare maps")))
}

pub fn list(element: DataType) -> DataType {
    array_type(element, true)
}

pub fn too_long(function: &str) -> Error {
    Error::user(format!("[COLLECTION_SIZE_LIMIT_EXCEEDED] {function} makes too long an array"))
}
