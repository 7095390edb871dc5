//! Columns by name out of parquet files. Columns that a file does not have are null.

use std::io::Read;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use bytes::{Buf, Bytes};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Type as PhysicalType;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use super::adapt::{adapt, can_adapt};
use crate::error::{Error, Result};
use crate::format::column::nullable;
use crate::format::{Batches, Decoder, FilePart};
use crate::record::{Options, timestamp_type, type_name};
use crate::storage::StoredFile;

/// The schema is given, so merging changes nothing; of the calendars only today's is known.
pub const READ_OPTIONS: &[&str] = &["mergeSchema", "datetimeRebaseMode", "int96RebaseMode"];

/// How much is asked of the storage at once where a page is read as a stream.
const READ_BYTES: usize = 64 << 10;

pub struct ParquetDecoder {
    fields: Fields,
}

impl ParquetDecoder {
    pub fn new(schema: &SchemaRef, options: &Options) -> Result<ParquetDecoder> {
        for key in ["datetimeRebaseMode", "int96RebaseMode"] {
            let mode = options.get(key).unwrap_or("CORRECTED").to_uppercase();
            if mode != "CORRECTED" && mode != "EXCEPTION" {
                return Err(
                    options.bad_value(key, "CORRECTED; dates of the Julian calendar are not supported")
                );
            }
        }
        options.boolean("mergeSchema")?;
        Ok(ParquetDecoder { fields: nullable(schema.fields()) })
    }
}

impl Decoder for ParquetDecoder {
    fn can_split(&self, _path: &str) -> bool {
        false
    }

    fn read(&self, part: FilePart, columns: &[usize], rows_max: usize) -> Result<Batches> {
        let wanted: Fields = columns.iter().map(|index| self.fields[*index].clone()).collect();
        let file = Chunks(part.file.clone());
        let failed = |cause| read_error(cause, &part.path);
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = ArrowReaderMetadata::load(&file, options).map_err(failed)?;
        let metadata = with_instants(metadata).map_err(failed)?;
        let in_file = metadata.schema().fields().clone();
        let mut sources = Vec::new();
        for field in &wanted {
            sources.push(find_column(&in_file, field, &part.path)?);
        }
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
        let mask = ProjectionMask::roots(builder.parquet_schema(), sources.iter().flatten().copied());
        // Columns come in the file's order, whatever the order of the mask.
        let mut read: Vec<usize> = sources.iter().flatten().copied().collect();
        read.sort_unstable();
        let position = |source: usize| read.iter().position(|index| *index == source);
        let columns = sources.iter().map(|source| source.and_then(position)).collect();
        let reader = builder.with_projection(mask).with_batch_size(rows_max).build().map_err(failed)?;
        let schema = Arc::new(Schema::new(wanted));
        Ok(Box::new(ParquetBatches { reader, path: part.path, schema, columns, done: false }))
    }
}

/// The columns as the file has them.
pub fn load_schema(part: &FilePart) -> Result<SchemaRef> {
    let failed = |cause| read_error(cause, &part.path);
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let metadata = ArrowReaderMetadata::load(&Chunks(part.file.clone()), options).map_err(failed)?;
    Ok(with_instants(metadata).map_err(failed)?.schema().clone())
}

/// Old files hold instants as 96 bits; these are read as microseconds, since nanoseconds would end in 2262.
fn with_instants(metadata: ArrowReaderMetadata) -> std::result::Result<ArrowReaderMetadata, ParquetError> {
    let leaves = metadata.parquet_schema().columns().iter();
    let mut physical = leaves.map(|leaf| leaf.physical_type()).collect::<Vec<_>>().into_iter();
    let fields: Fields =
        metadata.schema().fields().iter().map(|field| instant_field(field, &mut physical)).collect();
    if fields == *metadata.schema().fields() {
        return Ok(metadata);
    }
    let options =
        ArrowReaderOptions::new().with_skip_arrow_metadata(true).with_schema(Arc::new(Schema::new(fields)));
    ArrowReaderMetadata::try_new(metadata.metadata().clone(), options)
}

fn instant_field(field: &FieldRef, physical: &mut dyn Iterator<Item = PhysicalType>) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::List(element) => DataType::List(instant_field(element, physical)),
        DataType::Map(entries, sorted) => DataType::Map(instant_field(entries, physical), *sorted),
        DataType::Struct(fields) => {
            DataType::Struct(fields.iter().map(|field| instant_field(field, physical)).collect())
        }
        leaf => match (leaf, physical.next()) {
            (DataType::Timestamp(TimeUnit::Nanosecond, None), Some(PhysicalType::INT96)) => timestamp_type(),
            _ => leaf.clone(),
        },
    };
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}

/// The index of the column in the file: names are equal in any case.
fn find_column(in_file: &Fields, wanted: &Field, path: &str) -> Result<Option<usize>> {
    let same = |field: &FieldRef| field.name().to_lowercase() == wanted.name().to_lowercase();
    let mut found = in_file.iter().enumerate().filter(|(_, field)| same(field));
    let Some((index, field)) = found.next() else { return Ok(None) };
    if let Some((_, twin)) = found.next() {
        return Err(Error::data("two columns of a parquet file have one name, apart from case")
            .with("file", path)
            .with("columns", format!("{}, {}", field.name(), twin.name())));
    }
    if !can_adapt(field.data_type(), wanted.data_type()) {
        return Err(Error::data("a column of a parquet file is not of the schema's type")
            .with("file", path)
            .with("column", wanted.name())
            .with("schema", type_name(wanted.data_type()))
            .with("found", type_name(field.data_type()))
            .hint("give the column the type that the files have, and cast it in a stage"));
    }
    Ok(Some(index))
}

struct ParquetBatches {
    reader: ParquetRecordBatchReader,
    path: String,
    schema: SchemaRef,
    /// For each column of `schema` its index in what is read, or nothing.
    columns: Vec<Option<usize>>,
    done: bool,
}

impl ParquetBatches {
    fn arrange(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for (field, index) in self.schema.fields().iter().zip(&self.columns) {
            arrays.push(match index {
                Some(index) => adapt(batch.column(*index), field.data_type())
                    .map_err(|error| error.with("file", &self.path).with("column", field.name()))?,
                None => new_null_array(field.data_type(), rows),
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .map_err(|cause| Error::internal("cannot make a batch of parquet columns").because(cause))
    }
}

impl Iterator for ParquetBatches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let batch = match self.reader.next()? {
            Ok(batch) => self.arrange(&batch),
            Err(cause) => {
                let cause = match cause {
                    arrow::error::ArrowError::ExternalError(inner) => ParquetError::External(inner),
                    other => ParquetError::ArrowError(other.to_string()),
                };
                Err(read_error(cause, &self.path))
            }
        };
        self.done = batch.is_err();
        Some(batch)
    }
}

/// The storage's own error if it is inside, otherwise the file is at fault.
fn read_error(cause: ParquetError, path: &str) -> Error {
    match cause {
        ParquetError::External(inner) => match inner.downcast::<Error>() {
            Ok(own) => *own,
            Err(other) => Error::data("cannot read a parquet file").with("file", path).because(other),
        },
        other => Error::data("cannot read a parquet file").with("file", path).because(other),
    }
}

/// A stored file as the parquet reader takes it.
#[derive(Clone)]
struct Chunks(Arc<dyn StoredFile>);

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.0.size()
    }
}

impl ChunkReader for Chunks {
    type T = Stream;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Stream> {
        Ok(Stream { file: self.0.clone(), at: start, chunk: Bytes::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        self.0.read_at(start, length).map_err(|error| ParquetError::External(Box::new(error)))
    }
}

struct Stream {
    file: Arc<dyn StoredFile>,
    at: u64,
    chunk: Bytes,
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.chunk.is_empty() {
            let left = self.file.size().saturating_sub(self.at).min(READ_BYTES as u64) as usize;
            if left == 0 {
                return Ok(0);
            }
            self.chunk = self.file.read_at(self.at, left).map_err(std::io::Error::other)?;
            self.at += left as u64;
        }
        let length = into.len().min(self.chunk.len());
        self.chunk.copy_to_slice(&mut into[..length]);
        Ok(length)
    }
}
