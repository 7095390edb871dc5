//! Modules and manifests that are well-formed and still not let in, each with its reason.

use super::*;
use crate::udf::inspect::inspect;
use crate::udf::limits::{COLUMNS_MAX, EXPORTS_MAX};

pub fn number(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

pub fn name(text: &str) -> Vec<u8> {
    [number(text.len()), text.as_bytes().to_vec()].concat()
}

pub fn section(id: u8, body: Vec<u8>) -> Vec<u8> {
    [vec![id], number(body.len()), body].concat()
}

pub fn list(id: u8, items: &[Vec<u8>]) -> Vec<u8> {
    section(id, [number(items.len()), items.concat()].concat())
}

pub fn custom(text: &str, data: &str) -> Vec<u8> {
    section(0, [name(text), data.as_bytes().to_vec()].concat())
}

pub fn function_type(params: usize, results: usize) -> Vec<u8> {
    [vec![0x60], number(params), vec![0x7f; params], number(results), vec![0x7f; results]].concat()
}

const PREVIEW1: &str = "wasi_snapshot_preview1";

pub const MANIFEST: &str = r#"{"abi":1,"sdk":"none","functions":[{"kind":"transform","name":"f","input":[],"output":[],"origin":false}]}"#;

/// The parts of the smallest module that is let in; a case changes one of them.
pub struct Parts {
    pub types: Vec<Vec<u8>>,
    pub imports: Vec<Vec<u8>>,
    tables: Vec<Vec<u8>>,
    memory: Vec<u8>,
    exports: Vec<Vec<u8>>,
    start: Vec<u8>,
    elements: Vec<u8>,
    pub body: Vec<u8>,
    data: Vec<u8>,
    custom: Vec<u8>,
}

impl Parts {
    pub fn new() -> Parts {
        let functions = ["wasmill_arena_alloc", "wasmill_arena_reset", "wasmill_open", "wasmill_process"];
        let mut exports = vec![[name("memory"), vec![2, 0]].concat()];
        exports.extend(
            functions.iter().enumerate().map(|(index, text)| [name(text), vec![0, index as u8]].concat()),
        );
        Parts {
            types: vec![function_type(2, 1), function_type(0, 0), function_type(4, 1), function_type(3, 1)],
            imports: Vec::new(),
            tables: Vec::new(),
            memory: vec![0, 1],
            exports,
            start: Vec::new(),
            elements: Vec::new(),
            body: vec![0, 0x00, 0x0b],
            data: Vec::new(),
            custom: custom("wasmill.manifest", MANIFEST),
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let body = [number(self.body.len()), self.body.clone()].concat();
        let functions: Vec<_> = (0..4).map(|index| vec![index]).collect();
        [
            b"\0asm\x01\0\0\0".to_vec(),
            list(1, &self.types),
            list(2, &self.imports),
            list(3, &functions),
            list(4, &self.tables),
            list(5, std::slice::from_ref(&self.memory)),
            list(7, &self.exports),
            self.start.clone(),
            self.elements.clone(),
            list(10, &vec![body; 4]),
            self.data.clone(),
            self.custom.clone(),
        ]
        .concat()
    }
}

fn refusal(change: impl FnOnce(&mut Parts)) -> String {
    let mut parts = Parts::new();
    change(&mut parts);
    report(&inspect(&parts.bytes(), &limits()).unwrap_err())
}

pub fn import(module: &str, field: &str, type_index: u8) -> Vec<u8> {
    [name(module), name(field), vec![0, type_index]].concat()
}

#[test]
fn the_smallest_module_is_let_in() {
    let module = runtime().load(&Parts::new().bytes()).unwrap();
    assert_eq!(module.manifest().functions[0].name, "f");
    // Its functions are all `unreachable`.
    let error = module.transform("f").unwrap().open(MOMENT).err().unwrap();
    assert_eq!(error.fact("call"), Some("arena_alloc"));
    // Lines for a debugger may take more than other custom sections.
    let mut parts = Parts::new();
    parts.custom = [parts.custom.clone(), custom(".debug_line", &" ".repeat(2 << 20))].concat();
    assert!(inspect(&parts.bytes(), &limits()).is_ok());
}

#[test]
fn a_module_is_refused_with_its_reason() {
    let cases: Vec<(&str, String)> = vec![
        ("the module has no manifest", refusal(|parts| parts.custom.clear())),
        ("two manifests", refusal(|parts| parts.custom = parts.custom.repeat(2))),
        ("import=`env.abort`", refusal(|parts| parts.imports = vec![import("env", "abort", 1)])),
        ("build with `--use abort=`", refusal(|parts| parts.imports = vec![import("env", "abort", 1)])),
        ("found no definition", refusal(|parts| parts.imports = vec![import("env", "memcpy", 1)])),
        ("GOOS=wasip1", refusal(|parts| parts.imports = vec![import("gojs", "runtime.wasmExit", 1)])),
        ("and nothing else", refusal(|parts| parts.imports = vec![import("wasi_http", "f", 1)])),
        (
            "it takes (i32, i64, i32) and gives an i32",
            refusal(|parts| parts.imports = vec![import(PREVIEW1, "clock_time_get", 2)]),
        ),
        ("has no such function", refusal(|parts| parts.imports = vec![import(PREVIEW1, "fork", 1)])),
        (
            "it takes (i32, i32) and gives nothing",
            refusal(|parts| parts.imports = vec![import("wasmill", "log", 0)]),
        ),
        (
            "another type export=`_initialize`",
            refusal(|parts| parts.exports.push([name("_initialize"), vec![0, 0]].concat())),
        ),
        ("the module does not export its memory", refusal(|parts| drop(parts.exports.remove(0)))),
        ("export=`wasmill_process`", refusal(|parts| drop(parts.exports.pop()))),
        ("an export of the module has another type", refusal(|parts| parts.types[3] = function_type(2, 1))),
        ("the module has a start function", refusal(|parts| parts.start = section(8, vec![1]))),
        ("the module is not valid", refusal(|parts| parts.body = vec![0, 0x0b])),
        // A call into what is switched off: `atomic.fence`.
        ("the module is not valid", refusal(|parts| parts.body = vec![0, 0xfe, 3, 0, 0, 0x0b])),
    ];
    for (part, text) in cases {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_module_is_refused_for_what_it_has_too_much_of() {
    let passive = |items: usize| [vec![1, 0], number(items), vec![0; items]].concat();
    let cases: Vec<(&str, String)> = vec![
        (
            "bytes of the manifest",
            refusal(|parts| parts.custom = custom("wasmill.manifest", &" ".repeat(70_000))),
        ),
        ("custom sections", refusal(|parts| parts.custom = custom("x", "").repeat(17))),
        ("bytes of custom sections", refusal(|parts| parts.custom = custom("x", &" ".repeat(2 << 20)))),
        ("bytes of memory at the start", refusal(|parts| parts.memory = [vec![0], number(1025)].concat())),
        ("what=`tables`", refusal(|parts| parts.tables = vec![vec![0x70, 0, 1]; 2])),
        ("parameters of a function", refusal(|parts| parts.types.push(function_type(65, 0)))),
        ("results of a function", refusal(|parts| parts.types.push(function_type(0, 17)))),
        (
            "what=`elements of a table at the start`",
            refusal(|parts| parts.tables = vec![[vec![0x70, 0], number(10_001)].concat()]),
        ),
        ("what=`elements`", refusal(|parts| parts.elements = list(9, &vec![passive(30_000); 4]))),
        ("what=`element segments`", refusal(|parts| parts.elements = list(9, &vec![passive(0); 1_001]))),
        (
            "what=`bytes of data`",
            refusal(|parts| {
                let segment = [vec![1], number(3 << 20), vec![0; 3 << 20]].concat();
                parts.data = list(11, &vec![segment; 3]);
            }),
        ),
        (
            "what=`bytes of a name`",
            refusal(|parts| parts.exports.push([name(&"e".repeat(129)), vec![0, 0]].concat())),
        ),
        (
            "not printable name=`\\u{1b}[31m`",
            refusal(|parts| parts.exports.push([name("\u{1b}[31m"), vec![0, 0]].concat())),
        ),
        ("what=`bytes of a name`", refusal(|parts| parts.custom = custom(&"e".repeat(129), ""))),
        (
            "what=`exports`",
            refusal(|parts| {
                let more = (0..EXPORTS_MAX).map(|index| [name(&format!("e{index}")), vec![0, 0]].concat());
                parts.exports.extend(more);
            }),
        ),
    ];
    for (part, text) in cases {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// The producers section of a toolchain that calls itself this.
fn producers(field: &str, value: &str) -> Vec<u8> {
    let fields = [number(1), name(field), number(1), name(value), name("1")].concat();
    section(0, [name("producers"), fields].concat())
}

#[test]
fn hints_are_for_the_toolchain_that_made_the_module() {
    let without_export = |made_by: Vec<u8>| {
        refusal(|parts| {
            parts.exports.pop();
            parts.custom = [made_by, parts.custom.clone()].concat();
        })
    };
    let too_large = |made_by: Vec<u8>| {
        let large = custom("x", &" ".repeat(2 << 20));
        refusal(|parts| parts.custom = [parts.custom.clone(), large, made_by].concat())
    };
    let of_kit = |kit: &str| custom("wasmill.manifest", &format!(r#"{{"abi":1,"sdk":"{kit}"}}"#));
    for (text, hint) in [
        (without_export(producers("language", "Rust")), "hint: Rust: name the functions in `module!`"),
        (without_export(producers("processed-by", "clang")), "hint: C: put `WM_MODULE(FUNCTIONS)`"),
        (without_export(producers("language", "Go")), "hint: Go: import the kit"),
        (without_export(Vec::new()), "hint: udf-sdk/ABI.md lists"),
        (refusal(|parts| parts.custom = producers("language", "Go")), "hint: Go: `go run . MODULE`"),
        (
            refusal(|parts| {
                parts.start = section(8, vec![1]);
                parts.custom = of_kit("wasmill 0.1.0 assemblyscript");
            }),
            "hint: AssemblyScript: build with `--exportStart _initialize`",
        ),
        (too_large(producers("processed-by", "rustc")), "hint: Rust: build with `strip = \"debuginfo\"`"),
        (too_large(producers("language", "C11")), "hint: C: link with `-Wl,--strip-debug`"),
        (too_large(producers("nonsense", "nonsense")), "hint: take out debug information"),
    ] {
        assert!(text.contains(hint), "{hint}: {text}");
    }
}

#[test]
fn what_is_not_a_core_module_is_told_so() {
    for (bytes, part) in [
        (&b""[..], "not a WebAssembly module"),
        (b"\0asm\x0d\0\x01\0", "a component"),
        (b"\x7fELF\x02", "native code"),
        (b"\x1f\x8b\x08", "compressed"),
        (b"PK\x03\x04", "compressed"),
        (b"(module)", "the text of a WebAssembly module"),
        (b"hello", "not a WebAssembly module"),
    ] {
        let text = report(&inspect(bytes, &limits()).unwrap_err());
        assert!(text.contains(part), "{text}");
    }
    let text = report(&inspect(&vec![0; limits().module_bytes + 1], &limits()).unwrap_err());
    assert!(text.contains("bytes of the module"), "{text}");
}

#[test]
fn manifests_are_refused_with_their_reason() {
    let function = |from: &str, to: &str| MANIFEST.replace(from, to);
    let fields = |count: usize| (0..count).map(|n| format!("f{n}: INT")).collect::<Vec<_>>().join(", ");
    let columns = |column: &str| function(r#""input":[]"#, &format!(r#""input":[{column}]"#));
    let of_kind = |kind: &str, rest: &str| {
        let function = format!(r#"{{"kind":"{kind}","name":"f","input":[],{rest}}}"#);
        format!(r#"{{"abi":1,"sdk":"none","functions":[{function}]}}"#)
    };
    let many: Vec<_> =
        (0..=COLUMNS_MAX).map(|index| format!(r#"{{"name":"c{index}","type":"INT"}}"#)).collect();
    for (json, part) in [
        ("".into(), "cannot read the manifest"),
        ("{}".into(), "missing field `abi`"),
        (function(r#""abi":1"#, r#""abi":2"#), "another version of the batch ABI module=`2` server=`1`"),
        (function(r#""sdk":"none""#, r#""sdk":"none","memory":7"#), "unknown field `memory`"),
        (function(r#""kind":"transform""#, r#""kind":"forall""#), "unknown variant `forall`"),
        (function(r#""kind":"transform""#, r#""kind":"foreach""#), "unknown field `origin`"),
        (
            function(r#""kind":"transform""#, r#""kind":"foreach""#).replace(r#","origin":false"#, ""),
            "at least one column for its effects",
        ),
        (of_kind("aggregate", r#""state":[],"output":[{"name":"a","type":"INT"}]"#), "at least one column"),
        (
            of_kind("aggregate", r#""state":[{"name":"a","type":"INT"}],"output":[]"#),
            "gives one column columns=`0`",
        ),
        (
            of_kind("group", r#""key":[],"state":[{"name":"a","type":"INT"}],"output":[]"#),
            "missing field `time`",
        ),
        (of_kind("group", r#""key":[],"state":[],"output":[],"time":"event""#), "at least one column"),
        (of_kind("group", r#""time":"wall""#), "unknown variant `wall`"),
        (function(r#""origin":false"#, r#""origin":false,"state":1"#), "unknown field `state`"),
        (function(r#","origin":false"#, ""), "missing field `origin`"),
        (function(r#""name":"f""#, r#""name":"f g""#), "letters, digits and underscores"),
        (function(r#""name":"f""#, r#""name":"""#), "letters, digits and underscores"),
        (r#"{"abi":1,"sdk":"none","functions":[]}"#.into(), "functions=`0`"),
        (columns(r#"{"name":"a","type":"INTT"}"#), "`intt` is not a type"),
        (columns(r#"{"name":"a","type":"INT, b INT"}"#), "has one type"),
        (columns(r#"{"name":"a","type":"INT NOT NULL"}"#), "has one type"),
        (columns(r#"{"name":"a","type":"ARRAY<CHAR>"}"#), "use STRING"),
        (
            columns(r#"{"name":"a","type":"STRUCT<b: INT NOT NULL>"}"#),
            "may be null: leave NOT NULL out part=`b`",
        ),
        (
            columns(r#"{"name":"a","type":"ARRAY<MAP<INT, STRUCT<c: INT NOT NULL>>>"}"#),
            "leave NOT NULL out part=`c`",
        ),
        (
            columns(&format!(r#"{{"name":"a","type":"STRUCT<{}: INT>"}}"#, "b".repeat(200))),
            "name in the manifest is empty, too long",
        ),
        (columns(&format!(r#"{{"name":"a","type":"STRUCT<{}>"}}"#, fields(1_100))), "made of too many parts"),
        (columns(r#"{"name":"","type":"INT"}"#), "a name in the manifest is empty"),
        (columns(r#"{"name":"a\u0007","type":"INT"}"#), "not printable"),
        (columns(r#"{"name":"a","type":"INT"},{"name":"a","type":"INT"}"#), "a column is there twice"),
        (columns(&many.join(",")), "too many columns"),
    ] {
        let text = report(&Manifest::parse(json.as_bytes()).unwrap_err());
        assert!(text.contains(part), "{json}: {text}");
    }
    let once = r#"{"kind":"transform","name":"f","input":[],"output":[],"origin":false}"#;
    let twice = function(once, &format!("{once},{once}"));
    assert!(report(&Manifest::parse(twice.as_bytes()).unwrap_err()).contains("names a function twice"));
}

#[test]
fn limits_that_do_not_fit_together_are_refused() {
    let error =
        Runtime::new(Limits { call_bytes: 1 << 20, memory_bytes: 1 << 20, ..limits() }, Compiler::Here)
            .err()
            .unwrap();
    assert_eq!(error.fact("memory_bytes"), Some("1048576"));
}
