/* NAME: functions for wasmill. Each stands in a line of FUNCTIONS at the end. */
#include "wasmill.h"

/* The words of a line: what stands between spaces. */
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

#define FUNCTIONS(F, C) \
    F(split_words, FLAT_MAP, C(line, STRING), C(word, STRING))
WM_MODULE(FUNCTIONS)
