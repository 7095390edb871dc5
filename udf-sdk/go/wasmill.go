// Package wasmill writes stages for wasmill in Go: a function over a batch of rows, and one line about it.
//
//	func init() {
//		wasmill.FlatMap("split_words", "line STRING", "word STRING", splitWords)
//		wasmill.Map("double", "x BIGINT", "y BIGINT", double)
//	}
//
//	func main() { wasmill.Main() }
//
//	func double(call *wasmill.Call) error {
//		x, y := wasmill.In[int64](call, 0), wasmill.Out[int64](call, 0)
//		for row := range call.Rows {
//			if x.IsNull(row) {
//				y.Null()
//			} else {
//				y.Push(2 * x.Values[row])
//			}
//		}
//		return nil
//	}
//
// [Aggregate] and [Group] declare functions that stand at a groupBy.
//
// README.md beside this file has the commands that build a module; udf-sdk/ABI.md says what crosses the boundary.
package wasmill

import "strings"

// A function of the module.
type function struct {
	kind, name      string
	inputs, outputs []column
	// Of a transform: whether output rows say where they came from.
	origin bool
	// Of an aggregate and of a group function.
	state []column
	// Of a group function.
	key  []column
	time TimeMode
	// Turns a call of the host into its result.
	process func(*hostCall, *hostResult) error
}

// A column of the manifest, and its type in Arrow's schemas.
type column struct {
	name, sql, format string
}

var functions []*function

// What the host calls a function with, as far as its kind has it.
type hostCall struct {
	// A batch of the input columns, or of other states.
	rows batch
	// The group of each row.
	owners          []int32
	step            int32
	keys, states    batch
	watermark, time int64
	timers, fired   timers
}

// Columns that came, of so many rows.
type batch struct {
	rows    int
	columns []any
}

// The group and the time of each timer, in the order of the groups.
type timers struct {
	groups []int32
	times  []int64
}

// What a function hands back, as far as its kind has it.
type hostResult struct {
	rows     int
	columns  []builder
	origin   *Builder[int32]
	outcomes []byte
	errors   *TextBuilder
	// Of so many groups.
	groups int
	states []builder
	// How many timers there are, and their groups and times.
	timersCount int
	timers      []builder
}

// Map declares a function that gives one row for each row. Columns are written as in SQL: "name TYPE, name TYPE".
func Map(name, inputs, outputs string, run func(*Call) error) {
	transform(name, inputs, outputs, false, run)
}

// FlatMap declares a function that gives any number of rows for each row: it pushes a row to every output column, and
// says with [Call.Emit] where it came from.
func FlatMap(name, inputs, outputs string, run func(*Call) error) {
	transform(name, inputs, outputs, true, run)
}

func transform(name, inputs, outputs string, origin bool, run func(*Call) error) {
	f := declare("transform", name, inputs, outputs)
	f.origin = origin
	// Kept from batch to batch, so that columns are made in memory that is there already.
	call := newCall(f.inputs, f.outputs)
	f.process = func(in *hostCall, out *hostResult) error {
		call.start(in.rows)
		if err := run(call); err != nil {
			return err
		}
		out.rows = call.Rows
		if origin {
			out.rows, out.origin = len(call.origin.values), &call.origin
		}
		out.columns = call.made(out.rows)
		out.outcomes, out.errors = call.outcomes, call.errors
		if call.errors != nil {
			call.fillErrors(call.Rows)
		}
		return nil
	}
}

func declare(kind, name, inputs, outputs string) *function {
	f := &function{kind: kind, name: name, inputs: columns(name, inputs), outputs: columns(name, outputs)}
	functions = append(functions, f)
	return f
}

// The columns that the function hands back.
func (f *function) handed() []column {
	return append(append([]column{}, f.state...), f.outputs...)
}

// Arrow's formats of the types that cross, but DECIMAL's, which depends on its numbers.
var formats = map[string]string{
	"BOOLEAN": "b", "TINYINT": "c", "SMALLINT": "s", "INT": "i", "BIGINT": "l", "FLOAT": "f", "DOUBLE": "g",
	"STRING": "u", "BINARY": "z", "DATE": "tdD", "TIMESTAMP": "tsu:UTC", "TIMESTAMP_NTZ": "tsu:",
	"INTERVAL DAY TO SECOND": "tDu",
}

// Reads "name TYPE, name TYPE"; a mistake in it is one in the program.
func columns(function, list string) []column {
	var all []column
	for list = strings.TrimSpace(list); list != ""; {
		item, rest := list, ""
		// A comma inside DECIMAL(12,2) ends no column.
		depth := 0
		for at, letter := range list {
			if letter == '(' {
				depth++
			} else if letter == ')' {
				depth--
			} else if letter == ',' && depth == 0 {
				item, rest = list[:at], list[at+1:]
				break
			}
		}
		name, sql, _ := strings.Cut(strings.TrimSpace(item), " ")
		sql = strings.TrimSpace(sql)
		format, known := formats[sql]
		if numbers, found := strings.CutPrefix(sql, "DECIMAL("); found && strings.HasSuffix(numbers, ")") {
			format, known = "d:"+strings.ReplaceAll(strings.TrimSuffix(numbers, ")"), " ", ""), true
		}
		if !known {
			panic("wasmill: column `" + item + "` of " + function + " is not `name TYPE` with a type that crosses")
		}
		all = append(all, column{name, sql, format})
		list = strings.TrimSpace(rest)
	}
	return all
}

// The letter of a format that says what values a column holds: DATE holds those of INT, times those of BIGINT.
func letter(format string) byte {
	switch {
	case format[0] != 't':
		return format[0]
	case format[1] == 'd':
		return 'i'
	default:
		return 'l'
	}
}
