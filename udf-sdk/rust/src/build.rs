//! Builders: rows go in, an Arrow column comes out. Knows no functions and no outcomes.

use crate::abi::ArrowArray;
use crate::buffer::{Buffer, Validity, push_bit};
use crate::bytes::positions;

/// Makes a column, row after row.
pub trait Build {
    /// An empty column with room for `rows`; it grows when they are more.
    fn with_rows(rows: usize) -> Self;
    fn rows(&self) -> usize;
    fn push_null(&mut self);
    fn finish(self) -> ArrowArray;
}

/// A column of values of one width.
pub struct FixedBuilder<T> {
    values: Buffer<T>,
    validity: Validity,
}

impl<T: Copy + Default> FixedBuilder<T> {
    #[inline(always)]
    pub fn push(&mut self, value: T) {
        self.validity.push_valid(self.values.len());
        self.values.push(value);
    }

    /// Appends `rows` rows at once, none of them null, for the caller to fill in.
    pub fn extend(&mut self, rows: usize) -> &mut [T] {
        let start = self.values.len();
        for row in start..start + if self.validity.nulls() == 0 { 0 } else { rows } {
            self.validity.push_valid(row);
        }
        self.values.extend_with(rows, T::default())
    }
}

impl<T: Copy + Default> Build for FixedBuilder<T> {
    fn with_rows(rows: usize) -> Self {
        FixedBuilder { values: Buffer::with_capacity(rows), validity: Validity::new() }
    }

    fn rows(&self) -> usize {
        self.values.len()
    }

    fn push_null(&mut self) {
        self.validity.push_null(self.values.len());
        self.values.push(T::default());
    }

    fn finish(self) -> ArrowArray {
        let buffers = [self.validity.as_ptr(), self.values.as_ptr()];
        ArrowArray::of_buffers(self.values.len(), self.validity.nulls(), &buffers)
    }
}

/// A column of BOOLEAN.
pub struct BoolBuilder {
    bits: Buffer<u8>,
    validity: Validity,
    rows: usize,
}

impl BoolBuilder {
    #[inline(always)]
    pub fn push(&mut self, value: bool) {
        self.validity.push_valid(self.rows);
        push_bit(&mut self.bits, self.rows, value);
        self.rows += 1;
    }
}

impl Build for BoolBuilder {
    fn with_rows(rows: usize) -> Self {
        BoolBuilder { bits: Buffer::with_capacity(rows / 8 + 1), validity: Validity::new(), rows: 0 }
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn push_null(&mut self) {
        self.validity.push_null(self.rows);
        push_bit(&mut self.bits, self.rows, false);
        self.rows += 1;
    }

    fn finish(self) -> ArrowArray {
        let buffers = [self.validity.as_ptr(), self.bits.as_ptr()];
        ArrowArray::of_buffers(self.rows, self.validity.nulls(), &buffers)
    }
}

/// A column of STRING or BINARY.
pub struct BytesBuilder {
    /// One more than rows.
    offsets: Buffer<i32>,
    data: Buffer<u8>,
    validity: Validity,
}

/// Room for so many bytes a row to begin with.
const ROW_BYTES: usize = 16;

impl BytesBuilder {
    #[inline(always)]
    pub fn push(&mut self, bytes: &[u8]) {
        self.data.extend(bytes);
        self.end_row();
    }

    /// Ends a row whose bytes were appended to `data`.
    #[inline(always)]
    fn end_row(&mut self) {
        self.validity.push_valid(self.offsets.len() - 1);
        // A batch is far smaller than 2 GiB: it fits into the memory of the module.
        self.offsets.push(self.data.len() as i32);
    }

    /// Appends one row, made by changing a copy of `bytes` in place.
    pub fn push_changed(&mut self, bytes: &[u8], change: impl FnOnce(&mut [u8])) {
        let start = self.data.len();
        self.data.extend(bytes);
        change(&mut self.data.as_mut_slice()[start..]);
        self.end_row();
    }

    /// Appends a row for each piece of `text` between `separator`s that is not empty; gives their number.
    #[inline(always)]
    pub(crate) fn push_pieces(&mut self, text: &[u8], separator: u8) -> usize {
        let before = self.offsets.len();
        // At most every second byte ends a piece, so one check makes room for all of them.
        self.offsets.reserve(text.len() / 2 + 1);
        self.data.reserve(text.len());
        let mut start = 0;
        for end in positions(text, separator) {
            if end > start {
                // SAFETY: room was made above for all pieces and their bytes.
                unsafe { self.push_piece(text, start, end) };
            }
            start = end + 1;
        }
        if start < text.len() {
            // SAFETY: as above.
            unsafe { self.push_piece(text, start, text.len()) };
        }
        self.offsets.len() - before
    }

    /// # Safety
    /// `start <= end <= text.len()`, and room was made for the bytes and for an offset.
    #[inline(always)]
    unsafe fn push_piece(&mut self, text: &[u8], start: usize, end: usize) {
        let count = end - start;
        if count <= 16 && start + 16 <= text.len() {
            // SAFETY: checked just now, and the caller made room.
            unsafe { self.data.extend_block(text, start, count) };
        } else {
            // SAFETY: the caller holds that the range is inside the text.
            self.data.extend(unsafe { text.get_unchecked(start..end) });
        }
        self.validity.push_valid(self.offsets.len() - 1);
        // SAFETY: the caller made room.
        unsafe { self.offsets.push_reserved(self.data.len() as i32) };
    }
}

impl Build for BytesBuilder {
    fn with_rows(rows: usize) -> Self {
        let mut offsets = Buffer::with_capacity(rows + 1);
        offsets.push(0);
        let data = Buffer::with_capacity(rows.saturating_mul(ROW_BYTES));
        BytesBuilder { offsets, data, validity: Validity::new() }
    }

    fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    fn push_null(&mut self) {
        self.validity.push_null(self.rows());
        self.offsets.push(self.data.len() as i32);
    }

    fn finish(self) -> ArrowArray {
        let buffers = [self.validity.as_ptr(), self.offsets.as_ptr(), self.data.as_ptr()];
        ArrowArray::of_buffers(self.rows(), self.validity.nulls(), &buffers)
    }
}
