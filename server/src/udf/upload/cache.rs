//! Machine code kept in a folder from one run to the next, signed with a key beside the folder. Whatever is wrong with
//! it is told in the log, and the module is compiled again: the cache never decides whether a module runs.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use super::artifact::{Artifact, Identity};
use crate::clock::{Clock, SystemClock};
use crate::udf::limits::{ARTIFACT_BYTES_MAX, CACHE_BYTES_MAX};

const KEY_BYTES: usize = 32;
const SIGNATURE_BYTES: usize = 32;

/// The key, in the cache's folder; the artifacts are in a folder beside it.
const KEY_FILE: &str = "artifact-key";
const ARTIFACTS: &str = "artifacts";

/// Artifacts in a folder. Several processes may use it at the same time.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
    bytes_max: u64,
}

impl Cache {
    /// A cache in `folder`, which is made when it is first needed.
    pub fn new(folder: PathBuf) -> Cache {
        Cache { folder, bytes_max: CACHE_BYTES_MAX }
    }

    #[cfg(test)]
    pub fn of_bytes(folder: PathBuf, bytes_max: u64) -> Cache {
        Cache { folder, bytes_max }
    }

    /// The artifact of this identity, if there is one with our signature.
    pub fn find(&self, identity: &Identity) -> Option<Artifact> {
        let path = self.path(identity);
        match self.read(&path, identity) {
            Ok(found) => found,
            Err(error) => {
                warn("cannot read a compiled module", &path, &error);
                self.throw_away(identity);
                None
            }
        }
    }

    /// Keeps an artifact, and makes room for it.
    pub fn keep(&self, identity: &Identity, artifact: &Artifact) {
        let path = self.path(identity);
        if let Err(error) = self.write(&path, identity, artifact).and_then(|()| self.make_room(&path)) {
            warn("cannot keep a compiled module; it will be compiled again next time", &path, &error);
        }
    }

    pub fn throw_away(&self, identity: &Identity) {
        let path = self.path(identity);
        if let Err(error) = remove(&path) {
            warn("cannot remove a compiled module", &path, &error);
        }
    }

    fn path(&self, identity: &Identity) -> PathBuf {
        let (module, setting) = (hex(&identity.module), hex(&identity.setting[..8]));
        self.folder.join(ARTIFACTS).join(format!("{module}-{setting}"))
    }

    fn read(&self, path: &Path, identity: &Identity) -> io::Result<Option<Artifact>> {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let mut bytes = Vec::new();
        (&file).take((SIGNATURE_BYTES + ARTIFACT_BYTES_MAX) as u64 + 1).read_to_end(&mut bytes)?;
        let Some((signature, code)) = bytes.split_first_chunk::<SIGNATURE_BYTES>() else {
            return Err(io::Error::other("it was cut off"));
        };
        let signed = self.signed(identity, code)?.verify_slice(signature);
        signed.map_err(|_| io::Error::other("its signature is not ours"))?;
        touch(&file);
        bytes.drain(..SIGNATURE_BYTES);
        Ok(Some(Artifact::from_our_compiler(bytes)))
    }

    /// Others see the whole file or none.
    fn write(&self, path: &Path, identity: &Identity, artifact: &Artifact) -> io::Result<()> {
        make_folder(&self.folder.join(ARTIFACTS))?;
        let signature = self.signed(identity, artifact.bytes())?.finalize().into_bytes();
        let beside = beside(path);
        let written = create(&beside).and_then(|mut file| {
            file.write_all(&signature)?;
            file.write_all(artifact.bytes())
        });
        let placed = written.and_then(|()| fs::rename(&beside, path));
        if placed.is_err() {
            remove(&beside)?;
        }
        placed
    }

    /// Removes what was not used for longest until the rest is small enough; never `newest`.
    fn make_room(&self, newest: &Path) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(self.folder.join(ARTIFACTS))? {
            let entry = entry?;
            // Another process may remove it at this moment.
            if let Ok(metadata) = entry.metadata() {
                files.push((metadata.modified()?, entry.path(), metadata.len()));
            }
        }
        files.sort();
        let mut total: u64 = files.iter().map(|(_, _, bytes)| bytes).sum();
        for (_, path, bytes) in files {
            if total <= self.bytes_max {
                break;
            }
            if path != newest {
                remove(&path)?;
                total -= bytes;
            }
        }
        Ok(())
    }

    fn signed(&self, identity: &Identity, code: &[u8]) -> io::Result<Hmac<Sha256>> {
        let key = self.key()?;
        let mut hmac = Hmac::<Sha256>::new_from_slice(&key).map_err(io::Error::other)?;
        hmac.update(&identity.module);
        hmac.update(&identity.setting);
        hmac.update(code);
        Ok(hmac)
    }

    /// The key, made at the first use; of several processes at once the first one's stays.
    fn key(&self) -> io::Result<[u8; KEY_BYTES]> {
        let path = self.folder.join(KEY_FILE);
        if !path.exists() {
            make_folder(&self.folder)?;
            let mut key = [0; KEY_BYTES];
            File::open("/dev/urandom")?.read_exact(&mut key)?;
            let beside = beside(&path);
            let linked =
                create(&beside).and_then(|mut file| file.write_all(&key)).and_then(|()| match fs::hard_link(
                    &beside, &path,
                ) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                    linked => linked,
                });
            remove(&beside)?;
            linked?;
        }
        let mut file = File::open(&path)?;
        if file.metadata()?.mode() & 0o077 != 0 {
            let why = format!("{} can be read by others; remove it, and a new one is made", path.display());
            return Err(io::Error::other(why));
        }
        let mut key = [0; KEY_BYTES];
        file.read_exact(&mut key)?;
        Ok(key)
    }
}

/// The time of a file is when it was used last, which tells what to remove first: the machine's time, like that of the
/// other files, and no result's. It may fail on a read-only disk.
fn touch(file: &File) {
    let now = Duration::from_micros(SystemClock.now_micros().unsigned_abs());
    file.set_modified(UNIX_EPOCH + now).ok();
}

fn warn(what: &str, path: &Path, error: &io::Error) {
    tracing::warn!(file = %path.display(), "{what}: {error}");
}

/// A name in the same folder that no other process uses.
fn beside(path: &Path) -> PathBuf {
    path.with_extension(format!("{}.tmp", Uuid::new_v4()))
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Removes a file that may be gone.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
