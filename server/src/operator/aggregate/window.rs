//! Which windows a time is in: arithmetic in microseconds, without data.

/// Windows of `width_us` that begin every `slide_us`, shifted by `start_us` from the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    pub width_us: i64,
    pub slide_us: i64,
    pub start_us: i64,
}

impl Windows {
    /// The most windows that one time is in.
    pub fn per_row(&self) -> usize {
        (self.width_us + self.slide_us - 1).div_euclid(self.slide_us) as usize
    }

    /// The start of the newest window that begins at or before `time`.
    #[inline(always)]
    pub fn newest_start(&self, time: i64) -> i64 {
        time.wrapping_sub(time.wrapping_sub(self.start_us).rem_euclid(self.slide_us))
    }

    /// The ends of the windows that hold `time`, newest window first.
    pub fn ends(&self, time: i64) -> impl Iterator<Item = i64> + use<> {
        let (newest, windows) = (self.newest_start(time), *self);
        (0..self.per_row() as i64)
            .map(move |i| newest.wrapping_sub(i * windows.slide_us).wrapping_add(windows.width_us))
            .filter(move |end| time < *end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn windows_that_hold_a_time() {
        for (width, slide, start, time, ends) in [
            (10, 10, 0, 12, vec![20]),
            (10, 10, 0, 10, vec![20]),
            (10, 5, 0, 12, vec![20, 15]),
            (10, 5, 0, 15, vec![25, 20]),
            (10, 3, 0, 9, vec![19, 16, 13, 10]),
            (10, 3, 0, 10, vec![19, 16, 13]),
            (10, 10, 3, 12, vec![13]),
            (10, 10, -2, 12, vec![18]),
            (60, 60, 0, -1, vec![0]),
        ] {
            let windows =
                Windows { width_us: width * SECOND, slide_us: slide * SECOND, start_us: start * SECOND };
            let found: Vec<_> = windows.ends(time * SECOND).map(|end| end / SECOND).collect();
            assert_eq!(found, ends, "width {width} slide {slide} start {start} time {time}");
        }
    }
}
