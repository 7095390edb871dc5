//! The structs that cross the boundary: Arrow's C Data Interface, calls and results. No behaviour.
//!
//! On wasm32 the layout is the one of `udf-sdk/ABI.md`; natively, in unit tests, pointers are wider.

use core::ffi::c_void;
use core::ptr::null;

/// The status of a call that went well.
pub const OK: i32 = 0;
/// The status of a call that failed; the result's message says why.
pub const FAILED: i32 = 1;

/// Outcomes of an input row.
pub const ROW_OK: u8 = 0;
pub const ROW_SKIP: u8 = 1;
pub const ROW_ERROR: u8 = 2;

/// Every buffer starts at a multiple of this.
pub const BUFFER_ALIGN: usize = 64;
/// A kernel may read this far behind the end of a column's buffer.
pub const BUFFER_PADDING: usize = 16;

/// Arrow's `ArrowSchema`.
#[repr(C)]
pub struct ArrowSchema {
    pub format: *const u8,
    pub name: *const u8,
    pub metadata: *const u8,
    pub flags: i64,
    pub n_children: i64,
    pub children: *const *const ArrowSchema,
    pub dictionary: *const ArrowSchema,
    pub release: *const c_void,
    pub private_data: *const c_void,
}

/// The flag of a column that may hold nulls.
pub const NULLABLE: i64 = 2;

/// Arrow's `ArrowArray`.
#[repr(C)]
pub struct ArrowArray {
    pub length: i64,
    pub null_count: i64,
    pub offset: i64,
    pub n_buffers: i64,
    pub n_children: i64,
    pub buffers: *const *const u8,
    pub children: *const *const ArrowArray,
    pub dictionary: *const ArrowArray,
    pub release: *const c_void,
    pub private_data: *const c_void,
}

/// What an aggregate is called with.
#[repr(C)]
pub struct AggregateCall {
    /// [`UPDATE`], [`MERGE`] or finish.
    pub step: i32,
    /// The states, a row a group.
    pub states: *const ArrowArray,
    /// Inputs or other states, and behind them the group of each row.
    pub rows: *const ArrowArray,
}

pub const UPDATE: i32 = 0;
pub const MERGE: i32 = 1;

/// What a group function is called with.
#[repr(C)]
pub struct GroupCall {
    /// Microseconds; `i64::MIN` if there is no watermark.
    pub watermark: i64,
    /// The time of the batch, microseconds.
    pub time: i64,
    /// Keys and states, a row a group.
    pub keys: *const ArrowArray,
    pub states: *const ArrowArray,
    /// Inputs, and behind them the group of each row.
    pub rows: *const ArrowArray,
    /// Group and time of timers that run, and of timers that are over.
    pub timers: *const ArrowArray,
    pub fired: *const ArrowArray,
}

/// What a foreach function is called with.
#[repr(C)]
pub struct ForeachCall {
    /// [`OPEN`], [`PROCESS`] or close.
    pub step: i32,
    pub partition: u32,
    pub epoch: u64,
    /// Inputs, when processing.
    pub rows: *const ArrowArray,
    /// A row of one text, when closing: why the partition failed, if it did.
    pub error: *const ArrowArray,
}

pub const OPEN: i32 = 0;
pub const PROCESS: i32 = 1;

/// What a function hands back; the host gives it zeroed. Which parts there are depends on its kind.
#[repr(C)]
pub struct CallResult {
    pub columns: *const ArrowArray,
    pub origin: *const ArrowArray,
    pub outcome: *const ArrowArray,
    pub error: *const ArrowArray,
    pub message: *const u8,
    pub message_bytes: usize,
    pub states: *const ArrowArray,
    pub timers: *const ArrowArray,
}

#[cfg(target_arch = "wasm32")]
const _: () = {
    assert!(size_of::<ArrowSchema>() == 48);
    assert!(size_of::<ArrowArray>() == 64);
    assert!(size_of::<CallResult>() == 32);
    assert!(size_of::<AggregateCall>() == 12);
    assert!(size_of::<GroupCall>() == 40);
    assert!(size_of::<ForeachCall>() == 24);
};

impl ArrowArray {
    /// An array without children.
    pub fn of_buffers(length: usize, null_count: usize, buffers: &[*const u8]) -> ArrowArray {
        ArrowArray {
            length: length as i64,
            null_count: null_count as i64,
            offset: 0,
            n_buffers: buffers.len() as i64,
            n_children: 0,
            buffers: crate::arena::keep(buffers),
            children: null(),
            dictionary: null(),
            release: null(),
            private_data: null(),
        }
    }

    /// The array with these children.
    pub fn with_children<const N: usize>(mut self, children: [ArrowArray; N]) -> ArrowArray {
        self.n_children = N as i64;
        self.children = crate::arena::keep(&children.map(crate::rows::keep_array));
        self
    }

    /// A batch: a struct array without nulls.
    pub fn of_columns<const N: usize>(length: usize, columns: [ArrowArray; N]) -> ArrowArray {
        ArrowArray::of_buffers(length, 0, &[null()]).with_children(columns)
    }
}
