package wasmill

import "math"

// GroupState is what the type of a key's state does in a [Group]. With timers it has a method
// Timer(call *Call, time int64) besides, which is called for each timer that is over.
type GroupState[S any] interface {
	*S
	// Load sets the state from a row of the columns of the key and, behind them, of the state, read with In; those of
	// the state are null for a key without one.
	Load(call *Call, row int)
	// Save pushes a row to the columns of the state; nothing but nulls forgets the key.
	Save(call *Call)
	// Row takes in a row of the inputs; an error fails the batch.
	Row(call *Call, row int) error
}

type timed interface {
	Timer(call *Call, time int64)
}

// TimeMode is what the timers of a [Group] go by.
type TimeMode string

const (
	NoTimers TimeMode = "none"
	// EventTime is the watermark.
	EventTime TimeMode = "event"
	// ProcessingTime is the clock, as each batch has it.
	ProcessingTime TimeMode = "processing"
)

// NoWatermark is the watermark of a query without one.
const NoWatermark = math.MinInt64

var timerColumns = []column{{"group", "INT", "i"}, {"time", "TIMESTAMP", "tsu:UTC"}}

// Group declares a function that goes through the rows of each key in their order and keeps a state and timers for it:
// wasmill.Group[sessions](...), where *sessions has the methods of [GroupState]. `state` names the columns in which the
// host keeps it, `key` the columns of the key that the function wants to see, none of them if it works for any key.
// Which rows of a key come together is the host's choice, so it must not matter.
func Group[S any, P GroupState[S]](name, inputs, outputs, state, key string, time TimeMode) {
	f := declare("group", name, inputs, outputs)
	f.state, f.key, f.time = columns(name, state), columns(name, key), time
	if _, is := any(P(new(S))).(timed); !is && time != NoTimers {
		panic("wasmill: the state of " + name + " has no method Timer")
	}
	loading := newCall(append(append([]column{}, f.key...), f.state...), f.state)
	call, setting := newCall(f.inputs, f.outputs), newCall(nil, timerColumns)
	f.process = func(in *hostCall, out *hostResult) error {
		groups, next := in.states.rows, 0
		loading.start(batch{groups, append(append([]any{}, in.keys.columns...), in.states.columns...)})
		call.start(in.rows)
		setting.start(batch{})
		call.Watermark, call.Time = in.watermark, in.time
		owners, times := Out[int32](setting, 0), Out[int64](setting, 1)
		running, fired := in.timers, in.fired
		for group := range groups {
			state := P(new(S))
			state.Load(loading, group)
			call.group = group
			call.timers = append(call.timers[:0], running.of(group)...)
			for ; next < len(in.owners) && int(in.owners[next]) == group; next++ {
				if err := state.Row(call, next); err != nil {
					return err
				}
			}
			for _, time := range fired.of(group) {
				any(state).(timed).Timer(call, time)
			}
			state.Save(loading)
			for _, time := range call.timers {
				owners.Push(int32(group))
				times.Push(time)
			}
		}
		out.rows, out.origin = len(call.origin.values), &call.origin
		out.columns = call.made(out.rows)
		out.groups, out.states = groups, loading.made(groups)
		out.timersCount, out.timers = len(times.values), setting.outputs
		return nil
	}
}

// Takes the timers of a group off the front; groups are asked for in order.
func (all *timers) of(group int) []int64 {
	count := 0
	for count < len(all.groups) && int(all.groups[count]) == group {
		count++
	}
	times := all.times[:count]
	all.groups, all.times = all.groups[count:], all.times[count:]
	return times
}

// EmitRow says in a group function that the row just pushed to every output column is one of the group at hand.
func (call *Call) EmitRow() {
	call.Emit(call.group)
}

// Timers gives the timers of the group at hand that run, in microseconds since 1970-01-01 UTC.
func (call *Call) Timers() []int64 {
	return call.timers
}

// SetTimer starts a timer of the group at hand, which is over when the watermark or the clock reaches `time`. There is
// one for each time.
func (call *Call) SetTimer(time int64) {
	for _, other := range call.timers {
		if other == time {
			return
		}
	}
	call.timers = append(call.timers, time)
}

// DeleteTimer deletes the timer for `time`, if it runs.
func (call *Call) DeleteTimer(time int64) {
	kept := call.timers[:0]
	for _, other := range call.timers {
		if other != time {
			kept = append(kept, other)
		}
	}
	call.timers = kept
}
