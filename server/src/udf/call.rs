//! The block of memory that a call passes: the result first, then what the function's kind is called with, then
//! arrays and their buffers. Plans where everything goes and writes it, each buffer copied once.

use std::ops::Range;

use arrow::buffer::Buffer;
use arrow::datatypes::ArrowNativeType;

use super::columns_in::{ColumnIn, ColumnsIn, offsets};
use super::guest::Luck;
use super::memory::{ARRAY_BYTES, BUFFER_ALIGN, Block, RESULT_BYTES};
use super::replay::{Part, RecordedCall};
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

/// A block that is being planned.
pub struct CallBlock<'a> {
    inputs: Vec<Input<'a>>,
    pieces: Vec<Piece<'a>>,
    batches: Vec<Batch>,
    words: Vec<Word>,
    /// The end of what was planned so far.
    end: usize,
}

/// What was added, as it was before it was cut into pieces.
struct Input<'a> {
    field: Option<usize>,
    columns: &'a ColumnsIn,
    rows: Range<usize>,
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

/// The structs of a batch, all of them in one place.
struct Batch {
    root: Node,
    bytes: usize,
}

/// An ArrowArray: its struct, the pointers to its buffers, and those to its children.
struct Node {
    at: usize,
    rows: usize,
    null_count: usize,
    /// Where each buffer starts; none for one of which no byte is needed.
    buffers: [Option<usize>; 3],
    buffer_count: usize,
    children: Vec<Node>,
}

/// What the node of an array takes.
fn node_bytes(buffers: usize, children: usize) -> usize {
    (ARRAY + 4 * (buffers + children)).next_multiple_of(8)
}

/// What the nodes of a column and of all below it take.
fn tree_bytes(column: &ColumnIn) -> usize {
    let children = &column.children;
    node_bytes(column.layout.buffers(), children.len()) + children.iter().map(tree_bytes).sum::<usize>()
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
        CallBlock {
            inputs: Vec::new(),
            pieces: Vec::new(),
            batches: Vec::new(),
            words: Vec::new(),
            end: CallBlock::CALL + bytes,
        }
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
        self.inputs.push(Input { field: Some(field), columns: input, rows: rows.clone() });
        let of = self.add_batch(input, rows);
        self.words.push(Word::Address { at: CallBlock::CALL + field, of });
    }

    /// Adds `rows` of the batch that the function is called with.
    pub fn add(&mut self, input: &'a ColumnsIn, rows: Range<usize>) {
        self.inputs.push(Input { field: None, columns: input, rows: rows.clone() });
        self.add_batch(input, rows);
    }

    /// Gives the place of the batch.
    fn add_batch(&mut self, input: &'a ColumnsIn, rows: Range<usize>) -> usize {
        let columns = input.columns();
        let own = node_bytes(1, columns.len());
        let bytes = own + columns.iter().map(tree_bytes).sum::<usize>();
        let at = self.place(bytes);
        let mut next = at + own;
        let children =
            columns.iter().map(|column| self.add_column(column, rows.clone(), &mut next)).collect();
        let root =
            Node { at, rows: rows.len(), null_count: 0, buffers: [None; 3], buffer_count: 1, children };
        self.batches.push(Batch { root, bytes });
        at
    }

    /// Adds `rows` of a column, whose node goes to `next`; those of its children go behind it.
    fn add_column(&mut self, column: &'a ColumnIn, rows: Range<usize>, next: &mut usize) -> Node {
        let (data, layout) = (&column.data, column.layout);
        let at = *next;
        *next += node_bytes(layout.buffers(), column.children.len());
        let nulls = data.nulls().map(|nulls| nulls.slice(rows.start, rows.len()));
        let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
        let null_count = match layout {
            Layout::Nothing => rows.len(),
            _ => nulls.as_ref().map_or(0, |nulls| nulls.null_count()),
        };
        let mut buffers = [nulls.map(|nulls| self.add_buffer(nulls.inner().sliced())), None, None];
        let (start, end) = (data.offset() + rows.start, data.offset() + rows.end);
        match layout {
            Layout::Nothing | Layout::Fields => {}
            Layout::Bits => {
                let bits = data.buffers()[0].bit_slice(start, rows.len());
                buffers[1] = Some(self.add_buffer(bits));
            }
            Layout::Fixed(width) => {
                let values = &data.buffers()[0].as_slice()[start * width..end * width];
                buffers[1] = Some(self.add_slice(values));
            }
            Layout::Items => {
                buffers[1] = Some(self.add_offsets(offsets(data, &rows)));
            }
            Layout::Bytes => {
                let offsets = offsets(data, &rows);
                buffers[1] = Some(self.add_offsets(offsets));
                let (first, last) = (offsets[0].as_usize(), offsets[offsets.len() - 1].as_usize());
                buffers[2] = Some(self.add_slice(&data.buffers()[1].as_slice()[first..last]));
            }
        }
        let mut children = Vec::with_capacity(column.children.len());
        if !column.children.is_empty() {
            let rows = column.rows_of_children(&rows);
            children.extend(column.children.iter().map(|child| self.add_column(child, rows.clone(), next)));
        }
        Node { at, rows: rows.len(), null_count, buffers, buffer_count: layout.buffers(), children }
    }

    fn add_offsets(&mut self, offsets: &'a [i32]) -> usize {
        let at = self.place(offsets.len() * 4);
        self.pieces.push(Piece::Offsets { at, offsets });
        at
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

    /// The call as it can be kept, with where the guest's luck stood.
    pub fn recorded(&self, luck: Luck) -> Result<RecordedCall> {
        let number = |word: &Word| match *word {
            Word::I32 { at, value } => Some((at - CallBlock::CALL, i64::from(value))),
            Word::I64 { at, value } => Some((at - CallBlock::CALL, value)),
            Word::Address { .. } => None,
        };
        let part =
            |input: &Input<'_>| Ok(Part { field: input.field, rows: input.columns.batch(&input.rows)? });
        Ok(RecordedCall {
            luck,
            numbers: self.words.iter().filter_map(number).collect(),
            parts: self.inputs.iter().map(part).collect::<Result<_>>()?,
        })
    }

    /// What the block takes, padding for kernels that read behind the last buffer included.
    pub fn bytes(&self) -> usize {
        self.end.next_multiple_of(BUFFER_ALIGN) + BUFFER_ALIGN
    }

    /// Writes everything into the block, which has room for [`CallBlock::bytes`].
    pub fn write(&self, block: &mut Block<'_>) -> Result<()> {
        let head = self.batches.first().map_or(self.end, |batch| batch.root.at);
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

impl Batch {
    fn write(&self, block: &mut Block<'_>) -> Result<()> {
        block.part(self.root.at, self.bytes)?.fill(0);
        self.root.write(block)
    }
}

impl Node {
    fn write(&self, block: &mut Block<'_>) -> Result<()> {
        let buffers = self.at + ARRAY;
        let children = buffers + 4 * self.buffer_count;
        block.put_i64(self.at + LENGTH, self.rows as i64)?;
        block.put_i64(self.at + NULL_COUNT, self.null_count as i64)?;
        block.put_i64(self.at + BUFFER_COUNT, self.buffer_count as i64)?;
        block.put_i64(self.at + CHILD_COUNT, self.children.len() as i64)?;
        block.put_u32(self.at + BUFFERS, block.address(buffers))?;
        block.put_u32(self.at + CHILDREN, block.address(children))?;
        for (index, buffer) in self.buffers[..self.buffer_count].iter().enumerate() {
            let address = buffer.map_or(0, |at| block.address(at));
            block.put_u32(buffers + 4 * index, address)?;
        }
        for (index, child) in self.children.iter().enumerate() {
            block.put_u32(children + 4 * index, block.address(child.at))?;
            child.write(block)?;
        }
        Ok(())
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
