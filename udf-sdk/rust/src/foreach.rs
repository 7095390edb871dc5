//! What a call of a foreach function does: opens a partition, goes through rows, closes it. One partition lives in a
//! guest at a time.

use core::ptr::null;

use crate::abi::{ArrowArray, CallResult, FAILED, ForeachCall, OK, OPEN, PROCESS, ROW_SKIP};
use crate::arena::keep;
use crate::column::Column;
use crate::entry::Status;
use crate::kind::STRING;
use crate::rows::{Groups, Outputs, PutRow, finish_failed, keep_array};

/// Takes the effects of rows, and of the end of a partition.
pub struct Effects<O: Outputs>(Groups<O>);

impl<O: Outputs> Effects<O> {
    fn new(rows: usize) -> Effects<O> {
        Effects(Groups::new(rows))
    }

    /// Adds an effect, which takes place when the batch is safe. A refused value fails the batch.
    #[inline(always)]
    pub fn emit(&mut self, values: impl PutRow<O>) {
        self.0.put(values);
    }
}

/// The functions of a module's foreach type; `T` is what it keeps of an open partition.
pub struct Functions<O, P, C> {
    pub open: O,
    /// Gets the rows of a call.
    pub process: P,
    pub close: C,
}

/// Answers a call. `held` is the partition that is open.
///
/// # Safety
/// `call` is a call as the ABI describes it.
pub unsafe fn run<T, E: Outputs, S: Status>(
    held: &mut Option<T>,
    call: &ForeachCall,
    result: &mut CallResult,
    functions: Functions<
        impl FnOnce(u32, u64) -> Option<T>,
        impl FnOnce(&mut T, &ArrowArray, &mut Effects<E>, &mut CallResult) -> i32,
        impl FnOnce(T, &mut Effects<E>, Option<&str>) -> S,
    >,
) -> i32 {
    match call.step {
        OPEN => {
            *held = (functions.open)(call.partition, call.epoch);
            if held.is_none() {
                let skip = keep(&[ROW_SKIP]).cast::<u8>();
                result.outcome = keep_array(ArrowArray::of_buffers(1, 0, &[null(), skip]));
            }
            OK
        }
        PROCESS => {
            let Some(open) = held else {
                finish_failed("rows came without an open partition", result);
                return FAILED;
            };
            // SAFETY: this step has rows, by the caller's word.
            let rows = unsafe { &*call.rows };
            let mut effects = Effects::new(rows.length as usize);
            match (functions.process)(open, rows, &mut effects, result) {
                OK => effects.0.finish(result),
                failed => failed,
            }
        }
        _ => {
            // SAFETY: this step has a row of one text, by the caller's word.
            let error = unsafe { Column::<STRING>::from_array(&**(*call.error).children) };
            let mut effects = Effects::new(0);
            // A partition that was not wanted has nothing to close.
            let closed = match held.take() {
                Some(open) => (functions.close)(open, &mut effects, error.get(0)).finish(result),
                None => OK,
            };
            match closed {
                OK => effects.0.finish(result),
                failed => failed,
            }
        }
    }
}
