//! The log that makes the files of a file sink visible, `_spark_metadata` in its output directory: names,
//! entries and compaction arithmetic in Spark's own format, and its reader. Writing is the sink's.
//!
//! Entry `<batch>` lists the files of one batch; `<batch>.compact` lists those of all batches up to it.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::record::BatchId;
use crate::storage::Storage;

/// The directory of the log, in the root of the output.
pub const SINK_LOG_DIR: &str = "_spark_metadata";

/// Every so many batches one entry holds all the earlier ones.
pub const COMPACT_INTERVAL: u64 = 10;

/// A writer that compacts may delete entries under a reader's hands; then the reader starts again, this
/// often.
const READ_ATTEMPTS_MAX: usize = 10;

/// One file of a batch, as one line of JSON. The order of the fields is Spark's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SinkFile {
    /// An absolute URI with scheme, percent-encoded, inside the output directory.
    pub path: String,
    /// Exact: readers of parquet find the footer by it.
    pub size: u64,
    pub is_dir: bool,
    /// Milliseconds since the epoch.
    pub modification_time: i64,
    pub block_replication: u32,
    pub block_size: u64,
    /// Always `add`; Spark does not honour `delete`.
    pub action: String,
}

impl SinkFile {
    /// A file that the log adds; block facts are what Hadoop's local file system tells.
    pub fn add(path: String, size: u64, modification_time: i64) -> SinkFile {
        SinkFile {
            path,
            size,
            is_dir: false,
            modification_time,
            block_replication: 1,
            block_size: 33_554_432,
            action: "add".into(),
        }
    }
}

/// An entry of the log by its name; ordered by batch, a plain entry before a compact one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryName {
    pub batch: BatchId,
    pub compact: bool,
}

impl EntryName {
    /// The name under which batch `batch` is written.
    pub fn of(batch: BatchId, interval: u64) -> EntryName {
        EntryName { batch, compact: is_compaction(batch, interval) }
    }

    /// Nothing for names that are not entries: temporary files, checksums.
    pub fn parse(name: &str) -> Option<EntryName> {
        let (digits, compact) = match name.strip_suffix(".compact") {
            Some(digits) => (digits, true),
            None => (name, false),
        };
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let batch = digits.parse().ok().filter(|_| plain)?;
        Some(EntryName { batch, compact })
    }
}

impl std::fmt::Display for EntryName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.batch, if self.compact { ".compact" } else { "" })
    }
}

/// True if the entry of `batch` holds all earlier ones too.
pub fn is_compaction(batch: BatchId, interval: u64) -> bool {
    (batch + 1).is_multiple_of(interval)
}

/// The interval a writer must keep to in a log that has these entries, since readers infer it from them.
pub fn interval_in_use(names: &[EntryName], configured: u64) -> u64 {
    let mut compacts: Vec<_> = names.iter().filter(|n| n.compact).map(|n| n.batch).collect();
    compacts.sort_unstable();
    match compacts[..] {
        [] => configured,
        [only] if only < configured => only + 1,
        [only] => {
            let divides = |interval: &u64| (only + 1).is_multiple_of(*interval);
            (configured..=only.div_ceil(2)).find(divides).unwrap_or(only + 1)
        }
        [.., before, last] => last - before,
    }
}

/// The entries which together list all files of the log, oldest first: the newest compact one and those after
/// it.
///
/// `Data` error if one is missing: rows would be missing.
pub fn live_entries(names: &[EntryName]) -> Result<Vec<EntryName>> {
    let Some(latest) = names.iter().map(|n| n.batch).max() else { return Ok(Vec::new()) };
    let compact = names.iter().filter(|n| n.compact).max().copied();
    let mut live: BTreeMap<BatchId, EntryName> = BTreeMap::new();
    for name in names {
        if compact.is_none_or(|c| name.batch > c.batch) {
            live.insert(name.batch, *name);
        }
    }
    live.extend(compact.map(|c| (c.batch, c)));
    let first = compact.map_or(0, |c| c.batch);
    if let Some(missing) = (first..=latest).find(|batch| !live.contains_key(batch)) {
        return Err(Error::data("an entry of the sink log is missing")
            .with("entry", missing)
            .with("newest", latest)
            .hint("restore the missing entry; reading on without it would lose rows"));
    }
    Ok(live.into_values().collect())
}

/// Entries of batches below this one may be deleted once they are old enough; nothing if none may.
///
/// `current` is a compaction just written; `batches_kept` the number of newest batches whose entries stay.
pub fn purgeable_before(current: BatchId, interval: u64, batches_kept: u64) -> Option<BatchId> {
    let oldest_kept = (current + 1).checked_sub(batches_kept).filter(|oldest| *oldest >= interval)?;
    Some(oldest_kept - oldest_kept % interval - 1)
}

/// The content of an entry.
pub fn encode(files: &[SinkFile]) -> Result<Vec<u8>> {
    let mut bytes = b"v1".to_vec();
    for file in files {
        bytes.push(b'\n');
        serde_json::to_writer(&mut bytes, file)
            .map_err(|cause| Error::internal("cannot encode a sink log entry").because(cause))?;
    }
    Ok(bytes)
}

/// The files that an entry lists. `Data` error for another version or a torn line.
pub fn parse(content: &[u8]) -> Result<Vec<SinkFile>> {
    let text = std::str::from_utf8(content)
        .map_err(|cause| Error::data("a sink log entry is not UTF-8").because(cause))?;
    let mut lines = text.lines();
    let version = lines.next().unwrap_or_default();
    if version != "v1" {
        return Err(Error::data("a sink log entry has a version that cannot be read")
            .with("found", version)
            .with("expected", "v1"));
    }
    let parse_line = |line: &str| {
        serde_json::from_str(line).map_err(|cause| {
            Error::data("cannot read a line of a sink log entry").with("line", line).because(cause)
        })
    };
    lines.filter(|line| !line.is_empty()).map(parse_line).collect()
}

/// The path of the log of the output directory `root`.
pub fn log_dir(root: &str) -> String {
    format!("{}/{SINK_LOG_DIR}", root.trim_end_matches('/'))
}

/// The names of the log's entries, sorted; nothing if `root` has no log.
pub fn read_names(storage: &dyn Storage, root: &str) -> Result<Option<Vec<EntryName>>> {
    let dir = log_dir(root);
    if !storage.status(&dir)?.is_some_and(|status| status.is_dir) {
        return Ok(None);
    }
    let listed = storage.list(&dir)?;
    let names = listed.iter().filter(|status| !status.is_dir);
    let names = names.filter_map(|status| EntryName::parse(status.path.rsplit('/').next()?));
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    Ok(Some(names))
}

/// The files of one entry. Nothing if it is not there.
pub fn read_entry(storage: &dyn Storage, root: &str, name: EntryName) -> Result<Option<Vec<SinkFile>>> {
    let path = format!("{}/{name}", log_dir(root));
    let Some(content) = storage.read(&path)? else { return Ok(None) };
    let files = parse(&content);
    files.map(Some).map_err(|cause| {
        Error::new(cause.kind(), "cannot read the sink log").with("entry", path).because(cause)
    })
}

/// All files that the log of `root` lists, oldest batch first; nothing if there is no log.
pub fn read_files(storage: &dyn Storage, root: &str) -> Result<Option<Vec<SinkFile>>> {
    for _ in 0..READ_ATTEMPTS_MAX {
        let Some(names) = read_names(storage, root)? else { return Ok(None) };
        let live = live_entries(&names).map_err(|error| error.with("log", log_dir(root)))?;
        if let Some(files) = read_entries(storage, root, &live)? {
            return Ok(Some(files));
        }
    }
    Err(Error::external("entries of the sink log vanish while it is read").with("log", log_dir(root)))
}

fn read_entries(storage: &dyn Storage, root: &str, names: &[EntryName]) -> Result<Option<Vec<SinkFile>>> {
    let mut files = Vec::new();
    for name in names {
        match read_entry(storage, root, *name)? {
            Some(listed) => files.extend(listed),
            None => return Ok(None),
        }
    }
    Ok(Some(files))
}

/// The path on `storage` of a listed file, without scheme; nothing for what Spark leaves out without a word:
/// directories, relative paths, paths without scheme or outside of `root`.
///
/// `Data` error if the URI is not percent-encoded.
pub fn stored_path(storage: &dyn Storage, root: &str, file: &SinkFile) -> Result<Option<String>> {
    if file.is_dir { Ok(None) } else { path_of_uri(storage, root, &file.path) }
}

/// The path that a URI of `storage` stands for; nothing if it is not below the directory `root`.
pub fn path_of_uri(storage: &dyn Storage, root: &str, uri: &str) -> Result<Option<String>> {
    if let Some(bad) = uri.chars().find(|c| " \"<>\\^`{|}".contains(*c)) {
        return Err(Error::data("a URI in a log is not percent-encoded").with("uri", uri).with("at", bad));
    }
    let root = format!("{}/", root.trim_end_matches('/'));
    // Hadoop writes local URIs with one slash or with three.
    let bare =
        |uri: &str| uri.strip_prefix("file:///").map_or(uri.to_string(), |rest| format!("file:/{rest}"));
    let (bare_uri, own) = (bare(uri), bare(&storage.uri(&root)));
    let Some(below) =
        bare_uri.strip_prefix(own.strip_suffix('/').unwrap_or(&own)).and_then(|rest| rest.strip_prefix('/'))
    else {
        return Ok(None);
    };
    let below = percent_decode_str(below).decode_utf8();
    let below = below.map_err(|cause| {
        Error::data("a URI in a log is not UTF-8 when decoded").with("uri", uri).because(cause)
    })?;
    let climbs = below.split('/').any(|name| name == "..");
    Ok((!climbs).then(|| format!("{root}{below}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<EntryName> {
        list.iter().filter_map(|name| EntryName::parse(name)).collect()
    }

    #[test]
    fn names_that_are_not_numbers_are_no_entries() {
        for (name, printed) in [
            ("0", Some("0")),
            ("9.compact", Some("9.compact")),
            (".9.compact.crc", None),
            ("9.tmp", None),
            ("+3", None),
            (".compact", None),
            ("", None),
        ] {
            assert_eq!(EntryName::parse(name).map(|n| n.to_string()).as_deref(), printed, "{name}");
        }
    }

    #[test]
    fn live_entries_start_at_the_newest_compact_one_and_have_no_gap() {
        for (listed, live) in [
            (&[][..], Some("")),
            (&["0", "1"], Some("0 1")),
            (&["9.compact"], Some("9.compact")),
            (&["8", "9.compact", "10"], Some("9.compact 10")),
            (&["9", "9.compact", "10"], Some("9.compact 10")),
            (&["0.compact", "1.compact"], Some("1.compact")),
            (&["1", "2"], None),
            (&["0", "2"], None),
            (&["9.compact", "11"], None),
        ] {
            let found = live_entries(&names(listed)).ok();
            let found = found.map(|names| names.iter().map(|n| n.to_string()).collect::<Vec<_>>().join(" "));
            assert_eq!(found.as_deref(), live, "{listed:?}");
        }
    }

    #[test]
    fn interval_follows_the_compact_entries() {
        for (listed, interval) in [
            (&["0", "1"][..], 10),
            (&["9.compact", "19.compact"], 10),
            (&["1.compact", "4.compact"], 3),
            (&["4.compact"], 5),
            (&["11.compact"], 12),
            (&["29.compact"], 10),
            (&["32.compact"], 11),
            (&["10.compact"], 11),
        ] {
            assert_eq!(interval_in_use(&names(listed), 10), interval, "{listed:?}");
        }
    }

    #[test]
    fn purge_keeps_the_compact_entry_before_the_kept_batches() {
        for (current, before) in
            [(9, None), (99, None), (108, None), (109, Some(9)), (119, Some(19)), (125, Some(19))]
        {
            assert_eq!(purgeable_before(current, 10, 100), before, "{current}");
        }
    }

    #[test]
    fn entries_are_spelled_as_spark_spells_them() {
        let file = SinkFile::add("file:///data/out/k=a/part-0.json".into(), 40, 1_795_233_724_120);
        let text = "v1\n{\"path\":\"file:///data/out/k=a/part-0.json\",\"size\":40,\"isDir\":false,\
                    \"modificationTime\":1795233724120,\"blockReplication\":1,\"blockSize\":33554432,\"action\":\"add\"}";
        assert_eq!(String::from_utf8(encode(std::slice::from_ref(&file)).unwrap()).unwrap(), text);
        assert_eq!(parse(format!("{text}\n").as_bytes()).unwrap(), [file]);
        assert_eq!(parse(b"v1").unwrap(), []);
        for torn in ["", "v2", "v1\n{\"path\":\"file:///a\"}", "v1\n{\"path"] {
            assert_eq!(parse(torn.as_bytes()).unwrap_err().kind(), crate::error::ErrorKind::Data, "{torn}");
        }
    }
}
