//! Looks through a module before anything of it is compiled: valid, of a modest shape, with the exports and imports
//! of the ABI and a manifest. Runs and compiles nothing.

use std::iter::repeat_n;

use wasmparser::{
    BinaryReaderError, CompositeInnerType, DataSectionReader, ElementItems, ElementSectionReader,
    ExternalKind, FuncToValidate, FuncType, FuncValidatorAllocations, FunctionBody, Import, Parser, Payload,
    TypeRef, ValType, ValidPayload, Validator, ValidatorResources, WasmFeatures,
};

use super::body::Cost;
use super::guest::LOG_IMPORT;
use super::limits::{
    CODE_BYTES_MAX, CUSTOM_BYTES_MAX, CUSTOM_SECTIONS_MAX, DATA_BYTES_MAX, DATA_SEGMENTS_MAX,
    ELEMENT_SEGMENTS_MAX, ELEMENTS_MAX, EXPORTS_MAX, FUNCTIONS_MAX, GLOBALS_MAX, IMPORTS_MAX, Limits,
    MANIFEST_BYTES_MAX, NAME_BYTES_MAX, PARAMS_MAX, RESULTS_MAX, TYPES_MAX,
};
use super::manifest::Manifest;
use super::memory::printable;
use super::preview1;
use super::toolchain::Toolchain;
use crate::error::{Error, Result};

/// What a module may use of WebAssembly. Whatever is off needs no validator, no compiler and no runtime of ours to
/// be right.
pub const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::EXTENDED_CONST);

/// How the names of the sections for debuggers start.
const DEBUG_SECTIONS: &str = ".debug_";

/// The custom section with the manifest.
pub const MANIFEST_SECTION: &str = "wasmill.manifest";

/// What a module exports besides its memory: name, parameters (`i` for each i32), and the number of `i32` results.
const EXPORTS: [(&str, &str, usize); 4] = [
    ("wasmill_arena_alloc", "ii", 1),
    ("wasmill_arena_reset", "", 0),
    ("wasmill_open", "iiii", 1),
    ("wasmill_process", "iii", 1),
];

/// What starts a runtime, if a module exports it; without parameters and results.
pub const INITIALIZE: &str = "_initialize";

/// Reads the manifest of a module that may be compiled. Errors are the user's.
pub fn inspect(bytes: &[u8], limits: &Limits) -> Result<Manifest> {
    let toolchain = Toolchain::of(bytes);
    look_through(bytes, limits, toolchain).map_err(|error| match error.fact("what") {
        Some(what) => {
            let hint = toolchain.size_hint(what);
            error.hint(hint)
        }
        None => error,
    })
}

fn look_through(bytes: &[u8], limits: &Limits, toolchain: Toolchain) -> Result<Manifest> {
    check_start(bytes, limits)?;
    let mut shape = Shape::new(limits, toolchain);
    let mut validator = Validator::new_with_features(FEATURES);
    let mut allocations = FuncValidatorAllocations::default();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(invalid)?;
        // Our caps come first: the validator's own are far wider.
        shape.see(&payload)?;
        if let ValidPayload::Func(function, body) = validator.payload(&payload).map_err(invalid)? {
            allocations = shape.see_body(function, &body, allocations)?;
        }
    }
    shape.check_exports()?;
    match shape.manifest {
        Some(manifest) => Manifest::parse(manifest),
        None => Err(Error::user("the module has no manifest")
            .with("section", MANIFEST_SECTION)
            .hint(toolchain.manifest_hint())),
    }
}

fn check_start(bytes: &[u8], limits: &Limits) -> Result<()> {
    if bytes.len() > limits.module_bytes {
        return Err(over("bytes of the module", bytes.len() as u64, limits.module_bytes as u64));
    }
    match bytes {
        [b'\0', b'a', b's', b'm', 1, 0, 0, 0, ..] => Ok(()),
        [b'\0', b'a', b's', b'm', _, 0, 1, 0, ..] => {
            Err(Error::user("this is a component, not a core module")
                .hint("build for wasm32-unknown-unknown, without a component adapter"))
        }
        [0x7f, b'E', b'L', b'F', ..] => Err(Error::user("this is native code, not a WebAssembly module")
            .hint("build for wasm32-unknown-unknown; what an engine compiled before is not taken")),
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] | [b'P', b'K', 3, 4, ..] => {
            Err(Error::user("this is compressed, not a WebAssembly module").hint("unpack it before"))
        }
        [b'(', b'm', b'o', b'd', b'u', b'l', b'e', ..] => {
            Err(Error::user("this is the text of a WebAssembly module")
                .hint("`wat2wasm` makes a module of it"))
        }
        _ => Err(Error::user("this is not a WebAssembly module").with("bytes", bytes.len())),
    }
}

pub fn invalid(error: BinaryReaderError) -> Error {
    Error::user("the module is not valid").with("at", error.offset()).because(error)
}

fn over(what: &str, found: u64, max: u64) -> Error {
    Error::user("the module is larger than a guest may be")
        .with("what", what)
        .with("found", found)
        .with("max", max)
}

/// Refuses more of something than a module may have.
pub fn cap(what: &str, found: impl Into<u64>, max: impl Into<u64>) -> Result<()> {
    let (found, max) = (found.into(), max.into());
    if found > max { Err(over(what, found, max)) } else { Ok(()) }
}

/// What was seen of a module so far.
struct Shape<'a> {
    limits: &'a Limits,
    toolchain: Toolchain,
    types: Vec<Option<FuncType>>,
    /// The types of all functions, imported ones first.
    functions: Vec<u32>,
    exports: Vec<(&'a str, ExternalKind, u32)>,
    manifest: Option<&'a [u8]>,
    custom_sections: usize,
    custom_bytes: usize,
    cost: Cost,
}

impl<'a> Shape<'a> {
    fn new(limits: &'a Limits, toolchain: Toolchain) -> Shape<'a> {
        Shape {
            limits,
            toolchain,
            types: Vec::new(),
            functions: Vec::new(),
            exports: Vec::new(),
            manifest: None,
            custom_sections: 0,
            custom_bytes: 0,
            cost: Cost::default(),
        }
    }

    fn see(&mut self, payload: &Payload<'a>) -> Result<()> {
        match payload {
            Payload::TypeSection(types) => {
                cap("types", types.count(), TYPES_MAX)?;
                for group in types.clone() {
                    for sub_type in group.map_err(invalid)?.into_types() {
                        self.see_type(sub_type.composite_type.inner)?;
                    }
                }
            }
            Payload::ImportSection(imports) => {
                cap("imports", imports.count(), IMPORTS_MAX)?;
                for import in imports.clone().into_imports() {
                    self.see_import(&import.map_err(invalid)?)?;
                }
            }
            Payload::FunctionSection(functions) => {
                cap("functions", functions.count(), FUNCTIONS_MAX)?;
                for function in functions.clone() {
                    self.functions.push(function.map_err(invalid)?);
                }
            }
            Payload::TableSection(tables) => {
                cap("tables", tables.count(), 1u32)?;
                for table in tables.clone() {
                    let elements = table.map_err(invalid)?.ty.initial;
                    cap("elements of a table at the start", elements, self.limits.table_elements as u64)?;
                }
            }
            Payload::MemorySection(memories) => {
                cap("memories", memories.count(), 1u32)?;
                for memory in memories.clone() {
                    let bytes = memory.map_err(invalid)?.initial.saturating_mul(64 * 1024);
                    cap("bytes of memory at the start", bytes, self.limits.memory_bytes as u64)?;
                }
            }
            Payload::GlobalSection(globals) => cap("globals", globals.count(), GLOBALS_MAX)?,
            Payload::ExportSection(exports) => {
                cap("exports", exports.count(), EXPORTS_MAX)?;
                for export in exports.clone() {
                    let export = export.map_err(invalid)?;
                    check_name(export.name)?;
                    self.exports.push((export.name, export.kind, export.index));
                }
            }
            Payload::StartSection { .. } => {
                return Err(Error::user("the module has a start function").hint(self.toolchain.start_hint()));
            }
            Payload::ElementSection(segments) => {
                cap("element segments", segments.count(), ELEMENT_SEGMENTS_MAX)?;
                see_elements(segments.clone())?;
            }
            Payload::DataSection(segments) => {
                cap("data segments", segments.count(), DATA_SEGMENTS_MAX)?;
                see_data(segments.clone())?;
            }
            Payload::DataCountSection { count, .. } => cap("data segments", *count, DATA_SEGMENTS_MAX)?,
            Payload::CodeSectionStart { size, .. } => cap("bytes of code", *size, CODE_BYTES_MAX as u64)?,
            Payload::CustomSection(section) => self.see_custom(section.name(), section.data())?,
            _ => {}
        }
        Ok(())
    }

    fn see_type(&mut self, inner: CompositeInnerType) -> Result<()> {
        self.types.push(match inner {
            CompositeInnerType::Func(function) => {
                cap("parameters of a function", function.params().len() as u64, PARAMS_MAX as u64)?;
                cap("results of a function", function.results().len() as u64, RESULTS_MAX as u64)?;
                Some(function)
            }
            _ => None,
        });
        Ok(())
    }

    fn see_import(&mut self, import: &Import<'_>) -> Result<()> {
        let index = match import.ty {
            TypeRef::Func(index) => Some(index),
            _ => None,
        };
        let known = import_type(import.module, import.name);
        let fits = known.is_some_and(|(parameters, results)| {
            index.is_some_and(|index| self.is_of(index, parameters, results))
        });
        if !fits {
            let name = format!("{}.{}", import.module, import.name);
            return Err(Error::user("the module imports what no guest is given")
                .with("import", printable(name.as_bytes(), NAME_BYTES_MAX))
                .hint(import_hint(import, known)));
        }
        self.functions.extend(index);
        Ok(())
    }

    /// Whether a type has these parameters (`i` for an i32, `I` for an i64) and so many `i32` results.
    fn is_of(&self, type_index: u32, parameters: &str, results: usize) -> bool {
        let parameters =
            parameters.bytes().map(|letter| if letter == b'I' { ValType::I64 } else { ValType::I32 });
        match self.types.get(type_index as usize) {
            Some(Some(function)) => {
                function.params().iter().copied().eq(parameters)
                    && function.results().iter().copied().eq(repeat_n(ValType::I32, results))
            }
            _ => false,
        }
    }

    fn see_custom(&mut self, name: &'a str, data: &'a [u8]) -> Result<()> {
        self.custom_sections += 1;
        // What a debugger reads is as large as the module may be: nobody but `wasmill replay` looks into it.
        if !name.starts_with(DEBUG_SECTIONS) {
            self.custom_bytes += data.len();
        }
        cap("custom sections", self.custom_sections as u64, CUSTOM_SECTIONS_MAX as u64)?;
        cap("bytes of custom sections", self.custom_bytes as u64, CUSTOM_BYTES_MAX as u64)?;
        check_name(name)?;
        if name == MANIFEST_SECTION {
            cap("bytes of the manifest", data.len() as u64, MANIFEST_BYTES_MAX as u64)?;
            if self.manifest.replace(data).is_some() {
                return Err(Error::user("the module has two manifests").with("section", MANIFEST_SECTION));
            }
        }
        Ok(())
    }

    fn see_body(
        &mut self,
        function: FuncToValidate<ValidatorResources>,
        body: &FunctionBody<'_>,
        allocations: FuncValidatorAllocations,
    ) -> Result<FuncValidatorAllocations> {
        let params = self.functions.get(function.index as usize);
        let params = params.and_then(|index| self.types.get(*index as usize)).and_then(Option::as_ref);
        self.cost.add(body, params.map_or(0, |function| function.params().len() as u64))?;
        let mut validator = function.into_validator(allocations);
        validator.validate(body).map_err(invalid)?;
        Ok(validator.into_allocations())
    }

    fn check_exports(&self) -> Result<()> {
        let find = |name: &str| self.exports.iter().find(|(found, _, _)| *found == name);
        if !matches!(find("memory"), Some((_, ExternalKind::Memory, _))) {
            return Err(Error::user("the module does not export its memory")
                .with("export", "memory")
                .hint(self.toolchain.export_hint()));
        }
        for (name, parameters, results) in EXPORTS {
            match find(name) {
                Some(export) => self.check_export(export, parameters, results)?,
                None => {
                    let error = Error::user("the module lacks a function").with("export", name);
                    return Err(error.hint(self.toolchain.export_hint()));
                }
            }
        }
        find(INITIALIZE).map_or(Ok(()), |export| self.check_export(export, "", 0))
    }

    fn check_export(
        &self,
        (name, kind, index): &(&str, ExternalKind, u32),
        parameters: &str,
        results: usize,
    ) -> Result<()> {
        let fits = matches!(kind, ExternalKind::Func)
            && self
                .functions
                .get(*index as usize)
                .is_some_and(|index| self.is_of(*index, parameters, results));
        if fits {
            return Ok(());
        }
        Err(Error::user("an export of the module has another type")
            .with("export", name)
            .hint(self.toolchain.export_hint()))
    }
}

fn see_elements(segments: ElementSectionReader<'_>) -> Result<()> {
    let mut elements = 0;
    for segment in segments {
        elements += match segment.map_err(invalid)?.items {
            ElementItems::Functions(items) => u64::from(items.count()),
            ElementItems::Expressions(_, items) => u64::from(items.count()),
        };
    }
    cap("elements", elements, ELEMENTS_MAX)
}

fn see_data(segments: DataSectionReader<'_>) -> Result<()> {
    let mut bytes = 0;
    for segment in segments {
        bytes += segment.map_err(invalid)?.data.len();
    }
    cap("bytes of data", bytes as u64, DATA_BYTES_MAX as u64)
}

/// Names are shown to people: they are short and have nothing in them that a terminal would obey.
fn check_name(name: &str) -> Result<()> {
    cap("bytes of a name", name.len() as u64, NAME_BYTES_MAX as u64)?;
    if name.chars().any(char::is_control) {
        return Err(Error::user("a name in the module is not printable").with("name", name.escape_debug()));
    }
    Ok(())
}

/// The parameters, as letters, and the number of results of what a guest may import.
fn import_type(module: &str, name: &str) -> Option<(&'static str, usize)> {
    if module == preview1::MODULE {
        let (name, parameters) = preview1::FUNCTIONS.iter().find(|(known, _)| *known == name)?;
        return Some((parameters, preview1::results(name)));
    }
    ((module, name) == LOG_IMPORT).then_some(("ii", 0))
}

/// What to do about an import that is refused, by the toolchain that it comes from.
fn import_hint(import: &Import<'_>, known: Option<(&str, usize)>) -> String {
    match (import.module, import.name, known) {
        (_, _, Some((parameters, results))) => {
            let named: Vec<_> = parameters.chars().map(|c| if c == 'I' { "i64" } else { "i32" }).collect();
            let gives = if results == 0 { "nothing" } else { "an i32" };
            format!("it takes ({}) and gives {gives}", named.join(", "))
        }
        (preview1::MODULE, _, _) => "preview 1 of WASI has no such function".into(),
        ("env", "abort", _) => "AssemblyScript: build with `--use abort=`".into(),
        ("env", _, _) => {
            "the linker found no definition of it: define it, or link the library that has it".into()
        }
        ("gojs" | "go", _, _) => "Go: build with `GOOS=wasip1 GOARCH=wasm -buildmode=c-shared`".into(),
        _ => "a guest is given wasmill.log and preview 1 of WASI, and nothing else".into(),
    }
}
