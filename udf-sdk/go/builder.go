package wasmill

// A column that is being made.
type builder interface {
	rows() int
	reset()
	inTest
}

func newBuilder(format string) builder {
	switch letter(format) {
	case 'b':
		return &BoolBuilder{}
	case 'c':
		return &Builder[int8]{}
	case 's':
		return &Builder[int16]{}
	case 'i':
		return &Builder[int32]{}
	case 'l':
		return &Builder[int64]{}
	case 'f':
		return &Builder[float32]{}
	case 'g':
		return &Builder[float64]{}
	case 'd':
		return &Builder[Decimal]{}
	default:
		return &TextBuilder{offsets: []int32{0}}
	}
}

// Out gives output column `column`, counted from 0.
func Out[T Number](call *Call, column int) *Builder[T] {
	return output[*Builder[T]](call, column)
}

// OutBool gives output column `column`, a BOOLEAN.
func OutBool(call *Call, column int) *BoolBuilder {
	return output[*BoolBuilder](call, column)
}

// OutText gives output column `column`, a STRING or BINARY.
func OutText(call *Call, column int) *TextBuilder {
	return output[*TextBuilder](call, column)
}

func output[B builder](call *Call, number int) B {
	column, fits := call.outputs[number].(B)
	if !fits {
		panic("wasmill: output column " + call.outs[number].name + " has another type than it is written as")
	}
	return column
}

// Which rows are not null; nothing is kept until the first null.
type validity struct {
	bits  []byte
	nulls int
}

// Marks `row`, the last one so far, as null.
func (valid *validity) mark(row int) {
	valid.bits = allValid(valid.bits, row+1)
	valid.bits[row>>3] &^= 1 << (row & 7)
	valid.nulls++
}

// Makes room for `rows`; those behind the last null are valid.
func allValid(bits []byte, rows int) []byte {
	for len(bits) < (rows+7)/8 {
		bits = append(bits, 0xff)
	}
	return bits
}

func (valid *validity) reset() {
	valid.bits, valid.nulls = valid.bits[:0], 0
}

// Builder makes an output column of numbers.
type Builder[T Number] struct {
	validity
	values []T
}

// Push appends a row.
func (to *Builder[T]) Push(value T) {
	to.values = append(to.values, value)
}

// Null appends a null.
func (to *Builder[T]) Null() {
	var zero T
	to.values = append(to.values, zero)
	to.mark(len(to.values) - 1)
}

// Extend appends rows that are not null, for the caller to fill in.
func (to *Builder[T]) Extend(rows int) []T {
	start := len(to.values)
	if cap(to.values)-start < rows {
		grown := make([]T, start, max(start+rows, 2*start))
		copy(grown, to.values)
		to.values = grown
	}
	to.values = to.values[:start+rows]
	return to.values[start:]
}

func (to *Builder[T]) rows() int {
	return len(to.values)
}

func (to *Builder[T]) reset() {
	to.values = to.values[:0]
	to.validity.reset()
}

// BoolBuilder makes an output column of BOOLEAN.
type BoolBuilder struct {
	validity
	bits  []byte
	count int
}

// Push appends a row.
func (to *BoolBuilder) Push(value bool) {
	if to.count&7 == 0 {
		to.bits = append(to.bits, 0)
	}
	if value {
		to.bits[to.count>>3] |= 1 << (to.count & 7)
	}
	to.count++
}

// Null appends a null.
func (to *BoolBuilder) Null() {
	to.Push(false)
	to.mark(to.count - 1)
}

func (to *BoolBuilder) rows() int {
	return to.count
}

func (to *BoolBuilder) reset() {
	to.bits, to.count = to.bits[:0], 0
	to.validity.reset()
}

// TextBuilder makes an output column of STRING, which must be UTF-8, or BINARY.
type TextBuilder struct {
	validity
	offsets []int32
	data    []byte
}

// Push appends a row.
func (to *TextBuilder) Push(text string) {
	to.data = append(to.data, text...)
	to.offsets = append(to.offsets, int32(len(to.data)))
}

// PushBytes appends a row.
func (to *TextBuilder) PushBytes(text []byte) {
	to.data = append(to.data, text...)
	to.offsets = append(to.offsets, int32(len(to.data)))
}

// Null appends a null.
func (to *TextBuilder) Null() {
	to.PushBytes(nil)
	to.mark(to.rows() - 1)
}

func (to *TextBuilder) rows() int {
	return len(to.offsets) - 1
}

func (to *TextBuilder) reset() {
	to.offsets, to.data = append(to.offsets[:0], 0), to.data[:0]
	to.validity.reset()
}
