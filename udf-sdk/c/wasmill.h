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
 *     clang --target=wasm32 -O3 -mbulk-memory -msimd128 -nostdlib -Wl,--no-entry -o shout.wasm shout.c
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
} wm_result;

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

struct wm_call;

typedef struct {
    int (*run)(struct wm_call *);
    const wm_column *inputs, *outputs;
    bool origin;
} wm_function;

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
    const wm_array *batch;
    const wm_function *function;
    wm_result *result;
    wm_out *outputs;
    /* Input rows of the output rows. */
    wm_out origin;
    uint8_t *outcomes;
    wm_out *errors;
} wm_call;

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

WM_C unsigned char __heap_base;
WM_C __attribute__((import_module("wasmill"), import_name("log"))) void wm_host_log(const char *at, uint32_t bytes);

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
}

/* The same with the padding of a buffer; it traps if there is no more. */
WM_API void *wm_alloc(uint32_t bytes) {
    void *at = bytes < UINT32_MAX - WM_PADDING ? wm_try_alloc(bytes + WM_PADDING, WM_ALIGN) : NULL;
    if (!at) wm_die("the batch does not fit into the memory of the module");
    return at;
}

/* Copies a short piece in two moves, for a call of the machine's bulk copy costs more. Up to WM_PADDING bytes behind
 * both may be touched; behind a text of a batch and behind memory of the arena they are there. */
WM_API void wm_copy(void *to, const void *from, uint32_t bytes) {
    if (bytes > WM_PADDING) {
        __builtin_memcpy(to, from, bytes);
    } else {
        typedef uint8_t wm_block __attribute__((vector_size(16), aligned(1), may_alias));
        *(wm_block *)to = *(const wm_block *)from;
    }
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
    if (column >= wm_count(call->function->inputs)) wm_die("there is no input column of this number");
    char found = wm_letter(call->function->inputs[column].format);
    if (found != letter && found != or_letter) wm_die("an input column has another type than it is read as");
    return call->batch->children[column]->buffers;
}

WM_API wm_out *wm_output(const wm_call *call, uint32_t column, char letter, char or_letter) {
    if (column >= wm_count(call->function->outputs)) wm_die("there is no output column of this number");
    char found = wm_letter(call->function->outputs[column].format);
    if (found != letter && found != or_letter) wm_die("an output column has another type than it is written as");
    return &call->outputs[column];
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

/* For each type of values: `wm_in_T` and `wm_out_T` give columns by number, `wm_push_T` and `wm_null_T` append a row,
 * `wm_extend_T` appends rows that are not null, for the caller to fill in. */
#define WM_FIXED(T, TYPE, LETTER)                                                                      \
    typedef struct { const uint8_t *valid; const TYPE *values; } wm_##T##s;                            \
    typedef struct { wm_out out; } wm_##T##_out;                                                       \
    WM_API wm_##T##s wm_in_##T(const wm_call *call, uint32_t column) {                                 \
        const void *const *buffers = wm_input(call, column, LETTER, LETTER);                           \
        wm_##T##s values = {(const uint8_t *)buffers[0], (const TYPE *)buffers[1]};                    \
        return values;                                                                                 \
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

/* ---- The exports ---- */

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

WM_API int wm_run(const wm_function *function, const wm_array *batch, wm_result *result) {
    wm_call call;
    __builtin_memset(&call, 0, sizeof call);
    call.rows = (uint32_t)batch->length;
    call.batch = batch;
    call.function = function;
    call.result = result;
    uint32_t columns = wm_count(function->outputs);
    call.outputs = (wm_out *)wm_alloc(columns * (uint32_t)sizeof(wm_out));
    for (uint32_t i = 0; i < columns; i++) wm_start(&call.outputs[i], function->outputs[i].format, call.rows);
    if (function->origin) wm_start(&call.origin, "i", call.rows);
    int status = function->run(&call);
    if (status != WM_OK) return status;

    uint32_t rows = function->origin ? call.origin.rows : call.rows;
    const wm_array **children = (const wm_array **)wm_alloc(columns * (uint32_t)sizeof *children);
    for (uint32_t i = 0; i < columns; i++) {
        if (call.outputs[i].rows != rows) return wm_fail(&call, "an output column has too few or too many rows");
        children[i] = wm_finish(&call.outputs[i]);
    }
    wm_array *all = (wm_array *)(uintptr_t)wm_array_of(rows, 0, NULL, NULL, NULL);
    all->n_children = columns;
    all->children = children;
    result->columns = all;
    if (function->origin) result->origin = wm_finish(&call.origin);
    if (call.outcomes) result->outcome = wm_array_of(call.rows, 0, NULL, call.outcomes, NULL);
    if (call.errors) {
        while (call.errors->rows < call.rows) wm_null_text((wm_text_out *)call.errors);
        result->error = wm_finish(call.errors);
    }
    return WM_OK;
}

/* The schema of the outputs is the manifest's; that of the inputs the host checked against it. */
WM_API int wm_open(const wm_function *function, wm_schema *outputs) {
    uint32_t count = wm_count(function->outputs);
    wm_schema *columns = (wm_schema *)wm_alloc(count * (uint32_t)sizeof *columns);
    const wm_schema **children = (const wm_schema **)wm_alloc(count * (uint32_t)sizeof *children);
    __builtin_memset(columns, 0, count * sizeof *columns);
    for (uint32_t i = 0; i < count; i++) {
        columns[i].format = function->outputs[i].format;
        columns[i].name = function->outputs[i].name;
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
#define WM_HAS_ORIGIN_MAP false
#define WM_HAS_ORIGIN_FLAT_MAP true
#define WM_ORIGIN_MAP "false"
#define WM_ORIGIN_FLAT_MAP "true"

/* Between the items of a list stands a comma. The assembler writes it: the macro NAME gives nothing the first time and
 * makes itself one that gives a comma. */
#define WM_LIST(NAME)                                              \
    ".macro " NAME "\n.purgem " NAME "\n"                          \
    ".macro " NAME "\n.ascii \",\"\n.endm\n.endm\n"
#define WM_JSON_COLUMN(name, type) \
    "wm_column\n.ascii \"{\\\"name\\\":\\\"" #name "\\\",\\\"type\\\":\\\"" WM_SQL_##type "\\\"}\"\n"
#define WM_JSON_COLUMNS(columns) ".purgem wm_column\n" WM_LIST("wm_column") columns
#define WM_JSON_FUNCTION(name, shape, inputs, outputs)                                              \
    "wm_function\n.ascii \"{\\\"kind\\\":\\\"transform\\\",\\\"name\\\":\\\"" #name "\\\",\"\n"         \
    ".ascii \"\\\"input\\\":[\"\n" WM_JSON_COLUMNS(inputs)                                          \
    ".ascii \"],\\\"output\\\":[\"\n" WM_JSON_COLUMNS(outputs)                                      \
    ".ascii \"],\\\"origin\\\":" WM_ORIGIN_##shape "}\"\n"

#define WM_TABLE_COLUMN(name, type) {#name, WM_ARROW_##type},
#define WM_TABLE_COLUMNS(name, shape, inputs, outputs)                                              \
    static const wm_column wm_inputs_##name[] = {inputs {NULL, NULL}};                              \
    static const wm_column wm_outputs_##name[] = {outputs {NULL, NULL}};
#define WM_TABLE_FUNCTION(name, shape, inputs, outputs) \
    {name, wm_inputs_##name, wm_outputs_##name, WM_HAS_ORIGIN_##shape},
#define WM_NOTHING(name, type)

#if defined(__cplusplus)
#define WM_EXPORT(NAME) extern "C" __attribute__((export_name(NAME), used))
#else
#define WM_EXPORT(NAME) __attribute__((export_name(NAME), used))
#endif

/* Makes the module of a list of functions, once in a program. */
#define WM_MODULE(FUNCTIONS)                                                                        \
    __asm__(".section .custom_section.wasmill.manifest,\"\",@\n"                                    \
            ".ascii \"{\\\"abi\\\":1,\\\"sdk\\\":\\\"wasmill.h 0.1.0 c\\\",\\\"functions\\\":[\"\n"  \
            WM_LIST("wm_column") WM_LIST("wm_function")                                             \
            FUNCTIONS(WM_JSON_FUNCTION, WM_JSON_COLUMN) ".ascii \"]}\"\n.text\n");          \
    FUNCTIONS(WM_TABLE_COLUMNS, WM_TABLE_COLUMN)                                                    \
    static const wm_function wm_functions[] = {FUNCTIONS(WM_TABLE_FUNCTION, WM_NOTHING)};           \
    WM_EXPORT("wasmill_arena_alloc") void *wm_export_alloc(uint32_t bytes, uint32_t align) {        \
        return wm_try_alloc(bytes, align);                                                          \
    }                                                                                               \
    WM_EXPORT("wasmill_arena_reset") void wm_export_reset(void) { wm_arena_at = 0; }                \
    WM_EXPORT("wasmill_open")                                                                       \
    int wm_export_open(uint32_t function, const wm_schema *inputs, wm_schema *outputs, wm_result *result) { \
        (void)inputs, (void)result;                                                                 \
        return wm_open(&wm_functions[function], outputs);                                           \
    }                                                                                               \
    WM_EXPORT("wasmill_process")                                                                    \
    int wm_export_process(uint32_t function, const wm_array *batch, wm_result *result) {            \
        return wm_run(&wm_functions[function], batch, result);                                      \
    }

#endif
