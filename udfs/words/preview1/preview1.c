/* preview1: asks the host for everything that preview 1 of WASI has to give. A fixture of the host's tests. */
#include "wasmill.h"

#define IMPORT(NAME) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#NAME)))

typedef struct {
    const void *at;
    uint32_t bytes;
} piece;

IMPORT(clock_time_get) int clock_time_get(int clock, int64_t precision, int64_t *nanos);
IMPORT(clock_res_get) int clock_res_get(int clock, int64_t *nanos);
IMPORT(random_get) int random_get(void *to, uint32_t bytes);
IMPORT(args_sizes_get) int args_sizes_get(uint32_t *count, uint32_t *bytes);
IMPORT(environ_sizes_get) int environ_sizes_get(uint32_t *count, uint32_t *bytes);
IMPORT(fd_write) int fd_write(int descriptor, const piece *pieces, uint32_t count, uint32_t *written);
IMPORT(fd_prestat_get) int fd_prestat_get(int descriptor, void *to);
IMPORT(fd_read) int fd_read(int descriptor, const piece *pieces, uint32_t count, uint32_t *read);
IMPORT(path_open) int path_open(int, int, const char *, uint32_t, int, int64_t, int64_t, int, int *);
IMPORT(poll_oneoff) int poll_oneoff(const void *, void *, uint32_t, uint32_t *);
IMPORT(sched_yield) int sched_yield(void);
IMPORT(proc_exit) void proc_exit(int status);

static int starts_seen;
/* Would be called by a host that starts programs; ours must not. */
WM_EXPORT("_start") void start(void) { __builtin_trap(); }
WM_EXPORT("_initialize") void initialize(void) { starts_seen++; }

/* Applies `ask` to every row. */
static int each(wm_call *call, int64_t (*ask)(int64_t)) {
    wm_i64s x = wm_in_i64(call, 0);
    int64_t *y = wm_extend_i64(wm_out_i64(call, 0), call->rows);
    for (uint32_t row = 0; row < call->rows; row++) y[row] = ask(x.values[row]);
    return WM_OK;
}

static int64_t ask_time(int64_t clock) {
    int64_t nanos = 0;
    int number = clock_time_get((int)clock, 1, &nanos);
    return number ? -number : nanos;
}

static int64_t ask_step(int64_t clock) {
    int64_t nanos = 0;
    int number = clock_res_get((int)clock, &nanos);
    return number ? -number : nanos;
}

static int64_t ask_chance(int64_t bytes) {
    int64_t value = 0;
    int number = random_get(&value, (uint32_t)bytes);
    return number ? -number : value;
}

static int64_t ask_much_chance(int64_t bytes) { return random_get(wm_alloc((uint32_t)bytes), (uint32_t)bytes); }

static int64_t ask_chance_outside(int64_t at) { return random_get((void *)(uintptr_t)at, 8); }

static int64_t ask_arguments(int64_t environment) {
    uint32_t count = 7, bytes = 7;
    int number = environment ? environ_sizes_get(&count, &bytes) : args_sizes_get(&count, &bytes);
    return number ? -number : (int64_t)(count + bytes);
}

static int64_t ask_print(int64_t descriptor) {
    piece pieces[] = {{"first ", 6}, {"line\nsec", 8}, {"", 0}, {"ond line", 8}};
    uint32_t written = 0;
    int number = fd_write((int)descriptor, pieces, 4, &written);
    return number ? -number : (int64_t)written;
}

static int64_t ask_print_pieces(int64_t count) {
    uint32_t written = 0;
    return fd_write(1, (const piece *)0, (uint32_t)count, &written);
}

static int64_t ask_starts(int64_t x) { return x * 0 + starts_seen; }

/* Sleeps, and tells by how much the clock moved. Less than nothing waits for a file instead. */
static int64_t ask_sleep(int64_t nanos) {
    /* The real fields are narrower; on this machine their bytes come first. */
    struct {
        uint64_t name, kind, clock, timeout, precision, flags;
    } wait[2] = {{7, 0, 1, (uint64_t)(nanos + 5), 0, 0}, {9, nanos < 0, 1, (uint64_t)nanos, 0, 0}};
    struct {
        uint64_t name, rest[3];
    } event;
    _Static_assert(sizeof wait[0] == 48 && sizeof event == 32, "preview 1's structs");
    uint32_t count = 0;
    int64_t before = ask_time(1);
    int number = poll_oneoff(wait, &event, 2, &count);
    if (number) return number;
    return count == 1 && event.name == 9 ? ask_time(1) - before : -1;
}

static int64_t ask_refused(int64_t which) {
    uint32_t count = 0;
    int file = 0;
    switch (which) {
    case 0: return fd_prestat_get(3, &file);
    case 1: return fd_read(0, (const piece *)0, 0, &count);
    case 2: return path_open(3, 0, "x", 1, 0, 0, 0, 0, &file);
    case 3: return poll_oneoff(&count, &count, 0, &count);
    case 4: return ask_sleep(-1);
    default: return sched_yield();
    }
}

static int64_t ask_exit(int64_t status) {
    ask_print(2);
    proc_exit((int)status);
    return 0;
}

/* Counts down, for as long as it takes. */
static int64_t ask_spin(int64_t rounds) {
    volatile int64_t left = rounds;
    while (left > 0) {
        left--;
    }
    return left;
}

#define EACH(NAME) \
    static int NAME(wm_call *call) { return each(call, ask_##NAME); }
EACH(time)
EACH(step)
EACH(chance)
EACH(much_chance)
EACH(chance_outside)
EACH(arguments)
EACH(print)
EACH(print_pieces)
EACH(starts)
EACH(refused)
EACH(sleep)
EACH(exit)
EACH(spin)

/* Columns of every type of the header, and rows that are skipped or in error. */
static int types(wm_call *call) {
    wm_bools flags = wm_in_bool(call, 0);
    wm_decimals prices = wm_in_decimal(call, 1);
    wm_i32s days = wm_in_i32(call, 2);
    for (uint32_t row = 0; row < call->rows; row++) {
        if (wm_is_null(flags.valid, row)) {
            wm_null_bool(wm_out_bool(call, 0));
            wm_error(call, row, "no flag");
        } else {
            wm_push_bool(wm_out_bool(call, 0), !wm_bool_at(flags, row));
        }
        if (wm_is_null(prices.valid, row)) {
            wm_null_decimal(wm_out_decimal(call, 1));
        } else {
            wm_push_decimal(wm_out_decimal(call, 1), prices.values[row]);
        }
        wm_push_i32(wm_out_i32(call, 2), days.values[row] + 1);
        if (days.values[row] < 0) wm_skip(call, row);
        if (days.values[row] == 1000) return wm_fail(call, "a day too far");
    }
    return WM_OK;
}

#define ASK(F, C, NAME) F(NAME, MAP, C(x, BIGINT), C(y, BIGINT))
#define FUNCTIONS(F, C)                                                                                     \
    ASK(F, C, time) ASK(F, C, step) ASK(F, C, chance) ASK(F, C, much_chance) ASK(F, C, chance_outside)      \
    ASK(F, C, arguments) ASK(F, C, print) ASK(F, C, print_pieces) ASK(F, C, starts) ASK(F, C, refused)      \
    ASK(F, C, exit) ASK(F, C, sleep) ASK(F, C, spin)                                                        \
    F(types, MAP, C(flag, BOOLEAN) C(price, DECIMAL(12, 2)) C(day, DATE),                                   \
      C(flag, BOOLEAN) C(price, DECIMAL(12, 2)) C(day, DATE))
WM_MODULE(FUNCTIONS)
