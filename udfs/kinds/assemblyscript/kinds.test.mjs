// Runs the functions of kinds-assemblyscript.wasm, or of another module with the same ones, in Node.js:
// `WASMILL_MODULE=kinds-assemblyscript.wasm node --test`.
import assert from "node:assert";
import test from "node:test";

import { load } from "../../../udf-sdk/assemblyscript/testing.mjs";

const kinds = await load(process.env.WASMILL_MODULE);

test("top_k goes on with its state", () => {
  const top = kinds.test("top_k");
  assert.deepEqual(top.run([[5, 2], [7, 2], [null, 2]]), [["7,5"]]);
  assert.deepEqual(top.run([[6, 2]]), [["7,6"]]);
  assert.throws(() => top.run([[6, 0]]), /k must be a number/);
});

test("a session ends with its timer", () => {
  const sessions = kinds.test("sessions");
  assert.deepEqual(sessions.run([[5, 10], [1, 10], [30, 10]]), []);
  assert.deepEqual(sessions.fire(20), [[1, 15, 2]]);
  assert.deepEqual(sessions.timers, [40]);
});

test("rows are numbered by their key", () => {
  const numbered = kinds.test("numbered");
  numbered.key = ["ann"];
  assert.deepEqual(numbered.run([[9]]), [["ann-1", 9]]);
  assert.deepEqual(numbered.run([[null], [2n ** 60n]]), [["ann-2", null], ["ann-3", 2n ** 60n]]);
});
