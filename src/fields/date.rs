//! Days, as people and machines write them, and the period for which a paper is valid.

use jiff::civil::Date;

use super::cursor::Cursor;
use super::found::{Found, label_for};
use super::label::{Label, Meaning};
use super::numeral;
use super::run::Run;
use super::{FieldKind, Role};

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const REST: [&str; 12] =
    ["uary", "ruary", "ch", "il", "", "e", "y", "ust", "tember", "ober", "ember", "ember"];

/// All days and periods of a run.
pub(super) fn dates(run: &Run) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut at = 0;
    while at < run.text.len() {
        let some = at_place(run, at);
        at = some.iter().map(|one| one.end).max().unwrap_or(at + 1);
        found.extend(some);
    }
    found
}

/// The day that starts here, or the period and both its days.
fn at_place(run: &Run, at: usize) -> Vec<Found> {
    let mut cursor = Cursor::new(&run.text, at);
    let label = label_for(run, at, |meaning| matches!(meaning, Meaning::Date(_) | Meaning::Validity));
    let Some(date) = day(&mut cursor, label.is_some()) else { return Vec::new() };
    let first = (at, cursor.at());
    let validity = label.filter(|label| label.meaning == Meaning::Validity);
    let dotted = run.text.get(at..cursor.at()).is_some_and(|text| text.contains(&'.'));
    if let Some(end) = until(&mut cursor).filter(|_| validity.is_some() || dotted) {
        return period(date, first, end, (at, cursor.at()), validity);
    }
    let role = label.and_then(|label| match label.meaning {
        Meaning::Date(role) => role,
        _ => None,
    });
    let found = Found::new(FieldKind::Date, date.to_string(), first);
    vec![Found { role, sure: label.is_some(), ..found }.beside(label)]
}

/// What a period ends with.
struct Until {
    /// None: it never does.
    date: Option<Date>,
    start: usize,
    end: usize,
}

/// Takes `-`, 至 and the like, and the day after it or 长期.
fn until(cursor: &mut Cursor<'_>) -> Option<Until> {
    let mut probe = *cursor;
    probe.spaces(2);
    if probe.take_some(2, |c| "-—–~至到".contains(c)).is_empty() {
        return None;
    }
    probe.spaces(2);
    let start = probe.at();
    let date = if probe.word("长期") || probe.word("長期") || probe.word("永久") {
        None
    } else {
        Some(bare_day(&mut probe, false)?)
    };
    *cursor = probe;
    Some(Until { date, start, end: probe.at() })
}

/// A period, as ISO 8601-1 writes it (8601-2 if it has no end), and its days.
fn period(
    from: Date,
    first: (usize, usize),
    until: Until,
    span: (usize, usize),
    label: Option<&Label>,
) -> Vec<Found> {
    let end = until.date.map_or_else(|| "..".to_owned(), |date| date.to_string());
    let one = |kind, value, span, role| {
        let found = Found::new(kind, value, span);
        Found { role, sure: label.is_some(), ..found }.beside(label)
    };
    if until.date.is_some_and(|date| date < from) {
        return vec![one(FieldKind::Date, from.to_string(), first, None)];
    }
    let mut found = vec![
        one(FieldKind::Validity, format!("{from}/{end}"), span, None),
        one(FieldKind::Date, from.to_string(), first, Some(Role::Issued)),
    ];
    if let Some(date) = until.date {
        found.push(one(FieldKind::Date, date.to_string(), (until.start, until.end), Some(Role::Expires)));
    }
    found
}

/// Takes a day, unless it would begin in the middle of a number or word. `labelled`: a label says that this is one.
fn day(cursor: &mut Cursor<'_>, labelled: bool) -> Option<Date> {
    let (before, first) = (cursor.before(), cursor.peek()?);
    let inside = |c: char| match first {
        _ if first.is_ascii_digit() => c.is_ascii_alphanumeric() || "-./".contains(c) && is_inside(*cursor),
        _ if first.is_ascii_alphabetic() => c.is_ascii_alphanumeric(),
        _ => numeral::symbol(c).is_some(),
    };
    if before.is_some_and(inside) { None } else { bare_day(cursor, labelled) }
}

/// Takes a day. Eight digits will do if a label says that they are one.
fn bare_day(cursor: &mut Cursor<'_>, labelled: bool) -> Option<Date> {
    let first = cursor.peek()?;
    if first.is_ascii_digit() {
        separated(cursor)
            .or_else(|| written(cursor))
            .or_else(|| english_day_first(cursor))
            .or_else(|| if labelled { eight(cursor) } else { None })
    } else if numeral::symbol(first).is_some() {
        written(cursor)
    } else if first.is_ascii_alphabetic() {
        english_month_first(cursor)
    } else {
        None
    }
}

/// Whether the separator before this place ties it to a number or word before that.
fn is_inside(cursor: Cursor<'_>) -> bool {
    let mut back = cursor;
    back.step_back(1);
    back.before().is_some_and(|c| c.is_ascii_alphanumeric())
}

fn date(year: u64, month: u64, day: u64) -> Option<Date> {
    let year = i16::try_from(year).ok().filter(|year| (1900..2200).contains(year))?;
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// 2026-03-05, 2026/3/5, 2026.03.05.
fn separated(cursor: &mut Cursor<'_>) -> Option<Date> {
    let mut probe = *cursor;
    let year = probe.number(4, 4)?;
    let mark = probe.take(|c| "-/.".contains(c))?;
    probe.spaces(1);
    let month = probe.number(1, 2)?;
    probe.take(|c| c == mark)?;
    probe.spaces(1);
    let day = probe.number(1, 2)?;
    let more = probe.peek() == Some(mark) && probe.peek_at(1).is_some_and(|c| c.is_ascii_alphanumeric());
    let goes_on = more && !(mark == '-' && is_year(probe, 1));
    let found = date(year, month, day).filter(|_| !goes_on)?;
    *cursor = probe;
    Some(found)
}

/// Whether a year of four digits stands `ahead`.
fn is_year(mut cursor: Cursor<'_>, ahead: usize) -> bool {
    cursor.advance(ahead);
    cursor.number(4, 4).is_some()
}

/// 2026年3月5日, 二〇二六年三月五日, 贰零贰陆年零叁月零伍日.
fn written(cursor: &mut Cursor<'_>) -> Option<Date> {
    let mut probe = *cursor;
    let year = part(&mut probe, 4, "年")?;
    let month = part(&mut probe, 2, "月")?;
    let day = part(&mut probe, 2, "日号號")?;
    let found = date(year, month, day)?;
    *cursor = probe;
    Some(found)
}

/// Takes a number in figures or words and the sign after it.
fn part(cursor: &mut Cursor<'_>, most: usize, sign: &str) -> Option<u64> {
    cursor.spaces(2);
    let value = match cursor.number(if most == 4 { 4 } else { 1 }, most) {
        Some(value) => value,
        None => numeral::digits_or_value(cursor.take_some(4, |c| numeral::symbol(c).is_some()))?,
    };
    cursor.spaces(2);
    cursor.eat(sign).then_some(value)
}

/// 20260305.
fn eight(cursor: &mut Cursor<'_>) -> Option<Date> {
    let mut probe = *cursor;
    let all = probe.number(8, 8)?;
    let found = date(all / 10_000, all / 100 % 100, all % 100)?;
    *cursor = probe;
    Some(found)
}

/// March 5, 2026.
fn english_month_first(cursor: &mut Cursor<'_>) -> Option<Date> {
    let mut probe = *cursor;
    let month = month(&mut probe)?;
    probe.spaces(2);
    let day = ordinal(&mut probe)?;
    probe.eat(",");
    probe.spaces(2);
    let found = date(probe.number(4, 4)?, month, day)?;
    *cursor = probe;
    Some(found)
}

/// 5 March 2026.
fn english_day_first(cursor: &mut Cursor<'_>) -> Option<Date> {
    let mut probe = *cursor;
    let day = ordinal(&mut probe)?;
    probe.spaces(2);
    if probe.word("of ") {
        probe.spaces(1);
    }
    let month = month(&mut probe)?;
    probe.eat(",");
    probe.spaces(2);
    let found = date(probe.number(4, 4)?, month, day)?;
    *cursor = probe;
    Some(found)
}

/// Takes 5, 5th, 1st.
fn ordinal(cursor: &mut Cursor<'_>) -> Option<u64> {
    let day = cursor.number(1, 2)?;
    let _ = ["st", "nd", "rd", "th"].iter().any(|ending| cursor.word(ending));
    Some(day)
}

/// Takes the name of a month, short or whole.
fn month(cursor: &mut Cursor<'_>) -> Option<u64> {
    let at = MONTHS.iter().position(|name| cursor.word(name))?;
    if !REST.get(at).is_some_and(|rest| cursor.word(rest)) {
        cursor.word("t");
    }
    cursor.eat(".");
    let goes_on = cursor.peek().is_some_and(|c| c.is_ascii_alphabetic());
    u64::try_from(at + 1).ok().filter(|_| !goes_on)
}
