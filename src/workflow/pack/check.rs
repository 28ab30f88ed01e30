//! Checks a pack's files: first each file by itself, then each definition as a whole.
//!
//! Every finding has a stable code and the line that it is about. A wrong file never stops the check of the others.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{MANIFEST, Manifest, Parts, coverage, graph, names, orders, own_dossier_schema};
use crate::workflow::read;
use crate::workflow::schema::{self, Format};
use crate::workflow::yaml::{self, Node};
use crate::workflow::{Calendar, Definition, DossierKind, Finding, Limits, Title};

/// Everything that is wrong with a pack's files, in the order of files and lines.
pub fn check(files: &BTreeMap<String, Vec<u8>>) -> Vec<Finding> {
    check_with(files, Limits::default())
}

/// [`check`] with other limits than the usual ones.
pub fn check_with(files: &BTreeMap<String, Vec<u8>>, limits: Limits) -> Vec<Finding> {
    read(files, limits).1
}

/// The parts of a pack if each file could be read, and the findings.
pub(super) fn read(files: &BTreeMap<String, Vec<u8>>, limits: Limits) -> (Option<Parts>, Vec<Finding>) {
    let mut desk = Desk { files, limits, findings: Vec::new(), values: BTreeMap::new() };
    let parts = desk.parts();
    let mut findings = desk.findings;
    findings.sort_by(|a, b| (&a.file, a.line, &a.code).cmp(&(&b.file, b.line, &b.code)));
    findings.dedup();
    (parts, findings)
}

/// What a definition's checks write to: findings about paths of one file.
pub(super) struct Sheet<'a> {
    pub(super) file: &'a str,
    pub(super) node: &'a Node,
    pub(super) findings: &'a mut Vec<Finding>,
}

impl Sheet<'_> {
    /// Notes a finding about what the path leads to.
    pub(super) fn note(&mut self, code: &str, path: &[&str], message: Title) {
        let line = self.node.line_at(path.iter().copied());
        self.findings.push(Finding::new(code, self.file, line, message, hint(code)));
    }
}

/// The pack's other files, as far as they could be read.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) calendar: Option<&'a Calendar>,
    pub(super) policy: Option<&'a Value>,
}

struct Desk<'a> {
    files: &'a BTreeMap<String, Vec<u8>>,
    limits: Limits,
    findings: Vec<Finding>,
    values: BTreeMap<String, Value>,
}

impl Desk<'_> {
    fn parts(&mut self) -> Option<Parts> {
        if self.files.len() > self.limits.files {
            self.say(MANIFEST, 1, Title::new("规则包文件过多", "the pack has too many files"));
            return None;
        }
        let (manifest, node): (Manifest, Node) = self.file(MANIFEST, Format::Pack, None)?;
        let lines = |path: &[&str]| node.line_at(path.iter().copied());
        let calendar =
            self.file::<Calendar>(&manifest.calendar, Format::Calendar, Some(lines(&["calendar"])));
        let policy = manifest.policy.as_ref().and_then(|policy| self.policy(policy, lines(&["policy"])));
        let around =
            Around { calendar: calendar.as_ref().map(|(calendar, _)| calendar), policy: policy.as_ref() };
        let definitions = self.definitions(&manifest, &node, around);
        let mut stories = Vec::new();
        for (i, path) in manifest.stories.iter().enumerate() {
            let line = lines(&["stories", &i.to_string()]);
            stories.extend(self.file::<Value>(path, Format::Stories, Some(line)).map(|(value, _)| value));
        }
        let access = self.text(&manifest.access, lines(&["access"]));
        let dossiers = self.dossiers(&manifest, &node);
        self.orders(&manifest, &definitions, dossiers.as_ref());
        let (calendar, _) = calendar?;
        let complete = definitions.len() == manifest.workflows.len();
        let values = std::mem::take(&mut self.values);
        let (access, dossiers) = (access?, dossiers?);
        complete.then_some(Parts { manifest, definitions, calendar, access, dossiers, stories, values })
    }

    fn definitions(&mut self, manifest: &Manifest, node: &Node, around: Around<'_>) -> Vec<Definition> {
        let mut definitions: Vec<Definition> = Vec::new();
        for (i, path) in manifest.workflows.iter().enumerate() {
            let line = node.line_at(["workflows", &i.to_string()]);
            let Some((value, node)) = self.file::<Value>(path, Format::Definition, Some(line)) else {
                continue;
            };
            let mut sheet = Sheet { file: path, node: &node, findings: &mut self.findings };
            match read::definition(&value) {
                Ok(definition) if definitions.iter().any(|found| found.id == definition.id) => {
                    sheet.note(
                        "E00",
                        &["id"],
                        Title::new("流程名重复", "another workflow of the pack has this name"),
                    );
                }
                Ok(definition) => {
                    names::check(&definition, manifest, &mut sheet);
                    names::around(&definition, around, &mut sheet);
                    graph::check(&definition, &mut sheet);
                    coverage::check(&definition, &mut sheet);
                    definitions.push(definition);
                }
                Err(problems) => {
                    for problem in problems {
                        let path: Vec<&str> = problem.path.iter().map(String::as_str).collect();
                        sheet.note(
                            problem.code,
                            &path,
                            Title::new(format!("无法使用：{}", problem.why), problem.why),
                        );
                    }
                }
            }
        }
        definitions
    }

    /// What can be said only when all workflows and dossiers are known.
    fn orders(
        &mut self,
        manifest: &Manifest,
        all: &[Definition],
        dossiers: Option<&BTreeMap<String, DossierKind>>,
    ) {
        for path in &manifest.workflows {
            let Some(node) = self.files.get(path).and_then(|bytes| yaml::read(bytes, self.limits).ok())
            else {
                continue;
            };
            let value = node.value();
            let Some(definition) = all.iter().find(|found| value.get("id").is_some_and(|id| *id == found.id))
            else {
                continue;
            };
            let mut sheet = Sheet { file: path, node: &node, findings: &mut self.findings };
            orders::check(definition, all, dossiers, &mut sheet);
        }
    }

    fn policy(&mut self, path: &str, line: u32) -> Option<Value> {
        let (value, node) = self.file::<Value>(path, Format::Policy, Some(line))?;
        let mut sheet = Sheet { file: path, node: &node, findings: &mut self.findings };
        coverage::tiers(&value, &mut sheet);
        Some(value)
    }

    fn dossiers(&mut self, manifest: &Manifest, node: &Node) -> Option<BTreeMap<String, DossierKind>> {
        let mut dossiers = BTreeMap::new();
        for (kind, path) in &manifest.dossiers {
            let line = node.line_at(["dossiers", kind]);
            let text = match own_dossier_schema(path) {
                Some(text) if !self.files.contains_key(path) => Some(text.to_owned()),
                _ => self.text(path, line),
            };
            match text.as_deref().and_then(|text| DossierKind::read(kind, text)) {
                Some(found) => drop(dossiers.insert(kind.clone(), found)),
                None if self.files.contains_key(path) => {
                    self.say(
                        path,
                        1,
                        Title::new("不是可用的 JSON Schema", "this is not a usable JSON Schema"),
                    );
                }
                None => {}
            }
        }
        (dossiers.len() == manifest.dossiers.len()).then_some(dossiers)
    }

    /// A YAML file whose schema accepts it, as a value of a type, with its lines. `named_at` is the manifest's line.
    fn file<T: DeserializeOwned>(
        &mut self,
        path: &str,
        format: Format,
        named_at: Option<u32>,
    ) -> Option<(T, Node)> {
        let Some(bytes) = self.files.get(path) else {
            self.absent(path, named_at.unwrap_or(1));
            return None;
        };
        let node = match yaml::read(bytes, self.limits) {
            Ok(node) => node,
            Err(wrong) => {
                self.say(path, wrong.line, Title::new(format!("无法读取：{}", wrong.why), wrong.why));
                return None;
            }
        };
        let value = node.value();
        let complaints = schema::complaints(format, &value);
        for complaint in &complaints {
            let line = node.line_at(complaint.path.iter().map(String::as_str));
            let place = complaint.path.join(".");
            let zh = format!("{place}：不符合格式（{}）", complaint.why);
            self.say(path, line, Title::new(zh, format!("{place}: {}", complaint.why)));
        }
        if !complaints.is_empty() {
            return None;
        }
        self.values.insert(path.to_owned(), value.clone());
        match serde_json::from_value(value) {
            Ok(found) => Some((found, node)),
            Err(error) => {
                self.say(path, 1, Title::new(format!("无法读取：{error}"), error.to_string()));
                None
            }
        }
    }

    fn text(&mut self, path: &str, named_at: u32) -> Option<String> {
        let Some(bytes) = self.files.get(path) else {
            self.absent(path, named_at);
            return None;
        };
        match String::from_utf8(bytes.clone()) {
            Ok(text) if text.len() <= self.limits.file_bytes => {
                self.values.insert(path.to_owned(), Value::from(text.as_str()));
                Some(text)
            }
            _ => {
                self.say(
                    path,
                    1,
                    Title::new("不是 UTF-8 文本，或者过大", "this is not UTF-8 text, or too large"),
                );
                None
            }
        }
    }

    fn absent(&mut self, path: &str, line: u32) {
        let message =
            Title::new(format!("规则包中没有文件“{path}”"), format!("the pack has no file `{path}`"));
        self.findings.push(Finding::new("E01", MANIFEST, line, message, hint("E01")));
    }

    fn say(&mut self, file: &str, line: u32, message: Title) {
        self.findings.push(Finding::new("E00", file, line, message, hint("E00")));
    }
}

fn hint(code: &str) -> Title {
    let (zh, en) = match code {
        "E00" => ("对照 schemas/ 中的格式说明", "compare it with the format's schema in schemas/"),
        "E01" => ("检查拼写，或先定义这个名称", "check the spelling, or define the name"),
        "E02" => ("从某个可达状态增加通往它的操作，或删除它", "lead an action to it, or remove it"),
        "E03" => ("增加操作，或标明 final: true", "give it an action, or mark it `final: true`"),
        "E04" => ("增加一条通往终止状态的操作", "add an action on a way to a final state"),
        "E05" => (
            "设定 deadline，或写 deadline: none 并说明理由",
            "set a deadline, or `none` with `why_no_deadline`",
        ),
        "E06" => (
            "使用 remind，或本状态中 by: timer 的操作",
            "use `remind`, or an action of this state with `by: timer`",
        ),
        "E07" => ("写明 by: 角色", "say who may do it: `by:`"),
        "E08" => ("在该操作的 needs 中要求填写", "ask for it in the action's `needs`"),
        "E09" => ("使相邻档次首尾相接", "let each tier begin where the one below ends"),
        "E10" => ("从1开始连续填写，并写明 beyond", "list every attempt from 1, and say what comes `beyond`"),
        "E11" => ("在 documents 中定义它", "define it under `documents`"),
        "E12" => (
            "调整 when，使每位客户恰好符合一个清单",
            "change `when` so that every dossier matches exactly one",
        ),
        "E13" => ("增加 not_by: case.submitted_by", "add `not_by: case.submitted_by`"),
        "E14" => (
            "只使用 context 中声明的名称和基本运算",
            "use only names declared in `context`, and plain operators",
        ),
        "E15" => ("调整 when，使条件互斥", "change `when` so that the conditions exclude each other"),
        "E16" => {
            ("使 when 与 by_attempt 覆盖相同的次数", "let `when` and `by_attempt` cover the same attempts")
        }
        "E19" => (
            "在 policy.yaml 的 retention 中写明保存期限",
            "say in the policy's `retention` how long it is kept",
        ),
        _ => ("", ""),
    };
    Title::new(zh, en)
}
