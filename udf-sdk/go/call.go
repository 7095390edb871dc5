package wasmill

// Call is one batch on its way through a function. It and what it gives are the function's until it returns.
type Call struct {
	// Rows of each input column.
	Rows     int
	function *function
	inputs   []any
	outputs  []builder
	origin   Builder[int32]
	outcomes []byte
	errors   *TextBuilder
}

const (
	rowOK byte = iota
	rowSkip
	rowError
)

func newCall(function *function) *Call {
	call := &Call{function: function, inputs: make([]any, len(function.inputs))}
	for _, column := range function.outputs {
		call.outputs = append(call.outputs, newBuilder(column.format))
	}
	return call
}

// Makes the call ready for the next batch.
func (call *Call) start(rows int) {
	call.Rows = rows
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

// Runs the function. The error fails the batch.
func (call *Call) run() error {
	if err := call.function.run(call); err != nil {
		return err
	}
	rows := call.Rows
	if call.function.origin {
		rows = len(call.origin.values)
	}
	for _, output := range call.outputs {
		if output.rows() != rows {
			panic("wasmill: an output column has too few or too many rows")
		}
	}
	if call.errors != nil {
		call.fillErrors(call.Rows)
	}
	return nil
}
