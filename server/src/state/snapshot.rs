//! A snapshot's manifest: which files of the checkpoint are together one version of the state. Moves no files.

use serde::{Deserialize, Serialize};

use super::changes::OperatorRows;
use super::frame::{FrameReader, FrameWriter, Magic};
use crate::error::{Error, Result};
use crate::record::{BatchId, QueryId};

const MAGIC: Magic = b"wmsnap\0\x01";

/// A file that snapshots share: it never changes, and is in the checkpoint once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SharedFile {
    /// Its name in the database.
    pub local: String,
    /// Its name below `SSTs/` in the checkpoint.
    pub stored: String,
    pub bytes: u64,
    pub crc32c: u32,
}

/// The first block of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotHeader {
    pub query_id: String,
    pub version: BatchId,
    pub operators: Vec<OperatorRows>,
    pub files: Vec<SharedFile>,
    /// Names of the small files whose content follows, block by block.
    pub contained: Vec<String>,
}

/// The manifest as a file; `contents` are in the order of `contained`.
pub fn encode(header: &SnapshotHeader, contents: &[Vec<u8>]) -> Result<Vec<u8>> {
    let json = serde_json::to_vec(header)
        .map_err(|error| Error::internal("cannot write the header of a snapshot").because(error))?;
    let mut writer = FrameWriter::new(MAGIC, &json)?;
    for content in contents {
        writer.block(content)?;
    }
    writer.finish()
}

/// Reads the manifest of a version of a query; every error is `Data`.
pub fn decode(bytes: &[u8], query_id: QueryId, version: BatchId) -> Result<(SnapshotHeader, Vec<Vec<u8>>)> {
    let (mut reader, header) = FrameReader::new(MAGIC, bytes)?;
    let header: SnapshotHeader = serde_json::from_slice(&header)
        .map_err(|error| Error::data("the header of a snapshot cannot be read").because(error))?;
    if header.version != version || header.query_id != query_id.to_string() {
        return Err(Error::data("a snapshot belongs to another version or query")
            .with("version", header.version)
            .with("query", &header.query_id));
    }
    let mut contents = Vec::new();
    while let Some(block) = reader.next_block()? {
        contents.push(block.into_owned());
    }
    let names = header.files.iter().flat_map(|file| [&file.local, &file.stored]).chain(&header.contained);
    if contents.len() != header.contained.len() || !names.into_iter().all(|name| is_plain(name)) {
        return Err(Error::data("a snapshot's list of files cannot be"));
    }
    Ok((header, contents))
}

/// A name that cannot lead out of its folder.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0'])
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn header(local: &str) -> SnapshotHeader {
        let file = SharedFile { local: local.into(), stored: "7-x.sst".into(), bytes: 5, crc32c: 9 };
        SnapshotHeader {
            query_id: Uuid::nil().to_string(),
            version: 9,
            operators: vec![],
            files: vec![file],
            contained: vec!["CURRENT".into()],
        }
    }

    #[test]
    fn manifests_come_back_and_others_are_not_taken() {
        let id = QueryId(Uuid::nil());
        let bytes = encode(&header("7.sst"), &[b"MANIFEST-1".to_vec()]).unwrap();
        assert_eq!(decode(&bytes, id, 9).unwrap(), (header("7.sst"), vec![b"MANIFEST-1".to_vec()]));
        assert!(decode(&bytes, id, 8).is_err());
        assert!(decode(&bytes, QueryId(Uuid::max()), 9).is_err());
        assert!(decode(&encode(&header("7.sst"), &[]).unwrap(), id, 9).is_err());
        for name in ["../7.sst", "/etc/passwd", "..", ""] {
            assert!(decode(&encode(&header(name), &[vec![]]).unwrap(), id, 9).is_err(), "{name}");
        }
    }
}
