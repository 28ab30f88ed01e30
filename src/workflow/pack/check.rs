//! Checks a pack's files: first each file by itself, then each definition as a whole, then what the stories walk.
//!
//! Every finding has a stable code and the place that it is about. A wrong file never stops the check of the others.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    MANIFEST, Manifest, Parts, accepted, coverage, days, graph, inputs, legal, moves, names, orders,
    own_dossier_schema, params, policies, walked,
};
use crate::workflow::read;
use crate::workflow::schema::{self, Format};
use crate::workflow::yaml::{self, Node, Place};
use crate::workflow::{Calendar, Definition, DossierKind, Finding, Limits, Severity, Title};

type Dossiers = BTreeMap<String, DossierKind>;
/// The file and the place that name another file.
type Named<'a> = (&'a str, Place);

/// Everything that is wrong with a pack's files, in the order of files and lines.
pub fn check(files: &BTreeMap<String, Vec<u8>>) -> Vec<Finding> {
    check_with(files, Limits::default())
}

/// [`check`] with other limits than the usual ones.
pub fn check_with(files: &BTreeMap<String, Vec<u8>>, limits: Limits) -> Vec<Finding> {
    let (parts, mut findings) = read(files, limits);
    let Some(parts) = parts.filter(|_| findings.iter().all(|found| found.severity == Severity::Warning))
    else {
        return findings;
    };
    let reasons = parts.manifest.accepted.clone();
    let nodes = parts.nodes.clone();
    match super::Pack::assemble(parts, files) {
        Ok(pack) => findings.extend(walked::check(&pack, &nodes)),
        Err(unusable) => findings.extend(unusable),
    }
    if let Some(node) = nodes.get(MANIFEST) {
        let mut stale = Vec::new();
        accepted::apply(&reasons, &mut findings, &mut Sheet { file: MANIFEST, node, findings: &mut stale });
        findings.extend(stale);
    }
    in_order(findings)
}

/// The parts of a pack if each file could be read, and the findings, except those about stories and reasons.
pub(super) fn read(files: &BTreeMap<String, Vec<u8>>, limits: Limits) -> (Option<Parts>, Vec<Finding>) {
    let mut desk =
        Desk { files, limits, findings: Vec::new(), values: BTreeMap::new(), nodes: BTreeMap::new() };
    let parts = desk.parts();
    (parts, in_order(desk.findings))
}

fn in_order(mut findings: Vec<Finding>) -> Vec<Finding> {
    let key = |found: &Finding| (found.file.clone(), found.line, found.column, found.code.clone());
    findings.sort_by_key(key);
    findings.dedup();
    findings
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
        let at = self.node.place_at(path.iter().copied());
        self.findings.push(Finding::new(code, self.file, at, path.join("."), message));
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
    nodes: BTreeMap<String, Node>,
}

impl Desk<'_> {
    fn parts(&mut self) -> Option<Parts> {
        if self.files.len() > self.limits.files {
            self.say(MANIFEST, Place::START, Title::new("规则包文件过多", "the pack has too many files"));
            return None;
        }
        let (manifest, node): (Manifest, Node) =
            self.file(MANIFEST, Format::Pack, (MANIFEST, Place::START))?;
        let place = |path: &[&str]| (MANIFEST, node.place_at(path.iter().copied()));
        let calendar = self.calendar(&manifest.calendar, place(&["calendar"]));
        let policy = manifest.policy.as_ref().and_then(|policy| self.policy(policy, place(&["policy"])));
        let around = Around { calendar: calendar.as_ref(), policy: policy.as_ref() };
        let (dossiers, facts) = self.dossiers(&manifest, &node);
        let facts = dossiers.is_some().then_some(&facts);
        let definitions = self.definitions(&manifest, &node, around, facts);
        let mut stories = Vec::new();
        for (i, path) in manifest.stories.iter().enumerate() {
            let at = place(&["stories", &i.to_string()]);
            stories.extend(self.file::<Value>(path, Format::Stories, at).map(|(value, _)| value));
        }
        let access = self.text(&manifest.access, place(&["access"]));
        if let Some(access) = &access {
            policies::check(access, &manifest, &definitions, &self.nodes, &mut self.findings);
        }
        self.orders(&manifest, &definitions, dossiers.as_ref());
        let calendar = calendar?;
        let complete = definitions.len() == manifest.workflows.len();
        let (values, nodes) = (std::mem::take(&mut self.values), std::mem::take(&mut self.nodes));
        let (access, dossiers) = (access?, dossiers?);
        let parts = Parts { manifest, definitions, calendar, access, dossiers, stories, values, nodes };
        complete.then_some(parts)
    }

    fn definitions(
        &mut self,
        manifest: &Manifest,
        node: &Node,
        around: Around<'_>,
        facts: Option<&BTreeMap<String, Value>>,
    ) -> Vec<Definition> {
        let mut definitions: Vec<Definition> = Vec::new();
        for (i, path) in manifest.workflows.iter().enumerate() {
            let at = (MANIFEST, node.place_at(["workflows", &i.to_string()]));
            let Some((value, node)) = self.file::<Value>(path, Format::Definition, at) else {
                continue;
            };
            let former = self.former(path, &value, &node);
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
                    inputs::check(&definition, facts, &mut sheet);
                    params::check(&value, &mut sheet);
                    legal::check(&definition, &value, &mut sheet);
                    moves::check(&definition, &value, &former, &mut sheet);
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
    fn orders(&mut self, manifest: &Manifest, all: &[Definition], dossiers: Option<&Dossiers>) {
        let whole = all.len() == manifest.workflows.len();
        for path in &manifest.workflows {
            let Some(node) = self.nodes.get(path) else { continue };
            let value = node.value();
            let Some(definition) = all.iter().find(|found| value.get("id").is_some_and(|id| *id == found.id))
            else {
                continue;
            };
            let mut sheet = Sheet { file: path, node, findings: &mut self.findings };
            orders::check(definition, whole.then_some(all), dossiers, &mut sheet);
        }
    }

    /// The former versions that a definition's `migrate` names, by version.
    fn former(&mut self, file: &str, value: &Value, node: &Node) -> BTreeMap<String, Definition> {
        let mut former = BTreeMap::new();
        for (version, path) in moves::former(value) {
            let at = (file, node.place_at(["migrate", "from", &version, "was"]));
            let Some((value, _)) = self.file::<Value>(&path, Format::Definition, at) else { continue };
            match read::definition(&value) {
                Ok(definition) => drop(former.insert(version, definition)),
                Err(problems) => {
                    let why = problems.into_iter().next().map(|problem| problem.why).unwrap_or_default();
                    self.say(&path, Place::START, Title::new(format!("无法使用：{why}"), why));
                }
            }
        }
        former
    }

    fn calendar(&mut self, path: &str, at: Named<'_>) -> Option<Calendar> {
        let (value, node) = self.file::<Value>(path, Format::Calendar, at)?;
        days::check(&value, &mut Sheet { file: path, node: &node, findings: &mut self.findings });
        serde_json::from_value(value).ok()
    }

    fn policy(&mut self, path: &str, at: Named<'_>) -> Option<Value> {
        let (value, node) = self.file::<Value>(path, Format::Policy, at)?;
        let mut sheet = Sheet { file: path, node: &node, findings: &mut self.findings };
        coverage::tiers(&value, &mut sheet);
        Some(value)
    }

    /// All kinds of dossiers, unless one cannot be used; and the schemas, by kind.
    fn dossiers(&mut self, manifest: &Manifest, node: &Node) -> (Option<Dossiers>, BTreeMap<String, Value>) {
        let (mut dossiers, mut schemas) = (Dossiers::new(), BTreeMap::new());
        for (kind, path) in &manifest.dossiers {
            let text = match own_dossier_schema(path) {
                Some(text) if !self.files.contains_key(path) => Some(text.to_owned()),
                _ => self.text(path, (MANIFEST, node.place_at(["dossiers", kind]))),
            };
            match text.as_deref().and_then(|text| DossierKind::read(kind, text)) {
                Some(found) => drop(dossiers.insert(kind.clone(), found)),
                None if self.files.contains_key(path) => {
                    let message = Title::new("不是可用的 JSON Schema", "this is not a usable JSON Schema");
                    self.say(path, Place::START, message);
                }
                None => {}
            }
            schemas.extend(text.and_then(|text| Some((kind.clone(), serde_json::from_str(&text).ok()?))));
        }
        ((dossiers.len() == manifest.dossiers.len()).then_some(dossiers), schemas)
    }

    /// A YAML file whose schema accepts it, as a value of a type, with its places. `named_at` is the place that names it.
    fn file<T: DeserializeOwned>(
        &mut self,
        path: &str,
        format: Format,
        named_at: Named<'_>,
    ) -> Option<(T, Node)> {
        let Some(bytes) = self.files.get(path) else {
            self.absent(path, named_at);
            return None;
        };
        let node = match yaml::read(bytes, self.limits) {
            Ok(node) => node,
            Err(wrong) => {
                self.say(path, wrong.at, Title::new(format!("无法读取：{}", wrong.why), wrong.why));
                return None;
            }
        };
        let value = node.value();
        let complaints = schema::complaints(format, &value);
        for complaint in &complaints {
            let steps: Vec<&str> = complaint.path.iter().map(String::as_str).collect();
            let place = complaint.path.join(".");
            let zh = format!("{place}：不符合格式（{}）", complaint.why);
            let mut sheet = Sheet { file: path, node: &node, findings: &mut self.findings };
            sheet.note("E00", &steps, Title::new(zh, format!("{place}: {}", complaint.why)));
        }
        if !complaints.is_empty() {
            return None;
        }
        self.values.insert(path.to_owned(), value.clone());
        self.nodes.insert(path.to_owned(), node.clone());
        match serde_json::from_value(value) {
            Ok(found) => Some((found, node)),
            Err(error) => {
                self.say(path, Place::START, Title::new(format!("无法读取：{error}"), error.to_string()));
                None
            }
        }
    }

    fn text(&mut self, path: &str, named_at: Named<'_>) -> Option<String> {
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
                let message = Title::new("不是 UTF-8 文本，或者过大", "this is not UTF-8 text, or too large");
                self.say(path, Place::START, message);
                None
            }
        }
    }

    fn absent(&mut self, path: &str, (file, at): Named<'_>) {
        let message =
            Title::new(format!("规则包中没有文件“{path}”"), format!("the pack has no file `{path}`"));
        self.findings.push(Finding::new("E01", file, at, String::new(), message));
    }

    fn say(&mut self, file: &str, at: Place, message: Title) {
        self.findings.push(Finding::new("E00", file, at, String::new(), message));
    }
}
