//! Names, fields and values in the words of both languages.

use serde_json::Value;

use crate::workflow::{Pack, Span, Title};

/// Where words come from: the packs, and the workflow that is being told about.
pub(super) struct Words<'a> {
    pub(super) old: &'a Pack,
    pub(super) new: &'a Pack,
    pub(super) workflow: Option<(&'a Value, &'a Value)>,
}

impl Words<'_> {
    /// What a name in this field is called.
    fn name(&self, key: &str, name: &str) -> Title {
        let table = match key {
            "by" | "waits_for" | "signed_by" | "notify" | "reversed_by" | "approved_by" => "roles",
            "to" | "beyond" | "initial" => "states",
            "need" | "sealed" | "any" => "documents",
            "form" => "forms",
            "penalise" => "penalties",
            _ => return Title::new(name, name),
        };
        let pointer = format!("/{table}/{name}");
        let values = self.workflow.into_iter().flat_map(|(old, new)| [new, old]);
        let found = values.filter_map(|value| value.pointer(&pointer)).find_map(title);
        let role =
            || (table == "roles").then(|| self.new.roles().get(name).or(self.old.roles().get(name)).cloned());
        found.or_else(|| role().flatten()).unwrap_or_else(|| Title::new(name, name))
    }

    /// An item of a list, or a single value.
    pub(super) fn item(&self, key: &str, value: &Value) -> Title {
        match value {
            Value::Null => Title::new("无", "none"),
            Value::Bool(true) => Title::new("是", "yes"),
            Value::Bool(false) => Title::new("否", "no"),
            Value::String(text) => span(text).unwrap_or_else(|| self.name(key, text)),
            Value::Number(number) => Title::new(number.to_string(), number.to_string()),
            Value::Array(items) => {
                let items: Vec<Title> = items.iter().map(|item| self.item(key, item)).collect();
                let join = |get: fn(&Title) -> &String, by: &str| {
                    items.iter().map(|item| get(item).as_str()).collect::<Vec<_>>().join(by)
                };
                Title { zh: join(|item| &item.zh, "、"), en: join(|item| &item.en, ", ") }
            }
            Value::Object(fields) => {
                let parts = fields.iter().map(|(key, value)| {
                    let (word, item) = (field_word(key), self.item(key, value));
                    Title { zh: format!("{}：{}", word.zh, item.zh), en: format!("{} {}", word.en, item.en) }
                });
                let parts: Vec<Title> = parts.collect();
                let join = |get: fn(&Title) -> &String| {
                    parts.iter().map(|part| get(part).as_str()).collect::<Vec<_>>().join("; ")
                };
                Title { zh: join(|part| &part.zh), en: join(|part| &part.en) }
            }
        }
    }
}

/// `old -> new` in both languages; the unit is said once when it is the same.
pub(super) fn value_words(words: &Words<'_>, key: &str, old: &Value, new: &Value) -> (String, String) {
    let spans = old.as_str().and_then(Span::parse).zip(new.as_str().and_then(Span::parse));
    if let Some((Span::WorkingDays(old), Span::WorkingDays(new))) = spans {
        return (format!("{old} → {new} 个工作日"), format!("{old} -> {new} working days"));
    }
    if let Some((Span::Days(old), Span::Days(new))) = spans {
        return (format!("{old} → {new} 天"), format!("{old} -> {new} days"));
    }
    let (old, new) = (words.item(key, old), words.item(key, new));
    let unit = if key == "years" { (" 年", " years") } else { ("", "") };
    (format!("{} → {}{}", old.zh, new.zh, unit.0), format!("{} -> {}{}", old.en, new.en, unit.1))
}

fn span(text: &str) -> Option<Title> {
    Span::parse(text).map(Span::said)
}

fn title(value: &Value) -> Option<Title> {
    Some(Title::new(value.get("zh")?.as_str()?, value.get("en")?.as_str()?))
}

/// What something is called: its own words, else its key.
pub(super) fn title_of(value: &Value, key: &str) -> Title {
    title(value).unwrap_or_else(|| field_word(key))
}

/// A text's own words.
pub(super) fn key_words(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A place further in.
pub(super) fn plus(place: &Title, more: &Title) -> Title {
    Title { zh: format!("{}：{}", place.zh, more.zh), en: format!("{}: {}", place.en, more.en) }
}

/// What a field is called; one that has no word of ours keeps its key.
pub(super) fn field_word(key: &str) -> Title {
    let (zh, en) = match key {
        "name" | "title" => ("名称", "name"),
        "version" => ("版本", "version"),
        "by" => ("办理人", "done by"),
        "not_by" => ("不得由", "not by"),
        "when" => ("条件", "condition"),
        "otherwise" => ("不成立时的说明", "what is said otherwise"),
        "to" => ("去向", "leads to"),
        "needs" => ("须填写", "asks for"),
        "count" => ("计数", "counts"),
        "do" => ("效果", "effects"),
        "waits_for" => ("等待", "waits for"),
        "deadline" => ("期限", "deadline"),
        "why_no_deadline" => ("没有期限的理由", "why there is no deadline"),
        "after" => ("时长", "after"),
        "warn" => ("提前提醒", "reminder before"),
        "then" => ("到期后", "at its end"),
        "again" => ("再次提醒", "again after"),
        "final" => ("终止", "final"),
        "initial" => ("起始状态", "starts in"),
        "class" => ("类别", "class"),
        "per" => ("每份", "one for each"),
        "sensitive" => ("敏感", "sensitive"),
        "waived_by" => ("可免于提交", "waived by"),
        "need" => ("需要", "needed"),
        "sealed" => ("封存的资料", "sealed"),
        "signed_by" => ("签字人", "signed by"),
        "by_attempt" => ("每次扣分", "points by attempt"),
        "beyond" => ("超过之后", "beyond"),
        "min" => ("下限", "least"),
        "max" => ("上限", "most"),
        "enum" => ("可选值", "values"),
        "years" => ("保存年限", "kept for"),
        "from" => ("起", "from"),
        "below" => ("低于", "below"),
        "above" => ("高于", "above"),
        "basis" => ("依据", "basis"),
        "form" => ("填表", "form"),
        "fix" => ("固定资料", "fix"),
        "penalise" => ("扣分", "penalise"),
        "archive" => ("归档", "archive"),
        "retain" => ("保存", "retain"),
        "notify" => ("通知", "notify"),
        "any" => ("任一", "any of"),
        "migrate" => ("迁移", "migration"),
        "calendar" => ("工作日历", "calendar"),
        "at_end" => ("保存期满", "at the end of retention"),
        _ => return Title { zh: key.to_owned(), en: key.replace('_', " ") },
    };
    Title::new(zh, en)
}
