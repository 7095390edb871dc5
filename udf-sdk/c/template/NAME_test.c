/* Runs the functions of NAME.c natively:
 *
 *     clang -g -o NAME_test NAME_test.c && ./NAME_test
 */
#include "NAME.c"
#include "wasmill_test.h"

int main(void) {
    wm_test test = wm_test_of("split_words");
    wm_push_text(wm_out_text(&test.given, 0), "to  be", 6);
    WM_EXPECT(wm_test_run(&test) == WM_OK);
    WM_EXPECT(test.got.rows == 2);
    WM_EXPECT(wm_text_is(wm_text_at(wm_in_text(&test.got, 0), 0), "to"));
    WM_EXPECT(wm_text_is(wm_text_at(wm_in_text(&test.got, 0), 1), "be"));
    return wm_test_end();
}
