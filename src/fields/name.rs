//! Names of people and companies: what stands beside a label, up to the next label or mark.

use super::cursor::Cursor;
use super::found::Found;
use super::label::{Label, Meaning};
use super::run::{Run, is_wide};
use super::{FieldKind, Role};

/// Characters of a name: at least, at most (a Latin one may have twice as many).
const SHORTEST: usize = 2;
const LONGEST: usize = 30;

/// What a company's name ends in, so that a name is sure.
const COMPANIES: [&str; 20] = [
    "公司",
    "合伙)",
    "合伙企业",
    "企业",
    "厂",
    "中心",
    "银行",
    "基金",
    "集团",
    "支行",
    "分行",
    "商行",
    "事务所",
    "商店",
    "经营部",
    "工作室",
    "学校",
    "医院",
    "协会",
    "合作社",
];
/// Ends of Latin names of companies, which may stand after a comma.
const LATIN: [&str; 6] = ["ltd", "inc", "llc", "limited", "co", "corp"];

/// All of a run.
pub(super) fn names(run: &Run) -> Vec<Found> {
    let mut found: Vec<Found> = run.labels.iter().filter_map(|label| name(run, label)).collect();
    // 出租方(甲方): is two labels of one name; the first says it better.
    found.dedup_by_key(|one| one.start);
    found
}

fn name(run: &Run, label: &Label) -> Option<Found> {
    let Meaning::Name(role) = label.meaning else { return None };
    if !is_beside(run, label, role) || begins_with_label(run, label.reach) {
        return None;
    }
    let end = trimmed(run, label.reach, end_of(run, label.reach));
    let shown = run.shown(label.reach, end);
    let value = canonical(&shown);
    let length = value.chars().count();
    let most = if value.chars().any(is_wide) { LONGEST } else { 2 * LONGEST };
    if !(SHORTEST..=most).contains(&length) || !is_name(&value) {
        return None;
    }
    let found = Found::new(FieldKind::Name, value, (label.reach, end));
    let sure = is_likely(&found.value);
    Some(Found { role: Some(role), sure, ..found }.beside(Some(label)))
}

/// In running text 甲方 is no label: a colon must follow, or the label must begin a line and stand apart.
fn is_beside(run: &Run, label: &Label, role: Role) -> bool {
    let apart = label.reach > label.end || role == Role::Person && label.word == "姓名";
    let apart = apart && !label.word.is_ascii();
    label.colon || label.inherited || apart && (label.start == run.lead() || run.starts_line(label.start))
}

fn begins_with_label(run: &Run, at: usize) -> bool {
    run.labels_from(at).take(16).any(|label| label.start == at && !label.inherited && stops(run, label))
}

/// Whether a label ends the name before it: one that has a value of its own, or stands apart.
fn stops(run: &Run, label: &Label) -> bool {
    label.colon
        || label.reach > label.end
        || label.end == run.text.len()
        || run.at(label.start.wrapping_sub(1)) == Some(' ')
}

/// Where a name that starts here ends at the latest.
fn end_of(run: &Run, start: usize) -> usize {
    let near = run.labels_from(start).take(8).filter(|label| label.start > start && stops(run, label));
    let label = near.map(|label| label.start).min().unwrap_or(usize::MAX);
    let mut cursor = Cursor::new(&run.text, start);
    while cursor.at() < label && cursor.at() <= start + 2 * LONGEST {
        let Some(c) = cursor.peek() else { break };
        let passes = match c {
            ' ' => space(cursor),
            ',' | '.' => latin_ending(cursor),
            '(' => remark(cursor),
            _ => Some(1).filter(|_| c.is_alphanumeric() || "·•&'-)".contains(c)),
        };
        let Some(by) = passes else { break };
        cursor.advance(by);
    }
    cursor.at().min(label)
}

/// A space goes on between Latin words, and after a single Han character (张 三).
fn space(cursor: Cursor<'_>) -> Option<usize> {
    let (before, after) = (cursor.before()?, cursor.peek_at(1)?);
    let latin = !is_wide(before) && (after.is_ascii_alphabetic() || "(&".contains(after));
    let mut back = cursor;
    back.step_back(1);
    let single = is_wide(before) && is_wide(after) && !back.before().is_some_and(is_wide);
    (latin || single).then_some(1)
}

/// A comma or dot goes on if the end of a company's name is there.
fn latin_ending(cursor: Cursor<'_>) -> Option<usize> {
    let dot = cursor.peek() == Some('.') && cursor.before().is_some_and(|c| c.is_ascii_alphabetic());
    let mut probe = cursor;
    probe.advance(1);
    probe.spaces(1);
    let ending = LATIN.iter().any(|word| {
        let mut end = probe;
        end.word(word) && !end.peek().is_some_and(|c| c.is_ascii_alphanumeric())
    });
    (dot || ending).then_some(1)
}

/// A bracket goes on if it is part of the name, as (有限合伙) or (Hong Kong), and not a remark such as (盖章).
fn remark(cursor: Cursor<'_>) -> Option<usize> {
    let mut probe = cursor;
    probe.advance(1);
    let inside: String = probe.take_some(16, |c| c.is_alphanumeric() || c == ' ').iter().collect();
    let strange = ["盖章", "签", "以下简称", "身份证", "公章", "方", "证件", "先生", "女士"];
    let part = probe.eat(")") && !inside.is_empty() && !strange.iter().any(|word| inside.contains(word));
    part.then(|| probe.at() - cursor.at())
}

/// The end without what does not belong to a name.
fn trimmed(run: &Run, start: usize, end: usize) -> usize {
    let mut end = end;
    while end > start && run.at(end - 1).is_some_and(|c| " -,'&·".contains(c)) {
        end -= 1;
    }
    for title in ["先生", "女士", "小姐"] {
        let before = super::cursor::word_before(&run.text, end, title);
        end = before.filter(|before| *before > start + 1).unwrap_or(end);
    }
    end
}

/// One spelling: no spaces between Han, one dot in names of other languages.
fn canonical(shown: &str) -> String {
    let han = shown.chars().any(is_wide);
    let kept = shown.chars().filter(|c| !(han && *c == ' '));
    kept.map(|c| if c == '•' { '·' } else { c }).collect()
}

fn is_name(value: &str) -> bool {
    let letters = value.chars().filter(|c| c.is_alphabetic()).count();
    let digits = value.chars().filter(char::is_ascii_digit).count();
    let blanks = ["本人", "盖章", "签字", "签章", "签名", "无", "名称", "如下", "见附件"];
    letters >= SHORTEST && digits <= letters && !blanks.contains(&value)
}

/// Whether it looks like a person's name or a company's.
fn is_likely(value: &str) -> bool {
    let length = value.chars().count();
    let person = (2..=4).contains(&length) || value.contains('·') && length <= 20;
    let han = value.chars().all(|c| is_wide(c) && c.is_alphabetic() || c == '·');
    let latin =
        value.is_ascii() && value.contains(' ') && value.starts_with(|c: char| c.is_ascii_uppercase());
    latin || person && han || is_company(value)
}

/// Whether it is the name of a company, or of another body.
pub(super) fn is_company(value: &str) -> bool {
    let last = value.rsplit([' ', ',', '.']).find(|word| !word.is_empty()).unwrap_or_default();
    let latin = value.is_ascii() && LATIN.contains(&last.to_ascii_lowercase().as_str());
    latin || COMPANIES.iter().any(|ending| value.ends_with(ending))
}
