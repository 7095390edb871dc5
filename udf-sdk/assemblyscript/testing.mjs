// Runs functions of a built module in Node.js on sample rows, as a query does but without its limits:
//
//     import { load } from "./wasmill/testing.mjs";
//     const words = await load("words.wasm");
//     words.test("split_words").run([["to  be"], [null]]); // [["to"], ["be"]]
//
// A row has a value for each column, null for null: numbers, and bigint for whole numbers too large for them; DECIMAL as
// a bigint without its point; texts as string, BINARY as Uint8Array, BOOLEAN as boolean. An aggregate takes the rows of
// each run into one group and gives its value so far. A group function has one key and goes on with its state and timers
// from run to run. It speaks the ABI of udf-sdk/ABI.md, so that it tests a module in any language that imports nothing
// but the log.

import { readFile } from "node:fs/promises";

const ALIGN = 64, ARRAY = 64, SCHEMA = 48, RESULT = 32;
const NO_WATERMARK = -(2n ** 63n);
const INT = "INT", TIMESTAMP = "TIMESTAMP";

// Bytes of a value, and how it is written and read.
const FIXED = {
  TINYINT: [1, "Int8"], SMALLINT: [2, "Int16"], INT: [4, "Int32"], DATE: [4, "Int32"], FLOAT: [4, "Float32"],
  DOUBLE: [8, "Float64"], BIGINT: [8, "BigInt64"], TIMESTAMP: [8, "BigInt64"], TIMESTAMP_NTZ: [8, "BigInt64"],
  "INTERVAL DAY TO SECOND": [8, "BigInt64"],
};
const FORMATS = {
  BOOLEAN: "b", TINYINT: "c", SMALLINT: "s", INT: "i", BIGINT: "l", FLOAT: "f", DOUBLE: "g", STRING: "u", BINARY: "z",
  DATE: "tdD", TIMESTAMP: "tsu:UTC", TIMESTAMP_NTZ: "tsu:", "INTERVAL DAY TO SECOND": "tDu",
};
const isDecimal = (type) => type.startsWith("DECIMAL");
const isText = (type) => type === "STRING" || type === "BINARY";

export async function load(path) {
  const compiled = await WebAssembly.compile(await readFile(path));
  const [section] = WebAssembly.Module.customSections(compiled, "wasmill.manifest");
  if (!section) throw new Error(`${path} has no manifest`);
  const manifest = JSON.parse(new TextDecoder().decode(section));
  return { manifest, test: (name) => new Test(compiled, manifest, name) };
}

// The memory of a guest.
class Memory {
  constructor(exports) { this.exports = exports; }

  // The guest may grow its memory in any call, which ends older views.
  get view() { return new DataView(this.exports.memory.buffer); }

  alloc(bytes) {
    const at = this.exports.wasmill_arena_alloc(bytes + 16, ALIGN) >>> 0;
    if (at === 0) throw new Error("the guest has no memory left");
    this.bytes(at, bytes).fill(0);
    return at;
  }

  bytes(at, count) { return new Uint8Array(this.exports.memory.buffer, at, count); }

  put(bytes) {
    const at = this.alloc(bytes.length);
    this.bytes(at, bytes.length).set(bytes);
    return at;
  }

  text(text) { return this.put(new TextEncoder().encode(`${text}\0`)); }

  words(words) {
    const at = this.alloc(4 * words.length), view = this.view;
    words.forEach((word, i) => view.setUint32(at + 4 * i, word, true));
    return at;
  }

  array(rows, nulls, buffers, children) {
    const lists = [this.words(buffers), this.words(children)];
    const at = this.alloc(ARRAY), view = this.view;
    [rows, nulls, 0, buffers.length, children.length].forEach((n, i) => view.setBigInt64(at + 8 * i, BigInt(n), true));
    lists.forEach((list, i) => view.setUint32(at + 40 + 4 * i, list, true));
    return at;
  }

  column(type, values) {
    const nulls = values.filter((value) => value === null).length;
    const bits = (is) => {
      const at = this.alloc(values.length / 8 + 1), view = this.view;
      values.forEach((value, row) => is(value) && view.setUint8(at + (row >> 3), view.getUint8(at + (row >> 3)) | 1 << (row & 7)));
      return at;
    };
    const valid = nulls > 0 ? bits((value) => value !== null) : 0;
    if (type === "BOOLEAN") return this.array(values.length, nulls, [valid, bits((value) => value)], []);
    if (isText(type)) {
      const texts = values.map((value) => (typeof value === "string" ? new TextEncoder().encode(value) : value ?? []));
      let end = 0;
      const offsets = this.words([0, ...texts.map((text) => (end += text.length))]);
      const data = this.put(texts.flatMap((text) => [...text]));
      return this.array(values.length, nulls, [valid, offsets, data], []);
    }
    const [width, kind] = isDecimal(type) ? [16] : FIXED[type];
    const at = this.alloc(width * values.length), view = this.view;
    values.forEach((value, row) => {
      const to = at + width * row;
      if (width === 16) {
        const whole = BigInt.asUintN(128, BigInt(value ?? 0));
        view.setBigUint64(to, BigInt.asUintN(64, whole), true);
        view.setBigUint64(to + 8, whole >> 64n, true);
      } else {
        view[`set${kind}`](to, kind === "BigInt64" ? BigInt(value ?? 0) : Number(value ?? 0), true);
      }
    });
    return this.array(values.length, nulls, [valid, at], []);
  }

  batch(columns, rows) {
    const children = columns.map(({ type }, i) => this.column(type, rows.map((row) => {
      if (row.length !== columns.length) throw new Error(`a row has ${columns.length} values`);
      return row[i] ?? null;
    })));
    return this.array(rows.length, 0, [0], children);
  }

  schema(columns) {
    const column = ({ name, type }) => {
      const format = isDecimal(type) ? `d:${type.slice(8, -1)}` : FORMATS[type];
      const texts = [this.text(format), this.text(name)];
      const at = this.alloc(SCHEMA), view = this.view;
      texts.forEach((text, i) => view.setUint32(at + 4 * i, text, true));
      view.setBigInt64(at + 16, 2n, true);
      return at;
    };
    const children = this.words(columns.map(column)), texts = [this.text("+s"), this.text("")];
    const at = this.alloc(SCHEMA), view = this.view;
    texts.forEach((text, i) => view.setUint32(at + 4 * i, text, true));
    view.setBigInt64(at + 24, BigInt(columns.length), true);
    view.setUint32(at + 32, children, true);
    return at;
  }

  // The values of an array.
  values(at, type) {
    const view = this.view, rows = Number(view.getBigInt64(at, true)), buffers = view.getUint32(at + 40, true);
    const [valid, first, second] = [0, 4, 8].map((place) => view.getUint32(buffers + place, true));
    const bit = (bits, row) => (view.getUint8(bits + (row >> 3)) >> (row & 7) & 1) === 1;
    const value = (row) => {
      if (valid !== 0 && !bit(valid, row)) return null;
      if (type === "BOOLEAN") return bit(first, row);
      if (isText(type)) {
        const [start, end] = [0, 4].map((place) => view.getUint32(first + 4 * row + place, true));
        const bytes = this.bytes(second + start, end - start).slice();
        return type === "STRING" ? new TextDecoder("utf-8", { fatal: true }).decode(bytes) : bytes;
      }
      if (isDecimal(type)) {
        return view.getBigInt64(first + 16 * row + 8, true) << 64n | view.getBigUint64(first + 16 * row, true);
      }
      const [width, kind] = FIXED[type], found = view[`get${kind}`](first + width * row, true);
      return typeof found === "bigint" && BigInt.asIntN(54, found) === found ? Number(found) : found;
    };
    return Array.from({ length: rows }, (_, row) => value(row));
  }

  rows(at, columns) {
    const view = this.view, count = Number(view.getBigInt64(at, true)), children = view.getUint32(at + 44, true);
    const all = columns.map(({ type }, i) => this.values(view.getUint32(children + 4 * i, true), type));
    return Array.from({ length: count }, (_, row) => all.map((values) => values[row]));
  }
}

class Test {
  // Of a group function: its key, a value for each column that it sees, and what it is told, in microseconds.
  key = [];
  watermark = NO_WATERMARK;
  time = 0n;
  // Timers that run.
  timers = [];
  // Rows of the last run that the function marked as in error: [row, why].
  errors = [];

  constructor(compiled, manifest, name) {
    this.index = manifest.functions.findIndex((f) => f.name === name);
    this.function = manifest.functions[this.index];
    if (!this.function) throw new Error(`there is no function ${name}`);
    const { kind, input, output, state = [], key = [] } = this.function;
    this.state = [state.map(() => null)];
    const log = (at, bytes) => console.error(new TextDecoder().decode(this.memory.bytes(at, bytes)));
    this.exports = new WebAssembly.Instance(compiled, { wasmill: { log } }).exports;
    this.memory = new Memory(this.exports);
    this.exports._initialize?.();
    const result = this.memory.alloc(RESULT), handed = this.memory.alloc(SCHEMA);
    const comes = this.memory.schema(kind === "group" ? [...key, ...input, ...state] : [...input, ...state]);
    this.check(this.exports.wasmill_open(this.index, comes, handed, result), result);
    this.exports.wasmill_arena_reset();
  }

  // What the function makes of rows.
  run(rows) {
    const { kind, input, output, state, origin } = this.function, { memory } = this;
    if (kind === "group") return this.group(rows, []);
    if (kind === "aggregate") {
      const step = (number, rows) => memory.words([number, memory.batch(state, this.state), rows]);
      this.call(() => step(0, this.grouped(rows)), (result) => { this.state = this.read(result, 0, state); });
      return this.call(() => step(2, 0), (result) => this.read(result, 0, output));
    }
    return this.call(() => memory.batch(input, rows), (result) => {
      const part = (place, type) => {
        const at = memory.view.getUint32(result + place, true);
        return at === 0 ? [] : memory.values(at, type);
      };
      const origins = part(4, INT), outcomes = part(8, "TINYINT");
      this.errors = part(12, "STRING").map((why, row) => [row, why]).filter(([, why]) => why !== null);
      return this.read(result, 0, output).filter((_, row) => !outcomes[origin ? origins[row] : row]);
    });
  }

  // What a group function makes of its timers up to `time`, where the watermark or the clock, whichever they go by, now
  // is.
  fire(time) {
    if (this.function.time === "event") this.watermark = time;
    else this.time = time;
    const isOver = (timer) => timer <= time, fired = this.timers.filter(isOver);
    this.timers = this.timers.filter((timer) => !isOver(timer));
    return this.group([], fired.sort((a, b) => (a < b ? -1 : 1)));
  }

  group(rows, fired) {
    const { key, state, output } = this.function, { memory } = this;
    const timers = (times) => memory.batch([{ type: INT }, { type: TIMESTAMP }], times.map((time) => [0, time]));
    const call = () => {
      const parts = [
        memory.batch(key, [this.key]), memory.batch(state, this.state), this.grouped(rows), timers(this.timers),
        timers(fired),
      ];
      const at = memory.alloc(40), view = memory.view;
      [this.watermark, this.time].forEach((time, i) => view.setBigInt64(at + 8 * i, BigInt(time), true));
      parts.forEach((part, i) => view.setUint32(at + 16 + 4 * i, part, true));
      return at;
    };
    return this.call(call, (result) => {
      this.state = this.read(result, 24, state);
      const running = memory.view.getUint32(result + 28, true) === 0
        ? [] : this.read(result, 28, [{ type: INT }, { type: TIMESTAMP }]);
      this.timers = running.map(([, time]) => time);
      return this.read(result, 0, output);
    });
  }

  // Rows with the number of their group, which is 0, behind them.
  grouped(rows) {
    return this.memory.batch([...this.function.input, { type: INT }], rows.map((row) => [...row, 0]));
  }

  read(result, place, columns) {
    return this.memory.rows(this.memory.view.getUint32(result + place, true), columns);
  }

  call(make, read) {
    const result = this.memory.alloc(RESULT);
    this.check(this.exports.wasmill_process(this.index, make(), result), result);
    const made = read(result);
    this.exports.wasmill_arena_reset();
    return made;
  }

  check(status, result) {
    if (status === 0) return;
    const [at, bytes] = [16, 20].map((place) => this.memory.view.getUint32(result + place, true));
    const why = new TextDecoder().decode(this.memory.bytes(at, bytes));
    this.exports.wasmill_arena_reset();
    throw new Error(why || "the function gave no reason");
  }
}
