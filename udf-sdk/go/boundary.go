//go:build wasip1

package wasmill

import "unsafe"

// Pointers of the boundary are 32 bits wide, Go's own are 64: so they are numbers here.
type address = uint32

type arrowArray struct {
	length, nullCount, offset, buffersCount, childrenCount int64
	buffers, children, dictionary, release, privateData    address
}

type arrowSchema struct {
	format, name, metadata                  address
	flags, childrenCount                    int64
	children, dictionary, release, privates address
}

type result struct {
	columns, origin, outcome, failure, message, messageBytes, states, timers address
}

type aggregateCall struct {
	step         int32
	states, rows address
}

type groupCall struct {
	watermark, time                   int64
	keys, states, rows, timers, fired address
}

const (
	wellStatus   = 0
	failedStatus = 1
	nullable     = 2
	arenaAlign   = 64
	arenaMin     = 64 * 1024
)

// What the host was given addresses of must stay where it is until the reset; Go's collector moves nothing, but frees
// what nobody holds.
var held []any

// The arena is a block that is handed out from its start; when a batch needs more, the next has one large enough.
var (
	arena      []byte
	arenaAt    int
	arenaTotal int
)

// In a module there are no tests.
type inTest any

// Main is for the program's own `main`; in a module there is nothing to do.
func Main() {}

//go:wasmexport wasmill_arena_alloc
func arenaAlloc(bytes, align uint32) address {
	for {
		if len(arena) > 0 {
			start := int(addressOf(arena))
			at := (start+arenaAt+arenaAlign-1)&^(arenaAlign-1) - start
			if at+int(bytes) <= len(arena) {
				arenaAt = at + int(bytes)
				return address(start + at)
			}
		}
		held = append(held, arena)
		arena, arenaAt = make([]byte, max(int(bytes)+arenaAlign, arenaTotal, arenaMin)), 0
		arenaTotal += len(arena)
	}
}

//go:wasmexport wasmill_arena_reset
func arenaReset() {
	clear(held)
	held, arenaAt = held[:0], 0
	if arenaTotal > len(arena) {
		arena = make([]byte, arenaTotal)
	}
}

//go:wasmexport wasmill_open
func open(index uint32, _, outputs, to address) uint32 {
	function := functionOf(index, to)
	if function == nil {
		return failedStatus
	}
	columns := function.handed()
	schemas := make([]arrowSchema, len(columns))
	children := make([]address, len(columns))
	for i, column := range columns {
		schemas[i] = arrowSchema{format: hold(text(column.format)), name: hold(text(column.name)), flags: nullable}
		children[i] = addressOf(schemas[i:])
	}
	*at[arrowSchema](outputs) = arrowSchema{
		format: hold(text("+s")), name: hold(text("")),
		childrenCount: int64(len(children)), children: hold(children),
	}
	hold(schemas)
	return wellStatus
}

//go:wasmexport wasmill_process
func process(index uint32, from, to address) uint32 {
	f := functionOf(index, to)
	if f == nil {
		return failedStatus
	}
	var out hostResult
	if err := f.process(f.read(from), &out); err != nil {
		return fail(to, err.Error())
	}
	out.write(at[result](to))
	return wellStatus
}

// Reads what the host calls a function with.
func (f *function) read(from address) *hostCall {
	switch f.kind {
	case "aggregate":
		call := at[aggregateCall](from)
		in := &hostCall{step: call.step, states: batchOf(call.states, f.state)}
		switch call.step {
		case updateStep:
			in.rows, in.owners = groupedOf(call.rows, f.inputs)
		case mergeStep:
			in.rows, in.owners = groupedOf(call.rows, f.state)
		}
		return in
	case "group":
		call := at[groupCall](from)
		in := &hostCall{watermark: call.watermark, time: call.time}
		in.keys, in.states = batchOf(call.keys, f.key), batchOf(call.states, f.state)
		in.rows, in.owners = groupedOf(call.rows, f.inputs)
		in.timers, in.fired = timersOf(call.timers), timersOf(call.fired)
		return in
	default:
		return &hostCall{rows: batchOf(from, f.inputs)}
	}
}

func batchOf(from address, columns []column) batch {
	array := at[arrowArray](from)
	all := make([]any, len(columns))
	for i, child := range many[address](array.children, len(columns)) {
		all[i] = inputOf(at[arrowArray](child), columns[i].format)
	}
	return batch{int(array.length), all}
}

// A batch and, behind its columns, the group of each row.
func groupedOf(from address, columns []column) (batch, []int32) {
	array := at[arrowArray](from)
	last := many[address](array.children, len(columns)+1)[len(columns)]
	return batchOf(from, columns), inputOf(at[arrowArray](last), "i").(Column[int32]).Values
}

func timersOf(from address) timers {
	both := batchOf(from, timerColumns).columns
	return timers{both[0].(Column[int32]).Values, both[1].(Column[int64]).Values}
}

func functionOf(index uint32, to address) *function {
	if int(index) >= len(functions) {
		fail(to, "the module has no such function")
		return nil
	}
	return functions[index]
}

func fail(to address, why string) uint32 {
	message := []byte(why)
	into := at[result](to)
	into.message, into.messageBytes = hold(message), uint32(len(message))
	return failedStatus
}

func inputOf(array *arrowArray, format string) any {
	rows := int(array.length)
	buffers := many[address](array.buffers, int(array.buffersCount))
	var valid bitmap
	if buffers[0] != 0 {
		valid = many[byte](buffers[0], (rows+7)/8)
	}
	switch letter(format) {
	case 'b':
		return Bools{valid, many[byte](buffers[1], (rows+7)/8)}
	case 'c':
		return Column[int8]{valid, many[int8](buffers[1], rows)}
	case 's':
		return Column[int16]{valid, many[int16](buffers[1], rows)}
	case 'i':
		return Column[int32]{valid, many[int32](buffers[1], rows)}
	case 'l':
		return Column[int64]{valid, many[int64](buffers[1], rows)}
	case 'f':
		return Column[float32]{valid, many[float32](buffers[1], rows)}
	case 'g':
		return Column[float64]{valid, many[float64](buffers[1], rows)}
	case 'd':
		return Column[Decimal]{valid, many[Decimal](buffers[1], rows)}
	default:
		offsets := many[int32](buffers[1], rows+1)
		return Texts{valid, offsets, many[byte](buffers[2], int(offsets[rows]))}
	}
}

func (out *hostResult) write(to *result) {
	to.columns = structOf(out.rows, out.columns)
	if out.origin != nil {
		to.origin = finished(out.origin)
	}
	if out.outcomes != nil {
		to.outcome = arrayOf(len(out.outcomes), &validity{}, hold(out.outcomes))
	}
	if out.errors != nil {
		to.failure = finished(out.errors)
		held = append(held, out.errors)
	}
	if out.states != nil {
		to.states = structOf(out.groups, out.states)
		to.timers = structOf(out.timersCount, out.timers)
	}
}

func structOf(rows int, columns []builder) address {
	children := make([]address, len(columns))
	for i, column := range columns {
		children[i] = finished(column)
	}
	all := arrowArray{
		length: int64(rows), buffersCount: 1, buffers: hold([]address{0}),
		childrenCount: int64(len(children)), children: hold(children),
	}
	return hold([]arrowArray{all})
}

func finished(output builder) address {
	rows := output.rows()
	switch to := output.(type) {
	case *BoolBuilder:
		return arrayOf(rows, &to.validity, addressOf(to.bits))
	case *Builder[int8]:
		return arrayOf(rows, &to.validity, addressOf(to.values))
	case *Builder[int16]:
		return arrayOf(rows, &to.validity, addressOf(to.values))
	case *Builder[int32]:
		return arrayOf(rows, &to.validity, addressOf(to.values))
	case *Builder[int64]:
		return arrayOf(rows, &to.validity, addressOf(to.values))
	case *Builder[float32]:
		return arrayOf(rows, &to.validity, addressOf(to.values))
	case *Builder[float64]:
		return arrayOf(rows, &to.validity, addressOf(to.values))
	case *Builder[Decimal]:
		return arrayOf(rows, &to.validity, addressOf(to.values))
	case *TextBuilder:
		return arrayOf(rows, &to.validity, addressOf(to.offsets), addressOf(to.data))
	}
	panic("wasmill: a builder of no type")
}

func arrayOf(rows int, valid *validity, buffers ...address) address {
	all := []address{0}
	if valid.nulls > 0 {
		valid.bits = allValid(valid.bits, rows)
		all[0] = addressOf(valid.bits)
	}
	all = append(all, buffers...)
	array := arrowArray{
		length: int64(rows), nullCount: int64(valid.nulls), buffersCount: int64(len(all)), buffers: hold(all),
	}
	return hold([]arrowArray{array})
}

func text(from string) []byte {
	return append([]byte(from), 0)
}

// Where the items of a slice are. An empty one is given the place of something that is there, since 0 is no place.
func addressOf[T any](items []T) address {
	if cap(items) == 0 {
		return address(uintptr(unsafe.Pointer(&held)))
	}
	return address(uintptr(unsafe.Pointer(unsafe.SliceData(items))))
}

// The same, kept until the reset.
func hold[T any](items []T) address {
	held = append(held, items)
	return addressOf(items)
}

func at[T any](place address) *T {
	return (*T)(unsafe.Pointer(uintptr(place)))
}

func many[T any](place address, count int) []T {
	return unsafe.Slice(at[T](place), count)
}
