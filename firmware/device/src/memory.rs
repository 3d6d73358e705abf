//! The heap, and how much of everything is used.

use core::{
    alloc::{GlobalAlloc, Layout},
    mem::MaybeUninit,
    ptr,
    sync::atomic::{AtomicUsize, Ordering},
};
use embedded_alloc::LlffHeap;
use firmware_link::Memory;

/// Only `tpm` allocates: commands and replies, 4 KiB each while they are made, and what they leave behind.
const ARENA: usize = 24 * 1024;
const FLASH: usize = 0x0800_0000;
const RAM: usize = 0x2000_0000;
/// What an untouched word of the stack holds.
const PAINT: u32 = 0xFEED_C0DE;
/// Words left alone below the painter's own frame.
const MARGIN: usize = 64;

#[global_allocator]
static HEAP: Heap = Heap { inner: LlffHeap::empty(), most: AtomicUsize::new(0) };
static mut SPACE: [MaybeUninit<u8>; ARENA] = [MaybeUninit::uninit(); ARENA];

struct Heap {
    inner: LlffHeap,
    most: AtomicUsize,
}

// SAFETY: all is left to the heap within.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        let block = unsafe { self.inner.alloc(layout) };
        self.most.fetch_max(self.inner.used(), Ordering::Relaxed);
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { self.inner.dealloc(block, layout) }
    }
}

unsafe extern "C" {
    /// Where the stack begins, growing down; where variables end; what of them has initial values, and where in flash these are.
    static _stack_start: u32;
    static __sheap: u32;
    static __sdata: u32;
    static __edata: u32;
    static __sidata: u32;
}

/// Sets the heap up and paints the stack.
///
/// # Safety
///
/// Once only, before anything is allocated.
pub unsafe fn prepare() {
    // SAFETY: nobody else has the space, and the caller promises that this is the only time.
    unsafe { HEAP.inner.init((&raw mut SPACE).addr(), ARENA) };
    let mut word = (&raw const __sheap).cast_mut();
    let end = (&raw const word).cast::<u32>().wrapping_sub(MARGIN);
    while word.cast_const() < end {
        // SAFETY: between the variables and this function's frame nothing lies.
        unsafe { ptr::write_volatile(word, PAINT) };
        word = word.wrapping_add(1);
    }
}

/// What has been used so far.
pub fn measure() -> Memory {
    let (bottom, top) = (&raw const __sheap, &raw const _stack_start);
    let mut word = bottom;
    // SAFETY: RAM between the variables and the top of the stack.
    while word < top && unsafe { ptr::read_volatile(word) } == PAINT {
        word = word.wrapping_add(1);
    }
    let initialised = (&raw const __edata).addr() - (&raw const __sdata).addr();
    Memory {
        flash: size((&raw const __sidata).addr() + initialised - FLASH),
        statics: size(bottom.addr() - RAM),
        heap: size(HEAP.most.load(Ordering::Relaxed)),
        arena: size(ARENA),
        stack: size(top.addr() - word.addr()),
    }
}

fn size(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
