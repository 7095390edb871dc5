//! Rows of many files, partition columns included, in one schema.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::files::{DataFile, DataFiles};
use crate::error::{Error, Result};
use crate::format::infer::infer_schema;
use crate::format::{Decoder, FilePart, Format, decoder, partition_dir};
use crate::record::Options;

/// The most rows of one record batch.
const BATCH_ROWS: usize = 8_192;

pub struct Reading {
    /// The columns of the files, then those of the directories.
    pub schema: SchemaRef,
    found: DataFiles,
    decoder: Box<dyn Decoder>,
    file_columns: usize,
}

impl Reading {
    /// Nothing if the files have no columns. A given schema may give partition columns their types.
    pub fn prepare(
        found: DataFiles,
        format: Format,
        given: Option<SchemaRef>,
        options: Options,
    ) -> Result<Option<Reading>> {
        let partitions = partition_fields(&found.files, given.as_ref());
        let file_schema = match given {
            Some(given) => {
                let is_own = |field: &&Arc<Field>| !partitions.iter().any(|other| same_name(other, field));
                let own: Vec<_> = given.fields().iter().filter(is_own).cloned().collect();
                Some(Arc::new(Schema::new(own)))
            }
            None => {
                let mut parts = found.files.iter().map(|file| part(&found, file));
                infer_schema(format, &options, &mut parts)?
            }
        };
        let Some(file_schema) = file_schema else { return Ok(None) };
        let decoder = decoder(format, &file_schema, &options)?;
        let nullable = file_schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
        let fields: Vec<_> = nullable.chain(partitions).collect();
        let file_columns = file_schema.fields().len();
        Ok(Some(Reading { schema: Arc::new(Schema::new(fields)), found, decoder, file_columns }))
    }

    /// Calls `take` for the first `limit` rows and returns how many rows there are in all.
    pub fn each(self, limit: usize, mut take: impl FnMut(&RecordBatch) -> Result<()>) -> Result<u64> {
        let all: Vec<usize> = (0..self.file_columns).collect();
        let mut left = limit;
        let mut count = 0;
        for file in &self.found.files {
            let columns: &[usize] = if left > 0 { &all } else { &[] };
            for rows in self.decoder.read(part(&self.found, file)?, columns, BATCH_ROWS)? {
                let rows = rows?;
                count += rows.num_rows() as u64;
                let taken = rows.num_rows().min(left);
                if taken > 0 {
                    left -= taken;
                    take(&self.with_partitions(&rows.slice(0, taken), file)?)?;
                }
            }
        }
        Ok(count)
    }

    fn with_partitions(&self, rows: &RecordBatch, file: &DataFile) -> Result<RecordBatch> {
        let mut columns = rows.columns().to_vec();
        let fields = self.schema.fields().iter().skip(self.file_columns);
        for ((_, value), field) in file.partitions.iter().zip(fields) {
            let column = partition_dir::column(value.as_deref(), field.data_type(), rows.num_rows());
            columns.push(column.map_err(|error| error.with("file", &file.path))?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map_err(|cause| Error::internal("put partition columns beside those of a file").because(cause))
    }
}

fn part(found: &DataFiles, file: &DataFile) -> Result<FilePart> {
    Ok(FilePart { file: found.storage.open(&file.path)?, path: file.path.clone(), range: None })
}

fn same_name(one: &Field, other: &Field) -> bool {
    one.name().eq_ignore_ascii_case(other.name())
}

fn partition_fields(files: &[DataFile], given: Option<&SchemaRef>) -> Vec<Field> {
    let Some(first) = files.first() else { return Vec::new() };
    let mut fields = Vec::new();
    for (index, (name, _)) in first.partitions.iter().enumerate() {
        let values =
            files.iter().map(|file| file.partitions.get(index).and_then(|(_, value)| value.as_deref()));
        let inferred: DataType = partition_dir::infer(values);
        let mut field = Field::new(name, inferred, true);
        if let Some(known) =
            given.and_then(|given| given.fields().iter().find(|known| same_name(known, &field)))
        {
            field = field.with_data_type(known.data_type().clone());
        }
        fields.push(field);
    }
    fields
}
