//! What the exports of a module do: check and hand over schemas, call the function of a batch, log.

use core::ffi::{CStr, c_char, c_void};
use core::ptr::null;

use crate::abi::{ArrowArray, ArrowSchema, CallResult, FAILED, NULLABLE, OK};
use crate::arena::keep_each;
use crate::column::Column;
use crate::kind::INT;
use crate::manifest::{ColumnSpec, Function};
use crate::rows::finish_failed;

/// Answers `wasmill_open`: the schemas of function `index`.
///
/// # Safety
/// `inputs` is a struct schema, `outputs` and `result` are writable; they live until the arena is reset.
pub unsafe fn open(
    functions: &[Function],
    index: u32,
    inputs: &ArrowSchema,
    outputs: &mut ArrowSchema,
    result: &mut CallResult,
) -> i32 {
    #[cfg(target_arch = "wasm32")]
    std::panic::set_hook(Box::new(|panic| log(&panic.to_string())));
    let Some(function) = functions.get(index as usize) else {
        finish_failed("the module has no such function", result);
        return FAILED;
    };
    // SAFETY: passed on from the caller.
    if !unsafe { agree(inputs, function.columns_in()) } {
        finish_failed("the input columns are not those of the manifest", result);
        return FAILED;
    }
    *outputs = schema("+s\0", null(), function.columns_out());
    OK
}

/// Whether the children of a schema are of the types of `columns`, all the way down.
unsafe fn agree<'a>(schema: &ArrowSchema, columns: impl IntoIterator<Item = &'a ColumnSpec>) -> bool {
    let mut found = 0;
    columns.into_iter().all(|column| {
        found += 1;
        // SAFETY: the schema has as many children as it says, each with a format ended by a zero.
        found <= schema.n_children
            && unsafe {
                let child = &**schema.children.add(found as usize - 1);
                let format = CStr::from_ptr(child.format.cast::<c_char>());
                format.to_bytes_with_nul() == column.format.as_bytes() && agree(child, column.children)
            }
    }) && found == schema.n_children
}

fn schema<'a>(
    format: &'static str,
    name: *const u8,
    columns: impl Iterator<Item = &'a ColumnSpec> + Clone,
) -> ArrowSchema {
    let count = columns.clone().count();
    ArrowSchema {
        format: format.as_ptr(),
        name,
        metadata: null(),
        flags: NULLABLE,
        n_children: count as i64,
        children: keep_each(count, columns.map(schema_of_column)),
        dictionary: null(),
        release: null(),
        private_data: null(),
    }
}

fn schema_of_column(column: &ColumnSpec) -> *const ArrowSchema {
    let name = keep_each(column.name.len() + 1, column.name.bytes().chain([0]));
    keep_each(1, core::iter::once(schema(column.format, name, column.children.iter())))
}

/// Answers `wasmill_process`.
///
/// # Safety
/// `call` leads to what the ABI says function `index` is called with.
pub unsafe fn process(
    functions: &[Function],
    index: u32,
    call: *const c_void,
    result: &mut CallResult,
) -> i32 {
    match functions.get(index as usize) {
        // SAFETY: passed on from the caller.
        Some(function) => unsafe { (function.run)(call, result) },
        None => {
            finish_failed("the module has no such function", result);
            FAILED
        }
    }
}

/// Rows and the group of each.
///
/// # Safety
/// The last child of `rows` is a column of INT without nulls.
pub unsafe fn grouped(rows: &ArrowArray) -> (&ArrowArray, &[i32]) {
    // SAFETY: there is a last child, by the caller's word.
    let last = unsafe { &**rows.children.add(rows.n_children as usize - 1) };
    // SAFETY: it is of this kind, by the caller's word.
    (rows, unsafe { Column::<INT>::from_array(last) }.values())
}

/// What a whole-batch function may give back: nothing, or a result whose error fails the batch.
pub trait Status {
    fn finish(self, result: &mut CallResult) -> i32;
}

impl Status for () {
    fn finish(self, _: &mut CallResult) -> i32 {
        OK
    }
}

impl<E: ToString> Status for Result<(), E> {
    fn finish(self, result: &mut CallResult) -> i32 {
        match self {
            Ok(()) => OK,
            Err(error) => {
                finish_failed(&error.to_string(), result);
                FAILED
            }
        }
    }
}

/// Writes a line to the log of the server, which keeps the first kilobyte of a line and so many lines of a call.
pub fn log(line: &str) {
    #[cfg(target_arch = "wasm32")]
    {
        #[link(wasm_import_module = "wasmill")]
        unsafe extern "C" {
            #[link_name = "log"]
            fn host_log(line: *const u8, bytes: usize);
        }
        // SAFETY: the host reads the bytes of a live text.
        unsafe { host_log(line.as_ptr(), line.len()) };
    }
    #[cfg(all(not(target_arch = "wasm32"), debug_assertions))]
    #[allow(clippy::print_stderr, reason = "in a unit test the log is the terminal")]
    {
        eprintln!("{line}");
    }
    #[cfg(all(not(target_arch = "wasm32"), not(debug_assertions)))]
    let _ = line;
}
