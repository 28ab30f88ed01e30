//! Whether the days of a calendar are days, and stand where they belong.

use jiff::civil::{Date, Weekday};
use serde_json::Value;

use super::check::Sheet;
use crate::workflow::Title;

/// E00 of a calendar's days.
pub(super) fn check(calendar: &Value, sheet: &mut Sheet<'_>) {
    let list = |key: &str| calendar.get(key).and_then(Value::as_array).into_iter().flatten().enumerate();
    let years: Vec<i64> = list("years").filter_map(|(_, year)| year.as_i64()).collect();
    for (i, holiday) in list("holidays") {
        let index = i.to_string();
        let mut day = |key: &str| day(holiday.get(key), &years, &["holidays", &index, key], sheet);
        if let (Some(from), Some(to)) = (day("from"), day("to"))
            && to < from
        {
            let en = "the holiday ends before it begins";
            sheet.note("E00", &["holidays", &index, "to"], Title::new("假期的结束早于开始", en));
        }
    }
    for (i, workday) in list("workdays") {
        let index = i.to_string();
        let path = ["workdays", index.as_str()];
        let Some(found) = day(Some(workday), &years, &path, sheet) else { continue };
        if !matches!(found.weekday(), Weekday::Saturday | Weekday::Sunday) {
            let en = format!("{found} is no day of a weekend: it is worked anyway, or a holiday");
            sheet.note("E00", &path, Title::new(format!("{found} 不是周末，不能是调休上班日"), en));
        }
    }
}

fn day(text: Option<&Value>, years: &[i64], path: &[&str], sheet: &mut Sheet<'_>) -> Option<Date> {
    let text = text?.as_str()?;
    let Ok(day) = text.parse::<Date>() else {
        sheet.note("E00", path, Title::new(format!("没有“{text}”这一天"), format!("there is no day {text}")));
        return None;
    };
    if !years.contains(&i64::from(day.year())) {
        let en = format!("{text} is in none of the calendar's `years`");
        sheet.note("E00", path, Title::new(format!("{text} 不在 years 所列年份内"), en));
    }
    Some(day)
}
