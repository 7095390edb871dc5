// Runs the functions of NAME.wasm in Node.js: `npm test`.
import assert from "node:assert";
import test from "node:test";

import { load } from "./wasmill/testing.mjs";

const module = await load("NAME.wasm");

test("splits at spaces", () => {
  assert.deepEqual(module.test("split_words").run([["to  be"], [null]]), [["to"], ["be"]]);
});
