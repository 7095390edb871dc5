//! Memory of one batch: handed out by moving a pointer, given back all at once. Frees nothing singly.
//!
//! A guest lives for a batch, and growing its memory costs more than opening it: each time, the host asks the system
//! to let more pages in. So the arena starts with a part of the module's own memory, which costs nothing until it is
//! touched, and asks for more only when a batch does not fit into that.

use core::alloc::Layout;
use core::cell::{RefCell, UnsafeCell};
use core::ptr::null_mut;

use crate::abi::{BUFFER_ALIGN, BUFFER_PADDING};

/// The part of the module's memory that the arena starts with: room for a call's input of up to a megabyte and for
/// three times as much.
const FIRST_BYTES: usize = if cfg!(target_arch = "wasm32") { 4 * 1024 * 1024 } else { 64 * 1024 };

/// Memory that only the arena of its thread hands out.
#[repr(C, align(64))]
struct First(UnsafeCell<[u8; FIRST_BYTES]>);

struct Arena {
    /// Whether the first part is in use; its place is known only while the program runs.
    started: bool,
    chunks: Vec<(*mut u8, Layout)>,
    at: usize,
    end: usize,
}

thread_local! {
    static FIRST: First = const { First(UnsafeCell::new([0; FIRST_BYTES])) };
    static ARENA: RefCell<Arena> =
        const { RefCell::new(Arena { started: false, chunks: Vec::new(), at: 0, end: 0 }) };
}

/// Memory until the next [`reset`], not zeroed; null when there is no more. `align` is a power of two.
pub fn alloc(bytes: usize, align: usize) -> *mut u8 {
    ARENA.with_borrow_mut(|arena| arena.alloc(bytes, align.max(1)))
}

/// Gives back everything that was handed out.
pub fn reset() {
    ARENA.with_borrow_mut(Arena::reset);
}

/// Memory for `count` items, with the padding that kernels need behind it.
pub(crate) fn alloc_items<T>(count: usize) -> *mut T {
    let bytes = count.checked_mul(size_of::<T>()).and_then(|bytes| bytes.checked_add(BUFFER_PADDING));
    let ptr = match bytes {
        Some(bytes) => alloc(bytes, BUFFER_ALIGN),
        None => null_mut(),
    };
    if ptr.is_null() {
        out_of_memory();
    }
    ptr.cast()
}

/// Copies `items` into the arena.
pub(crate) fn keep<T: Copy>(items: &[T]) -> *const T {
    let to = alloc_items::<T>(items.len());
    // SAFETY: the arena just handed out room for as many items, and new memory overlaps nothing.
    unsafe { to.copy_from_nonoverlapping(items.as_ptr(), items.len()) };
    to
}

/// Copies `count` items that come one after the other into the arena.
pub(crate) fn keep_each<T>(count: usize, items: impl Iterator<Item = T>) -> *const T {
    let to = alloc_items::<T>(count);
    for (index, item) in items.take(count).enumerate() {
        // SAFETY: the arena just handed out room for so many items.
        unsafe { to.add(index).write(item) };
    }
    to
}

#[cold]
#[allow(clippy::panic, reason = "a guest has no better way to end: the host reports the trap and its text")]
fn out_of_memory() -> ! {
    panic!("the batch does not fit into the memory of the module")
}

impl Arena {
    #[inline]
    fn alloc(&mut self, bytes: usize, align: usize) -> *mut u8 {
        let start = self.at.wrapping_add(align - 1) & !(align - 1);
        match start.checked_add(bytes) {
            Some(after) if after <= self.end && start >= self.at => {
                self.at = after;
                start as *mut u8
            }
            _ => self.alloc_in_new_chunk(bytes, align),
        }
    }

    #[cold]
    fn alloc_in_new_chunk(&mut self, bytes: usize, align: usize) -> *mut u8 {
        if !self.started {
            self.started = true;
            self.start_over();
            return self.alloc(bytes, align);
        }
        let held: usize = self.chunks.iter().map(|(_, layout)| layout.size()).sum();
        let Some(wanted) = bytes.checked_add(align) else { return null_mut() };
        // As much again as there is, so that a batch that grows needs few chunks; if that is too much, just enough.
        if self.add_chunk(wanted.max(held).max(FIRST_BYTES)) || self.add_chunk(wanted) {
            self.alloc(bytes, align)
        } else {
            null_mut()
        }
    }

    fn add_chunk(&mut self, bytes: usize) -> bool {
        let Ok(layout) = Layout::from_size_align(bytes, BUFFER_ALIGN) else { return false };
        // SAFETY: the layout is not empty, callers ask for at least `align` bytes.
        let ptr = unsafe { std::alloc::alloc(layout) };
        if ptr.is_null() {
            return false;
        }
        self.chunks.push((ptr, layout));
        self.at = ptr as usize;
        self.end = self.at + bytes;
        true
    }

    /// To the start of the largest place: the chunk, or the first part when there is none.
    fn start_over(&mut self) {
        match self.chunks.first() {
            Some((ptr, layout)) => (self.at, self.end) = (*ptr as usize, *ptr as usize + layout.size()),
            None => {
                self.at = FIRST.with(|first| first.0.get() as usize);
                self.end = self.at + FIRST_BYTES;
            }
        }
    }

    /// Several chunks become one of their size, so that the next batch of this size finds it whole.
    fn reset(&mut self) {
        if self.chunks.len() > 1 {
            let mut total = 0;
            for (ptr, layout) in self.chunks.drain(..) {
                total += layout.size();
                // SAFETY: the chunk came from `alloc` with this layout, and `reset` ends all use of it.
                unsafe { std::alloc::dealloc(ptr, layout) };
            }
            self.add_chunk(total);
        }
        if self.started {
            self.start_over();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hands_out_aligned_memory_and_starts_over() {
        let first = alloc(10, 64);
        let second = alloc(1, 64);
        assert!(
            (first as usize).is_multiple_of(64) && (second as usize).is_multiple_of(64) && first != second
        );
        let large = alloc(1 << 20, 64);
        // SAFETY: the arena handed out this much.
        unsafe { large.write_bytes(1, 1 << 20) };
        reset();
        let again = alloc(1 << 20, 64);
        // SAFETY: as above.
        unsafe { again.write_bytes(2, 1 << 20) };
        assert!(alloc(usize::MAX - 8, 64).is_null());
        reset();
    }
}
