//! Clients of HDFS, one for each NameNode or nameservice, and the runtime their calls run on. Knows no files.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use hdfs_native::{Client, ClientBuilder, HdfsError};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{Error, Result};

/// Threads that move packets; callers wait on their own threads.
const RUNTIME_THREADS: usize = 2;

/// How long a NameNode may take to answer for the first time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
static CLIENTS: Mutex<Option<HashMap<String, Client>>> = Mutex::new(None);

/// The client of `authority`; the NameNode has answered it.
pub fn client(authority: &str) -> Result<Client> {
    let known = CLIENTS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(client) = known.as_ref().and_then(|clients| clients.get(authority)) {
        return Ok(client.clone());
    }
    drop(known);
    let url = format!("hdfs://{authority}/");
    let client = ClientBuilder::new()
        .with_url(&url)
        .with_io_runtime(runtime()?.handle().clone())
        .build()
        .map_err(|error| {
            Error::user("cannot set up a client of HDFS")
                .with("namenode", &url)
                .hint("name host and port, or set HADOOP_CONF_DIR to a folder with core-site.xml and hdfs-site.xml")
                .because(error)
        })?;
    greet(&client, &url)?;
    let mut known = CLIENTS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    Ok(known.get_or_insert_default().entry(authority.to_string()).or_insert(client).clone())
}

fn greet(client: &Client, url: &str) -> Result<()> {
    let unreachable = || {
        Error::external("the NameNode does not answer")
            .with("namenode", url)
            .hint("check that HDFS runs and that host and port are those of fs.defaultFS")
    };
    let answer = wait(async { tokio::time::timeout(CONNECT_TIMEOUT, client.get_file_info("/")).await })?;
    match answer {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(unreachable().because(error)),
        Err(elapsed) => Err(unreachable().because(elapsed)),
    }
}

/// Runs a call to its end. `Internal` error on a thread that belongs to a tokio runtime: it must not block.
pub fn wait<T>(call: impl Future<Output = T>) -> Result<T> {
    if Handle::try_current().is_ok() {
        return Err(Error::internal("storage was called from an asynchronous task"));
    }
    Ok(runtime()?.block_on(call))
}

fn runtime() -> Result<&'static Runtime> {
    let runtime = RUNTIME.get_or_init(|| {
        Builder::new_multi_thread().worker_threads(RUNTIME_THREADS).thread_name("hdfs").enable_all().build()
    });
    runtime
        .as_ref()
        .map_err(|error| Error::external("cannot start the threads of the HDFS client").with("reason", error))
}

/// What a failed call means to those who asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing is at the path, or at its parent.
    Missing,
    /// The path is taken.
    Taken,
    /// HDFS said no; nothing was changed.
    Refused,
    /// Whether it happened is not known.
    Unknown,
}

pub fn failure(error: &HdfsError) -> Failure {
    match error {
        HdfsError::FileNotFound(_) => Failure::Missing,
        HdfsError::AlreadyExists(_) => Failure::Taken,
        HdfsError::RPCError(class, _) | HdfsError::FatalRPCError(class, _) => match short(class) {
            "FileNotFoundException" => Failure::Missing,
            "FileAlreadyExistsException" => Failure::Taken,
            _ => Failure::Refused,
        },
        HdfsError::InvalidPath(_)
        | HdfsError::InvalidArgument(_)
        | HdfsError::IsADirectoryError(_)
        | HdfsError::UnsupportedFeature(_)
        | HdfsError::UnsupportedErasureCodingPolicy(_) => Failure::Refused,
        _ => Failure::Unknown,
    }
}

/// The error to hand on.
pub fn failed(what: &str, path: &str, error: HdfsError) -> Error {
    let message = format!("cannot {what} on HDFS");
    let failed = match &error {
        HdfsError::ChecksumError => Error::data(message),
        HdfsError::RPCError(class, _) | HdfsError::FatalRPCError(class, _) => match short(class) {
            "AccessControlException"
            | "AuthorizationException"
            | "FileNotFoundException"
            | "FileAlreadyExistsException"
            | "ParentNotDirectoryException"
            | "PathIsNotDirectoryException"
            | "InvalidPathException"
            | "NSQuotaExceededException"
            | "DSQuotaExceededException"
            | "UnresolvedPathException" => Error::user(message),
            _ => Error::external(message),
        },
        _ => match failure(&error) {
            Failure::Missing | Failure::Taken | Failure::Refused => Error::user(message),
            Failure::Unknown => Error::external(message),
        },
    };
    failed.with("path", path).because(error)
}

/// `AccessControlException` of `org.apache.hadoop.security.AccessControlException`.
fn short(class: &str) -> &str {
    class.rsplit(['.', '$']).next().unwrap_or(class)
}
