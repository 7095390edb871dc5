package wasmill

// Number is what a column of values of one width holds: DATE is an int32; BIGINT, times and intervals are an int64.
type Number interface {
	int8 | int16 | int32 | int64 | float32 | float64 | Decimal
}

// Decimal is a DECIMAL without its point: a 128-bit number of the smallest units.
type Decimal struct {
	Low  uint64
	High int64
}

type bitmap []byte

// IsNull tells whether a row is null; its value then means nothing.
func (valid bitmap) IsNull(row int) bool {
	return valid != nil && valid[row>>3]>>(row&7)&1 == 0
}

// MayHaveNulls is false if no row is null, so that a function can take a shorter way.
func (valid bitmap) MayHaveNulls() bool {
	return valid != nil
}

// Column is an input column of numbers.
type Column[T Number] struct {
	bitmap
	Values []T
}

// Or gives a row, or something else in the place of null.
func (column Column[T]) Or(row int, otherwise T) T {
	if column.IsNull(row) {
		return otherwise
	}
	return column.Values[row]
}

// Bools is an input column of BOOLEAN.
type Bools struct {
	bitmap
	bits []byte
}

// At gives the value of a row.
func (bools Bools) At(row int) bool {
	return bools.bits[row>>3]>>(row&7)&1 == 1
}

// Texts is an input column of STRING or BINARY.
type Texts struct {
	bitmap
	offsets []int32
	data    []byte
}

// At gives the bytes of a row, which are gone when the function returns; string(...) keeps them.
func (texts Texts) At(row int) []byte {
	return texts.data[texts.offsets[row]:texts.offsets[row+1]]
}

// In gives input column `column`, counted from 0.
func In[T Number](call *Call, column int) Column[T] {
	return input[Column[T]](call, column)
}

// InBool gives input column `column`, a BOOLEAN.
func InBool(call *Call, column int) Bools {
	return input[Bools](call, column)
}

// InText gives input column `column`, a STRING or BINARY.
func InText(call *Call, column int) Texts {
	return input[Texts](call, column)
}

func input[C any](call *Call, number int) C {
	column, fits := call.inputs[number].(C)
	if !fits {
		panic("wasmill: input column " + call.ins[number].name + " has another type than it is read as")
	}
	return column
}
