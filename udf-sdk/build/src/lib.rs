//! Builds modules with the compilers of their languages, as the READMEs of the kits say. What is missing is named;
//! nothing is installed here, and nothing is known of where modules are kept.

mod program;
mod toolchain;

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use program::run;
pub use program::{find_go, find_node};
use toolchain::Toolchain;

const TARGET: &str = "wasm32-unknown-unknown";

/// Builds packages of the workspace at `folder` (all of it if none is named) below `target`, and gives the folder
/// that has `PACKAGE.wasm`. The workspace has a profile of the name `profile`.
pub fn rust(folder: &Path, target: &Path, profile: &str, packages: &[&str]) -> Result<PathBuf, String> {
    let toolchain = Toolchain::find()?;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(folder).args(["build", "--profile", profile, "--target", TARGET]);
    cargo.arg("--target-dir").arg(target);
    for package in packages {
        cargo.args(["--package", package]);
    }
    // Flags for a native build are not meant for modules, and would take the place of theirs.
    for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "CARGO_BUILD_RUSTFLAGS"] {
        cargo.env_remove(variable);
    }
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", "-Ctarget-feature=+simd128,+bulk-memory");
    toolchain.apply(&mut cargo);
    run(&mut cargo)?;
    Ok(target.join(TARGET).join(profile))
}

/// Compiles the file `source` of `folder` into `to`; `include` has the header.
pub fn c(folder: &Path, source: &str, include: &Path, to: &Path) -> Result<(), String> {
    let mut clang = Command::new("clang");
    clang.current_dir(folder).args(["--target=wasm32", "-std=c11", "-O3", "-mbulk-memory", "-msimd128"]);
    // The memory need not grow in a call of usual size: growing it costs more than opening a guest.
    clang
        .args(["-nostdlib", "-Wl,--no-entry", "-Wl,--initial-memory=5242880", "-Wall", "-Wextra", "-I"])
        .arg(include);
    run(clang.arg("-o").arg(to).arg(source))
}

/// Builds the program in `folder` into `to`, and has it write its manifest there.
pub fn go(folder: &Path, to: &Path) -> Result<(), String> {
    let go = find_go()?;
    let command = || {
        let mut command = Command::new(&go);
        // Neither the settings of a user nor another release than the one that was found.
        command.current_dir(folder).env("GOTOOLCHAIN", "local").env("GOFLAGS", "").env("GOWORK", "off");
        command
    };
    let mut build = command();
    build.env("GOOS", "wasip1").env("GOARCH", "wasm");
    build.args(["build", "-trimpath", "-buildmode=c-shared", "-ldflags=-w", "-o"]);
    run(build.arg(to).arg("."))?;
    run(command().env_remove("GOOS").env_remove("GOARCH").args(["run", "."]).arg(to))
}

/// Compiles the file `source` of `folder` into `to`. `kit` is the path of the kit in `folder`, and `modules` the folder
/// with the compiler that npm installed.
pub fn assemblyscript(
    folder: &Path,
    source: &str,
    kit: &str,
    modules: &Path,
    to: &Path,
) -> Result<(), String> {
    let compiler = modules.join("assemblyscript/bin/asc.js");
    if !compiler.exists() {
        return Err(format!(
            "AssemblyScript's compiler is not at {}: run `npm install` beside package.json",
            compiler.display()
        ));
    }
    let mut asc = Command::new(find_node()?);
    asc.current_dir(folder)
        .arg(compiler)
        .arg(source)
        .arg("--transform")
        .arg(format!("./{kit}/transform.mjs"));
    // What a function makes is collected by the kit between batches. A class above which a function is declared is no
    // export, which the compiler would warn of.
    asc.args(["-O3", "--runtime", "minimal", "--exportStart", "_initialize", "--disableWarning", "235"]);
    // As for C: 80 pages of 64 KiB.
    asc.args(["--initialMemory", "80"]);
    run(asc.arg("--use").arg(format!("abort={kit}/index/abort")).arg("-o").arg(to))
}
