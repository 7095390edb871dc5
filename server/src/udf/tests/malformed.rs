//! Modules that were cut, bent or made of noise: an error each, never a panic.

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
    let mut noise = Noise(0x5eed);
    for (bytes, turns) in [(Parts::new().bytes(), 5_000), (bytes("numbers"), 500)] {
        let mut valid = Vec::new();
        for _ in 0..turns {
            let mut bent = bytes.clone();
            for _ in 0..=noise.below(3) {
                let at = noise.below(bent.len());
                bent[at] ^= 1 << noise.below(8);
            }
            if try_inspect(&bent) {
                valid.push(bent);
            }
        }
        assert!(!valid.is_empty());
        // Some that are still valid are run: whatever they do, the host lives.
        for bent in valid.iter().take(25) {
            run_every_function(bent);
        }
    }
}

#[test]
fn noise_never_panics() {
    let mut noise = Noise(0x0dd);
    for _ in 0..5_000 {
        let length = noise.below(400);
        let mut bytes: Vec<u8> = (0..length).map(|_| noise.next() as u8).collect();
        assert!(!try_inspect(&bytes));
        bytes.splice(0..0, *b"\0asm\x01\0\0\0");
        assert!(!try_inspect(&bytes));
    }
}

fn run_every_function(bytes: &[u8]) {
    let Ok(module) = runtime().load(bytes) else { return };
    for function in module.manifest().functions.iter().take(3) {
        let Ok(transform) = module.transform(&function.name) else { continue };
        let Ok(mut guest) = transform.open(MOMENT) else { continue };
        let columns: Vec<_> = transform
            .inputs()
            .iter()
            .map(|field| arrow::array::new_null_array(field.data_type(), 5))
            .collect();
        if let Err(error) = guest.process(&columns, 5) {
            assert_eq!(error.kind(), ErrorKind::User, "{error}");
        }
    }
}
