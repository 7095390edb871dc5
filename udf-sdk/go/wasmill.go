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
// README.md beside this file has the commands that build a module; udf-sdk/ABI.md says what crosses the boundary.
package wasmill

import "strings"

// A function of the module.
type function struct {
	name            string
	inputs, outputs []column
	origin          bool
	run             func(*Call) error
	// Kept from batch to batch, so that columns are made in memory that is there already.
	call *Call
}

// A column of the manifest, and its type in Arrow's schemas.
type column struct {
	name, sql, format string
}

var functions []*function

// Map declares a function that gives one row for each row. Columns are written as in SQL: "name TYPE, name TYPE".
func Map(name, inputs, outputs string, run func(*Call) error) {
	declare(name, inputs, outputs, false, run)
}

// FlatMap declares a function that gives any number of rows for each row: it pushes a row to every output column, and
// says with [Call.Emit] where it came from.
func FlatMap(name, inputs, outputs string, run func(*Call) error) {
	declare(name, inputs, outputs, true, run)
}

func declare(name, inputs, outputs string, origin bool, run func(*Call) error) {
	function := &function{
		name: name, inputs: columns(name, inputs), outputs: columns(name, outputs), origin: origin, run: run,
	}
	function.call = newCall(function)
	functions = append(functions, function)
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
