//! Real modules that were cut or bent: an error each, never a panic. Small and random ones are in `fuzz`.

use super::guests::run_every_function;
use super::refusals::Parts;
use super::*;
use crate::error::ErrorKind;
use crate::udf::inspect::inspect;

/// Looks through a module; compiles it only where that is asked for, since it takes long.
fn try_inspect(bytes: &[u8]) -> bool {
    match inspect(bytes, &limits()) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::User, "{error}");
            false
        }
    }
}

#[test]
fn truncations_are_refused() {
    for (bytes, step) in [(Parts::new().bytes(), 1), (bytes("numbers"), 101)] {
        for end in (0..bytes.len()).step_by(step) {
            // The end of a module is its custom sections: a cut between two of them can leave a valid module.
            assert!(!try_inspect(&bytes[..end]) || end > bytes.len() / 2);
        }
    }
}

#[test]
fn bent_bits_never_panic() {
    let (seed, bytes) = (seed(), bytes("numbers"));
    let mut noise = Noise(seed);
    let mut valid = Vec::new();
    for _ in 0..500 {
        let mut bent = bytes.clone();
        for _ in 0..=noise.below(3) {
            let at = noise.below(bent.len());
            bent[at] ^= 1 << noise.below(8);
        }
        if try_inspect(&bent) {
            valid.push(bent);
        }
    }
    assert!(!valid.is_empty(), "seed {seed}");
    // Some that are still valid are run: whatever they do, the host lives.
    for bent in valid.iter().take(25) {
        run_every_function(bent);
    }
}
