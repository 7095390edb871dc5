//! Looks at files from outside of what is tested: on HDFS through the native client, or on the local disk.

use std::fs::DirEntry;

use bytes::Bytes;
use hdfs_native::HdfsError;
use hdfs_native::client::{Client, ClientBuilder};
use tokio::runtime::Runtime;

use super::Hdfs;

/// A reader of one file system. Calls block.
pub enum Files {
    Local,
    Hdfs(Box<Client>, Runtime),
}

impl Files {
    pub fn of(hdfs: &Hdfs) -> Files {
        let runtime = Runtime::new().unwrap_or_else(|e| panic!("cannot make a runtime: {e}"));
        let client =
            ClientBuilder::new().with_url(&hdfs.uri).with_io_runtime(runtime.handle().clone()).build();
        let client = client.unwrap_or_else(|e| panic!("cannot make a client of {}: {e}", hdfs.uri));
        Files::Hdfs(Box::new(client), runtime)
    }

    /// Names and sizes in a folder; empty if it is not there.
    pub fn list(&self, folder: &str) -> Vec<(String, u64)> {
        match self {
            Files::Local => {
                let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
                let size = |entry: &DirEntry| entry.metadata().map_or(0, |facts| facts.len());
                entries.map(|e| (e.file_name().to_string_lossy().into_owned(), size(&e))).collect()
            }
            Files::Hdfs(client, runtime) => {
                let found = or_nothing(runtime.block_on(client.list_status(folder, false)), "list", folder);
                let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_string();
                let found = found.unwrap_or_default().into_iter();
                found.map(|status| (name(&status.path), status.length as u64)).collect()
            }
        }
    }

    /// The whole file, or nothing if it is not there.
    pub fn read(&self, path: &str) -> Option<Bytes> {
        let Files::Hdfs(client, runtime) = self else {
            return std::fs::read(path).ok().map(Bytes::from);
        };
        let read = runtime.block_on(async {
            let file = client.read(path).await?;
            file.read_range(0, file.file_length()).await
        });
        or_nothing(read, "read", path)
    }
}

fn or_nothing<T>(result: Result<T, HdfsError>, what: &str, path: &str) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(HdfsError::FileNotFound(_)) => None,
        Err(error) => panic!("cannot {what} {path}: {error}"),
    }
}
