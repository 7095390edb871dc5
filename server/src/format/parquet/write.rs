//! Batches into parquet files with the schema that Spark would write. Knows no file names but their end.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Fields, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::adapt::adapt;
use crate::error::{Error, Result};
use crate::format::Encoder;
use crate::format::column::nullable;
use crate::format::compress::write_error;
use crate::record::{Options, type_name};
use crate::storage::FileWriter;

pub const WRITE_OPTIONS: &[&str] = &["compression"];

/// A row group is written out when it has about this many bytes, so a writer holds no more than that.
pub const ROW_GROUP_BYTES_MAX: usize = 32 << 20;

/// And when it has this many rows.
const ROW_GROUP_ROWS_MAX: usize = 1 << 20;

fn compression(options: &Options) -> Result<(Compression, &'static str)> {
    Ok(match options.get("compression").unwrap_or("snappy").to_lowercase().as_str() {
        "none" | "uncompressed" => (Compression::UNCOMPRESSED, ""),
        "snappy" => (Compression::SNAPPY, ".snappy"),
        "gzip" => (Compression::GZIP(GzipLevel::default()), ".gz"),
        "lz4" => (Compression::LZ4, ".lz4hadoop"),
        "lz4_raw" => (Compression::LZ4_RAW, ".lz4raw"),
        "zstd" => {
            // Parquet's default of 1 is what pays least for Spark's files; 3 is the one Spark's library
            // takes.
            let level =
                ZstdLevel::try_new(3).map_err(|cause| Error::internal("zstd level").because(cause))?;
            (Compression::ZSTD(level), ".zstd")
        }
        _ => return Err(options.bad_value("compression", "none, snappy, gzip, lz4, lz4_raw or zstd")),
    })
}

/// The end of a file's name: `.snappy.parquet`.
pub fn extension(options: &Options) -> Result<String> {
    Ok(format!("{}.parquet", compression(options)?.1))
}

pub fn check_write(schema: &SchemaRef, options: &Options) -> Result<()> {
    compression(options)?;
    for field in schema.fields() {
        if !is_writable(field.data_type()) {
            return Err(Error::user("parquet files do not hold columns of this type")
                .with("column", field.name())
                .with("type", type_name(field.data_type()))
                .hint("cast it to a type that Spark reads from parquet, such as STRING or BIGINT"));
        }
    }
    Ok(())
}

fn is_writable(data_type: &DataType) -> bool {
    match data_type {
        DataType::Boolean | DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => true,
        DataType::Float32 | DataType::Float64 | DataType::Decimal128(_, _) => true,
        DataType::Utf8 | DataType::Binary | DataType::Date32 => true,
        DataType::Timestamp(TimeUnit::Microsecond, _) => true,
        DataType::List(element) => is_writable(element.data_type()),
        // Parquet has no struct without fields.
        DataType::Struct(fields) => {
            !fields.is_empty() && fields.iter().all(|field| is_writable(field.data_type()))
        }
        DataType::Map(entries, _) => is_writable(entries.data_type()),
        _ => false,
    }
}

pub struct ParquetEncoder {
    writer: ArrowWriter<Box<dyn FileWriter>>,
    schema: SchemaRef,
}

impl ParquetEncoder {
    pub fn new(schema: &SchemaRef, options: &Options, out: Box<dyn FileWriter>) -> Result<ParquetEncoder> {
        let schema = Arc::new(Schema::new(renamed(&nullable(schema.fields()))));
        let properties = WriterProperties::builder()
            .set_compression(compression(options)?.0)
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS_MAX))
            .set_max_row_group_bytes(Some(ROW_GROUP_BYTES_MAX))
            .set_created_by(concat!("wasmill ", env!("CARGO_PKG_VERSION")).to_string())
            .build();
        let options = ArrowWriterOptions::new()
            .with_properties(properties)
            .with_skip_arrow_metadata(true)
            .with_schema_root("spark_schema".to_string());
        let writer =
            ArrowWriter::try_new_with_options(out, schema.clone(), options).map_err(parquet_error)?;
        Ok(ParquetEncoder { writer, schema })
    }
}

/// The names that Spark gives to what is inside of lists and maps.
fn renamed(fields: &Fields) -> Fields {
    let rename = |field: &arrow::datatypes::FieldRef, name: &str| {
        let data_type = renamed_type(field.data_type());
        Arc::new(field.as_ref().clone().with_name(name).with_data_type(data_type))
    };
    fields.iter().map(|field| rename(field, field.name())).collect()
}

fn renamed_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::List(element) => {
            let element_type = renamed_type(element.data_type());
            DataType::List(Arc::new(
                element.as_ref().clone().with_name("element").with_data_type(element_type),
            ))
        }
        DataType::Struct(fields) => DataType::Struct(renamed(fields)),
        DataType::Map(entries, sorted) => {
            let DataType::Struct(pair) = entries.data_type() else { return data_type.clone() };
            let names = ["key", "value"].into_iter();
            let pair = names.zip(pair).map(|(name, field)| {
                Arc::new(
                    field.as_ref().clone().with_name(name).with_data_type(renamed_type(field.data_type())),
                )
            });
            let entries = entries.as_ref().clone().with_name("key_value");
            DataType::Map(Arc::new(entries.with_data_type(DataType::Struct(pair.collect()))), *sorted)
        }
        other => other.clone(),
    }
}

impl Encoder for ParquetEncoder {
    fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let columns = rows.columns().iter().zip(self.schema.fields());
        let columns = columns.map(|(column, field)| adapt(column, field.data_type()));
        let rows = RecordBatch::try_new(self.schema.clone(), columns.collect::<Result<_>>()?)
            .map_err(|cause| Error::internal("rows are not of the schema of their file").because(cause))?;
        self.writer.write(&rows).map_err(parquet_error)
    }

    fn finish(self: Box<Self>) -> Result<u64> {
        self.writer.into_inner().map_err(parquet_error)?.close()
    }
}

fn parquet_error(cause: ParquetError) -> Error {
    match cause {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(inner) => write_error(*inner),
            Err(other) => Error::external("cannot write a parquet file").because(other),
        },
        other => Error::internal("cannot write a parquet file").because(other),
    }
}
