/* wasmill_test.h: runs functions of a module natively on sample rows, for a debugger and sanitizers. Include it behind
 * the module's own file:
 *
 *     #include "shout.c"
 *     #include "wasmill_test.h"
 *
 *     int main(void) {
 *         wm_test test = wm_test_of("shout");
 *         wm_push_text(wm_out_text(&test.given, 0), "hey", 3);
 *         WM_EXPECT(wm_test_run(&test) == WM_OK);
 *         WM_EXPECT(test.got.rows == 1);
 *         WM_EXPECT(wm_text_is(wm_text_at(wm_in_text(&test.got, 0), 0), "HEY"));
 *         return wm_test_end();
 *     }
 *
 * An aggregate takes the rows of each run into one group and gives its value so far. A group function has one key and
 * goes on with its state and timers from run to run.
 */
#ifndef WASMILL_TEST_H
#define WASMILL_TEST_H

#include "wasmill.h"

typedef struct {
    const wm_function *function;
    /* Rows for the next run: the function's inputs are its output columns, `wm_out_T(&test.given, n)`. */
    wm_call given;
    /* GROUP: the columns of the key likewise; a column that no row is pushed to is null. */
    wm_call key;
    /* What came back: the function's outputs are its input columns, `wm_in_T(&test.got, n)`, of `test.got.rows`. */
    wm_call got;
    /* The message of a function that gave up, `result.origin` and so on, as ../ABI.md has them. */
    wm_result result;
    /* GROUP: what the next run is told, and the timers that run. */
    int64_t watermark, time;
    int64_t *timers;
    uint32_t timers_count;
    const wm_array *states;
} wm_test;

static uint32_t wm_test_failures;

#define WM_EXPECT(what) \
    ((what) ? (void)0 : (void)(wm_test_failures++, fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what)))

/* What `main` returns. */
WM_API int wm_test_end(void) {
    fprintf(stderr, wm_test_failures ? "%u failed\n" : "all as expected\n", wm_test_failures);
    return wm_test_failures != 0;
}

WM_API bool wm_text_is(wm_text text, const char *expected) {
    return text.bytes == wm_length(expected) && __builtin_memcmp(text.at, expected, text.bytes) == 0;
}

WM_API void wm_test_null(wm_out *out) {
    if (out->offsets) {
        wm_null_text((wm_text_out *)out);
    } else if (out->width == 0) {
        wm_null_bool((wm_bool_out *)out);
    } else {
        wm_reserve(out, 1);
        __builtin_memset(out->values + out->rows++ * out->width, 0, out->width);
        wm_mark_null(out);
    }
}

/* The columns that were pushed to as a batch of so many rows, missing ones null. */
WM_API const wm_array *wm_test_batch(wm_call *call, uint32_t rows) {
    for (uint32_t i = 0; i < call->outputs_count; i++)
        while (call->out[i].rows < rows) wm_test_null(&call->out[i]);
    return wm_made(call, rows);
}

WM_API void wm_test_columns(wm_call *call, const wm_column *columns, wm_result *result) {
    wm_begin(call, columns + wm_count(columns), NULL, 0, columns, 0, result);
}

/* Starts the test of a function. */
WM_API wm_test wm_test_of(const char *name) {
    wm_test test;
    __builtin_memset(&test, 0, sizeof test);
    for (uint32_t i = 0; i < sizeof wm_functions / sizeof *wm_functions; i++)
        if (__builtin_strcmp(wm_functions[i]->name, name) == 0) test.function = wm_functions[i];
    if (!test.function) wm_die("there is no function of this name");
    test.watermark = WM_NO_WATERMARK;
    wm_test_columns(&test.given, test.function->inputs, NULL);
    if (test.function->shape == WM_AGGREGATE || test.function->shape == WM_GROUP) {
        wm_call states;
        wm_test_columns(&states, test.function->state, NULL);
        test.states = wm_test_batch(&states, 1);
        uint32_t keys = wm_count(test.function->loaded) - wm_count(test.function->state);
        wm_column *key = (wm_column *)wm_alloc((keys + 1) * (uint32_t)sizeof *key);
        __builtin_memcpy(key, test.function->loaded, keys * sizeof *key);
        key[keys].name = key[keys].format = NULL;
        wm_test_columns(&test.key, key, NULL);
    }
    return test;
}

/* The rows that were pushed, with the group of each, which is 0, behind the columns. */
WM_API const wm_array *wm_test_grouped(wm_test *test, uint32_t rows) {
    const wm_array *batch = wm_test_batch(&test->given, rows);
    uint32_t columns = (uint32_t)batch->n_children;
    const wm_array **children = (const wm_array **)wm_alloc((columns + 1) * (uint32_t)sizeof *children);
    for (uint32_t i = 0; i < columns; i++) children[i] = batch->children[i];
    int32_t *owners = (int32_t *)wm_alloc(4 * rows);
    __builtin_memset(owners, 0, 4 * rows);
    children[columns] = wm_array_of(rows, 0, NULL, owners, NULL);
    wm_array *grouped = (wm_array *)(uintptr_t)wm_array_of(rows, 0, NULL, NULL, NULL);
    grouped->n_children = columns + 1;
    grouped->children = children;
    return grouped;
}

WM_API const wm_array *wm_test_timers(const int64_t *times, uint32_t count) {
    static const wm_column columns[] = {{"group", "i"}, {"time", "tsu:UTC"}, {NULL, NULL}};
    wm_call timers;
    wm_test_columns(&timers, columns, NULL);
    for (uint32_t i = 0; i < count; i++) {
        wm_push_i32(wm_out_i32(&timers, 0), 0);
        wm_push_i64(wm_out_i64(&timers, 1), times[i]);
    }
    return wm_made(&timers, count);
}

WM_API int wm_test_group(wm_test *test, uint32_t rows, const int64_t *fired, uint32_t fired_count) {
    wm_group_call call = {test->watermark, test->time, wm_test_batch(&test->key, 1), test->states,
                          wm_test_grouped(test, rows), wm_test_timers(test->timers, test->timers_count),
                          wm_test_timers(fired, fired_count)};
    int status = test->function->run(test->function, &call, &test->result);
    if (status != WM_OK) return status;
    test->states = test->result.states;
    test->timers_count = (uint32_t)test->result.timers->length;
    test->timers = (int64_t *)(uintptr_t)test->result.timers->children[1]->buffers[1];
    return WM_OK;
}

WM_API int wm_test_aggregate(wm_test *test, uint32_t rows) {
    wm_aggregate_call update = {WM_UPDATE, test->states, wm_test_grouped(test, rows)};
    int status = test->function->run(test->function, &update, &test->result);
    if (status != WM_OK) return status;
    test->states = test->result.columns;
    wm_aggregate_call finish = {2, test->states, NULL};
    return test->function->run(test->function, &finish, &test->result);
}

/* Makes what came back readable, and the given rows none. */
WM_API int wm_test_done(wm_test *test, int status) {
    wm_test_columns(&test->given, test->function->inputs, NULL);
    __builtin_memset(&test->got, 0, sizeof test->got);
    if (status != WM_OK) return status;
    const wm_array *columns = test->result.columns;
    const wm_column *names = test->function->outputs;
    wm_begin(&test->got, names, columns->children, (uint32_t)columns->length, names + wm_count(names), 0, NULL);
    return WM_OK;
}

/* Runs the function with the rows that were pushed; the status is WM_OK or WM_FAILED. */
WM_API int wm_test_run(wm_test *test) {
    uint32_t rows = 0;
    for (uint32_t i = 0; i < test->given.outputs_count; i++)
        if (test->given.out[i].rows > rows) rows = test->given.out[i].rows;
    __builtin_memset(&test->result, 0, sizeof test->result);
    switch (test->function->shape) {
    case WM_AGGREGATE: return wm_test_done(test, wm_test_aggregate(test, rows));
    case WM_GROUP: return wm_test_done(test, wm_test_group(test, rows, NULL, 0));
    default: {
        const wm_array *batch = wm_test_batch(&test->given, rows);
        return wm_test_done(test, test->function->run(test->function, batch, &test->result));
    }
    }
}

/* GROUP: the watermark or the clock, whichever its timers go by, is at `time`: those up to it are over. */
WM_API int wm_test_fire(wm_test *test, int64_t time) {
    int64_t *fired = (int64_t *)wm_alloc(8 * test->timers_count);
    uint32_t fired_count = 0, kept = 0;
    if (test->function->time == WM_TIME_EVENT) {
        test->watermark = time;
    } else {
        test->time = time;
    }
    for (uint32_t i = 0; i < test->timers_count; i++) {
        if (test->timers[i] > time) {
            test->timers[kept++] = test->timers[i];
            continue;
        }
        uint32_t place = fired_count++;
        for (; place > 0 && fired[place - 1] > test->timers[i]; place--) fired[place] = fired[place - 1];
        fired[place] = test->timers[i];
    }
    test->timers_count = kept;
    __builtin_memset(&test->result, 0, sizeof test->result);
    return wm_test_done(test, wm_test_group(test, 0, fired, fired_count));
}

/* Why an input row is in error, as `wm_error` said; empty if it is not. */
WM_API wm_text wm_test_error(const wm_test *test, uint32_t row) {
    wm_text none = {"", 0};
    if (!test->result.error) return none;
    const void *const *buffers = test->result.error->buffers;
    wm_texts errors = {(const uint8_t *)buffers[0], (const int32_t *)buffers[1], (const char *)buffers[2]};
    return wm_is_null(errors.valid, row) ? none : wm_text_at(errors, row);
}

#endif
