//! `wasmill udf new`: writes the files of a new module. Builds nothing.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use super::Language;
use super::kits::{ASSEMBLYSCRIPT, C, COMMON, GO, RUST};
use crate::cli::print;
use crate::error::{Error, ErrorKind, Result};

/// The longest name of a module.
const NAME_CHARS_MAX: usize = 64;

#[derive(clap::Args)]
pub struct NewArgs {
    /// The language to write it in
    #[arg(long, value_enum)]
    lang: Language,
    /// The folder to make; its name is the module's: small letters, digits and underscores
    folder: PathBuf,
}

pub fn new(args: &NewArgs, out: &mut dyn Write) -> Result<()> {
    let name = args.folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    check_name(&name)?;
    let failed = |what: &str, cause: std::io::Error, path: &std::path::Path| {
        Error::new(ErrorKind::User, what.to_string()).with("path", path.display()).because(cause)
    };
    if args.folder.exists() {
        return Err(Error::user("the folder is there already").with("folder", args.folder.display()));
    }
    let files = match args.lang {
        Language::Rust => RUST,
        Language::C => C,
        Language::Go => GO,
        Language::Assemblyscript => ASSEMBLYSCRIPT,
    };
    for (path, text) in files.iter().chain(COMMON) {
        let path = args.folder.join(path.replace("NAME", &name));
        let folder = path.parent().unwrap_or(&args.folder);
        fs::create_dir_all(folder).map_err(|cause| failed("make a folder of the module", cause, folder))?;
        // A kit is the kit, whatever its module is called.
        let is_kit = path.strip_prefix(&args.folder).is_ok_and(|path| path.starts_with("wasmill"));
        let text = if is_kit { text.to_string() } else { text.replace("NAME", &name) };
        fs::write(&path, text).map_err(|cause| failed("write a file of the module", cause, &path))?;
    }
    let install = if args.lang == Language::Assemblyscript { "    npm install\n" } else { "" };
    print(
        out,
        &format!(
            "made {0}; now\n    cd {0}\n{install}    wasmill udf build\n    wasmill udf test\n    wasmill run query.yaml\n",
            args.folder.display()
        ),
    )
}

fn check_name(name: &str) -> Result<()> {
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
    let fits = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if starts && fits && name.len() <= NAME_CHARS_MAX && name != "wasmill" && name != "cases" {
        return Ok(());
    }
    Err(Error::user("this cannot be the name of a module")
        .with("name", name)
        .hint("small letters, digits and underscores, a letter first, such as `my_words`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_every_language() {
        for (name, fits) in [
            ("words", true),
            ("my_words2", true),
            ("", false),
            ("2words", false),
            ("my-words", false),
            ("Words", false),
            ("wasmill", false),
        ] {
            assert_eq!(check_name(name).is_ok(), fits, "{name}");
        }
    }
}
