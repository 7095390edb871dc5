/* Runs the functions of kinds.c natively. */
#include "kinds.c"
#include "wasmill_test.h"

static void give_value(wm_test *test, int64_t value, int32_t k) {
    wm_push_i64(wm_out_i64(&test->given, 0), value);
    wm_push_i32(wm_out_i32(&test->given, 1), k);
}

static void top_k_goes_on_with_its_state(void) {
    wm_test test = wm_test_of("top_k");
    give_value(&test, 5, 2), give_value(&test, 7, 2);
    WM_EXPECT(wm_test_run(&test) == WM_OK);
    WM_EXPECT(wm_text_is(wm_text_at(wm_in_text(&test.got, 0), 0), "7,5"));
    give_value(&test, 6, 2);
    WM_EXPECT(wm_test_run(&test) == WM_OK && wm_text_is(wm_text_at(wm_in_text(&test.got, 0), 0), "7,6"));
    give_value(&test, 6, 0);
    WM_EXPECT(wm_test_run(&test) == WM_FAILED);
    WM_EXPECT(test.result.message_bytes == wm_length("k must be a number from 1 to 1000"));
}

static void a_session_ends_with_its_timer(void) {
    wm_test test = wm_test_of("sessions");
    static const int64_t times[] = {5, 1, 30};
    for (uint32_t i = 0; i < 3; i++) {
        wm_push_i64(wm_out_i64(&test.given, 0), times[i]);
        wm_push_i64(wm_out_i64(&test.given, 1), 10);
    }
    WM_EXPECT(wm_test_run(&test) == WM_OK && test.got.rows == 0 && test.timers_count == 2);
    WM_EXPECT(wm_test_fire(&test, 20) == WM_OK && test.got.rows == 1 && test.timers_count == 1);
    WM_EXPECT(wm_in_i64(&test.got, 0).values[0] == 1 && wm_in_i64(&test.got, 1).values[0] == 15);
    WM_EXPECT(wm_in_i64(&test.got, 2).values[0] == 2);
}

static void rows_are_numbered_by_their_key(void) {
    wm_test test = wm_test_of("numbered");
    wm_push_text(wm_out_text(&test.key, 0), "ann", 3);
    wm_push_i64(wm_out_i64(&test.given, 0), 9);
    WM_EXPECT(wm_test_run(&test) == WM_OK && wm_text_is(wm_text_at(wm_in_text(&test.got, 0), 0), "ann-1"));
    wm_push_i64(wm_out_i64(&test.given, 0), 9);
    WM_EXPECT(wm_test_run(&test) == WM_OK && wm_text_is(wm_text_at(wm_in_text(&test.got, 0), 0), "ann-2"));
}

int main(void) {
    top_k_goes_on_with_its_state();
    a_session_ends_with_its_timer();
    rows_are_numbered_by_their_key();
    return wm_test_end();
}
