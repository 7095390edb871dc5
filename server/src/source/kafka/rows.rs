//! Records into Arrow columns: only those that are wanted, appended straight to their buffers.
//! Reads from no queue.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, Int32Array, Int64Array, ListArray, RecordBatch, RecordBatchOptions,
    StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, SchemaRef};
use arrow::error::ArrowError;

use super::config::header_fields;
use super::partitions::TopicPartition;
use super::reader::Message;
use crate::error::{Error, Result};

/// A batch ends after the record with which its keys, values and headers reach so many bytes.
const BATCH_BYTES_MAX: usize = 64 << 20;

/// Collects the records of one partition into batches.
pub struct Rows {
    schema: SchemaRef,
    columns: Vec<Column>,
    rows_max: usize,
    rows: usize,
    bytes: usize,
    counts_headers: bool,
}

enum Column {
    Key(Bytes),
    Value(Bytes),
    /// The same in every row: made once, for a full batch.
    Constant(ArrayRef),
    Offset(Vec<i64>),
    Timestamp(Vec<i64>),
    TimestampType(Vec<i32>),
    Headers(Headers),
}

impl Rows {
    /// `projection` has indexes of the source's columns, of which `schema` has those.
    pub fn new(schema: SchemaRef, projection: &[usize], partition: &TopicPartition, rows_max: usize) -> Rows {
        let rows_max = rows_max.max(1);
        let column = |index: &usize| match index {
            0 => Column::Key(Bytes::with_rows(rows_max)),
            1 => Column::Value(Bytes::with_rows(rows_max)),
            2 => Column::Constant(Arc::new(StringArray::from_iter_values(std::iter::repeat_n(
                &*partition.topic,
                rows_max,
            )))),
            3 => Column::Constant(Arc::new(Int32Array::from_value(partition.partition, rows_max))),
            4 => Column::Offset(Vec::with_capacity(rows_max)),
            5 => Column::Timestamp(Vec::with_capacity(rows_max)),
            6 => Column::TimestampType(Vec::with_capacity(rows_max)),
            _ => Column::Headers(Headers::with_rows(rows_max)),
        };
        let columns: Vec<Column> = projection.iter().map(column).collect();
        let counts_headers = columns.iter().any(|column| matches!(column, Column::Headers(_)));
        Rows { schema, columns, rows_max, rows: 0, bytes: 0, counts_headers }
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub fn is_full(&self) -> bool {
        self.rows >= self.rows_max || self.bytes >= BATCH_BYTES_MAX
    }

    /// Takes as many of the records as fit, and says how many. Where a batch ends depends on the records alone.
    pub fn append(&mut self, messages: &[Message]) -> usize {
        let mut count = 0;
        while count < messages.len() && self.rows + count < self.rows_max && self.bytes < BATCH_BYTES_MAX {
            self.bytes += messages[count].size();
            if self.counts_headers {
                messages[count].for_each_header(|name, value| {
                    self.bytes += name.len() + value.map_or(0, <[u8]>::len);
                });
            }
            count += 1;
        }
        let taken = &messages[..count];
        for column in &mut self.columns {
            match column {
                Column::Key(bytes) => taken.iter().for_each(|message| bytes.push(message.key())),
                Column::Value(bytes) => taken.iter().for_each(|message| bytes.push(message.value())),
                Column::Constant(_) => {}
                Column::Offset(offsets) => offsets.extend(taken.iter().map(Message::offset)),
                Column::Timestamp(times) => {
                    times.extend(taken.iter().map(|message| message.timestamp().0.saturating_mul(1_000)));
                }
                Column::TimestampType(types) => {
                    types.extend(taken.iter().map(|message| message.timestamp().1))
                }
                Column::Headers(headers) => taken.iter().for_each(|message| headers.push(message)),
            }
        }
        self.rows += count;
        count
    }

    /// The rows so far, and begins anew.
    pub fn take_batch(&mut self) -> Result<RecordBatch> {
        let (rows, rows_max) = (self.rows, self.rows_max);
        let columns: std::result::Result<Vec<ArrayRef>, ArrowError> =
            self.columns.iter_mut().map(|column| column.finish(rows, rows_max)).collect();
        (self.rows, self.bytes) = (0, 0);
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        columns
            .and_then(|columns| RecordBatch::try_new_with_options(self.schema.clone(), columns, &options))
            .map_err(|cause| Error::internal("build a batch of Kafka records").because(cause))
    }
}

impl Column {
    fn finish(&mut self, rows: usize, rows_max: usize) -> std::result::Result<ArrayRef, ArrowError> {
        let fresh = || Vec::with_capacity(rows_max);
        Ok(match self {
            Column::Key(bytes) | Column::Value(bytes) => bytes.finish(rows_max)?,
            Column::Constant(array) => array.slice(0, rows),
            Column::Offset(offsets) => Arc::new(Int64Array::from(std::mem::replace(offsets, fresh()))),
            Column::Timestamp(times) => {
                let times = TimestampMicrosecondArray::from(std::mem::replace(times, fresh()));
                Arc::new(times.with_timezone("UTC"))
            }
            Column::TimestampType(types) => {
                let fresh = Vec::with_capacity(rows_max);
                Arc::new(Int32Array::from(std::mem::replace(types, fresh)))
            }
            Column::Headers(headers) => headers.finish(rows_max)?,
        })
    }
}

/// A binary column under way. Without nulls no row costs a bit.
struct Bytes {
    ends: Vec<i32>,
    bytes: Vec<u8>,
    /// One for each row, once there is a null.
    valid: Option<Vec<bool>>,
}

impl Bytes {
    fn with_rows(rows_max: usize) -> Bytes {
        let mut ends = Vec::with_capacity(rows_max + 1);
        ends.push(0);
        Bytes { ends, bytes: Vec::new(), valid: None }
    }

    #[inline]
    fn push(&mut self, value: Option<&[u8]>) {
        match value {
            Some(value) => self.bytes.extend_from_slice(value),
            None => {
                let rows = self.ends.len() - 1;
                self.valid.get_or_insert_with(|| vec![true; rows]);
            }
        }
        if let Some(valid) = &mut self.valid {
            valid.push(value.is_some());
        }
        // A batch ends long before its bytes leave 31 bits.
        self.ends.push(self.bytes.len() as i32);
    }

    /// Offsets, bytes and nulls; the next batch reserves as many bytes as this one had.
    fn parts(&mut self, rows_max: usize) -> (OffsetBuffer<i32>, Vec<u8>, Option<NullBuffer>) {
        let capacity = self.bytes.len();
        let next = Bytes { bytes: Vec::with_capacity(capacity), ..Bytes::with_rows(rows_max) };
        let done = std::mem::replace(self, next);
        (OffsetBuffer::new(ScalarBuffer::from(done.ends)), done.bytes, done.valid.map(NullBuffer::from))
    }

    fn finish(&mut self, rows_max: usize) -> std::result::Result<ArrayRef, ArrowError> {
        let (offsets, bytes, nulls) = self.parts(rows_max);
        Ok(Arc::new(BinaryArray::try_new(offsets, bytes.into(), nulls)?))
    }
}

/// The column of headers under way: null for a record that has none.
struct Headers {
    ends: Vec<i32>,
    valid: Vec<bool>,
    names: Bytes,
    values: Bytes,
}

impl Headers {
    fn with_rows(rows_max: usize) -> Headers {
        let mut ends = Vec::with_capacity(rows_max + 1);
        ends.push(0);
        Headers { ends, valid: Vec::new(), names: Bytes::with_rows(0), values: Bytes::with_rows(0) }
    }

    fn push(&mut self, message: &Message) {
        let before = self.names.ends.len();
        message.for_each_header(|name, value| {
            self.names.push(Some(String::from_utf8_lossy(name).as_bytes()));
            self.values.push(value);
        });
        self.valid.push(self.names.ends.len() > before);
        self.ends.push((self.names.ends.len() - 1) as i32);
    }

    fn finish(&mut self, rows_max: usize) -> std::result::Result<ArrayRef, ArrowError> {
        let mut done = std::mem::replace(self, Headers::with_rows(rows_max));
        let (offsets, names, _) = done.names.parts(0);
        let names = StringArray::try_new(offsets, names.into(), None)?;
        let (offsets, values, nulls) = done.values.parts(0);
        let values = BinaryArray::try_new(offsets, values.into(), nulls)?;
        let headers = StructArray::try_new(header_fields(), vec![Arc::new(names), Arc::new(values)], None)?;
        let element = Arc::new(Field::new("element", DataType::Struct(header_fields()), true));
        let ends = OffsetBuffer::new(ScalarBuffer::from(done.ends));
        let nulls = Some(NullBuffer::from(done.valid));
        Ok(Arc::new(ListArray::try_new(element, ends, Arc::new(headers), nulls)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_keep_nulls_apart_from_empty_values() {
        let mut bytes = Bytes::with_rows(4);
        for value in [Some(&b"ab"[..]), None, Some(b""), Some(b"c")] {
            bytes.push(value);
        }
        let array = bytes.finish(4).unwrap();
        let array = array.as_any().downcast_ref::<BinaryArray>().unwrap();
        assert_eq!(array.iter().collect::<Vec<_>>(), [Some(&b"ab"[..]), None, Some(b""), Some(b"c")]);
        bytes.push(Some(b"x"));
        assert!(bytes.finish(4).unwrap().nulls().is_none());
    }
}
