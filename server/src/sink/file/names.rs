//! How a file sink names files and partition directories: Spark's spelling, and the same in every attempt at a
//! batch. No I/O.

use std::fmt::Write;

use uuid::Uuid;

use crate::format::partition_dir::NULL_PARTITION;
use crate::record::{BatchId, QueryId};

/// What takes data before it is published, in the root of the output; readers leave out hidden names.
pub const STAGING_DIR: &str = ".wasmill-staging";

/// `part-00000-<uuid>-c000.snappy.parquet`; inside of partition directories `part-00000-<uuid>.c000.json`.
///
/// `number` counts the files that one writer of `partition` makes in one directory.
pub fn file_name(uuid: Uuid, partition: usize, number: u32, partitioned: bool, extension: &str) -> String {
    let separator = if partitioned { '.' } else { '-' };
    format!("part-{partition:05}-{uuid}{separator}c{number:03}{extension}")
}

/// How many attempts at one batch can each split its rows otherwise before one of them publishes.
pub const VARIANTS_MAX: u32 = 16;

/// The same for each attempt at the batch; variants above 0 are for attempts that find the name taken by other rows.
pub fn file_uuid(query: QueryId, batch: BatchId, partition: usize, variant: u32) -> Uuid {
    match variant {
        0 => query.derive(&format!("sink/{batch}/{partition}")),
        variant => query.derive(&format!("sink/{batch}/{partition}/{variant}")),
    }
}

/// True if the query gives files of this batch such a name, whatever the partition and the variant.
pub fn is_of_batch(name: &str, query: QueryId, batch: BatchId) -> bool {
    let parse = || {
        let (partition, rest) = name.strip_prefix("part-")?.split_once('-')?;
        let uuid = Uuid::try_parse(rest.get(..36)?).ok()?;
        Some((partition.parse::<usize>().ok()?, uuid))
    };
    parse().is_some_and(|(partition, uuid)| {
        (0..VARIANTS_MAX).any(|variant| uuid == file_uuid(query, batch, partition, variant))
    })
}

/// Appends `column=value`, escaped as Hive does; no value, or an empty one, is the null partition.
pub fn write_partition(column: &str, value: Option<&str>, out: &mut String) {
    write_escaped(column, out);
    out.push('=');
    match value {
        None | Some("") => out.push_str(NULL_PARTITION),
        Some(value) => write_escaped(value, out),
    }
}

fn write_escaped(text: &str, out: &mut String) {
    for c in text.chars() {
        let escape = matches!(c, '\u{1}'..='\u{1F}' | '\u{7F}') || "\"#%'*/:=?\\{[]^".contains(c);
        if escape {
            // Writing into a string does not fail.
            write!(out, "%{:02X}", u32::from(c)).unwrap_or_default();
        } else {
            out.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::testing::QUERY;

    #[test]
    fn every_attempt_spells_the_same_names() {
        let uuid = file_uuid(QUERY, 7, 3, 0);
        let single = file_name(uuid, 3, 0, false, ".snappy.parquet");
        assert_eq!(single, format!("part-00003-{uuid}-c000.snappy.parquet"));
        let partitioned = file_name(uuid, 3, 12, true, ".json");
        assert_eq!(partitioned, format!("part-00003-{uuid}.c012.json"));
        let other = file_name(file_uuid(QUERY, 7, 3, 1), 3, 0, false, ".json");
        for name in [&single, &partitioned, &other] {
            assert!(is_of_batch(name, QUERY, 7));
            assert!(!is_of_batch(name, QUERY, 8) && !is_of_batch(name, QueryId(Uuid::from_u128(2)), 7));
        }
        for name in ["", "part-", "part-x-y", "part-00004-é", "_SUCCESS", &single.replace("00003", "00004")]
        {
            assert!(!is_of_batch(name, QUERY, 7), "{name}");
        }
    }

    /// As Spark 4.2 named them.
    #[test]
    fn partition_values_are_escaped_as_hive_does() {
        for (column, value, expected) in [
            ("k", Some("a"), "k=a"),
            ("k a=b", Some("1.0"), "k a%3Db=1.0"),
            ("k", Some("2026-11-21 12:00:00.5"), "k=2026-11-21 12%3A00%3A00.5"),
            (
                "k",
                Some("a b/c=d:e%f\"g#h*i?j\\k{l[m]n^o~p|q}<r>s;t,u+v&wéx\u{1}y'"),
                "k=a b%2Fc%3Dd%3Ae%25f%22g%23h%2Ai%3Fj%5Ck%7Bl%5Bm%5Dn%5Eo~p|q}<r>s;t,u+v&wéx%01y%27",
            ),
            ("k", Some(""), "k=__HIVE_DEFAULT_PARTITION__"),
            ("k", None, "k=__HIVE_DEFAULT_PARTITION__"),
        ] {
            let mut out = String::new();
            write_partition(column, value, &mut out);
            assert_eq!(out, expected);
        }
    }
}
