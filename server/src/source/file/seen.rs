//! Which files were taken before: by name and time alone. No I/O.

use std::collections::HashMap;

use crate::storage::file_name;

/// What is known of a file that was listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    New,
    Seen,
    /// It has another time than when it was taken; it is not read again.
    Changed,
    /// It is older than the newest file by more than the age limit; it is never read.
    TooOld,
}

/// The files that were taken, those too old to count left out.
#[derive(Debug)]
pub struct SeenFiles {
    times: HashMap<String, i64>,
    file_name_only: bool,
    max_age_ms: Option<i64>,
    newest_ms: i64,
    /// Set by [`SeenFiles::purge`], after each batch: the first batch takes files of any age.
    oldest_ms: i64,
}

impl SeenFiles {
    pub fn new(file_name_only: bool, max_age_ms: Option<i64>) -> SeenFiles {
        SeenFiles {
            times: HashMap::new(),
            file_name_only,
            max_age_ms,
            newest_ms: i64::MIN,
            oldest_ms: i64::MIN,
        }
    }

    fn key<'u>(&self, uri: &'u str) -> &'u str {
        if self.file_name_only { file_name(uri) } else { uri }
    }

    pub fn verdict(&self, uri: &str, modified_ms: i64) -> Verdict {
        match self.times.get(self.key(uri)) {
            Some(taken_ms) if *taken_ms == modified_ms || self.file_name_only => Verdict::Seen,
            Some(_) => Verdict::Changed,
            None if modified_ms < self.oldest_ms => Verdict::TooOld,
            None => Verdict::New,
        }
    }

    pub fn add(&mut self, uri: &str, modified_ms: i64) {
        self.newest_ms = self.newest_ms.max(modified_ms);
        self.times.insert(self.key(uri).to_string(), modified_ms);
    }

    /// Forgets files that are too old to be taken anyway.
    pub fn purge(&mut self) {
        let Some(max_age_ms) = self.max_age_ms else { return };
        self.oldest_ms = self.newest_ms.saturating_sub(max_age_ms);
        self.times.retain(|_, modified_ms| *modified_ms >= self.oldest_ms);
    }

    /// Files older than this are neither kept nor taken.
    pub fn oldest_ms(&self) -> i64 {
        self.oldest_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_counts_from_the_newest_file_and_only_after_the_first_batch() {
        let mut seen = SeenFiles::new(false, Some(100));
        assert_eq!(seen.verdict("file:///old", 1), Verdict::New);
        seen.add("file:///old", 1);
        seen.add("file:///new", 1_000);
        assert_eq!(seen.verdict("file:///late", 2), Verdict::New);
        seen.purge();
        for (uri, modified_ms, verdict) in [
            ("file:///new", 1_000, Verdict::Seen),
            ("file:///new", 1_001, Verdict::Changed),
            ("file:///old", 1, Verdict::TooOld),
            ("file:///late", 899, Verdict::TooOld),
            ("file:///late", 900, Verdict::New),
        ] {
            assert_eq!(seen.verdict(uri, modified_ms), verdict, "{uri} {modified_ms}");
        }
    }

    #[test]
    fn by_name_alone_directories_do_not_count() {
        let mut seen = SeenFiles::new(true, None);
        seen.add("file:///k=1/f", 5);
        seen.purge();
        assert_eq!(seen.verdict("file:///k=2/f", 6), Verdict::Seen);
        assert_eq!(seen.verdict("file:///k=2/g", -6), Verdict::New);
    }
}
