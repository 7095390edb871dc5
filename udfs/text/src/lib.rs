//! text: words and letters.

use wasmill_udf::*;

module! {
    flat_map split_words(line: STRING) -> (word: STRING);
    map upper(line: STRING) -> (upper: STRING);
    map word_length(word: STRING) -> (length: INT);
}

/// The words of a line: what stands between ASCII spaces. Unlike Spark's `split(line, ' ')`, no word is empty; a
/// null or blank line has none.
pub fn split_words(line: Option<&str>, out: &mut Emit<STRING>) {
    if let Some(line) = line {
        out.emit_pieces(line, b' ');
    }
}

/// The line in upper case, by Unicode's rules.
pub fn upper(line: Option<&str>) -> Option<String> {
    line.map(|line| {
        let mut upper = line.to_owned().into_bytes();
        let all_ascii = bytes::ascii_upper(&mut upper);
        match String::from_utf8(upper) {
            Ok(upper) if all_ascii => upper,
            _ => line.to_uppercase(),
        }
    })
}

/// The number of characters.
pub fn word_length(word: Option<&str>) -> Option<i32> {
    word.map(|word| word.chars().count() as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_spaces_and_drops_empty_words() {
        for (line, words) in [
            (None, vec![]),
            (Some(""), vec![]),
            (Some("   "), vec![]),
            (Some("to be"), vec!["to", "be"]),
            (Some("  to  be\tor "), vec!["to", "be\tor"]),
            (
                Some("größer als sechzehn Zeichen, schöner"),
                vec!["größer", "als", "sechzehn", "Zeichen,", "schöner"],
            ),
            (
                Some("averyveryverylongwordofmorethan16bytes a"),
                vec!["averyveryverylongwordofmorethan16bytes", "a"],
            ),
        ] {
            assert_eq!(testing::emitted::<STRING>(|out| split_words(line, out)), words, "{line:?}");
        }
    }

    #[test]
    fn splits_lines_of_every_length() {
        for length in 0..200 {
            for step in [1, 2, 5, 11, 17, 40] {
                let letter =
                    |at: usize| if at % step == step - 1 { ' ' } else { (b'a' + (at % 26) as u8) as char };
                let line: String = (0..length).map(letter).collect();
                let words: Vec<_> = line.split(' ').filter(|word| !word.is_empty()).collect();
                assert_eq!(testing::emitted::<STRING>(|out| split_words(Some(&line), out)), words, "{line}");
            }
        }
    }

    #[test]
    fn upper_and_length_count_characters() {
        assert_eq!(upper(Some("straße z")).as_deref(), Some("STRASSE Z"));
        assert_eq!(upper(Some("az09")).as_deref(), Some("AZ09"));
        assert_eq!(word_length(Some("größe")), Some(5));
        assert_eq!((upper(None), word_length(None)), (None, None));
    }
}
