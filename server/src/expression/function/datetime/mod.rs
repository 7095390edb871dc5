//! Dates and times, a file a kind of work. The session's time zone is UTC.

pub mod calendar;
