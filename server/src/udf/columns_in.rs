//! Our columns on their way into a guest: of the types that its function takes, and how many rows fit into a call.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayData, ArrayRef, Int32Array, RecordBatch, RecordBatchOptions, make_array};
use arrow::datatypes::{ArrowNativeType, DataType, Field, Fields, Schema};

use super::types::{Layout, same_layout};
use crate::error::{Error, Result};
use crate::record::type_name;

/// The columns of a batch, as the guest's function wants them.
pub struct ColumnsIn {
    columns: Vec<ColumnIn>,
    rows: usize,
}

/// A column with how it lies in memory, and its children.
pub struct ColumnIn {
    pub data: ArrayData,
    pub layout: Layout,
    pub children: Vec<ColumnIn>,
}

impl ColumnIn {
    /// None for a type that cannot cross.
    fn of(data: ArrayData) -> Option<ColumnIn> {
        let layout = Layout::of(data.data_type())?;
        let children =
            data.child_data().iter().map(|child| ColumnIn::of(child.clone())).collect::<Option<_>>()?;
        Some(ColumnIn { data, layout, children })
    }

    /// The rows of the children that `rows` have.
    pub fn rows_of_children(&self, rows: &Range<usize>) -> Range<usize> {
        match self.layout {
            Layout::Items => {
                let offsets = offsets(&self.data, rows);
                offsets[0].as_usize()..offsets[rows.len()].as_usize()
            }
            _ => self.data.offset() + rows.start..self.data.offset() + rows.end,
        }
    }

    /// What `rows` take in the guest, roughly: without structs and padding.
    fn bytes(&self, rows: &Range<usize>) -> usize {
        let count = rows.len();
        let own = match self.layout {
            Layout::Nothing | Layout::Fields => 0,
            Layout::Bits => count / 8,
            Layout::Fixed(width) => count * width,
            Layout::Items => (count + 1) * 4,
            Layout::Bytes => {
                let offsets = offsets(&self.data, rows);
                (count + 1) * 4 + (offsets[count] - offsets[0]).as_usize()
            }
        };
        let of_children = match self.children.as_slice() {
            [] => 0,
            children => {
                let rows = self.rows_of_children(rows);
                children.iter().map(|child| child.bytes(&rows)).sum()
            }
        };
        count / 8 + own + of_children
    }
}

impl ColumnsIn {
    /// The caller passes the columns of `fields`, in order, each of `rows` rows.
    pub fn new(fields: &Fields, columns: &[ArrayRef], rows: usize) -> Result<ColumnsIn> {
        if columns.len() != fields.len() || u32::try_from(rows).is_err() {
            return Err(Error::internal("a udf was passed other columns than it takes")
                .with("takes", fields.len())
                .with("passed", columns.len())
                .with("rows", rows));
        }
        let checked = |(field, column): (&arrow::datatypes::FieldRef, &ArrayRef)| {
            if !same_layout(column.data_type(), field.data_type()) || column.len() != rows {
                return Err(Error::internal("a udf was passed another column than it takes")
                    .with("column", field.name())
                    .with("takes", type_name(field.data_type()))
                    .with("passed", type_name(column.data_type()))
                    .with("rows", column.len()));
            }
            ColumnIn::of(column.to_data())
                .ok_or_else(|| Error::internal("a manifest was let through with a type that cannot cross"))
        };
        let columns = fields.iter().zip(columns).map(checked).collect::<Result<_>>()?;
        Ok(ColumnsIn { columns, rows })
    }

    /// How many rows from `start` on fit into `call_bytes`: at least one, which may be up to `row_bytes`.
    pub fn rows_that_fit(&self, start: usize, call_bytes: usize, row_bytes: usize) -> Result<usize> {
        let left = self.rows - start;
        if self.bytes(start..self.rows) <= call_bytes {
            return Ok(left);
        }
        let (mut fits, mut too_many) = (0, left);
        while too_many - fits > 1 {
            let middle = fits + (too_many - fits) / 2;
            if self.bytes(start..start + middle) <= call_bytes { fits = middle } else { too_many = middle }
        }
        let bytes = self.bytes(start..start + 1);
        if fits == 0 && bytes > row_bytes {
            return Err(Error::user("a row is too large for a udf")
                .with("row", start)
                .with("bytes", bytes)
                .with("bytes_max", row_bytes)
                .hint("drop what the function does not need, or give guests more memory"));
        }
        Ok(fits.max(1))
    }

    /// What `rows` take in the guest, roughly: without structs and padding.
    pub fn bytes(&self, rows: Range<usize>) -> usize {
        self.columns.iter().map(|column| column.bytes(&rows)).sum()
    }

    pub fn columns(&self) -> &[ColumnIn] {
        &self.columns
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Some rows as a batch of columns without names.
    pub fn batch(&self, rows: &Range<usize>) -> Result<RecordBatch> {
        let slice = |column: &ColumnIn| make_array(column.data.slice(rows.start, rows.len()));
        let columns: Vec<ArrayRef> = self.columns.iter().map(slice).collect();
        let field = |column: &ArrayRef| Field::new("", column.data_type().clone(), true);
        let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        RecordBatch::try_new_with_options(Arc::new(schema), columns, &options)
            .map_err(|error| Error::internal("make a batch of what a guest got").because(error))
    }
}

/// What rows of columns take in a guest, as [`ColumnsIn::bytes`]; a type that cannot cross counts nothing.
pub fn bytes_of(columns: &[ArrayRef], rows: Range<usize>) -> usize {
    columns.iter().filter_map(|column| ColumnIn::of(column.to_data())).map(|column| column.bytes(&rows)).sum()
}

/// `fields`, and behind them the group of each row, without nulls.
pub fn grouped_fields(fields: &Fields) -> Fields {
    let group = Arc::new(Field::new("group", DataType::Int32, false));
    fields.iter().cloned().chain([group]).collect()
}

/// The columns of `fields`, and behind them the group of each row, without nulls.
pub fn grouped(fields: &Fields, columns: &[ArrayRef], groups: &Int32Array) -> Result<ColumnsIn> {
    let fields = grouped_fields(fields);
    let mut columns = columns.to_vec();
    columns.push(Arc::new(groups.clone()));
    ColumnsIn::new(&fields, &columns, groups.len())
}

/// The offsets of `rows`, one more than rows.
pub fn offsets<'a>(data: &'a ArrayData, rows: &Range<usize>) -> &'a [i32] {
    let offsets = data.buffers()[0].typed_data::<i32>();
    if offsets.is_empty() {
        // An empty array may do without its one offset.
        return &[0];
    }
    &offsets[data.offset() + rows.start..=data.offset() + rows.end]
}
