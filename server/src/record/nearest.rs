//! The known word nearest to a mistyped one, for errors. Knows no list of words itself.

/// The candidate with the fewest edits to `word`, case ignored; nothing if all are too far to be meant.
///
/// Too far is more than a third of the longer word's letters; among equals the first candidate wins.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().collect();
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let letters: Vec<char> = candidate.to_lowercase().chars().collect();
        let edits = edits(&word, &letters);
        let near_enough = edits * 3 <= word.len().max(letters.len());
        if near_enough && best.is_none_or(|(fewest, _)| edits < fewest) {
            best = Some((edits, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
fn edits(from: &[char], to: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for i in 0..from.len() {
        let mut row = vec![i + 1];
        for j in 0..to.len() {
            let replace = last[j] + usize::from(from[i] != to[j]);
            let mut fewest = replace.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && from[i] == to[j - 1] && from[i - 1] == to[j] {
                fewest = fewest.min(before_last[j - 1] + 1);
            }
            row.push(fewest);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_named_only_if_it_may_be_meant() {
        let known = ["subscribe", "subscribePattern", "startingOffsets", "assign"];
        for (word, expected) in [
            ("subscrib", Some("subscribe")),
            ("SUBSCRIBE", Some("subscribe")),
            ("subscribepatern", Some("subscribePattern")),
            ("startingOffset", Some("startingOffsets")),
            ("asisgn", Some("assign")),
            ("path", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }
}
