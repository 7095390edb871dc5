// Aggregates and group functions: what the exports do with the class of a state. The class is the author's, with these
// methods, which read and write columns by number as everywhere:
//
//     load(call, row)     from a row of the columns of the key (in a group) and the state; null where there is none
//     save(call)          into the columns of the state
//     update(call, row)   in an aggregate: takes in a row of the inputs
//     merge(call, other)  in an aggregate: takes in what another state has, of rows that came later
//     finish(call)        in an aggregate: pushes the group's value to the output
//     row(call, row)      in a group: takes in a row of the inputs, emits rows, sets timers
//     timer(call, time)   in a group with timers: one of them is over
//
// `call.fail("why")` in one of them fails the batch.

import { ArrowArray } from "./builders";
import { Call, Letters, Result, begin, failed, made, startOrigin } from "./index";
import { alloc } from "./memory";

@unmanaged
class AggregateCall {
  step: i32; states: ArrowArray; rows: ArrowArray;
}

@unmanaged
class GroupCall {
  watermark: i64; time: i64;
  keys: ArrowArray; states: ArrowArray; rows: ArrowArray; timers: ArrowArray; fired: ArrowArray;
}

const UPDATE = 0;
const MERGE = 1;

// The values of a column of numbers.
function valuesOf(batch: ArrowArray, column: i64): usize {
  const array = changetype<ArrowArray>(load<usize>(batch.children + (<usize>column << 2)));
  return load<usize>(array.buffers, 4);
}

// The numbers of groups stand in the last column.
function ownersOf(rows: ArrowArray): usize { return valuesOf(rows, rows.childrenCount - 1); }

export function aggregate<S>(from: usize, into: usize, ins: Letters, outs: Letters, state: Letters): i32 {
  const asked = changetype<AggregateCall>(from), result = changetype<Result>(into);
  const groups = <i32>asked.states.length, isEnd = asked.step != UPDATE && asked.step != MERGE;
  const states = begin(asked.states.children, state, groups, isEnd ? outs : state, groups);
  const held = new Array<S>();
  for (let group = 0; group < groups; group++) {
    const one = instantiate<S>();
    one.load(states, group);
    held.push(one);
  }
  if (!isEnd) {
    const rows = asked.rows, owners = ownersOf(rows), isUpdate = asked.step == UPDATE;
    const call = begin(rows.children, isUpdate ? ins : state, <i32>rows.length, Letters.of(0, 0), 0);
    for (let row = 0; row < call.rows; row++) {
      const one = held[load<i32>(owners + (<usize>row << 2))];
      if (isUpdate) {
        one.update(call, row);
      } else {
        const other = instantiate<S>();
        other.load(call, row);
        one.merge(call, other);
      }
      if (failed(call, result)) return 1;
    }
  }
  for (let group = 0; group < groups; group++) {
    if (isEnd) held[group].finish(states);
    else held[group].save(states);
  }
  if (failed(states, result)) return 1;
  result.columns = made(states, groups);
  return 0;
}

// Timers as they come: the group and the time of each, in the order of the groups.
@unmanaged
class Timers {
  groups: usize; times: usize; next: i32; count: i32;

  static of(batch: ArrowArray): Timers {
    const timers = changetype<Timers>(alloc(offsetof<Timers>()));
    timers.groups = valuesOf(batch, 0);
    timers.times = valuesOf(batch, 1);
    timers.next = 0;
    timers.count = <i32>batch.length;
    return timers;
  }

  isOf(group: i32): bool {
    return this.next < this.count && load<i32>(this.groups + (<usize>this.next << 2)) == group;
  }

  take(): i64 { return load<i64>(this.times + (<usize>(this.next++) << 3)); }
}

export function group<S>(
  from: usize, into: usize, ins: Letters, outs: Letters, state: Letters, loaded: Letters
): i32 {
  const asked = changetype<GroupCall>(from), result = changetype<Result>(into);
  const groups = <i32>asked.states.length, rows = asked.rows, owners = ownersOf(rows);
  // The columns of the keys and, behind them, of the states.
  const columns = alloc(<usize>loaded.count << 2), keys = <usize>(loaded.count - state.count) << 2;
  memory.copy(columns, asked.keys.children, keys);
  memory.copy(columns + keys, asked.states.children, <usize>state.count << 2);
  const states = begin(columns, loaded, groups, state, groups);
  const call = begin(rows.children, ins, <i32>rows.length, outs, 0);
  startOrigin(call);
  call.watermark = asked.watermark;
  call.time = asked.time;
  const setting = begin(0, Letters.of(0, 0), 0, Letters.of(memory.data<u8>([0x69, 0x6c]), 2), 0);
  const owner = setting.out<i32>(0), time = setting.out<i64>(1);
  const running = Timers.of(asked.timers), fired = Timers.of(asked.fired);
  let next = 0;
  for (let group = 0; group < groups; group++) {
    const one = instantiate<S>();
    one.load(states, group);
    call.group = group;
    call.timersCount = 0;
    while (running.isOf(group)) call.pushTimer(running.take());
    for (; next < call.rows && load<i32>(owners + (<usize>next << 2)) == group; next++) {
      one.row(call, next);
      if (failed(call, result)) return 1;
    }
    while (fired.isOf(group)) {
      if (isDefined(one.timer)) one.timer(call, fired.take());
    }
    one.save(states);
    for (let i = 0; i < call.timersCount; i++) {
      owner.push(group);
      time.push(call.timer(i));
    }
  }
  if (failed(call, result) || failed(states, result)) return 1;
  result.columns = made(call, call.origin!.rows);
  result.origin = call.origin!.finish();
  result.states = made(states, groups);
  result.timers = made(setting, owner.rows);
  return 0;
}
