//! Which compiler the commands give to a runtime: this program again, in a process of its own. And that process.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Result;
use crate::udf::{Compiler, Limits, ReplayStore, Runtime, compile_for_parent};

/// This very program, even if its file was replaced meanwhile.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// The folder of calls that failed, in the one of what is kept.
const REPLAYS: &str = "replays";

#[derive(clap::Args)]
pub struct CompilerArgs {
    /// Where compiled modules are kept, so that they are compiled once, and calls that failed, for `wasmill replay`
    /// [default: wasmill in the user's cache folder]
    #[arg(long, value_name = "DIR", env = "WASMILL_CACHE")]
    cache: Option<PathBuf>,
}

impl CompilerArgs {
    /// A runtime for guests, which has no compiler in reach, and keeps calls that fail.
    pub fn runtime(&self) -> Result<Arc<Runtime>> {
        // A user without a home keeps nothing.
        let cache = self.cache.clone().or_else(|| cache_folder().map(|folder| folder.join("wasmill")));
        let compiler = Compiler::child(THIS_PROGRAM.into(), cache.clone());
        match cache {
            Some(cache) => {
                Runtime::keeping(Limits::default(), compiler, ReplayStore::new(cache.join(REPLAYS)))
            }
            None => Runtime::new(Limits::default(), compiler),
        }
    }
}

fn cache_folder() -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))
}

#[derive(clap::Args)]
pub struct CompileArgs {
    /// What the process and the module may use, as JSON
    limits: String,
}

pub fn compile(args: &CompileArgs) -> Result<()> {
    compile_for_parent(&Limits::from_json(&args.limits)?)
}
