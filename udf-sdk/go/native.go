//go:build !wasip1

package wasmill

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// Test runs a function natively on sample rows, for `go test`:
//
//	rows, err := wasmill.NewTest("split_words").Run([]any{"to  be"}, []any{nil})
//	// rows is [][]any{{"to"}, {"be"}}
//
// A row has a value for each column, nil for null: numbers of any type that holds them going in, of the column's own
// coming out; texts as string or []byte going in, as string coming out; bool and Decimal as they are. An aggregate takes
// the rows of each run into one group and gives its value so far. A group function has one key and goes on with its
// state and timers from run to run.
type Test struct {
	// Key has a value for each column of the key that a group function sees.
	Key []any
	// Watermark and Time are what a group function is told, in microseconds since 1970-01-01 UTC.
	Watermark, Time int64
	function        *function
	states          batch
	timers          []int64
}

// What a test does with a column that is being made.
type inTest interface {
	pushAny(value any, column string)
	getAny(row int) any
}

// NewTest starts the test of a function; there must be one of this name.
func NewTest(name string) *Test {
	for _, f := range functions {
		if f.name == name {
			test := &Test{Watermark: NoWatermark, function: f, Key: make([]any, len(f.key))}
			test.states = batchOfRows(f.state, [][]any{make([]any, len(f.state))})
			return test
		}
	}
	panic("wasmill: there is no function " + name)
}

// Run gives what the function makes of rows. The error is that of a function that gave up, or tells of rows that are in
// error; like rows that are skipped they are not among the others.
func (test *Test) Run(rows ...[]any) ([][]any, error) {
	f := test.function
	in := &hostCall{rows: batchOfRows(f.inputs, rows), owners: make([]int32, len(rows)), states: test.states}
	switch f.kind {
	case "aggregate":
		in.step = updateStep
		updated, err := test.process(in)
		if err != nil {
			return nil, err
		}
		test.states = batchOfRows(f.state, rowsOf(updated.columns, 1))
		finished, err := test.process(&hostCall{step: mergeStep + 1, states: test.states})
		if err != nil {
			return nil, err
		}
		return rowsOf(finished.columns, 1), nil
	case "group":
		return test.group(in)
	default:
		out, err := test.process(in)
		if err != nil {
			return nil, err
		}
		return out.wellRows()
	}
}

// Fire gives what a group function makes of its timers up to `time`, where the watermark or the clock, whichever they go
// by, now is.
func (test *Test) Fire(time int64) ([][]any, error) {
	if test.function.time == EventTime {
		test.Watermark = time
	} else {
		test.Time = time
	}
	slices.Sort(test.timers)
	over, found := slices.BinarySearch(test.timers, time)
	if found {
		over++
	}
	in := &hostCall{rows: batchOfRows(test.function.inputs, nil), states: test.states}
	in.fired = timersOfOne(test.timers[:over])
	test.timers = test.timers[over:]
	return test.group(in)
}

// Timers gives the timers of a group function that run.
func (test *Test) Timers() []int64 {
	return test.timers
}

func (test *Test) group(in *hostCall) ([][]any, error) {
	f := test.function
	in.keys = batchOfRows(f.key, [][]any{test.Key})
	in.watermark, in.time, in.timers = test.Watermark, test.Time, timersOfOne(test.timers)
	out, err := test.process(in)
	if err != nil {
		return nil, err
	}
	test.states = batchOfRows(f.state, rowsOf(out.states, 1))
	test.timers = slices.Clone(out.timers[1].(*Builder[int64]).values)
	return rowsOf(out.columns, out.rows), nil
}

func (test *Test) process(in *hostCall) (*hostResult, error) {
	out := &hostResult{}
	return out, test.function.process(in, out)
}

func timersOfOne(times []int64) timers {
	return timers{make([]int32, len(times)), slices.Clone(times)}
}

// The output rows whose input rows are well, and an error for those that are in error.
func (out *hostResult) wellRows() ([][]any, error) {
	var well [][]any
	for row, values := range rowsOf(out.columns, out.rows) {
		from := row
		if out.origin != nil {
			from = int(out.origin.values[row])
		}
		if out.outcomes == nil || out.outcomes[from] == rowOK {
			well = append(well, values)
		}
	}
	var failures []error
	if out.errors != nil {
		for row, values := range rowsOf([]builder{out.errors}, out.errors.rows()) {
			if values[0] != nil {
				failures = append(failures, fmt.Errorf("row %d: %s", row, values[0]))
			}
		}
	}
	return well, errors.Join(failures...)
}

// Columns of rows.
func batchOfRows(columns []column, rows [][]any) batch {
	all := batch{rows: len(rows)}
	for number, column := range columns {
		to := newBuilder(column.format)
		for _, row := range rows {
			if len(row) != len(columns) {
				panic(fmt.Sprintf("wasmill: %v has not %d values", row, len(columns)))
			}
			to.pushAny(row[number], column.name)
		}
		all.columns = append(all.columns, columnOf(to))
	}
	return all
}

// Rows of columns, of so many each.
func rowsOf(columns []builder, count int) [][]any {
	rows := make([][]any, count)
	for row := range rows {
		rows[row] = make([]any, len(columns))
		for number, column := range columns {
			rows[row][number] = column.getAny(row)
		}
	}
	return rows
}

// A column that was made, as one that comes.
func columnOf(from builder) any {
	switch from := from.(type) {
	case *BoolBuilder:
		return Bools{from.bitmap(from.count), from.bits}
	case *TextBuilder:
		return Texts{from.bitmap(from.rows()), from.offsets, from.data}
	case *Builder[int8]:
		return Column[int8]{from.bitmap(from.rows()), from.values}
	case *Builder[int16]:
		return Column[int16]{from.bitmap(from.rows()), from.values}
	case *Builder[int32]:
		return Column[int32]{from.bitmap(from.rows()), from.values}
	case *Builder[int64]:
		return Column[int64]{from.bitmap(from.rows()), from.values}
	case *Builder[float32]:
		return Column[float32]{from.bitmap(from.rows()), from.values}
	case *Builder[float64]:
		return Column[float64]{from.bitmap(from.rows()), from.values}
	case *Builder[Decimal]:
		return Column[Decimal]{from.bitmap(from.rows()), from.values}
	}
	panic("wasmill: a builder of no type")
}

func (valid *validity) bitmap(rows int) bitmap {
	if valid.nulls == 0 {
		return nil
	}
	return allValid(valid.bits, rows)
}

func (valid *validity) isNull(row int) bool {
	return valid.nulls > 0 && row>>3 < len(valid.bits) && valid.bits[row>>3]>>(row&7)&1 == 0
}

func (to *Builder[T]) pushAny(value any, column string) {
	if value == nil {
		to.Null()
		return
	}
	var number T
	from, wanted := reflect.ValueOf(value), reflect.TypeOf(number)
	if !from.CanConvert(wanted) || !from.Convert(wanted).Convert(from.Type()).Equal(from) {
		panic(fmt.Sprintf("wasmill: %v is no value of column %s", value, column))
	}
	to.Push(from.Convert(wanted).Interface().(T))
}

func (to *Builder[T]) getAny(row int) any {
	if to.isNull(row) {
		return nil
	}
	return to.values[row]
}

func (to *BoolBuilder) pushAny(value any, column string) {
	switch value := value.(type) {
	case nil:
		to.Null()
	case bool:
		to.Push(value)
	default:
		panic(fmt.Sprintf("wasmill: %v is no value of column %s", value, column))
	}
}

func (to *BoolBuilder) getAny(row int) any {
	if to.isNull(row) {
		return nil
	}
	return to.bits[row>>3]>>(row&7)&1 == 1
}

func (to *TextBuilder) pushAny(value any, column string) {
	switch value := value.(type) {
	case nil:
		to.Null()
	case string:
		to.Push(value)
	case []byte:
		to.PushBytes(value)
	default:
		panic(fmt.Sprintf("wasmill: %v is no value of column %s", value, column))
	}
}

func (to *TextBuilder) getAny(row int) any {
	if to.isNull(row) {
		return nil
	}
	return string(to.data[to.offsets[row]:to.offsets[row+1]])
}
