//! Finding and replacing plain text.

use std::sync::Arc;

use arrow::array::{BooleanBuilder, Int32Builder, StringBuilder};
use hashbrown::HashMap;
use memchr::memmem;

use crate::error::Result;
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function, Kernel};

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["instr"], resolve: instr },
    Function { names: &["locate", "position"], resolve: locate },
    Function { names: &["replace"], resolve: replace },
    Function { names: &["translate"], resolve: translate },
    Function {
        names: &["contains"],
        resolve: |args| test(args, "contains", |a, b| memmem::find(a, b).is_some()),
    },
    Function { names: &["startswith"], resolve: |args| test(args, "startswith", |a, b| a.starts_with(b)) },
    Function { names: &["endswith"], resolve: |args| test(args, "endswith", |a, b| a.ends_with(b)) },
    Function { names: &["find_in_set"], resolve: find_in_set },
    Function { names: &["levenshtein"], resolve: levenshtein },
];

/// The position of `part` in `s` at or after the character `from` (from 0), counted from 1; 0 if it is not there.
/// Nothing is found at the start, wherever the search begins.
fn find(s: &str, sought: &str, from: usize) -> i32 {
    if sought.is_empty() {
        return 1;
    }
    let Some((start, _)) = s.char_indices().nth(from) else { return 0 };
    match s[start..].find(sought) {
        Some(at) => (from + s[start..start + at].chars().count()) as i32 + 1,
        None => 0,
    }
}

fn instr(args: &[Argument]) -> Result<Call> {
    let kernel = map2::<Text, Text, Int32Builder, _>(INT, |s, sought, out| {
        out.append_value(find(s, sought, 0));
        Ok(())
    });
    call("instr", args, &[STRING, STRING], INT, kernel)
}

fn locate(args: &[Argument]) -> Result<Call> {
    count("locate", args, 2, 3)?;
    let kernel: Kernel = Arc::new(|args, rows| {
        let (sought, s) = (Column::<Text>::of(&args[0])?, Column::<Text>::of(&args[1])?);
        let from = args.get(2).map(Column::<Int>::of).transpose()?;
        over_rows(args, rows, &INT, |row, out: &mut Int32Builder| {
            // A null start gives 0, not null.
            let from = from.as_ref().map_or(Some(1), |from| from.get(row));
            match (from, sought.get(row), s.get(row)) {
                (None, _, _) => out.append_value(0),
                (Some(from), Some(sought), Some(s)) => {
                    out.append_value(if from < 1 { 0 } else { find(s, sought, from as usize - 1) });
                }
                _ => out.append_null(),
            }
            Ok(())
        })
    });
    call("locate", args, &[STRING, STRING, INT][..args.len()], INT, kernel)
}

fn replace(args: &[Argument]) -> Result<Call> {
    count("replace", args, 2, 3)?;
    fn put(s: &str, old: &str, new: &str, out: &mut StringBuilder) -> Result<()> {
        if old.is_empty() {
            out.append_value(s);
        } else {
            out.append_value(s.replace(old, new));
        }
        Ok(())
    }
    if args.len() == 2 {
        let kernel = map2::<Text, Text, StringBuilder, _>(STRING, |s, old, out| put(s, old, "", out));
        return call("replace", args, &[STRING, STRING], STRING, kernel);
    }
    let kernel = map3::<Text, Text, Text, StringBuilder, _>(STRING, put);
    call("replace", args, &[STRING, STRING, STRING], STRING, kernel)
}

type Dictionary = HashMap<char, Option<char>>;

/// The first use of a character counts; characters without a partner are dropped.
fn dictionary(from: &str, to: &str) -> Dictionary {
    let mut to = to.chars();
    let mut dictionary = Dictionary::new();
    for c in from.chars() {
        let partner = to.next();
        dictionary.entry(c).or_insert(partner.filter(|p| *p != '\0'));
    }
    dictionary
}

fn translated(s: &str, dictionary: &Dictionary) -> String {
    s.chars().filter_map(|c| dictionary.get(&c).copied().unwrap_or(Some(c))).collect()
}

fn translate(args: &[Argument]) -> Result<Call> {
    count("translate", args, 3, 3)?;
    let kernel = match (literal_text(&args[1]), literal_text(&args[2])) {
        (Some(from), Some(to)) => {
            let dictionary = dictionary(from, to);
            map1::<Text, StringBuilder, _>(STRING, move |s, out| {
                out.append_value(translated(s, &dictionary));
                Ok(())
            })
        }
        _ => map3::<Text, Text, Text, StringBuilder, _>(STRING, |s, from, to, out| {
            out.append_value(translated(s, &dictionary(from, to)));
            Ok(())
        }),
    };
    call("translate", args, &[STRING, STRING, STRING], STRING, kernel)
}

fn test(args: &[Argument], name: &str, f: fn(&[u8], &[u8]) -> bool) -> Result<Call> {
    count(name, args, 2, 2)?;
    if args.iter().all(|arg| *arg.data_type == BINARY) {
        let kernel = map2::<Bytes, Bytes, BooleanBuilder, _>(BOOLEAN, move |a, b, out| {
            out.append_value(f(a, b));
            Ok(())
        });
        return call(name, args, &[BINARY, BINARY], BOOLEAN, kernel);
    }
    let kernel = map2::<Text, Text, BooleanBuilder, _>(BOOLEAN, move |a, b, out| {
        out.append_value(f(a.as_bytes(), b.as_bytes()));
        Ok(())
    });
    call(name, args, &[STRING, STRING], BOOLEAN, kernel)
}

fn find_in_set(args: &[Argument]) -> Result<Call> {
    let kernel = map2::<Text, Text, Int32Builder, _>(INT, |s, set, out| {
        let found = if s.contains(',') { None } else { set.split(',').position(|word| word == s) };
        out.append_value(found.map_or(0, |at| at as i32 + 1));
        Ok(())
    });
    call("find_in_set", args, &[STRING, STRING], INT, kernel)
}

fn levenshtein(args: &[Argument]) -> Result<Call> {
    count("levenshtein", args, 2, 3)?;
    if args.len() == 2 {
        let kernel = map2::<Text, Text, Int32Builder, _>(INT, |a, b, out| {
            out.append_value(distance(a, b));
            Ok(())
        });
        return call("levenshtein", args, &[STRING, STRING], INT, kernel);
    }
    let kernel = map3::<Text, Text, Int, Int32Builder, _>(INT, |a, b, most, out| {
        let distance = distance(a, b);
        out.append_value(if distance <= most { distance } else { -1 });
        Ok(())
    });
    call("levenshtein", args, &[STRING, STRING, INT], INT, kernel)
}

fn distance(a: &str, b: &str) -> i32 {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<i32> = (0..=b.len() as i32).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i as i32 + 1;
        for (j, to) in b.iter().enumerate() {
            let change = diagonal + i32::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// The part of `s` before the `n`-th `delimiter`, or behind the `n`-th from the end if `n` is negative.
pub fn substring_index<'a>(s: &'a str, delimiter: &str, n: i32) -> &'a str {
    if delimiter.is_empty() || n == 0 {
        return "";
    }
    // Matches may overlap, as in Spark: each search goes on one byte behind the last match.
    let (text, sought) = (s.as_bytes(), delimiter.as_bytes());
    if n > 0 {
        let mut at = 0;
        for i in 0..n {
            let from = if i == 0 { 0 } else { at + 1 };
            match text.get(from..).and_then(|rest| memmem::find(rest, sought)) {
                Some(found) => at = from + found,
                None => return s,
            }
        }
        return &s[..at];
    }
    let mut end = text.len();
    for _ in n..0 {
        match memmem::rfind(&text[..end], sought) {
            Some(found) => end = (found + sought.len() - 1).min(text.len()),
            None => return s,
        }
    }
    &s[end + 1..]
}
