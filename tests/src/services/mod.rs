//! Real services on loopback: Apache Kafka and Hadoop HDFS, from Maven's jars, without root and without Docker.
//!
//! A service belongs to the process that started it. It ends with that process, however that ends, since the
//! kernel kills it (see [`crate::process`]). Tests share one of each through [`kafka`] and [`hdfs`]; a test that kills a
//! service starts one of its own.

mod files;
mod hdfs;
mod jars;
mod kafka;
mod ports;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

pub use crate::process::Stop;
pub use files::Files;
pub use hdfs::Hdfs;
pub use kafka::{Kafka, Record, RecordProducer};

/// A failure in words, the end of a log included.
pub type Outcome<T> = Result<T, String>;

/// The broker that all tests share.
pub fn kafka() -> &'static Kafka {
    static KAFKA: OnceLock<Kafka> = OnceLock::new();
    KAFKA.get_or_init(|| Kafka::start(&run_folder().join("kafka")).unwrap_or_else(|e| panic!("{e}")))
}

/// The file system that all tests share.
pub fn hdfs() -> &'static Hdfs {
    static HDFS: OnceLock<Hdfs> = OnceLock::new();
    HDFS.get_or_init(|| Hdfs::start(&run_folder().join("hdfs")).unwrap_or_else(|e| panic!("{e}")))
}

/// Where jars and the data of services are kept: `WASMILL_SERVICES_CACHE`, else a folder of the user's cache.
pub fn cache() -> PathBuf {
    let folder = std::env::var_os("WASMILL_SERVICES_CACHE").map(PathBuf::from).or_else(|| {
        let home = std::env::var_os("HOME").map(PathBuf::from)?;
        Some(home.join(".cache/wasmill-services"))
    });
    folder.unwrap_or_else(|| panic!("neither WASMILL_SERVICES_CACHE nor HOME is set"))
}

/// A fresh folder for the services of this process. What ended processes left is deleted here: nobody is left
/// to do it at the end of a process that is killed.
pub fn run_folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let runs = cache().join("runs");
        for entry in std::fs::read_dir(&runs).into_iter().flatten().flatten() {
            if !Path::new("/proc").join(entry.file_name()).exists() {
                // Another test process may be deleting the same folder.
                std::fs::remove_dir_all(entry.path()).ok();
            }
        }
        let folder = runs.join(std::process::id().to_string());
        std::fs::create_dir_all(&folder).unwrap_or_else(|e| panic!("cannot make {}: {e}", folder.display()));
        folder
    })
}

fn write(path: &Path, text: &str) -> Outcome<()> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::write(path, text))
        .map_err(|e| format!("cannot write {}: {e}", path.display()))
}
