//! Which compiler builds the modules: rustup's if it has the target, else Debian's packages. Builds nothing.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::TARGET;

/// Debian's compiler; `rustc-web` tracks a recent release.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// The oldest release that reads this workspace.
const MINOR_MIN: u32 = 95;

/// How to build for wasm32.
#[derive(Debug, PartialEq)]
pub enum Toolchain {
    /// The compiler in use has the target's standard library.
    Installed,
    /// Debian's compiler and its sources of the standard library, which is built once per target folder.
    Debian,
}

impl Toolchain {
    /// Looks for a toolchain; the error says what to install.
    pub fn find() -> Result<Toolchain, String> {
        let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        if has_target(&rustc) {
            return Ok(Toolchain::Installed);
        }
        let missing = missing_for_debian();
        if missing.is_empty() {
            return Ok(Toolchain::Debian);
        }
        Err(format!(
            "no compiler for {TARGET}: either run `rustup target add {TARGET}`, or on Debian install \
             `apt-get install {}`",
            missing.join(" ")
        ))
    }

    pub fn apply(&self, cargo: &mut Command) {
        if *self == Toolchain::Debian {
            cargo.env("RUSTC", DEBIAN_RUSTC);
            // Building the standard library is unstable; the sources fit this compiler exactly.
            cargo.env("RUSTC_BOOTSTRAP", "1").arg("-Zbuild-std=std,panic_abort");
            cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld");
        }
    }
}

fn ask(rustc: &OsString, arguments: &[&str]) -> Option<String> {
    let output = Command::new(rustc).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_string())
}

fn has_target(rustc: &OsString) -> bool {
    let Some(folder) = ask(rustc, &["--print", "target-libdir", "--target", TARGET]) else { return false };
    let Ok(files) = Path::new(&folder).read_dir() else { return false };
    files.flatten().any(|file| file.file_name().to_string_lossy().starts_with("libstd-"))
}

/// The Debian packages that are not there.
fn missing_for_debian() -> Vec<&'static str> {
    let rustc = OsString::from(DEBIAN_RUSTC);
    let mut missing = Vec::new();
    if !ask(&rustc, &["--version"]).is_some_and(|version| is_recent(&version)) {
        missing.push("rustc-web");
    }
    let sources = ask(&rustc, &["--print", "sysroot"])
        .map(|sysroot| PathBuf::from(sysroot).join("lib/rustlib/src/rust/library/Cargo.lock"));
    if !sources.is_some_and(|lock| lock.exists()) {
        missing.push("rust-web-src");
    }
    if ask(&"wasm-ld".into(), &["--version"]).is_none() {
        missing.push("lld");
    }
    missing
}

/// Reads `rustc 1.96.0 (ac68faa20 2026-05-25)`.
fn is_recent(version: &str) -> bool {
    let mut numbers = version.split([' ', '.']).skip(1).map(|number| number.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) >= (1, MINOR_MIN),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_version_of_a_compiler() {
        for (version, recent) in [
            ("rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)", true),
            ("rustc 1.95.0", true),
            ("rustc 1.63.0", false),
            ("rustc 2.0.0", true),
            ("nonsense", false),
            ("", false),
        ] {
            assert_eq!(is_recent(version), recent, "{version}");
        }
    }
}
