//! Functions that Spark has and a replayed stream cannot: each is refused with the reason.

use crate::error::Error;

const REPLAY: &str =
    "it gives another value each time, and a batch that is replayed must give the same bytes";

/// Name, reason, what would work.
const REFUSED: [(&str, &str, &str); 27] = [
    ("rand", REPLAY, "derive a number from the row, such as `pmod(hash(key), 100)`"),
    ("random", REPLAY, "derive a number from the row, such as `pmod(hash(key), 100)`"),
    ("randn", REPLAY, "derive a number from the row, such as `pmod(hash(key), 100)`"),
    ("randstr", REPLAY, "derive a string from the row, such as `md5(key)`"),
    ("uniform", REPLAY, "derive a number from the row, such as `pmod(hash(key), 100)`"),
    ("uuid", REPLAY, "derive an id from the row, such as `sha2(key, 256)`"),
    ("shuffle", REPLAY, "sort instead, such as `array_sort(a)`"),
    (
        "monotonically_increasing_id",
        "it depends on how rows are split into partitions",
        "use an id of the source, such as the offset of Kafka",
    ),
    ("spark_partition_id", "it depends on how rows are split into partitions", "use `partition` of Kafka"),
    ("input_file_name", "rows do not carry the file they came from", "partition directories become columns"),
    (
        "input_file_block_start",
        "rows do not carry the file they came from",
        "partition directories become columns",
    ),
    (
        "input_file_block_length",
        "rows do not carry the file they came from",
        "partition directories become columns",
    ),
    ("current_user", "a query has no Spark user", "write the name as a constant"),
    ("user", "a query has no Spark user", "write the name as a constant"),
    ("session_user", "a query has no Spark user", "write the name as a constant"),
    ("current_catalog", "there is no catalog", "write the name as a constant"),
    ("current_database", "there is no catalog", "write the name as a constant"),
    ("current_schema", "there is no catalog", "write the name as a constant"),
    ("version", "this is not Spark", "write the version as a constant"),
    ("java_method", "there is no JVM", "write a udf stage"),
    ("reflect", "there is no JVM", "write a udf stage"),
    ("session_window", "session windows are not supported", "use window(time, '10 seconds')"),
    ("window", "a window is a key of groupBy", "put it into groupBy and select `window.start`"),
    ("row_number", "it orders rows of a whole table", "use orderBy and limit in complete mode"),
    ("rank", "it orders rows of a whole table", "use orderBy and limit in complete mode"),
    ("lag", "it orders rows of a whole table", "use a udf stage with state"),
    ("lead", "it orders rows of a whole table", "use a udf stage with state"),
];

/// The error, if the function is refused.
pub fn refused(name: &str) -> Option<Error> {
    let (_, reason, hint) = REFUSED.iter().find(|(refused, ..)| *refused == name)?;
    Some(Error::user(format!("the function `{name}` is not supported: {reason}")).hint(*hint))
}

/// The error of a function that neither we nor the registry know.
pub fn unknown(name: &str, known: &[&str]) -> Error {
    let error = Error::user("[UNRESOLVED_ROUTINE] there is no such function").with("function", name);
    let nearest = known.iter().map(|known| (distance(name, known), *known)).min();
    match nearest {
        Some((distance, near)) if distance <= name.len() / 3 => error.hint(format!("did you mean `{near}`?")),
        _ => error.hint("docs/sql.md lists the functions there are"),
    }
}

/// How many characters to change, add or remove.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
