/* kinds-c: what `top` and `sessions` do, in C: an aggregate, and functions with state and timers. */
#include "wasmill.h"

/* ---- top_k: the largest numbers of a group, the largest first: `9,7,7` ---- */

#define K_MAX 1000

typedef struct {
    int64_t *largest;
    int32_t count, room, k;
} top_k_state;

static void top_k_load(wm_call *call, top_k_state *top, uint32_t row) {
    wm_texts largest = wm_in_text(call, 0);
    top->k = wm_i32_or(wm_in_i32(call, 1), row, 0);
    if (wm_is_null(largest.valid, row)) return;
    wm_text bytes = wm_text_at(largest, row);
    top->count = top->room = (int32_t)(bytes.bytes / 8);
    /* A copy, for in the column nothing is aligned. */
    top->largest = (int64_t *)wm_alloc(bytes.bytes);
    wm_copy(top->largest, bytes.at, bytes.bytes);
}

static void top_k_save(wm_call *call, const top_k_state *top) {
    if (top->k == 0) {
        wm_null_text(wm_out_text(call, 0));
        wm_null_i32(wm_out_i32(call, 1));
    } else {
        wm_push_text(wm_out_text(call, 0), (const char *)top->largest, 8 * (uint32_t)top->count);
        wm_push_i32(wm_out_i32(call, 1), top->k);
    }
}

static void take(top_k_state *top, int64_t value) {
    int32_t place = top->count;
    while (place > 0 && top->largest[place - 1] < value) place--;
    if (place >= top->k) return;
    if (top->count < top->k) {
        if (top->count == top->room) {
            int64_t *larger = (int64_t *)wm_alloc(8 * (uint32_t)top->k);
            for (int32_t i = 0; i < top->count; i++) larger[i] = top->largest[i];
            top->largest = larger;
            top->room = top->k;
        }
        top->count++;
    }
    for (int32_t i = top->count - 1; i > place; i--) top->largest[i] = top->largest[i - 1];
    top->largest[place] = value;
}

/* `k` is how many are wanted, the same for all rows. */
static int top_k_update(wm_call *call, top_k_state *top, uint32_t row) {
    wm_i64s values = wm_in_i64(call, 0);
    top->k = wm_i32_or(wm_in_i32(call, 1), row, 0);
    if (top->k < 1 || top->k > K_MAX) return wm_fail(call, "k must be a number from 1 to 1000");
    if (!wm_is_null(values.valid, row)) take(top, values.values[row]);
    return WM_OK;
}

static int top_k_merge(wm_call *call, top_k_state *top, const top_k_state *other) {
    (void)call;
    if (top->k < other->k) top->k = other->k;
    for (int32_t i = 0; i < other->count; i++) take(top, other->largest[i]);
    return WM_OK;
}

/* Writes a number in front of `end`; gives where it starts. */
static char *write_number(char *end, int64_t number) {
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do {
        *--end = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0) *--end = '-';
    return end;
}

static void top_k_finish(wm_call *call, const top_k_state *top) {
    if (top->count == 0) {
        wm_null_text(wm_out_text(call, 0));
        return;
    }
    uint32_t room = 21 * (uint32_t)top->count;
    char *text = (char *)wm_alloc(room), *end = text + room, *start = end;
    for (int32_t i = top->count - 1; i >= 0; i--) {
        start = write_number(start, top->largest[i]);
        if (i > 0) *--start = ',';
    }
    wm_push_text(wm_out_text(call, 0), start, (uint32_t)(end - start));
}

/* ---- sessions: rows of a key that are close in time belong together ---- */

/* One row of times that are less than a gap apart; it ends a gap behind the last of them. */
typedef struct {
    int64_t start, end, events;
} session;

/* The sessions that may still grow, by their starts. */
typedef struct {
    session *open;
    uint32_t count;
} sessions_state;

static void sessions_load(wm_call *call, sessions_state *sessions, uint32_t row) {
    wm_texts open = wm_in_text(call, 0);
    if (wm_is_null(open.valid, row)) return;
    wm_text bytes = wm_text_at(open, row);
    sessions->count = bytes.bytes / sizeof(session);
    sessions->open = (session *)wm_alloc(bytes.bytes);
    wm_copy(sessions->open, bytes.at, bytes.bytes);
}

static void sessions_save(wm_call *call, const sessions_state *sessions) {
    wm_text_out *open = wm_out_text(call, 0);
    if (sessions->count == 0) {
        wm_null_text(open);
    } else {
        wm_push_text(open, (const char *)sessions->open, sessions->count * (uint32_t)sizeof(session));
    }
}

/* Adds a session and joins it with those it touches. */
static int sessions_row(wm_call *call, sessions_state *sessions, uint32_t row) {
    wm_i64s times = wm_in_i64(call, 0);
    int64_t gap = wm_i64_or(wm_in_i64(call, 1), row, 0);
    if (gap <= 0) return wm_fail(call, "the gap of a session must be more than nothing");
    if (wm_is_null(times.valid, row)) return WM_OK;
    session joined = {times.values[row], 0, 1};
    if (__builtin_add_overflow(joined.start, gap, &joined.end)) joined.end = INT64_MAX;
    session *open = (session *)wm_alloc((sessions->count + 1) * (uint32_t)sizeof(session));
    uint32_t count = 0, place = 0;
    for (uint32_t i = 0; i < sessions->count; i++) {
        session other = sessions->open[i];
        if (other.start < joined.end && joined.start < other.end) {
            if (other.start < joined.start) joined.start = other.start;
            if (other.end > joined.end) joined.end = other.end;
            joined.events += other.events;
            wm_delete_timer(call, other.end);
        } else {
            open[count++] = other;
            if (other.start < joined.start) place = count;
        }
    }
    for (uint32_t i = count; i > place; i--) open[i] = open[i - 1];
    open[place] = joined;
    wm_set_timer(call, joined.end);
    sessions->open = open;
    sessions->count = count + 1;
    return WM_OK;
}

/* Gives the sessions that have ended. */
static void sessions_timer(wm_call *call, sessions_state *sessions, int64_t time) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < sessions->count; i++) {
        session one = sessions->open[i];
        if (one.end > time) {
            sessions->open[count++] = one;
        } else {
            wm_push_i64(wm_out_i64(call, 0), one.start);
            wm_push_i64(wm_out_i64(call, 1), one.end);
            wm_push_i64(wm_out_i64(call, 2), one.events);
            wm_emit_row(call);
        }
    }
    sessions->count = count;
}

/* ---- pauses: the sum of the values of a key, given when no row has come for a while by the clock ---- */

typedef struct {
    int64_t total, events, timer;
    bool has_timer;
} pauses_state;

static void pauses_load(wm_call *call, pauses_state *pauses, uint32_t row) {
    wm_i64s timers = wm_in_i64(call, 2);
    pauses->total = wm_i64_or(wm_in_i64(call, 0), row, 0);
    pauses->events = wm_i64_or(wm_in_i64(call, 1), row, 0);
    pauses->timer = wm_i64_or(timers, row, 0);
    pauses->has_timer = !wm_is_null(timers.valid, row);
}

static void pauses_save(wm_call *call, const pauses_state *pauses) {
    wm_i64_out *total = wm_out_i64(call, 0), *events = wm_out_i64(call, 1), *timer = wm_out_i64(call, 2);
    if (pauses->events == 0) {
        wm_null_i64(total), wm_null_i64(events);
    } else {
        wm_push_i64(total, pauses->total), wm_push_i64(events, pauses->events);
    }
    if (pauses->has_timer) {
        wm_push_i64(timer, pauses->timer);
    } else {
        wm_null_i64(timer);
    }
}

static int pauses_row(wm_call *call, pauses_state *pauses, uint32_t row) {
    pauses->total = (int64_t)((uint64_t)pauses->total + (uint64_t)wm_i64_or(wm_in_i64(call, 0), row, 0));
    pauses->events++;
    if (pauses->has_timer) wm_delete_timer(call, pauses->timer);
    int64_t pause = wm_i64_or(wm_in_i64(call, 1), row, 0);
    if (__builtin_add_overflow(call->time, pause, &pauses->timer)) pauses->timer = INT64_MAX;
    pauses->has_timer = true;
    wm_set_timer(call, pauses->timer);
    return WM_OK;
}

static void pauses_timer(wm_call *call, pauses_state *pauses, int64_t time) {
    (void)time;
    wm_push_i64(wm_out_i64(call, 0), pauses->total);
    wm_push_i64(wm_out_i64(call, 1), pauses->events);
    wm_emit_row(call);
    __builtin_memset(pauses, 0, sizeof *pauses);
}

/* ---- numbered: the rows of a key by its name: `ann-1`, `ann-2` ---- */

typedef struct {
    wm_text name;
    bool is_null;
    int64_t rows;
} numbered_state;

static void numbered_load(wm_call *call, numbered_state *numbered, uint32_t row) {
    wm_texts names = wm_in_text(call, 0);
    numbered->is_null = wm_is_null(names.valid, row);
    numbered->name = wm_text_at(names, row);
    numbered->rows = wm_i64_or(wm_in_i64(call, 1), row, 0);
}

static void numbered_save(wm_call *call, const numbered_state *numbered) {
    wm_push_i64(wm_out_i64(call, 0), numbered->rows);
}

static int numbered_row(wm_call *call, numbered_state *numbered, uint32_t row) {
    wm_i64s values = wm_in_i64(call, 0);
    numbered->rows++;
    if (numbered->is_null) {
        wm_null_text(wm_out_text(call, 0));
    } else {
        uint32_t room = numbered->name.bytes + 21;
        char *label = (char *)wm_alloc(room), *end = label + room, *start = write_number(end, numbered->rows);
        *--start = '-';
        start -= numbered->name.bytes;
        __builtin_memcpy(start, numbered->name.at, numbered->name.bytes);
        wm_push_text(wm_out_text(call, 0), start, (uint32_t)(end - start));
    }
    if (wm_is_null(values.valid, row)) {
        wm_null_i64(wm_out_i64(call, 1));
    } else {
        wm_push_i64(wm_out_i64(call, 1), values.values[row]);
    }
    wm_emit_row(call);
    return WM_OK;
}

#define FUNCTIONS(F, C)                                                                                    \
    F(top_k, AGGREGATE, C(value, BIGINT) C(k, INT), C(top, STRING), C(largest, BINARY) C(k, INT))          \
    F(sessions, GROUP, C(time, TIMESTAMP) C(gap, INTERVAL),                                                \
      C(start, TIMESTAMP) C(end, TIMESTAMP) C(events, BIGINT), C(open, BINARY), , EVENT)                   \
    F(pauses, GROUP, C(value, BIGINT) C(pause, INTERVAL), C(total, BIGINT) C(events, BIGINT),              \
      C(total, BIGINT) C(events, BIGINT) C(timer, TIMESTAMP), , PROCESSING)                                \
    F(numbered, GROUP, C(value, BIGINT), C(label, STRING) C(value, BIGINT), C(rows, BIGINT), C(name, STRING), NONE)
WM_MODULE(FUNCTIONS)
