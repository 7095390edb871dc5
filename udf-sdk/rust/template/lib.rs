//! NAME: functions for wasmill. Each stands in a line of `module!` and is plain Rust below.

use wasmill_udf::*;

module! {
    flat_map split_words(line: STRING) -> (word: STRING);
}

/// The words of a line: what stands between spaces.
pub fn split_words(line: Option<&str>, out: &mut Emit<STRING>) {
    if let Some(line) = line {
        out.emit_pieces(line, b' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_spaces() {
        assert_eq!(testing::emitted::<STRING>(|out| split_words(Some("to  be"), out)), ["to", "be"]);
    }
}
