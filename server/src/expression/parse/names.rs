//! How Spark names a call in a column's name where that is not `name(arguments)` as written: some functions are
//! upper case, some show the defaults of arguments left out.

/// Mathematical functions, which Spark shows in upper case.
const UPPER: [&str; 28] = [
    "sqrt", "cbrt", "exp", "expm1", "log", "log2", "log10", "log1p", "power", "sin", "cos", "tan", "asin",
    "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "cot", "sec", "csc",
    "degrees", "radians", "signum",
];

const TIME_PATTERN: &str = "yyyy-MM-dd HH:mm:ss";

/// What is shown for each argument, from the first that may be left out.
const DEFAULTS: [(&str, usize, &[&str]); 25] = [
    ("substring", 2, &["2147483647"]),
    ("substr", 2, &["2147483647"]),
    ("locate", 2, &["1"]),
    ("position", 2, &["1"]),
    ("split", 2, &["-1"]),
    ("mask", 1, &["X", "x", "n", "NULL"]),
    ("regexp_replace", 3, &["1"]),
    ("regexp_extract", 2, &["1"]),
    ("regexp_extract_all", 2, &["1"]),
    ("regexp_instr", 2, &["0"]),
    ("round", 1, &["0"]),
    ("bround", 1, &["0"]),
    ("months_between", 2, &["true"]),
    ("unix_timestamp", 1, &[TIME_PATTERN]),
    ("to_unix_timestamp", 1, &[TIME_PATTERN]),
    ("from_unixtime", 1, &[TIME_PATTERN]),
    ("make_interval", 0, &["0", "0", "0", "0", "0", "0", "0.000000"]),
    ("try_make_interval", 0, &["0", "0", "0", "0", "0", "0", "0.000000"]),
    ("make_dt_interval", 0, &["0", "0", "0", "0.000000"]),
    ("make_ym_interval", 0, &["0", "0"]),
    ("sort_array", 1, &["true"]),
    ("str_to_map", 1, &[",", ":"]),
    ("lpad", 2, &[" "]),
    ("rpad", 2, &[" "]),
    ("replace", 2, &[""]),
];

/// The comparison that `array_sort` has when none is given.
const ARRAY_ORDER: &str = "lambdafunction((IF(((namedlambdavariable() IS NULL) AND (namedlambdavariable() IS NULL)), \
    0, (IF((namedlambdavariable() IS NULL), 1, (IF((namedlambdavariable() IS NULL), -1, \
    (IF((namedlambdavariable() < namedlambdavariable()), -1, \
    (IF((namedlambdavariable() > namedlambdavariable()), 1, 0)))))))))), \
    namedlambdavariable(), namedlambdavariable())";

/// Functions that are a cast, which has no name of its own.
const CAST_FUNCTIONS: [&str; 12] = [
    "boolean",
    "tinyint",
    "smallint",
    "int",
    "bigint",
    "float",
    "double",
    "decimal",
    "date",
    "timestamp",
    "binary",
    "string",
];

/// The shown form of a call by its lower-case name, if it differs.
pub fn whole(name: &str, arguments: &[String]) -> Option<String> {
    let list = arguments.join(", ");
    Some(match (name, arguments) {
        ("if", _) => format!("(IF({list}))"),
        ("trim", [what, source]) => format!("TRIM(BOTH {what} FROM {source})"),
        ("ltrim", [what, source]) => format!("TRIM(LEADING {what} FROM {source})"),
        ("rtrim", [what, source]) => format!("TRIM(TRAILING {what} FROM {source})"),
        ("datepart", [field, source]) => format!("datepart({field} FROM {source})"),
        ("raise_error", [message]) => {
            format!("raise_error(USER_RAISED_EXCEPTION, map(errorMessage, {message}))")
        }
        ("assert_true", [test]) => format!("assert_true({test}, '{test}' is not true!)"),
        (cast, [value]) if CAST_FUNCTIONS.contains(&cast) => value.clone(),
        _ => return None,
    })
}

/// The shown name and arguments of a call.
pub fn parts(name: &str, arguments: &[String]) -> (String, Vec<String>) {
    let mut shown = arguments.to_vec();
    let mut called = name.to_string();
    match (name, arguments.len()) {
        ("||", _) => called = "concat".to_string(),
        ("array_agg", _) => called = "collect_list".to_string(),
        ("dateadd", 2) => called = "date_add".to_string(),
        ("pi" | "e", 0) | ("ceil" | "floor", 1) | ("hypot", 2) => called = name.to_uppercase(),
        ("rlike" | "regexp" | "regexp_like", _) => called = name.to_uppercase(),
        ("first" | "last" | "first_value" | "last_value" | "any_value" | "approx_count_distinct", 2) => {
            shown.truncate(1);
        }
        ("aggregate" | "reduce", 3) => {
            shown.push("lambdafunction(namedlambdavariable(), namedlambdavariable())".to_string());
        }
        ("from_json" | "to_json", 2..) => shown.truncate(1),
        ("array_sort", 1) => shown.push(ARRAY_ORDER.to_string()),
        ("convert_timezone", 2) => shown.insert(0, "current_timezone()".to_string()),
        ("overlay", 3) => shown.push("-1".to_string()),
        ("count", 1) if shown[0] == "*" => shown[0] = "1".to_string(),
        ("log", 1) => shown.insert(0, "E()".to_string()),
        _ => {}
    }
    if UPPER.contains(&name) {
        called = name.to_uppercase();
    }
    if let Some((_, needed, defaults)) = DEFAULTS.iter().find(|(function, ..)| *function == name) {
        let given = shown.len().saturating_sub(*needed);
        shown.extend(defaults.iter().skip(given).map(|text| text.to_string()));
    }
    (called, shown)
}
