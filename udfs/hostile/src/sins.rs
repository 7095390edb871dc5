//! The sins. Each takes a batch of rows and hands back something wrong, or never comes back.

use core::hint::black_box;

use crate::abi::{ArrowArray, ArrowSchema, LIE, TransformResult, array, keep, memory_end, schema};

/// What is wrong with a function.
#[derive(Clone, Copy)]
pub struct Sin {
    at_open: AtOpen,
    pub process: fn(&ArrowArray, &mut TransformResult) -> i32,
}

#[derive(Clone, Copy, PartialEq)]
enum AtOpen {
    Fine,
    Endless,
    WrongType,
    WrongName,
    NoSchema,
    EndlessFormat,
    /// From now on the arena answers this.
    Arena(usize),
}

#[link(wasm_import_module = "wasmill")]
unsafe extern "C" {
    #[link_name = "log"]
    fn log(line: usize, bytes: usize);
}

pub fn open(sin: Sin, outputs: &mut ArrowSchema) {
    let mut column = schema(c"u".as_ptr() as usize, c"y".as_ptr() as usize, &[]);
    match sin.at_open {
        AtOpen::Endless => endless(),
        AtOpen::WrongType => column.format = c"l".as_ptr() as usize,
        AtOpen::WrongName => column.name = c"z".as_ptr() as usize,
        AtOpen::EndlessFormat => column.format = keep(&[b'u'; 4096]),
        AtOpen::NoSchema => return,
        AtOpen::Fine | AtOpen::Arena(_) => {}
    }
    *outputs = schema(c"+s".as_ptr() as usize, c"".as_ptr() as usize, &[keep(&[column])]);
    if let AtOpen::Arena(lie) = sin.at_open {
        LIE.set(Some(lie));
    }
}

fn endless() {
    let mut turns = 0u64;
    loop {
        turns = black_box(turns).wrapping_add(1);
        if turns == u64::MAX {
            break;
        }
    }
}

/// A column of the text `ab` in each row.
fn column(rows: i64) -> ArrowArray {
    let offsets: Vec<i32> = (0..=rows as i32).map(|row| row * 2).collect();
    let data = "ab".repeat(rows as usize);
    array(rows, &[0, keep(&offsets), keep(data.as_bytes())], &[])
}

fn give(result: &mut TransformResult, rows: i64, column: ArrowArray) -> i32 {
    result.columns = keep(&[array(rows, &[0], &[keep(&[column])])]);
    0
}

/// Handing back what `change` made of the right column.
macro_rules! changed {
    ($($name:ident |$column:ident, $rows:ident| $change:expr;)+) => {$(
        #[allow(non_upper_case_globals, reason = "named as in the manifest")]
        pub const $name: Sin = Sin {
            at_open: AtOpen::Fine,
            process: |batch, result| {
                let $rows = batch.length;
                let mut $column = column($rows);
                $change;
                give(result, $rows, $column)
            },
        };
    )+};
}

/// Doing something else altogether.
macro_rules! done {
    ($($name:ident $at_open:expr, |$batch:ident, $result:ident| $body:expr;)+) => {$(
        #[allow(non_upper_case_globals, reason = "named as in the manifest")]
        pub const $name: Sin = Sin { at_open: $at_open, process: |$batch, $result| $body };
    )+};
}

fn well(batch: &ArrowArray, result: &mut TransformResult) -> i32 {
    give(result, batch.length, column(batch.length))
}

fn set_buffer(column: &mut ArrowArray, index: usize, address: usize) {
    // SAFETY: the column has this buffer.
    unsafe { *(column.buffers as *mut usize).add(index) = address };
}

fn offsets(column: &mut ArrowArray, offsets: &[i32]) {
    set_buffer(column, 1, keep(offsets));
}

changed! {
    column_outside |column, rows| { column.buffers = memory_end() - 4; };
    wrong_buffer_count |column, rows| column.n_buffers = 2;
    length_negative |column, rows| column.length = -1;
    length_huge |column, rows| column.length = i32::MAX as i64;
    length_beyond_32_bits |column, rows| column.length = rows + (1 << 32);
    length_short |column, rows| column.length = rows - 1;
    array_offset |column, rows| column.offset = 1;
    dictionary |column, rows| column.dictionary = keep(&[column]);
    offsets_missing |column, rows| set_buffer(&mut column, 1, 0);
    offsets_fall |column, rows| offsets(&mut column, &[0, 4, 2, 4]);
    offsets_negative |column, rows| offsets(&mut column, &[-4, 0, 2, 4]);
    offsets_leave_memory |column, rows| offsets(&mut column, &[0, 1, 2, i32::MAX]);
    data_outside |column, rows| set_buffer(&mut column, 2, memory_end() - 1);
    validity_outside |column, rows| set_buffer(&mut column, 0, usize::MAX);
    not_utf8 |column, rows| set_buffer(&mut column, 2, keep(&[0xffu8; 6]));
    half_characters |column, rows| {
        set_buffer(&mut column, 2, keep("äöü".as_bytes()));
        offsets(&mut column, &[0, 1, 3, 6]);
    };
    unaligned_buffers |column, rows| {
        let bytes: Vec<u8> = (0..=rows as i32).flat_map(|row| (row * 2).to_le_bytes()).collect();
        let moved: Vec<u8> = core::iter::once(0).chain(bytes).collect();
        set_buffer(&mut column, 1, keep(&moved) + 1);
    };
    wrong_null_count |column, rows| column.null_count = 77;
    offsets_from_the_middle |column, rows| {
        set_buffer(&mut column, 2, keep(b"xxxxababab"));
        offsets(&mut column, &[4, 6, 8, 10]);
    };
}

#[inline(never)]
fn recurse(depth: u64) -> u64 {
    if black_box(depth) == u64::MAX { 0 } else { 1 + recurse(depth + 1) }
}

fn with_origin(batch: &ArrowArray, result: &mut TransformResult, origin: &[i32]) -> i32 {
    result.origin = keep(&[array(origin.len() as i64, &[0, keep(origin)], &[])]);
    well(batch, result)
}

fn with_outcome(batch: &ArrowArray, result: &mut TransformResult, codes: &[u8]) -> i32 {
    result.outcome = keep(&[array(codes.len() as i64, &[0, keep(codes)], &[])]);
    well(batch, result)
}

fn every_second(batch: &ArrowArray, code: u8) -> Vec<u8> {
    (0..batch.length).map(|row| if row % 2 == 1 { code } else { 0 }).collect()
}

done! {
    endless_loop AtOpen::Fine, |_batch, _result| { endless(); 0 };
    endless_open AtOpen::Endless, |batch, result| well(batch, result);
    endless_alloc AtOpen::Fine, |_batch, _result| {
        let mut kept = Vec::new();
        loop {
            kept.push(black_box(vec![1u8; 1 << 20]));
        }
    };
    endless_bulk_fill AtOpen::Fine, |_batch, _result| {
        let mut bytes = vec![0u8; 8 << 20];
        let mut value = 0u8;
        loop {
            bytes.fill(value);
            value = black_box(&bytes)[0].wrapping_add(1);
        }
    };
    grow_memory AtOpen::Fine, |_batch, _result| {
        // A refused growth is no trap: the guest is told, and may go on. This one does not.
        while core::arch::wasm32::memory_grow(0, 1) != usize::MAX {}
        core::arch::wasm32::unreachable()
    };
    trap AtOpen::Fine, |_batch, _result| core::arch::wasm32::unreachable();
    divide_by_zero AtOpen::Fine, |batch, _result| {
        // SAFETY: none, that is the sin: the machine divides without asking.
        unsafe { core::hint::assert_unchecked(black_box(batch.length) != 0) };
        let zero = black_box(batch.length) - batch.length;
        (batch.length.checked_div(black_box(zero))).map_or_else(|| core::arch::wasm32::unreachable(), |n| n as i32)
    };
    read_outside AtOpen::Fine, |_batch, _result| {
        // SAFETY: none, that is the sin.
        unsafe { black_box(memory_end() as *const i32).read_volatile() }
    };
    deep_recursion AtOpen::Fine, |batch, _result| recurse(batch.length as u64) as i32;
    log_flood AtOpen::Fine, |batch, result| {
        let line = "\u{1b}[31mflood ".repeat(4096);
        for _ in 0..10_000 {
            // SAFETY: the line lives.
            unsafe { log(line.as_ptr() as usize, line.len()) };
        }
        well(batch, result)
    };
    log_outside AtOpen::Fine, |_batch, _result| {
        // SAFETY: the host refuses it.
        unsafe { log(memory_end() - 1, 2) };
        0
    };
    fail_without_reason AtOpen::Fine, |_batch, _result| -7;
    fail_with_reason AtOpen::Fine, |_batch, result| {
        result.message = keep(b"out of \x1b[31mluck");
        result.message_bytes = 16;
        1
    };
    fail_with_reason_outside AtOpen::Fine, |_batch, result| {
        result.message = memory_end() - 1;
        result.message_bytes = usize::MAX;
        1
    };
    no_columns AtOpen::Fine, |_batch, _result| 0;
    columns_outside AtOpen::Fine, |_batch, result| { result.columns = usize::MAX - 3; 0 };
    column_missing AtOpen::Fine, |batch, result| {
        result.columns = keep(&[array(batch.length, &[0], &[0])]);
        0
    };
    child_is_its_parent AtOpen::Fine, |batch, result| {
        let parent = keep(&[array(batch.length, &[0], &[0])]);
        // SAFETY: the array was just kept, and its list has one child.
        unsafe { *((*(parent as *const ArrowArray)).children as *mut usize) = parent };
        result.columns = parent;
        0
    };
    children_at_the_end AtOpen::Fine, |batch, result| {
        let mut parent = array(batch.length, &[0], &[0]);
        parent.children = memory_end() - 2;
        result.columns = keep(&[parent]);
        0
    };
    too_few_children AtOpen::Fine, |batch, result| {
        result.columns = keep(&[array(batch.length, &[0], &[])]);
        0
    };
    too_much_output AtOpen::Fine, |batch, result| {
        let bytes = vec![b'x'; 20 << 20];
        let mut column = column(batch.length);
        offsets(&mut column, &[0, 1, 2, bytes.len() as i32]);
        set_buffer(&mut column, 2, bytes.as_ptr() as usize);
        core::mem::forget(bytes);
        give(result, batch.length, column)
    };
    wrong_type_at_open AtOpen::WrongType, |batch, result| well(batch, result);
    wrong_name_at_open AtOpen::WrongName, |batch, result| well(batch, result);
    no_schema_at_open AtOpen::NoSchema, |batch, result| well(batch, result);
    endless_format_at_open AtOpen::EndlessFormat, |batch, result| well(batch, result);
    arena_null AtOpen::Arena(0), |batch, result| well(batch, result);
    arena_outside AtOpen::Arena(0xffff_ff40), |batch, result| well(batch, result);
    arena_unaligned AtOpen::Arena(65_537), |batch, result| well(batch, result);
    origin_missing AtOpen::Fine, |batch, result| well(batch, result);
    origin_unannounced AtOpen::Fine, |batch, result| with_origin(batch, result, &[0, 1, 2]);
    origin_falls AtOpen::Fine, |batch, result| with_origin(batch, result, &[0, 2, 1]);
    origin_negative AtOpen::Fine, |batch, result| with_origin(batch, result, &[-1, 0, 1]);
    origin_too_large AtOpen::Fine, |batch, result| with_origin(batch, result, &[0, 1, 3]);
    origin_short AtOpen::Fine, |batch, result| with_origin(batch, result, &[0, 1]);
    outcome_unknown AtOpen::Fine, |batch, result| with_outcome(batch, result, &[0, 9, 0]);
    outcome_short AtOpen::Fine, |batch, result| with_outcome(batch, result, &[0]);
    outcome_outside AtOpen::Fine, |batch, result| {
        let status = well(batch, result);
        result.outcome = memory_end() - 8;
        status
    };
    error_not_utf8 AtOpen::Fine, |batch, result| {
        let mut texts = column(batch.length);
        set_buffer(&mut texts, 2, keep(&[0xc0u8; 6]));
        result.error = keep(&[texts]);
        with_outcome(batch, result, &[0, 2, 0])
    };
    skip_every_second_row AtOpen::Fine, |batch, result| with_outcome(batch, result, &every_second(batch, 1));
    fail_every_second_row AtOpen::Fine, |batch, result| {
        let origin: Vec<i32> = (0..batch.length as i32).collect();
        result.error = keep(&[column(batch.length)]);
        let codes = every_second(batch, 2);
        result.outcome = keep(&[array(codes.len() as i64, &[0, keep(&codes)], &[])]);
        with_origin(batch, result, &origin)
    };
}
