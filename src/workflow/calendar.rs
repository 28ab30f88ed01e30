//! Working days: weekends, public holidays and the weekend days that are worked to make up for them.
//!
//! Deadlines of a definition are counted here. All days are days of [`BUSINESS_ZONE`].
//!
//! *N working days* after an instant means: take the local date of that instant, go to the Nth working day after it,
//! and wait until that day has ended, which is midnight at its end. The day of the instant itself never counts.

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::Title;
use crate::domain::{BUSINESS_ZONE, Sha256Digest, business_date};

/// How far a deadline may lie ahead, in days.
const FARTHEST_DAYS: u32 = 3660;

/// Which days are worked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// Its name, as definitions refer to it.
    pub id: String,
    /// Its version; a deadline was counted with one.
    pub version: String,
    /// Whether the firm has confirmed the days.
    #[serde(default)]
    pub confirmed: bool,
    /// The years that it knows; outside them only weekends are free.
    #[serde(default)]
    pub years: BTreeSet<i16>,
    /// Public holidays.
    #[serde(default)]
    pub holidays: Vec<Holiday>,
    /// Weekend days that are worked.
    #[serde(default)]
    pub workdays: BTreeSet<Date>,
    /// What it is called.
    #[serde(flatten)]
    pub title: Title,
}

/// A holiday: one day or more in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holiday {
    /// The first free day.
    pub from: Date,
    /// The last free day.
    pub to: Date,
    /// What it is called.
    #[serde(flatten)]
    pub title: Title,
}

/// A length of time as a definition writes it: `5bd` working days, `7d` days, `4h` hours by the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// Working days.
    WorkingDays(u32),
    /// Days.
    Days(u32),
    /// Hours, whatever the day: for what cannot wait for an office to open.
    Hours(u32),
}

impl Span {
    /// The span of a text such as `5bd`, `7d` or `4h`, at most ten years.
    pub fn parse(text: &str) -> Option<Self> {
        let (digits, span): (&str, fn(u32) -> Self) = match text.strip_suffix("bd") {
            Some(digits) => (digits, Self::WorkingDays),
            None => match text.strip_suffix('d') {
                Some(digits) => (digits, Self::Days),
                None => (text.strip_suffix('h')?, Self::Hours),
            },
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let count = digits.parse().ok().filter(|count| *count <= FARTHEST_DAYS)?;
        Some(span(count))
    }
}

impl Calendar {
    /// Whether a day is worked.
    pub fn is_working(&self, day: Date) -> bool {
        if self.workdays.contains(&day) {
            return true;
        }
        let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        !weekend && !self.holidays.iter().any(|holiday| holiday.from <= day && day <= holiday.to)
    }

    /// What says which days it has: `id@version#` and a digest of all that it says.
    pub fn reference(&self) -> String {
        let digest = Sha256Digest::of(&serde_json::to_vec(self).unwrap_or_default()).to_string();
        format!("{}@{}#{}", self.id, self.version, digest.get(..16).unwrap_or_default())
    }

    /// The instant at which the span has passed since `since`: the end of the last local day of the span, or so many
    /// hours later.
    pub fn after(&self, since: Timestamp, span: Span) -> Option<Timestamp> {
        let start = business_date(since);
        let last = match span {
            Span::Hours(count) => return since.checked_add(SignedDuration::from_hours(count.into())).ok(),
            Span::Days(count) => start.checked_add(i64::from(count).days()).ok()?,
            Span::WorkingDays(count) => self.walk(start, count, 1)?,
        };
        end_of(last)
    }

    /// The instant at which `span` is left before a deadline; never before `since`.
    pub(super) fn before(&self, deadline: Timestamp, span: Span, since: Timestamp) -> Option<Timestamp> {
        let last = business_date(deadline.checked_sub(1.second()).ok()?);
        let day = match span {
            Span::Hours(count) => {
                let at = deadline.checked_sub(SignedDuration::from_hours(count.into())).ok()?;
                return Some(at.max(since));
            }
            Span::Days(count) => last.checked_sub(i64::from(count).days()).ok()?,
            Span::WorkingDays(count) => self.walk(last, count, -1)?,
        };
        Some(end_of(day)?.max(since))
    }

    /// How many working days have come after the day `since`, until `now` and with it.
    pub fn working_days(&self, since: Date, now: Date) -> u32 {
        let most = usize::try_from(FARTHEST_DAYS).unwrap_or_default();
        let days = since.series(1.days()).skip(1).take(most).take_while(|day| *day <= now);
        u32::try_from(days.filter(|day| self.is_working(*day)).count()).unwrap_or(u32::MAX)
    }

    fn walk(&self, start: Date, count: u32, step: i64) -> Option<Date> {
        let (mut day, mut left) = (start, count);
        for _ in 0..FARTHEST_DAYS.saturating_mul(2) {
            if left == 0 {
                return Some(day);
            }
            day = day.checked_add(step.days()).ok()?;
            if self.is_working(day) {
                left -= 1;
            }
        }
        None
    }
}

fn end_of(day: Date) -> Option<Timestamp> {
    // The zone's data is compiled in; China has kept UTC+8 since 1991, which is the fallback.
    let zone = TimeZone::get(BUSINESS_ZONE).unwrap_or_else(|_| TimeZone::fixed(jiff::tz::offset(8)));
    let next = day.tomorrow().ok()?;
    zone.to_timestamp(next.at(0, 0, 0, 0)).ok()
}

#[cfg(test)]
mod tests {
    use super::{Calendar, Holiday, Span};
    use crate::workflow::Title;

    fn calendar() -> Calendar {
        Calendar {
            holidays: vec![Holiday {
                from: "2026-05-01".parse().unwrap(),
                to: "2026-05-05".parse().unwrap(),
                title: Title::default(),
            }],
            workdays: ["2026-05-09".parse().unwrap()].into(),
            ..Calendar::default()
        }
    }

    #[test]
    fn holidays_and_make_up_days_count_as_they_should() {
        let check = |since: &str, span: &str, end: &str| {
            let span = Span::parse(span).unwrap();
            let found = calendar().after(since.parse().unwrap(), span).unwrap();
            assert_eq!(found.to_string(), end, "{since} + {span:?}");
        };
        // Wednesday in Shanghai; Thursday is the first day, then the holiday, then Wednesday to Saturday.
        check("2026-04-29T01:00:00Z", "1bd", "2026-04-30T16:00:00Z");
        check("2026-04-29T01:00:00Z", "5bd", "2026-05-09T16:00:00Z");
        // Half past midnight in Shanghai is already the next day.
        check("2026-04-28T16:30:00Z", "1bd", "2026-04-30T16:00:00Z");
        check("2026-04-29T01:00:00Z", "2d", "2026-05-01T16:00:00Z");
        check("2026-04-29T01:00:00Z", "0bd", "2026-04-29T16:00:00Z");
        // Hours run on a holiday, too.
        check("2026-05-01T22:00:00Z", "4h", "2026-05-02T02:00:00Z");
    }

    #[test]
    fn a_warning_comes_working_days_before_the_end() {
        let since = "2026-04-29T01:00:00Z".parse().unwrap();
        let calendar = calendar();
        let deadline = calendar.after(since, Span::WorkingDays(5)).unwrap();
        let warn = calendar.before(deadline, Span::WorkingDays(1), since).unwrap();
        assert_eq!(warn.to_string(), "2026-05-08T16:00:00Z");
        assert_eq!(calendar.before(deadline, Span::WorkingDays(30), since), Some(since));
        let warn = calendar.before(deadline, Span::Hours(2), since).unwrap();
        assert_eq!(deadline.duration_since(warn), jiff::SignedDuration::from_hours(2));
    }

    #[test]
    fn waiting_is_counted_in_working_days() {
        let days =
            |since: &str, now: &str| calendar().working_days(since.parse().unwrap(), now.parse().unwrap());
        assert_eq!(days("2026-04-29", "2026-04-29"), 0);
        // Thursday 30 April, then the holiday.
        assert_eq!((days("2026-04-29", "2026-04-30"), days("2026-04-29", "2026-05-05")), (1, 1));
        // Wednesday to Saturday, which is worked.
        assert_eq!((days("2026-04-29", "2026-05-09"), days("2026-05-10", "2026-05-09")), (5, 0));
    }

    #[test]
    fn spans_parse_strictly() {
        assert_eq!(Span::parse("5bd"), Some(Span::WorkingDays(5)));
        assert_eq!(Span::parse("4h"), Some(Span::Hours(4)));
        for text in ["", "bd", "h", "5", "5m", "-1bd", "+1bd", "99999bd", "五bd"] {
            assert_eq!(Span::parse(text), None, "{text}");
        }
    }
}
