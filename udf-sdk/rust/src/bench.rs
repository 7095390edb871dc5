//! The native half of `wasmill udf bench`: runs a transform on the batches of a file and prints what each takes. Reads
//! what `server/src/cli/udf/bench/native.rs` writes.

use core::ffi::c_void;
use core::hint::black_box;
use core::mem::zeroed;
use core::ptr::{from_ref, null};
use std::time::{Duration, Instant};

use crate::abi::{ArrowArray, BUFFER_ALIGN, BUFFER_PADDING, CallResult, OK};
use crate::arena;
use crate::manifest::Function;

/// Takes the function, the file, how long to measure in milliseconds, and how often at least and at most from the
/// program's arguments; prints the median nanoseconds of each batch.
#[allow(clippy::expect_used, clippy::print_stdout, reason = "a program of its own, for one caller")]
pub fn run(functions: &[Function]) {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().expect("FUNCTION FILE MILLISECONDS CALLS_MIN CALLS_MAX");
    let (name, file) = (next(), next());
    let mut number = || next().parse::<u64>().expect("a number");
    let (measure, least, most) = (Duration::from_millis(number()), number() as usize, number() as usize);
    let function = functions.iter().find(|function| function.name == name).expect("a function of the module");
    let bytes = std::fs::read(file).expect("the file of rows");
    let mut bytes = Bytes(&bytes);
    for _ in 0..bytes.number() {
        let batch = bytes.batch();
        let (started, mut times) = (Instant::now(), Vec::new());
        while times.len() < least || (started.elapsed() < measure && times.len() < most) {
            let start = Instant::now();
            call(function, &batch);
            times.push(start.elapsed());
        }
        times.sort_unstable();
        println!("{}", times[times.len() / 2].as_nanos());
    }
}

fn call(function: &Function, batch: &ArrowArray) {
    // SAFETY: a result is given zeroed, and the batch is one of the function's inputs.
    let (status, result) = unsafe {
        let mut result: CallResult = zeroed();
        ((function.run)(from_ref(batch).cast::<c_void>(), &mut result), result)
    };
    assert!(status == OK, "the function gave up on the batch");
    black_box(result.columns);
    arena::reset();
}

/// What is left of the file.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn number(&mut self) -> usize {
        let (number, rest) = self.0.split_at(8);
        self.0 = rest;
        number.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
    }

    /// A batch in memory that is never given back.
    fn batch(&mut self) -> ArrowArray {
        let (rows, columns) = (self.number(), self.number());
        let children = (0..columns).map(|_| self.array()).collect();
        array(rows, 0, vec![null()], children)
    }

    fn array(&mut self) -> ArrowArray {
        let (rows, nulls, buffers) = (self.number(), self.number(), self.number());
        let buffers = (0..buffers).map(|_| self.buffer()).collect();
        let children = (0..self.number()).map(|_| self.array()).collect();
        array(rows, nulls, buffers, children)
    }

    fn buffer(&mut self) -> *const u8 {
        let count = self.number();
        let (from, rest) = self.0.split_at(count);
        self.0 = rest;
        let room = vec![0u8; count + BUFFER_ALIGN + BUFFER_PADDING].leak();
        let start = room.as_ptr().align_offset(BUFFER_ALIGN);
        room[start..start + count].copy_from_slice(from);
        room[start..].as_ptr()
    }
}

fn array(rows: usize, nulls: usize, buffers: Vec<*const u8>, children: Vec<ArrowArray>) -> ArrowArray {
    let children: Vec<*const ArrowArray> =
        children.into_iter().map(|child| from_ref(Box::leak(Box::new(child)))).collect();
    ArrowArray {
        length: rows as i64,
        null_count: nulls as i64,
        offset: 0,
        n_buffers: buffers.len() as i64,
        n_children: children.len() as i64,
        buffers: buffers.leak().as_ptr(),
        children: children.leak().as_ptr(),
        dictionary: null(),
        release: null(),
        private_data: null(),
    }
}
