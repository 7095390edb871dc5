//! Paths by pattern, in Hadoop's syntax: `*`, `?`, `[a-z]`, `[^a]`, `{a,b}`, and `\` before a character that
//! stands for itself. A wildcard never matches a hidden name, unless its part starts with `.` or `_`.

use std::collections::BTreeMap;

use super::{FileStatus, Storage, file_name, is_hidden};
use crate::error::{Error, Result};

/// The most patterns that `{a,b}` groups of one pattern may expand to.
const ALTERNATIVES_MAX: usize = 1000;

/// Whether a path holds characters that only a pattern has.
pub fn is_glob(path: &str) -> bool {
    path.contains(['{', '}', '[', ']', '*', '?', '\\'])
}

/// What is there under an absolute pattern: files and directories, sorted by path, each once.
pub fn glob(storage: &dyn Storage, pattern: &str) -> Result<Vec<FileStatus>> {
    let mut found = BTreeMap::new();
    for flat in expand(pattern)? {
        let parts: Vec<Part> =
            split(&flat).into_iter().map(|part| Part::parse(pattern, part)).collect::<Result<_>>()?;
        let mut reached = vec![String::new()];
        for (index, part) in parts.iter().enumerate() {
            let is_last = index + 1 == parts.len();
            let mut next = Vec::new();
            for dir in &reached {
                let matched = matches_below(storage, dir, part)?;
                next.extend(matched.into_iter().filter(|entry| is_last || entry.is_dir));
            }
            if is_last {
                found.extend(next.into_iter().map(|entry| (entry.path.clone(), entry)));
                reached = Vec::new();
            } else {
                reached = next.into_iter().map(|entry| entry.path).collect();
            }
        }
    }
    Ok(found.into_values().collect())
}

/// Whether a name fits a pattern of names, which has no `/`.
pub fn matches_name(pattern: &str, name: &str) -> Result<bool> {
    for flat in expand(pattern)? {
        if Part::parse(pattern, &flat)?.covers(name) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a pattern, or what is below its matches, can cover a path or what is below that: their names fit
/// as far as both go.
pub fn glob_may_cover(pattern: &str, path: &str) -> Result<bool> {
    for flat in expand(pattern)? {
        let mut covers = true;
        for (part, name) in split(&flat).into_iter().zip(split(path)) {
            covers &= Part::parse(pattern, part)?.covers(name);
        }
        if covers {
            return Ok(true);
        }
    }
    Ok(false)
}

fn matches_below(storage: &dyn Storage, dir: &str, part: &Part) -> Result<Vec<FileStatus>> {
    match part {
        Part::Name(name) => Ok(storage.status(&format!("{dir}/{name}"))?.into_iter().collect()),
        Part::Pattern { tokens, hidden } => {
            let listed = storage.list(if dir.is_empty() { "/" } else { dir })?;
            let fits = |entry: &FileStatus| {
                let name = file_name(&entry.path);
                let chars: Vec<char> = name.chars().collect();
                (*hidden || !is_hidden(name)) && fits(tokens, &chars)
            };
            Ok(listed.into_iter().filter(fits).collect())
        }
    }
}

/// One name of the path.
enum Part {
    Name(String),
    Pattern { tokens: Vec<Token>, hidden: bool },
}

#[derive(Debug, PartialEq)]
enum Token {
    Char(char),
    Any,
    Star,
    Set { negated: bool, ranges: Vec<(char, char)> },
}

impl Part {
    /// Hidden names included.
    fn covers(&self, name: &str) -> bool {
        match self {
            Part::Name(own) => own == name,
            Part::Pattern { tokens, .. } => fits(tokens, &name.chars().collect::<Vec<char>>()),
        }
    }

    fn parse(pattern: &str, text: &str) -> Result<Part> {
        let refuse = |why: &str| Error::user(format!("cannot read a glob: {why}")).with("pattern", pattern);
        let mut tokens = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            tokens.push(match c {
                '*' => Token::Star,
                '?' => Token::Any,
                '\\' => {
                    Token::Char(chars.next().ok_or_else(|| refuse("a `\\` stands at the end of a name"))?)
                }
                '[' => parse_set(&mut chars).ok_or_else(|| refuse("a `[` has no `]`"))?,
                _ => Token::Char(c),
            });
        }
        let name = tokens.iter().map(|token| match token {
            Token::Char(c) => Some(*c),
            _ => None,
        });
        if let Some(name) = name.collect::<Option<String>>() {
            return Ok(Part::Name(name));
        }
        let hidden = matches!(tokens.first(), Some(Token::Char('.' | '_')));
        Ok(Part::Pattern { tokens, hidden })
    }
}

/// What follows a `[`, up to and with its `]`.
fn parse_set(chars: &mut std::str::Chars<'_>) -> Option<Token> {
    let mut ranges = Vec::new();
    let mut next = chars.next()?;
    let negated = matches!(next, '^' | '!');
    if negated {
        next = chars.next()?;
    }
    let mut first = true;
    while next != ']' || first {
        first = false;
        let low = if next == '\\' { chars.next()? } else { next };
        next = chars.next()?;
        if next != '-' {
            ranges.push((low, low));
            continue;
        }
        next = chars.next()?;
        if next == ']' {
            ranges.extend([(low, low), ('-', '-')]);
        } else {
            ranges.push((low, if next == '\\' { chars.next()? } else { next }));
            next = chars.next()?;
        }
    }
    Some(Token::Set { negated, ranges })
}

/// Walks back to the last star only, so time grows with pattern times name.
fn fits(tokens: &[Token], name: &[char]) -> bool {
    let (mut t, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        let here = match tokens.get(t) {
            Some(Token::Star) => {
                star = Some((t, n));
                t += 1;
                continue;
            }
            Some(Token::Any) => true,
            Some(Token::Char(c)) => *c == name[n],
            Some(Token::Set { negated, ranges }) => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&name[n])) != *negated
            }
            None => false,
        };
        match (here, star) {
            (true, _) => (t, n) = (t + 1, n + 1),
            (false, Some((at, from))) => {
                star = Some((at, from + 1));
                (t, n) = (at + 1, from + 1);
            }
            (false, None) => return false,
        }
    }
    tokens[t..].iter().all(|token| *token == Token::Star)
}

/// The names of a path; a `/` inside `[...]` cannot be, one after `\` is not a name's.
fn split(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !part.is_empty()).collect()
}

/// All patterns that the `{a,b}` groups stand for, in their order.
fn expand(pattern: &str) -> Result<Vec<String>> {
    let refuse = |why: &str| Error::user(format!("cannot read a glob: {why}")).with("pattern", pattern);
    let mut done = Vec::new();
    let mut open = vec![pattern.to_string()];
    while let Some(next) = open.pop() {
        if done.len() + open.len() > ALTERNATIVES_MAX {
            return Err(refuse("its groups have too many alternatives").with("most", ALTERNATIVES_MAX));
        }
        match first_group(&next) {
            Group::None => done.push(next),
            Group::Unclosed => return Err(refuse("a `{` has no `}`")),
            Group::Found { before, alternatives, after } => {
                // The last first, since the list is a stack.
                for alternative in alternatives.iter().rev() {
                    open.push(format!("{before}{alternative}{after}"));
                }
            }
        }
    }
    Ok(done)
}

enum Group<'a> {
    None,
    Unclosed,
    Found { before: &'a str, alternatives: Vec<&'a str>, after: &'a str },
}

/// The first outermost group.
fn first_group(text: &str) -> Group<'_> {
    let (mut start, mut depth, mut commas) = (0, 0, Vec::new());
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match c {
            '\\' => escaped = true,
            '{' => {
                if depth == 0 {
                    start = at;
                }
                depth += 1;
            }
            ',' if depth == 1 => commas.push(at),
            '}' if depth > 1 => depth -= 1,
            '}' if depth == 1 => {
                let mut alternatives = Vec::new();
                let mut from = start + 1;
                for comma in commas.into_iter().chain([at]) {
                    alternatives.push(&text[from..comma]);
                    from = comma + 1;
                }
                return Group::Found { before: &text[..start], alternatives, after: &text[at + 1..] };
            }
            _ => {}
        }
    }
    if depth > 0 { Group::Unclosed } else { Group::None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::MemoryStorage;

    #[test]
    fn a_pattern_covers_a_path_as_far_as_both_go() {
        for (pattern, path, covers) in [
            ("/a/b", "/a/b", true),
            ("/a/b", "/a/b/c", true),
            ("/a/b/c", "/a/b", true),
            ("/a/b", "/a/c", false),
            ("/a/*", "/a/c/d", true),
            ("/a/*/x", "/a/c/y", false),
            ("/a/{b,c}*", "/a/cd", true),
            ("/a/[x-z]", "/archive", false),
            ("/a", "/", true),
        ] {
            assert_eq!(glob_may_cover(pattern, path).unwrap(), covers, "{pattern} {path}");
        }
        assert!(matches_name("*.{json,csv}", "a.csv").unwrap());
        assert!(!matches_name("*.json", "a.csv").unwrap());
    }

    #[test]
    fn patterns_find_what_hadoop_finds() {
        let storage = MemoryStorage::new();
        for path in [
            "/d/a1.csv",
            "/d/a2.csv",
            "/d/b1.json",
            "/d/.hidden",
            "/d/_tmp/x.csv",
            "/d/k=1/x.csv",
            "/d/k=2/x.csv",
            "/d/k=2/y-z.csv",
            "/d/st*r",
        ] {
            storage.replace(path, b"").unwrap();
        }
        for (pattern, expected) in [
            ("/d/*.csv", "/d/a1.csv /d/a2.csv"),
            ("/d/a?.csv", "/d/a1.csv /d/a2.csv"),
            ("/d/[ab]1.*", "/d/a1.csv /d/b1.json"),
            ("/d/[^a]1.*", "/d/b1.json"),
            ("/d/[!b-z]1.*", "/d/a1.csv"),
            ("/d/{a1,b1}.{csv,json}", "/d/a1.csv /d/b1.json"),
            ("/d/{k=1/x,k={2,3}/y-z}.csv", "/d/k=1/x.csv /d/k=2/y-z.csv"),
            ("/d/*/x.csv", "/d/k=1/x.csv /d/k=2/x.csv"),
            ("/d/k=*", "/d/k=1 /d/k=2"),
            ("/d/_*/x.csv", "/d/_tmp/x.csv"),
            ("/d/_tmp/*", "/d/_tmp/x.csv"),
            ("/d/.h*", "/d/.hidden"),
            ("/d/st\\*r", "/d/st*r"),
            ("/d/y[-]z", ""),
            ("/d/k=2/y[a-]z.csv", "/d/k=2/y-z.csv"),
            ("/d/*a*1*v", "/d/a1.csv"),
            ("/d/a1.csv/*", ""),
            ("/nothing/*", ""),
        ] {
            let found = glob(&storage, pattern);
            if pattern == "/d/a1.csv/*" {
                // A file is not descended into.
                assert!(found.unwrap().is_empty());
                continue;
            }
            let found: Vec<String> = found.unwrap().into_iter().map(|entry| entry.path).collect();
            assert_eq!(found.join(" "), expected, "{pattern}");
        }
    }

    #[test]
    fn broken_patterns_are_refused() {
        let many = "{a,b}".repeat(12);
        for pattern in ["/d/[ab", "/d/{a,b", "/d/a\\", &many] {
            assert!(glob(&MemoryStorage::new(), pattern).is_err(), "{pattern}");
        }
    }
}
