// kinds-go: what `top` and `sessions` do, in Go: an aggregate, and functions with state and timers.
package main

import (
	"encoding/binary"
	"errors"
	"math"
	"sort"
	"strconv"
	"strings"

	"wasmill"
)

func init() {
	wasmill.Aggregate[topK]("top_k", "value BIGINT, k INT", "top STRING", "largest BINARY, k INT")
	wasmill.Group[sessions](
		"sessions", "time TIMESTAMP, gap INTERVAL DAY TO SECOND", "start TIMESTAMP, end TIMESTAMP, events BIGINT",
		"open BINARY", "", wasmill.EventTime)
	wasmill.Group[pauses](
		"pauses", "value BIGINT, pause INTERVAL DAY TO SECOND", "total BIGINT, events BIGINT",
		"total BIGINT, events BIGINT, timer TIMESTAMP", "", wasmill.ProcessingTime)
	wasmill.Group[numbered](
		"numbered", "value BIGINT", "label STRING, value BIGINT", "rows BIGINT", "name STRING", wasmill.NoTimers)
}

func main() { wasmill.Main() }

// The largest numbers of a group, the largest first: `9,7,7`.
type topK struct {
	largest []int64
	k       int32
}

const kMax = 1000

func (top *topK) Load(call *wasmill.Call, row int) {
	top.largest = numbersOf(wasmill.InText(call, 0), row)
	top.k = wasmill.In[int32](call, 1).Or(row, 0)
}

func (top *topK) Save(call *wasmill.Call) {
	if top.k == 0 {
		wasmill.OutText(call, 0).Null()
		wasmill.Out[int32](call, 1).Null()
		return
	}
	wasmill.OutText(call, 0).PushBytes(bytesOf(top.largest))
	wasmill.Out[int32](call, 1).Push(top.k)
}

// `k` is how many are wanted, the same for all rows.
func (top *topK) Update(call *wasmill.Call, row int) error {
	values := wasmill.In[int64](call, 0)
	top.k = wasmill.In[int32](call, 1).Or(row, 0)
	if top.k < 1 || top.k > kMax {
		return errors.New("k must be a number from 1 to 1000")
	}
	if !values.IsNull(row) {
		top.take(values.Values[row])
	}
	return nil
}

func (top *topK) Merge(other *topK) error {
	top.k = max(top.k, other.k)
	for _, value := range other.largest {
		top.take(value)
	}
	return nil
}

func (top *topK) Finish(call *wasmill.Call) {
	if len(top.largest) == 0 {
		wasmill.OutText(call, 0).Null()
		return
	}
	texts := make([]string, len(top.largest))
	for i, value := range top.largest {
		texts[i] = strconv.FormatInt(value, 10)
	}
	wasmill.OutText(call, 0).Push(strings.Join(texts, ","))
}

func (top *topK) take(value int64) {
	place := sort.Search(len(top.largest), func(i int) bool { return top.largest[i] < value })
	if place >= int(top.k) {
		return
	}
	top.largest = append(top.largest, 0)
	copy(top.largest[place+1:], top.largest[place:])
	top.largest[place] = value
	top.largest = top.largest[:min(len(top.largest), int(top.k))]
}

// Rows of a key that are close in time belong together: the sessions that may still grow, by their starts, each with its
// start, its end, which is a gap behind its last row, and the number of its rows.
type sessions struct {
	open []session
}

type session struct {
	start, end, events int64
}

func (s *sessions) Load(call *wasmill.Call, row int) {
	numbers := numbersOf(wasmill.InText(call, 0), row)
	for ; len(numbers) > 0; numbers = numbers[3:] {
		s.open = append(s.open, session{numbers[0], numbers[1], numbers[2]})
	}
}

func (s *sessions) Save(call *wasmill.Call) {
	if len(s.open) == 0 {
		wasmill.OutText(call, 0).Null()
		return
	}
	var numbers []int64
	for _, one := range s.open {
		numbers = append(numbers, one.start, one.end, one.events)
	}
	wasmill.OutText(call, 0).PushBytes(bytesOf(numbers))
}

// Adds a session and joins it with those it touches.
func (s *sessions) Row(call *wasmill.Call, row int) error {
	times, gap := wasmill.In[int64](call, 0), wasmill.In[int64](call, 1).Or(row, 0)
	if gap <= 0 {
		return errors.New("the gap of a session must be more than nothing")
	}
	if times.IsNull(row) {
		return nil
	}
	joined := session{times.Values[row], saturatingAdd(times.Values[row], gap), 1}
	var open []session
	for _, other := range s.open {
		if other.start < joined.end && joined.start < other.end {
			joined = session{min(joined.start, other.start), max(joined.end, other.end), joined.events + other.events}
			call.DeleteTimer(other.end)
		} else {
			open = append(open, other)
		}
	}
	s.open = append(open, joined)
	sort.Slice(s.open, func(i, j int) bool { return s.open[i].start < s.open[j].start })
	call.SetTimer(joined.end)
	return nil
}

// Gives the sessions that have ended.
func (s *sessions) Timer(call *wasmill.Call, time int64) {
	var open []session
	for _, one := range s.open {
		if one.end > time {
			open = append(open, one)
			continue
		}
		wasmill.Out[int64](call, 0).Push(one.start)
		wasmill.Out[int64](call, 1).Push(one.end)
		wasmill.Out[int64](call, 2).Push(one.events)
		call.EmitRow()
	}
	s.open = open
}

// The sum of the values of a key, given when no row has come for a while by the clock.
type pauses struct {
	total, events, timer int64
	hasTimer             bool
}

func (p *pauses) Load(call *wasmill.Call, row int) {
	timers := wasmill.In[int64](call, 2)
	p.total, p.events = wasmill.In[int64](call, 0).Or(row, 0), wasmill.In[int64](call, 1).Or(row, 0)
	p.timer, p.hasTimer = timers.Or(row, 0), !timers.IsNull(row)
}

func (p *pauses) Save(call *wasmill.Call) {
	for column, value := range []int64{p.total, p.events, p.timer} {
		if is := p.events > 0; is && column < 2 || p.hasTimer && column == 2 {
			wasmill.Out[int64](call, column).Push(value)
		} else {
			wasmill.Out[int64](call, column).Null()
		}
	}
}

func (p *pauses) Row(call *wasmill.Call, row int) error {
	p.total += wasmill.In[int64](call, 0).Or(row, 0)
	p.events++
	if p.hasTimer {
		call.DeleteTimer(p.timer)
	}
	p.timer, p.hasTimer = saturatingAdd(call.Time, wasmill.In[int64](call, 1).Or(row, 0)), true
	call.SetTimer(p.timer)
	return nil
}

func (p *pauses) Timer(call *wasmill.Call, _ int64) {
	wasmill.Out[int64](call, 0).Push(p.total)
	wasmill.Out[int64](call, 1).Push(p.events)
	call.EmitRow()
	*p = pauses{}
}

// Numbers the rows of a key by its name: `ann-1`, `ann-2`.
type numbered struct {
	name   string
	isNull bool
	rows   int64
}

func (n *numbered) Load(call *wasmill.Call, row int) {
	names := wasmill.InText(call, 0)
	n.name, n.isNull = string(names.At(row)), names.IsNull(row)
	n.rows = wasmill.In[int64](call, 1).Or(row, 0)
}

func (n *numbered) Save(call *wasmill.Call) {
	wasmill.Out[int64](call, 0).Push(n.rows)
}

func (n *numbered) Row(call *wasmill.Call, row int) error {
	n.rows++
	if labels := wasmill.OutText(call, 0); n.isNull {
		labels.Null()
	} else {
		labels.Push(n.name + "-" + strconv.FormatInt(n.rows, 10))
	}
	if values := wasmill.In[int64](call, 0); values.IsNull(row) {
		wasmill.Out[int64](call, 1).Null()
	} else {
		wasmill.Out[int64](call, 1).Push(values.Values[row])
	}
	call.EmitRow()
	return nil
}

// The numbers of a BINARY, eight bytes each; none of a null.
func numbersOf(texts wasmill.Texts, row int) []int64 {
	if texts.IsNull(row) {
		return nil
	}
	var numbers []int64
	for bytes := texts.At(row); len(bytes) > 0; bytes = bytes[8:] {
		numbers = append(numbers, int64(binary.LittleEndian.Uint64(bytes)))
	}
	return numbers
}

func bytesOf(numbers []int64) []byte {
	bytes := make([]byte, 0, 8*len(numbers))
	for _, number := range numbers {
		bytes = binary.LittleEndian.AppendUint64(bytes, uint64(number))
	}
	return bytes
}

func saturatingAdd(time, more int64) int64 {
	if more > 0 && time > math.MaxInt64-more {
		return math.MaxInt64
	}
	return time + more
}
