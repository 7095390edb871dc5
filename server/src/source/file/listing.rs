//! What files there are: in a directory and its partition directories, under a glob, or in a sink's log.
//! Knows not which were taken before.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};

use super::settings::Settings;
use crate::error::{Error, Result};
use crate::format::{partition_dir, sink_log};
use crate::storage::{FileStatus, Storage, file_name, glob, matches_name, parent};

/// Directories below the source's path that are deeper than this are refused.
const DEPTH_MAX: usize = 64;

/// A file that may be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedFile {
    pub path: String,
    pub modified_ms: i64,
    pub size: u64,
}

pub struct Listing {
    storage: Arc<dyn Storage>,
    settings: Settings,
    /// Whether the directory is read through a sink's log; unknown while it is empty.
    has_sink_log: Option<bool>,
}

impl Listing {
    pub fn new(storage: Arc<dyn Storage>, settings: Settings) -> Listing {
        Listing { storage, settings, has_sink_log: None }
    }

    pub fn is_there(&self) -> Result<bool> {
        Ok(self.settings.is_glob() || self.storage.status(&self.settings.location.path)?.is_some())
    }

    pub fn has_sink_log(&self) -> bool {
        self.has_sink_log == Some(true)
    }

    /// All files there are, in no order of note.
    pub fn read(&mut self) -> Result<Vec<ListedFile>> {
        if self.settings.is_glob() {
            return self.read_glob();
        }
        let root = self.settings.location.path.clone();
        if self.has_sink_log != Some(false)
            && let Some(files) = self.read_sink_log(&root)?
        {
            self.has_sink_log = Some(true);
            return Ok(files);
        }
        if self.has_sink_log == Some(true) {
            return Err(Error::data("the sink log of the source's directory is gone").with("path", root));
        }
        let files = self.read_dir(&root)?;
        if !files.is_empty() {
            self.has_sink_log = Some(false);
        }
        Ok(files)
    }

    fn read_sink_log(&self, root: &str) -> Result<Option<Vec<ListedFile>>> {
        let Some(entries) = sink_log::read_files(self.storage.as_ref(), root)? else { return Ok(None) };
        let mut files = Vec::with_capacity(entries.len());
        for entry in entries {
            if let Some(path) = sink_log::stored_path(self.storage.as_ref(), root, &entry)? {
                files.push(ListedFile { path, modified_ms: entry.modification_time, size: entry.size });
            }
        }
        Ok(Some(files))
    }

    fn read_dir(&self, root: &str) -> Result<Vec<ListedFile>> {
        let mut files = Vec::new();
        match self.storage.status(root)? {
            Some(status) if status.is_dir => self.add_dir(root, 0, self.settings.recursive, &mut files)?,
            Some(status) => self.add_file(status, &mut files)?,
            None => {}
        }
        Ok(files)
    }

    /// Partition directories are descended into, and whatever is below them; other directories are not.
    fn add_dir(&self, dir: &str, depth: usize, all: bool, files: &mut Vec<ListedFile>) -> Result<()> {
        if depth > DEPTH_MAX {
            return Err(Error::data("directories of the source are nested too deeply").with("path", dir));
        }
        for status in self.storage.list(dir)? {
            let name = file_name(&status.path);
            if is_passed_over(name) {
                continue;
            }
            if !status.is_dir {
                self.add_file(status, files)?;
            } else if all || name.contains('=') {
                self.add_dir(&status.path, depth + 1, true, files)?;
            }
        }
        Ok(())
    }

    fn add_file(&self, status: FileStatus, files: &mut Vec<ListedFile>) -> Result<()> {
        if let Some(filter) = &self.settings.name_filter
            && !matches_name(filter, file_name(&status.path))?
        {
            return Ok(());
        }
        files.push(ListedFile { path: status.path, modified_ms: status.modified_ms, size: status.size });
        Ok(())
    }

    /// Files that match, and those directly in directories that match.
    fn read_glob(&self) -> Result<Vec<ListedFile>> {
        let mut files = Vec::new();
        for status in glob(self.storage.as_ref(), &self.settings.location.path)? {
            if !status.is_dir {
                self.add_file(status, &mut files)?;
                continue;
            }
            for status in self.storage.list(&status.path)? {
                let name = file_name(&status.path);
                if status.is_dir && self.settings.recursive && !is_passed_over(name) {
                    self.add_dir(&status.path, 1, true, &mut files)?;
                } else if !status.is_dir && !is_passed_over(name) {
                    self.add_file(status, &mut files)?;
                }
            }
        }
        Ok(files)
    }

    /// The columns that directories name, outermost first, with the types of their values.
    pub fn partition_columns(&mut self) -> Result<Vec<FieldRef>> {
        let files = self.read()?;
        let mut dirs: Vec<&str> = files.iter().map(|file| parent(&file.path)).collect();
        dirs.sort_unstable();
        dirs.dedup();
        let mut columns: Vec<(String, Vec<Option<String>>)> = Vec::new();
        for (index, dir) in dirs.iter().enumerate() {
            let pairs = partition_of(&self.settings, &format!("{dir}/file"))?;
            if index == 0 {
                columns = pairs.iter().map(|(name, _)| (name.clone(), Vec::new())).collect();
            }
            let names = |pairs: &[String]| if pairs.is_empty() { "none".into() } else { pairs.join(", ") };
            if pairs.len() != columns.len() || pairs.iter().zip(&columns).any(|(one, other)| one.0 != other.0)
            {
                let expected: Vec<String> = columns.into_iter().map(|(name, _)| name).collect();
                let found: Vec<String> = pairs.into_iter().map(|(name, _)| name).collect();
                return Err(Error::data("directories of the source have different partition columns")
                    .with("directory", dir)
                    .with("found", names(&found))
                    .with("expected", names(&expected))
                    .hint("files may be in the innermost partition directories alone, and all have the same columns"));
            }
            for ((_, values), (_, value)) in columns.iter_mut().zip(pairs) {
                values.push(value);
            }
        }
        let field = |(name, values): (String, Vec<Option<String>>)| {
            let data_type: DataType = partition_dir::infer(values.iter().map(Option::as_deref));
            Arc::new(Field::new(name, data_type, true))
        };
        Ok(columns.into_iter().map(field).collect())
    }
}

/// The columns and values in the directories of a file; under a glob, directories have no meaning.
pub fn partition_of(settings: &Settings, path: &str) -> Result<Vec<(String, Option<String>)>> {
    if settings.is_glob() || settings.recursive {
        return Ok(Vec::new());
    }
    let root = settings.location.path.trim_end_matches('/');
    let below = parent(path).strip_prefix(root).unwrap_or_default();
    let dirs: Vec<&str> = below.split('/').filter(|dir| dir.contains('=')).collect();
    let pairs = partition_dir::parse(&dirs.join("/")).unwrap_or_default();
    if let Some((column, _)) = pairs.iter().find(|(_, value)| value.as_deref() == Some("")) {
        return Err(Error::data("a partition directory has no value")
            .with("file", path)
            .with("column", column));
    }
    Ok(pairs)
}

/// Hadoop's rule: a name with `=` is a partition directory even if it starts with `_`.
fn is_passed_over(name: &str) -> bool {
    name.starts_with('.') || (name.starts_with('_') && !name.contains('=')) || name.ends_with("._COPYING_")
}
