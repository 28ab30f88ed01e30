//! Policy packs on the command line.

use std::path::Path;

use serde_json::json;

use super::{Outcome, output};
use crate::workflow::Pack;
use crate::workflow::pack::{check as check_files, read_files};
use crate::workflow::{Limits, story};

pub(super) fn check(path: &Path, as_json: bool) -> anyhow::Result<Outcome> {
    let findings = check_files(&read_files(path, Limits::default())?);
    if as_json {
        output::say_json(&findings);
    } else {
        for finding in &findings {
            output::say(&format!(
                "{}:{}: {} {}",
                finding.file, finding.line, finding.code, finding.message.en
            ));
            output::say(&format!("    {}", finding.hint.en));
        }
        output::say(&format!("{} findings", findings.len()));
    }
    Ok(if findings.is_empty() { Outcome::Clean } else { Outcome::Problems })
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
