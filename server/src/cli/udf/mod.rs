//! `wasmill udf`: a module from its first line to its test. Runs no query.

mod bench;
mod build;
mod inspect;
mod json_rows;
mod kits;
mod new;
mod test;

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::udf::Moment;

/// Tests and measurements run at the same moment, so that a module that asks for time or chance gets the same each time.
const MOMENT: Moment = Moment { time_us: 1_767_225_600_000_000, seed: 1 };

#[derive(clap::Subcommand)]
pub enum UdfCommand {
    /// Start a module: a folder with a function, a case, and the kit of the language
    New(new::NewArgs),
    /// Build the module of a folder into NAME.wasm there
    Build(build::BuildArgs),
    /// Print what a module is: functions, imports, exports, size, digest, limits
    Inspect(inspect::InspectArgs),
    /// Run the cases of a folder against its module, under the limits of a query
    Test(test::TestArgs),
    /// Measure what a row costs in a module's functions, in batches of 64 to 8,192 rows
    Bench(bench::BenchArgs),
}

pub fn udf(command: UdfCommand, out: &mut dyn Write) -> Result<()> {
    match command {
        UdfCommand::New(args) => new::new(&args, out),
        UdfCommand::Build(args) => build::build(&args, out),
        UdfCommand::Inspect(args) => inspect::inspect(&args, out),
        UdfCommand::Test(args) => test::test(&args, out),
        UdfCommand::Bench(args) => bench::bench(&args, out),
    }
}

/// The language that a module is written in.
#[derive(Clone, Copy, Debug, PartialEq, clap::ValueEnum)]
enum Language {
    Rust,
    C,
    Go,
    Assemblyscript,
}

impl Language {
    /// The language of a module's folder, told by the file that its compiler wants.
    fn of(folder: &Path) -> Result<Language> {
        for (file, language) in [
            ("Cargo.toml", Language::Rust),
            ("go.mod", Language::Go),
            ("package.json", Language::Assemblyscript),
            ("wasmill.h", Language::C),
        ] {
            if folder.join(file).exists() {
                return Ok(language);
            }
        }
        Err(Error::user("this is not the folder of a module")
            .with("folder", folder.display())
            .hint("`wasmill udf new --lang LANGUAGE NAME` starts one"))
    }
}

/// A folder as an absolute path; its name is that of the module.
fn module_folder(given: &Path) -> Result<(PathBuf, String)> {
    let folder = given.canonicalize().map_err(|e| {
        Error::user("cannot find the module's folder").with("folder", given.display()).because(e)
    })?;
    match folder.file_name() {
        Some(name) => {
            let name = name.to_string_lossy().into_owned();
            Ok((folder, name))
        }
        None => Err(Error::user("the module's folder has no name").with("folder", folder.display())),
    }
}
