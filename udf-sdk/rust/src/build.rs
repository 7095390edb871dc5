//! Builders: rows go in, an Arrow column comes out. Knows no functions and no outcomes.

use crate::abi::ArrowArray;
use crate::buffer::{Buffer, Validity, push_bit};
use crate::bytes::{copy_short, mask_of_64};
use crate::column::Column;
use crate::kind::Fixed;

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

impl<T: Copy + Default> FixedBuilder<T> {
    /// Makes the whole column of another: `f` of each value, null where it is null. `f` is called for what stands in the
    /// place of a null too, so that the loop has no branches.
    ///
    /// # Panics
    /// When the column that is made has rows already.
    #[inline(always)]
    pub fn map<K: Fixed>(&mut self, from: Column<'_, K>, mut f: impl FnMut(K::Native) -> T) {
        self.start_whole(from.rows(), from.may_have_nulls(), |index| from.valid_byte(index));
        self.values.extend_from(from.rows(), from.values().iter().map(|value| f(*value)));
    }

    /// Makes the whole column the very one that came in: nothing is copied.
    ///
    /// # Panics
    /// As [`FixedBuilder::map`].
    pub fn same<K: Fixed<Native = T>>(&mut self, from: Column<'_, K>) {
        self.start_whole(from.rows(), from.may_have_nulls(), |index| from.valid_byte(index));
        self.values = Buffer::at(from.first, from.rows());
    }

    /// As [`FixedBuilder::map`] of two columns, null where one of them is.
    #[inline(always)]
    pub fn map2<K: Fixed, L: Fixed>(
        &mut self,
        one: Column<'_, K>,
        other: Column<'_, L>,
        mut f: impl FnMut(K::Native, L::Native) -> T,
    ) {
        let has_nulls = one.may_have_nulls() || other.may_have_nulls();
        self.start_whole(one.rows(), has_nulls, |index| one.valid_byte(index) & other.valid_byte(index));
        let values = one.values().iter().zip(other.values());
        self.values.extend_from(one.rows(), values.map(|(one, other)| f(*one, *other)));
    }

    fn start_whole(&mut self, rows: usize, has_nulls: bool, valid: impl Fn(usize) -> u8) {
        assert!(self.values.len() == 0, "a whole column is made where there are no rows yet");
        if has_nulls {
            self.validity.take(rows, valid);
        }
    }
}

impl<T: Copy + Default> Build for FixedBuilder<T> {
    fn with_rows(rows: usize) -> Self {
        FixedBuilder { values: Buffer::with_capacity(rows), validity: Validity::default() }
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
        BoolBuilder { bits: Buffer::with_capacity(rows / 8 + 1), validity: Validity::default(), rows: 0 }
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
        self.validity.push_valid(self.offsets.len() - 1);
        self.data.extend(bytes);
        // A batch is far smaller than 2 GiB: it fits into the memory of the module.
        self.offsets.push(self.data.len() as i32);
    }

    /// Appends a row for each piece of `text` between ASCII `separator`s that is not empty; gives their number.
    #[inline(always)]
    pub(crate) fn push_pieces(&mut self, text: &[u8], separator: u8) -> usize {
        let before = self.offsets.len();
        if self.validity.nulls() == 0 {
            self.append_pieces(text, separator);
        } else {
            for piece in text.split(|byte| *byte == separator).filter(|piece| !piece.is_empty()) {
                self.push(piece);
            }
        }
        self.offsets.len() - before
    }

    /// The quick way of [`BytesBuilder::push_pieces`]: places are kept in registers, and a piece of up to sixteen
    /// bytes is one load and one store.
    #[inline(always)]
    fn append_pieces(&mut self, text: &[u8], separator: u8) {
        // At most every second byte ends a piece, so one check makes room for all of them.
        self.offsets.reserve(text.len() / 2 + 1);
        self.data.reserve(text.len());
        let tail = Tail::of(text);
        let (mut pieces, mut bytes) = (0, self.data.len());
        let (offsets, data) = (self.offsets.end_mut(), self.data.start_mut());
        let (mut start, mut base) = (0, 0);
        loop {
            let left = text.len() - base;
            let mut ends = mask_of_64(text, base, separator);
            if left < 64 {
                // The end of the text ends a piece too.
                ends |= 1 << left;
            }
            while ends != 0 {
                let end = base + ends.trailing_zeros() as usize;
                ends &= ends - 1;
                if end > start {
                    // SAFETY: `start..end` is inside the text. Room was made for its bytes, with padding behind for
                    // those that a block has too many, and for an offset a piece.
                    unsafe {
                        tail.copy(text, start, end - start, data.add(bytes));
                        bytes += end - start;
                        offsets.add(pieces).write(bytes as i32);
                    }
                    pieces += 1;
                }
                start = end + 1;
            }
            if left < 64 {
                break;
            }
            base += 64;
        }
        // SAFETY: that much was written just now.
        unsafe {
            self.data.set_len(bytes);
            self.offsets.set_len(self.offsets.len() + pieces);
        }
    }
}

/// The last sixteen bytes of a text with as many behind them, so that a block may be read at every place.
struct Tail {
    block: [u8; 32],
    /// Where in the text the block starts.
    at: usize,
    /// From here on a block of the text itself would end behind it.
    from: usize,
}

impl Tail {
    #[inline(always)]
    fn of(text: &[u8]) -> Tail {
        let mut block = [0; 32];
        match text.last_chunk::<16>() {
            Some(last) => {
                block[..16].copy_from_slice(last);
                Tail { block, at: text.len() - 16, from: text.len() - 15 }
            }
            None => {
                copy_short(&mut block, text);
                Tail { block, at: 0, from: 0 }
            }
        }
    }

    /// # Safety
    /// `start..start + count` is inside the text that the tail was made of, and `to` has room for as much and for
    /// sixteen bytes more.
    #[inline(always)]
    unsafe fn copy(&self, text: &[u8], start: usize, count: usize, to: *mut u8) {
        // SAFETY: before `from` a block is inside the text, behind it inside the tail; more than a block is inside
        // the text by the caller's word.
        unsafe {
            if count > 16 {
                to.copy_from_nonoverlapping(text.as_ptr().add(start), count);
            } else {
                let in_text = text.as_ptr().wrapping_add(start);
                let in_tail = self.block.as_ptr().wrapping_add(start.wrapping_sub(self.at));
                let from = if start < self.from { in_text } else { in_tail };
                to.cast::<[u8; 16]>().write_unaligned(from.cast::<[u8; 16]>().read_unaligned());
            }
        }
    }
}

impl Build for BytesBuilder {
    fn with_rows(rows: usize) -> Self {
        let mut offsets = Buffer::with_capacity(rows + 1);
        offsets.push(0);
        let data = Buffer::with_capacity(rows.saturating_mul(ROW_BYTES));
        BytesBuilder { offsets, data, validity: Validity::default() }
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
