//! Points in time, as values: the domain never asks a clock.

use jiff::{civil, fmt::temporal::Pieces};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// This instant, `millis` later (saturating, so that no input can wrap a deadline around).
    #[must_use]
    pub const fn plus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add_unsigned(millis))
    }

    /// This instant, `millis` earlier (saturating).
    #[must_use]
    pub const fn minus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_sub_unsigned(millis))
    }

    /// Milliseconds from `earlier` to this instant; 0 when the clock went backwards.
    pub fn millis_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }
}

/// A point in time as a client writes it, or a whole day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    at: Timestamp,
    is_day: bool,
}

/// A text that is no point in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an RFC 3339 time such as 2026-11-21T07:28:00Z, or a day in UTC such as 2026-11-21, is {0:?}")]
pub struct NoMoment(String);

const DAY_MS: i64 = 86_400_000;

impl Moment {
    /// Where a period that starts with it starts: a day starts with its first instant in UTC.
    pub const fn start(self) -> Timestamp {
        self.at
    }

    /// Where a period that ends with it has ended: a day belongs to the period, a point in time does not.
    pub const fn end(self) -> Timestamp {
        Timestamp(if self.is_day { self.at.0 + DAY_MS } else { self.at.0 })
    }
}

impl FromStr for Moment {
    type Err = NoMoment;

    fn from_str(text: &str) -> Result<Self, NoMoment> {
        let no_moment = || NoMoment(text.chars().take(64).collect());
        let pieces = Pieces::parse(text).map_err(|_| no_moment())?;
        // A calendar's day goes further than the library's instants, which end on 9999-12-30.
        let days = pieces.date().duration_since(civil::date(1970, 1, 1)).as_hours() / 24;
        let midnight = days * DAY_MS;
        let at = match (pieces.time(), pieces.to_numeric_offset(), pieces.time_zone_annotation()) {
            (None, None, None) => return Ok(Self { at: Timestamp(midnight), is_day: true }),
            (Some(time), Some(offset), None) => {
                let of_day = time.duration_since(civil::Time::midnight()).as_millis();
                midnight + i64::try_from(of_day).map_err(|_| no_moment())? - i64::from(offset.seconds()) * 1000
            }
            _ => return Err(no_moment()),
        };
        Ok(Self { at: Timestamp(at), is_day: false })
    }
}

/// RFC 3339 in UTC with milliseconds, e.g. `2026-11-21T07:28:00.123Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_shown_as_rfc_3339_with_milliseconds() {
        assert_eq!(Timestamp::from_millis(1_700_000_000_120).to_string(), "2023-11-14T22:13:20.120Z");
    }

    #[test]
    fn a_day_without_a_time_is_a_day_in_utc_and_a_time_is_a_point() {
        for (text, start, end) in [
            ("2026-12-01", 1_796_083_200_000, 1_796_169_600_000),
            ("2026-12-01T00:00:00Z", 1_796_083_200_000, 1_796_083_200_000),
            ("2026-12-01t07:00:00.5+07:00", 1_796_083_200_500, 1_796_083_200_500),
            ("1969-12-31T23:59:59.999Z", -1, -1),
            ("9999-12-31", 253_402_214_400_000, 253_402_300_800_000),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999, 253_402_300_799_999),
            ("9999-12-31T23:59:59-12:00", 253_402_343_999_000, 253_402_343_999_000),
            ("0001-01-01", -62_135_596_800_000, -62_135_510_400_000),
        ] {
            let moment: Moment = text.parse().unwrap();
            assert_eq!((moment.start().millis(), moment.end().millis()), (start, end), "{text}");
        }
    }

    #[test]
    fn what_is_neither_a_time_nor_a_day_is_refused_with_what_would_be() {
        for text in [
            "",
            "0",
            "yesterday",
            "2026",
            "2026-13-01",
            "2026-02-30",
            "2026-12-01T25:00:00Z",
            "2026-12-01T00:00:00",
            "10000-01-01",
            "2026-12-01Z",
            "2026-12-01T00:00:00Z[UTC]",
            "2026-12-01 ",
            "01/12/2026",
        ] {
            let error = text.parse::<Moment>().expect_err(text).to_string();
            assert!(error.contains("2026-11-21T07:28:00Z") && error.contains(text), "{error}");
        }
    }

    #[test]
    fn arithmetic_saturates_instead_of_wrapping() {
        let end = Timestamp::from_millis(i64::MAX);
        assert_eq!(end.plus_millis(u64::MAX), end);
        assert_eq!(Timestamp::from_millis(5).millis_since(Timestamp::from_millis(9)), 0);
    }
}
