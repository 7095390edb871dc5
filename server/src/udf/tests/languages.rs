//! The same functions in every language give the same; and what preview 1 tells a guest.

use arrow::array::{
    Array, BooleanArray, Date32Array, Decimal128Array, DurationMicrosecondArray, Int32Array,
    TimestampMicrosecondArray, UInt32Array, new_null_array,
};
use arrow::compute::concat;

use super::*;

const LINES: &[&[Option<&str>]] = &[
    &[Some("to be or not to be")],
    &[None],
    &[Some("")],
    &[Some("   ")],
    &[Some(" leading"), Some("trailing "), Some("  both   and  many  ")],
    &[
        Some("größer als sechzehn Bytes, viel größer"),
        None,
        Some("日本語 テキスト"),
        Some("\u{1f600} \u{1f600}"),
    ],
    &[Some("tab\tis no\u{a0}space\nnor\u{2003}this")],
    &[Some("averyveryverylongwordofmorethan16bytes a averyveryverylongwordofmorethan16bytes"), Some("b")],
    &[None, None, Some("x"), None, None, None, None, None, None, None, Some("y z"), None],
];

const NUMBERS: &[&[Option<i64>]] = &[
    &[Some(0)],
    &[None],
    &[Some(i64::MIN), Some(-1), Some(1), Some(i64::MAX)],
    &[Some(7), None, Some(9), None, None, None, None, None, None, None, Some(1)],
];

/// Where the two functions are, in each language; the first is the one that the others must agree with.
const SPLIT_WORDS: &[&str] = &["text", "words-c", "words-by-hand", "words-go", "words-assemblyscript"];
const MIX: &[&str] = &["numbers", "words-c", "words-by-hand", "words-go", "words-assemblyscript"];

fn other(name: &str) -> Arc<Module> {
    if build_udfs::MODULES.contains(&name) {
        return module(name);
    }
    type Loaded = std::collections::BTreeMap<String, Arc<Module>>;
    static LOADED: std::sync::Mutex<Loaded> = std::sync::Mutex::new(Loaded::new());
    let mut loaded = LOADED.lock().unwrap();
    Arc::clone(loaded.entry(name.into()).or_insert_with(|| runtime().load(&bytes(name)).unwrap()))
}

/// The rows that came back, and where they came from.
fn outcome(module: &str, function: &str, column: &ArrayRef) -> (ArrayRef, Vec<Option<UInt32Array>>) {
    let results = other(module).transform(function).unwrap().open(MOMENT).unwrap();
    let results = { results }.process(std::slice::from_ref(column), column.len()).unwrap();
    let columns: Vec<_> = results.iter().map(|result| result.columns[0].as_ref()).collect();
    (concat(&columns).unwrap(), results.iter().map(|result| result.origin.clone()).collect())
}

fn agree(function: &str, modules: &[&str], columns: &[ArrayRef]) {
    for column in columns {
        let expected = outcome(modules[0], function, column);
        for module in &modules[1..] {
            assert_eq!(outcome(module, function, column), expected, "{module}.{function} of {column:?}");
        }
    }
}

/// Lines of every length, cut at many places.
fn many_lines(rows: usize) -> ArrayRef {
    let mut noise = Noise(5);
    let mut line = |_| {
        let letters = (0..noise.below(200)).map(|_| [' ', 'a', 'b', 'ö', 'z', '語', ' '][noise.below(7)]);
        let line: String = letters.collect();
        Some(line).filter(|_| noise.below(10) > 0)
    };
    let lines: Vec<Option<String>> = (0..rows).map(&mut line).collect();
    Arc::new(StringArray::from(lines))
}

#[test]
fn split_words_is_the_same_in_every_language() {
    let mut columns: Vec<_> = LINES.iter().map(|lines| strings(lines)).collect();
    columns.extend([1, 64, 65, 5_000].map(many_lines));
    // More than one call: the arena and the builders are used again.
    columns.push(many_lines(20_000));
    agree("split_words", SPLIT_WORDS, &columns);
}

#[test]
fn mix_is_the_same_in_every_language() {
    let mut columns: Vec<_> = NUMBERS.iter().map(|values| numbers(values)).collect();
    let mut noise = Noise(9);
    let values: Vec<_> = (0..200_000).map(|_| Some(noise.next() as i64)).collect();
    columns.push(numbers(&values));
    columns.push(numbers(&values.iter().map(|x| x.filter(|x| x % 3 != 0)).collect::<Vec<_>>()));
    agree("mix", MIX, &columns);
}

/// Where the aggregate and the group functions are, in each language beside Rust.
const KINDS: &[&str] = &["kinds-c", "kinds-go", "kinds-assemblyscript"];

/// What an aggregate gives at each step: many groups, filled twice and merged.
fn aggregated(module: &str) -> Vec<Vec<ArrayRef>> {
    let aggregate = other(module).aggregate("top_k").unwrap();
    let (groups, rows) = (60, 4_000);
    let none: Vec<ArrayRef> =
        aggregate.state().iter().map(|field| new_null_array(field.data_type(), groups)).collect();
    let mut noise = Noise(11);
    let mut guest = aggregate.open(MOMENT).unwrap();
    let mut update = |states: &[ArrayRef]| {
        let values: Vec<_> =
            (0..rows).map(|_| Some(noise.next() as i64 >> noise.below(64)).filter(|x| x % 5 != 0)).collect();
        let k: ArrayRef = Arc::new(Int32Array::from(vec![7; rows]));
        // The last group stays without rows.
        let owners = Int32Array::from_iter_values((0..rows).map(|_| noise.below(groups - 1) as i32));
        guest.update(states, &[numbers(&values), k], &owners).unwrap()
    };
    let first = update(&none);
    let second = update(&first);
    let other = update(&none);
    let owners = Int32Array::from_iter_values(0..groups as i32);
    let merged = guest.merge(&second, &other, &owners).unwrap();
    let finished = vec![guest.finish(&merged).unwrap()];
    vec![first, second, merged, finished]
}

#[test]
fn an_aggregate_is_the_same_in_every_language() {
    let expected = aggregated("top");
    for module in KINDS {
        assert_eq!(aggregated(module), expected, "{module}");
    }
}

/// What a group function gives in calls that each go on with the states and timers of the last; half of the timers are
/// over at each.
fn grouped(module: &str) -> Vec<String> {
    let group = other(module).group("sessions").unwrap();
    let (groups, rows) = (40, 3_000);
    let mut states: Vec<ArrayRef> = vec![new_null_array(group.state()[0].data_type(), groups)];
    let (mut noise, mut timers, mut guest) = (Noise(13), Timers::default(), group.open(MOMENT).unwrap());
    let mut outputs = Vec::new();
    for _ in 0..4 {
        let mut owners: Vec<_> = (0..rows).map(|_| noise.below(groups) as i32).collect();
        owners.sort_unstable();
        let times: TimestampMicrosecondArray =
            (0..rows).map(|_| Some(noise.below(100_000) as i64).filter(|time| time % 7 != 0)).collect();
        let columns: [ArrayRef; 2] =
            [Arc::new(times.with_timezone("UTC")), Arc::new(DurationMicrosecondArray::from(vec![300; rows]))];
        let (mut fired, mut running) = (Timers::default(), Timers::default());
        for (group, time) in timers.groups.iter().zip(&timers.times) {
            let to = if *time < 50_000 { &mut fired } else { &mut running };
            to.groups.push(*group);
            to.times.push(*time);
        }
        let input = GroupInput {
            watermark_us: Some(50_000),
            time_us: 0,
            keys: &[],
            states: &states,
            rows: &columns,
            row_groups: &Int32Array::from(owners),
            timers: &running,
            fired: &fired,
        };
        let output = guest.process(&input).unwrap();
        outputs.push(format!("{output:?}"));
        (states, timers) = (output.states, output.timers);
    }
    outputs
}

#[test]
fn a_group_function_is_the_same_in_every_language() {
    let expected = grouped("sessions");
    for module in KINDS {
        assert_eq!(grouped(module), expected, "{module}");
    }
}

fn ask(function: &str, x: i64) -> Result<i64> {
    let transform = other("preview1").transform(function)?;
    let results = transform.open(MOMENT)?.process(&[numbers(&[Some(x)])], 1)?;
    Ok(results[0].columns[0].as_primitive::<arrow::datatypes::Int64Type>().value(0))
}

#[test]
fn preview1_answers() {
    let time = MOMENT.time_us * 1_000;
    for (function, x, y) in [
        ("time", 0, time),
        ("time", 1, time),
        ("step", 0, 1_000),
        ("arguments", 0, 0),
        ("arguments", 1, 0),
        ("print", 1, 22),
        ("print", 2, 22),
        ("print", 0, -8),
        ("print", 3, -8),
        ("print_pieces", 0, 0),
        ("print_pieces", 1_025, 28),
        ("starts", 0, 1),
        ("much_chance", 50 << 20, 0),
        ("refused", 0, 8),
        ("refused", 1, 52),
        ("refused", 2, 52),
        ("refused", 3, 28),
        ("refused", 4, 52),
        ("refused", 5, 0),
        ("sleep", 0, 0),
        ("sleep", 1_234, 1_234),
    ] {
        assert_eq!(ask(function, x).unwrap(), y, "{function} {x}");
    }
}

#[test]
fn go_starts_at_time_zero() {
    let mix = other("words-go").transform("mix").unwrap();
    assert!(mix.open(Moment { time_us: 0, seed: 0 }).is_ok());
}

#[test]
fn chance_comes_from_the_seed_and_goes_on() {
    let transform = other("preview1").transform("chance").unwrap();
    let draw = |guest: &mut TransformInstance| {
        let column = numbers(&[Some(8), Some(8), Some(3)]);
        let calls =
            [1, 2].map(|_| guest.process(&[Arc::clone(&column)], 3).unwrap().remove(0).columns.remove(0));
        concat(&[calls[0].as_ref(), calls[1].as_ref()]).unwrap()
    };
    let of_seed = |seed| Moment { seed, ..MOMENT };
    let mut guest = transform.open(of_seed(7)).unwrap();
    let drawn = draw(&mut guest);
    assert_eq!(&drawn, &draw(&mut transform.open(of_seed(7)).unwrap()));
    assert_ne!(&drawn, &draw(&mut transform.open(of_seed(8)).unwrap()));
    // A guest that goes on in another batch draws what a fresh one would.
    for seed in [8, 7] {
        guest.begin(of_seed(seed)).unwrap();
        let again = draw(&mut guest);
        assert_eq!(again.as_ref() == drawn.as_ref(), seed == 7);
    }
    let values = drawn.as_primitive::<arrow::datatypes::Int64Type>().values().to_vec();
    let mut different = values.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), 6);
    // Three bytes were asked for, no more are touched.
    assert!((0..1 << 24).contains(&values[2]), "{values:?}");
}

#[test]
fn moments_differ_by_query_batch_and_partition() {
    let moment = Moment::new([1; 16], 5, 2, 77);
    assert_eq!(moment, Moment::new([1; 16], 5, 2, 77));
    for other in
        [Moment::new([2; 16], 5, 2, 77), Moment::new([1; 16], 6, 2, 77), Moment::new([1; 16], 5, 3, 77)]
    {
        assert_ne!(moment.seed, other.seed);
    }
}

#[test]
fn preview1_ends_a_guest_that_goes_too_far() {
    for (function, x, part) in [
        ("exit", 3, "the module ended itself with exit status 3"),
        ("exit", 0, "log: second line"),
        ("chance_outside", 0xffff_fffc, "a pointer leaves the memory"),
    ] {
        let text = report(&ask(function, x).unwrap_err());
        assert!(text.contains(part), "{function} {x}: {text}");
    }
    let poor = Runtime::new(
        Limits { fuel_per_call: 1 << 20, fuel_per_row: 0, instances: 2, ..limits() },
        Compiler::Here,
    )
    .unwrap();
    let chance = poor.load(&bytes("preview1")).unwrap().transform("much_chance").unwrap();
    let error = chance.open(MOMENT).unwrap().process(&[numbers(&[Some(2 << 20)])], 1).unwrap_err();
    assert_eq!(error.fact("trap"), Some("out of fuel"), "{error}");
}

#[test]
fn the_header_carries_every_kind_of_column() {
    let flags: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true)]));
    let prices = Decimal128Array::from(vec![Some(-5), None, Some(999_999_999_999), Some(1)]);
    let prices: ArrayRef = Arc::new(prices.with_precision_and_scale(12, 2).unwrap());
    let days: ArrayRef = Arc::new(Date32Array::from(vec![1, 2, 3, -1]));
    let types = other("preview1").transform("types").unwrap();
    let columns = [flags, prices, days];
    let result = types.open(MOMENT).unwrap().process(&columns, 4).unwrap().remove(0);
    assert_eq!(result.origin, Some(UInt32Array::from(vec![0, 1])));
    assert_eq!(result.errors, [RowError { row: 2, message: "no flag".into() }]);
    assert_eq!(&result.columns[0], &(Arc::new(BooleanArray::from(vec![false, true])) as ArrayRef));
    assert_eq!(&result.columns[1], &columns[1].slice(0, 2));
    assert_eq!(&result.columns[2], &(Arc::new(Date32Array::from(vec![2, 3])) as ArrayRef));
    let far: ArrayRef = Arc::new(Date32Array::from(vec![1000; 4]));
    let error =
        types.open(MOMENT).unwrap().process(&[columns[0].clone(), columns[1].clone(), far], 4).unwrap_err();
    assert_eq!(error.fact("reason"), Some("a day too far"));
}
