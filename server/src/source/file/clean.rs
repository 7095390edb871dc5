//! What becomes of files whose batch is committed: they are deleted or moved, as well as it goes. A failure
//! is told and stops nothing: a file that stays is only a file that is seen already.

use std::sync::Arc;

use tracing::warn;

use super::settings::CleanSource;
use crate::error::Result;
use crate::storage::{Renamed, Storage};

pub struct Cleaner {
    storage: Arc<dyn Storage>,
    clean: CleanSource,
}

impl Cleaner {
    pub fn new(storage: Arc<dyn Storage>, clean: CleanSource) -> Cleaner {
        Cleaner { storage, clean }
    }

    pub fn is_off(&self) -> bool {
        self.clean == CleanSource::Off
    }

    pub fn clean(&self, path: &str) {
        let done = match &self.clean {
            CleanSource::Off => Ok(()),
            CleanSource::Delete => self.storage.delete(path).map(|_| ()),
            CleanSource::Archive(archive) => self.archive(path, &archive.path),
        };
        if let Err(error) = done {
            warn!("cannot clean up a file that was read: {}", error.report());
        }
    }

    fn archive(&self, path: &str, archive: &str) -> Result<()> {
        let target = format!("{}{path}", archive.trim_end_matches('/'));
        match self.storage.rename(path, &target)? {
            // Missing: an earlier run moved it.
            Renamed::Done | Renamed::SourceMissing => {}
            Renamed::TargetExists => {
                warn!("a file stays where it is, since the archive has one of its name: {path}")
            }
        }
        Ok(())
    }
}
