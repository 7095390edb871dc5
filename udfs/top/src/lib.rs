//! top: the largest numbers of a group, the same in whatever order the rows come.

use wasmill_udf::*;

module! {
    aggregate top_k(value: BIGINT, k: INT) -> (top: STRING) with Top(largest: BINARY, k: INT);
    aggregate top_k_of(value: BIGINT, k: INT) -> (top: STRING) with TopOf(largest: BINARY, k: INT, rows: BIGINT);
}

/// The most numbers that may be asked for.
const K_MAX: i32 = 1_000;

/// The largest numbers so far, the largest first: `9,7,7`. Null before the first number.
#[derive(Debug, Default, PartialEq)]
pub struct Top {
    largest: Vec<i64>,
    k: i32,
}

impl Top {
    pub fn load(largest: Option<&[u8]>, k: Option<i32>) -> Top {
        let numbers = largest.unwrap_or_default().chunks_exact(8);
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |number, byte| number << 8 | i64::from(*byte));
        Top { largest: numbers.map(number).collect(), k: k.unwrap_or(0) }
    }

    pub fn save(&self) -> (Option<Vec<u8>>, Option<i32>) {
        let bytes = self.largest.iter().flat_map(|number| number.to_le_bytes()).collect();
        ((self.k > 0).then_some(bytes), (self.k > 0).then_some(self.k))
    }

    /// `k` is how many are wanted, the same for all rows.
    pub fn update(&mut self, value: Option<i64>, k: Option<i32>) -> Result<(), String> {
        self.k = match k {
            Some(k @ 1..=K_MAX) => k,
            _ => return Err(format!("k must be a number from 1 to {K_MAX}")),
        };
        value.into_iter().for_each(|value| self.take(value));
        Ok(())
    }

    pub fn merge(&mut self, other: Top) {
        self.k = self.k.max(other.k);
        other.largest.into_iter().for_each(|value| self.take(value));
    }

    pub fn finish(&self) -> Option<String> {
        let texts: Vec<_> = self.largest.iter().map(i64::to_string).collect();
        (!texts.is_empty()).then(|| texts.join(","))
    }

    fn take(&mut self, value: i64) {
        let place = self.largest.partition_point(|larger| *larger >= value);
        if place < self.k as usize {
            self.largest.insert(place, value);
            self.largest.truncate(self.k as usize);
        }
    }
}

/// As [`Top`], with how many rows they are of: `9,7,7 of 20`. Its state has the columns of [`Top`]'s and one more
/// behind them, so a query may go on with it where `top_k` stopped; rows from before are not counted.
pub struct TopOf {
    top: Top,
    rows: i64,
}

impl TopOf {
    pub fn load(largest: Option<&[u8]>, k: Option<i32>, rows: Option<i64>) -> TopOf {
        TopOf { top: Top::load(largest, k), rows: rows.unwrap_or(0) }
    }

    pub fn save(&self) -> (Option<Vec<u8>>, Option<i32>, i64) {
        let (largest, k) = self.top.save();
        (largest, k, self.rows)
    }

    pub fn update(&mut self, value: Option<i64>, k: Option<i32>) -> Result<(), String> {
        self.rows += 1;
        self.top.update(value, k)
    }

    pub fn merge(&mut self, other: TopOf) {
        self.top.merge(other.top);
        self.rows += other.rows;
    }

    pub fn finish(&self) -> Option<String> {
        self.top.finish().map(|top| format!("{top} of {}", self.rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[i64]) -> Top {
        let mut top = Top::default();
        values.iter().for_each(|value| top.update(Some(*value), Some(3)).unwrap());
        top
    }

    #[test]
    fn the_largest_come_first_however_the_rows_came() {
        for (one, other, expected) in [
            (&[][..], &[][..], None),
            (&[1], &[], Some("1")),
            (&[1, 5, 3], &[4, 5], Some("5,5,4")),
            (&[5, 5], &[4, 3, 1], Some("5,5,4")),
            (&[-1, i64::MIN], &[i64::MAX], Some("9223372036854775807,-1,-9223372036854775808")),
        ] {
            let mut top = of(one);
            top.merge(of(other));
            assert_eq!(top.finish().as_deref(), expected, "{one:?} {other:?}");
            let (largest, k) = top.save();
            assert_eq!(Top::load(largest.as_deref(), k), top);
        }
    }

    #[test]
    fn a_k_out_of_range_is_refused() {
        for k in [None, Some(0), Some(K_MAX + 1)] {
            assert!(Top::default().update(Some(1), k).is_err());
        }
    }
}
