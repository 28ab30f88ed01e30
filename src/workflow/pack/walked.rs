//! What the stories of a pack walk.

use std::collections::BTreeMap;

use super::Pack;
use super::check::Sheet;
use crate::workflow::yaml::Node;
use crate::workflow::{Finding, Title, story};

/// W20: each transition that no story walks.
pub(super) fn check(pack: &Pack, nodes: &BTreeMap<String, Node>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for transition in story::run(pack).unwalked {
        let Some((workflow, (state, action))) =
            transition.split_once(' ').and_then(|(workflow, rest)| Some((workflow, rest.split_once('/')?)))
        else {
            continue;
        };
        let file = pack.file_of(workflow).map(|(file, _)| file);
        let Some((file, node)) = file.and_then(|file| nodes.get_key_value(file)) else { continue };
        let en = format!("no story walks `{action}` of `{state}`");
        let message = Title::new(format!("没有故事经过“{state}”的“{action}”"), en);
        let mut sheet = Sheet { file, node, findings: &mut findings };
        sheet.note("W20", &["states", state, "actions", action], message);
    }
    findings
}
