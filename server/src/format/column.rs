//! A column that grows value by value and can be cut back, since a record may turn out bad halfway through.
//! Knows no text format.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, BooleanBufferBuilder, Decimal128Array, ListArray, MapArray,
    NullArray, PrimitiveArray, StringArray, StructArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, FieldRef, Fields, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};

use crate::error::{Error, Result};
use crate::record::type_name;

pub struct Column {
    valid: BooleanBufferBuilder,
    pub values: Values,
}

/// One value for each row, a null row's included, except in the children of lists and maps.
///
/// INVARIANT: offsets fit an `i32`: what a batch takes in is bounded by the batch and record limits of the
/// format, and no value is longer than its text.
pub enum Values {
    Null,
    Boolean(BooleanBufferBuilder),
    Int8(Vec<i8>),
    Int16(Vec<i16>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    Date(Vec<i32>),
    /// With or without time zone.
    Timestamp(Vec<i64>, Option<Arc<str>>),
    Decimal(Vec<i128>, u8, i8),
    Text(Bytes),
    Binary(Bytes),
    List(FieldRef, Vec<i32>, Box<Column>),
    Struct(Fields, Vec<Column>),
    /// The field of the entries, then offsets, keys and values.
    Map(FieldRef, Vec<i32>, Box<Column>, Box<Column>),
}

/// Values of varying length, one behind the other.
pub struct Bytes {
    pub data: Vec<u8>,
    ends: Vec<i32>,
}

impl Bytes {
    fn new() -> Bytes {
        Bytes { data: Vec::new(), ends: vec![0] }
    }

    /// The bytes added to `data` since the last value are the next one.
    pub fn end_value(&mut self) {
        self.ends.push(self.data.len() as i32);
    }

    fn truncate(&mut self, rows: usize) {
        self.ends.truncate(rows + 1);
        self.data.truncate(self.ends[rows] as usize);
    }
}

fn offsets(ends: Vec<i32>) -> OffsetBuffer<i32> {
    OffsetBuffer::new(ScalarBuffer::from(ends))
}

impl Column {
    /// `User` error for a type that text formats do not hold.
    pub fn new(data_type: &DataType) -> Result<Column> {
        let values = match data_type {
            DataType::Null => Values::Null,
            DataType::Boolean => Values::Boolean(BooleanBufferBuilder::new(0)),
            DataType::Int8 => Values::Int8(Vec::new()),
            DataType::Int16 => Values::Int16(Vec::new()),
            DataType::Int32 => Values::Int32(Vec::new()),
            DataType::Int64 => Values::Int64(Vec::new()),
            DataType::Float32 => Values::Float32(Vec::new()),
            DataType::Float64 => Values::Float64(Vec::new()),
            DataType::Date32 => Values::Date(Vec::new()),
            DataType::Timestamp(TimeUnit::Microsecond, zone) => Values::Timestamp(Vec::new(), zone.clone()),
            DataType::Decimal128(precision, scale) => Values::Decimal(Vec::new(), *precision, *scale),
            DataType::Utf8 => Values::Text(Bytes::new()),
            DataType::Binary => Values::Binary(Bytes::new()),
            DataType::List(element) => {
                Values::List(element.clone(), vec![0], Box::new(Column::new(element.data_type())?))
            }
            DataType::Struct(fields) => {
                let columns = fields.iter().map(|field| Column::new(field.data_type()));
                Values::Struct(fields.clone(), columns.collect::<Result<_>>()?)
            }
            DataType::Map(entries, _) => match entries.data_type() {
                DataType::Struct(pair) if pair.len() == 2 => {
                    let (key, value) = (Column::new(pair[0].data_type())?, Column::new(pair[1].data_type())?);
                    Values::Map(entries.clone(), vec![0], Box::new(key), Box::new(value))
                }
                _ => return Err(Error::internal("a map has no keys and values")),
            },
            other => {
                return Err(Error::user("this type cannot be read from text").with("type", type_name(other)));
            }
        };
        Ok(Column { valid: BooleanBufferBuilder::new(0), values })
    }

    pub fn len(&self) -> usize {
        self.valid.len()
    }

    /// The value that was just added to `values` is there.
    pub fn mark_valid(&mut self) {
        self.valid.append(true);
    }

    pub fn push_null(&mut self) {
        self.valid.append(false);
        match &mut self.values {
            Values::Null => {}
            Values::Boolean(values) => values.append(false),
            Values::Int8(values) => values.push(0),
            Values::Int16(values) => values.push(0),
            Values::Int32(values) | Values::Date(values) => values.push(0),
            Values::Int64(values) | Values::Timestamp(values, _) => values.push(0),
            Values::Float32(values) => values.push(0.0),
            Values::Float64(values) => values.push(0.0),
            Values::Decimal(values, ..) => values.push(0),
            Values::Text(bytes) | Values::Binary(bytes) => bytes.end_value(),
            Values::List(_, ends, child) => ends.push(child.len() as i32),
            Values::Struct(_, columns) => columns.iter_mut().for_each(Column::push_null),
            Values::Map(_, ends, keys, _) => ends.push(keys.len() as i32),
        }
    }

    /// Drops the rows from `rows` on.
    pub fn truncate(&mut self, rows: usize) {
        self.valid.truncate(rows);
        match &mut self.values {
            Values::Null => {}
            Values::Boolean(values) => values.truncate(rows),
            Values::Int8(values) => values.truncate(rows),
            Values::Int16(values) => values.truncate(rows),
            Values::Int32(values) | Values::Date(values) => values.truncate(rows),
            Values::Int64(values) | Values::Timestamp(values, _) => values.truncate(rows),
            Values::Float32(values) => values.truncate(rows),
            Values::Float64(values) => values.truncate(rows),
            Values::Decimal(values, ..) => values.truncate(rows),
            Values::Text(bytes) | Values::Binary(bytes) => bytes.truncate(rows),
            Values::List(_, ends, child) => {
                ends.truncate(rows + 1);
                child.truncate(ends[rows] as usize);
            }
            // A struct being read has children that are ahead of it.
            Values::Struct(_, columns) => columns.iter_mut().for_each(|column| column.truncate(rows)),
            Values::Map(_, ends, keys, values) => {
                ends.truncate(rows + 1);
                keys.truncate(ends[rows] as usize);
                values.truncate(ends[rows] as usize);
            }
        }
    }

    /// The values as an array; the column is empty after it.
    pub fn take(&mut self) -> Result<ArrayRef> {
        let rows = self.valid.len();
        let valid = NullBuffer::new(self.valid.finish());
        let nulls = Some(valid).filter(|valid| valid.null_count() > 0);
        Ok(match &mut self.values {
            Values::Null => Arc::new(NullArray::new(rows)),
            Values::Boolean(values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Values::Int8(values) => primitive::<Int8Type>(values, nulls),
            Values::Int16(values) => primitive::<Int16Type>(values, nulls),
            Values::Int32(values) => primitive::<Int32Type>(values, nulls),
            Values::Int64(values) => primitive::<Int64Type>(values, nulls),
            Values::Float32(values) => primitive::<Float32Type>(values, nulls),
            Values::Float64(values) => primitive::<Float64Type>(values, nulls),
            Values::Date(values) => primitive::<Date32Type>(values, nulls),
            Values::Timestamp(values, zone) => {
                let values = ScalarBuffer::from(std::mem::take(values));
                let array = PrimitiveArray::<TimestampMicrosecondType>::new(values, nulls);
                Arc::new(array.with_timezone_opt(zone.clone()))
            }
            Values::Decimal(values, precision, scale) => {
                let array = Decimal128Array::new(ScalarBuffer::from(std::mem::take(values)), nulls);
                Arc::new(array.with_precision_and_scale(*precision, *scale).map_err(impossible)?)
            }
            Values::Text(bytes) => {
                let Bytes { data, ends } = std::mem::replace(bytes, Bytes::new());
                let array = StringArray::try_new(offsets(ends), Buffer::from_vec(data), nulls);
                Arc::new(array.map_err(impossible)?)
            }
            Values::Binary(bytes) => {
                let Bytes { data, ends } = std::mem::replace(bytes, Bytes::new());
                Arc::new(
                    BinaryArray::try_new(offsets(ends), Buffer::from_vec(data), nulls).map_err(impossible)?,
                )
            }
            Values::List(field, ends, child) => {
                let ends = offsets(std::mem::replace(ends, vec![0]));
                Arc::new(ListArray::try_new(field.clone(), ends, child.take()?, nulls).map_err(impossible)?)
            }
            Values::Struct(fields, columns) => {
                let columns = columns.iter_mut().map(Column::take).collect::<Result<Vec<_>>>()?;
                let made = StructArray::try_new_with_length(fields.clone(), columns, nulls, rows);
                Arc::new(made.map_err(impossible)?)
            }
            Values::Map(entries, ends, keys, values) => {
                let DataType::Struct(pair) = entries.data_type() else {
                    return Err(Error::internal("a map has no keys and values"));
                };
                let pairs = StructArray::try_new(pair.clone(), vec![keys.take()?, values.take()?], None);
                let ends = offsets(std::mem::replace(ends, vec![0]));
                let made = MapArray::try_new(entries.clone(), ends, pairs.map_err(impossible)?, nulls, false);
                Arc::new(made.map_err(impossible)?)
            }
        })
    }
}

fn primitive<T: ArrowPrimitiveType>(values: &mut Vec<T::Native>, nulls: Option<NullBuffer>) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(ScalarBuffer::from(std::mem::take(values)), nulls))
}

fn impossible(cause: arrow::error::ArrowError) -> Error {
    Error::internal("a decoded column is not what it should be").because(cause)
}

/// The schema with every column and everything inside nullable, as Spark takes the schema of files.
pub fn nullable(fields: &Fields) -> Fields {
    fields.iter().map(nullable_field).collect()
}

fn nullable_field(field: &FieldRef) -> FieldRef {
    Arc::new(field.as_ref().clone().with_nullable(true).with_data_type(nullable_type(field.data_type())))
}

fn nullable_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::List(element) => DataType::List(nullable_field(element)),
        DataType::Struct(fields) => DataType::Struct(nullable(fields)),
        DataType::Map(entries, sorted) => {
            let DataType::Struct(pair) = entries.data_type() else { return data_type.clone() };
            let key = pair[0].as_ref().clone().with_data_type(nullable_type(pair[0].data_type()));
            let pair = Fields::from(vec![Arc::new(key), nullable_field(&pair[1])]);
            let entries = entries.as_ref().clone().with_data_type(DataType::Struct(pair));
            DataType::Map(Arc::new(entries), *sorted)
        }
        other => other.clone(),
    }
}
