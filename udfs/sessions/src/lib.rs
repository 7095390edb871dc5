//! sessions: rows of a key that are close in time belong together.

use wasmill_udf::*;

module! {
    group sessions(time: TIMESTAMP, gap: INTERVAL) -> (start: TIMESTAMP, end: TIMESTAMP, events: BIGINT)
        with Sessions(open: BINARY) by event;
    group pauses(value: BIGINT, pause: INTERVAL) -> (total: BIGINT, events: BIGINT)
        with Pauses(total: BIGINT, events: BIGINT, timer: TIMESTAMP) by processing;
    group numbered(value: BIGINT) -> (label: STRING, value: BIGINT)
        with Numbered(rows: BIGINT) key(name: STRING);
}

/// One row of times that are less than a gap apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    start: i64,
    /// The last time and the gap behind it.
    end: i64,
    events: i64,
}

/// The sessions of a key that may still grow, by their starts. A session ends when the watermark reaches its end;
/// until then rows may come in any order.
pub struct Sessions {
    open: Vec<Session>,
}

const SESSION_BYTES: usize = 24;

impl Sessions {
    pub fn load(open: Option<&[u8]>) -> Sessions {
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |number, byte| number << 8 | i64::from(*byte));
        let session = |bytes: &[u8]| Session {
            start: number(&bytes[..8]),
            end: number(&bytes[8..16]),
            events: number(&bytes[16..]),
        };
        Sessions { open: open.unwrap_or_default().chunks_exact(SESSION_BYTES).map(session).collect() }
    }

    pub fn save(&self) -> Option<Vec<u8>> {
        let bytes = self.open.iter().flat_map(|s| [s.start, s.end, s.events]).flat_map(i64::to_le_bytes);
        (!self.open.is_empty()).then(|| bytes.collect())
    }

    pub fn row(
        &mut self,
        group: &mut Group<(TIMESTAMP, TIMESTAMP, BIGINT)>,
        time: Option<i64>,
        gap: Option<i64>,
    ) -> Result<(), String> {
        let gap = gap.filter(|gap| *gap > 0).ok_or("the gap of a session must be more than nothing")?;
        let Some(time) = time else { return Ok(()) };
        let (session, joined) = self.add(Session { start: time, end: time.saturating_add(gap), events: 1 });
        joined.iter().for_each(|other| group.delete_timer(other.end));
        group.set_timer(session.end);
        Ok(())
    }

    pub fn timer(&mut self, group: &mut Group<(TIMESTAMP, TIMESTAMP, BIGINT)>, time: i64) {
        for session in self.close(time) {
            group.emit((session.start, session.end, session.events));
        }
    }

    /// Adds a session and joins it with those it touches; gives what became of it, and those that are no more.
    fn add(&mut self, mut session: Session) -> (Session, Vec<Session>) {
        let touches = |other: &Session| other.start < session.end && session.start < other.end;
        let (joined, apart): (Vec<_>, Vec<_>) = self.open.iter().copied().partition(touches);
        for other in &joined {
            session.start = session.start.min(other.start);
            session.end = session.end.max(other.end);
            session.events += other.events;
        }
        self.open = apart;
        let place = self.open.partition_point(|other| other.start < session.start);
        self.open.insert(place, session);
        (session, joined)
    }

    /// Takes out the sessions that have ended at `time`.
    fn close(&mut self, time: i64) -> Vec<Session> {
        let (ended, open) = self.open.iter().copied().partition(|session| session.end <= time);
        self.open = open;
        ended
    }
}

/// The sum of the values of a key, given when no row has come for a while by the clock.
pub struct Pauses {
    total: i64,
    events: i64,
    timer: Option<i64>,
}

impl Pauses {
    pub fn load(total: Option<i64>, events: Option<i64>, timer: Option<i64>) -> Pauses {
        Pauses { total: total.unwrap_or(0), events: events.unwrap_or(0), timer }
    }

    pub fn save(&self) -> (Option<i64>, Option<i64>, Option<i64>) {
        let is_some = self.events > 0;
        (is_some.then_some(self.total), is_some.then_some(self.events), self.timer)
    }

    pub fn row(&mut self, group: &mut Group<(BIGINT, BIGINT)>, value: Option<i64>, pause: Option<i64>) {
        self.total = self.total.wrapping_add(value.unwrap_or(0));
        self.events += 1;
        self.timer.into_iter().for_each(|timer| group.delete_timer(timer));
        let timer = group.time().saturating_add(pause.unwrap_or(0));
        group.set_timer(timer);
        self.timer = Some(timer);
    }

    pub fn timer(&mut self, group: &mut Group<(BIGINT, BIGINT)>, _: i64) {
        group.emit((self.total, self.events));
        *self = Pauses::load(None, None, None);
    }
}

/// Numbers the rows of a key by its name: `ann-1`, `ann-2`.
pub struct Numbered {
    name: Option<String>,
    rows: i64,
}

impl Numbered {
    pub fn load(name: Option<&str>, rows: Option<i64>) -> Numbered {
        Numbered { name: name.map(str::to_string), rows: rows.unwrap_or(0) }
    }

    pub fn save(&self) -> i64 {
        self.rows
    }

    pub fn row(&mut self, group: &mut Group<(STRING, BIGINT)>, value: Option<i64>) {
        self.rows += 1;
        group.emit((self.name.as_ref().map(|name| format!("{name}-{}", self.rows)), value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sessions of times with a gap of 10, and the timers that run.
    fn of(times: &[i64]) -> (Sessions, Vec<i64>) {
        let (mut sessions, mut group) = (Sessions::load(None), Group::at(0, 0));
        for time in times {
            sessions.row(&mut group, Some(*time), Some(10)).unwrap();
        }
        let mut timers = group.timers().to_vec();
        timers.sort();
        (sessions, timers)
    }

    #[test]
    fn sessions_are_the_same_in_whatever_order_the_rows_come() {
        let session = |start, end, events| Session { start, end, events };
        for (times, expected) in [
            (&[5, 1, 3][..], vec![session(1, 15, 3)]),
            (&[1, 21, 11], vec![session(1, 11, 1), session(11, 21, 1), session(21, 31, 1)]),
            (&[1, 17, 9], vec![session(1, 27, 3)]),
            (&[30, 1], vec![session(1, 11, 1), session(30, 40, 1)]),
        ] {
            let (mut sessions, timers) = of(times);
            assert_eq!(sessions.open, expected, "{times:?}");
            assert_eq!(timers, expected.iter().map(|session| session.end).collect::<Vec<_>>());
            assert_eq!(Sessions::load(sessions.save().as_deref()).open, expected);
            assert_eq!(sessions.close(timers[0]), expected[..1]);
        }
    }

    #[test]
    fn a_session_is_given_when_its_timer_is_over() {
        let (mut sessions, mut group) = (of(&[5, 1, 30]).0, Group::at(20, 0));
        sessions.timer(&mut group, 15);
        assert_eq!(testing::given(&mut group), [(Some(1), Some(15), Some(2))]);
        assert_eq!(testing::given(&mut group), []);
    }

    #[test]
    fn a_gap_of_nothing_is_refused() {
        let (mut sessions, mut group) = (Sessions::load(None), Group::at(0, 0));
        assert!(sessions.row(&mut group, Some(1), None).is_err());
        assert!(sessions.row(&mut group, None, Some(1)).is_ok() && sessions.save().is_none());
    }
}
