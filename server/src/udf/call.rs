//! The block of memory that a call passes: the result first, then what the function's kind is called with, then
//! arrays and their buffers. Plans where everything goes and writes it, each buffer copied once.

use std::ops::Range;

use arrow::array::ArrayData;
use arrow::buffer::Buffer;
use arrow::datatypes::ArrowNativeType;

use super::columns_in::{ColumnsIn, offsets};
use super::memory::{ARRAY_BYTES, BUFFER_ALIGN, Block, RESULT_BYTES};
use super::types::Layout;
use crate::error::Result;

const ARRAY: usize = ARRAY_BYTES as usize;

// Places in ArrowArray.
const LENGTH: usize = 0;
const NULL_COUNT: usize = 8;
const BUFFER_COUNT: usize = 24;
const CHILD_COUNT: usize = 32;
const BUFFERS: usize = 40;
const CHILDREN: usize = 44;

/// What a child takes: its struct and up to three pointers to buffers.
const CHILD: usize = ARRAY + 3 * 4 + 4;

/// A block that is being planned.
pub struct CallBlock<'a> {
    pieces: Vec<Piece<'a>>,
    batches: Vec<Batch>,
    words: Vec<Word>,
    /// The end of what was planned so far.
    end: usize,
}

/// Bytes on their way, and where in the block they go.
enum Piece<'a> {
    Buffer { at: usize, bytes: Buffer },
    Slice { at: usize, bytes: &'a [u8] },
    Offsets { at: usize, offsets: &'a [i32] },
}

/// A field of the struct of a call.
enum Word {
    I32 {
        at: usize,
        value: i32,
    },
    I64 {
        at: usize,
        value: i64,
    },
    /// The address of what is at a place of the block.
    Address {
        at: usize,
        of: usize,
    },
}

struct Batch {
    at: usize,
    rows: usize,
    columns: Vec<Column>,
}

struct Column {
    null_count: usize,
    /// Where each buffer starts; none for a column without nulls.
    buffers: Vec<Option<usize>>,
}

impl<'a> CallBlock<'a> {
    /// Where what the function is called with starts; the result is at 0.
    pub const CALL: usize = BUFFER_ALIGN;

    /// A block for a function that is called with the one batch that is added.
    pub fn of_batch() -> CallBlock<'a> {
        CallBlock::of_struct(0)
    }

    /// A block for a function that is called with a struct of so many bytes.
    pub fn of_struct(bytes: usize) -> CallBlock<'a> {
        CallBlock { pieces: Vec::new(), batches: Vec::new(), words: Vec::new(), end: CallBlock::CALL + bytes }
    }

    /// Sets a field of the call's struct, which is zero otherwise.
    pub fn put_i32(&mut self, field: usize, value: i32) {
        self.words.push(Word::I32 { at: CallBlock::CALL + field, value });
    }

    /// As [`CallBlock::put_i32`].
    pub fn put_i64(&mut self, field: usize, value: i64) {
        self.words.push(Word::I64 { at: CallBlock::CALL + field, value });
    }

    /// Adds `rows` of a batch and makes a field of the call's struct point to it.
    pub fn add_at(&mut self, field: usize, input: &'a ColumnsIn, rows: Range<usize>) {
        let of = self.add(input, rows);
        self.words.push(Word::Address { at: CallBlock::CALL + field, of });
    }

    /// Adds `rows` of a batch; gives its place.
    pub fn add(&mut self, input: &'a ColumnsIn, rows: Range<usize>) -> usize {
        let at = self.place(children_of(0, input.columns().len()) + input.columns().len() * CHILD);
        let mut columns = Vec::with_capacity(input.columns().len());
        for (data, layout) in input.columns() {
            columns.push(self.add_column(data, *layout, rows.clone()));
        }
        self.batches.push(Batch { at, rows: rows.len(), columns });
        at
    }

    fn add_column(&mut self, data: &'a ArrayData, layout: Layout, rows: Range<usize>) -> Column {
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
        Column { null_count, buffers }
    }

    fn place(&mut self, bytes: usize) -> usize {
        let at = self.end.next_multiple_of(BUFFER_ALIGN);
        self.end = at + bytes;
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

    /// What the block takes, padding for kernels that read behind the last buffer included.
    pub fn bytes(&self) -> usize {
        self.end.next_multiple_of(BUFFER_ALIGN) + BUFFER_ALIGN
    }

    /// Writes everything into the block, which has room for [`CallBlock::bytes`].
    pub fn write(&self, block: &mut Block<'_>) -> Result<()> {
        let head = self.batches.first().map_or(self.end, |batch| batch.at);
        block.part(0, head)?.fill(0);
        for word in &self.words {
            match *word {
                Word::I32 { at, value } => block.put(at, &value.to_le_bytes())?,
                Word::I64 { at, value } => block.put_i64(at, value)?,
                Word::Address { at, of } => block.put_u32(at, block.address(of))?,
            }
        }
        self.batches.iter().try_for_each(|batch| batch.write(block))?;
        self.pieces.iter().try_for_each(|piece| piece.write(block))
    }
}

/// Where the children of a batch at `at` start: behind its struct, the pointers to them and its one buffer's.
fn children_of(at: usize, columns: usize) -> usize {
    (at + ARRAY + 4 * columns + 4).next_multiple_of(8)
}

impl Batch {
    fn write(&self, block: &mut Block<'_>) -> Result<()> {
        let (pointers, children) = (self.at + ARRAY, children_of(self.at, self.columns.len()));
        block.part(self.at, children + self.columns.len() * CHILD - self.at)?.fill(0);
        self.write_array(block, self.at, 0, 1, pointers + 4 * self.columns.len())?;
        block.put_i64(self.at + CHILD_COUNT, self.columns.len() as i64)?;
        block.put_u32(self.at + CHILDREN, block.address(pointers))?;
        for (index, column) in self.columns.iter().enumerate() {
            let child = children + index * CHILD;
            block.put_u32(pointers + 4 * index, block.address(child))?;
            self.write_array(block, child, column.null_count, column.buffers.len(), child + ARRAY)?;
            for (number, at) in column.buffers.iter().enumerate() {
                let address = at.map_or(0, |at| block.address(at));
                block.put_u32(child + ARRAY + 4 * number, address)?;
            }
        }
        Ok(())
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

impl Piece<'_> {
    fn write(&self, block: &mut Block<'_>) -> Result<()> {
        match self {
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
}

const _: () = assert!(RESULT_BYTES as usize <= CallBlock::CALL);
