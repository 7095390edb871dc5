//! Where a user's text points: which file system, which path on it. Opens nothing.

use std::fmt;
use std::path::Path;

use crate::error::{Error, Result};

/// The file systems there are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FileSystem {
    Local,
    /// `host:port` or a nameservice; empty stands for `fs.defaultFS` of the Hadoop configuration.
    Hdfs {
        authority: String,
    },
}

/// A path on a file system. It may hold glob characters; nothing in it is percent-encoded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    pub file_system: FileSystem,
    /// Absolute, without `.`, `..`, doubled or trailing slashes.
    pub path: String,
}

impl Location {
    /// Reads `hdfs://host:port/a b`, `file:///x`, `file:/x`, `/x`, or a path relative to `base_dir`.
    ///
    /// As with Hadoop's paths, `%20` stands for itself.
    pub fn parse(text: &str, base_dir: &Path) -> Result<Location> {
        if text.trim().is_empty() {
            return Err(Error::user("a path is empty").hint(SUPPORTED));
        }
        let refuse = |why: &str| Error::user(why.to_string()).with("path", text).hint(SUPPORTED);
        if text.contains('\0') {
            return Err(refuse("a path holds a zero byte"));
        }
        let Some((scheme, rest)) = split_scheme(text) else {
            let base = std::path::absolute(base_dir)
                .map_err(|error| refuse("cannot make a path absolute").because(error))?;
            let base = base.to_str().ok_or_else(|| refuse("the path it is relative to is not UTF-8"))?;
            let whole = if text.starts_with('/') { text.to_string() } else { format!("{base}/{text}") };
            return Ok(Location { file_system: FileSystem::Local, path: normalize(&whole)? });
        };
        match scheme.to_ascii_lowercase().as_str() {
            "file" => {
                let path = match rest.strip_prefix("//") {
                    Some(path) if path.starts_with('/') => path,
                    Some(_) => return Err(refuse("a file location names a host")),
                    None if rest.starts_with('/') => rest,
                    None => return Err(refuse("a file location is not absolute")),
                };
                Ok(Location { file_system: FileSystem::Local, path: normalize(path)? })
            }
            "hdfs" => {
                let rest = rest.strip_prefix("//").ok_or_else(|| refuse("an HDFS location names no host"))?;
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                check_authority(authority).map_err(refuse)?;
                let file_system = FileSystem::Hdfs { authority: authority.to_string() };
                Ok(Location { file_system, path: normalize(if path.is_empty() { "/" } else { path })? })
            }
            _ => Err(refuse(&format!("locations of the scheme `{scheme}` are not supported"))),
        }
    }

    /// A place below this one.
    pub fn join(&self, name: &str) -> Location {
        let path = format!("{}/{name}", self.path.trim_end_matches('/'));
        Location { file_system: self.file_system.clone(), path }
    }
}

const SUPPORTED: &str = "write a local path, `file:///path` or `hdfs://host:port/path`";

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file_system {
            FileSystem::Local => write!(f, "file://{}", self.path),
            FileSystem::Hdfs { authority } => write!(f, "hdfs://{authority}{}", self.path),
        }
    }
}

/// `s3a` and `//bucket/x` of `s3a://bucket/x`; nothing for `a/b:c`, `C`, or `x:y` without a slash after it.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let mut chars = scheme.chars();
    let well_formed = chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    (well_formed && rest.starts_with('/')).then_some((scheme, rest))
}

fn check_authority(authority: &str) -> std::result::Result<(), &'static str> {
    if authority.contains('@') {
        return Err("an HDFS location names a user; set HADOOP_USER_NAME instead");
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '[' | ']' | ':');
    if !host.chars().all(plain) || host.is_empty() != authority.is_empty() {
        return Err("the host of an HDFS location cannot be read");
    }
    match port.map(str::parse::<u16>) {
        Some(Err(_)) => Err("the port of an HDFS location is not a number up to 65535"),
        _ => Ok(()),
    }
}

fn normalize(path: &str) -> Result<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or_else(|| Error::user("a path leads above the root").with("path", path))?;
            }
            _ => parts.push(part),
        }
    }
    Ok(format!("/{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations() {
        for (text, shown) in [
            ("hdfs://namenode:8020/a b", "hdfs://namenode:8020/a b"),
            ("hdfs://ns1/x/", "hdfs://ns1/x"),
            ("hdfs:///x", "hdfs:///x"),
            ("hdfs://h:1", "hdfs://h:1/"),
            ("HDFS://h/a%20b", "hdfs://h/a%20b"),
            ("file:///x//y/./z/../w", "file:///x/y/w"),
            ("file:/x", "file:///x"),
            ("/x/*.csv", "file:///x/*.csv"),
            ("out", "file:///base/dir/out"),
            ("./a:b", "file:///base/dir/a:b"),
            ("../up", "file:///base/up"),
        ] {
            let location = Location::parse(text, Path::new("/base/dir")).unwrap();
            assert_eq!(location.to_string(), shown, "{text}");
        }
    }

    #[test]
    fn refusals_name_the_reason() {
        for (text, why) in [
            ("", "a path is empty"),
            ("s3a://bucket/x", "locations of the scheme `s3a` are not supported"),
            ("http://h/x", "locations of the scheme `http` are not supported"),
            ("file://host/x", "a file location names a host"),
            ("hdfs:/x", "an HDFS location names no host"),
            ("hdfs://user@h/x", "an HDFS location names a user; set HADOOP_USER_NAME instead"),
            ("hdfs://h:99999/x", "the port of an HDFS location is not a number up to 65535"),
            ("hdfs://:80/x", "the host of an HDFS location cannot be read"),
            ("/../x", "a path leads above the root"),
        ] {
            let error = Location::parse(text, Path::new("/base")).unwrap_err();
            assert_eq!(error.message(), why, "{text}");
        }
    }
}
