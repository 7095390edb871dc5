//! Rows to partition directories: which directory each row belongs to. No I/O.

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType, Schema};
use arrow::row::{RowConverter, SortField};
use hashbrown::HashMap;

use super::names::write_partition;
use crate::error::{Error, Result};
use crate::format::cell::{BinaryText, write_cell};

/// Splits batches of rows by the values of some of their columns.
pub struct Partitioner {
    names: Vec<String>,
    columns: Vec<usize>,
    file_columns: Vec<usize>,
    converter: RowConverter,
}

/// Rows of one directory, without the columns that name it.
pub struct Share {
    /// Relative, such as `day=2026-11-21/k=a`.
    pub dir: String,
    pub rows: RecordBatch,
}

impl Partitioner {
    pub fn new(schema: &Schema, columns: &[usize], file_columns: &[usize]) -> Result<Partitioner> {
        let fields = columns.iter().map(|column| SortField::new(schema.field(*column).data_type().clone()));
        Ok(Partitioner {
            names: columns.iter().map(|column| schema.field(*column).name().clone()).collect(),
            columns: columns.to_vec(),
            file_columns: file_columns.to_vec(),
            converter: RowConverter::new(fields.collect()).map_err(failed)?,
        })
    }

    /// In the order in which directories first appear; the order of rows is kept.
    pub fn split(&self, rows: &RecordBatch) -> Result<Vec<Share>> {
        let values: Vec<ArrayRef> = self.columns.iter().map(|column| rows.column(*column).clone()).collect();
        let keys = self.converter.convert_columns(&values).map_err(failed)?;
        let mut indexes: HashMap<&[u8], usize, foldhash::fast::RandomState> = HashMap::default();
        let mut members: Vec<Vec<u32>> = Vec::new();
        for (row, key) in keys.iter().enumerate() {
            let group = *indexes.entry(key.data()).or_insert(members.len());
            match members.get_mut(group) {
                Some(group) => group.push(row as u32),
                None => members.push(vec![row as u32]),
            }
        }
        let columns = rows.project(&self.file_columns).map_err(failed)?;
        let mut shares = Vec::with_capacity(members.len());
        for members in members {
            let first = members.first().map_or(0, |row| *row as usize);
            let dir = self.dir(&values, first)?;
            let rows = match members.len() == rows.num_rows() {
                true => columns.clone(),
                false => take_record_batch(&columns, &UInt32Array::from(members)).map_err(failed)?,
            };
            shares.push(Share { dir, rows });
        }
        Ok(shares)
    }

    fn dir(&self, values: &[ArrayRef], row: usize) -> Result<String> {
        let mut dir = String::new();
        for (name, column) in self.names.iter().zip(values) {
            if !dir.is_empty() {
                dir.push('/');
            }
            let mut text = String::new();
            let is_null = column.is_null(row) || *column.data_type() == DataType::Null;
            if !is_null {
                write_cell(column, row, BinaryText::Utf8, &mut text)?;
            }
            write_partition(name, (!is_null).then_some(text.as_str()), &mut dir);
        }
        Ok(dir)
    }
}

fn failed(cause: arrow::error::ArrowError) -> Error {
    Error::internal("split rows by partition columns").because(cause)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::AsArray;
    use arrow::array::{Float64Array, Int64Array, StringArray};
    use arrow::datatypes::Int64Type;

    use super::*;

    #[test]
    fn rows_keep_their_order_and_lose_the_partition_columns() {
        let rows = RecordBatch::try_from_iter([
            (
                "k",
                Arc::new(StringArray::from(vec![Some("b"), None, Some("b"), Some(""), Some("a/c")]))
                    as ArrayRef,
            ),
            ("v", Arc::new(Int64Array::from_iter_values(0..5))),
            ("d", Arc::new(Float64Array::from(vec![1.0, f64::NAN, 1.0, -0.0, 1e10]))),
        ])
        .unwrap();
        let partitioner = Partitioner::new(&rows.schema(), &[0, 2], &[1]).unwrap();
        let shares = partitioner.split(&rows).unwrap();
        let found: Vec<_> = shares
            .iter()
            .map(|share| {
                (share.dir.as_str(), share.rows.column(0).as_primitive::<Int64Type>().values().to_vec())
            })
            .collect();
        assert_eq!(
            found,
            [
                ("k=b/d=1.0", vec![0, 2]),
                ("k=__HIVE_DEFAULT_PARTITION__/d=NaN", vec![1]),
                ("k=__HIVE_DEFAULT_PARTITION__/d=-0.0", vec![3]),
                ("k=a%2Fc/d=1.0E10", vec![4]),
            ]
        );
        assert_eq!(shares[0].rows.num_columns(), 1);
        assert!(partitioner.split(&rows.slice(0, 0)).unwrap().is_empty());
    }
}
