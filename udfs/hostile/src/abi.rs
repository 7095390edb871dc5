//! The ABI by hand, with an arena that never grows by more than it must.

use core::cell::Cell;

#[derive(Clone, Copy)]
#[repr(C)]
pub struct ArrowSchema {
    pub format: usize,
    pub name: usize,
    pub metadata: usize,
    pub flags: i64,
    pub n_children: i64,
    pub children: usize,
    pub dictionary: usize,
    pub release: usize,
    pub private_data: usize,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct ArrowArray {
    pub length: i64,
    pub null_count: i64,
    pub offset: i64,
    pub n_buffers: i64,
    pub n_children: i64,
    pub buffers: usize,
    pub children: usize,
    pub dictionary: usize,
    pub release: usize,
    pub private_data: usize,
}

#[repr(C)]
pub struct TransformResult {
    pub columns: usize,
    pub origin: usize,
    pub outcome: usize,
    pub error: usize,
    pub message: usize,
    pub message_bytes: usize,
}

thread_local! {
    static START: Cell<usize> = const { Cell::new(0) };
    static NEXT: Cell<usize> = const { Cell::new(0) };
    static END: Cell<usize> = const { Cell::new(0) };
    /// What the arena answers instead of memory, once a sin wants it.
    pub static LIE: Cell<Option<usize>> = const { Cell::new(None) };
}

const PAGE: usize = 65_536;

pub fn alloc(bytes: usize, align: usize) -> usize {
    if let Some(lie) = LIE.get() {
        return lie;
    }
    if START.get() == 0 {
        START.set(core::arch::wasm32::memory_size(0) * PAGE);
        NEXT.set(START.get());
        END.set(START.get());
    }
    let start = NEXT.get().next_multiple_of(align);
    let end = start + bytes;
    if end > END.get() {
        let pages = (end - END.get()).div_ceil(PAGE);
        if core::arch::wasm32::memory_grow(0, pages) == usize::MAX {
            return 0;
        }
        END.set(END.get() + pages * PAGE);
    }
    NEXT.set(end);
    start
}

pub fn reset() {
    NEXT.set(START.get());
}

/// Copies `items` into the arena.
pub fn keep<T: Copy>(items: &[T]) -> usize {
    let at = alloc(size_of_val(items) + 16, 64);
    // SAFETY: the arena has handed out room for the items.
    unsafe { (at as *mut T).copy_from_nonoverlapping(items.as_ptr(), items.len()) };
    at
}

pub fn array(length: i64, buffers: &[usize], children: &[usize]) -> ArrowArray {
    ArrowArray {
        length,
        null_count: 0,
        offset: 0,
        n_buffers: buffers.len() as i64,
        n_children: children.len() as i64,
        buffers: keep(buffers),
        children: keep(children),
        dictionary: 0,
        release: 0,
        private_data: 0,
    }
}

pub fn schema(format: usize, name: usize, children: &[usize]) -> ArrowSchema {
    ArrowSchema {
        format,
        name,
        metadata: 0,
        flags: 2,
        n_children: children.len() as i64,
        children: keep(children),
        dictionary: 0,
        release: 0,
        private_data: 0,
    }
}

pub fn memory_end() -> usize {
    core::arch::wasm32::memory_size(0) * PAGE
}
