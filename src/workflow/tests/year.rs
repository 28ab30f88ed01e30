//! A year with its holidays: deadlines counted by hand, every day of it, and a case that waits all through it.

use std::collections::BTreeSet;

use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::{Desk, li};
use crate::domain::{business_date, end_of_business_date};
use crate::workflow::{Case, Input, NoticeKind, Pack, Recount, Span, Term, due_notice, due_timer, recount};

/// The free days of the bundled calendar that are no weekend days, and the weekend days that are worked: written here
/// once more, day by day, so that a mistake in the reading of the file is seen.
fn is_worked(day: Date) -> bool {
    let free: BTreeSet<Date> =
        [(1, 1..=3), (2, 15..=23), (4, 4..=6), (5, 1..=5), (6, 19..=21), (9, 25..=27), (10, 1..=7)]
            .into_iter()
            .flat_map(|(month, days)| days.map(move |day| date(2026, month, day)))
            .collect();
    let worked = [(1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10)].map(|(m, d)| date(2026, m, d));
    let weekend = day.weekday().to_monday_zero_offset() >= 5;
    worked.contains(&day) || (!weekend && !free.contains(&day))
}

/// An instant of a day in Shanghai.
fn at(day: Date, hour: i64, minute: i64) -> Timestamp {
    let midnight = end_of_business_date(day.yesterday().unwrap());
    midnight.checked_add(SignedDuration::from_mins(hour * 60 + minute)).unwrap()
}

/// The last day of a term of working days.
fn last_day(pack: &Pack, since: Timestamp, days: u32) -> Date {
    let deadline = pack.calendar().after(since, Span::WorkingDays(days)).unwrap();
    let last = business_date(deadline.checked_sub(SignedDuration::from_secs(1)).unwrap());
    assert_eq!(deadline, end_of_business_date(last), "a term ends with a day");
    last
}

#[test]
fn twelve_deadlines_are_as_they_are_counted_by_hand() {
    let pack = Pack::bundled();
    let check = |from: (i8, i8), days: u32, last: (i8, i8)| {
        let (from, last) = (date(2026, from.0, from.1), date(2026, last.0, last.1));
        assert_eq!(last_day(&pack, at(from, 12, 0), days), last, "{from} + {days}");
    };
    // New Year. Fri 2 Jan is free itself; Sun 4 is worked (1), Mon 5 (2).
    check((1, 2), 2, (1, 5));
    // Spring Festival. Fri 13 Feb (1), Sat 14 is worked (2), 15 to 23 are free, Tue 24 (3), Wed 25 (4), Thu 26 (5).
    check((2, 12), 5, (2, 26));
    // Sat 14 is worked (1), then the whole festival, Tue 24 (2).
    check((2, 13), 2, (2, 24));
    // From within the festival: Tue 24 (1), Wed 25 (2), Thu 26 (3), Fri 27 (4), Sat 28 is worked (5).
    check((2, 16), 5, (2, 28));
    // Thu 26 (1), Fri 27 (2), Sat 28 is worked (3).
    check((2, 25), 3, (2, 28));
    // Qingming. Fri 3 Apr (1), Sat 4 to Mon 6 are free, Tue 7 (2).
    check((4, 2), 2, (4, 7));
    // Labour Day. Thu 30 Apr (1), 1 to 5 May are free, Wed 6 (2), Thu 7 (3), Fri 8 (4), Sat 9 is worked (5).
    check((4, 29), 5, (5, 9));
    // Dragon Boat. Thu 18 Jun (1), Fri 19 to Sun 21 are free, Mon 22 (2).
    check((6, 17), 2, (6, 22));
    // Sat 19 Sep is free, Sun 20 is worked (1), Mon 21 (2), Tue 22 (3), Wed 23 (4), Thu 24 (5).
    check((9, 18), 5, (9, 24));
    // Mid-Autumn. Fri 25 to Sun 27 Sep are free, Mon 28 (1), Tue 29 (2).
    check((9, 24), 2, (9, 29));
    // National Day. Wed 30 Sep (1), 1 to 7 Oct are free, Thu 8 (2), Fri 9 (3), Sat 10 is worked (4), Sun 11 is free, Mon 12 (5).
    check((9, 29), 5, (10, 12));
    // Half past midnight on Sun 11 Oct is no longer Sat 10: Mon 12 (1).
    assert_eq!(last_day(&pack, at(date(2026, 10, 11), 0, 30), 1), date(2026, 10, 12));
}

#[test]
fn no_deadline_of_the_year_is_early_or_ends_on_a_free_day() {
    let pack = Pack::bundled();
    let (mut day, mut checked) = (date(2026, 1, 1), 0);
    while day.year() == 2026 {
        for (days, (hour, minute)) in (1..=20).flat_map(|days| [(days, (0, 1)), (days, (23, 59))]) {
            let last = last_day(&pack, at(day, hour, minute), days);
            assert!(last.year() > 2026 || is_worked(last), "{day} + {days} ends on {last}, which is free");
            let mut passed = 0;
            let mut each = day;
            while each < last {
                each = each.tomorrow().unwrap();
                passed += u32::from(is_worked(each));
            }
            assert_eq!(passed, days, "{day} + {days} ends on {last}");
            checked += 1;
        }
        day = day.tomorrow().unwrap();
    }
    assert_eq!(checked, 365 * 20 * 2);
}

#[test]
fn a_case_that_waits_all_year_is_reminded_of_once_for_every_working_day() {
    let mut desk = Desk::open("person", 1);
    desk.now = at(date(2026, 1, 5), 10, 0);
    desk.act(&li(), "submit", Input::default()).unwrap();
    let (mut day, mut warned, mut dues) = (date(2026, 1, 5), Vec::new(), Vec::new());
    while day.year() == 2026 {
        let now = at(day, 9, 0);
        assert_eq!(due_timer(&desk.def, &desk.case, now), None, "reminding is no action");
        if let Some(notice) = due_notice(&desk.def, desk.pack.calendar(), &desk.case, now) {
            match notice.kind {
                NoticeKind::Warning => warned.push(day),
                NoticeKind::Reminder => dues.push(notice.due),
            }
            assert!(desk.case.noted(&notice) && !desk.case.noted(&notice), "it is given once");
            assert_eq!(due_notice(&desk.def, desk.pack.calendar(), &desk.case, now), None);
        }
        day = day.tomorrow().unwrap();
    }
    // Submitted on Mon 5 Jan with two working days: Tue 6, Wed 7. The warning is due when Tue 6 is over.
    assert_eq!(warned, [date(2026, 1, 7)]);
    assert_eq!(dues.first(), Some(&end_of_business_date(date(2026, 1, 7))));
    let ended = |due: &Timestamp| business_date(due.checked_sub(1.second()).unwrap());
    let days: Vec<Date> = dues.iter().map(ended).collect();
    let expected: Vec<Date> = date(2026, 1, 7)
        .series(1.day())
        .take_while(|day| *day < date(2026, 12, 31))
        .filter(|day| is_worked(*day))
        .collect();
    assert_eq!(days, expected);
    assert_eq!((desk.points(), desk.case.version), (0, 2), "the clock charges nobody and is no action");
    assert!(days.len() > 240, "{}", days.len());
}

#[test]
fn after_downtime_one_reminder_speaks_for_all_that_were_missed() {
    let mut desk = Desk::open("person", 1);
    desk.act(&li(), "submit", Input::default()).unwrap();
    let notice = |desk: &Desk, now: Timestamp| due_notice(&desk.def, desk.pack.calendar(), &desk.case, now);
    assert_eq!(desk.case.deadline, Some(end_of_business_date(date(2026, 3, 4))));
    // Down from before the warning until two due times have passed, Wed 4 and Thu 5.
    let first = notice(&desk, at(date(2026, 3, 6), 9, 0)).unwrap();
    assert_eq!((first.kind, first.number), (NoticeKind::Reminder, 1), "a warning would come too late");
    assert_eq!(first.due, end_of_business_date(date(2026, 3, 5)));
    assert!(desk.case.noted(&first));
    assert_eq!(notice(&desk, at(date(2026, 3, 6), 23, 59)), None);
    let second = notice(&desk, at(date(2026, 3, 7), 0, 0)).unwrap();
    assert_eq!((second.number, second.due), (2, end_of_business_date(date(2026, 3, 6))));
}

#[test]
fn a_changed_calendar_counts_from_when_the_case_came() {
    let mut desk = Desk::open("person", 1);
    desk.act(&li(), "submit", Input::default()).unwrap();
    assert_eq!(recount(&desk.def, desk.pack.calendar(), &desk.case), None, "nothing was changed");
    // A case from before it was written down what it was counted with; and one whose term was set otherwise and stays.
    let nameless = Case { counted_with: String::new(), ..desk.case.clone() };
    assert_eq!(recount(&desk.def, desk.pack.calendar(), &nameless), None);
    let longer = Case { deadline: Some(end_of_business_date(date(2026, 3, 9))), ..desk.case.clone() };
    assert_eq!(recount(&desk.def, desk.pack.calendar(), &longer), None);
    let longer = Case { counted_with: String::new(), ..longer };
    assert!(recount(&desk.def, desk.pack.calendar(), &longer).is_some());
    let late = at(date(2026, 3, 4), 9, 0);
    let warning = due_notice(&desk.def, desk.pack.calendar(), &desk.case, late).unwrap();
    assert!(desk.case.noted(&warning));
    // Wed 4 March becomes free: from Mon 2, Tue 3 (1), Thu 5 (2).
    let mut changed = desk.pack.calendar().clone();
    changed.holidays.push(crate::workflow::Holiday {
        from: date(2026, 3, 4),
        to: date(2026, 3, 4),
        title: crate::workflow::Title::default(),
    });
    let found: Recount = recount(&desk.def, &changed, &desk.case).unwrap();
    let term = |last: Date, warn: Date| Term {
        deadline: Some(end_of_business_date(last)),
        warn_at: Some(end_of_business_date(warn)),
    };
    assert_eq!(found.from, term(date(2026, 3, 4), date(2026, 3, 3)));
    assert_eq!(found.to, term(date(2026, 3, 5), date(2026, 3, 3)));
    let mut elsewhere = desk.case.clone();
    elsewhere.state_entry += 1;
    let before = elsewhere.clone();
    assert!(!elsewhere.recounted(&found, late) && elsewhere == before, "it has left that state");
    assert!(desk.case.recounted(&found, late));
    assert_eq!(recount(&desk.def, &changed, &desk.case), None, "once");
    assert_eq!(due_notice(&desk.def, &changed, &desk.case, at(date(2026, 3, 5), 23, 59)), None);
    let reminder = due_notice(&desk.def, &changed, &desk.case, at(date(2026, 3, 6), 0, 0)).unwrap();
    assert_eq!((reminder.kind, reminder.number), (NoticeKind::Reminder, 3));
}
