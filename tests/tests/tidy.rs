//! The shape of the repository, held by a test: layers, file length, file headers, words that may not stay.
//! Reads files as text; it knows no Rust beyond that.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules of the server by layer, as in ARCHITECTURE.md. A module uses layers above its own only.
const LAYERS: &[(u8, &[&str])] = &[
    (0, &["error", "clock", "fault"]),
    (1, &["record", "storage"]),
    // Bytes to rows and back, and settings of Kafka clients: the parts of layer 3 that use them share them.
    (2, &["format", "kafka"]),
    (3, &["source", "sink", "state", "checkpoint", "udf", "expression"]),
    (4, &["operator"]),
    (5, &["plan"]),
    (6, &["query"]),
    (7, &["cli"]),
    (8, &["telemetry"]),
    (9, &["main"]),
];

/// Of layer 3, only these use layer 2.
const USERS_OF_LAYER_2: &[&str] = &["source", "sink"];

const LINES_MAX: usize = 500;

#[test]
fn modules_use_only_layers_above() {
    let mut problems = Vec::new();
    for file in files().iter().filter(|file| file.path.starts_with("server/src/")) {
        let module = file.module();
        if module == "lib" {
            continue;
        }
        let Some(own) = layer_of(&module) else {
            problems.push(format!("{}: module `{module}` is in no layer", file.path));
            continue;
        };
        for (number, line) in file.code_lines() {
            let place = format!("{}:{number}", file.path);
            if line.contains("use crate::{") || line.contains("super::super") {
                problems
                    .push(format!("{place}: name the module: `use crate::module::...`, one line a module"));
            }
            for used in used_modules(line, module == "main") {
                let layer_2_is_fine =
                    layer_of(&used) != Some(2) || own > 3 || USERS_OF_LAYER_2.contains(&module.as_str());
                match layer_of(&used) {
                    _ if used == module => {}
                    Some(layer) if layer < own && layer_2_is_fine => {}
                    _ => problems.push(format!("{place}: `{module}` may not use `{used}`")),
                }
            }
        }
    }
    expect_none(problems);
}

#[test]
fn files_are_short_and_say_what_they_are() {
    let mut problems = Vec::new();
    for file in files().iter().filter(|file| file.is_program()) {
        let lines = file.text.lines().count();
        if lines > LINES_MAX {
            problems.push(format!("{}: {lines} lines, the most is {LINES_MAX}", file.path));
        }
        if file.path.ends_with(".rs") && !file.text.starts_with("//! ") {
            problems.push(format!("{}: the first line must say what the file is: `//! ...`", file.path));
        }
    }
    expect_none(problems);
}

#[test]
fn no_unfinished_work_is_left() {
    // Spelled in two parts, so that this file does not find itself.
    let words = [("TO", "DO"), ("FIX", "ME"), ("unimplemented", "!("), ("to", "do!("), ("#[ig", "nore")];
    expect_none(places_of(&words, |file| file.is_program() || file.path.ends_with(".md")));
}

/// Where packages come from is the setting of whoever builds.
#[test]
fn no_package_registry_is_named() {
    let hosts = [
        ("crates", ".io"),
        ("pypi", ".org"),
        ("python", "hosted.org"),
        ("maven", ".org"),
        ("maven", ".apache.org"),
        ("npmjs", ".org"),
        ("npmjs", ".com"),
        ("proxy.go", "lang.org"),
    ];
    expect_none(places_of(&hosts, |file| file.path != "Cargo.lock"));
}

/// The README promises two commands that do all the set-up themselves.
#[test]
fn the_readme_has_two_commands() {
    let files = files();
    let readme = files.iter().find(|file| file.path == "README.md").unwrap();
    let blocks: Vec<&str> =
        readme.text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.iter().map(|block| block.lines().count()).collect::<Vec<_>>(), [1, 1], "{blocks:?}");
}

struct File {
    /// From the root of the repository.
    path: String,
    text: String,
}

impl File {
    /// The first part of the path below `server/src`: a folder, or a file's name.
    fn module(&self) -> String {
        let below = self.path.trim_start_matches("server/src/");
        let first = below.split('/').next().unwrap_or(below);
        first.trim_end_matches(".rs").to_string()
    }

    /// Lines with their numbers, without comments.
    fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let numbered = self.text.lines().enumerate().map(|(index, line)| (index + 1, line.trim_start()));
        numbered.filter(|(_, line)| !line.starts_with("//"))
    }

    fn is_program(&self) -> bool {
        let by_name = [".rs", ".py", ".sh"].iter().any(|ending| self.path.ends_with(ending));
        by_name || self.text.starts_with("#!")
    }
}

fn layer_of(module: &str) -> Option<u8> {
    LAYERS.iter().find(|(_, modules)| modules.contains(&module)).map(|(layer, _)| *layer)
}

/// The modules that a line names: `crate::NAME`, and `wasmill::NAME` in the program itself.
fn used_modules(line: &str, is_main: bool) -> Vec<String> {
    let mut used = Vec::new();
    for root in ["crate::", "wasmill::"] {
        if root == "wasmill::" && !is_main {
            continue;
        }
        for (at, _) in line.match_indices(root) {
            let rest = &line[at + root.len()..];
            let name: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            // Behind `$crate::` in a macro stands a name of the crate too; a type at the root has a capital.
            if !name.is_empty() {
                used.push(name);
            }
        }
    }
    used
}

fn places_of(words: &[(&str, &str)], wanted: impl Fn(&File) -> bool) -> Vec<String> {
    let mut places = Vec::new();
    for file in files().iter().filter(|file| wanted(file)) {
        for (index, line) in file.text.lines().enumerate() {
            for (first, second) in words {
                let word = format!("{first}{second}");
                if line.contains(&word) {
                    places.push(format!("{}:{}: `{word}`", file.path, index + 1));
                }
            }
        }
    }
    places
}

fn expect_none(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// The text files of the repository, without what is built or fetched.
fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (mut files, mut folders) = (Vec::new(), vec![root.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && ![".git", "target", "node_modules", "__pycache__"].contains(&name.as_str()) {
                folders.push(path);
            } else if path.is_file()
                && let Ok(text) = fs::read_to_string(&path)
            {
                files.push(File {
                    path: path.strip_prefix(root).unwrap().to_string_lossy().into_owned(),
                    text,
                });
            }
        }
    }
    assert!(files.len() > 10, "the repository is not at {}", root.display());
    files
}
