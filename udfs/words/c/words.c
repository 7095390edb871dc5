/* words-c: what `text` and `numbers` do, in C: the words of a line, and four rounds of a hash. */
#include "wasmill.h"

/* The words of a line: what stands between ASCII spaces. No word is empty; a null or blank line has none. */
static int split_words(wm_call *call) {
    wm_texts lines = wm_in_text(call, 0);
    wm_text_out *words = wm_out_text(call, 0);
    for (uint32_t row = 0; row < call->rows; row++) {
        if (wm_is_null(lines.valid, row)) continue;
        wm_text line = wm_text_at(lines, row);
        uint32_t start = 0;
        for (uint32_t end = 0; end <= line.bytes; end++) {
            if (end < line.bytes && line.at[end] != ' ') continue;
            if (end > start) {
                wm_push_text(words, line.at + start, end - start);
                wm_emit(call, row);
            }
            start = end + 1;
        }
    }
    return WM_OK;
}

static int64_t mixed(int64_t number) {
    uint64_t x = (uint64_t)number;
    for (int round = 0; round < 4; round++) x = (x ^ x >> 31) * UINT64_C(0x9e3779b97f4a7c15);
    return (int64_t)(x ^ x >> 29);
}

/* Four rounds of a 64-bit hash; null stays null. */
static int mix(wm_call *call) {
    wm_i64s x = wm_in_i64(call, 0);
    wm_i64_out *y = wm_out_i64(call, 0);
    if (!x.valid) {
        int64_t *first = wm_extend_i64(y, call->rows);
        for (uint32_t row = 0; row < call->rows; row++) first[row] = mixed(x.values[row]);
        return WM_OK;
    }
    for (uint32_t row = 0; row < call->rows; row++) {
        if (wm_is_null(x.valid, row)) {
            wm_null_i64(y);
        } else {
            wm_push_i64(y, mixed(x.values[row]));
        }
    }
    return WM_OK;
}

#define FUNCTIONS(F, C)                                            \
    F(split_words, FLAT_MAP, C(line, STRING), C(word, STRING))     \
    F(mix, MAP, C(x, BIGINT), C(y, BIGINT))
WM_MODULE(FUNCTIONS)
