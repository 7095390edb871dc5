//! Our columns into a guest's memory: how many rows fit into a call, where each buffer goes, one copy of each.

use std::ops::Range;

use arrow::array::{Array, ArrayData, ArrayRef};
use arrow::buffer::Buffer;
use arrow::datatypes::{ArrowNativeType, Fields};

use super::memory::{ARRAY_BYTES, BUFFER_ALIGN, Block, RESULT_BYTES};
use super::types::Layout;
use crate::error::{Error, Result};
use crate::record::type_name;

const ARRAY: usize = ARRAY_BYTES as usize;

// Places in ArrowArray.
const LENGTH: usize = 0;
const NULL_COUNT: usize = 8;
const BUFFER_COUNT: usize = 24;
const CHILD_COUNT: usize = 32;
const BUFFERS: usize = 40;
const CHILDREN: usize = 44;

/// Where the batch is in the block of a call; the result is at 0, its start.
pub const BATCH: usize = BUFFER_ALIGN;

/// The columns of a batch, as the guest's function wants them.
pub struct ColumnsIn {
    columns: Vec<(ArrayData, Layout)>,
    rows: usize,
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
            if column.data_type() != field.data_type() || column.len() != rows {
                return Err(Error::internal("a udf was passed another column than it takes")
                    .with("column", field.name())
                    .with("takes", type_name(field.data_type()))
                    .with("passed", type_name(column.data_type()))
                    .with("rows", column.len()));
            }
            match Layout::of(field.data_type()) {
                Some(layout) => Ok((column.to_data(), layout)),
                None => Err(Error::internal("a manifest was let through with a type that cannot cross")),
            }
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
        let count = rows.len();
        let of_column = |(data, layout): &(ArrayData, Layout)| match layout {
            Layout::Bits => count / 8,
            Layout::Fixed(width) => count * width,
            Layout::Bytes => {
                let offsets = offsets(data, &rows);
                (count + 1) * 4 + (offsets[count] - offsets[0]).as_usize()
            }
        };
        count / 8 * self.columns.len() + self.columns.iter().map(of_column).sum::<usize>()
    }

    /// Plans the block of a call with these rows.
    pub fn plan(&self, rows: Range<usize>) -> Plan<'_> {
        let columns = self.columns.len();
        // The result, the batch, the pointers to its children, its one buffer pointer, the children with theirs.
        let pointers = BATCH + ARRAY;
        let children = (pointers + 4 * columns + 4).next_multiple_of(8);
        let headers = children + columns * (ARRAY + 3 * 4 + 4);
        let mut plan = Plan {
            pieces: Vec::new(),
            columns: Vec::new(),
            rows: rows.len(),
            pointers,
            children,
            bytes: headers,
        };
        for (data, layout) in &self.columns {
            plan.add(data, *layout, rows.clone());
        }
        plan.bytes = plan.bytes.next_multiple_of(BUFFER_ALIGN) + BUFFER_ALIGN;
        plan
    }
}

/// The offsets of `rows`, one more than rows.
fn offsets<'a>(data: &'a ArrayData, rows: &Range<usize>) -> &'a [i32] {
    let offsets = data.buffers()[0].typed_data::<i32>();
    if offsets.is_empty() {
        // An empty array may do without its one offset.
        return &[0];
    }
    &offsets[data.offset() + rows.start..=data.offset() + rows.end]
}

/// Bytes on their way, and where in the block they go.
enum Piece<'a> {
    Buffer { at: usize, bytes: Buffer },
    Slice { at: usize, bytes: &'a [u8] },
    Offsets { at: usize, offsets: &'a [i32] },
}

struct ColumnPlan {
    null_count: usize,
    /// Where each buffer starts; none for a column without nulls.
    buffers: Vec<Option<usize>>,
}

/// Where everything goes in the block of a call.
pub struct Plan<'a> {
    pieces: Vec<Piece<'a>>,
    columns: Vec<ColumnPlan>,
    rows: usize,
    pointers: usize,
    children: usize,
    pub bytes: usize,
}

impl<'a> Plan<'a> {
    fn place(&mut self, bytes: usize) -> usize {
        let at = self.bytes.next_multiple_of(BUFFER_ALIGN);
        self.bytes = at + bytes;
        at
    }

    fn add_buffer(&mut self, bytes: Buffer) -> usize {
        let at = self.place(bytes.len());
        self.pieces.push(Piece::Buffer { at, bytes });
        at
    }

    fn add_slice(&mut self, bytes: &'a [u8]) -> usize {
        let at = self.place(bytes.len());
        self.pieces.push(Piece::Slice { at, bytes });
        at
    }

    fn add(&mut self, data: &'a ArrayData, layout: Layout, rows: Range<usize>) {
        let nulls = data.nulls().map(|nulls| nulls.slice(rows.start, rows.len()));
        let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
        let null_count = nulls.as_ref().map_or(0, |nulls| nulls.null_count());
        let mut buffers = vec![nulls.map(|nulls| self.add_buffer(nulls.inner().sliced()))];
        let (start, end) = (data.offset() + rows.start, data.offset() + rows.end);
        match layout {
            Layout::Bits => {
                let bits = data.buffers()[0].bit_slice(start, rows.len());
                buffers.push(Some(self.add_buffer(bits)));
            }
            Layout::Fixed(width) => {
                let values = &data.buffers()[0].as_slice()[start * width..end * width];
                buffers.push(Some(self.add_slice(values)));
            }
            Layout::Bytes => {
                let offsets = offsets(data, &rows);
                let at = self.place(offsets.len() * 4);
                self.pieces.push(Piece::Offsets { at, offsets });
                buffers.push(Some(at));
                let (first, last) = (offsets[0].as_usize(), offsets[offsets.len() - 1].as_usize());
                buffers.push(Some(self.add_slice(&data.buffers()[1].as_slice()[first..last])));
            }
        }
        self.columns.push(ColumnPlan { null_count, buffers });
    }

    /// Writes structs and buffers into the block, which has room for [`Plan::bytes`].
    pub fn write(&self, block: &mut Block<'_>) -> Result<()> {
        let headers = self.children + self.columns.len() * (ARRAY + 3 * 4 + 4);
        block.part(0, headers)?.fill(0);
        self.write_array(block, BATCH, 0, 1, self.pointers + 4 * self.columns.len())?;
        block.put_i64(BATCH + CHILD_COUNT, self.columns.len() as i64)?;
        block.put_u32(BATCH + CHILDREN, block.address(self.pointers))?;
        for (index, column) in self.columns.iter().enumerate() {
            let child = self.children + index * (ARRAY + 3 * 4 + 4);
            block.put_u32(self.pointers + 4 * index, block.address(child))?;
            self.write_array(block, child, column.null_count, column.buffers.len(), child + ARRAY)?;
            for (number, at) in column.buffers.iter().enumerate() {
                let address = at.map_or(0, |at| block.address(at));
                block.put_u32(child + ARRAY + 4 * number, address)?;
            }
        }
        self.pieces.iter().try_for_each(|piece| write_piece(piece, block))
    }

    fn write_array(
        &self,
        block: &mut Block<'_>,
        at: usize,
        nulls: usize,
        buffers: usize,
        list: usize,
    ) -> Result<()> {
        block.put_i64(at + LENGTH, self.rows as i64)?;
        block.put_i64(at + NULL_COUNT, nulls as i64)?;
        block.put_i64(at + BUFFER_COUNT, buffers as i64)?;
        block.put_u32(at + BUFFERS, block.address(list))
    }
}

fn write_piece(piece: &Piece<'_>, block: &mut Block<'_>) -> Result<()> {
    match piece {
        Piece::Buffer { at, bytes } => block.put(*at, bytes),
        Piece::Slice { at, bytes } => block.put(*at, bytes),
        Piece::Offsets { at, offsets } => {
            let part = block.part(*at, offsets.len() * 4)?;
            let first = offsets[0];
            for (to, offset) in part.chunks_exact_mut(4).zip(*offsets) {
                to.copy_from_slice(&(offset - first).to_le_bytes());
            }
            Ok(())
        }
    }
}

const _: () = assert!(RESULT_BYTES as usize <= BATCH);
