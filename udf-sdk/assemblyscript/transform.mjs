// A transform for asc: reads the lines `@map(...)` and `@flatMap(...)` above functions, `@aggregate(...)` and
// `@group(...)` above classes, writes the exports of a module of them, and the manifest as a custom section. Changes no
// code of the program.

const KIT = /(^|\/)index$/;
const SECTION = "wasmill.manifest";

const FORMATS = {
  BOOLEAN: "b", TINYINT: "c", SMALLINT: "s", INT: "i", BIGINT: "l", FLOAT: "f", DOUBLE: "g", STRING: "u", BINARY: "z",
  DATE: "tdD", TIMESTAMP: "tsu:UTC", TIMESTAMP_NTZ: "tsu:", "INTERVAL DAY TO SECOND": "tDu",
};

// Reads "name TYPE, name TYPE".
function columns(list, place) {
  // A comma inside DECIMAL(12,2) ends no column.
  return list.split(/,(?![^(]*\))/).map((column) => column.trim()).filter(Boolean).map((column) => {
    const [, name, sql] = /^(\S+)\s+(.+)$/.exec(column) ?? [];
    const decimal = /^DECIMAL\((\d+)\s*,\s*(\d+)\)$/.exec(sql);
    const format = decimal ? `d:${decimal[1]},${decimal[2]}` : FORMATS[sql];
    if (!format) throw new Error(`${place}: column \`${column}\` is not \`name TYPE\` with a type that crosses`);
    return { name, sql, format };
  });
}

// The letter of a format that says what values a column holds: DATE holds those of INT, times those of BIGINT.
function letter(format) {
  if (format[0] !== "t") return format[0];
  return format[1] === "d" ? "i" : "l";
}

// Bytes in the program's data; an empty list is not allowed there.
function data(text) {
  return `memory.data<u8>([${[...Buffer.from(text), 0].join(",")}])`;
}

// What stands in the brackets behind each decorator; the last of a group may be left out.
const ARGUMENTS = {
  map: ["inputs", "outputs"],
  flatMap: ["inputs", "outputs"],
  aggregate: ["name", "inputs", "outputs", "state"],
  group: ["name", "inputs", "outputs", "state", "time", "key"],
};
const TIMES = ["none", "event", "processing"];

function declared(source) {
  const found = [];
  for (const statement of source.statements) {
    for (const decorator of statement.decorators ?? []) {
      const shape = decorator.name.text;
      if (!Object.hasOwn(ARGUMENTS, shape)) continue;
      const from = statement.name.text, names = ARGUMENTS[shape];
      const given = (decorator.args ?? []).map((argument) => argument.value);
      if (shape === "group" && given.length === names.length - 1) given.push("");
      if (given.length !== names.length || given.some((text) => typeof text !== "string")) {
        throw new Error(`${from}: write @${shape}(${names.map((name) => `"${name}"`).join(", ")})`);
      }
      const told = Object.fromEntries(names.map((name, i) => [name, given[i]]));
      const name = told.name ?? from, list = (text) => columns(text ?? "", name);
      if (shape === "group" && !TIMES.includes(told.time)) throw new Error(`${name}: timers go by ${TIMES.join(", ")}`);
      found.push({
        shape, name, from, file: source.internalPath, time: told.time,
        inputs: list(told.inputs), outputs: list(told.outputs), state: list(told.state), key: list(told.key),
      });
    }
  }
  return found;
}

// What the kit does in a call of a function.
function body(f, i) {
  const letters = (columns) => (
    `Letters.of(${data(columns.map((column) => letter(column.format)).join(""))}, ${columns.length})`
  );
  const [ins, outs, state] = [f.inputs, f.outputs, f.state].map(letters);
  if (f.shape === "aggregate") return `return aggregate<Declared${i}>(from, result, ${ins}, ${outs}, ${state});`;
  if (f.shape === "group") {
    const loaded = letters([...f.key, ...f.state]);
    return `return group<Declared${i}>(from, result, ${ins}, ${outs}, ${state}, ${loaded});`;
  }
  return `{
      const call = start(from, ${ins}, ${outs}, ${f.shape === "flatMap"});
      Declared${i}(call);
      return finish(call, result);
    }`;
}

function exportsOf(functions, kit) {
  const texts = (columns) => data(columns.map((column) => `${column.format}\0${column.name}\0`).join(""));
  const cases = (body) => functions.map((f, i) => `    case ${i}: ${body(f, i)}`).join("\n");
  const opened = ({ state, outputs }) => {
    const handed = [...state, ...outputs];
    return `return open(outputs, ${texts(handed)}, ${handed.length});`;
  };
  return `
${functions.map((f, i) => `import { ${f.from} as Declared${i} } from "./${f.file}";`).join("\n")}
import { Letters, alloc, reset, open, start, finish, aggregate, group } from "./${kit}";
export function wasmill_arena_alloc(bytes: u32, align: u32): usize { return alloc(bytes); }
export function wasmill_arena_reset(): void { reset(); }
export function wasmill_open(index: u32, inputs: usize, outputs: usize, result: usize): i32 {
  switch (index) {
${cases(opened)}
    default: return 1;
  }
}
export function wasmill_process(index: u32, from: usize, result: usize): i32 {
  switch (index) {
${cases(body)}
    default: return 1;
  }
}
`;
}

// A function as the manifest has it.
function described(f) {
  const list = (columns) => columns.map(({ name, sql }) => ({ name, type: sql }));
  const all = { name: f.name, input: list(f.inputs), output: list(f.outputs) };
  if (f.shape === "aggregate") return { kind: "aggregate", ...all, state: list(f.state) };
  if (f.shape === "group") return { kind: "group", ...all, key: list(f.key), state: list(f.state), time: f.time };
  return { kind: "transform", ...all, origin: f.shape === "flatMap" };
}

export default class Wasmill {
  afterParse(parser) {
    const sources = parser.sources.filter((source) => !source.internalPath.startsWith("~lib/"));
    this.functions = sources.flatMap(declared);
    if (this.functions.length === 0) throw new Error("no function has a line such as @map(...) above it");
    const kit = sources.find((s) => KIT.test(s.internalPath) && s.text.includes("export class Call "));
    if (!kit) throw new Error("the program does not import the kit");
    parser.parseFile(exportsOf(this.functions, kit.internalPath), "wasmill-exports.ts", true);
  }

  afterCompile(module) {
    const manifest = { abi: 1, sdk: "wasmill 0.1.0 assemblyscript", functions: this.functions.map(described) };
    module.addCustomSection(SECTION, Buffer.from(JSON.stringify(manifest)));
  }
}
