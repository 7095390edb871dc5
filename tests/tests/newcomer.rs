//! The road of a newcomer, in each language: a new module is built, its case and its native test pass, its query runs, and
//! what the README of its kit shows can be built too. Needs the compilers that `.ci/guest-packages` installs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::program;
use wasmill_udf_build::{find_go, find_node};

/// Runs `wasmill udf` with these arguments.
fn wasmill(arguments: &[&str]) -> String {
    let ended = program::command(&[&["udf"], arguments].concat());
    assert!(ended.status.success(), "{arguments:?}: {}{}", ended.out, ended.log);
    ended.out
}

fn sdk() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../udf-sdk").canonicalize().unwrap()
}

/// A module of this language in a folder of its own; what a network or much time would have to bring is borrowed.
fn new_module(parent: &Path, language: &str) -> PathBuf {
    let folder = parent.join("my_words");
    wasmill(&["new", "--lang", language, &folder.display().to_string()]);
    let borrow = |from: &Path, name: &str| {
        fs::create_dir_all(from).unwrap();
        std::os::unix::fs::symlink(from, folder.join(name)).unwrap();
    };
    match language {
        "rust" => borrow(&program::target_folder().join("new-module"), "target"),
        "assemblyscript" => borrow(&sdk().join("assemblyscript/node_modules"), "node_modules"),
        _ => {}
    }
    folder
}

/// Runs a program in a folder; gives what it said.
fn run(folder: &Path, program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.current_dir(folder).args(arguments).env("GOFLAGS", "").env("GOWORK", "off");
    let output = command.env_remove("CARGO_TARGET_DIR").output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

fn new_build_test(language: &str, native_test: impl Fn(&Path)) {
    let parent = tempfile::tempdir().unwrap();
    let folder = new_module(parent.path(), language);
    let shown = folder.display().to_string();
    let built = wasmill(&["build", &shown]);
    assert!(built.contains("my_words.wasm"), "{built}");
    let tested = wasmill(&["test", &shown]);
    assert!(tested.contains("1 passed, 0 failed"), "{tested}");
    native_test(&folder);
    let counted = run(&folder, program::program(), &["run", "query.yaml"]);
    assert!(counted.contains("größer"), "{counted}");
}

#[test]
fn a_new_module_in_rust_is_built_and_tested() {
    new_build_test("rust", |folder| {
        run(folder, "cargo", &["test", "--offline"]);
        let measured = wasmill(&["bench", &folder.display().to_string()]);
        let figures = measured.lines().filter(|line| line.starts_with("split_words"));
        // Name, rows, and three figures, the native one too.
        let numbers = |line: &str| line.split_whitespace().skip(1).all(|word| word.parse::<f64>().is_ok());
        assert_eq!(figures.filter(|line| numbers(line)).count(), 3, "{measured}");
    });
}

#[test]
fn a_new_module_in_c_is_built_and_tested() {
    new_build_test("c", |folder| {
        run(folder, "clang", &["-Wall", "-Wextra", "-g", "-o", "my_words_test", "my_words_test.c"]);
        run(folder, folder.join("my_words_test"), &[]);
    });
}

#[test]
fn a_new_module_in_go_is_built_and_tested() {
    new_build_test("go", |folder| {
        run(folder, find_go().unwrap(), &["test"]);
    });
}

#[test]
fn a_new_module_in_assemblyscript_is_built_and_tested() {
    new_build_test("assemblyscript", |folder| {
        run(folder, find_node().unwrap(), &["--test"]);
    });
}

#[test]
fn the_native_tests_of_the_samples_pass() {
    let kinds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../udfs/kinds");
    let scratch = tempfile::tempdir().unwrap();
    let program = scratch.path().join("kinds_test").display().to_string();
    let header = format!("-I{}", sdk().join("c").display());
    run(&kinds.join("c"), "clang", &["-Wall", "-Wextra", "-g", &header, "-o", &program, "kinds_test.c"]);
    run(scratch.path(), program, &[]);
    run(&kinds.join("go"), find_go().unwrap(), &["test"]);
    let module = build_udfs::module("kinds-assemblyscript");
    let node = find_node().unwrap();
    let script = format!("process.env.WASMILL_MODULE = {module:?}; import('./kinds.test.mjs')");
    run(&kinds.join("assemblyscript"), node, &["-e", &script]);
}

/// The code of a README in this language: a module, and behind it parts of others.
fn blocks(kit: &str, language: &str) -> Vec<String> {
    let readme = fs::read_to_string(sdk().join(kit).join("README.md")).unwrap();
    let fence = format!("```{language}\n");
    let blocks = readme.split(&fence).skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap().to_string()).collect()
}

/// Rust's README is a documentation test of its kit.
#[test]
fn what_the_readmes_show_is_built() {
    for (language, kit, code, file, start, end) in [
        ("c", "c", "c", "my_words.c", "#include \"wasmill.h\"\n", "WM_MODULE(FUNCTIONS)\n"),
        (
            "go",
            "go",
            "go",
            "my_words.go",
            "package main\n\nimport \"wasmill\"\n",
            "func main() { wasmill.Main() }\n",
        ),
        (
            "assemblyscript",
            "assemblyscript",
            "ts",
            "my_words.ts",
            "import { Call } from \"./wasmill\";\n",
            "",
        ),
    ] {
        let blocks = blocks(kit, code);
        for block in &blocks[..2] {
            let parent = tempfile::tempdir().unwrap();
            let folder = new_module(parent.path(), language);
            let mut source = block.clone();
            if !source.contains(start.lines().next().unwrap()) {
                source.insert_str(0, start);
            }
            if !source.contains(end) {
                source.push_str(end);
            }
            fs::write(folder.join(file), source).unwrap();
            wasmill(&["build", &folder.display().to_string()]);
        }
    }
}
