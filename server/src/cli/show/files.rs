//! Which files a path stands for, and which format they have. Reads no rows.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::sink_log::{read_files, stored_path};
use crate::format::{Format, partition_dir};
use crate::storage::{self, FileStatus, Location, Storage, is_hidden};

/// Values of partition columns, outermost first; a null has no value.
pub type PartitionValues = Vec<(String, Option<String>)>;

pub struct DataFile {
    pub path: String,
    pub partitions: PartitionValues,
}

pub struct DataFiles {
    pub storage: Arc<dyn Storage>,
    pub files: Vec<DataFile>,
    /// True if `_spark_metadata` said which files count.
    pub through_log: bool,
}

impl DataFiles {
    pub fn find(location: &Location) -> Result<DataFiles> {
        let storage = storage::open(location)?;
        let roots = match storage.status(&location.path)? {
            Some(status) => vec![status],
            None if storage::is_glob(&location.path) => storage::glob(&*storage, &location.path)?,
            None => Vec::new(),
        };
        if roots.is_empty() {
            return Err(Error::user("there is nothing at this path").with("path", location));
        }
        let mut found = DataFiles { storage, files: Vec::new(), through_log: false };
        for root in &roots {
            found.add(root, roots.len() == 1)?;
        }
        found.check_partitions()?;
        Ok(found)
    }

    /// As in Spark, a log counts only where its directory is named, not where a pattern matches it.
    fn add(&mut self, root: &FileStatus, honour_log: bool) -> Result<()> {
        if !root.is_dir {
            self.files.push(DataFile { path: root.path.clone(), partitions: Vec::new() });
            return Ok(());
        }
        let listed = if honour_log { read_files(&*self.storage, &root.path)? } else { None };
        let Some(listed) = listed else { return self.add_directory(&root.path) };
        self.through_log = true;
        for file in &listed {
            let Some(path) = stored_path(&*self.storage, &root.path, file)? else { continue };
            let below = path.strip_prefix(root.path.trim_end_matches('/')).unwrap_or_default();
            let dir = below.rsplit_once('/').map_or("", |(dir, _)| dir);
            let partitions = partition_dir::parse(dir).unwrap_or_default();
            self.files.push(DataFile { path, partitions });
        }
        Ok(())
    }

    /// Files of the directory itself and of partition directories below it, however deep.
    fn add_directory(&mut self, root: &str) -> Result<()> {
        let mut left: Vec<(String, PartitionValues)> = vec![(root.to_string(), Vec::new())];
        while let Some((dir, partitions)) = left.pop() {
            for status in self.storage.list(&dir)? {
                let name = storage::file_name(&status.path);
                if is_hidden(name) && !(status.is_dir && name.contains('=')) {
                    continue;
                }
                if !status.is_dir {
                    self.files.push(DataFile { path: status.path, partitions: partitions.clone() });
                } else if let Some(values) = partition_dir::parse(name) {
                    left.push((status.path, [partitions.clone(), values].concat()));
                }
            }
        }
        self.files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(())
    }

    fn check_partitions(&self) -> Result<()> {
        let names =
            |file: &DataFile| file.partitions.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let Some(first) = self.files.first() else { return Ok(()) };
        match self.files.iter().find(|file| names(file) != names(first)) {
            None => Ok(()),
            Some(other) => Err(Error::user("files are in directories of different partition columns")
                .with("file", &first.path)
                .with("other", &other.path)
                .hint("show one of the directories")),
        }
    }

    /// The format that the names of the files tell, or else the first bytes of the first one.
    ///
    /// `User` error if they do not tell one.
    pub fn detect_format(&self) -> Result<Option<Format>> {
        let Some(first) = self.files.first() else { return Ok(None) };
        let format = match format_of(&first.path) {
            Some(format) => format,
            None if self
                .storage
                .open(&first.path)?
                .read_at(0, 4)
                .is_ok_and(|bytes| &bytes[..] == b"PAR1") =>
            {
                Format::Parquet
            }
            None => return Err(undecided(&first.path)),
        };
        match self.files.iter().find(|file| format_of(&file.path).is_some_and(|other| other != format)) {
            None => Ok(Some(format)),
            Some(other) => Err(undecided(&other.path).with("other", &first.path)),
        }
    }
}

fn undecided(path: &str) -> Error {
    Error::user("cannot tell the format by the names of the files")
        .with("file", path)
        .hint(format!("say it with --format: {}", Format::NAMES.join(", ")))
}

/// By the ending of the name, in front of that of a compression.
fn format_of(path: &str) -> Option<Format> {
    let mut endings = storage::file_name(path).rsplit('.');
    endings.find_map(|ending| match ending.to_lowercase().as_str() {
        "parquet" | "parq" => Some(Format::Parquet),
        "json" | "jsonl" | "ndjson" => Some(Format::Json),
        "csv" => Some(Format::Csv),
        "txt" | "text" | "log" => Some(Format::Text),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_format() {
        for (name, format) in [
            ("/a/part-0-c000.snappy.parquet", Some(Format::Parquet)),
            ("/a/b.json.gz", Some(Format::Json)),
            ("/a.json/b.CSV", Some(Format::Csv)),
            ("/a/b.txt", Some(Format::Text)),
            ("/a.json/b", None),
        ] {
            assert_eq!(format_of(name), format, "{name}");
        }
    }
}
