//! Datetime patterns of Spark (`yyyy-MM-dd HH:mm:ss`), read and checked. Formatting and parsing are not here.

use crate::error::{Error, Result};

#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    Text(String),
    /// A letter and how often it stands.
    Field(char, usize),
    Optional(Vec<Item>),
}

/// What a pattern is for; some letters only format.
#[derive(Clone, Copy, PartialEq)]
pub enum Purpose {
    Format,
    Parse,
}

fn refuse(class: &str, pattern: &str, why: String) -> Error {
    Error::user(format!("[{class}] cannot read the datetime pattern: {why}")).with("pattern", pattern)
}

/// How often a letter may stand; none for a letter without a meaning.
fn counts(letter: char) -> Option<std::ops::RangeInclusive<usize>> {
    Some(match letter {
        'y' => 1..=6,
        'M' | 'L' | 'E' | 'G' | 'Q' | 'q' | 'z' => 1..=4,
        'D' => 1..=3,
        'd' | 'H' | 'h' | 'K' | 'k' | 'm' | 's' => 1..=2,
        'S' => 1..=9,
        'a' | 'F' => 1..=1,
        'V' => 2..=2,
        'O' => 1..=4,
        'X' | 'x' | 'Z' => 1..=5,
        _ => return None,
    })
}

fn check(letter: char, count: usize, pattern: &str, purpose: Purpose) -> Result<()> {
    let week = "INCONSISTENT_BEHAVIOR_CROSS_VERSION.DATETIME_WEEK_BASED_PATTERN";
    let changed = "INCONSISTENT_BEHAVIOR_CROSS_VERSION.DATETIME_PATTERN_RECOGNITION";
    let illegal = "INVALID_DATETIME_PATTERN.ILLEGAL_CHARACTER";
    let unreadable = "INVALID_DATETIME_PATTERN.WITH_SUGGESTION";
    let only_formats = purpose == Purpose::Parse && matches!(letter, 'E' | 'F' | 'q' | 'Q');
    match counts(letter) {
        None if matches!(letter, 'e' | 'c') => Err(refuse(week, pattern, format!("`{letter}` is of weeks"))),
        None if matches!(letter, 'Y' | 'W' | 'w' | 'u') => {
            Err(refuse(changed, pattern, format!("`{letter}` is of weeks")))
        }
        None if matches!(letter, 'A' | 'B' | 'n' | 'N' | 'p') => {
            Err(refuse(illegal, pattern, format!("`{letter}` is not supported")))
        }
        None => Err(refuse(unreadable, pattern, format!("`{letter}` has no meaning"))),
        Some(_) if only_formats => {
            let class = if matches!(letter, 'E' | 'F') { changed } else { illegal };
            Err(refuse(class, pattern, format!("`{letter}` only formats")))
        }
        Some(_) if matches!(letter, 'Q' | 'q') && count > 4 => Err(refuse(
            "INVALID_DATETIME_PATTERN.LENGTH",
            pattern,
            format!("`{letter}` stands {count} times"),
        )),
        Some(allowed) if !allowed.contains(&count) || letter == 'O' && matches!(count, 2 | 3) => {
            let class = if matches!(letter, 'O' | 'V') { unreadable } else { changed };
            Err(refuse(class, pattern, format!("`{letter}` stands {count} times")))
        }
        Some(_) => Ok(()),
    }
}

/// Reads a pattern; an unknown or forbidden letter is an error with Spark's class.
pub fn parse_pattern(pattern: &str, purpose: Purpose) -> Result<Vec<Item>> {
    let wrong = |why: &str| refuse("INVALID_DATETIME_PATTERN.WITH_SUGGESTION", pattern, why.into());
    let mut open: Vec<Vec<Item>> = vec![Vec::new()];
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        let item = match c {
            '\'' => {
                let mut text = String::new();
                if chars.next_if_eq(&'\'').is_some() {
                    text.push('\'');
                } else {
                    loop {
                        match chars.next() {
                            Some('\'') if chars.next_if_eq(&'\'').is_some() => text.push('\''),
                            Some('\'') => break,
                            Some(c) => text.push(c),
                            None => return Err(wrong("a quotation is not closed")),
                        }
                    }
                }
                Item::Text(text)
            }
            '[' => {
                open.push(Vec::new());
                continue;
            }
            ']' => match (open.pop(), open.is_empty()) {
                (Some(items), false) => Item::Optional(items),
                _ => {
                    let class = "INCONSISTENT_BEHAVIOR_CROSS_VERSION.DATETIME_PATTERN_RECOGNITION";
                    return Err(refuse(class, pattern, "`]` closes nothing".into()));
                }
            },
            '#' | '{' | '}' => {
                let class = "INCONSISTENT_BEHAVIOR_CROSS_VERSION.DATETIME_PATTERN_RECOGNITION";
                return Err(refuse(class, pattern, format!("`{c}` is reserved")));
            }
            c if c.is_ascii_alphabetic() => {
                let mut count = 1;
                while chars.next_if_eq(&c).is_some() {
                    count += 1;
                }
                check(c, count, pattern, purpose)?;
                Item::Field(c, count)
            }
            c => Item::Text(c.to_string()),
        };
        if let Some(items) = open.last_mut() {
            items.push(item);
        }
    }
    // A section left open ends with the pattern.
    while open.len() > 1 {
        let items = open.pop().unwrap_or_default();
        if let Some(outer) = open.last_mut() {
            outer.push(Item::Optional(items));
        }
    }
    Ok(open.pop().unwrap_or_default())
}

/// Whether an era is among the fields: years are counted within it then.
pub fn has_era(items: &[Item]) -> bool {
    items.iter().any(|item| match item {
        Item::Field(letter, _) => *letter == 'G',
        Item::Optional(items) => has_era(items),
        Item::Text(_) => false,
    })
}

pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
