//! Character classes of Java's regular expressions, written for the `regex` crate. Java's `\d`, `\w`, `\s` and
//! POSIX names know ASCII only.

pub const DIGIT: &str = "0-9";
pub const WORD: &str = "A-Za-z0-9_";
pub const SPACE: &str = r" \t\n\x0B\f\r";
const HORIZONTAL: &str = r" \t\u{A0}\u{1680}\u{180E}\u{2000}-\u{200A}\u{202F}\u{205F}\u{3000}";
const VERTICAL: &str = r"\n\x0B\f\r\u{85}\u{2028}\u{2029}";
/// Any character but a line terminator of Java.
pub const DOT: &str = r"[^\n\r\u{85}\u{2028}\u{2029}]";
pub const LINE_BREAK: &str = r"(?:\r\n|[\n\x0B\f\r\u{85}\u{2028}\u{2029}])";

/// The class of an escape such as `\d` or `\W`, in brackets; none if the letter names no class.
pub fn of_escape(letter: char) -> Option<String> {
    let members = match letter.to_ascii_lowercase() {
        'd' => DIGIT,
        'w' => WORD,
        's' => SPACE,
        'h' => HORIZONTAL,
        'v' => VERTICAL,
        _ => return None,
    };
    Some(if letter.is_ascii_uppercase() { format!("[^{members}]") } else { format!("[{members}]") })
}

/// The class of `\p{name}`, or of `\P{name}` if `negated`; none if the name is not known to both sides.
pub fn of_property(name: &str, negated: bool) -> Option<String> {
    let posix = match name {
        "Lower" => "lower",
        "Upper" => "upper",
        "ASCII" => "ascii",
        "Alpha" => "alpha",
        "Digit" => "digit",
        "Alnum" => "alnum",
        "Punct" => "punct",
        "Graph" => "graph",
        "Print" => "print",
        "Blank" => "blank",
        "Cntrl" => "cntrl",
        "XDigit" => "xdigit",
        "Space" => "space",
        _ => "",
    };
    if !posix.is_empty() {
        return Some(if negated { format!("[[:^{posix}:]]") } else { format!("[[:{posix}:]]") });
    }
    let unicode = match name {
        "javaLowerCase" => "Lowercase",
        "javaUpperCase" => "Uppercase",
        "javaAlphabetic" => "Alphabetic",
        "IsPunctuation" => "P",
        "IsDigit" => "Nd",
        "IsLetter" => "L",
        _ if name.starts_with("In") || name.starts_with("java") => return None,
        _ => name.strip_prefix("Is").unwrap_or(name),
    };
    let safe = unicode.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '=');
    (safe && !unicode.is_empty()).then(|| format!(r"\{}{{{unicode}}}", if negated { 'P' } else { 'p' }))
}

/// A literal character, for use within or outside a class.
pub fn literal(c: char) -> String {
    if c.is_ascii_alphanumeric() || !c.is_ascii() {
        return c.to_string();
    }
    format!(r"\x{{{:X}}}", c as u32)
}

/// A range, as members of a class; with the other case of ASCII letters if `fold`.
pub fn range(from: char, to: char, fold: bool) -> String {
    let mut members = format!("{}-{}", literal(from), literal(to));
    if fold {
        for (low, high, other) in [('a', 'z', 'A'), ('A', 'Z', 'a')] {
            let (start, end) = (from.max(low), to.min(high));
            if start <= end {
                let moved = |c: char| char::from(c as u8 - low as u8 + other as u8);
                members.push_str(&format!("{}-{}", moved(start), moved(end)));
            }
        }
    }
    members
}

/// A literal with its other case, if it is an ASCII letter and `fold` is set; in brackets then.
pub fn folded(c: char, fold: bool) -> String {
    if fold && c.is_ascii_alphabetic() {
        return format!("[{}{}]", c.to_ascii_lowercase(), c.to_ascii_uppercase());
    }
    literal(c)
}
