//! The access policies of a pack: whether they are Cedar, fit the schema, name roles of the pack, and say which
//! sensitive documents they show.

use std::collections::{BTreeMap, BTreeSet};

use super::Manifest;
use super::check::Sheet;
use crate::access::{self, Written};
use crate::domain::Role;
use crate::workflow::yaml::{Node, Place};
use crate::workflow::{Definition, Finding, Title};

/// E00 and E01 of the policies, and E18. Without all definitions only the policies themselves are looked at: what they
/// name may stand in the file that could not be read.
pub(super) fn check(
    text: &str,
    manifest: &Manifest,
    definitions: &[Definition],
    nodes: &BTreeMap<String, Node>,
    findings: &mut Vec<Finding>,
) {
    let note = |findings: &mut Vec<Finding>, code: &str, byte: usize, subject: &str, message: Title| {
        let at = Place::of_byte(text, byte);
        findings.push(Finding::new(code, &manifest.access, at, subject.to_owned(), message));
    };
    let policies = match access::written(text) {
        Ok(policies) => policies,
        Err(problems) => {
            for problem in problems {
                let message = Title::new(format!("访问策略无法使用：{}", problem.why), problem.why);
                note(findings, "E00", problem.byte, "", message);
            }
            return;
        }
    };
    if definitions.len() < manifest.workflows.len() {
        return;
    }
    let sensitive = sensitive(definitions);
    let named: BTreeSet<&String> = showing(&policies).flat_map(|policy| &policy.sensitive).collect();
    for policy in &policies {
        let known = |role: &str| {
            role == Role::ADMIN
                || manifest.roles.contains_key(role)
                || definitions.iter().any(|def| def.roles.contains_key(role))
        };
        for role in policy.roles.iter().filter(|role| !known(role)).collect::<BTreeSet<_>>() {
            let en = format!("the role `{role}` is not defined");
            let byte = place_of(text, policy, &format!("Role::\"{role}\""));
            note(findings, "E01", byte, &policy.name, Title::new(format!("没有定义角色“{role}”"), en));
        }
        for kind in policy.sensitive.iter().filter(|kind| !sensitive.contains_key(kind.as_str())) {
            let en = format!("`{kind}` is not a sensitive kind of document");
            let byte = place_of(text, policy, kind);
            note(findings, "E01", byte, &policy.name, Title::new(format!("“{kind}”不是敏感资料"), en));
        }
        let shows = |kind: &str| policy.sensitive.iter().any(|named| named == kind);
        let silent = sensitive.keys().filter(|kind| policy.shows_documents && !shows(kind));
        let silent: Vec<&str> = silent.copied().filter(|kind| named.contains(&(*kind).to_owned())).collect();
        if !silent.is_empty() {
            let (name, kinds) = (&policy.name, silent.join(", "));
            let message = Title::new(
                format!("策略“{name}”允许查看资料，却没有写明敏感资料：{kinds}"),
                format!("`{name}` permits to see documents and does not name these sensitive kinds: {kinds}"),
            );
            note(findings, "E18", policy.byte, name, message);
        }
    }
    for (kind, definition) in sensitive.iter().filter(|(kind, _)| !named.contains(&(**kind).to_owned())) {
        unnamed(kind, definition, nodes, findings);
    }
}

/// The sensitive kinds of documents, each with the first definition that has it.
fn sensitive(definitions: &[Definition]) -> BTreeMap<&str, &Definition> {
    let mut kinds = BTreeMap::new();
    for definition in definitions {
        for (kind, _) in definition.documents.iter().filter(|(_, document)| document.sensitive) {
            kinds.entry(kind.as_str()).or_insert(definition);
        }
    }
    kinds
}

fn showing(policies: &[Written]) -> impl Iterator<Item = &Written> {
    policies.iter().filter(|policy| policy.shows_documents)
}

/// No policy that shows documents names this sensitive kind.
fn unnamed(kind: &str, definition: &Definition, nodes: &BTreeMap<String, Node>, findings: &mut Vec<Finding>) {
    let path = ["documents", kind, "sensitive"];
    let of_definition = |node: &&Node| {
        let value = node.value();
        let is = |key: &str, text: &str| value.get(key).is_some_and(|found| found == text);
        value.get("documents").is_some() && is("id", &definition.id) && is("version", &definition.version)
    };
    let Some((file, node)) = nodes.iter().find(|(_, node)| of_definition(node)) else { return };
    let en = format!("no access policy says who may see the sensitive kind `{kind}`");
    let message = Title::new(format!("没有访问策略写明谁可以查看敏感资料“{kind}”"), en);
    Sheet { file, node, findings }.note("E18", &path, message);
}

/// Where a text stands in a policy; the policy's beginning if it does not.
fn place_of(text: &str, policy: &Written, part: &str) -> usize {
    let found = text.get(policy.byte..).and_then(|rest| rest.find(part));
    policy.byte.saturating_add(found.unwrap_or_default())
}
