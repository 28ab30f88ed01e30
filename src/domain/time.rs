//! The business calendar's zone and months. Instants are `jiff::Timestamp`, in UTC.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The zone in which months and working days are counted.
pub const BUSINESS_ZONE: &str = "Asia/Shanghai";

/// The date in [`BUSINESS_ZONE`] at this instant.
pub fn business_date(at: Timestamp) -> Date {
    zone().to_datetime(at).date()
}

/// `YYYY-MM-DD HH:MM` in [`BUSINESS_ZONE`] at this instant.
pub fn business_time(at: Timestamp) -> String {
    zone().to_datetime(at).strftime("%Y-%m-%d %H:%M").to_string()
}

/// The instant of a date and time in [`BUSINESS_ZONE`], written `YYYY-MM-DD HH:MM` or as forms send it, with a `T`.
pub fn business_instant(text: &str) -> Option<Timestamp> {
    let local: jiff::civil::DateTime = text.parse().ok()?;
    zone().to_timestamp(local).ok()
}

/// The instant at which this date is over in [`BUSINESS_ZONE`]: the first one of the next.
pub fn end_of_business_date(date: Date) -> Timestamp {
    let next = date.tomorrow().and_then(|next| zone().to_timestamp(next.at(0, 0, 0, 0)));
    next.unwrap_or(Timestamp::MAX)
}

fn zone() -> TimeZone {
    // The zone's data is compiled in; China has kept UTC+8 since 1991, which is the fallback.
    TimeZone::get(BUSINESS_ZONE).unwrap_or_else(|_| TimeZone::fixed(jiff::tz::offset(8)))
}

/// A calendar month in [`BUSINESS_ZONE`], written `YYYY-MM`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i16,
    month: i8,
}

impl Month {
    /// The month in which the instant falls.
    pub fn of(at: Timestamp) -> Self {
        let date = business_date(at);
        Self { year: date.year(), month: date.month() }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// The text is not a month written `YYYY-MM`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a month: YYYY-MM is expected")]
pub struct MonthError;

impl FromStr for Month {
    type Err = MonthError;

    fn from_str(text: &str) -> Result<Self, MonthError> {
        let date: Date = format!("{text}-01").parse().map_err(|_| MonthError)?;
        let month = Self { year: date.year(), month: date.month() };
        if month.to_string() == text { Ok(month) } else { Err(MonthError) }
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Month {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{Month, business_instant, business_time, end_of_business_date};

    #[test]
    fn what_is_typed_is_what_is_shown() {
        for text in ["2026-03-01T00:05", "2026-03-01 00:05"] {
            let at = business_instant(text).unwrap();
            assert_eq!(at.to_string(), "2026-02-28T16:05:00Z");
            assert_eq!(business_time(at), "2026-03-01 00:05");
        }
        assert_eq!((business_instant("tomorrow"), business_instant("2026-02-30T00:00")), (None, None));
    }

    #[test]
    fn a_month_turns_at_midnight_in_shanghai() {
        let check = |at: &str, month: &str| {
            assert_eq!(Month::of(at.parse().unwrap()).to_string(), month, "{at}");
        };
        check("2026-01-31T15:59:59Z", "2026-01");
        check("2026-01-31T16:00:00Z", "2026-02");
        check("2026-12-31T16:00:00Z", "2027-01");
    }

    #[test]
    fn a_date_ends_at_midnight_in_shanghai() {
        let end = |date: &str| end_of_business_date(date.parse().unwrap()).to_string();
        assert_eq!(end("2026-03-01"), "2026-03-01T16:00:00Z");
        assert_eq!(end("2026-12-31"), "2026-12-31T16:00:00Z");
        assert_eq!(end("1986-05-03"), "1986-05-03T16:00:00Z");
    }

    #[test]
    fn months_parse_strictly() {
        assert!("2026-02".parse::<Month>().is_ok());
        for text in ["2026-2", "2026-13", "2026-02-01", "202602", ""] {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
    }
}
