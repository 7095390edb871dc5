//! Lines of words whose counts are known: the input of the word count, for tests and for the benchmark.
//!
//! Everything is a function of the line's number, so that any part can be made again: words come from a Zipf
//! vocabulary, event time grows by a second every so many lines, partitions take lines in turn.

use std::collections::HashMap;

use crate::services::{Kafka, Record};

pub const WORDS_A_LINE: usize = 8;
const VOCABULARY: usize = 10_000;
/// Shares of the probability; the rarest word has ten of them.
const SHARES: usize = 1 << 20;
/// 2026-01-01, a multiple of every window that the tests use.
pub const FIRST_TIME_MS: i64 = 1_767_225_600_000;

/// A stream of lines with known counts.
pub struct Lines {
    words: Vec<String>,
    /// The word for each equal share of the probability: one look instead of a search.
    by_chance: Vec<u16>,
    seed: u64,
    lines_a_second: u64,
}

/// Count by start of the window (milliseconds since the epoch) and word.
pub type WindowCounts = HashMap<(i64, String), i64>;

impl Lines {
    pub fn new(seed: u64, lines_a_second: u64) -> Lines {
        let weights: Vec<f64> = (1..=VOCABULARY).map(|rank| 1.0 / rank as f64).collect();
        let total: f64 = weights.iter().sum();
        let mut by_chance = Vec::with_capacity(SHARES);
        let (mut rank, mut reached) = (0, weights[0] / total);
        for share in 0..SHARES {
            while reached < share as f64 / SHARES as f64 && rank + 1 < VOCABULARY {
                rank += 1;
                reached += weights[rank] / total;
            }
            by_chance.push(rank as u16);
        }
        Lines { words: (0..VOCABULARY).map(word).collect(), by_chance, seed, lines_a_second }
    }

    /// Event time of line `number`, milliseconds since the epoch.
    pub fn time_ms(&self, number: u64) -> i64 {
        FIRST_TIME_MS + (number * 1000 / self.lines_a_second) as i64
    }

    pub fn words_of(&self, number: u64) -> [usize; WORDS_A_LINE] {
        let mut state = mix(self.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        std::array::from_fn(|_| {
            state = mix(state);
            self.by_chance[(state >> 44) as usize].into()
        })
    }

    /// Writes line `number` to `text`, in place of what is there.
    pub fn write(&self, number: u64, text: &mut String) {
        text.clear();
        for (at, word) in self.words_of(number).into_iter().enumerate() {
            if at > 0 {
                text.push(' ');
            }
            text.push_str(&self.words[word]);
        }
    }

    /// Sends lines `from..to` to the partitions of a topic in turn.
    pub fn produce(&self, kafka: &Kafka, topic: &str, partitions: u64, from: u64, to: u64) {
        let mut producer = kafka.producer();
        let mut text = String::new();
        for number in from..to {
            self.write(number, &mut text);
            let record = Record {
                partition: (number % partitions) as i32,
                value: text.as_bytes(),
                timestamp_ms: self.time_ms(number),
                ..Record::default()
            };
            producer.send(topic, &record);
        }
        producer.finish();
    }

    /// The counts of lines `0..to` in windows of `width_ms` that begin every `slide_ms`.
    pub fn window_counts(&self, to: u64, width_ms: i64, slide_ms: i64) -> WindowCounts {
        let mut by_slot: HashMap<(i64, usize), i64> = HashMap::new();
        for number in 0..to {
            let slot = self.time_ms(number).div_euclid(slide_ms);
            for word in self.words_of(number) {
                *by_slot.entry((slot, word)).or_default() += 1;
            }
        }
        let mut counts = WindowCounts::new();
        for ((slot, word), count) in by_slot {
            for back in 0..width_ms / slide_ms {
                let start = (slot - back) * slide_ms;
                *counts.entry((start, self.words[word].clone())).or_default() += count;
            }
        }
        counts
    }

    /// Of [`Lines::window_counts`], the windows that end at or before the watermark which lines `0..to` lead to.
    pub fn closed_counts(&self, to: u64, width_ms: i64, slide_ms: i64, delay_ms: i64) -> WindowCounts {
        let watermark = self.time_ms(to.saturating_sub(1)) - delay_ms;
        let mut counts = self.window_counts(to, width_ms, slide_ms);
        counts.retain(|(start, _), _| start + width_ms <= watermark);
        counts
    }
}

/// Word `rank`: letters that spell its number; with the space, eight of them make about 55 bytes.
fn word(rank: usize) -> String {
    let mut letters = String::from("w");
    let mut rest = mix(rank as u64);
    for _ in 0..2 + rank % 3 {
        letters.push(char::from(b'a' + (rest % 26) as u8));
        rest /= 26;
    }
    format!("{letters}{}", base26(rank))
}

/// The number in letters; different for different numbers, and capital where the rest is small.
fn base26(mut number: usize) -> String {
    let mut letters = String::new();
    loop {
        letters.push(char::from(b'A' + (number % 26) as u8));
        number /= 26;
        if number == 0 {
            return letters;
        }
    }
}

/// A well-mixed function of a number (the finaliser of SplitMix64).
fn mix(number: u64) -> u64 {
    let z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_long_as_the_workload_says() {
        let (lines, mut text, mut bytes) = (Lines::new(1, 10_000), String::new(), 0);
        for number in 0..1000 {
            lines.write(number, &mut text);
            assert_eq!(text.split(' ').count(), WORDS_A_LINE);
            bytes += text.len();
        }
        assert!((50_000..60_000).contains(&bytes), "{bytes} bytes in 1000 lines");
    }

    #[test]
    fn each_word_is_counted_once_in_each_of_its_windows() {
        let lines = Lines::new(2, 10_000);
        let tumbling = lines.window_counts(25_000, 1000, 1000);
        assert_eq!(tumbling.values().sum::<i64>(), 25_000 * WORDS_A_LINE as i64);
        assert_eq!(tumbling.keys().map(|(start, _)| start).max(), Some(&(FIRST_TIME_MS + 2000)));
        let sliding = lines.window_counts(25_000, 1000, 500);
        assert_eq!(sliding.values().sum::<i64>(), 2 * 25_000 * WORDS_A_LINE as i64);
    }

    #[test]
    fn a_window_is_closed_when_the_watermark_reaches_its_end() {
        let lines = Lines::new(3, 10_000);
        // The last line is at 2.9999 s; with a delay of 999 ms the watermark stands at 2 s.
        let closed = lines.closed_counts(30_000, 1000, 1000, 999);
        assert_eq!(closed.keys().map(|(start, _)| start).max(), Some(&(FIRST_TIME_MS + 1000)));
    }
}
