//! Gives a query its input files one after the other, with modification times that do not depend on the run.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The modification time of the first file, seconds since the epoch; each further one is a second younger.
const FIRST_MTIME: u64 = 1_767_225_600;

/// The input folders that a query names as `$INPUT/NAME`. File `07.json` of a folder comes in step 7.
pub struct Feed {
    files: Vec<(usize, PathBuf, PathBuf)>,
}

impl Feed {
    pub fn new(query: &str, input: &Path, target: &Path) -> Feed {
        let mut files = Vec::new();
        for name in names_in(query) {
            let made = fs::create_dir_all(target.join(&name)).and_then(|()| fs::read_dir(input.join(&name)));
            let entries =
                made.unwrap_or_else(|e| panic!("no input folder {name} in {}: {e}", input.display()));
            for from in entries.flatten().map(|entry| entry.path()) {
                let file = from.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let step = file.split('.').next().and_then(|number| number.parse().ok());
                let step = step.unwrap_or_else(|| panic!("{} does not begin with a number", from.display()));
                let to = target.join(&name).join(&file);
                files.push((step, from, to));
            }
        }
        files.sort();
        Feed { files }
    }

    pub fn steps(&self) -> usize {
        self.files.last().map_or(0, |(step, _, _)| step + 1)
    }

    /// Makes the files of a step appear, each at once.
    pub fn place(&self, step: usize) {
        for (_, from, to) in self.files.iter().filter(|(of, _, _)| *of == step) {
            place(from, to, step).unwrap_or_else(|e| panic!("cannot place {}: {e}", to.display()));
        }
    }
}

fn place(from: &Path, to: &Path, step: usize) -> std::io::Result<()> {
    let hidden = to.with_file_name(format!(".{}", to.file_name().unwrap_or_default().to_string_lossy()));
    fs::copy(from, &hidden)?;
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(FIRST_MTIME + step as u64);
    File::options().write(true).open(&hidden)?.set_modified(time)?;
    fs::rename(hidden, to)
}

fn names_in(query: &str) -> BTreeSet<String> {
    let behind = query.split("$INPUT/").skip(1);
    let is_part = |c: &char| c.is_ascii_alphanumeric() || *c == '-' || *c == '_';
    behind.map(|rest| rest.chars().take_while(is_part).collect()).collect()
}
