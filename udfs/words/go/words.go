// words-go: what `text` and `numbers` do, in Go: the words of a line, and four rounds of a hash.
package main

import "wasmill"

func init() {
	wasmill.FlatMap("split_words", "line STRING", "word STRING", splitWords)
	wasmill.Map("mix", "x BIGINT", "y BIGINT", mix)
}

func main() { wasmill.Main() }

// The words of a line: what stands between ASCII spaces. No word is empty; a null or blank line has none.
func splitWords(call *wasmill.Call) error {
	lines, words := wasmill.InText(call, 0), wasmill.OutText(call, 0)
	for row := range call.Rows {
		if lines.IsNull(row) {
			continue
		}
		line, start := lines.At(row), 0
		for end := 0; end <= len(line); end++ {
			if end < len(line) && line[end] != ' ' {
				continue
			}
			if end > start {
				words.PushBytes(line[start:end])
				call.Emit(row)
			}
			start = end + 1
		}
	}
	return nil
}

// Four rounds of a 64-bit hash; null stays null.
func mix(call *wasmill.Call) error {
	x, y := wasmill.In[int64](call, 0), wasmill.Out[int64](call, 0)
	if !x.MayHaveNulls() {
		to := y.Extend(call.Rows)
		for row, x := range x.Values {
			to[row] = mixed(x)
		}
		return nil
	}
	for row, value := range x.Values {
		if x.IsNull(row) {
			y.Null()
		} else {
			y.Push(mixed(value))
		}
	}
	return nil
}

func mixed(number int64) int64 {
	x := uint64(number)
	for range 4 {
		x = (x ^ x>>31) * 0x9e3779b97f4a7c15
	}
	return int64(x ^ x>>29)
}
