//! Named points at which a test makes the process die, to prove that no moment loses or doubles a row.
//! Without the feature `faults` every point is nothing.

/// Passes the point `name`. With the feature `faults` and `WASMILL_KILL_AT=name` or `name:3` in the environment
/// (the third time the point is passed), the process ends here as by kill -9.
#[inline(always)]
pub fn point(name: &str) {
    #[cfg(feature = "faults")]
    armed::pass(name);
    #[cfg(not(feature = "faults"))]
    let _ = name;
}

#[cfg(feature = "faults")]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Target {
        name: String,
        hit: u64,
        passed: AtomicU64,
    }

    static TARGET: OnceLock<Option<Target>> = OnceLock::new();

    fn target() -> Option<Target> {
        let text = std::env::var("WASMILL_KILL_AT").ok()?;
        let (name, hit) = match text.rsplit_once(':') {
            Some((name, hit)) => (name.to_string(), hit.parse().ok()?),
            None => (text, 1),
        };
        Some(Target { name, hit, passed: AtomicU64::new(0) })
    }

    pub fn pass(name: &str) {
        let Some(target) = TARGET.get_or_init(target) else { return };
        if target.name == name && target.passed.fetch_add(1, Ordering::SeqCst) + 1 == target.hit {
            // SAFETY: getpid and kill have no memory effects; SIGKILL cannot be caught, so nothing runs after it.
            unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
            loop {
                std::thread::park();
            }
        }
    }
}
