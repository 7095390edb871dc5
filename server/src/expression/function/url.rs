//! URLs: encoding, decoding, and their parts by the rules of `java.net.URI`.

use std::sync::Arc;

use arrow::array::StringBuilder;

use crate::error::{Error, Result};
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["url_encode"], resolve: url_encode },
    Function { names: &["url_decode"], resolve: |args| url_decode(args, "url_decode", false) },
    Function { names: &["try_url_decode"], resolve: |args| url_decode(args, "try_url_decode", true) },
    Function { names: &["parse_url"], resolve: |args| parse_url(args, "parse_url", false) },
    Function { names: &["try_parse_url"], resolve: |args| parse_url(args, "try_parse_url", true) },
];

fn url_encode(args: &[Argument]) -> Result<Call> {
    let kernel = map1::<Text, StringBuilder, _>(STRING, |s, out| {
        let mut encoded = String::with_capacity(s.len());
        for b in s.bytes() {
            match b {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => encoded.push(b.into()),
                b' ' => encoded.push('+'),
                _ => encoded.push_str(&format!("%{b:02X}")),
            }
        }
        out.append_value(encoded);
        Ok(())
    });
    Ok(nullable(call("url_encode", args, &[STRING], STRING, kernel)?))
}

/// None if a percent sign has no two hexadecimal digits behind it.
fn decoded(s: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(s.len());
    let mut rest = s.bytes();
    while let Some(b) = rest.next() {
        match b {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                bytes.push((digit()? << 4 | digit()?) as u8);
            }
            _ => bytes.push(b),
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn url_decode(args: &[Argument], name: &str, lenient: bool) -> Result<Call> {
    let kernel = map1::<Text, StringBuilder, _>(STRING, move |s, out| {
        match decoded(s) {
            None if !lenient => {
                let error = Error::user("[CANNOT_DECODE_URL] the text cannot be decoded").with("url", s);
                return Err(error.hint("try_url_decode gives null instead"));
            }
            text => out.append_option(text),
        }
        Ok(())
    });
    Ok(nullable(call(name, args, &[STRING], STRING, kernel)?))
}

/// The parts of a URI; those of an opaque one (`mailto:a@b`) are not told.
#[derive(Default)]
struct Uri<'a> {
    scheme: Option<&'a str>,
    authority: Option<&'a str>,
    user: Option<&'a str>,
    host: Option<&'a str>,
    path: Option<&'a str>,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

fn unreserved(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || "-_.!~*'()".contains(c)
        || !c.is_ascii() && !c.is_control() && !c.is_whitespace()
}

/// Whether all characters are unreserved, of `also`, or escaped octets.
fn legal(text: &str, also: &str) -> bool {
    let bytes = text.as_bytes();
    text.char_indices().all(|(at, c)| match c {
        '%' => bytes.get(at + 1..at + 3).is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit)),
        c => unreserved(c) || also.contains(c),
    })
}

const PATH: &str = "/;:@&=+$,";
const ANY: &str = ";/?:@&=+$,[]";

/// A host name or an address, as a server's URI has it.
fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']').unwrap_or("");
        return inner.contains(':') && inner.chars().all(|c| c.is_ascii_hexdigit() || ":.%".contains(c));
    }
    let labels: Vec<&str> = host.strip_suffix('.').unwrap_or(host).split('.').collect();
    let label = |label: &&str| {
        let edges = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        edges(label.chars().next())
            && edges(label.chars().last())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    if !labels.iter().all(label) {
        return false;
    }
    let numeric = labels.last().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_digit()));
    !numeric || labels.len() == 4 && labels.iter().all(|part| part.parse::<u8>().is_ok())
}

fn parse<'a>(text: &'a str) -> Option<Uri<'a>> {
    let mut uri = Uri::default();
    let (rest, fragment) = match text.split_once('#') {
        Some((rest, fragment)) => (rest, Some(fragment)),
        None => (text, None),
    };
    if fragment.is_some_and(|fragment| !legal(fragment, ANY)) {
        return None;
    }
    uri.fragment = fragment;
    let mut rest = rest;
    let colon = rest.find([':', '/', '?']).filter(|at| rest[*at..].starts_with(':'));
    if let Some(at) = colon {
        let scheme = &rest[..at];
        let known = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        if !known {
            return None;
        }
        uri.scheme = Some(scheme);
        rest = &rest[at + 1..];
        if rest.is_empty() {
            return None;
        }
        if !rest.starts_with('/') {
            return legal(rest, ANY).then_some(uri);
        }
    }
    let (hierarchy, query) = match rest.split_once('?') {
        Some((hierarchy, query)) => (hierarchy, Some(query)),
        None => (rest, None),
    };
    if query.is_some_and(|query| !legal(query, ANY)) {
        return None;
    }
    uri.query = query;
    let mut path = hierarchy;
    if let Some(behind) = hierarchy.strip_prefix("//") {
        let end = behind.find('/').unwrap_or(behind.len());
        path = &behind[end..];
        if end > 0 {
            authority(&behind[..end], &mut uri)?;
        } else if path.is_empty() && query.is_none() && fragment.is_none() {
            return None;
        }
    }
    uri.path = Some(path);
    legal(path, PATH).then_some(uri)
}

/// Reads `user@host:port`; an authority that is none of a server has no user and no host.
fn authority<'a>(text: &'a str, uri: &mut Uri<'a>) -> Option<()> {
    if !legal(text, "$,;:@&=+[]") {
        return None;
    }
    uri.authority = Some(text);
    let (user, server) = match text.split_once('@') {
        Some((user, server)) => (Some(user), server),
        None => (None, text),
    };
    let host_end = if server.starts_with('[') {
        server.find(']').map_or(server.len(), |at| at + 1)
    } else {
        server.find(':').unwrap_or(server.len())
    };
    let (host, port) = server.split_at(host_end);
    let port = port.strip_prefix(':').unwrap_or(port);
    if is_host(host) && port.bytes().all(|b| b.is_ascii_digit()) {
        uri.user = user;
        uri.host = Some(host);
    }
    Some(())
}

/// The value of `key` in a query.
fn parameter<'a>(query: &'a str, key: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
}

fn part(uri: &Uri, part: &str, key: Option<&str>) -> Option<String> {
    let found = match (part, key) {
        ("QUERY", Some(key)) => uri.query.and_then(|query| parameter(query, key)),
        (_, Some(_)) => None,
        ("HOST", None) => uri.host,
        ("PATH", None) => uri.path,
        ("QUERY", None) => uri.query,
        ("REF", None) => uri.fragment,
        ("PROTOCOL", None) => uri.scheme,
        ("AUTHORITY", None) => uri.authority,
        ("USERINFO", None) => uri.user,
        ("FILE", None) => {
            let path = uri.path?;
            return Some(uri.query.map_or(path.to_string(), |query| format!("{path}?{query}")));
        }
        _ => None,
    };
    found.map(str::to_string)
}

fn parse_url(args: &[Argument], name: &str, lenient: bool) -> Result<Call> {
    count(name, args, 2, 3)?;
    let kernel: Kernel = Arc::new(move |args, rows| {
        let (urls, parts) = (Column::<Text>::of(&args[0])?, Column::<Text>::of(&args[1])?);
        let keys = args.get(2).map(Column::<Text>::of).transpose()?;
        over_rows(args, rows, &STRING, |row, out: &mut StringBuilder| {
            let key = keys.as_ref().map(|keys| keys.get(row));
            let (Some(url), Some(wanted), true) = (urls.get(row), parts.get(row), key != Some(None)) else {
                out.append_null();
                return Ok(());
            };
            match parse(url) {
                Some(uri) => out.append_option(part(&uri, wanted, key.flatten())),
                None if lenient => out.append_null(),
                None => {
                    let error = Error::user("[INVALID_URL] the url is invalid").with("url", url);
                    return Err(error.hint("try_parse_url gives null instead"));
                }
            }
            Ok(())
        })
    });
    Ok(nullable(call(name, args, &[STRING, STRING, STRING][..args.len()], STRING, kernel)?))
}
