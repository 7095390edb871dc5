//! Growing buffers in the arena: items, and bits. No columns.

use crate::arena;

/// Items one after the other, with padding behind them.
pub struct Buffer<T> {
    first: *mut T,
    len: usize,
    capacity: usize,
}

impl<T: Copy> Buffer<T> {
    pub fn with_capacity(capacity: usize) -> Buffer<T> {
        Buffer { first: arena::alloc_items(capacity), len: 0, capacity }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn as_ptr(&self) -> *const u8 {
        self.first.cast()
    }

    pub fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: the first `len` items were written, and `self` is borrowed alone.
        unsafe { core::slice::from_raw_parts_mut(self.first, self.len) }
    }

    /// Makes room for `more` items.
    #[inline(always)]
    pub fn reserve(&mut self, more: usize) {
        if self.capacity - self.len < more {
            self.grow(more);
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, more: usize) {
        let capacity = self.len.saturating_add(more).max(self.capacity.saturating_mul(2)).max(64);
        let first = arena::alloc_items::<T>(capacity);
        // SAFETY: the new place has room for more than `len` items and overlaps nothing.
        unsafe { first.copy_from_nonoverlapping(self.first, self.len) };
        (self.first, self.capacity) = (first, capacity);
    }

    #[inline(always)]
    pub fn push(&mut self, item: T) {
        self.reserve(1);
        // SAFETY: there is room for one more.
        unsafe { self.first.add(self.len).write(item) };
        self.len += 1;
    }

    /// Appends `count` items, all `item`, for the caller to change.
    #[inline(always)]
    pub fn extend_with(&mut self, count: usize, item: T) -> &mut [T] {
        self.reserve(count);
        let start = self.len;
        for index in start..start + count {
            // SAFETY: there is room for `count` more.
            unsafe { self.first.add(index).write(item) };
        }
        self.len += count;
        &mut self.as_mut_slice()[start..]
    }

    /// Appends `count` items, which come one after the other.
    #[inline(always)]
    pub fn extend_from(&mut self, count: usize, items: impl Iterator<Item = T>) {
        self.reserve(count);
        let start = self.len;
        for (index, item) in items.take(count).enumerate() {
            // SAFETY: there is room for `count` more.
            unsafe { self.first.add(start + index).write(item) };
            self.len = start + index + 1;
        }
    }

    /// `count` items that stand somewhere already, and stay there while this is in use. What is appended goes elsewhere.
    pub fn at(first: *const u8, count: usize) -> Buffer<T> {
        Buffer { first: first.cast::<T>().cast_mut(), len: count, capacity: count }
    }

    /// Where the first item is.
    pub fn start_mut(&mut self) -> *mut T {
        self.first
    }

    /// Where the next item goes.
    pub fn end_mut(&mut self) -> *mut T {
        self.first.wrapping_add(self.len)
    }

    /// # Safety
    /// The first `len` items were written.
    pub unsafe fn set_len(&mut self, len: usize) {
        self.len = len;
    }
}

impl Buffer<i32> {
    /// Appends `count` times `item`, four in a step.
    #[inline(always)]
    pub fn extend_same(&mut self, count: usize, item: i32) {
        self.reserve(count);
        for step in 0..count.div_ceil(4) {
            // SAFETY: there is room for `count` more, and behind it the padding has room for the rest of a step.
            unsafe { self.first.add(self.len + 4 * step).cast::<[i32; 4]>().write_unaligned([item; 4]) };
        }
        self.len += count;
    }
}

impl Buffer<u8> {
    #[inline(always)]
    pub fn extend(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        // SAFETY: there is room for the bytes behind the last one, and the arena's memory is not borrowed elsewhere.
        let to = unsafe { core::slice::from_raw_parts_mut(self.first.add(self.len), bytes.len()) };
        crate::bytes::copy_short(to, bytes);
        self.len += bytes.len();
    }
}

/// Which rows of a column are not null; nothing is kept until the first null.
#[derive(Default)]
pub struct Validity {
    bits: Option<Buffer<u8>>,
    nulls: usize,
}

impl Validity {
    /// Takes the nulls of a bitmap of `rows` rows, whose bytes `byte` gives; there are no rows yet.
    pub fn take(&mut self, rows: usize, byte: impl Fn(usize) -> u8) {
        let mut bits = Buffer::with_capacity(rows.div_ceil(8));
        let mut valid = 0;
        for (index, to) in bits.extend_with(rows.div_ceil(8), 0).iter_mut().enumerate() {
            // Behind the last row there are no bits yet.
            let rows_here = (rows - 8 * index).min(8);
            *to = byte(index) & (0xff >> (8 - rows_here));
            valid += to.count_ones() as usize;
        }
        self.nulls = rows - valid;
        self.bits = (valid < rows).then_some(bits);
    }

    /// Notes row `row`, the next one, as valid.
    #[inline(always)]
    pub fn push_valid(&mut self, row: usize) {
        if let Some(bits) = &mut self.bits {
            push_bit(bits, row, true);
        }
    }

    /// Notes row `row`, the next one, as null.
    #[inline(never)]
    pub fn push_null(&mut self, row: usize) {
        self.nulls += 1;
        let bits = self.bits.get_or_insert_with(|| all_set(row));
        push_bit(bits, row, false);
    }

    pub fn nulls(&self) -> usize {
        self.nulls
    }

    pub fn as_ptr(&self) -> *const u8 {
        self.bits.as_ref().map_or(core::ptr::null(), Buffer::as_ptr)
    }
}

fn all_set(rows: usize) -> Buffer<u8> {
    let mut bits = Buffer::with_capacity(rows / 8 + 64);
    bits.extend_with(rows / 8, 0xff);
    if !rows.is_multiple_of(8) {
        bits.push((1 << (rows % 8)) - 1);
    }
    bits
}

/// Appends a bit; `row` is the number of bits so far.
#[inline(always)]
pub(crate) fn push_bit(bits: &mut Buffer<u8>, row: usize, set: bool) {
    if row.is_multiple_of(8) {
        bits.push(u8::from(set));
    } else {
        let last = bits.len() - 1;
        bits.as_mut_slice()[last] |= u8::from(set) << (row % 8);
    }
}
