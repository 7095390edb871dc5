//! `wasmill udf build`: runs the compiler of a module's language. Checks that a query could load what came out.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::inspect::load;
use super::{Language, module_folder};
use crate::cli::compiler::CompilerArgs;
use crate::cli::print;
use crate::error::{Error, Result};

#[derive(clap::Args)]
pub struct BuildArgs {
    /// The module's folder
    #[arg(default_value = ".")]
    folder: PathBuf,
    #[command(flatten)]
    compiler: CompilerArgs,
}

pub fn build(args: &BuildArgs, out: &mut dyn Write) -> Result<()> {
    let (folder, name) = module_folder(&args.folder)?;
    let module = folder.join(format!("{name}.wasm"));
    compile(&folder, &name, &module)?;
    let (_, bytes) = load(&module, &args.compiler.runtime()?)?;
    print(out, &format!("built {} ({} bytes)\n", module.display(), bytes.len()))
}

fn compile(folder: &Path, name: &str, module: &Path) -> Result<()> {
    let built = match Language::of(folder)? {
        Language::Rust => {
            let compiled = wasmill_udf_build::rust(folder, &folder.join("target"), "release", &[name]);
            compiled.and_then(|compiled| {
                std::fs::copy(compiled.join(format!("{name}.wasm")), module)
                    .map(|_| ())
                    .map_err(|error| format!("copy the module to {}: {error}", module.display()))
            })
        }
        Language::C => wasmill_udf_build::c(folder, &format!("{name}.c"), folder, module),
        Language::Go => wasmill_udf_build::go(folder, module),
        Language::Assemblyscript => {
            let modules = folder.join("node_modules");
            wasmill_udf_build::assemblyscript(folder, &format!("{name}.ts"), "wasmill", &modules, module)
        }
    };
    built.map_err(|why| Error::user("the module was not built").with("folder", folder.display()).detail(why))
}
