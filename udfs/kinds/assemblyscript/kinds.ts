// kinds-assemblyscript: what `top` and `sessions` do, in AssemblyScript: an aggregate, and functions with state and
// timers.
import { Call } from "../../../udf-sdk/assemblyscript";

const K_MAX = 1000;

// The largest numbers of a group, the largest first: `9,7,7`.
@aggregate("top_k", "value BIGINT, k INT", "top STRING", "largest BINARY, k INT")
export class TopK {
  largest: i64[] = [];
  k: i32 = 0;

  load(call: Call, row: i32): void {
    this.largest = numbersOf(call, 0, row);
    this.k = call.in<i32>(1).or(row, 0);
  }

  save(call: Call): void {
    if (this.k == 0) {
      call.outTexts(0).pushNull();
      call.out<i32>(1).pushNull();
    } else {
      pushNumbers(call, 0, this.largest);
      call.out<i32>(1).push(this.k);
    }
  }

  // `k` is how many are wanted, the same for all rows.
  update(call: Call, row: i32): void {
    const values = call.in<i64>(0);
    this.k = call.in<i32>(1).or(row, 0);
    if (this.k < 1 || this.k > K_MAX) call.fail("k must be a number from 1 to 1000");
    else if (!values.isNull(row)) this.take(values.at(row));
  }

  merge(call: Call, other: TopK): void {
    this.k = max(this.k, other.k);
    for (let i = 0; i < other.largest.length; i++) this.take(other.largest[i]);
  }

  finish(call: Call): void {
    if (this.largest.length == 0) call.outTexts(0).pushNull();
    else call.outTexts(0).pushString(this.largest.join(","));
  }

  private take(value: i64): void {
    const largest = this.largest;
    let place = largest.length;
    while (place > 0 && largest[place - 1] < value) place--;
    if (place >= this.k) return;
    if (largest.length < this.k) largest.push(0);
    for (let i = largest.length - 1; i > place; i--) largest[i] = largest[i - 1];
    largest[place] = value;
  }
}

// Rows of a key that are close in time belong together: the sessions that may still grow, by their starts, each with its
// start, its end, which is a gap behind its last row, and the number of its rows.
@group("sessions", "time TIMESTAMP, gap INTERVAL DAY TO SECOND", "start TIMESTAMP, end TIMESTAMP, events BIGINT",
  "open BINARY", "event")
export class Sessions {
  open: i64[] = [];

  load(call: Call, row: i32): void { this.open = numbersOf(call, 0, row); }

  save(call: Call): void {
    if (this.open.length == 0) call.outTexts(0).pushNull();
    else pushNumbers(call, 0, this.open);
  }

  // Adds a session and joins it with those it touches.
  row(call: Call, row: i32): void {
    const times = call.in<i64>(0), gap = call.in<i64>(1).or(row, 0);
    if (gap <= 0) return call.fail("the gap of a session must be more than nothing");
    if (times.isNull(row)) return;
    let start = times.at(row), end = saturatingAdd(start, gap), events: i64 = 1;
    const before: i64[] = [], behind: i64[] = [];
    for (let i = 0; i < this.open.length; i += 3) {
      const one = this.open.slice(i, i + 3);
      if (one[0] < end && start < one[1]) {
        start = min(start, one[0]);
        end = max(end, one[1]);
        events += one[2];
        call.deleteTimer(one[1]);
      } else {
        const apart = one[0] < start ? before : behind;
        for (let part = 0; part < 3; part++) apart.push(one[part]);
      }
    }
    this.open = before.concat([start, end, events]).concat(behind);
    call.setTimer(end);
  }

  // Gives the sessions that have ended.
  timer(call: Call, time: i64): void {
    const open: i64[] = [];
    for (let i = 0; i < this.open.length; i += 3) {
      const ended = this.open[i + 1] <= time;
      for (let part = 0; part < 3; part++) {
        if (ended) call.out<i64>(part).push(this.open[i + part]);
        else open.push(this.open[i + part]);
      }
      if (ended) call.emitRow();
    }
    this.open = open;
  }
}

// The sum of the values of a key, given when no row has come for a while by the clock.
@group("pauses", "value BIGINT, pause INTERVAL DAY TO SECOND", "total BIGINT, events BIGINT",
  "total BIGINT, events BIGINT, timer TIMESTAMP", "processing")
export class Pauses {
  total: i64 = 0;
  events: i64 = 0;
  ends: i64 = 0;
  hasTimer: bool = false;

  load(call: Call, row: i32): void {
    this.total = call.in<i64>(0).or(row, 0);
    this.events = call.in<i64>(1).or(row, 0);
    this.ends = call.in<i64>(2).or(row, 0);
    this.hasTimer = !call.in<i64>(2).isNull(row);
  }

  save(call: Call): void {
    push(call, 0, this.total, this.events > 0);
    push(call, 1, this.events, this.events > 0);
    push(call, 2, this.ends, this.hasTimer);
  }

  row(call: Call, row: i32): void {
    this.total += call.in<i64>(0).or(row, 0);
    this.events++;
    if (this.hasTimer) call.deleteTimer(this.ends);
    this.ends = saturatingAdd(call.time, call.in<i64>(1).or(row, 0));
    this.hasTimer = true;
    call.setTimer(this.ends);
  }

  timer(call: Call, time: i64): void {
    push(call, 0, this.total, true);
    push(call, 1, this.events, true);
    call.emitRow();
    this.total = this.events = 0;
    this.hasTimer = false;
  }
}

// Numbers the rows of a key by its name: `ann-1`, `ann-2`.
@group("numbered", "value BIGINT", "label STRING, value BIGINT", "rows BIGINT", "none", "name STRING")
export class Numbered {
  name: string | null = null;
  rows: i64 = 0;

  load(call: Call, row: i32): void {
    const names = call.inTexts(0);
    if (!names.isNull(row)) this.name = names.string(row);
    this.rows = call.in<i64>(1).or(row, 0);
  }

  save(call: Call): void { call.out<i64>(0).push(this.rows); }

  row(call: Call, row: i32): void {
    this.rows++;
    const name = this.name;
    if (name == null) call.outTexts(0).pushNull();
    else call.outTexts(0).pushString(name + "-" + this.rows.toString());
    const values = call.in<i64>(0);
    push(call, 1, values.at(row), !values.isNull(row));
    call.emitRow();
  }
}

function push(call: Call, column: i32, value: i64, isThere: bool): void {
  if (isThere) call.out<i64>(column).push(value);
  else call.out<i64>(column).pushNull();
}

// The numbers of a BINARY, eight bytes each; none of a null.
function numbersOf(call: Call, column: i32, row: i32): i64[] {
  const texts = call.inTexts(column), numbers: i64[] = [];
  if (!texts.isNull(row)) {
    for (let at = texts.start(row); at < texts.end(row); at += 8) numbers.push(load<i64>(at));
  }
  return numbers;
}

function pushNumbers(call: Call, column: i32, numbers: i64[]): void {
  call.outTexts(column).push(numbers.dataStart, numbers.dataStart + (<usize>numbers.length << 3));
}

function saturatingAdd(time: i64, more: i64): i64 {
  return more > 0 && time > i64.MAX_VALUE - more ? i64.MAX_VALUE : time + more;
}
