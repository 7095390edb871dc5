//! The files that a new module starts with: the kit of its language and a template, as they are in `udf-sdk/`. A
//! program from elsewhere has no `udf-sdk/` beside it, so they are part of this one. Writes nothing.

/// A file of a new module: its path there, in which `NAME` stands for the module's, and its text, likewise.
pub type File = (&'static str, &'static str);

macro_rules! files {
    ($($to:literal $from:literal),+ $(,)?) => {
        &[$(($to, include_str!(concat!("../../../../udf-sdk/", $from)))),+]
    };
}

/// What a module in any language has: a case for `wasmill udf test`, and a query that runs on the rows of the case.
pub const COMMON: &[File] = files![
    "query.yaml" "template/query.yaml",
    "cases/split_words/spaces/input.jsonl" "template/cases/split_words/spaces/input.jsonl",
    "cases/split_words/spaces/expected.jsonl" "template/cases/split_words/spaces/expected.jsonl",
];

pub const RUST: &[File] = files![
    "Cargo.toml" "rust/template/Cargo.toml",
    "src/lib.rs" "rust/template/lib.rs",
    "wasmill/Cargo.toml" "rust/template/kit.toml",
    "wasmill/README.md" "rust/README.md",
    "wasmill/src/abi.rs" "rust/src/abi.rs",
    "wasmill/src/arena.rs" "rust/src/arena.rs",
    "wasmill/src/bench.rs" "rust/src/bench.rs",
    "wasmill/src/buffer.rs" "rust/src/buffer.rs",
    "wasmill/src/build.rs" "rust/src/build.rs",
    "wasmill/src/bytes.rs" "rust/src/bytes.rs",
    "wasmill/src/column.rs" "rust/src/column.rs",
    "wasmill/src/const_text.rs" "rust/src/const_text.rs",
    "wasmill/src/entry.rs" "rust/src/entry.rs",
    "wasmill/src/foreach.rs" "rust/src/foreach.rs",
    "wasmill/src/group.rs" "rust/src/group.rs",
    "wasmill/src/json.rs" "rust/src/json.rs",
    "wasmill/src/kind.rs" "rust/src/kind.rs",
    "wasmill/src/lib.rs" "rust/src/lib.rs",
    "wasmill/src/manifest.rs" "rust/src/manifest.rs",
    "wasmill/src/module.rs" "rust/src/module.rs",
    "wasmill/src/nested.rs" "rust/src/nested.rs",
    "wasmill/src/parse.rs" "rust/src/parse.rs",
    "wasmill/src/put.rs" "rust/src/put.rs",
    "wasmill/src/record.rs" "rust/src/record.rs",
    "wasmill/src/rows.rs" "rust/src/rows.rs",
    "wasmill/src/testing.rs" "rust/src/testing.rs",
];

pub const C: &[File] = files![
    "NAME.c" "c/template/NAME.c",
    "NAME_test.c" "c/template/NAME_test.c",
    "wasmill.h" "c/wasmill.h",
    "wasmill.md" "c/README.md",
    "wasmill_test.h" "c/wasmill_test.h",
];

pub const GO: &[File] = files![
    "go.mod" "go/template/go.mod.txt",
    "NAME.go" "go/template/NAME.go.txt",
    "NAME_test.go" "go/template/NAME_test.go.txt",
    "wasmill/README.md" "go/README.md",
    "wasmill/go.mod" "go/go.mod",
    "wasmill/aggregate.go" "go/aggregate.go",
    "wasmill/boundary.go" "go/boundary.go",
    "wasmill/builder.go" "go/builder.go",
    "wasmill/call.go" "go/call.go",
    "wasmill/column.go" "go/column.go",
    "wasmill/group.go" "go/group.go",
    "wasmill/native.go" "go/native.go",
    "wasmill/seal.go" "go/seal.go",
    "wasmill/wasmill.go" "go/wasmill.go",
];

pub const ASSEMBLYSCRIPT: &[File] = files![
    "package.json" "assemblyscript/template/package.json",
    "NAME.ts" "assemblyscript/template/NAME.ts",
    "NAME.test.mjs" "assemblyscript/template/NAME.test.mjs",
    "wasmill/README.md" "assemblyscript/README.md",
    "wasmill/builders.ts" "assemblyscript/builders.ts",
    "wasmill/columns.ts" "assemblyscript/columns.ts",
    "wasmill/index.ts" "assemblyscript/index.ts",
    "wasmill/kinds.ts" "assemblyscript/kinds.ts",
    "wasmill/memory.ts" "assemblyscript/memory.ts",
    "wasmill/testing.mjs" "assemblyscript/testing.mjs",
    "wasmill/transform.mjs" "assemblyscript/transform.mjs",
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// A file that is added to a kit must come along.
    #[test]
    fn the_kits_are_whole() {
        let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../udf-sdk");
        for (files, folder, ending) in [
            (RUST, "rust/src", ".rs"),
            (C, "c", ".h"),
            (GO, "go", ".go"),
            (ASSEMBLYSCRIPT, "assemblyscript", ".ts"),
            (ASSEMBLYSCRIPT, "assemblyscript", ".mjs"),
        ] {
            for entry in sdk.join(folder).read_dir().unwrap() {
                let name = entry.unwrap().file_name().to_string_lossy().into_owned();
                let is_there = files.iter().any(|(to, _)| to.ends_with(&format!("/{name}")) || *to == name);
                assert!(!name.ends_with(ending) || is_there, "{folder}/{name}");
            }
        }
    }
}
