//! Fetches a set of jars with Maven, once for all runs. Which repository they come from is Maven's own setting.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Outcome, cache, write};

/// The artifacts `group:name:version` with all that they need at run time, as a class path. A set that is there
/// is complete: it is fetched under another name.
pub fn fetch(set: &str, artifacts: &[&str]) -> Outcome<String> {
    let folder = cache().join(set);
    let failed = |e: std::io::Error| format!("cannot prepare {}: {e}", folder.display());
    fs::create_dir_all(cache()).map_err(failed)?;
    // Two runs at once wait for each other; the lock goes with the file handle.
    let lock = File::create(cache().join(format!("{set}.lock"))).map_err(failed)?;
    lock.lock().map_err(failed)?;
    if !folder.exists() {
        let part = cache().join(format!("{set}.part"));
        if part.exists() {
            fs::remove_dir_all(&part).map_err(failed)?;
        }
        copy_dependencies(&part, artifacts)?;
        fs::rename(&part, &folder).map_err(failed)?;
    }
    Ok(format!("{}/*", folder.display()))
}

fn copy_dependencies(folder: &Path, artifacts: &[&str]) -> Outcome<()> {
    let project = folder.join("pom.xml");
    write(&project, &project_of(artifacts))?;
    let output = Command::new("mvn")
        .args(["-q", "-B", "-f"])
        .arg(&project)
        .arg(format!("-DoutputDirectory={}", folder.display()))
        .arg("-DincludeScope=runtime")
        .arg("org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies")
        .output()
        .map_err(|e| format!("cannot run mvn: {e}; install the Debian package maven"))?;
    if output.status.success() {
        return Ok(());
    }
    let log = String::from_utf8_lossy(&output.stdout);
    Err(format!("mvn cannot fetch {artifacts:?}:\n{log}"))
}

fn project_of(artifacts: &[&str]) -> String {
    let dependencies: String = artifacts
        .iter()
        .map(|artifact| {
            let mut parts = artifact.splitn(3, ':').map(str::to_string);
            let mut part = || parts.next().unwrap_or_default();
            let (group, name, version) = (part(), part(), part());
            format!(
                "<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId>\
                 <version>{version}</version></dependency>"
            )
        })
        .collect();
    format!(
        "<project><modelVersion>4.0.0</modelVersion><packaging>pom</packaging>\
         <groupId>services</groupId><artifactId>jars</artifactId><version>1</version>\
         <dependencies>{dependencies}</dependencies></project>"
    )
}

/// A JVM for one of these services. The serial collector and the first compiler alone start in three quarters of
/// the time and take half the processor time of the defaults, and lose nothing on two cores.
pub fn java(heap_mb: u32, scratch: &Path, class_path: &str) -> Command {
    let mut command = Command::new("java");
    command
        .arg(format!("-Xmx{heap_mb}m"))
        .args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        .arg(format!("-Djava.io.tmpdir={}", scratch.display()))
        .args(["-cp", class_path]);
    command
}

/// Runs a JVM to its end; its output is part of the error.
pub fn run(mut command: Command, what: &str) -> Outcome<()> {
    let output = command
        .output()
        .map_err(|e| format!("cannot run java: {e}; install the Debian package openjdk-17-jre-headless"))?;
    if output.status.success() {
        return Ok(());
    }
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(format!("cannot {what}:\n{out}{err}"))
}

/// The absolute form of a folder, which is made.
pub fn folder(dir: &Path) -> Outcome<PathBuf> {
    fs::create_dir_all(dir)
        .and_then(|()| dir.canonicalize())
        .map_err(|e| format!("cannot make {}: {e}", dir.display()))
}
