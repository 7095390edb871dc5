//! The proleptic Gregorian calendar as arithmetic on day numbers (days since 1970-01-01) of any size.

pub const MICROS_PER_SECOND: i64 = 1_000_000;
pub const MICROS_PER_MINUTE: i64 = 60 * MICROS_PER_SECOND;
pub const MICROS_PER_HOUR: i64 = 60 * MICROS_PER_MINUTE;
pub const MICROS_PER_DAY: i64 = 24 * MICROS_PER_HOUR;

/// Days from 0000-03-01 to 1970-01-01; years that begin in March have the leap day last.
const EPOCH_FROM_MARCH: i64 = 719_468;
const DAYS_PER_ERA: i64 = 146_097;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    pub year: i64,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
}

pub fn civil(days: i64) -> Civil {
    let shifted = days + EPOCH_FROM_MARCH;
    let era = shifted.div_euclid(DAYS_PER_ERA);
    let day_of_era = shifted.rem_euclid(DAYS_PER_ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * march_month + 2) / 5 + 1) as u32;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 } as u32;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    Civil { year, month, day }
}

/// The day number of a date; `month` and `day` must be of the calendar.
pub fn days(year: i64, month: u32, day: u32) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let march_month = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * march_month + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * DAYS_PER_ERA + day_of_era - EPOCH_FROM_MARCH
}

pub fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub fn month_length(year: i64, month: u32) -> u32 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Monday 1 to Sunday 7.
pub fn iso_weekday(days: i64) -> i64 {
    (days + 3).rem_euclid(7) + 1
}

pub fn day_of_year(date: i64) -> i64 {
    date - days(civil(date).year, 1, 1) + 1
}

/// ISO 8601's week and the year that it belongs to.
pub fn iso_week(date: i64) -> (i64, i64) {
    // A week belongs to the year of its Thursday.
    let thursday = date - iso_weekday(date) + 4;
    (civil(thursday).year, (day_of_year(thursday) - 1) / 7 + 1)
}

/// The date some months on; a day that the month does not have becomes its last.
pub fn add_months(date: i64, months: i64) -> i64 {
    let Civil { year, month, day } = civil(date);
    let total = year * 12 + i64::from(month) - 1 + months;
    let (year, month) = (total.div_euclid(12), total.rem_euclid(12) as u32 + 1);
    days(year, month, day.min(month_length(year, month)))
}

/// Day number and microseconds of the day.
pub fn split(micros: i64) -> (i64, i64) {
    (micros.div_euclid(MICROS_PER_DAY), micros.rem_euclid(MICROS_PER_DAY))
}

/// The instant some months, days and microseconds on, in this order; none outside 64 bits.
pub fn add(micros: i64, months: i64, days: i64, more: i64) -> Option<i64> {
    let (mut day, time) = split(micros);
    if months != 0 {
        day = add_months(day, months);
    }
    let whole = (i128::from(day) + i128::from(days)) * i128::from(MICROS_PER_DAY);
    i64::try_from(whole + i128::from(time) + i128::from(more)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_day_numbers_are_inverse() {
        for day in (-1_000_000..1_000_000).step_by(37) {
            let Civil { year, month, day: of_month } = civil(day);
            assert_eq!(days(year, month, of_month), day);
        }
        assert_eq!(civil(0), Civil { year: 1970, month: 1, day: 1 });
        assert_eq!(days(2000, 2, 29), 11_016);
        assert_eq!(iso_week(days(2021, 1, 1)), (2020, 53));
        assert_eq!(add_months(days(2016, 3, 31), -1), days(2016, 2, 29));
    }
}
