//! Hadoop HDFS: a NameNode and two DataNodes, permissions off.
//!
//! Two, because the close of a small file takes half a second with one replica, and a fiftieth of that with two: by a
//! race in the protocol the client asks once too early, and then sleeps.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use super::jars::{self, java};
use super::ports::port_of;
use super::{Outcome, write};
use crate::process::{Process, Stop};

const VERSION: &str = "3.5.0";
const HEAP_MB: u32 = 512;
const NAME_NODE: &str = "org.apache.hadoop.hdfs.server.namenode.NameNode";
const DATA_NODES: usize = 2;
const DATA_NODE: &str = "org.apache.hadoop.hdfs.server.datanode.DataNode";

/// A file system of our own.
pub struct Hdfs {
    /// `hdfs://127.0.0.1:PORT`, without a slash at the end.
    pub uri: String,
    /// For `HADOOP_CONF_DIR`; Spark takes the replication from there.
    pub conf_dir: PathBuf,
    dir: PathBuf,
    class_path: String,
    http_port: u16,
    name_node: Mutex<Process>,
    data_nodes: Mutex<Vec<Process>>,
}

impl Hdfs {
    /// Starts them with their data in `dir`, and waits until files can be written.
    pub fn start(dir: &Path) -> Outcome<Hdfs> {
        let dir = jars::folder(dir)?;
        let jars = fetch_jars()?;
        let (port, http_port) = (port_of(&dir, "namenode")?, port_of(&dir, "http")?);
        let conf_dir = dir.join("conf");
        write_configuration(&dir, port, http_port)?;
        let class_path = format!("{}:{jars}", conf_dir.display());
        if !dir.join("name/current/VERSION").exists() {
            let mut format = java(HEAP_MB, &dir.join("tmp"), &class_path);
            format.args([NAME_NODE, "-format", "-nonInteractive"]);
            jars::run(format, "format the folder of hdfs")?;
        }
        let name_node = launch_name_node(&dir, &class_path)?;
        let data_nodes = (0..DATA_NODES).map(|number| launch_data_node(&dir, &class_path, number));
        let data_nodes = data_nodes.collect::<Outcome<Vec<Process>>>()?;
        let hdfs = Hdfs {
            uri: format!("hdfs://127.0.0.1:{port}"),
            conf_dir,
            dir,
            class_path,
            http_port,
            name_node: Mutex::new(name_node),
            data_nodes: Mutex::new(data_nodes),
        };
        hdfs.wait_ready()?;
        Ok(hdfs)
    }

    /// Ends all nodes; their data stay. Not for the file system that tests share.
    pub fn stop(&self, how: Stop) {
        self.data_nodes.lock().unwrap_or_else(|e| panic!("{e}")).iter().for_each(|node| node.stop(how));
        self.name_node.lock().unwrap_or_else(|e| panic!("{e}")).stop(how);
    }

    /// Kills one DataNode; the other has a copy of every block.
    pub fn kill_data_node(&self) {
        self.data_nodes.lock().unwrap_or_else(|e| panic!("{e}"))[0].stop(Stop::Kill);
    }

    /// Brings back what does not run, on the same ports with its data.
    pub fn start_again(&self) -> Outcome<()> {
        let mut name_node = self.name_node.lock().map_err(|e| e.to_string())?;
        if !name_node.is_running() {
            *name_node = launch_name_node(&self.dir, &self.class_path)?;
        }
        drop(name_node);
        let mut data_nodes = self.data_nodes.lock().map_err(|e| e.to_string())?;
        for (number, node) in data_nodes.iter_mut().enumerate().filter(|(_, node)| !node.is_running()) {
            *node = launch_data_node(&self.dir, &self.class_path, number)?;
        }
        drop(data_nodes);
        self.wait_ready()
    }

    fn wait_ready(&self) -> Outcome<()> {
        let name_node = self.name_node.lock().map_err(|e| e.to_string())?;
        name_node.wait_ready(|log| log.contains("RPC up"))?;
        for data_node in self.data_nodes.lock().map_err(|e| e.to_string())?.iter() {
            data_node.wait_ready(|log| log.contains("Successfully sent block report"))?;
        }
        name_node.wait_ready(|_| is_operational(self.http_port).unwrap_or(false))
    }
}

/// `hadoop-hdfs` leaves the client and `hadoop-common` to its user.
fn fetch_jars() -> Outcome<String> {
    let artifacts = ["hadoop-hdfs", "hadoop-hdfs-client", "hadoop-common"]
        .map(|name| format!("org.apache.hadoop:{name}:{VERSION}"));
    let artifacts: Vec<&str> = artifacts.iter().map(String::as_str).collect();
    jars::fetch(&format!("hadoop-hdfs-{VERSION}"), &artifacts)
}

fn launch_name_node(dir: &Path, class_path: &str) -> Outcome<Process> {
    let mut command: Command = java(HEAP_MB, &dir.join("tmp"), class_path);
    command.arg(NAME_NODE);
    Process::start(dir, "namenode", command)
}

fn launch_data_node(dir: &Path, class_path: &str, number: usize) -> Outcome<Process> {
    let mut command: Command = java(HEAP_MB, &dir.join("tmp"), class_path);
    let blocks = dir.join(format!("blocks-{number}"));
    command.arg(DATA_NODE).arg("-D").arg(format!("dfs.datanode.data.dir=file://{}", blocks.display()));
    Process::start(dir, &format!("datanode-{number}"), command)
}

/// Out of safe mode, and with its DataNodes; asked of the NameNode's own page of facts.
fn is_operational(http_port: u16) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", http_port))?;
    stream.write_all(
        b"GET /jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n",
    )?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    let nodes = format!("\"NumLiveDataNodes\" : {DATA_NODES},");
    Ok(page.contains("\"FSState\" : \"Operational\"") && page.contains(&nodes))
}

/// The jars lack the web pages, and without folders for them the servers do not start. Safe mode ends at once,
/// heartbeats are quick, so that a restart takes seconds. Everything listens on loopback alone.
fn write_configuration(dir: &Path, port: u16, http_port: u16) -> Outcome<()> {
    let (conf, place) = (dir.join("conf"), dir.display());
    for folder in ["tmp", "conf/webapps/static"] {
        jars::folder(&dir.join(folder))?;
    }
    for server in ["hdfs", "datanode"] {
        write(&conf.join(format!("webapps/{server}/WEB-INF/web.xml")), "<web-app/>\n")?;
    }
    write(
        &conf.join("core-site.xml"),
        &site(&[
            ("fs.defaultFS", format!("hdfs://127.0.0.1:{port}")),
            ("hadoop.tmp.dir", format!("{place}/tmp")),
        ]),
    )?;
    write(
        &conf.join("hdfs-site.xml"),
        &site(&[
            ("dfs.replication", DATA_NODES.to_string()),
            ("dfs.permissions.enabled", "false".to_string()),
            ("dfs.namenode.name.dir", format!("file://{place}/name")),
            ("dfs.namenode.http-address", format!("127.0.0.1:{http_port}")),
            ("dfs.namenode.safemode.extension", "0".to_string()),
            ("dfs.namenode.datanode.registration.ip-hostname-check", "false".to_string()),
            ("dfs.namenode.heartbeat.recheck-interval", "2000".to_string()),
            ("dfs.heartbeat.interval", "1".to_string()),
            ("dfs.datanode.hostname", "127.0.0.1".to_string()),
            ("dfs.datanode.address", "127.0.0.1:0".to_string()),
            ("dfs.datanode.ipc.address", "127.0.0.1:0".to_string()),
            ("dfs.datanode.http.address", "127.0.0.1:0".to_string()),
        ]),
    )?;
    write(
        &conf.join("log4j.properties"),
        "log4j.rootLogger=INFO,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{HH:mm:ss.SSS} %p %c{1}: %m%n
",
    )
}

fn site(properties: &[(&str, String)]) -> String {
    let properties: String = properties
        .iter()
        .map(|(name, value)| format!("<property><name>{name}</name><value>{value}</value></property>\n"))
        .collect();
    format!("<configuration>\n{properties}</configuration>\n")
}
