//! A global allocator for small calls.
//!
//! A fresh instance that never grows its memory costs a host half of one that
//! does: growing takes the kernel's address-space lock and undoes the pool's
//! memory image. So the first 256 KiB come from static memory, handed out in
//! order; the block handed out last can be freed, and grown in place, which is
//! what a growing `String` or `Vec` does. What does not fit goes to the standard
//! allocator. There are no free lists: an instance lives for one call.

#![expect(unsafe_code, reason = "a global allocator hands out raw memory")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};
use std::ptr;

/// How much memory a call has before it grows. A typical call with JSON in and
/// out uses 10 to 60 KiB; larger arenas cost the host more to clear.
pub(crate) const ARENA_BYTES: usize = 256 * 1024;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ARENA: Arena = Arena::new();

/// Memory in order of use, then the standard allocator.
#[repr(align(16))]
struct Space(UnsafeCell<[u8; ARENA_BYTES]>);

pub(crate) struct Arena {
    space: Space,
    used: Cell<usize>,
}

// SAFETY: on wasm32 without the threads proposal there is one thread, and no
// host of ours enables that proposal. Tests keep an arena to one thread.
unsafe impl Sync for Arena {}

impl Arena {
    pub(crate) const fn new() -> Self {
        Self {
            space: Space(UnsafeCell::new([0; ARENA_BYTES])),
            used: Cell::new(0),
        }
    }

    fn base(&self) -> *mut u8 {
        self.space.0.get().cast()
    }

    /// The offset of a block of ours, or nothing for the standard allocator's.
    fn offset(&self, block: *mut u8) -> Option<usize> {
        let offset = block.addr().wrapping_sub(self.base().addr());
        (offset < ARENA_BYTES).then_some(offset)
    }

    /// Takes memory in order, or nothing when it does not fit.
    fn take(&self, layout: Layout) -> Option<*mut u8> {
        let address = self.base().addr().checked_add(self.used.get())?;
        let start = address.checked_next_multiple_of(layout.align())? - self.base().addr();
        let end = start.checked_add(layout.size())?;
        if end > ARENA_BYTES {
            return None;
        }
        self.used.set(end);
        // SAFETY: `start <= end <= ARENA_BYTES`, so this stays in the arena.
        Some(unsafe { self.base().add(start) })
    }

    /// Gives the last block another size where it stands.
    fn resize_last(&self, start: usize, old: usize, new: usize) -> bool {
        let last = start + old == self.used.get();
        let fits = start.checked_add(new).is_some_and(|end| end <= ARENA_BYTES);
        if last && fits {
            self.used.set(start + new);
        }
        last && fits
    }
}

// SAFETY: `take` hands out disjoint ranges that are aligned and inside the
// arena; a range is handed out again only after it was freed as the last one.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.take(layout) {
            Some(block) => block,
            // SAFETY: the caller's promises are those of `System`.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match self.offset(block) {
            Some(start) if start + layout.size() == self.used.get() => self.used.set(start),
            Some(_) => {}
            // SAFETY: not ours, so `System` handed it out with this layout.
            None => unsafe { System.dealloc(block, layout) },
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Some(start) = self.offset(block) else {
            // SAFETY: not ours, so `System` handed it out with this layout.
            return unsafe { System.realloc(block, layout, size) };
        };
        if self.resize_last(start, layout.size(), size) || size <= layout.size() {
            return block;
        }
        // SAFETY: the caller promises that `size` makes a valid layout.
        let larger = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !larger.is_null() {
            // SAFETY: both blocks are live, disjoint, and at least the old size.
            unsafe { ptr::copy_nonoverlapping(block, larger, layout.size()) };
        }
        larger
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use super::*;

    fn bytes(size: usize) -> Layout {
        Layout::from_size_align(size, 1).unwrap()
    }

    #[test]
    fn the_last_block_is_freed_and_grows_in_place() {
        let arena = Box::new(Arena::new());
        // SAFETY: the layouts are those of the blocks.
        unsafe {
            let first = arena.alloc(bytes(10));
            let second = arena.alloc(bytes(10));
            assert_eq!(arena.realloc(second, bytes(10), 1000), second);
            assert_eq!(arena.used.get(), 1010);
            assert_eq!(arena.realloc(second, bytes(1000), 4), second);
            arena.dealloc(second, bytes(4));
            arena.dealloc(first, bytes(10));
        }
        assert_eq!(arena.used.get(), 0);
    }

    #[test]
    fn an_inner_block_moves_and_keeps_its_bytes() {
        let arena = Box::new(Arena::new());
        // SAFETY: the layouts are those of the blocks, and reads stay inside.
        unsafe {
            let first = arena.alloc(bytes(3));
            first.copy_from(b"abc".as_ptr(), 3);
            let _second = arena.alloc(bytes(1));
            let moved = arena.realloc(first, bytes(3), 64);
            assert_ne!(moved, first);
            assert_eq!(std::slice::from_raw_parts(moved, 3), b"abc");
        }
    }

    #[test]
    fn blocks_are_aligned() {
        let arena = Box::new(Arena::new());
        // SAFETY: the layouts are valid.
        unsafe {
            let _odd = arena.alloc(bytes(1));
            for align in [2, 8, 16, 64, 4096] {
                let block = arena.alloc(Layout::from_size_align(1, align).unwrap());
                assert_eq!(block.addr() % align, 0);
            }
        }
    }

    #[test]
    fn what_does_not_fit_comes_from_the_standard_allocator() {
        let arena = Box::new(Arena::new());
        // SAFETY: the layouts are those of the blocks, and writes stay inside.
        unsafe {
            let large = arena.alloc(bytes(ARENA_BYTES + 1));
            assert!(arena.offset(large).is_none());
            let small = arena.alloc(bytes(8));
            let moved = arena.realloc(small, bytes(8), ARENA_BYTES);
            assert_eq!(moved, small);
            let outside = arena.realloc(moved, bytes(ARENA_BYTES), ARENA_BYTES * 2);
            assert!(arena.offset(outside).is_none());
            outside.write_bytes(1, ARENA_BYTES * 2);
            let outside = arena.realloc(outside, bytes(ARENA_BYTES * 2), 16);
            arena.dealloc(outside, bytes(16));
            arena.dealloc(large, bytes(ARENA_BYTES + 1));
        }
    }
}
