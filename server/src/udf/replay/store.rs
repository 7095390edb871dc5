//! A folder of recorded calls, never more than so many and so large. Knows nothing of what they hold.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::recording::Recording;
use crate::udf::limits::{RECORDING_BYTES_MAX, REPLAYS_BYTES_MAX, REPLAYS_MAX};

const ENDING: &str = "replay";
/// Bytes of the hash that a name shows.
const NAME_HASH_BYTES: usize = 8;

/// Keeps the calls that failed. They hold rows of users, so that only the owner of the process may read them.
#[derive(Debug)]
pub struct ReplayStore {
    folder: PathBuf,
    files_max: usize,
    bytes_max: u64,
}

impl ReplayStore {
    /// A store in `folder`, which is made when it is first needed.
    pub fn new(folder: PathBuf) -> ReplayStore {
        ReplayStore { folder, files_max: REPLAYS_MAX, bytes_max: REPLAYS_BYTES_MAX }
    }

    #[cfg(test)]
    pub fn of_size(folder: PathBuf, files_max: usize, bytes_max: u64) -> ReplayStore {
        ReplayStore { folder, files_max, bytes_max }
    }

    /// Keeps a call and gives its file; the oldest ones make room. A call that cannot be kept is told in the log: the
    /// failure itself is what matters. The same call again is the same file.
    pub fn keep(&self, recording: &Recording) -> Option<PathBuf> {
        let kept =
            recording.to_bytes().map_err(io::Error::other).and_then(|file| self.write(recording, &file));
        match kept {
            Ok(path) => Some(path),
            Err(error) => {
                let folder = self.folder.display();
                tracing::warn!(%folder, function = recording.function, "cannot keep a call that failed: {error}");
                None
            }
        }
    }

    fn write(&self, recording: &Recording, file: &[u8]) -> io::Result<PathBuf> {
        if file.len() > RECORDING_BYTES_MAX {
            return Err(io::Error::other(format!("it takes {} bytes", file.len())));
        }
        let hash: String =
            Sha256::digest(file)[..NAME_HASH_BYTES].iter().map(|byte| format!("{byte:02x}")).collect();
        let path = self.folder.join(format!("{}-{hash}.{ENDING}", recording.function));
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let beside = path.with_extension(format!("{}.part", std::process::id()));
        // What a run that was killed left behind may stand there.
        let mut to = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        to.write_all(file)?;
        drop(to);
        fs::rename(&beside, &path)?;
        self.make_room(&path)?;
        Ok(path)
    }

    /// Removes the oldest files but for `newest` until the rest is within the limits.
    fn make_room(&self, newest: &Path) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            // Another thread may remove it at this moment.
            if let Ok(metadata) = entry.metadata()
                && entry.path().extension().is_some_and(|ending| ending == ENDING)
            {
                files.push((metadata.modified()?, entry.path(), metadata.len()));
            }
        }
        files.sort();
        let (mut count, mut bytes) = (files.len(), files.iter().map(|(_, _, bytes)| bytes).sum::<u64>());
        for (_, path, size) in files {
            if count <= self.files_max && bytes <= self.bytes_max {
                break;
            }
            if path != newest && fs::remove_file(&path).is_ok() {
                (count, bytes) = (count - 1, bytes - size);
            }
        }
        Ok(())
    }
}
