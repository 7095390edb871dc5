//! Trimming and padding.

use arrow::array::{BinaryBuilder, StringBuilder};

use super::case::check_size;
use crate::error::Result;
use crate::expression::function::kernel::*;
use crate::expression::registry::{Argument, Call, Function};

pub static FUNCTIONS: &[Function] = &[
    Function { names: &["trim"], resolve: |args| trim(args, "trim", true, true) },
    Function { names: &["btrim"], resolve: |args| btrim(args) },
    Function { names: &["ltrim"], resolve: |args| trim(args, "ltrim", true, false) },
    Function { names: &["rtrim"], resolve: |args| trim(args, "rtrim", false, true) },
    Function { names: &["lpad"], resolve: |args| pad(args, "lpad", true) },
    Function { names: &["rpad"], resolve: |args| pad(args, "rpad", false) },
];

fn cut<'a>(s: &'a str, set: &str, left: bool, right: bool) -> &'a str {
    let within = |c: char| set.contains(c);
    let s = if left { s.trim_start_matches(within) } else { s };
    if right { s.trim_end_matches(within) } else { s }
}

/// `trim(text)` takes spaces away, `trim(set, text)` the characters of the set.
fn trim(args: &[Argument], name: &str, left: bool, right: bool) -> Result<Call> {
    count(name, args, 1, 2)?;
    if args.len() == 1 {
        return trim_spaces(args, name, left, right);
    }
    let kernel = map2::<Text, Text, StringBuilder, _>(STRING, move |set, s, out| {
        out.append_value(cut(s, set, left, right));
        Ok(())
    });
    call(name, args, &[STRING, STRING], STRING, kernel)
}

/// As `trim`, but with the text first.
fn btrim(args: &[Argument]) -> Result<Call> {
    count("btrim", args, 1, 2)?;
    if args.len() == 1 {
        return trim_spaces(args, "btrim", true, true);
    }
    let kernel = map2::<Text, Text, StringBuilder, _>(STRING, |s, set, out| {
        out.append_value(cut(s, set, true, true));
        Ok(())
    });
    call("btrim", args, &[STRING, STRING], STRING, kernel)
}

fn trim_spaces(args: &[Argument], name: &str, left: bool, right: bool) -> Result<Call> {
    let kernel = map1::<Text, StringBuilder, _>(STRING, move |s, out| {
        out.append_value(cut(s, " ", left, right));
        Ok(())
    });
    call(name, args, &[STRING], STRING, kernel)
}

fn pad(args: &[Argument], name: &'static str, left: bool) -> Result<Call> {
    count(name, args, 2, 3)?;
    if *args[0].data_type == BINARY && args.get(2).is_none_or(|arg| *arg.data_type == BINARY) {
        return pad_binary(args, name, left);
    }
    if args.len() == 2 {
        let kernel = map2::<Text, Int, StringBuilder, _>(STRING, move |s, n, out| {
            pad_text(name, s, n, " ", left, out)
        });
        return call(name, args, &[STRING, INT], STRING, kernel);
    }
    let kernel = map3::<Text, Int, Text, StringBuilder, _>(STRING, move |s, n, fill, out| {
        pad_text(name, s, n, fill, left, out)
    });
    call(name, args, &[STRING, INT, STRING], STRING, kernel)
}

fn pad_text(name: &str, s: &str, n: i32, fill: &str, left: bool, out: &mut StringBuilder) -> Result<()> {
    let wanted = n.max(0) as usize;
    let length = s.chars().count();
    if length >= wanted {
        let end = s.char_indices().nth(wanted).map_or(s.len(), |(at, _)| at);
        out.append_value(&s[..end]);
        return Ok(());
    }
    if fill.is_empty() {
        out.append_value(s);
        return Ok(());
    }
    check_size(name, s.len() + (wanted - length))?;
    let filling: String = fill.chars().cycle().take(wanted - length).collect();
    out.append_value(if left { filling + s } else { s.to_string() + &filling });
    Ok(())
}

fn pad_binary(args: &[Argument], name: &'static str, left: bool) -> Result<Call> {
    let fit = move |b: &[u8], n: i32, fill: &[u8], out: &mut BinaryBuilder| -> Result<()> {
        let wanted = n.max(0) as usize;
        if b.len() >= wanted || fill.is_empty() {
            out.append_value(&b[..b.len().min(wanted)]);
            return Ok(());
        }
        check_size(name, wanted)?;
        let filling = fill.iter().cycle().take(wanted - b.len());
        let padded: Vec<u8> = if left {
            filling.chain(b).copied().collect()
        } else {
            b.iter().chain(filling).copied().collect()
        };
        out.append_value(padded);
        Ok(())
    };
    if args.len() == 2 {
        let kernel = map2::<Bytes, Int, BinaryBuilder, _>(BINARY, move |b, n, out| fit(b, n, &[0], out));
        return call(name, args, &[BINARY, INT], BINARY, kernel);
    }
    let kernel =
        map3::<Bytes, Int, Bytes, BinaryBuilder, _>(BINARY, move |b, n, fill, out| fit(b, n, fill, out));
    call(name, args, &[BINARY, INT, BINARY], BINARY, kernel)
}
