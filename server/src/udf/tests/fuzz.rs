//! Fuzzing on a stable compiler: bytes are bent at random, and kept to be bent again when something new is said about
//! them. The targets are what reads bytes of a user or a guest: uploads, results, schemas, manifests.
//!
//! A failure prints the seed of its run; `WASMILL_SEED=N` is another run, or the same again. With
//! `WASMILL_FUZZ_SECONDS=600` each target goes on that long, and puts what was new and is small into a folder of the
//! user's cache, from where later runs start.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::guests::{modules, run_every_function};
use super::refusals::{MANIFEST, Parts};
use super::*;
use crate::clock::{Clock, SystemClock};
use crate::error::ErrorKind;
use crate::udf::inspect::inspect;

/// Inputs to bend, besides which the oldest make room.
const POOL_MAX: usize = 1_000;
/// What is kept for later runs: so many files of a target, of this size.
const KEPT_MAX: usize = 64;
const KEPT_BYTES_MAX: usize = 1_024;

/// Values at the edges of numbers, written over whatever is there.
const EDGES: [u32; 10] = [0, 1, 2, 7, 0x7f, 0x80, 0xffff, 0x7fff_ffff, 0x8000_0000, u32::MAX];

/// A reader of bytes that nobody vouches for.
pub struct Target<'a> {
    pub name: &'static str,
    /// How often it is run, unless there is a time to run for.
    pub turns: usize,
    pub pool: Vec<Vec<u8>>,
    /// What is put in here and there.
    pub words: &'a [&'a str],
}

/// Prints how to see a failure again.
struct Turn<'a> {
    target: &'static str,
    seed: u64,
    number: usize,
    input: &'a [u8],
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let file = std::env::temp_dir().join(format!("wasmill-fuzz-{}", self.target));
            fs::write(&file, self.input).ok();
            println!("WASMILL_SEED={} fails at turn {}; input: {}", self.seed, self.number, file.display());
        }
    }
}

fn folder(target: &str) -> PathBuf {
    let home = std::env::var_os("HOME").map_or_else(std::env::temp_dir, PathBuf::from);
    home.join(".cache/wasmill-fuzz").join(target)
}

impl Target<'_> {
    /// Runs `read`, which says what it made of the bytes.
    pub fn run(mut self, mut read: impl FnMut(&mut Noise, &[u8]) -> String) {
        let seconds: Option<i64> =
            std::env::var("WASMILL_FUZZ_SECONDS").ok().map(|seconds| seconds.parse().unwrap());
        let (seed, start) = (seed(), SystemClock.now_millis());
        let mut noise = Noise(seed);
        for entry in fs::read_dir(folder(self.name)).into_iter().flatten() {
            self.pool.push(fs::read(entry.unwrap().path()).unwrap());
        }
        let mut kept = fs::read_dir(folder(self.name)).into_iter().flatten().count();
        self.pool.sort();
        let (mut said, mut number) = (BTreeSet::new(), 0);
        while number < self.turns
            || seconds.is_some_and(|seconds| SystemClock.now_millis() < start + seconds * 1_000)
        {
            // At first everything as it is.
            let input = match self.pool.get(number) {
                Some(input) => input.clone(),
                None => self.bend(&mut noise),
            };
            let turn = Turn { target: self.name, seed, number, input: &input };
            let is_new = said.insert(read(&mut noise, &input));
            drop(turn);
            if is_new && number >= self.pool.len() {
                if seconds.is_some() && input.len() <= KEPT_BYTES_MAX && kept < KEPT_MAX {
                    kept += 1;
                    let name: String =
                        Sha256::digest(&input)[..8].iter().map(|b| format!("{b:02x}")).collect();
                    fs::create_dir_all(folder(self.name)).unwrap();
                    fs::write(folder(self.name).join(name), &input).unwrap();
                }
                if self.pool.len() < POOL_MAX {
                    self.pool.push(input);
                }
            }
            number += 1;
        }
        println!("{}: {number} turns, {} different answers, seed {seed}", self.name, said.len());
        assert!(said.len() > 5, "{said:?}");
    }

    fn bend(&self, noise: &mut Noise) -> Vec<u8> {
        let mut bytes = self.pool[noise.below(self.pool.len())].clone();
        for _ in 0..=noise.below(4) {
            if bytes.is_empty() {
                return bytes;
            }
            let (at, end) = (noise.below(bytes.len()), noise.below(bytes.len() + 1));
            let range = at.min(end)..at.max(end).min(at.min(end) + 64);
            match noise.below(10) {
                0 | 1 => bytes[at] ^= 1 << noise.below(8),
                2 => bytes[at] = noise.next() as u8,
                3 | 4 => {
                    let edge =
                        [EDGES[noise.below(EDGES.len())], noise.below(bytes.len()) as u32][noise.below(2)];
                    // Words mostly lie at multiples of four.
                    let at = if noise.below(4) == 0 { at } else { at & !3 };
                    for (byte, new) in bytes[at..].iter_mut().zip(edge.to_le_bytes()) {
                        *byte = new;
                    }
                }
                5 => bytes.truncate(at),
                6 => drop(bytes.drain(range)),
                7 => {
                    let part = bytes[range].to_vec();
                    bytes.splice(at..at, part);
                }
                8 => {
                    let other = &self.pool[noise.below(self.pool.len())];
                    let tail = other[noise.below(other.len() + 1)..].to_vec();
                    bytes.splice(at.., tail);
                }
                _ if self.words.is_empty() => {
                    let other = noise.below(bytes.len());
                    bytes.swap(at, other);
                }
                _ => {
                    let word = self.words[noise.below(self.words.len())];
                    bytes.splice(at..at, word.bytes());
                }
            }
        }
        bytes
    }
}

/// What tells one refusal from another: its words and what it is about, without numbers.
pub fn told(error: &Error) -> String {
    assert_eq!(error.kind(), ErrorKind::User, "{error}");
    let about = ["what", "why", "field", "part"].map(|key| error.fact(key).unwrap_or_default().to_string());
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    format!("{} {about:?} {}", first_words(error.message(), 6), first_words(&cause, 2))
}

/// The first words outside of quotes; the rest is mostly the input's own.
fn first_words(text: &str, count: usize) -> String {
    let outside: String = text.split(['`', '"', '\'']).step_by(2).collect();
    let words = outside.split(' ').filter(|word| word.chars().all(|c| c.is_ascii_alphabetic()));
    words.take(count).collect::<Vec<_>>().join(" ")
}

#[test]
fn fuzz_manifests() {
    let column = r#"{"name":"a","type":"STRING"}"#;
    let columns = MANIFEST.replace("[]", &format!("[{column}]"));
    let aggregate = r#"{"abi":1,"sdk":"none","functions":[{"kind":"aggregate","name":"f","input":[],"state":[C],"output":[C]}]}"#;
    let group = r#"{"abi":1,"sdk":"none","functions":[{"kind":"group","name":"f","key":[C],"input":[],"state":[C],"output":[],"time":"event"}]}"#;
    let of = |text: &str| text.replace('C', column).into_bytes();
    let words = [
        "ARRAY<",
        "MAP<INT,",
        "STRUCT<a:",
        ">",
        "DECIMAL(38,38)",
        "DECIMAL(39,0)",
        "\u{7}",
        "\\u0000",
        "null",
        "[[[[[[[[",
        "{\"a\":",
        "1e999",
        "-1",
        "\"abi\":1,",
        ",",
        "NOT NULL",
        "`",
        "99999999999999999999",
    ];
    let pool = vec![MANIFEST.into(), columns.into(), of(aggregate), of(group)];
    Target { name: "manifest", turns: 10_000, pool, words: &words }.run(|_, bytes| {
        let manifest = match Manifest::parse(bytes) {
            Ok(manifest) => manifest,
            Err(error) => return told(&error),
        };
        // What is let in keeps to what the rest of the host counts on.
        for function in &manifest.functions {
            assert!(function.columns_in().len() <= 3 * 256 && function.columns_out().len() <= 2 * 256);
            crate::udf::schema::SchemaBlock::plan(&function.columns_in());
        }
        format!("let in with {} functions", manifest.functions.len())
    });
}

#[test]
fn fuzz_uploads() {
    let mut left_to_run = 40;
    let pool = vec![Parts::new().bytes(), b"\x7fELF".to_vec(), b"\0asm\x0d\0\x01\0".to_vec()];
    Target { name: "upload", turns: 10_000, pool, words: &[] }.run(|noise, bytes| {
        // Every third module is a new one that is valid by itself, as it is or a little bent.
        let mut bytes = bytes.to_vec();
        if noise.below(3) == 0 {
            bytes = modules(noise);
            if noise.below(2) == 0 {
                let at = noise.below(bytes.len());
                bytes[at] ^= 1 << noise.below(8);
            }
        }
        match inspect(&bytes, &limits()) {
            Ok(_) if left_to_run > 0 => {
                left_to_run -= 1;
                run_every_function(&bytes);
                "let in and run".into()
            }
            Ok(_) => "let in".into(),
            Err(error) => told(&error),
        }
    });
}
