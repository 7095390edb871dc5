//! A guest's columns into ours: everything is checked before Arrow sees it, then copied once.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, Decimal128Array, PrimitiveArray, StringArray,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
};

use super::memory::{ARRAY_BYTES, Memory, refuse};
use super::types::Layout;
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
        let array = self.array_of_rows(at, layout.buffers(), rows)?;
        let nulls = self.nulls(&array)?;
        match layout {
            Layout::Bits => {
                let bits = self.buffer(&array, 1, rows.div_ceil(8))?;
                Ok(Arc::new(BooleanArray::new(BooleanBuffer::new(bits, 0, rows), nulls)))
            }
            Layout::Fixed(width) => {
                let values = self.buffer(&array, 1, rows.saturating_mul(width))?;
                fixed(data_type, values, rows, nulls)
            }
            Layout::Bytes => {
                let (offsets, data) = self.offsets_and_data(&array)?;
                if *data_type == DataType::Utf8 {
                    text(offsets, data, nulls)
                } else {
                    binary(offsets, data, nulls)
                }
            }
        }
    }

    fn array_of_rows(&self, at: u32, buffers: usize, rows: usize) -> Result<RawArray> {
        let array = self.array(at, buffers, 0)?;
        if array.rows != rows {
            return Err(refuse("a column has another length than it should")
                .with("expected", rows)
                .with("found", array.rows));
        }
        Ok(array)
    }

    /// Codes without nulls, a byte each, at `at`.
    pub fn codes(&mut self, at: u32, rows: usize) -> Result<&'a [u8]> {
        let array = self.array_of_rows(at, 2, rows)?;
        self.buffer_bytes(&array, 1, rows)
    }

    /// 32-bit numbers without nulls at `at`, as bytes.
    pub fn numbers(&mut self, at: u32, rows: usize) -> Result<&'a [u8]> {
        let array = self.array_of_rows(at, 2, rows)?;
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
        if array.rows == 0 {
            return Ok((OffsetBuffer::new_empty(), Buffer::default()));
        }
        let offsets = ScalarBuffer::<i32>::from(self.buffer(array, 1, (array.rows + 1) * 4)?);
        let (first, last) = (offsets[0], offsets[array.rows]);
        let rising =
            offsets.iter().zip(&offsets[1..]).fold(true, |rising, (one, next)| rising & (one <= next));
        if !rising || first < 0 {
            return Err(refuse("the offsets of a column fall").with("first", first).with("last", last));
        }
        let data = self.memory.pointer(array.buffers, 2)?;
        let Some(start) = data.checked_add(first as u32) else {
            return Err(refuse("a pointer leaves the memory").with("at", data));
        };
        let data = self.copy(start, (last - first) as usize)?;
        let offsets =
            if first == 0 { offsets } else { offsets.iter().map(|offset| offset - first).collect() };
        // SAFETY: there is at least one offset, the first is 0, and none falls: checked above.
        Ok((unsafe { OffsetBuffer::new_unchecked(offsets) }, data))
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

    fn copy(&mut self, at: u32, bytes: usize) -> Result<Buffer> {
        if bytes == 0 { Ok(Buffer::default()) } else { Ok(Buffer::from(self.take(at, bytes)?)) }
    }

    fn take(&mut self, at: u32, bytes: usize) -> Result<&'a [u8]> {
        if at == 0 {
            return Err(refuse("a buffer is missing").with("bytes", bytes));
        }
        let taken = self.memory.bytes(at, bytes)?;
        match self.bytes_left.checked_sub(bytes) {
            Some(left) => self.bytes_left = left,
            None => {
                return Err(refuse("the output is too large").with("bytes_max", self.bytes_max));
            }
        }
        Ok(taken)
    }
}

fn fixed(data_type: &DataType, values: Buffer, rows: usize, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    fn of<T: ArrowPrimitiveType>(
        values: Buffer,
        rows: usize,
        nulls: Option<NullBuffer>,
    ) -> PrimitiveArray<T> {
        PrimitiveArray::new(ScalarBuffer::new(values, 0, rows), nulls)
    }
    Ok(match data_type {
        DataType::Int8 => Arc::new(of::<Int8Type>(values, rows, nulls)),
        DataType::Int16 => Arc::new(of::<Int16Type>(values, rows, nulls)),
        DataType::Int32 => Arc::new(of::<Int32Type>(values, rows, nulls)),
        DataType::Int64 => Arc::new(of::<Int64Type>(values, rows, nulls)),
        DataType::Float32 => Arc::new(of::<Float32Type>(values, rows, nulls)),
        DataType::Float64 => Arc::new(of::<Float64Type>(values, rows, nulls)),
        DataType::Date32 => Arc::new(of::<Date32Type>(values, rows, nulls)),
        DataType::Duration(_) => Arc::new(of::<DurationMicrosecondType>(values, rows, nulls)),
        DataType::Timestamp(_, zone) => {
            Arc::new(of::<TimestampMicrosecondType>(values, rows, nulls).with_timezone_opt(zone.clone()))
        }
        DataType::Decimal128(precision, scale) => {
            let decimals: Decimal128Array = of::<Decimal128Type>(values, rows, nulls);
            let checked = decimals.with_precision_and_scale(*precision, *scale).and_then(|decimals| {
                decimals.validate_decimal_precision(*precision)?;
                Ok(decimals)
            });
            Arc::new(
                checked.map_err(|error| refuse("a decimal has more digits than its type").because(error))?,
            )
        }
        other => return Err(Error::internal("a type without a fixed width").with("type", other)),
    })
}

fn text(offsets: OffsetBuffer<i32>, data: Buffer, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    if !data.is_ascii() {
        let text =
            std::str::from_utf8(&data).map_err(|error| refuse("a text is not UTF-8").because(error))?;
        if let Some(offset) = offsets.iter().find(|offset| !text.is_char_boundary(**offset as usize)) {
            return Err(refuse("a text ends inside a character").with("at", offset));
        }
    }
    // SAFETY: the offsets rise from 0 to the length of the data (made by `offsets_and_data`), the nulls have as many
    // rows, and the data is UTF-8 that no offset cuts.
    Ok(Arc::new(unsafe { StringArray::new_unchecked(offsets, data, nulls) }))
}

fn binary(offsets: OffsetBuffer<i32>, data: Buffer, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    match BinaryArray::try_new(offsets, data, nulls) {
        Ok(array) => Ok(Arc::new(array)),
        Err(error) => Err(refuse("a binary column does not fit together").because(error)),
    }
}
