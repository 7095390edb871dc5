//! Which toolchain made a module, as far as the module says so, and what to do there about a refusal. Refuses nothing.

use wasmparser::{KnownCustom, Parser, Payload};

use super::inspect::MANIFEST_SECTION;

/// What a module was built with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Toolchain {
    Rust,
    C,
    Go,
    AssemblyScript,
    Unknown,
}

/// A word in what a module says about itself, and the toolchain that it means. Rust comes before C, since a compiler
/// of Rust may name clang too.
const WORDS: [(&str, Toolchain); 9] = [
    ("rustc", Toolchain::Rust),
    ("rust", Toolchain::Rust),
    ("tinygo", Toolchain::Go),
    ("go", Toolchain::Go),
    ("assemblyscript", Toolchain::AssemblyScript),
    ("clang", Toolchain::C),
    ("c11", Toolchain::C),
    ("c", Toolchain::C),
    ("zig", Toolchain::C),
];

impl Toolchain {
    /// Reads the producers of a module, and the kit that its manifest names. The module may be anything.
    pub fn of(bytes: &[u8]) -> Toolchain {
        let mut said: Vec<String> = Vec::new();
        for payload in Parser::new(0).parse_all(bytes) {
            let Ok(payload) = payload else { break };
            let Payload::CustomSection(section) = payload else { continue };
            if section.name() == MANIFEST_SECTION {
                said.extend(sdk_of(section.data()));
            } else if let KnownCustom::Producers(fields) = section.as_known() {
                // What cannot be read says nothing; a module is not refused for it.
                for value in fields.into_iter().flatten().flat_map(|field| field.values).flatten() {
                    said.push(value.name.into());
                }
            }
        }
        let said = said.join(" ").to_ascii_lowercase();
        let says = |word: &str| said.split(|c: char| !c.is_alphanumeric()).any(|found| found == word);
        let found = WORDS.iter().find(|(word, _)| says(word));
        found.map_or(Toolchain::Unknown, |(_, toolchain)| *toolchain)
    }

    /// How a module comes to the exports of the ABI.
    pub fn export_hint(self) -> &'static str {
        match self {
            Toolchain::Rust => {
                "Rust: name the functions in `module!` of the kit, and build with crate-type = [\"cdylib\"]"
            }
            Toolchain::C => {
                "C: put `WM_MODULE(FUNCTIONS)` into one source file, and link with `-Wl,--no-entry`"
            }
            Toolchain::Go => "Go: import the kit, and build with `-buildmode=c-shared`",
            Toolchain::AssemblyScript => {
                "AssemblyScript: build with `--transform ./wasmill/transform.mjs --exportStart _initialize`"
            }
            Toolchain::Unknown => "udf-sdk/ABI.md lists what a module exports; the kits export it",
        }
    }

    /// How a module comes to its manifest.
    pub fn manifest_hint(self) -> &'static str {
        match self {
            Toolchain::Rust | Toolchain::C | Toolchain::AssemblyScript => self.export_hint(),
            Toolchain::Go => {
                "Go: `go run . MODULE` writes it into the module after it was built; `wasmill udf build` does both"
            }
            Toolchain::Unknown => {
                "build it with a kit of udf-sdk, or write the section as udf-sdk/ABI.md says"
            }
        }
    }

    /// How a module gets along without a start function.
    pub fn start_hint(self) -> &'static str {
        match self {
            Toolchain::AssemblyScript => "AssemblyScript: build with `--exportStart _initialize`",
            Toolchain::Go => "Go: build with `-buildmode=c-shared`",
            _ => "prepare what is needed in `_initialize` or in `wasmill_open`, which run under limits",
        }
    }

    /// How a module gets less of something, told by the words of the refusal.
    pub fn size_hint(self, what: &str) -> &'static str {
        if what.contains("custom sections") {
            return match self {
                Toolchain::Rust => "Rust: build with `strip = \"debuginfo\"` in the profile",
                Toolchain::C => "C: link with `-Wl,--strip-debug`",
                Toolchain::Go => "Go: build with `-ldflags=-w`",
                Toolchain::AssemblyScript => "AssemblyScript: build without `--debug`",
                Toolchain::Unknown => "take out debug information and what else is not needed to run",
            };
        }
        if what.contains("memory") || what.contains("data") {
            return match self {
                Toolchain::C | Toolchain::Rust => {
                    "keep less in static variables, or ask the linker for a smaller stack: `-zstack-size=`"
                }
                Toolchain::Go => "Go: keep less in variables of packages, such as embedded files",
                Toolchain::AssemblyScript => "AssemblyScript: set a smaller `--initialMemory`",
                Toolchain::Unknown => "keep less in the module's data, and start with less memory",
            };
        }
        if what.contains("function") || what.contains("locals") || what.contains("branch") {
            return match self {
                Toolchain::Rust => "split the function, or inline less: Rust's `opt-level = \"s\"`",
                Toolchain::C => "split the function, or inline less: `-Os`",
                Toolchain::Go => "split the function, or inline less: Go's `-gcflags=all=-l`",
                Toolchain::AssemblyScript => "split the function, or inline less: `-Os`, and no `@inline`",
                Toolchain::Unknown => "split the function, or let the compiler inline less",
            };
        }
        "take out what is not needed, or split the module"
    }
}

/// The kit that a manifest names; nothing if it cannot be read.
fn sdk_of(manifest: &[u8]) -> Option<String> {
    let manifest: serde_json::Value = serde_json::from_slice(manifest).ok()?;
    manifest.get("sdk")?.as_str().map(str::to_string)
}
