// wasmill: stages for wasmill in AssemblyScript. A function over a batch of rows, and one line about it:
//
//     import { Call } from "./wasmill";
//
//     @map("x BIGINT", "y BIGINT")
//     export function double(call: Call): void {
//       const x = call.in<i64>(0), y = call.out<i64>(0);
//       for (let row = 0; row < call.rows; row++) {
//         if (x.isNull(row)) y.pushNull();
//         else y.push(2 * x.at(row));
//       }
//     }
//
// Aggregates and group functions are classes, see kinds.ts. README.md beside this file is the reference; udf-sdk/ABI.md
// says what crosses the boundary. Everything here lies in the arena of the batch; what a function makes of
// AssemblyScript's own is collected when the batch ends.

import { ArrowArray, Builder, Out, OutBools, OutDecimals, OutTexts, arrayOf } from "./builders";
import { Bools, Column, Decimals, Texts } from "./columns";
import { alloc, reset as resetArena, zeros } from "./memory";

export { alloc } from "./memory";
export { aggregate, group } from "./kinds";

// @ts-ignore: a decorator of AssemblyScript's
@external("wasmill", "log")
declare function hostLog(at: usize, bytes: u32): void;

@unmanaged
export class ArrowSchema {
  format: usize; name: usize; metadata: usize;
  flags: i64; childrenCount: i64;
  children: usize; dictionary: usize; release: usize; privateData: usize;
}

@unmanaged
export class Result {
  columns: usize; origin: usize; outcome: usize; failure: usize; message: usize; messageBytes: u32;
  states: usize; timers: usize;
}

const ROW_SKIP: u8 = 1;
const ROW_ERROR: u8 = 2;

// One batch on its way through a function.
@unmanaged
export class Call {
  // Rows of each input column.
  rows: i32;
  // Of a group function: the watermark, NO_WATERMARK if there is none, and the time of the batch by the clock, the same
  // whenever it runs again. Microseconds since 1970-01-01 UTC.
  watermark: i64; time: i64;
  // The group at hand, and its timers that run, in microseconds since 1970-01-01 UTC.
  group: i32;
  timers: usize; timersCount: i32; timersMax: i32;
  // The addresses of the input columns' arrays.
  inputs: usize;
  inputsCount: i32;
  // The letters of the Arrow formats of the columns: DATE is an `i`, times and intervals are an `l`.
  inputLetters: usize; outputLetters: usize;
  outputs: usize;
  outputsCount: i32;
  origin: Builder | null;
  outcomes: usize;
  errors: OutTexts | null;
  message: usize; messageBytes: u32;

  // Input columns by number, counted from 0.
  in<T>(column: i32): Column<T> {
    return changetype<Column<T>>(this.input(column, letterOf<T>(), 0));
  }
  inBools(column: i32): Bools { return changetype<Bools>(this.input(column, 0x62, 0)); }
  inDecimals(column: i32): Decimals { return changetype<Decimals>(this.input(column, 0x64, 0)); }
  inTexts(column: i32): Texts { return changetype<Texts>(this.input(column, 0x75, 0x7a)); }

  // Output columns by number, counted from 0.
  out<T>(column: i32): Out<T> { return changetype<Out<T>>(this.output(column, letterOf<T>(), 0)); }
  outBools(column: i32): OutBools { return changetype<OutBools>(this.output(column, 0x62, 0)); }
  outDecimals(column: i32): OutDecimals { return changetype<OutDecimals>(this.output(column, 0x64, 0)); }
  outTexts(column: i32): OutTexts { return changetype<OutTexts>(this.output(column, 0x75, 0x7a)); }

  // In a flatMap: the row just pushed to every output column came from input row `row`. Rows rise.
  // @ts-ignore: a decorator of AssemblyScript's
  @inline
  emit(row: i32): void { changetype<Out<i32>>(this.origin!).push(row); }

  // In a group function: the row just pushed to every output column is one of the group at hand.
  emitRow(): void { this.emit(this.group); }

  // Starts a timer of the group at hand, which is over when the watermark or the clock reaches `time`. There is one for
  // each time.
  setTimer(time: i64): void {
    for (let i = 0; i < this.timersCount; i++) if (this.timer(i) == time) return;
    this.pushTimer(time);
  }

  // Deletes the timer for `time`, if it runs.
  deleteTimer(time: i64): void {
    let kept = 0;
    for (let i = 0; i < this.timersCount; i++) {
      const other = this.timer(i);
      if (other != time) store<i64>(this.timers + (<usize>(kept++) << 3), other);
    }
    this.timersCount = kept;
  }

  // One of the timers of the group at hand.
  timer(index: i32): i64 { return load<i64>(this.timers + (<usize>index << 3)); }

  pushTimer(time: i64): void {
    if (this.timersCount == this.timersMax) {
      this.timersMax = 2 * this.timersMax + 8;
      const timers = alloc(<usize>this.timersMax << 3);
      memory.copy(timers, this.timers, <usize>this.timersCount << 3);
      this.timers = timers;
    }
    store<i64>(this.timers + (<usize>(this.timersCount++) << 3), time);
  }

  // Drops an input row and what it became. A map pushes a row for it all the same, best a null.
  skip(row: i32): void { this.note(row, ROW_SKIP); }

  // Marks an input row as in error, in the order of rows; the query says what becomes of it. A map pushes a row for it
  // all the same, best a null.
  error(row: i32, why: string): void {
    this.note(row, ROW_ERROR);
    if (this.errors == null) {
      this.errors = changetype<OutTexts>(alloc(offsetof<OutTexts>()));
      this.errors!.start(0x75, this.rows);
    }
    if (<u32>row < this.errors!.rows) die("errors do not come in the order of rows");
    this.fillErrors(row);
    this.errors!.pushString(why);
  }

  // Fails the whole batch.
  fail(why: string): void {
    this.messageBytes = String.UTF8.byteLength(why);
    this.message = alloc(this.messageBytes);
    String.UTF8.encodeUnsafe(changetype<usize>(why), why.length, this.message);
    if (this.messageBytes == 0) this.messageBytes = 1;
  }

  fillErrors(rows: u32): void {
    while (this.errors!.rows < rows) this.errors!.pushNull();
  }

  private note(row: i32, outcome: u8): void {
    if (<u32>row >= <u32>this.rows) die("an outcome is for a row that is not there");
    if (this.outcomes == 0) this.outcomes = zeros(this.rows);
    store<u8>(this.outcomes + row, outcome);
  }

  private input(column: i32, letter: u8, orLetter: u8): usize {
    if (<u32>column >= <u32>this.inputsCount) die("there is no input column of this number");
    const found = load<u8>(this.inputLetters + column);
    if (found != letter && found != orLetter) die("an input column has another type than it is read as");
    const child = changetype<ArrowArray>(load<usize>(this.inputs + (<usize>column << 2)));
    // A column is a struct of the same pointers, in the same order, as the list of buffers.
    return child.buffers;
  }

  private output(column: i32, letter: u8, orLetter: u8): usize {
    if (<u32>column >= <u32>this.outputsCount) die("there is no output column of this number");
    const found = load<u8>(this.outputLetters + column);
    if (found != letter && found != orLetter) die("an output column has another type than it is written as");
    return this.outputs + <usize>column * offsetof<Builder>();
  }
}

function letterOf<T>(): u8 {
  if (isFloat<T>()) return sizeof<T>() == 4 ? 0x66 : 0x67;
  if (sizeof<T>() == 1) return 0x63;
  if (sizeof<T>() == 2) return 0x73;
  return sizeof<T>() == 4 ? 0x69 : 0x6c;
}

// ---- Log, and the ends of a program ----

// Writes a line to the log of the server. What is not ASCII becomes a question mark, so that no runtime is needed.
export function log(line: string): void {
  const bytes = line.length, at = alloc(bytes);
  for (let i = 0; i < bytes; i++) {
    const letter = load<u16>(changetype<usize>(line) + (<usize>i << 1));
    store<u8>(at + i, letter < 128 ? <u8>letter : 0x3f);
  }
  hostLog(at, bytes);
}

export function die(why: string): void {
  log(why);
  unreachable();
}

// What AssemblyScript calls where a program ends itself: `--use abort=...` names it.
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  log(message != null ? message : "the program ended itself");
  if (file != null) log(file);
  unreachable();
}

// ---- What the exports, which the transform writes, do ----

export const NO_WATERMARK: i64 = i64.MIN_VALUE;

// Columns by the letters of their formats.
@unmanaged
export class Letters {
  at: usize; count: i32;

  static of(at: usize, count: i32): Letters {
    const letters = changetype<Letters>(alloc(offsetof<Letters>()));
    letters.at = at;
    letters.count = count;
    return letters;
  }
}

// Makes a call ready that reads columns, whose arrays' addresses are at `inputs`, and makes others of about so many rows.
export function begin(inputs: usize, ins: Letters, rows: i32, outs: Letters, rowsOut: i32): Call {
  const call = changetype<Call>(zeros(offsetof<Call>()));
  call.rows = rows;
  call.inputs = inputs;
  call.inputLetters = ins.at;
  call.inputsCount = ins.count;
  call.outputLetters = outs.at;
  call.outputsCount = outs.count;
  call.outputs = alloc(<usize>outs.count * offsetof<Builder>());
  for (let i = 0; i < outs.count; i++) {
    changetype<Builder>(call.outputs + <usize>i * offsetof<Builder>()).start(load<u8>(outs.at + i), rowsOut);
  }
  return call;
}

export function startOrigin(call: Call): void {
  call.origin = changetype<Builder>(alloc(offsetof<Builder>()));
  call.origin!.start(0x69, call.rows);
}

// The columns that were made, as a batch.
export function made(call: Call, rows: u32): usize {
  const children = alloc(<usize>call.outputsCount << 2);
  for (let i = 0; i < call.outputsCount; i++) {
    const output = changetype<Builder>(call.outputs + <usize>i * offsetof<Builder>());
    if (output.rows != rows) die("an output column has too few or too many rows");
    store<usize>(children + (<usize>i << 2), output.finish());
  }
  const columns = changetype<ArrowArray>(arrayOf(rows, 0, 0, 0, 0));
  columns.childrenCount = call.outputsCount;
  columns.children = children;
  return changetype<usize>(columns);
}

// Whether the function gave up; the result then says why.
export function failed(call: Call, result: Result): bool {
  result.message = call.message;
  result.messageBytes = call.messageBytes;
  return call.messageBytes != 0;
}

export function start(from: usize, ins: Letters, outs: Letters, hasOrigin: bool): Call {
  const batch = changetype<ArrowArray>(from);
  const call = begin(batch.children, ins, <i32>batch.length, outs, <i32>batch.length);
  if (hasOrigin) startOrigin(call);
  return call;
}

export function finish(call: Call, into: usize): i32 {
  const result = changetype<Result>(into);
  if (failed(call, result)) return 1;
  result.columns = made(call, call.origin != null ? call.origin!.rows : <u32>call.rows);
  if (call.origin != null) result.origin = call.origin!.finish();
  if (call.outcomes != 0) result.outcome = arrayOf(call.rows, 0, 0, call.outcomes, 0);
  if (call.errors != null) {
    call.fillErrors(call.rows);
    result.failure = call.errors!.finish();
  }
  return 0;
}

// The batch is over: the arena is empty again, and what AssemblyScript's runtime made is collected.
export function reset(): void {
  resetArena();
  if (ASC_RUNTIME == 1) __collect();
}

// `columns` holds a format and a name for each output column, each ended by a zero.
export function open(outputs: usize, columns: usize, count: i32): i32 {
  const children = alloc(<usize>count << 2);
  for (let i = 0; i < count; i++) {
    const child = changetype<ArrowSchema>(zeros(offsetof<ArrowSchema>()));
    child.format = columns;
    columns = behindZero(columns);
    child.name = columns;
    columns = behindZero(columns);
    child.flags = 2; // may hold nulls
    store<usize>(children + (<usize>i << 2), changetype<usize>(child));
  }
  const schema = changetype<ArrowSchema>(outputs);
  schema.format = memory.data<u8>([0x2b, 0x73, 0]); // +s
  schema.name = schema.format + 2;
  schema.childrenCount = count;
  schema.children = children;
  return 0;
}

function behindZero(text: usize): usize {
  while (load<u8>(text) != 0) text++;
  return text + 1;
}
