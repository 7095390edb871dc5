//! Builds the modules of `udfs/` for wasm32 into `udfs/NAME.wasm` of the target folder. Tests call it too, so that
//! they never use a module that is older than its source.

mod toolchain;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs, io};

use toolchain::Toolchain;

/// The modules, each a package of the workspace with the same name.
pub const MODULES: [&str; 6] = ["text", "identity", "numbers", "top", "sessions", "hostile"];

const TARGET: &str = "wasm32-unknown-unknown";

/// Builds every module and gives their paths, in the order of [`MODULES`].
///
/// The modules are compiled in a target folder of their own inside the workspace's, so that nothing native is built
/// again. The error says what to do.
pub fn build() -> Result<Vec<PathBuf>, String> {
    let root = workspace_root();
    let target = target_folder(&root);
    let compiled = compile(&root, &target.join("wasm"))?;
    let folder = target.join("udfs");
    fs::create_dir_all(&folder).map_err(|error| format!("create {}: {error}", folder.display()))?;
    let place = |name: &str| {
        let to = folder.join(format!("{name}.wasm"));
        let from = compiled.join(format!("{name}.wasm"));
        place_file(&from, &to)
            .map_err(|error| format!("copy {} to {}: {error}", from.display(), to.display()))?;
        Ok(to)
    };
    MODULES.iter().map(|name| place(name)).collect()
}

/// The path of a module, built at the first call of the process.
///
/// # Panics
/// When the modules cannot be built, or there is none of this name: for tests and benchmarks.
#[allow(clippy::panic, reason = "a test that cannot build its module fails, and says why")]
pub fn module(name: &str) -> PathBuf {
    static BUILT: OnceLock<Result<Vec<PathBuf>, String>> = OnceLock::new();
    let built = match BUILT.get_or_init(build) {
        Ok(built) => built,
        Err(why) => panic!("{why}"),
    };
    match MODULES.iter().position(|module| *module == name) {
        Some(index) => built[index].clone(),
        None => panic!("there is no module {name} among {MODULES:?}"),
    }
}

fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

fn target_folder(root: &Path) -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        // A relative one is relative to where cargo was called.
        Some(folder) => std::path::absolute(&folder).unwrap_or_else(|_| folder.into()),
        None => root.join("target"),
    }
}

fn compile(root: &Path, target: &Path) -> Result<PathBuf, String> {
    let toolchain = Toolchain::find()?;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root).arg("build").args(["--profile", "udf", "--target", TARGET]);
    cargo.arg("--target-dir").arg(target);
    for module in MODULES {
        cargo.args(["--package", module]);
    }
    // Flags for the native build are not meant for the modules, and would take the place of theirs.
    for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "CARGO_BUILD_RUSTFLAGS"] {
        cargo.env_remove(variable);
    }
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", "-Ctarget-feature=+simd128,+bulk-memory");
    toolchain.apply(&mut cargo);
    let output = cargo.output().map_err(|error| format!("start cargo: {error}"))?;
    if output.status.success() {
        Ok(target.join(TARGET).join("udf"))
    } else {
        Err(format!("cargo could not build the modules:\n{}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// Copies a file in one step, so that a reader sees the old one or the new one. An equal one is left alone.
fn place_file(from: &Path, to: &Path) -> io::Result<()> {
    let bytes = fs::read(from)?;
    if fs::read(to).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let beside = to.with_extension(format!("{}.tmp", std::process::id()));
    fs::write(&beside, bytes)?;
    fs::rename(beside, to)
}
