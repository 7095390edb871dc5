//! identity: gives back what it gets, one function a type. The smallest test of the boundary.

use std::collections::BTreeMap;

use wasmill_udf::*;

record! { pub THING as Thing { name: STRING, tags: ARRAY<STRING>, at: PLACE } }
record! { pub TOTAL as Total { words: INT, longest: STRING } }
record! { pub PLACE as Place { x: DOUBLE, y: DOUBLE } }

module! {
    map boolean(value: BOOLEAN) -> (value: BOOLEAN);
    map tinyint(value: TINYINT) -> (value: TINYINT);
    map smallint(value: SMALLINT) -> (value: SMALLINT);
    map int(value: INT) -> (value: INT);
    map bigint(value: BIGINT) -> (value: BIGINT);
    map float(value: FLOAT) -> (value: FLOAT);
    map double(value: DOUBLE) -> (value: DOUBLE);
    map decimal(value: DECIMAL<12, 2>) -> (value: DECIMAL<12, 2>);
    map string(value: STRING) -> (value: STRING);
    map binary(value: BINARY) -> (value: BINARY);
    map date(value: DATE) -> (value: DATE);
    map timestamp(value: TIMESTAMP) -> (value: TIMESTAMP);
    map timestamp_ntz(value: TIMESTAMP_NTZ) -> (value: TIMESTAMP_NTZ);
    map interval(value: INTERVAL) -> (value: INTERVAL);
    map months(value: INTERVAL_YEAR_MONTH) -> (value: INTERVAL_YEAR_MONTH);
    map array(value: ARRAY<STRING>) -> (value: ARRAY<STRING>);
    map nested(value: ARRAY<ARRAY<INT>>) -> (value: ARRAY<ARRAY<INT>>);
    map map(value: MAP<STRING, BIGINT>) -> (value: MAP<STRING, BIGINT>);
    map record(value: THING) -> (value: THING);
    map records(value: ARRAY<THING>) -> (value: ARRAY<THING>);
    map deep(value: MAP<INT, ARRAY<MAP<STRING, THING>>>) -> (value: MAP<INT, ARRAY<MAP<STRING, THING>>>);
    map lengths(words: ARRAY<STRING>) -> (lengths: ARRAY<INT>, total: TOTAL);
    map pick(from: MAP<STRING, BIGINT>, key: STRING) -> (value: BIGINT, rest: MAP<STRING, BIGINT>);
    aggregate gather(words: ARRAY<STRING>) -> (counts: MAP<STRING, BIGINT>) with Gather(counts: MAP<STRING, BIGINT>);
    batch repeat(x: INT) -> (xs: ARRAY<INT>);
    flat_map twice(id: BIGINT, name: STRING, flag: BOOLEAN) -> (id: BIGINT, name: STRING, flag: BOOLEAN);
    flat_map keep_positive(x: BIGINT) -> ();
    map checked(x: BIGINT) -> (y: BIGINT);
    map share(x: BIGINT) -> (y: BIGINT);
    batch passed(x: BIGINT) -> (y: BIGINT);
    batch never(x: BIGINT) -> (y: BIGINT);
    map nothing() -> (one: INT);
}

macro_rules! same {
    ($($name:ident $value:ty),+) => {$(
        pub fn $name(value: Option<$value>) -> Option<$value> {
            value
        }
    )+};
}

same!(boolean bool, tinyint i8, smallint i16, int i32, bigint i64, float f32, double f64, decimal i128, date i32, timestamp i64, timestamp_ntz i64, interval i64, months i32);

pub fn string(value: Option<&str>) -> Option<&str> {
    value
}

pub fn binary(value: Option<&[u8]>) -> Option<&[u8]> {
    value
}

macro_rules! same_nested {
    ($($name:ident $value:ty),+) => {$(
        pub fn $name<'a>(value: Option<$value>) -> Option<$value> {
            value
        }
    )+};
}

same_nested!(array Items<'a, STRING>, nested Items<'a, ARRAY<INT>>, map Entries<'a, STRING, BIGINT>);
same_nested!(record Thing<'a>, records Items<'a, THING>, deep Entries<'a, INT, ARRAY<MAP<STRING, THING>>>);

type Lengths = Vec<Option<i32>>;
type Longest = Option<Result<String, String>>;

/// The length of each word, how many there are, and the longest one in capitals, which is refused if
/// it says "refuse".
pub fn lengths(words: Option<Items<STRING>>) -> (Option<Lengths>, Option<(i32, Longest)>) {
    let Some(words) = words else { return (None, None) };
    let lengths = words.iter().map(|word| word.map(|word| word.chars().count() as i32)).collect();
    let longest = words.iter().flatten().max_by_key(|word| word.chars().count());
    let longest = longest.map(|word| match word {
        "refuse" => Err("refused inside a struct".into()),
        word => Ok(word.to_uppercase()),
    });
    (Some(lengths), Some((words.len() as i32, longest)))
}

type Entry<'a> = (&'a str, Option<i64>);

/// The value of a key, and the map without it.
pub fn pick<'a>(
    from: Option<Entries<'a, STRING, BIGINT>>,
    key: Option<&'a str>,
) -> (Option<i64>, Option<Vec<Entry<'a>>>) {
    let (Some(from), Some(key)) = (from, key) else { return (None, None) };
    (from.get(key).flatten(), Some(from.iter().filter(|(found, _)| *found != key).collect()))
}

/// How often each word was there, in the order of the words.
struct Gather {
    counts: BTreeMap<String, i64>,
}

impl Gather {
    fn load(counts: Option<Entries<STRING, BIGINT>>) -> Gather {
        let counts = counts.iter().flat_map(|counts| counts.iter());
        Gather { counts: counts.map(|(word, count)| (word.into(), count.unwrap_or(0))).collect() }
    }

    fn save(&self) -> BTreeMap<String, i64> {
        self.counts.clone()
    }

    fn update(&mut self, words: Option<Items<STRING>>) {
        for word in words.iter().flat_map(|words| words.iter()).flatten() {
            *self.counts.entry(word.into()).or_default() += 1;
        }
    }

    fn merge(&mut self, other: Gather) {
        for (word, count) in other.counts {
            *self.counts.entry(word).or_default() += count;
        }
    }

    fn finish(&self) -> Option<BTreeMap<String, i64>> {
        (!self.counts.is_empty()).then(|| self.save())
    }
}

/// Each number as often as it says.
pub fn repeat(x: Column<INT>, xs: &mut Builder<ARRAY<INT>>) -> Result<(), String> {
    for x in x.iter() {
        match x {
            Some(x) => xs.push((0..x).map(|_| x))?,
            None => Build::push_null(xs),
        }
    }
    Ok(())
}

/// Each row twice.
pub fn twice(
    id: Option<i64>,
    name: Option<&str>,
    flag: Option<bool>,
    out: &mut Emit<(BIGINT, STRING, BOOLEAN)>,
) {
    out.emit((id, name, flag));
    out.emit((id, name, flag));
}

/// A filter: it gives back no columns, only which rows stay.
pub fn keep_positive(x: Option<i64>, out: &mut Emit<()>) {
    if x.is_some_and(|x| x > 0) {
        out.emit(());
    }
}

/// The row itself, but negative rows are errors.
pub fn checked(x: Option<i64>) -> Result<Option<i64>, String> {
    match x {
        Some(x) if x < 0 => Err(format!("{x} is negative")),
        _ => Ok(x),
    }
}

/// A hundred, shared; panics at zero, as arithmetic in Rust does.
pub fn share(x: Option<i64>) -> Option<i64> {
    x.map(|x| 100 / x)
}

/// The column that came in, not copied.
pub fn passed(x: Column<BIGINT>, y: &mut Builder<BIGINT>) {
    y.same(x);
}

/// Gives up on every batch.
pub fn never(x: Column<BIGINT>, _: &mut Builder<BIGINT>) -> Result<(), String> {
    Err(format!("will not have {} rows", x.rows()))
}

/// A column of ones, from no input.
pub fn nothing() -> i32 {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_and_checks() {
        assert_eq!(checked(Some(-1)), Err("-1 is negative".into()));
        assert_eq!(checked(Some(1)), Ok(Some(1)));
        let built = testing::built::<BIGINT>(|y| assert!(never(testing::column([1, 2]), y).is_err()));
        assert_eq!(built, []);
    }

    #[test]
    fn a_column_is_passed_on() {
        for values in [vec![], vec![Some(1), Some(2)], vec![None, Some(3), None]] {
            let column = testing::column::<BIGINT>(values.iter().copied());
            assert_eq!(testing::built::<BIGINT>(|y| passed(column, y)), values);
        }
    }

    #[test]
    fn nested_values() {
        let words = testing::column::<ARRAY<STRING>>([Some(vec![Some("to"), None, Some("größer")]), None]);
        assert_eq!(
            lengths(words.get(0)),
            (Some(vec![Some(2), None, Some(6)]), Some((3, Some(Ok("GRÖSSER".into())))))
        );
        assert_eq!(lengths(words.get(1)), (None, None));
        let maps = testing::column::<MAP<STRING, BIGINT>>([vec![("a", Some(1)), ("b", None)]]);
        assert_eq!(pick(maps.get(0), Some("a")), (Some(1), Some(vec![("b", None)])));
        let built = testing::built::<ARRAY<INT>>(|xs| repeat(testing::column([Some(2), None]), xs).unwrap());
        assert_eq!(built, [Some(vec![Some(2), Some(2)]), None]);
        let thing = Thing { name: Some("a"), tags: None, at: Some(Place { x: Some(1.0), y: None }) };
        let things = testing::built::<THING>(|things| Put::put(Some(thing), things).unwrap());
        assert_eq!(things, [Some((Some("a".into()), None, Some((Some(1.0), None))))]);
    }
}
