//! Values as people read them: times in the business zone, sizes, and the pack's names in the page's language.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::documents::Document;
use crate::domain::{BUSINESS_ZONE, Role, business_date};
use crate::http::Door;
use crate::http::api::documents::Progress;
use crate::http::caller::rules;
use crate::reading::{Outcome, Reason, Waiting};
use crate::stacks::Waits;
use crate::text::{self, Lang};
use crate::workflow::{DossierKind, Pack, Title};

/// An instant, for people and for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    /// `YYYY-MM-DD HH:MM` in the business zone.
    pub(super) said: String,
    /// RFC 3339 in UTC.
    pub(super) exact: String,
}

/// An instant as it is shown.
pub(super) fn moment(at: Timestamp) -> Moment {
    // The zone's data is compiled in; China has kept UTC+8 since 1991, which is the fallback.
    let zone = TimeZone::get(BUSINESS_ZONE).unwrap_or_else(|_| TimeZone::fixed(jiff::tz::offset(8)));
    let said = zone.to_datetime(at).strftime("%Y-%m-%d %H:%M").to_string();
    Moment { said, exact: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string() }
}

/// The end of a term. One that ends with a day is said to end on that day, at 24:00, not on the next at 00:00.
pub(super) fn deadline(at: Timestamp) -> Moment {
    let shown = moment(at);
    let day_before = |at: Timestamp| Some(moment(at.checked_sub(SignedDuration::from_mins(1)).ok()?).said);
    match shown.said.ends_with(" 00:00").then(|| day_before(at)).flatten() {
        Some(before) => Moment { said: before.replace(" 23:59", " 24:00"), ..shown },
        None => shown,
    }
}

/// How long it is until a term ends, in words, counted in days of the business zone.
pub(super) fn left(lang: Lang, end: Timestamp, now: Timestamp) -> String {
    // A term that ends with a day ends on that day.
    let last = business_date(end.checked_sub(SignedDuration::from_mins(1)).unwrap_or(end));
    let days = last.since(business_date(now)).map_or(0, |span| span.get_days());
    let (id, days) = match (end <= now, days) {
        (true, 0) => ("page-left-passed", 0),
        (true, -1) => ("page-left-passed-day", 1),
        (true, days) => ("page-left-passed-days", days.abs()),
        (false, 0) => ("page-left-today", 0),
        (false, 1) => ("page-left-tomorrow", 1),
        (false, days) => ("page-left-days", days),
    };
    text::say_with(lang, id, &[("days", &days.to_string())])
}

/// A day as people say it, with its weekday.
pub(super) fn day(lang: Lang, date: Date) -> String {
    let weekday = date.weekday().to_monday_zero_offset();
    let weekday = text::say(lang, &format!("weekday-{weekday}"));
    match lang {
        Lang::Zh => format!("{}年{}月{}日 {weekday}", date.year(), date.month(), date.day()),
        Lang::En => {
            let month = text::say(lang, &format!("month-{}", date.month()));
            format!("{weekday}, {} {month} {}", date.day(), date.year())
        }
    }
}

/// A number with a comma between its thousands, as both languages write it.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut said = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            said.push(',');
        }
        said.push(digit);
    }
    said
}

/// A size in the unit that is easiest to read.
pub(super) fn size(bytes: u64) -> String {
    let tenths = |unit: u64| {
        let tenths = bytes.saturating_mul(10) / unit;
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KB", bytes / 1024),
        1_048_576..1_073_741_824 => format!("{} MB", tenths(1_048_576)),
        _ => format!("{} GB", tenths(1_073_741_824)),
    }
}

/// The pack's words, or the key that has none.
pub(super) fn titled(title: Option<&Title>, lang: Lang, key: &str) -> String {
    title.map_or_else(|| key.to_owned(), |title| title.get(lang.tag()).to_owned())
}

/// What a role is called.
pub(super) fn role(door: &Door, lang: Lang, name: &str) -> String {
    if name == Role::ADMIN {
        return text::say(lang, "page-role-admin");
    }
    let found = door.app.packs.role_title(name).ok().flatten();
    titled(found.as_ref(), lang, name)
}

/// What the pack in force calls whom its dossiers are about: the kind of dossier about which there is most to say.
pub(super) fn customer(door: &Door, lang: Lang) -> String {
    let pack = rules(door).ok();
    let kind = pack.as_ref().and_then(|rules| main_kind(&rules.pack));
    kind.map(|(name, kind)| titled(Some(&kind.title), lang, name)).unwrap_or_default()
}

/// What the pack in force calls those who keep them: the role that the first state of their first workflow waits for.
pub(super) fn keeper(door: &Door, lang: Lang) -> String {
    let found_role = rules(door).ok().and_then(|rules| {
        let (name, _) = main_kind(&rules.pack)?;
        let first = rules.pack.definitions_for(name).next()?;
        first.state(&first.initial)?.waits_for.first().cloned()
    });
    found_role.map(|name| role(door, lang, &name)).unwrap_or_default()
}

/// What a kind of dossier is called.
pub(super) fn dossier_kind(door: &Door, lang: Lang, name: &str) -> String {
    let pack = rules(door).ok();
    let kind = pack.as_ref().and_then(|rules| rules.pack.dossier_kinds().get(name));
    titled(kind.map(|kind| &kind.title), lang, name)
}

/// The kind of dossier about which there is most to say.
pub(super) fn main_kind(pack: &Pack) -> Option<(&str, &DossierKind)> {
    let found = pack.dossier_kinds().iter().max_by_key(|(_, kind)| kind.form.len());
    found.map(|(name, kind)| (name.as_str(), &**kind))
}

/// The sentence of this id, with what the pack calls its customers and those who keep them.
pub(super) fn said(door: &Door, lang: Lang, id: &str) -> String {
    let (customer, keeper) = (customer(door, lang), keeper(door, lang));
    text::say_with(lang, id, &[("whom", &customer), ("keeper", &keeper)])
}

/// What a kind of document is called.
pub(super) fn kind(door: &Door, lang: Lang, name: &str) -> String {
    let found = door.app.packs.document_kind(name).ok().flatten();
    titled(found.as_ref().map(|kind| &kind.title), lang, name)
}

/// Words one after the other.
pub(super) fn list(lang: Lang, words: impl IntoIterator<Item = String>) -> String {
    let words: Vec<String> = words.into_iter().collect();
    words.join(match lang {
        Lang::Zh => "、",
        Lang::En => ", ",
    })
}

/// Below this somebody should look at the text that OCR has read.
const SURE_PERCENT: u8 = 85;

/// How far a document has been read.
pub(super) fn reading(lang: Lang, outcome: Option<Outcome>) -> String {
    let id = match outcome {
        None => "page-reading-waiting",
        Some(Outcome::Read) => "page-reading-read",
        Some(Outcome::Recognised { least_percent }) if least_percent < SURE_PERCENT => "page-reading-unsure",
        Some(Outcome::Recognised { .. }) => "page-reading-recognised",
        Some(Outcome::NotReadYet { reason: Waiting::NeedsOcr }) => "page-reading-picture",
        Some(Outcome::NotReadYet { reason: Waiting::BeyondLimits }) => "page-reading-beyond-limits",
        Some(Outcome::Unreadable { reason }) => match reason {
            Reason::Encrypted => "page-reading-encrypted",
            Reason::NotAPdf | Reason::Damaged => "page-reading-damaged",
            Reason::UnsupportedType => "page-reading-unsupported",
            _ => "page-reading-failed",
        },
    };
    text::say(lang, id)
}

/// How far a document is, while something is still to be done.
pub(super) fn progress(lang: Lang, progress: Progress) -> String {
    match progress {
        Progress::Archived => text::say(lang, "page-progress-archived"),
        Progress::Reading { page: 0, .. } => text::say(lang, "page-progress-reading"),
        Progress::Reading { page, of } => {
            let (page, of) = (page.to_string(), of.to_string());
            text::say_with(lang, "page-progress-page", &[("page", &page), ("of", &of)])
        }
        Progress::Indexing => text::say(lang, "page-progress-indexing"),
        Progress::Searchable => text::say(lang, "page-progress-searchable"),
    }
}

/// How far a document is: what is being done, or how its reading ended.
pub(super) fn how_far(lang: Lang, progress: Progress, document: &Document) -> String {
    match progress.is_under_way() {
        true => self::progress(lang, progress),
        false => reading(lang, document.reading.as_ref().map(|reading| reading.outcome)),
    }
}

/// Why a part of a stack waits for a person.
pub(super) fn waits(lang: Lang, waits: Waits) -> String {
    let id = match waits {
        Waits::NoCover => "page-waits-no-cover",
        Waits::NoPages => "page-waits-no-pages",
        Waits::Unsure => "page-waits-unsure",
        Waits::UnknownCase => "page-waits-unknown-case",
        Waits::NotPermitted => "page-waits-not-permitted",
        Waits::NotTaken => "page-waits-not-taken",
        Waits::CannotSplit => "page-waits-cannot-split",
    };
    text::say(lang, id)
}

/// What a fact of a dossier is called: the word of the kind's schema, or its key.
pub(super) fn fact(lang: Lang, kind: Option<&DossierKind>, name: &str) -> String {
    titled(kind.and_then(|kind| kind.field(name)).map(|field| &field.title), lang, name)
}

#[cfg(test)]
mod tests {
    use super::{count, day, deadline, left, moment, size};
    use crate::text::Lang;

    #[test]
    fn times_are_those_of_the_business_zone() {
        let shown = moment("2026-01-31T16:30:00.5Z".parse().unwrap());
        assert_eq!((shown.said.as_str(), shown.exact.as_str()), ("2026-02-01 00:30", "2026-01-31T16:30:00Z"));
    }

    #[test]
    fn a_term_ends_on_its_last_day() {
        let said = |at: &str| deadline(at.parse().unwrap()).said;
        assert_eq!(said("2026-11-25T16:00:00Z"), "2026-11-25 24:00");
        assert_eq!(said("2026-11-25T16:01:00Z"), "2026-11-26 00:01");
        assert_eq!(deadline("2026-11-25T16:00:00Z".parse().unwrap()).exact, "2026-11-25T16:00:00Z");
    }

    #[test]
    fn what_is_left_of_a_term_is_counted_in_days_of_the_business_zone() {
        let said = |end: &str| left(Lang::En, end.parse().unwrap(), "2026-11-25T02:00:00Z".parse().unwrap());
        assert_eq!(said("2026-11-25T16:00:00Z"), "ends today");
        assert_eq!(said("2026-11-25T16:01:00Z"), "ends tomorrow");
        assert_eq!(said("2026-11-28T16:00:00Z"), "3 days left");
        assert_eq!(said("2026-11-24T18:00:00Z"), "over since today");
        assert_eq!(said("2026-11-24T16:00:00Z"), "1 day over");
        assert_eq!(said("2026-11-21T16:00:00Z"), "4 days over");
    }

    #[test]
    fn days_and_numbers_are_said_as_in_the_language() {
        let date = jiff::civil::date(2026, 11, 27);
        assert_eq!(day(Lang::Zh, date), "2026年11月27日 星期五");
        assert_eq!(day(Lang::En, date), "Friday, 27 November 2026");
        for (number, said) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), said);
        }
    }

    #[test]
    fn sizes_have_the_fitting_unit() {
        for (bytes, said) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (2048, "2 KB"),
            (1_572_864, "1.5 MB"),
            (u64::MAX, "1717986918.3 GB"),
        ] {
            assert_eq!(size(bytes), said);
        }
    }
}
