package main

import (
	"reflect"
	"testing"

	"wasmill"
)

func expect(t *testing.T, expected [][]any) func(rows [][]any, err error) {
	t.Helper()
	return func(rows [][]any, err error) {
		t.Helper()
		if err != nil || !reflect.DeepEqual(rows, expected) {
			t.Error(rows, err)
		}
	}
}

func TestTopKGoesOnWithItsState(t *testing.T) {
	test := wasmill.NewTest("top_k")
	expect(t, [][]any{{"7,5"}})(test.Run([]any{5, 2}, []any{7, 2}, []any{nil, 2}))
	expect(t, [][]any{{"7,6"}})(test.Run([]any{6, 2}))
	if _, err := test.Run([]any{6, 0}); err == nil {
		t.Error("k of 0 is taken")
	}
}

func TestASessionEndsWithItsTimer(t *testing.T) {
	test := wasmill.NewTest("sessions")
	expect(t, [][]any{})(test.Run([]any{5, 10}, []any{1, 10}, []any{30, 10}))
	expect(t, [][]any{{int64(1), int64(15), int64(2)}})(test.Fire(20))
	if timers := test.Timers(); !reflect.DeepEqual(timers, []int64{40}) {
		t.Error(timers)
	}
}

func TestRowsAreNumberedByTheirKey(t *testing.T) {
	test := wasmill.NewTest("numbered")
	test.Key = []any{"ann"}
	expect(t, [][]any{{"ann-1", int64(9)}})(test.Run([]any{9}))
	expect(t, [][]any{{"ann-2", nil}})(test.Run([]any{nil}))
}
