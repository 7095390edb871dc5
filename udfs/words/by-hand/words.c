/* words-by-hand: the same two functions, written from udf-sdk/ABI.md alone. No header, no kit: it shows that the page
 * is enough, and a test holds it to that. */

typedef unsigned char u8;
typedef unsigned int u32;
typedef int i32;
typedef long long i64;
typedef unsigned long long u64;

/* "The structs": pointers are 32 bits wide, so that clang's own layout for wasm32 is the one of the page. */
struct array {
    i64 length, null_count, offset, n_buffers, n_children;
    void **buffers;
    struct array **children;
    struct array *dictionary;
    void *release, *private_data;
};
struct schema {
    const char *format, *name, *metadata;
    i64 flags, n_children;
    struct schema **children, *dictionary;
    void *release, *private_data;
};
struct result {
    struct array *columns, *origin, *outcome, *error;
    const char *message;
    u32 bytes;
};
_Static_assert(sizeof(struct array) == 64 && sizeof(struct schema) == 48 && sizeof(struct result) == 24, "layout");

/* "The manifest": a custom section. The assembler can write one. */
__asm__(".section .custom_section.wasmill.manifest,\"\",@\n"
        ".ascii \"{\\\"abi\\\":1,\\\"sdk\\\":\\\"none\\\",\\\"functions\\\":[\"\n"
        ".ascii \"{\\\"kind\\\":\\\"transform\\\",\\\"name\\\":\\\"split_words\\\",\"\n"
        ".ascii \"\\\"input\\\":[{\\\"name\\\":\\\"line\\\",\\\"type\\\":\\\"STRING\\\"}],\"\n"
        ".ascii \"\\\"output\\\":[{\\\"name\\\":\\\"word\\\",\\\"type\\\":\\\"STRING\\\"}],\\\"origin\\\":true},\"\n"
        ".ascii \"{\\\"kind\\\":\\\"transform\\\",\\\"name\\\":\\\"mix\\\",\"\n"
        ".ascii \"\\\"input\\\":[{\\\"name\\\":\\\"x\\\",\\\"type\\\":\\\"BIGINT\\\"}],\"\n"
        ".ascii \"\\\"output\\\":[{\\\"name\\\":\\\"y\\\",\\\"type\\\":\\\"BIGINT\\\"}],\\\"origin\\\":false}]}\"\n"
        ".text\n");
enum { SPLIT_WORDS, MIX };

/* The arena: what lies behind the program's data, handed out from one end. */
extern u8 __heap_base;
static u32 next;

__attribute__((export_name("wasmill_arena_reset"))) void arena_reset(void) { next = 0; }

__attribute__((export_name("wasmill_arena_alloc"))) void *arena_alloc(u32 bytes, u32 align) {
    u64 start = next ? next : (u32)&__heap_base;
    start = (start + align - 1) / align * align;
    u64 pages = (start + bytes + 65535) / 65536;
    u32 have = __builtin_wasm_memory_size(0);
    if (pages > have && (pages > 65535 || __builtin_wasm_memory_grow(0, (u32)pages - have) == (u32)-1)) return 0;
    next = (u32)(start + bytes);
    return (void *)(u32)start;
}

static void *need(u32 bytes) {
    void *at = arena_alloc(bytes, 64);
    if (!at) __builtin_trap();
    return at;
}

static void *zeros(u32 bytes) {
    u8 *at = need(bytes);
    for (u32 i = 0; i < bytes; i++) at[i] = 0;
    return at;
}

__attribute__((export_name("wasmill_open"))) i32 open(i32 function, struct schema *inputs, struct schema *outputs,
                                                       struct result *result) {
    struct schema *column = zeros(sizeof *column);
    struct schema **columns = need(sizeof *columns);
    (void)inputs, (void)result;
    column->format = function == SPLIT_WORDS ? "u" : "l";
    column->name = function == SPLIT_WORDS ? "word" : "y";
    column->flags = 2;
    columns[0] = column;
    outputs->format = "+s";
    outputs->name = "";
    outputs->n_children = 1;
    outputs->children = columns;
    return 0;
}

static struct array *array(u32 rows, u32 count, void *first, void *second, void *third) {
    struct array *array = zeros(sizeof *array);
    void **buffers = need(3 * sizeof *buffers);
    buffers[0] = first, buffers[1] = second, buffers[2] = third;
    array->length = rows;
    array->n_buffers = count;
    array->buffers = buffers;
    return array;
}

static i32 is_valid(const u8 *valid, u32 row) { return !valid || (valid[row / 8] >> row % 8 & 1); }

static struct array *split_words(struct array *column, u32 rows, struct result *result) {
    const i32 *offsets = column->buffers[1];
    const u8 *data = column->buffers[2];
    /* Every word but the last has a space behind it, so that this many bytes and words are enough. */
    u32 bytes = (u32)offsets[rows], words_max = bytes / 2 + rows;
    u8 *text = need(bytes);
    i32 *ends = need(4 * (words_max + 1)), *origin = need(4 * words_max);
    u32 words = 0, at = 0;
    ends[0] = 0;
    for (u32 row = 0; row < rows; row++) {
        if (!is_valid(column->buffers[0], row)) continue;
        i32 inside = 0;
        for (i32 i = offsets[row]; i <= offsets[row + 1]; i++) {
            if (i < offsets[row + 1] && data[i] != ' ') {
                text[at++] = data[i];
                inside = 1;
            } else if (inside) {
                origin[words++] = (i32)row;
                ends[words] = (i32)at;
                inside = 0;
            }
        }
    }
    result->origin = array(words, 2, 0, origin, 0);
    return array(words, 3, 0, ends, text);
}

static struct array *mix(struct array *column, u32 rows) {
    const u64 *x = column->buffers[1];
    u64 *y = need(8 * rows);
    for (u32 row = 0; row < rows; row++) {
        u64 mixed = x[row];
        for (i32 round = 0; round < 4; round++) mixed = (mixed ^ mixed >> 31) * 0x9e3779b97f4a7c15ull;
        y[row] = mixed ^ mixed >> 29;
    }
    /* Null where the input is: "pointers may lead anywhere in memory, back into the input too". */
    return array(rows, 2, column->buffers[0], y, 0);
}

__attribute__((export_name("wasmill_process"))) i32 process(i32 function, struct array *batch, struct result *result) {
    u32 rows = (u32)batch->length;
    struct array **columns = need(sizeof *columns);
    if (function == SPLIT_WORDS) {
        columns[0] = split_words(batch->children[0], rows, result);
    } else {
        columns[0] = mix(batch->children[0], rows);
    }
    result->columns = array(rows, 1, 0, 0, 0);
    if (function == SPLIT_WORDS) result->columns->length = result->origin->length;
    result->columns->n_children = 1;
    result->columns->children = columns;
    return 0;
}
