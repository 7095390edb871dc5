//! Builds the modules of `udfs/` for wasm32 into `udfs/NAME.wasm` of the target folder. Tests call it too, so that
//! they never use a module that is older than its source.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::{env, fs, io};

/// The modules in Rust, each a package of the workspace with the same name.
pub const MODULES: [&str; 7] = ["text", "identity", "numbers", "top", "sessions", "alerts", "hostile"];

/// The modules in other languages.
pub const OTHERS: [&str; 8] = [
    "words-c",
    "words-by-hand",
    "words-go",
    "words-assemblyscript",
    "kinds-c",
    "kinds-go",
    "kinds-assemblyscript",
    "preview1",
];

/// Builds the modules of these names, or all of them if there is no name, and gives their paths in the same order.
///
/// Those in Rust are compiled in a target folder of their own inside the workspace's, so that nothing native is built
/// again. The error says what to do.
pub fn build(names: &[&str]) -> Result<Vec<PathBuf>, String> {
    let all: Vec<&str> = MODULES.iter().chain(&OTHERS).copied().collect();
    let names = if names.is_empty() { &all } else { names };
    let root = workspace_root();
    let target = target_folder(&root);
    let folder = target.join("udfs");
    fs::create_dir_all(&folder).map_err(|error| format!("create {}: {error}", folder.display()))?;
    let place = |name: &str, from: &Path| {
        let to = folder.join(format!("{name}.wasm"));
        place_file(from, &to).map_err(|error| format!("copy {} to {}: {error}", from.display(), to.display()))
    };
    let (in_rust, others): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| MODULES.contains(name));
    if !in_rust.is_empty() {
        let compiled = wasmill_udf_build::rust(&root, &target.join("wasm"), "udf", &in_rust)?;
        for name in in_rust {
            place(name, &compiled.join(format!("{name}.wasm")))?;
        }
    }
    for name in others {
        // Another process may be building the same.
        let fresh = folder.join(format!("{name}.{}.wasm", std::process::id()));
        build_other(&root, name, &fresh)?;
        place(name, &fresh)?;
        fs::remove_file(&fresh).map_err(|error| format!("remove {}: {error}", fresh.display()))?;
    }
    Ok(names.iter().map(|name| folder.join(format!("{name}.wasm"))).collect())
}

/// The path of a module, built at the first call of the process.
///
/// # Panics
/// When the module cannot be built, or there is none of this name: for tests and benchmarks.
#[allow(clippy::panic, reason = "a test that cannot build its module fails, and says why")]
pub fn module(name: &str) -> PathBuf {
    type Built = Result<Vec<PathBuf>, String>;
    static IN_RUST: OnceLock<Built> = OnceLock::new();
    static OTHERS: Mutex<BTreeMap<String, Built>> = Mutex::new(BTreeMap::new());
    // Those in Rust are built together, for cargo takes longer to start than they take.
    let built = match MODULES.iter().position(|module| *module == name) {
        Some(index) => IN_RUST
            .get_or_init(|| build(&MODULES))
            .as_ref()
            .map(|built| built[index].clone())
            .map_err(Clone::clone),
        None => {
            let mut others = OTHERS.lock().unwrap_or_else(PoisonError::into_inner);
            let built = others.entry(name.into()).or_insert_with(|| build(&[name]));
            built.as_ref().map(|built| built[0].clone()).map_err(Clone::clone)
        }
    };
    match built {
        Ok(path) => path,
        Err(why) => panic!("{why}"),
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

/// Builds a module of [`OTHERS`] to the file `to`.
fn build_other(root: &Path, name: &str, to: &Path) -> Result<(), String> {
    let c = |source| wasmill_udf_build::c(root, source, &root.join("udf-sdk/c"), to);
    let assemblyscript = |source| {
        let kit = "udf-sdk/assemblyscript";
        wasmill_udf_build::assemblyscript(root, source, kit, &root.join(kit).join("node_modules"), to)
    };
    let built = match name {
        "words-c" => c("udfs/words/c/words.c"),
        "words-by-hand" => c("udfs/words/by-hand/words.c"),
        "preview1" => c("udfs/words/preview1/preview1.c"),
        "kinds-c" => c("udfs/kinds/c/kinds.c"),
        "words-go" => wasmill_udf_build::go(&root.join("udfs/words/go"), to),
        "kinds-go" => wasmill_udf_build::go(&root.join("udfs/kinds/go"), to),
        "words-assemblyscript" => assemblyscript("udfs/words/assemblyscript/words.ts"),
        "kinds-assemblyscript" => assemblyscript("udfs/kinds/assemblyscript/kinds.ts"),
        _ => Err(format!("there is no module {name} among {MODULES:?} and {OTHERS:?}")),
    };
    built.map_err(|why| format!("{why}\n`.ci/guest-packages` installs the compilers of all languages"))
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
