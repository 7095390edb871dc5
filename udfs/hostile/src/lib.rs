//! hostile: one function a sin, written against the raw ABI, because the SDK would not allow most of them.
//! The host must live through every one. Natively there is nothing here.
#![cfg(target_arch = "wasm32")]

mod abi;
mod sins;

use abi::{ArrowArray, ArrowSchema, TransformResult};
use sins::Sin;

/// Lists the functions in the manifest and in the table of sins, all `(x BIGINT, line STRING) -> (y STRING)`.
macro_rules! sins {
    ($first:ident $origin:literal $(, $name:ident $more_origin:literal)* $(,)?) => {
        #[used]
        #[unsafe(link_section = "wasmill.manifest")]
        static MANIFEST: [u8; TEXT.len()] = *TEXT;

        const TEXT: &[u8; SIZE] = match TEXT_STR.as_bytes().first_chunk::<SIZE>() {
            Some(text) => text,
            None => panic!("a text has its own size"),
        };
        const SIZE: usize = TEXT_STR.len();
        const TEXT_STR: &str = concat!(
            r#"{"abi":1,"sdk":"none","functions":["#,
            sins!(@function $first $origin),
            $(",", sins!(@function $name $more_origin),)*
            "]}"
        );

        const SINS: &[Sin] = &[sins::$first, $(sins::$name),*];
    };
    (@function $name:ident $origin:literal) => {
        concat!(
            r#"{"kind":"transform","name":""#, stringify!($name),
            r#"","input":[{"name":"x","type":"BIGINT"},{"name":"line","type":"STRING"}],"#,
            r#""output":[{"name":"y","type":"STRING"}],"origin":"#, $origin, "}"
        )
    };
}

sins! {
    endless_loop "false",
    endless_open "false",
    endless_alloc "false",
    endless_bulk_fill "false",
    grow_memory "false",
    trap "false",
    divide_by_zero "false",
    read_outside "false",
    deep_recursion "false",
    log_flood "false",
    log_outside "false",
    fail_without_reason "false",
    fail_with_reason "false",
    fail_with_reason_outside "false",
    no_columns "false",
    columns_outside "false",
    column_missing "false",
    column_outside "false",
    child_is_its_parent "false",
    children_at_the_end "false",
    too_few_children "false",
    wrong_buffer_count "false",
    length_negative "false",
    length_huge "false",
    length_beyond_32_bits "false",
    length_short "false",
    array_offset "false",
    dictionary "false",
    offsets_missing "false",
    offsets_fall "false",
    offsets_negative "false",
    offsets_leave_memory "false",
    data_outside "false",
    validity_outside "false",
    not_utf8 "false",
    half_characters "false",
    too_much_output "false",
    wrong_type_at_open "false",
    wrong_name_at_open "false",
    no_schema_at_open "false",
    endless_format_at_open "false",
    arena_null "false",
    arena_outside "false",
    arena_unaligned "false",
    origin_missing "true",
    origin_unannounced "false",
    origin_falls "true",
    origin_negative "true",
    origin_too_large "true",
    origin_short "true",
    outcome_unknown "false",
    outcome_short "false",
    outcome_outside "false",
    error_not_utf8 "false",
    // What looks wrong and is allowed.
    unaligned_buffers "false",
    wrong_null_count "false",
    offsets_from_the_middle "false",
    skip_every_second_row "false",
    fail_every_second_row "true",
}

#[unsafe(export_name = "wasmill_arena_alloc")]
extern "C" fn arena_alloc(bytes: usize, align: usize) -> usize {
    abi::alloc(bytes, align)
}

#[unsafe(export_name = "wasmill_arena_reset")]
extern "C" fn arena_reset() {
    abi::reset();
}

#[unsafe(export_name = "wasmill_open")]
extern "C" fn open(
    function: usize,
    _: &ArrowSchema,
    outputs: &mut ArrowSchema,
    _: &mut TransformResult,
) -> i32 {
    sins::open(SINS[function], outputs);
    0
}

#[unsafe(export_name = "wasmill_process")]
extern "C" fn process(function: usize, batch: &ArrowArray, result: &mut TransformResult) -> i32 {
    (SINS[function].process)(batch, result)
}
