//! The columns that a parquet file says it has, in the types that the engine carries. Reads no rows.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

use super::read::load_schema;
use crate::error::{Error, Result};
use crate::format::FilePart;

/// `Data` error if the file is torn, `User` error if it has a column of a type that cannot be read.
pub fn schema_of(part: FilePart) -> Result<SchemaRef> {
    let path = part.path.clone();
    let in_file = load_schema(&part)?;
    let fields = carried_fields(in_file.fields()).map_err(|error| error.with("file", path))?;
    Ok(Arc::new(Schema::new(fields)))
}

fn carried_fields(fields: &Fields) -> Result<Fields> {
    let carried = fields.iter().map(|field| carried_field(field));
    Ok(carried.collect::<Result<Vec<_>>>()?.into())
}

fn carried_field(field: &Field) -> Result<Field> {
    let data_type = carried(field.data_type()).ok_or_else(|| {
        Error::user("a column of a parquet file has a type that cannot be read")
            .with("column", field.name())
            .with("type", field.data_type())
            .hint("name the other columns with --schema")
    })?;
    let data_type = match data_type {
        DataType::List(element) => DataType::List(Arc::new(carried_field(&element)?)),
        DataType::Map(entries, sorted) => DataType::Map(Arc::new(carried_field(&entries)?), sorted),
        DataType::Struct(fields) => DataType::Struct(carried_fields(&fields)?),
        plain => plain,
    };
    Ok(field.clone().with_data_type(data_type))
}

fn carried(data_type: &DataType) -> Option<DataType> {
    Some(match data_type {
        DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 => DataType::Int64,
        DataType::FixedSizeBinary(_) => DataType::Binary,
        DataType::Timestamp(_, zone) => {
            DataType::Timestamp(TimeUnit::Microsecond, zone.as_ref().map(|_| "UTC".into()))
        }
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal128(_, _)
        | DataType::Utf8
        | DataType::Binary
        | DataType::Date32
        | DataType::List(_)
        | DataType::Map(_, _)
        | DataType::Struct(_) => data_type.clone(),
        _ => return None,
    })
}
