/* wasmill.h: stages for wasmill in C11, C++ or with `zig cc`. One header, no libc, nothing to allocate or free.
 *
 *     #include "wasmill.h"
 *
 *     static int shout(wm_call *call) {
 *         wm_texts words = wm_in_text(call, 0);
 *         wm_text_out *loud = wm_out_text(call, 0);
 *         ...
 *         return WM_OK;
 *     }
 *
 *     #define FUNCTIONS(F, C) F(shout, MAP, C(word, STRING), C(loud, STRING))
 *     WM_MODULE(FUNCTIONS)
 *
 *     clang --target=wasm32 -O3 -mbulk-memory -msimd128 -nostdlib -Wl,--no-entry -Wl,--initial-memory=5242880 -o shout.wasm shout.c
 *
 * README.md beside this file is the reference, ../ABI.md is what crosses the boundary. Needs clang.
 */
#ifndef WASMILL_H
#define WASMILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WM_OK 0
#define WM_FAILED 1

/* ---- The structs of the boundary, as ../ABI.md has them ---- */

typedef struct wm_schema {
    const char *format, *name, *metadata;
    int64_t flags, n_children;
    const struct wm_schema *const *children;
    const struct wm_schema *dictionary;
    void *release, *private_data;
} wm_schema;

typedef struct wm_array {
    int64_t length, null_count, offset, n_buffers, n_children;
    const void *const *buffers;
    const struct wm_array *const *children;
    const struct wm_array *dictionary;
    void *release, *private_data;
} wm_array;

typedef struct {
    const wm_array *columns, *origin, *outcome, *error;
    const char *message;
    uint32_t message_bytes;
    const wm_array *states, *timers;
} wm_result;

typedef struct {
    int32_t step;
    const wm_array *states, *rows;
} wm_aggregate_call;

typedef struct {
    int64_t watermark, time;
    const wm_array *keys, *states, *rows, *timers, *fired;
} wm_group_call;

/* ---- What functions work with ---- */

/* A text, or bytes; no zero stands behind it. */
typedef struct {
    const char *at;
    uint32_t bytes;
} wm_text;

/* A DECIMAL without its point: a 128-bit number of the smallest units. */
typedef struct {
    uint64_t low;
    int64_t high;
} wm_decimal;

/* A column of the manifest. */
typedef struct {
    const char *name, *format;
} wm_column;

/* A column that is being made. `values` are bits, values of `width` bytes, or the bytes of texts. */
typedef struct {
    const char *format;
    uint32_t width, rows, rows_max, nulls;
    uint8_t *values, *valid;
    int32_t *offsets;
    uint32_t bytes, bytes_max;
} wm_out;

/* One batch on its way through a function. */
typedef struct wm_call {
    /* Rows of each input column. */
    uint32_t rows;
    /* GROUP: the watermark, WM_NO_WATERMARK if there is none; the time of the batch by the clock, the same whenever it
     * runs again; and the timers of the group at hand that run. All are microseconds since 1970-01-01 UTC. */
    int64_t watermark, time;
    int64_t *timers;
    uint32_t timers_count, timers_max;
    /* The number of the group at hand. */
    uint32_t group;

    const wm_column *inputs, *outputs;
    uint32_t inputs_count, outputs_count;
    const wm_array *const *in;
    wm_out *out;
    wm_result *result;
    /* Input rows of the output rows, or their groups. */
    wm_out origin;
    uint8_t *outcomes;
    wm_out *errors;
} wm_call;

#define WM_NO_WATERMARK INT64_MIN

typedef enum { WM_MAP, WM_FLAT_MAP, WM_AGGREGATE, WM_GROUP } wm_shape;
typedef enum { WM_TIME_NONE, WM_TIME_EVENT, WM_TIME_PROCESSING } wm_time;

/* A function of the module. */
typedef struct wm_function {
    const char *name;
    wm_shape shape;
    wm_time time;
    int (*run)(const struct wm_function *function, const void *call, wm_result *result);
    /* `loaded` are the columns of keys and states, `handed` those of states and outputs. */
    const wm_column *inputs, *outputs, *loaded, *state, *handed;
} wm_function;

/* ---- Memory: an arena behind the program's data that is empty again after each batch ---- */

#define WM_ALIGN 64u
/* Behind every buffer so many bytes may be read or written, so that a copy need not stop at the last byte. */
#define WM_PADDING 16u
#define WM_PAGE 65536u

#if defined(__cplusplus)
#define WM_C extern "C"
#else
#define WM_C extern
#endif

#if defined(__wasm__)
WM_C unsigned char __heap_base;
WM_C __attribute__((import_module("wasmill"), import_name("log"))) void wm_host_log(const char *at, uint32_t bytes);
#else
/* Natively, in a test of the module's author: as much memory as a module gets, and the log is the terminal. */
#include <stdio.h>
static unsigned char wm_native_memory[64u << 20] __attribute__((aligned(64)));
static inline void wm_host_log(const char *at, uint32_t bytes) { fprintf(stderr, "%.*s\n", (int)bytes, at); }
#endif

#define WM_API static inline __attribute__((unused))

static uint32_t wm_arena_at;

WM_API uint32_t wm_length(const char *text) {
    uint32_t bytes = 0;
    while (text[bytes]) bytes++;
    return bytes;
}

/* Writes a line to the log of the server. */
WM_API void wm_log(const char *line) { wm_host_log(line, wm_length(line)); }

/* Ends the batch as a trap, for mistakes in the program itself. */
__attribute__((noreturn, cold, noinline, unused)) static void wm_die(const char *why) {
    wm_log(why);
    __builtin_trap();
}

/* Memory until the end of the batch, not zeroed; null if there is no more. */
WM_API void *wm_try_alloc(uint32_t bytes, uint32_t align) {
#if defined(__wasm__)
    uint64_t start = wm_arena_at ? wm_arena_at : (uint32_t)(uintptr_t)&__heap_base;
    start = (start + align - 1) & ~(uint64_t)(align - 1);
    uint64_t end = start + bytes;
    uint64_t pages = __builtin_wasm_memory_size(0), pages_needed = (end + WM_PAGE - 1) / WM_PAGE;
    if (pages_needed > pages) {
        /* As much again as there is, so that a batch that grows asks seldom; if that is too much, just enough. */
        if (pages_needed >= WM_PAGE) return NULL;
        if (__builtin_wasm_memory_grow(0, pages_needed > 2 * pages ? pages_needed - pages : pages) == (size_t)-1 &&
            __builtin_wasm_memory_grow(0, pages_needed - pages) == (size_t)-1)
            return NULL;
    }
    wm_arena_at = (uint32_t)end;
    return (void *)(uintptr_t)start;
#else
    uint64_t start = ((uint64_t)wm_arena_at + align - 1) & ~(uint64_t)(align - 1);
    if (start + bytes > sizeof wm_native_memory) return NULL;
    wm_arena_at = (uint32_t)(start + bytes);
    return wm_native_memory + start;
#endif
}

/* The same with the padding of a buffer; it traps if there is no more. What a batch takes is never given back singly. */
WM_API void *wm_alloc(uint32_t bytes) {
    void *at = bytes < UINT32_MAX - WM_PADDING ? wm_try_alloc(bytes + WM_PADDING, WM_ALIGN) : NULL;
    if (!at) wm_die("the batch does not fit into the memory of the module");
    return at;
}

/* Copies a short piece in two moves, for a call of the machine's bulk copy costs more. Up to WM_PADDING bytes behind
 * both may be touched; behind a text of a batch and behind memory of the arena they are there. */
WM_API void wm_copy(void *to, const void *from, uint32_t bytes) {
#if defined(__wasm__)
    if (bytes <= WM_PADDING) {
        typedef uint8_t wm_block __attribute__((vector_size(16), aligned(1), may_alias));
        *(wm_block *)to = *(const wm_block *)from;
        return;
    }
#endif
    if (bytes) __builtin_memcpy(to, from, bytes);
}

/* ---- Input columns: `valid` and values; a null `valid` means that no row is null ---- */

WM_API bool wm_is_null(const uint8_t *valid, uint32_t row) {
    return valid && !(valid[row >> 3] >> (row & 7) & 1);
}

/* Type letters of a column that hold the same values: DATE is an `i`, times and intervals are an `l`. */
WM_API char wm_letter(const char *format) {
    if (format[0] != 't') return format[0];
    return format[1] == 'd' ? 'i' : 'l';
}

WM_API uint32_t wm_count(const wm_column *columns) {
    uint32_t count = 0;
    while (columns[count].name) count++;
    return count;
}

WM_API const void *const *wm_input(const wm_call *call, uint32_t column, char letter, char or_letter) {
    if (column >= call->inputs_count) wm_die("there is no input column of this number");
    char found = wm_letter(call->inputs[column].format);
    if (found != letter && found != or_letter) wm_die("an input column has another type than it is read as");
    return call->in[column]->buffers;
}

WM_API wm_out *wm_output(const wm_call *call, uint32_t column, char letter, char or_letter) {
    if (column >= call->outputs_count) wm_die("there is no output column of this number");
    char found = wm_letter(call->outputs[column].format);
    if (found != letter && found != or_letter) wm_die("an output column has another type than it is written as");
    return &call->out[column];
}

/* ---- Output columns ---- */

WM_API uint32_t wm_bits(uint32_t rows) { return rows / 8 + 1; }

WM_API void wm_start(wm_out *out, const char *format, uint32_t rows) {
    char letter = wm_letter(format);
    __builtin_memset(out, 0, sizeof *out);
    out->format = format;
    out->rows_max = rows < 64 ? 64 : rows;
    switch (letter) {
    case 'b': out->width = 0; break;
    case 'c': case 'C': out->width = 1; break;
    case 's': out->width = 2; break;
    case 'i': case 'f': out->width = 4; break;
    case 'd': out->width = 16; break;
    case 'u': case 'z':
        out->bytes_max = 16 * out->rows_max;
        out->values = (uint8_t *)wm_alloc(out->bytes_max);
        out->offsets = (int32_t *)wm_alloc(4 * (out->rows_max + 1));
        out->offsets[0] = 0;
        return;
    default: out->width = 8;
    }
    out->values = (uint8_t *)wm_alloc(out->width ? out->width * out->rows_max : wm_bits(out->rows_max));
}

WM_API void *wm_grown(const void *old, uint64_t bytes, uint64_t bytes_wanted) {
    if (bytes_wanted > UINT32_MAX) wm_die("the batch does not fit into the memory of the module");
    void *grown = wm_alloc((uint32_t)bytes_wanted);
    __builtin_memcpy(grown, old, (uint32_t)bytes);
    return grown;
}

/* Every row is valid until it is made null. */
WM_API void wm_make_valid(wm_out *out) {
    uint8_t *valid = (uint8_t *)wm_alloc(wm_bits(out->rows_max));
    __builtin_memset(valid, 0xff, wm_bits(out->rows_max));
    if (out->valid) __builtin_memcpy(valid, out->valid, wm_bits(out->rows));
    out->valid = valid;
}

__attribute__((noinline, unused)) static void wm_grow_rows(wm_out *out, uint32_t more) {
    uint64_t wanted = (uint64_t)out->rows + more;
    if (wanted < 2 * (uint64_t)out->rows_max) wanted = 2 * (uint64_t)out->rows_max;
    if (wanted > INT32_MAX) wm_die("the batch does not fit into the memory of the module");
    out->rows_max = (uint32_t)wanted;
    if (out->offsets) {
        out->offsets = (int32_t *)wm_grown(out->offsets, 4 * ((uint64_t)out->rows + 1), 4 * (wanted + 1));
    } else if (out->width) {
        out->values = (uint8_t *)wm_grown(out->values, (uint64_t)out->rows * out->width, wanted * out->width);
    } else {
        out->values = (uint8_t *)wm_grown(out->values, wm_bits(out->rows), wm_bits(out->rows_max));
    }
    if (out->valid) wm_make_valid(out);
}

__attribute__((noinline, unused)) static void wm_grow_bytes(wm_out *out, uint32_t more) {
    uint64_t wanted = (uint64_t)out->bytes + more;
    if (wanted < 2 * (uint64_t)out->bytes_max) wanted = 2 * (uint64_t)out->bytes_max;
    if (wanted > INT32_MAX) wm_die("the batch does not fit into the memory of the module");
    out->values = (uint8_t *)wm_grown(out->values, out->bytes, wanted);
    out->bytes_max = (uint32_t)wanted;
}

WM_API void wm_reserve(wm_out *out, uint32_t more) {
    if (out->rows_max - out->rows < more) wm_grow_rows(out, more);
}

/* Marks the row that was just pushed. */
WM_API void wm_mark_null(wm_out *out) {
    uint32_t row = out->rows - 1;
    if (!out->valid) wm_make_valid(out);
    out->valid[row >> 3] &= (uint8_t)~(1u << (row & 7));
    out->nulls++;
}

/* For each type of values: `wm_in_T` and `wm_out_T` give columns by number, `wm_T_or` a row or something else in the
 * place of null, `wm_push_T` and `wm_null_T` append a row, `wm_extend_T` appends rows that are not null, for the caller
 * to fill in. */
#define WM_FIXED(T, TYPE, LETTER)                                                                      \
    typedef struct { const uint8_t *valid; const TYPE *values; } wm_##T##s;                            \
    typedef struct { wm_out out; } wm_##T##_out;                                                       \
    WM_API wm_##T##s wm_in_##T(const wm_call *call, uint32_t column) {                                 \
        const void *const *buffers = wm_input(call, column, LETTER, LETTER);                           \
        wm_##T##s values = {(const uint8_t *)buffers[0], (const TYPE *)buffers[1]};                    \
        return values;                                                                                 \
    }                                                                                                  \
    WM_API TYPE wm_##T##_or(wm_##T##s column, uint32_t row, TYPE otherwise) {                          \
        return wm_is_null(column.valid, row) ? otherwise : column.values[row];                         \
    }                                                                                                  \
    WM_API wm_##T##_out *wm_out_##T(const wm_call *call, uint32_t column) {                            \
        return (wm_##T##_out *)wm_output(call, column, LETTER, LETTER);                                \
    }                                                                                                  \
    WM_API TYPE *wm_extend_##T(wm_##T##_out *to, uint32_t rows) {                                      \
        wm_reserve(&to->out, rows);                                                                    \
        TYPE *first = (TYPE *)(void *)to->out.values + to->out.rows;                                   \
        to->out.rows += rows;                                                                          \
        return first;                                                                                  \
    }                                                                                                  \
    WM_API void wm_push_##T(wm_##T##_out *to, TYPE value) { *wm_extend_##T(to, 1) = value; }           \
    WM_API void wm_null_##T(wm_##T##_out *to) {                                                        \
        __builtin_memset(wm_extend_##T(to, 1), 0, sizeof(TYPE));                                       \
        wm_mark_null(&to->out);                                                                        \
    }

WM_FIXED(i8, int8_t, 'c')        /* TINYINT */
WM_FIXED(i16, int16_t, 's')      /* SMALLINT */
WM_FIXED(i32, int32_t, 'i')      /* INT, DATE */
WM_FIXED(i64, int64_t, 'l')      /* BIGINT, TIMESTAMP, TIMESTAMP_NTZ, INTERVAL */
WM_FIXED(f32, float, 'f')        /* FLOAT */
WM_FIXED(f64, double, 'g')       /* DOUBLE */
WM_FIXED(decimal, wm_decimal, 'd')

/* BOOLEAN */
typedef struct { const uint8_t *valid, *bits; } wm_bools;
typedef struct { wm_out out; } wm_bool_out;

WM_API wm_bools wm_in_bool(const wm_call *call, uint32_t column) {
    const void *const *buffers = wm_input(call, column, 'b', 'b');
    wm_bools bools = {(const uint8_t *)buffers[0], (const uint8_t *)buffers[1]};
    return bools;
}
WM_API bool wm_bool_at(wm_bools bools, uint32_t row) { return bools.bits[row >> 3] >> (row & 7) & 1; }
WM_API wm_bool_out *wm_out_bool(const wm_call *call, uint32_t column) {
    return (wm_bool_out *)wm_output(call, column, 'b', 'b');
}
WM_API void wm_push_bool(wm_bool_out *to, bool value) {
    wm_reserve(&to->out, 1);
    uint32_t row = to->out.rows++;
    uint8_t *byte = to->out.values + (row >> 3);
    *byte = (uint8_t)((row & 7 ? *byte : 0) | value << (row & 7));
}
WM_API void wm_null_bool(wm_bool_out *to) {
    wm_push_bool(to, false);
    wm_mark_null(&to->out);
}

/* STRING and BINARY */
typedef struct { const uint8_t *valid; const int32_t *offsets; const char *data; } wm_texts;
typedef struct { wm_out out; } wm_text_out;

WM_API wm_texts wm_in_text(const wm_call *call, uint32_t column) {
    const void *const *buffers = wm_input(call, column, 'u', 'z');
    wm_texts texts = {(const uint8_t *)buffers[0], (const int32_t *)buffers[1], (const char *)buffers[2]};
    return texts;
}
WM_API wm_text wm_text_at(wm_texts texts, uint32_t row) {
    wm_text text = {texts.data + texts.offsets[row], (uint32_t)(texts.offsets[row + 1] - texts.offsets[row])};
    return text;
}
WM_API wm_text_out *wm_out_text(const wm_call *call, uint32_t column) {
    return (wm_text_out *)wm_output(call, column, 'u', 'z');
}
/* The text may be part of an input, or anything of the program's own. A STRING must be UTF-8. */
WM_API void wm_push_text(wm_text_out *to, const char *at, uint32_t bytes) {
    wm_out *out = &to->out;
    if (out->rows_max - out->rows < 1) wm_grow_rows(out, 1);
    if (out->bytes_max - out->bytes < bytes) wm_grow_bytes(out, bytes);
    wm_copy(out->values + out->bytes, at, bytes);
    out->bytes += bytes;
    out->offsets[++out->rows] = (int32_t)out->bytes;
}
WM_API void wm_null_text(wm_text_out *to) {
    wm_push_text(to, (const char *)to->out.values, 0);
    wm_mark_null(&to->out);
}

/* ---- Rows ---- */

/* In a FLAT_MAP: the output row that was just pushed to every column came from input row `row`. Rows rise. */
WM_API void wm_emit(wm_call *call, uint32_t row) {
    wm_reserve(&call->origin, 1);
    ((int32_t *)(void *)call->origin.values)[call->origin.rows++] = (int32_t)row;
}

/* In a GROUP: the output row that was just pushed to every column is one of the group at hand. */
WM_API void wm_emit_row(wm_call *call) { wm_emit(call, call->group); }

WM_API void wm_note(wm_call *call, uint32_t row, uint8_t outcome) {
    if (row >= call->rows) wm_die("an outcome is for a row that is not there");
    if (!call->outcomes) {
        call->outcomes = (uint8_t *)wm_alloc(call->rows);
        __builtin_memset(call->outcomes, 0, call->rows);
    }
    call->outcomes[row] = outcome;
}

/* Drops input row `row` and what it became. A MAP pushes a row for it all the same, best a null. */
WM_API void wm_skip(wm_call *call, uint32_t row) { wm_note(call, row, 1); }

/* Marks input row `row` as in error, in the order of rows; the query says what becomes of it. A MAP pushes a row for
 * it all the same. */
WM_API void wm_error(wm_call *call, uint32_t row, const char *why) {
    wm_note(call, row, 2);
    if (!call->errors) {
        call->errors = (wm_out *)wm_alloc(sizeof(wm_out));
        wm_start(call->errors, "u", call->rows);
    }
    wm_text_out *errors = (wm_text_out *)call->errors;
    if (row < errors->out.rows) wm_die("errors do not come in the order of rows");
    while (errors->out.rows < row) wm_null_text(errors);
    wm_push_text(errors, why, wm_length(why));
}

/* Fails the whole batch: `return wm_fail(call, "...")`. */
WM_API int wm_fail(wm_call *call, const char *why) {
    call->result->message = why;
    call->result->message_bytes = wm_length(why);
    return WM_FAILED;
}

/* ---- Timers of the group at hand ---- */

WM_API void wm_push_timer(wm_call *call, int64_t time) {
    if (call->timers_count == call->timers_max) {
        call->timers_max = 2 * call->timers_max + 8;
        int64_t *timers = (int64_t *)wm_alloc(8 * call->timers_max);
        if (call->timers_count) __builtin_memcpy(timers, call->timers, 8 * call->timers_count);
        call->timers = timers;
    }
    call->timers[call->timers_count++] = time;
}

/* Starts a timer, which is over when the watermark or the clock reaches `time`. There is one for each time. */
WM_API void wm_set_timer(wm_call *call, int64_t time) {
    for (uint32_t i = 0; i < call->timers_count; i++)
        if (call->timers[i] == time) return;
    wm_push_timer(call, time);
}

/* Deletes the timer for `time`, if it runs. */
WM_API void wm_delete_timer(wm_call *call, int64_t time) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < call->timers_count; i++)
        if (call->timers[i] != time) call->timers[kept++] = call->timers[i];
    call->timers_count = kept;
}

/* ---- What the exports do ---- */

WM_API const wm_array *wm_array_of(uint32_t rows, uint32_t nulls, const void *first, const void *second,
                                   const void *third) {
    wm_array *array = (wm_array *)wm_alloc(sizeof *array);
    const void **buffers = (const void **)wm_alloc(3 * sizeof *buffers);
    __builtin_memset(array, 0, sizeof *array);
    buffers[0] = first, buffers[1] = second, buffers[2] = third;
    array->length = rows;
    array->null_count = nulls;
    array->n_buffers = 1 + (second != NULL) + (third != NULL);
    array->buffers = buffers;
    return array;
}

WM_API const wm_array *wm_finish(const wm_out *out) {
    if (out->offsets) return wm_array_of(out->rows, out->nulls, out->valid, out->offsets, out->values);
    return wm_array_of(out->rows, out->nulls, out->valid, out->values, NULL);
}

/* Makes a call ready that reads the columns of a batch and makes columns of about so many rows. */
WM_API void wm_begin(wm_call *call, const wm_column *inputs, const wm_array *const *in, uint32_t rows,
                     const wm_column *outputs, uint32_t rows_out, wm_result *result) {
    __builtin_memset(call, 0, sizeof *call);
    call->rows = rows;
    call->inputs = inputs;
    call->inputs_count = wm_count(inputs);
    call->in = in;
    call->outputs = outputs;
    call->outputs_count = wm_count(outputs);
    call->out = (wm_out *)wm_alloc(call->outputs_count * (uint32_t)sizeof(wm_out));
    call->result = result;
    for (uint32_t i = 0; i < call->outputs_count; i++) wm_start(&call->out[i], outputs[i].format, rows_out);
}

/* The columns that were made, as a batch; null if they do not have so many rows. */
WM_API const wm_array *wm_made(wm_call *call, uint32_t rows) {
    const wm_array **children = (const wm_array **)wm_alloc(call->outputs_count * (uint32_t)sizeof *children);
    for (uint32_t i = 0; i < call->outputs_count; i++) {
        if (call->out[i].rows != rows) {
            wm_fail(call, "an output column has too few or too many rows");
            return NULL;
        }
        children[i] = wm_finish(&call->out[i]);
    }
    wm_array *all = (wm_array *)(uintptr_t)wm_array_of(rows, 0, NULL, NULL, NULL);
    all->n_children = call->outputs_count;
    all->children = children;
    return all;
}

WM_API int wm_run_transform(const wm_function *function, const wm_array *batch, wm_result *result,
                            int (*run)(wm_call *)) {
    wm_call call;
    bool has_origin = function->shape == WM_FLAT_MAP;
    wm_begin(&call, function->inputs, batch->children, (uint32_t)batch->length, function->outputs,
             (uint32_t)batch->length, result);
    if (has_origin) wm_start(&call.origin, "i", call.rows);
    int status = run(&call);
    if (status != WM_OK) return status;
    result->columns = wm_made(&call, has_origin ? call.origin.rows : call.rows);
    if (!result->columns) return WM_FAILED;
    if (has_origin) result->origin = wm_finish(&call.origin);
    if (call.outcomes) result->outcome = wm_array_of(call.rows, 0, NULL, call.outcomes, NULL);
    if (call.errors) {
        while (call.errors->rows < call.rows) wm_null_text((wm_text_out *)call.errors);
        result->error = wm_finish(call.errors);
    }
    return WM_OK;
}

/* What is asked of the functions that handle one state. */
typedef enum { WM_LOAD, WM_SAVE, WM_ROW, WM_OTHER, WM_FINISH, WM_TIMER } wm_step;
/* `of` is the state, `with` another one, `at` a row or the time of a timer. */
typedef int wm_stepper(wm_call *call, wm_step step, void *of, const void *with, int64_t at);

/* The numbers of groups stand in the last column. */
WM_API const int32_t *wm_owners(const wm_array *rows) {
    return (const int32_t *)rows->children[rows->n_children - 1]->buffers[1];
}

/* Memory for states, zeroed. */
WM_API uint8_t *wm_states(uint32_t count, uint32_t state_bytes) {
    uint64_t bytes = (uint64_t)count * state_bytes;
    if (bytes > INT32_MAX) wm_die("the batch does not fit into the memory of the module");
    uint8_t *states = (uint8_t *)wm_alloc((uint32_t)bytes);
    __builtin_memset(states, 0, (uint32_t)bytes);
    return states;
}

#define WM_UPDATE 0
#define WM_MERGE 1

/* Inlined where the stepper is known, so that nothing is called through a pointer. */
WM_API __attribute__((always_inline)) int wm_run_aggregate(const wm_function *function, const wm_aggregate_call *asked,
                                                           wm_result *result, wm_stepper *step,
                                                           uint32_t state_bytes) {
    wm_call loading, call;
    const wm_array *states = asked->states, *rows = asked->rows;
    uint32_t groups = (uint32_t)states->length;
    bool is_end = asked->step != WM_UPDATE && asked->step != WM_MERGE;
    wm_begin(&loading, function->state, states->children, groups, is_end ? function->outputs : function->state,
             groups, result);
    uint8_t *held = wm_states(groups, state_bytes);
    for (uint32_t i = 0; i < groups; i++) step(&loading, WM_LOAD, held + i * state_bytes, NULL, i);
    if (!is_end) {
        const int32_t *owners = wm_owners(rows);
        bool is_update = asked->step == WM_UPDATE;
        const wm_column *none = function->outputs + wm_count(function->outputs);
        wm_begin(&call, is_update ? function->inputs : function->state, rows->children, (uint32_t)rows->length, none, 0,
                 result);
        uint8_t *other = wm_states(1, state_bytes);
        for (uint32_t row = 0; row < call.rows; row++) {
            void *state = held + (uint32_t)owners[row] * state_bytes;
            int status;
            if (is_update) {
                status = step(&call, WM_ROW, state, NULL, row);
            } else {
                __builtin_memset(other, 0, state_bytes);
                step(&call, WM_LOAD, other, NULL, row);
                status = step(&call, WM_OTHER, state, other, 0);
            }
            if (status != WM_OK) return status;
        }
    }
    for (uint32_t i = 0; i < groups; i++) step(&loading, is_end ? WM_FINISH : WM_SAVE, held + i * state_bytes, NULL, 0);
    result->columns = wm_made(&loading, groups);
    return result->columns ? WM_OK : WM_FAILED;
}

/* Timers as they come: the group and the time of each, in the order of the groups. */
typedef struct {
    const int32_t *groups;
    const int64_t *times;
    uint32_t next, count;
} wm_timers;

WM_API wm_timers wm_timers_of(const wm_array *timers) {
    wm_timers all = {(const int32_t *)timers->children[0]->buffers[1], (const int64_t *)timers->children[1]->buffers[1],
                     0, (uint32_t)timers->length};
    return all;
}

WM_API bool wm_is_of(const wm_timers *timers, uint32_t group) {
    return timers->next < timers->count && timers->groups[timers->next] == (int32_t)group;
}

WM_API __attribute__((always_inline)) int wm_run_group(const wm_function *function, const wm_group_call *asked,
                                                       wm_result *result, wm_stepper *step, uint32_t state_bytes) {
    static const wm_column timer_columns[] = {{"group", "i"}, {"time", "tsu:UTC"}, {NULL, NULL}};
    wm_call loading, call, setting;
    uint32_t groups = (uint32_t)asked->states->length, next = 0;
    uint32_t key_count = (uint32_t)asked->keys->n_children, state_count = (uint32_t)asked->states->n_children;
    const wm_array **loaded = (const wm_array **)wm_alloc((key_count + state_count) * (uint32_t)sizeof *loaded);
    for (uint32_t i = 0; i < key_count; i++) loaded[i] = asked->keys->children[i];
    for (uint32_t i = 0; i < state_count; i++) loaded[key_count + i] = asked->states->children[i];
    wm_begin(&loading, function->loaded, loaded, groups, function->state, groups, result);
    wm_begin(&call, function->inputs, asked->rows->children, (uint32_t)asked->rows->length, function->outputs, 0, result);
    wm_begin(&setting, timer_columns + 2, NULL, 0, timer_columns, 0, result);
    wm_start(&call.origin, "i", 0);
    call.watermark = asked->watermark;
    call.time = asked->time;
    const int32_t *owners = wm_owners(asked->rows);
    wm_timers running = wm_timers_of(asked->timers), fired = wm_timers_of(asked->fired);
    uint8_t *state = wm_states(1, state_bytes);
    for (call.group = 0; call.group < groups; call.group++) {
        __builtin_memset(state, 0, state_bytes);
        step(&loading, WM_LOAD, state, NULL, call.group);
        call.timers_count = 0;
        for (; wm_is_of(&running, call.group); running.next++) wm_push_timer(&call, running.times[running.next]);
        for (; next < call.rows && owners[next] == (int32_t)call.group; next++) {
            int status = step(&call, WM_ROW, state, NULL, next);
            if (status != WM_OK) return status;
        }
        for (; wm_is_of(&fired, call.group); fired.next++) step(&call, WM_TIMER, state, NULL, fired.times[fired.next]);
        step(&loading, WM_SAVE, state, NULL, 0);
        for (uint32_t i = 0; i < call.timers_count; i++) {
            wm_push_i32(wm_out_i32(&setting, 0), (int32_t)call.group);
            wm_push_i64(wm_out_i64(&setting, 1), call.timers[i]);
        }
    }
    result->columns = wm_made(&call, call.origin.rows);
    result->origin = wm_finish(&call.origin);
    result->states = wm_made(&loading, groups);
    result->timers = wm_made(&setting, setting.out[0].rows);
    return result->columns && result->states ? WM_OK : WM_FAILED;
}

/* The schema of what is handed back is the manifest's; that of what comes the host checked against it. */
WM_API int wm_open(const wm_function *function, wm_schema *outputs) {
    uint32_t count = wm_count(function->handed);
    wm_schema *columns = (wm_schema *)wm_alloc(count * (uint32_t)sizeof *columns);
    const wm_schema **children = (const wm_schema **)wm_alloc(count * (uint32_t)sizeof *children);
    __builtin_memset(columns, 0, count * sizeof *columns);
    for (uint32_t i = 0; i < count; i++) {
        columns[i].format = function->handed[i].format;
        columns[i].name = function->handed[i].name;
        columns[i].flags = 2; /* may hold nulls */
        children[i] = &columns[i];
    }
    __builtin_memset(outputs, 0, sizeof *outputs);
    outputs->format = "+s";
    outputs->name = "";
    outputs->n_children = count;
    outputs->children = children;
    return WM_OK;
}

/* ---- The manifest: a custom section with the JSON, and the same as a table for the program ---- */

/* The names that columns have in the manifest and in Arrow's schemas. */
#define WM_SQL_BOOLEAN "BOOLEAN"
#define WM_SQL_TINYINT "TINYINT"
#define WM_SQL_SMALLINT "SMALLINT"
#define WM_SQL_INT "INT"
#define WM_SQL_BIGINT "BIGINT"
#define WM_SQL_FLOAT "FLOAT"
#define WM_SQL_DOUBLE "DOUBLE"
#define WM_SQL_DECIMAL(p, s) "DECIMAL(" #p "," #s ")"
#define WM_SQL_STRING "STRING"
#define WM_SQL_BINARY "BINARY"
#define WM_SQL_DATE "DATE"
#define WM_SQL_TIMESTAMP "TIMESTAMP"
#define WM_SQL_TIMESTAMP_NTZ "TIMESTAMP_NTZ"
#define WM_SQL_INTERVAL "INTERVAL DAY TO SECOND"
#define WM_ARROW_BOOLEAN "b"
#define WM_ARROW_TINYINT "c"
#define WM_ARROW_SMALLINT "s"
#define WM_ARROW_INT "i"
#define WM_ARROW_BIGINT "l"
#define WM_ARROW_FLOAT "f"
#define WM_ARROW_DOUBLE "g"
#define WM_ARROW_DECIMAL(p, s) "d:" #p "," #s
#define WM_ARROW_STRING "u"
#define WM_ARROW_BINARY "z"
#define WM_ARROW_DATE "tdD"
#define WM_ARROW_TIMESTAMP "tsu:UTC"
#define WM_ARROW_TIMESTAMP_NTZ "tsu:"
#define WM_ARROW_INTERVAL "tDu"
#define WM_SQL_TIME_NONE "none"
#define WM_SQL_TIME_EVENT "event"
#define WM_SQL_TIME_PROCESSING "processing"

/* Between the items of a list stands a comma. The assembler writes it: the macro NAME gives nothing the first time and
 * makes itself one that gives a comma. */
#define WM_LIST(NAME)                                              \
    ".macro " NAME "\n.purgem " NAME "\n"                          \
    ".macro " NAME "\n.ascii \",\"\n.endm\n.endm\n"
#define WM_JSON_COLUMN(name, type) \
    "wm_column\n.ascii \"{\\\"name\\\":\\\"" #name "\\\",\\\"type\\\":\\\"" WM_SQL_##type "\\\"}\"\n"
#define WM_JSON_COLUMNS(columns) ".purgem wm_column\n" WM_LIST("wm_column") columns
#define WM_JSON_LIST(what, columns) ".ascii \",\\\"" what "\\\":[\"\n" WM_JSON_COLUMNS(columns) ".ascii \"]\"\n"
#define WM_JSON_START(kind, name, ins, outs)                                                        \
    ".ascii \"{\\\"kind\\\":\\\"" kind "\\\",\\\"name\\\":\\\"" #name "\\\"\"\n"                    \
    WM_JSON_LIST("input", ins) WM_JSON_LIST("output", outs)
#define WM_JSON_MAP(name, ins, outs)                                                                \
    WM_JSON_START("transform", name, ins, outs) ".ascii \",\\\"origin\\\":false}\"\n"
#define WM_JSON_FLAT_MAP(name, ins, outs)                                                           \
    WM_JSON_START("transform", name, ins, outs) ".ascii \",\\\"origin\\\":true}\"\n"
#define WM_JSON_AGGREGATE(name, ins, outs, kept)                                                    \
    WM_JSON_START("aggregate", name, ins, outs) WM_JSON_LIST("state", kept) ".ascii \"}\"\n"
#define WM_JSON_GROUP(name, ins, outs, kept, key, timers)                                           \
    WM_JSON_START("group", name, ins, outs) WM_JSON_LIST("state", kept) WM_JSON_LIST("key", key)    \
    ".ascii \",\\\"time\\\":\\\"" WM_SQL_TIME_##timers "\\\"}\"\n"
#define WM_JSON_FUNCTION(name, shape, ...) "wm_function\n" WM_JSON_##shape(name, __VA_ARGS__)

/* A list of columns is passed on as `(name, TYPE) (name, TYPE)`, so that its commas part no arguments; each pair is
 * eaten by one of two macros that stand behind each other, and the last one's name is made nothing. */
#define WM_TABLE_COLUMN(name, type) (name, type)
#define WM_ODD(name, type) {#name, WM_ARROW_##type}, WM_EVEN
#define WM_EVEN(name, type) {#name, WM_ARROW_##type}, WM_ODD
#define WM_ODD_END
#define WM_EVEN_END
#define WM_END(...) WM_END_(__VA_ARGS__)
#define WM_END_(...) __VA_ARGS__##_END
#define WM_COLUMNS(list, name, columns)                                                             \
    static const wm_column wm_##list##_##name[] = {WM_END(WM_ODD columns) {NULL, NULL}};
#define WM_TABLE_START(name, ins, outs) WM_COLUMNS(inputs, name, ins) WM_COLUMNS(outputs, name, outs)
#define WM_TABLE_TRANSFORM(name, shape, ins, outs)                                                  \
    WM_TABLE_START(name, ins, outs)                                                                 \
    static int wm_run_##name(const wm_function *function, const void *call, wm_result *result) {    \
        return wm_run_transform(function, (const wm_array *)call, result, name);                    \
    }                                                                                               \
    static const wm_function wm_function_##name = {                                                 \
        #name, shape, WM_TIME_NONE, wm_run_##name, wm_inputs_##name, wm_outputs_##name,             \
        NULL,  NULL,  wm_outputs_##name};
#define WM_TABLE_MAP(name, ins, outs) WM_TABLE_TRANSFORM(name, WM_MAP, ins, outs)
#define WM_TABLE_FLAT_MAP(name, ins, outs) WM_TABLE_TRANSFORM(name, WM_FLAT_MAP, ins, outs)

#define WM_TABLE_AGGREGATE(name, ins, outs, kept)                                                   \
    WM_TABLE_START(name, ins, outs)                                                                 \
    WM_COLUMNS(state, name, kept)                                                                   \
    WM_COLUMNS(handed, name, kept outs)                                                             \
    static int wm_step_##name(wm_call *call, wm_step step, void *of, const void *with, int64_t at) { \
        name##_state *it = (name##_state *)of;                                                      \
        switch (step) {                                                                             \
        case WM_LOAD: name##_load(call, it, (uint32_t)at); return WM_OK;                            \
        case WM_SAVE: name##_save(call, it); return WM_OK;                                          \
        case WM_ROW: return name##_update(call, it, (uint32_t)at);                                  \
        case WM_OTHER: return name##_merge(call, it, (const name##_state *)with);                   \
        default: name##_finish(call, it); return WM_OK;                                             \
        }                                                                                           \
    }                                                                                               \
    static int wm_run_##name(const wm_function *function, const void *call, wm_result *result) {    \
        return wm_run_aggregate(function, (const wm_aggregate_call *)call, result, wm_step_##name,  \
                                sizeof(name##_state));                                              \
    }                                                                                               \
    static const wm_function wm_function_##name = {                                                 \
        #name, WM_AGGREGATE, WM_TIME_NONE, wm_run_##name, wm_inputs_##name, wm_outputs_##name,      \
        wm_state_##name, wm_state_##name, wm_handed_##name};

/* Without timers there is no function for them. */
#define WM_CALL_TIMER_NONE(name) (void)it
#define WM_CALL_TIMER_EVENT(name) name##_timer(call, it, at)
#define WM_CALL_TIMER_PROCESSING(name) name##_timer(call, it, at)
#define WM_TABLE_GROUP(name, ins, outs, kept, key, timers)                                          \
    WM_TABLE_START(name, ins, outs)                                                                 \
    WM_COLUMNS(loaded, name, key kept)                                                              \
    WM_COLUMNS(state, name, kept)                                                                   \
    WM_COLUMNS(handed, name, kept outs)                                                             \
    static int wm_step_##name(wm_call *call, wm_step step, void *of, const void *with, int64_t at) { \
        name##_state *it = (name##_state *)of;                                                      \
        (void)with;                                                                                 \
        switch (step) {                                                                             \
        case WM_LOAD: name##_load(call, it, (uint32_t)at); return WM_OK;                            \
        case WM_SAVE: name##_save(call, it); return WM_OK;                                          \
        case WM_ROW: return name##_row(call, it, (uint32_t)at);                                     \
        default: WM_CALL_TIMER_##timers(name); return WM_OK;                                        \
        }                                                                                           \
    }                                                                                               \
    static int wm_run_##name(const wm_function *function, const void *call, wm_result *result) {    \
        return wm_run_group(function, (const wm_group_call *)call, result, wm_step_##name,          \
                            sizeof(name##_state));                                                  \
    }                                                                                               \
    static const wm_function wm_function_##name = {                                                 \
        #name, WM_GROUP, WM_TIME_##timers, wm_run_##name, wm_inputs_##name, wm_outputs_##name,      \
        wm_loaded_##name, wm_state_##name, wm_handed_##name};

#define WM_TABLE_FUNCTION(name, shape, ...) WM_TABLE_##shape(name, __VA_ARGS__)
#define WM_TABLE_ITEM(name, shape, ...) &wm_function_##name,
#define WM_NOTHING(name, type)

#if defined(__cplusplus)
#define WM_EXPORT(NAME) extern "C" __attribute__((export_name(NAME), used))
#else
#define WM_EXPORT(NAME) __attribute__((export_name(NAME), used))
#endif

#define WM_TABLES(FUNCTIONS)                                                                        \
    FUNCTIONS(WM_TABLE_FUNCTION, WM_TABLE_COLUMN)                                                   \
    static const wm_function *const wm_functions[] = {FUNCTIONS(WM_TABLE_ITEM, WM_NOTHING)};

/* Makes the module of a list of functions, once in a program. */
#if defined(__wasm__)
#define WM_MODULE(FUNCTIONS)                                                                        \
    __asm__(".section .custom_section.wasmill.manifest,\"\",@\n"                                    \
            ".ascii \"{\\\"abi\\\":1,\\\"sdk\\\":\\\"wasmill.h 0.1.0 c\\\",\\\"functions\\\":[\"\n" \
            WM_LIST("wm_column") WM_LIST("wm_function")                                             \
            FUNCTIONS(WM_JSON_FUNCTION, WM_JSON_COLUMN) ".ascii \"]}\"\n.text\n");                  \
    WM_TABLES(FUNCTIONS)                                                                            \
    WM_EXPORT("wasmill_arena_alloc") void *wm_export_alloc(uint32_t bytes, uint32_t align) {        \
        return wm_try_alloc(bytes, align);                                                          \
    }                                                                                               \
    WM_EXPORT("wasmill_arena_reset") void wm_export_reset(void) { wm_arena_at = 0; }                \
    WM_EXPORT("wasmill_open")                                                                       \
    int wm_export_open(uint32_t function, const wm_schema *inputs, wm_schema *outputs, wm_result *result) { \
        (void)inputs, (void)result;                                                                 \
        return wm_open(wm_functions[function], outputs);                                            \
    }                                                                                               \
    WM_EXPORT("wasmill_process")                                                                    \
    int wm_export_process(uint32_t function, const void *call, wm_result *result) {                 \
        return wm_functions[function]->run(wm_functions[function], call, result);                   \
    }
#else
#define WM_MODULE(FUNCTIONS) WM_TABLES(FUNCTIONS)
#endif

#endif
