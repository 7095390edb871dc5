package wasmill

// Call is one batch on its way through a function. It and what it gives are the function's until it returns.
type Call struct {
	// Rows of each input column.
	Rows int
	// Of a group function: the watermark, NoWatermark if there is none, and the time of the batch by the clock, the same
	// whenever it runs again. Microseconds since 1970-01-01 UTC.
	Watermark, Time int64

	timers    []int64
	group     int
	ins, outs []column
	inputs    []any
	outputs   []builder
	origin    Builder[int32]
	outcomes  []byte
	errors    *TextBuilder
}

const (
	rowOK byte = iota
	rowSkip
	rowError
)

func newCall(ins, outs []column) *Call {
	call := &Call{ins: ins, outs: outs}
	for _, column := range outs {
		call.outputs = append(call.outputs, newBuilder(column.format))
	}
	return call
}

// Makes the call ready for the next batch.
func (call *Call) start(in batch) {
	call.Rows, call.inputs = in.rows, in.columns
	for _, output := range call.outputs {
		output.reset()
	}
	call.origin.reset()
	call.outcomes, call.errors = nil, nil
}

// Emit says in a FlatMap that the row just pushed to every output column came from input row `row`. Rows rise.
func (call *Call) Emit(row int) {
	call.origin.values = append(call.origin.values, int32(row))
}

// Skip drops an input row and what it became. A Map pushes a row for it all the same, best a null.
func (call *Call) Skip(row int) {
	call.note(row, rowSkip)
}

// Error marks an input row as in error, in the order of rows; the query says what becomes of it. A Map pushes a row for
// it all the same, best a null.
func (call *Call) Error(row int, why string) {
	call.note(row, rowError)
	if call.errors == nil {
		call.errors = &TextBuilder{offsets: []int32{0}}
	}
	if row < call.errors.rows() {
		panic("wasmill: errors do not come in the order of rows")
	}
	call.fillErrors(row)
	call.errors.Push(why)
}

func (call *Call) fillErrors(rows int) {
	for call.errors.rows() < rows {
		call.errors.Null()
	}
}

func (call *Call) note(row int, outcome byte) {
	if call.outcomes == nil {
		call.outcomes = make([]byte, call.Rows)
	}
	call.outcomes[row] = outcome
}

// The output columns, which must have so many rows.
func (call *Call) made(rows int) []builder {
	for _, output := range call.outputs {
		if output.rows() != rows {
			panic("wasmill: an output column has too few or too many rows")
		}
	}
	return call.outputs
}
