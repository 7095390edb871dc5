//! A guest's columns into ours: everything is checked before Arrow sees it, then copied once.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, NullArray};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::DataType;

use super::arrays::{fixed, items, record, text_or_binary};
use super::memory::{ARRAY_BYTES, Memory, refuse};
use super::types::{Layout, children};
use crate::error::{Error, Result};

// Places in ArrowArray.
const LENGTH: u32 = 0;
const OFFSET: u32 = 16;
const BUFFER_COUNT: u32 = 24;
const CHILD_COUNT: u32 = 32;
const BUFFERS: u32 = 40;
const CHILDREN: u32 = 44;
const DICTIONARY: u32 = 48;

/// Reads columns out of a guest's memory, up to a number of bytes in all.
pub struct Reader<'a> {
    memory: Memory<'a>,
    bytes_left: usize,
    bytes_max: usize,
}

/// An ArrowArray whose shape was checked; its buffers were not.
pub struct RawArray {
    pub rows: usize,
    buffers: u32,
    children: u32,
}

impl<'a> Reader<'a> {
    pub fn new(memory: Memory<'a>, bytes_max: usize) -> Reader<'a> {
        Reader { memory, bytes_left: bytes_max, bytes_max }
    }

    /// The array at `at`, which must have so many buffers and children.
    pub fn array(&self, at: u32, buffers: usize, children: usize) -> Result<RawArray> {
        if at == 0 {
            return Err(refuse("a column is missing"));
        }
        self.memory.bytes(at, ARRAY_BYTES as usize)?;
        for (what, place, expected) in [
            ("offset", OFFSET, 0),
            ("n_buffers", BUFFER_COUNT, buffers as i64),
            ("n_children", CHILD_COUNT, children as i64),
        ] {
            let found = self.memory.i64(at + place)?;
            if found != expected {
                return Err(refuse("an array has another shape than its type")
                    .with("field", what)
                    .with("expected", expected)
                    .with("found", found));
            }
        }
        if self.memory.u32(at + DICTIONARY)? != 0 {
            return Err(refuse("the batch ABI carries no dictionaries"));
        }
        let length = self.memory.i64(at + LENGTH)?;
        let Ok(rows) = i32::try_from(length) else {
            return Err(refuse("a length is out of range").with("length", length));
        };
        let Ok(rows) = usize::try_from(rows) else {
            return Err(refuse("a length is negative").with("length", length));
        };
        Ok(RawArray {
            rows,
            buffers: self.memory.u32(at + BUFFERS)?,
            children: self.memory.u32(at + CHILDREN)?,
        })
    }

    pub fn child(&self, array: &RawArray, index: usize) -> Result<u32> {
        self.memory.pointer(array.children, index)
    }

    /// The column at `at`, of this type and so many rows.
    pub fn column(&mut self, at: u32, data_type: &DataType, rows: usize) -> Result<ArrayRef> {
        let Some(layout) = Layout::of(data_type) else {
            return Err(Error::internal("a manifest was let through with a type that cannot cross"));
        };
        let array = self.array(at, layout.buffers(), children(data_type).len())?;
        check_rows(&array, rows)?;
        self.values(&array, layout, data_type)
    }

    fn values(&mut self, array: &RawArray, layout: Layout, data_type: &DataType) -> Result<ArrayRef> {
        let rows = array.rows;
        if layout == Layout::Nothing {
            self.charge(rows)?;
            return Ok(Arc::new(NullArray::new(rows)));
        }
        let nulls = self.nulls(array)?;
        match layout {
            Layout::Nothing => Ok(Arc::new(NullArray::new(rows))),
            Layout::Bits => {
                let bits = self.buffer(array, 1, rows.div_ceil(8))?;
                Ok(Arc::new(BooleanArray::new(BooleanBuffer::new(bits, 0, rows), nulls)))
            }
            Layout::Fixed(width) => {
                let values = self.buffer(array, 1, rows.saturating_mul(width))?;
                fixed(data_type, values, rows, nulls)
            }
            Layout::Bytes => {
                let (offsets, data) = self.offsets_and_data(array)?;
                text_or_binary(data_type, offsets, data, nulls)
            }
            Layout::Items => {
                let (offsets, first) = self.offsets(array)?;
                let last = first as usize + offsets.last().map_or(0, |end| *end as usize);
                let child = self.child_column(array, data_type, 0, last)?;
                let child = child.slice(first as usize, last - first as usize);
                items(data_type, offsets, child, nulls)
            }
            Layout::Fields => {
                // A row of no fields is no byte; it counts as one, so that rows cannot come out of nothing.
                self.charge(rows)?;
                let count = children(data_type).len();
                let columns = (0..count).map(|index| self.child_column(array, data_type, index, rows));
                let columns = columns.collect::<Result<Vec<_>>>()?;
                record(data_type, rows, columns, nulls)
            }
        }
    }

    /// The first `rows` rows of a child. It may have more: what is behind them belongs to nobody.
    fn child_column(
        &mut self,
        parent: &RawArray,
        data_type: &DataType,
        index: usize,
        rows: usize,
    ) -> Result<ArrayRef> {
        let field = &children(data_type)[index];
        let within = |error: Error| error.with("within", field.name());
        let Some(layout) = Layout::of(field.data_type()) else {
            return Err(Error::internal("a manifest was let through with a type that cannot cross"));
        };
        let at = self.child(parent, index).map_err(within)?;
        let mut array =
            self.array(at, layout.buffers(), children(field.data_type()).len()).map_err(within)?;
        if array.rows < rows {
            let error = refuse("a child has fewer rows than its parent asks for");
            return Err(within(error.with("expected", rows).with("found", array.rows)));
        }
        array.rows = rows;
        let column = self.values(&array, layout, field.data_type()).map_err(within)?;
        if !field.is_nullable() && column.null_count() > 0 {
            return Err(within(refuse("an entry of a map, or its key, is null")));
        }
        Ok(column)
    }

    /// Codes without nulls, a byte each, at `at`.
    pub fn codes(&mut self, at: u32, rows: usize) -> Result<&'a [u8]> {
        let array = self.array(at, 2, 0)?;
        check_rows(&array, rows)?;
        self.buffer_bytes(&array, 1, rows)
    }

    /// 32-bit numbers without nulls at `at`, as bytes.
    pub fn numbers(&mut self, at: u32, rows: usize) -> Result<&'a [u8]> {
        let array = self.array(at, 2, 0)?;
        check_rows(&array, rows)?;
        self.buffer_bytes(&array, 1, rows.saturating_mul(4))
    }

    fn nulls(&mut self, array: &RawArray) -> Result<Option<NullBuffer>> {
        if array.rows == 0 || self.memory.pointer(array.buffers, 0)? == 0 {
            return Ok(None);
        }
        let bits = self.buffer(array, 0, array.rows.div_ceil(8))?;
        // The nulls are counted here: the guest's own count is not used.
        let nulls = NullBuffer::new(BooleanBuffer::new(bits, 0, array.rows));
        Ok(Some(nulls).filter(|nulls| nulls.null_count() > 0))
    }

    fn offsets_and_data(&mut self, array: &RawArray) -> Result<(OffsetBuffer<i32>, Buffer)> {
        let (offsets, first) = self.offsets(array)?;
        let bytes = offsets.last().map_or(0, |end| *end as usize);
        if bytes == 0 {
            return Ok((offsets, Buffer::default()));
        }
        let data = self.memory.pointer(array.buffers, 2)?;
        match data.checked_add(first) {
            // Null and something is an address, but no buffer.
            Some(start) if data != 0 => Ok((offsets, Buffer::from(self.take(start, bytes)?))),
            Some(_) => Err(refuse("a buffer is missing").with("bytes", bytes)),
            None => Err(refuse("a pointer leaves the memory").with("at", data)),
        }
    }

    /// The offsets of an array, counted from the first one, and that one.
    fn offsets(&mut self, array: &RawArray) -> Result<(OffsetBuffer<i32>, u32)> {
        if array.rows == 0 {
            return Ok((OffsetBuffer::new_empty(), 0));
        }
        let offsets = ScalarBuffer::<i32>::from(self.buffer(array, 1, (array.rows + 1) * 4)?);
        let (first, last) = (offsets[0], offsets[array.rows]);
        let rising =
            offsets.iter().zip(&offsets[1..]).fold(true, |rising, (one, next)| rising & (one <= next));
        let Ok(start) = u32::try_from(first) else {
            return Err(refuse("the offsets of a column are negative").with("first", first));
        };
        if !rising {
            return Err(refuse("the offsets of a column fall").with("first", first).with("last", last));
        }
        let offsets =
            if first == 0 { offsets } else { offsets.iter().map(|offset| offset - first).collect() };
        // SAFETY: there is at least one offset, the first is 0, and none falls: checked above.
        Ok((unsafe { OffsetBuffer::new_unchecked(offsets) }, start))
    }

    fn buffer(&mut self, array: &RawArray, index: usize, bytes: usize) -> Result<Buffer> {
        Ok(Buffer::from(self.buffer_bytes(array, index, bytes)?))
    }

    fn buffer_bytes(&mut self, array: &RawArray, index: usize, bytes: usize) -> Result<&'a [u8]> {
        if bytes == 0 {
            return Ok(&[]);
        }
        let at = self.memory.pointer(array.buffers, index)?;
        self.take(at, bytes)
    }

    fn take(&mut self, at: u32, bytes: usize) -> Result<&'a [u8]> {
        if at == 0 {
            return Err(refuse("a buffer is missing").with("bytes", bytes));
        }
        let taken = self.memory.bytes(at, bytes)?;
        self.charge(bytes)?;
        Ok(taken)
    }

    /// Counts bytes against what the output may be.
    fn charge(&mut self, bytes: usize) -> Result<()> {
        match self.bytes_left.checked_sub(bytes) {
            Some(left) => self.bytes_left = left,
            None => return Err(refuse("the output is too large").with("bytes_max", self.bytes_max)),
        }
        Ok(())
    }
}

fn check_rows(array: &RawArray, rows: usize) -> Result<()> {
    match array.rows == rows {
        true => Ok(()),
        false => Err(refuse("a column has another length than it should")
            .with("expected", rows)
            .with("found", array.rows)),
    }
}
