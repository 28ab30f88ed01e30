//! Policy packs on the command line.

use std::path::Path;

use serde_json::json;

use super::{Outcome, output};
use crate::workflow::pack::{check as check_files, read_files};
use crate::workflow::{Finding, Limits, Pack, story};

pub(super) fn check(path: &Path, as_json: bool) -> anyhow::Result<Outcome> {
    let findings = check_files(&read_files(path, Limits::default())?);
    let open = findings.iter().filter(|finding| finding.stops()).count();
    if as_json {
        output::say_json(&findings);
    } else {
        findings.iter().for_each(say_finding);
        let accepted = findings.len() - open;
        let rest = if accepted > 0 { format!(", {accepted} accepted") } else { String::new() };
        output::say(&format!("{open} findings{rest}"));
    }
    Ok(if open == 0 { Outcome::Clean } else { Outcome::Problems })
}

fn say_finding(finding: &Finding) {
    let Finding { file, line, column, code, message, hint, .. } = finding;
    output::say(&format!("{file}:{line}:{column}: {code} {}", message.en));
    match &finding.accepted {
        Some(reason) => output::say(&format!("    accepted: {reason}")),
        None if code.starts_with('E') => output::say(&format!("    {}", hint.en)),
        None => {
            let subject = &finding.subject;
            output::say(&format!("    {} (where: {file}:{subject})", hint.en));
        }
    }
}

pub(super) fn test(path: &Path, as_json: bool) -> anyhow::Result<Outcome> {
    let pack = Pack::read_dir(path)?;
    let report = story::run(&pack);
    let failed = report.stories.iter().filter(|story| !story.passed).count();
    if as_json {
        output::say_json(&json!({
            "stories": report.stories.len(), "failed": failed,
            "transitions": report.transitions_all, "walked": report.transitions_walked, "unwalked": report.unwalked,
        }));
    } else {
        for story in report.stories.iter().filter(|story| !story.passed) {
            output::say(&format!("failed: {}: {}", story.name, story.problem.as_deref().unwrap_or_default()));
        }
        for transition in &report.unwalked {
            output::say(&format!("no story walks {transition}"));
        }
        output::say(&format!(
            "{} stories, {failed} failed; {} of {} transitions walked",
            report.stories.len(),
            report.transitions_walked,
            report.transitions_all
        ));
    }
    Ok(if failed == 0 && report.unwalked.is_empty() { Outcome::Clean } else { Outcome::Problems })
}
