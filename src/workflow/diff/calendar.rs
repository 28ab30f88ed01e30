//! Which days became free, and which are worked now.

use std::collections::BTreeSet;

use jiff::ToSpan;
use jiff::civil::Date;

use crate::workflow::{Calendar, Title};

/// The longest holiday whose days are listed one by one.
const LONGEST: usize = 366;

pub(super) fn diff(old: &Calendar, new: &Calendar) -> Vec<Title> {
    let mut said = Vec::new();
    let mut say = |zh: &str, en: &str, words: String| {
        said.push(Title {
            zh: format!("工作日历：{zh}：{words}"), en: format!("calendar: {en}: {words}")
        });
    };
    if old.id != new.id {
        say("名称", "id", format!("{} -> {}", old.id, new.id));
    }
    if old.version != new.version {
        say("版本", "version", format!("{} -> {}", old.version, new.version));
    }
    let (were, are) = (free(old), free(new));
    let more = |these: &BTreeSet<Date>, those: &BTreeSet<Date>| days(these.difference(those));
    let changes = [
        ("新增假日", "free now", more(&are, &were)),
        ("不再是假日", "no longer free", more(&were, &are)),
        ("新增调休上班日", "worked now", more(&new.workdays, &old.workdays)),
        ("不再是调休上班日", "no longer worked", more(&old.workdays, &new.workdays)),
    ];
    for (zh, en, words) in changes.into_iter().filter(|(.., words)| !words.is_empty()) {
        say(zh, en, words);
    }
    let years: Vec<String> = new.years.symmetric_difference(&old.years).map(ToString::to_string).collect();
    if !years.is_empty() {
        say("年份有变", "other years", years.join(", "));
    }
    if old.confirmed != new.confirmed {
        let (zh, en) = match new.confirmed {
            true => ("工作日历：已核对", "calendar: its days are confirmed now"),
            false => ("工作日历：不再标为已核对", "calendar: its days are no longer confirmed"),
        };
        said.push(Title::new(zh, en));
    }
    said
}

fn free(calendar: &Calendar) -> BTreeSet<Date> {
    let days = |from: Date, to: Date| from.series(1.day()).take_while(move |day| *day <= to).take(LONGEST);
    calendar.holidays.iter().flat_map(|holiday| days(holiday.from, holiday.to)).collect()
}

/// Days, those in a row as one span.
fn days<'a>(days: impl Iterator<Item = &'a Date>) -> String {
    let mut spans: Vec<(Date, Date)> = Vec::new();
    for day in days {
        match spans.last_mut() {
            Some((_, last)) if last.tomorrow().is_ok_and(|next| next == *day) => *last = *day,
            _ => spans.push((*day, *day)),
        }
    }
    let words =
        spans.iter().map(|(from, to)| if from == to { from.to_string() } else { format!("{from}/{to}") });
    words.collect::<Vec<_>>().join(", ")
}
