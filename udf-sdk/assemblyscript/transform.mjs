// A transform for asc: reads the lines `@map(...)` and `@flatMap(...)` above functions, writes the exports of a module
// of them, and the manifest as a custom section. Changes no code of the program.

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

function declared(source) {
  const found = [];
  for (const statement of source.statements) {
    for (const decorator of statement.decorators ?? []) {
      const shape = decorator.name.text;
      if (shape !== "map" && shape !== "flatMap") continue;
      const name = statement.name.text;
      const [inputs, outputs] = (decorator.args ?? []).map((argument) => argument.value);
      if (typeof inputs !== "string" || typeof outputs !== "string") {
        throw new Error(`${name}: write @${shape}("name TYPE, ...", "name TYPE, ...")`);
      }
      found.push({
        name, origin: shape === "flatMap", from: source.internalPath,
        inputs: columns(inputs, name), outputs: columns(outputs, name),
      });
    }
  }
  return found;
}

function exportsOf(functions, kit) {
  const letters = (columns) => data(columns.map((column) => letter(column.format)).join(""));
  const texts = (columns) => data(columns.map((column) => `${column.format}\0${column.name}\0`).join(""));
  const cases = (body) => functions.map((f, i) => `    case ${i}: ${body(f, i)}`).join("\n");
  return `
${functions.map((f, i) => `import { ${f.name} as function${i} } from "./${f.from}";`).join("\n")}
import { alloc, reset, open, start, finish } from "./${kit}";
export function wasmill_arena_alloc(bytes: u32, align: u32): usize { return alloc(bytes); }
export function wasmill_arena_reset(): void { reset(); }
export function wasmill_open(index: u32, inputs: usize, outputs: usize, result: usize): i32 {
  switch (index) {
${cases((f) => `return open(outputs, ${texts(f.outputs)}, ${f.outputs.length});`)}
    default: return 1;
  }
}
export function wasmill_process(index: u32, batch: usize, result: usize): i32 {
  switch (index) {
${cases((f, i) => `{
      const call = start(batch, ${letters(f.inputs)}, ${letters(f.outputs)}, ${f.outputs.length}, ${f.origin});
      function${i}(call);
      return finish(call, result);
    }`)}
    default: return 1;
  }
}
`;
}

export default class Wasmill {
  afterParse(parser) {
    const sources = parser.sources.filter((source) => !source.internalPath.startsWith("~lib/"));
    this.functions = sources.flatMap(declared);
    if (this.functions.length === 0) throw new Error("no function has a line @map(...) or @flatMap(...) above it");
    const kit = sources.find((s) => KIT.test(s.internalPath) && s.text.includes("export class Call "));
    if (!kit) throw new Error("the program does not import the kit");
    parser.parseFile(exportsOf(this.functions, kit.internalPath), "wasmill-exports.ts", true);
  }

  afterCompile(module) {
    const list = (columns) => columns.map(({ name, sql }) => ({ name, type: sql }));
    const functions = this.functions.map(({ name, inputs, outputs, origin }) => (
      { kind: "transform", name, input: list(inputs), output: list(outputs), origin }
    ));
    const manifest = { abi: 1, sdk: "wasmill 0.1.0 assemblyscript", functions };
    module.addCustomSection(SECTION, Buffer.from(JSON.stringify(manifest)));
  }
}
