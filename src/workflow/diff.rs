//! What differs between two packs, said in sentences: what somebody reads before a pack is published.
//!
//! The files' values are compared, not their texts: comments and the order of keys say nothing. Every sentence names
//! what it is about by the packs' own words.

mod calendar;
mod said;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Pack, Title};
use crate::access;
use said::{Words, field_word, key_words, plus, value_words};

/// The tables of a workflow, with what one of their entries is called.
const TABLES: [(&str, &str, &str); 9] = [
    ("roles", "角色", "role"),
    ("params", "参数", "parameter"),
    ("context", "条件名称", "name for conditions"),
    ("documents", "资料", "document"),
    ("checklists", "清单", "checklist"),
    ("forms", "表单", "form"),
    ("return_reasons", "退回原因", "return reason"),
    ("counters", "计数器", "counter"),
    ("penalties", "扣分规则", "penalty"),
];

/// What differs, one sentence for each thing: first the pack itself, then its workflows, its policy, its calendar, its
/// access policies and its stories. Empty when nothing does.
pub fn diff(old: &Pack, new: &Pack) -> Vec<Title> {
    let mut diff = Diff { words: Words { old, new, workflow: None }, said: Vec::new() };
    diff.manifest();
    diff.workflows();
    diff.policy();
    diff.said.extend(calendar::diff(old.calendar(), new.calendar()));
    diff.access();
    diff.stories();
    diff.said
}

struct Diff<'a> {
    words: Words<'a>,
    said: Vec<Title>,
}

/// What a table's entries are, in both languages.
type Noun = (&'static str, &'static str);

impl<'a> Diff<'a> {
    fn say(&mut self, zh: String, en: String) {
        self.said.push(Title { zh, en });
    }

    fn manifest(&mut self) {
        let (old, new) = (self.words.old, self.words.new);
        let pack = Title::new("规则包", "pack");
        let about =
            |pack: &Pack| serde_json::json!({ "id": pack.id, "version": pack.version, "title": pack.title });
        self.fields(&pack, &about(old), &about(new));
        let roles = |pack: &Pack| serde_json::to_value(pack.roles()).unwrap_or_default();
        self.table(&pack, ("角色", "role"), Some(&roles(old)), Some(&roles(new)));
        let kinds = |pack: &Pack| pack.dossier_kinds().keys().cloned().collect::<BTreeSet<_>>();
        let (before, after) = (kinds(old), kinds(new));
        for kind in before.difference(&after) {
            self.say(format!("删除了档案种类“{kind}”"), format!("the kind of dossier {kind} is removed"));
        }
        for kind in after.difference(&before) {
            self.say(format!("新增档案种类“{kind}”"), format!("the kind of dossier {kind} is new"));
        }
        let schemas = |pack: &'a Pack| pack.values().iter().filter(|(path, _)| path.ends_with(".json"));
        let changed =
            schemas(new).filter(|(path, value)| old.values().get(*path).is_some_and(|old| old != *value));
        for (path, _) in changed.collect::<Vec<_>>() {
            self.say(format!("档案格式 {path} 有改动"), format!("the dossiers' schema {path} is changed"));
        }
    }

    fn workflows(&mut self) {
        let (old, new) = (self.words.old, self.words.new);
        let names: BTreeSet<&String> = old.definitions().keys().chain(new.definitions().keys()).collect();
        for name in names {
            let title = |pack: &'a Pack| pack.definition(name).map(|found| &found.title);
            let value = |pack: &'a Pack| pack.file_of(name).map(|(_, value)| value);
            match (value(old), value(new)) {
                (Some(before), Some(after)) if before != after => {
                    self.words.workflow = Some((before, after));
                    let place = title(new).cloned().unwrap_or_default();
                    self.workflow(&place, before, after);
                    self.words.workflow = None;
                }
                (Some(_), None) => {
                    let title = title(old).cloned().unwrap_or_default();
                    self.say(
                        format!("删除了流程“{}”", title.zh),
                        format!("the workflow {} is removed", title.en),
                    );
                }
                (None, Some(_)) => {
                    let title = title(new).cloned().unwrap_or_default();
                    self.say(format!("新增流程“{}”", title.zh), format!("the workflow {} is new", title.en));
                }
                _ => {}
            }
        }
    }

    fn workflow(&mut self, place: &Title, old: &Value, new: &Value) {
        self.fields_except(place, old, new, &["states", "format"]);
        for (table, zh, en) in TABLES {
            self.table(place, (zh, en), old.get(table), new.get(table));
        }
        self.table(place, ("状态", "state"), old.get("states"), new.get("states"));
        for (name, after) in entries(new.get("states")) {
            let Some(before) = old.pointer(&format!("/states/{name}")) else { continue };
            let place = plus(place, &said::title_of(after, name));
            self.table(&place, ("操作", "action"), before.get("actions"), after.get("actions"));
        }
    }

    fn policy(&mut self) {
        let (old, new) = (self.words.old.policy(), self.words.new.policy());
        if old == new {
            return;
        }
        let place = Title::new("管理办法", "policy");
        let (old, new) = (old.unwrap_or(&Value::Null), new.unwrap_or(&Value::Null));
        self.fields_except(&place, old, new, &["format", "tiers", "retention", "schedules"]);
        let rows = |value: &'a Value| value.pointer("/tiers/rows");
        self.table(&Title::new("客户档次", "tiers"), ("档次", "tier"), rows(old), rows(new));
        let kept = Title::new("保存期限", "retention");
        self.table(&kept, ("类别", "class"), old.get("retention"), new.get("retention"));
        let schedules = Title::new("定期事务", "schedules");
        self.table(&schedules, ("事务", "schedule"), old.get("schedules"), new.get("schedules"));
    }

    /// What is new, gone or changed in a table whose entries have names.
    fn table(&mut self, place: &Title, noun: Noun, old: Option<&Value>, new: Option<&Value>) {
        let find = |table: Option<&Value>, name: &str| table.and_then(|table| table.get(name)).cloned();
        for (name, before) in entries(old) {
            let title = said::title_of(before, name);
            match find(new, name) {
                Some(after) => {
                    let title = said::title_of(&after, name);
                    self.fields_except(&plus(place, &title), before, &after, &["actions"]);
                }
                None => self.say(
                    format!("{}：删除了{}“{}”", place.zh, noun.0, title.zh),
                    format!("{}: the {} {} is removed", place.en, noun.1, title.en),
                ),
            }
        }
        for (name, after) in entries(new).filter(|(name, _)| find(old, name).is_none()) {
            let title = said::title_of(after, name);
            self.say(
                format!("{}：新增{}“{}”", place.zh, noun.0, title.zh),
                format!("{}: the {} {} is new", place.en, noun.1, title.en),
            );
        }
    }

    fn fields(&mut self, place: &Title, old: &Value, new: &Value) {
        self.fields_except(place, old, new, &[]);
    }

    /// What differs in the fields of one thing. Tables of a workflow are told one by one elsewhere.
    fn fields_except(&mut self, place: &Title, old: &Value, new: &Value, except: &[&str]) {
        if old == new {
            return;
        }
        let (Some(before), Some(after)) = (fields_of(old), fields_of(new)) else {
            return self.changed(place, "", old, new);
        };
        let is_table =
            |key: &str| TABLES.iter().any(|(table, ..)| *table == key) && self.words.workflow.is_some();
        let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let keys: Vec<&String> =
            keys.into_iter().filter(|key| !except.contains(&key.as_str()) && !is_table(key)).collect();
        for key in keys {
            let (was, is) = (before.get(key).unwrap_or(&Value::Null), after.get(key).unwrap_or(&Value::Null));
            let nested = was.is_object() || is.is_object();
            if was == is {
                continue;
            } else if nested && key != "do" {
                self.fields(&plus(place, &field_word(key)), was, is);
            } else {
                self.changed(place, key, was, is);
            }
        }
    }

    fn changed(&mut self, place: &Title, key: &str, old: &Value, new: &Value) {
        let place = match key {
            // A parameter is its value.
            "" | "default" => place.clone(),
            _ => plus(place, &field_word(key)),
        };
        if let (Some(old), Some(new)) = (old.as_array(), new.as_array()) {
            return self.lists(&place, key, old, new);
        }
        let (zh, en) = value_words(&self.words, key, old, new);
        self.say(format!("{}：{zh}", place.zh), format!("{}: {en}", place.en));
    }

    fn lists(&mut self, place: &Title, key: &str, old: &[Value], new: &[Value]) {
        let words = |items: Vec<&Value>| -> Title {
            let titles: Vec<Title> = items.into_iter().map(|item| self.words.item(key, item)).collect();
            let join = |by: &str, get: fn(&Title) -> &String| {
                titles.iter().map(|title| get(title).as_str()).collect::<Vec<_>>().join(by)
            };
            Title { zh: join("、", |title| &title.zh), en: join(", ", |title| &title.en) }
        };
        let added = words(new.iter().filter(|item| !old.contains(item)).collect());
        let gone = words(old.iter().filter(|item| !new.contains(item)).collect());
        let (zh, en) = match (added.en.is_empty(), gone.en.is_empty()) {
            (true, true) => ("顺序有改动".into(), "in another order".into()),
            (false, true) => (format!("新增{}", added.zh), format!("now also {}", added.en)),
            (true, false) => (format!("不再有{}", gone.zh), format!("no longer {}", gone.en)),
            (false, false) => {
                (format!("{}改为{}", gone.zh, added.zh), format!("{} instead of {}", added.en, gone.en))
            }
        };
        self.say(format!("{}：{zh}", place.zh), format!("{}: {en}", place.en));
    }

    fn access(&mut self) {
        let read = |pack: &'a Pack| access::written(pack.access_policies()).unwrap_or_default();
        let (old, new) = (read(self.words.old), read(self.words.new));
        let find =
            |all: &'_ [access::Written], name: &str| all.iter().find(|policy| policy.name == name).cloned();
        for policy in &old {
            let name = &policy.name;
            match find(&new, name) {
                None => self
                    .say(format!("删除了访问策略“{name}”"), format!("the access policy {name} is removed")),
                Some(after) if after.text != policy.text => {
                    self.say(
                        format!("访问策略“{name}”有改动"),
                        format!("the access policy {name} is changed"),
                    );
                }
                Some(_) => {}
            }
        }
        for policy in new.iter().filter(|policy| find(&old, &policy.name).is_none()) {
            let name = &policy.name;
            self.say(format!("新增访问策略“{name}”"), format!("the access policy {name} is new"));
        }
    }

    fn stories(&mut self) {
        let tests = |pack: &Pack| -> Vec<Value> {
            let tests = pack.stories().iter().filter_map(|file| file.get("tests")?.as_array().cloned());
            tests.flatten().collect()
        };
        let (old, new) = (tests(self.words.old), tests(self.words.new));
        let count =
            |these: &[Value], those: &[Value]| these.iter().filter(|story| !those.contains(story)).count();
        let (added, gone) = (count(&new, &old), count(&old, &new));
        if added + gone > 0 {
            self.say(
                format!("故事：新增或改动 {added} 个，删除或改动 {gone} 个"),
                format!("stories: {added} new or changed, {gone} removed or changed"),
            );
        }
    }
}

fn entries(table: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    table.and_then(Value::as_object).into_iter().flatten()
}

/// The fields of something; a missing one has none, and its names are one field.
fn fields_of(value: &Value) -> Option<Map<String, Value>> {
    let mut fields = match value {
        Value::Null => return Some(Map::new()),
        Value::Object(fields) => fields.clone(),
        _ => return None,
    };
    if let (Some(zh), Some(en)) = (fields.remove("zh"), fields.remove("en")) {
        let name = format!("{} / {}", key_words(&zh), key_words(&en));
        fields.insert("name".into(), name.into());
    }
    Some(fields)
}

#[cfg(test)]
mod tests;
