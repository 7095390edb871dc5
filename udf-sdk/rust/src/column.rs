//! Columns as a function reads them: a view on an Arrow array. Changes nothing.

use core::marker::PhantomData;

use crate::abi::ArrowArray;
use crate::kind::{Bytes, Fixed, Kind, Nested};

/// A column of the batch.
pub struct Column<'a, K: Kind> {
    rows: usize,
    validity: *const u8,
    pub(crate) first: *const u8,
    pub(crate) second: *const u8,
    children: *const *const ArrowArray,
    lifetime: PhantomData<(&'a [u8], K)>,
}

impl<K: Kind> Clone for Column<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Kind> Copy for Column<'_, K> {}

impl<'a, K: Kind> Column<'a, K> {
    /// # Safety
    /// `array` is an array of this kind, as the ABI describes it, and lives as long as `'a`.
    pub unsafe fn from_array(array: &'a ArrowArray) -> Column<'a, K> {
        let buffer = |index: usize| {
            if (index as i64) < array.n_buffers {
                // SAFETY: the array has this many buffers.
                unsafe { *array.buffers.add(index) }
            } else {
                core::ptr::null()
            }
        };
        let validity = if array.null_count == 0 { core::ptr::null() } else { buffer(0) };
        let rows = array.length as usize;
        let children = array.children;
        Column { rows, validity, first: buffer(1), second: buffer(2), children, lifetime: PhantomData }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    #[inline(always)]
    pub fn is_null(&self, row: usize) -> bool {
        assert!(row < self.rows);
        // SAFETY: the bitmap has a bit for every row.
        !self.validity.is_null() && unsafe { *self.validity.add(row / 8) } & (1 << (row % 8)) == 0
    }

    /// A byte of the bitmap of rows that are not null.
    #[inline(always)]
    pub(crate) fn valid_byte(&self, index: usize) -> u8 {
        assert!(index < self.rows.div_ceil(8));
        // SAFETY: the bitmap has a bit for every row.
        if self.validity.is_null() { 0xff } else { unsafe { *self.validity.add(index) } }
    }

    /// False only if no row is null.
    pub fn may_have_nulls(&self) -> bool {
        !self.validity.is_null()
    }

    #[inline(always)]
    pub fn get(&self, row: usize) -> Option<K::Value<'a>> {
        // SAFETY: `is_null` has refused rows that are not there.
        if self.is_null(row) { None } else { Some(unsafe { K::value(self, row) }) }
    }

    pub fn iter(&self) -> impl Iterator<Item = Option<K::Value<'a>>> + use<'a, K> {
        let column = *self;
        (0..self.rows).map(move |row| column.get(row))
    }
}

impl<'a, K: Fixed> Column<'a, K> {
    /// The value of every row; that of a null row means nothing.
    pub fn values(&self) -> &'a [K::Native] {
        if self.rows == 0 {
            return &[];
        }
        // SAFETY: the buffer holds a value for every row, aligned to 64 bytes.
        unsafe { core::slice::from_raw_parts(self.first.cast(), self.rows) }
    }
}

impl<'a, K: Bytes> Column<'a, K> {
    /// Where each row's bytes start, and where the last one's end: one more than rows.
    pub fn offsets(&self) -> &'a [i32] {
        if self.first.is_null() {
            return &[0];
        }
        // SAFETY: the buffer holds an offset more than rows, aligned to 64 bytes.
        unsafe { core::slice::from_raw_parts(self.first.cast(), self.rows + 1) }
    }

    #[inline(always)]
    pub(crate) fn bytes(&self, row: usize) -> &'a [u8] {
        let offsets = self.offsets();
        let (start, end) = (offsets[row] as usize, offsets[row + 1] as usize);
        // SAFETY: the offsets of the host never fall and lie inside the data buffer.
        unsafe { core::slice::from_raw_parts(self.second.add(start), end - start) }
    }
}

impl<'a, K: Nested> Column<'a, K> {
    /// # Safety
    /// The column has this child.
    #[inline(always)]
    pub(crate) unsafe fn child_array(&self, index: usize) -> &'a ArrowArray {
        // SAFETY: by the caller's word.
        unsafe { &**self.children.add(index) }
    }

    /// # Safety
    /// The column has this child, and it is of this kind.
    #[doc(hidden)]
    #[inline(always)]
    pub unsafe fn child<C: Kind>(&self, index: usize) -> Column<'a, C> {
        // SAFETY: by the caller's word.
        unsafe { Column::from_array(self.child_array(index)) }
    }

    /// Where the items of a row start, and where they end.
    #[inline(always)]
    pub(crate) fn items(&self, row: usize) -> (usize, usize) {
        assert!(row < self.rows && !self.first.is_null());
        // SAFETY: the buffer holds an offset more than rows, aligned to 64 bytes.
        unsafe {
            let offset = self.first.cast::<i32>().add(row);
            (*offset as usize, *offset.add(1) as usize)
        }
    }
}
