package wasmill

// AggregateState is what the type of a group's state does in an [Aggregate].
type AggregateState[S any] interface {
	*S
	// Load sets the state from a row of its columns, read with In; all of them are null for a group without rows.
	Load(call *Call, row int)
	// Save pushes a row to the columns of the state.
	Save(call *Call)
	// Update takes in a row of the inputs; an error fails the batch.
	Update(call *Call, row int) error
	// Merge takes in what another state has, of rows that came later; an error fails the batch.
	Merge(other *S) error
	// Finish pushes the group's value to the output.
	Finish(call *Call)
}

// What a call of an aggregate asks for; every other number is finish.
const (
	updateStep int32 = iota
	mergeStep
)

// Aggregate declares a function that makes one value of the rows of a group: wasmill.Aggregate[mean](...), where *mean
// has the methods of [AggregateState], and `state` the columns in which the host keeps it. Which rows come together in
// a state and which states are merged is the host's choice, so it must not matter.
func Aggregate[S any, P AggregateState[S]](name, inputs, output, state string) {
	f := declare("aggregate", name, inputs, output)
	f.state = columns(name, state)
	states, results := newCall(f.state, f.state), newCall(f.state, f.outputs)
	rows, others := newCall(f.inputs, nil), newCall(f.state, nil)
	f.process = func(in *hostCall, out *hostResult) error {
		held := make([]S, in.states.rows)
		states.start(in.states)
		for group := range held {
			P(&held[group]).Load(states, group)
		}
		out.rows = len(held)
		switch in.step {
		case updateStep:
			rows.start(in.rows)
			for row, owner := range in.owners {
				if err := P(&held[owner]).Update(rows, row); err != nil {
					return err
				}
			}
		case mergeStep:
			others.start(in.rows)
			for row, owner := range in.owners {
				var other S
				P(&other).Load(others, row)
				if err := P(&held[owner]).Merge(&other); err != nil {
					return err
				}
			}
		default:
			results.start(in.states)
			for group := range held {
				P(&held[group]).Finish(results)
			}
			out.columns = results.made(len(held))
			return nil
		}
		for group := range held {
			P(&held[group]).Save(states)
		}
		out.columns = states.made(len(held))
		return nil
	}
}
