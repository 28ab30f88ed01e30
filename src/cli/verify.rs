//! `lantai verify`: on a data folder that no server has open, or through a server.
//!
//! Exit code 0: nothing is wrong; 1: there are problems, one a line; 2: it could not be done.

use std::time::Duration;

use indicatif::ProgressBar;
use reqwest::Method;
use serde_json::json;

use super::client::{Client, answer};
use super::{Outcome, output};
use crate::app::verifying::{Going, Options, Stage, TaskState, verify_folder};
use crate::archive::{Depth, Report};
use crate::clock::Clock;
use crate::config::Config;

/// How often a server is asked how far it is.
const ASK_EVERY: Duration = Duration::from_millis(500);

pub(super) async fn folder(
    config: Config,
    full: bool,
    resume: bool,
    as_json: bool,
) -> anyhow::Result<Outcome> {
    let bar = output::progress("verifying");
    let options = Options::new(&config, depth(full), resume);
    let watch = |stage, done, total| show(&bar, stage, done, total);
    let report = verify_folder(config, Clock::system(), options, &watch).await?;
    bar.finish_and_clear();
    Ok(tell(&report, as_json))
}

pub(super) async fn through_server(
    client: &Client,
    full: bool,
    resume: bool,
    as_json: bool,
) -> anyhow::Result<Outcome> {
    let bar = output::progress("verifying");
    let body = json!({ "full": full, "resume": resume });
    let mut state: TaskState =
        answer(client.request(Method::POST, "/api/v1/verify").json(&body)).await?.json().await?;
    while state.state == Going::Running {
        tokio::time::sleep(ASK_EVERY).await;
        state = answer(client.request(Method::GET, "/api/v1/verify")).await?.json().await?;
        if let Some(stage) = state.stage {
            show(&bar, stage, state.done, state.total);
        }
    }
    bar.finish_and_clear();
    match state.report {
        Some(report) => Ok(tell(&report, as_json)),
        None => anyhow::bail!("the server could not verify: {}", state.error.unwrap_or_default()),
    }
}

fn depth(full: bool) -> Depth {
    if full { Depth::Full } else { Depth::Quick }
}

fn show(bar: &ProgressBar, stage: Stage, done: u64, total: u64) {
    bar.set_message(stage.word());
    bar.set_length(total);
    bar.set_position(done);
}

/// Prints the report.
fn tell(report: &Report, as_json: bool) -> Outcome {
    if as_json {
        output::say_json(report);
    } else {
        for problem in &report.problems {
            output::say(&format!("{}  {}", problem.code, problem.subject));
        }
        for line in remarks(report) {
            output::say(&line);
        }
        output::say(&format!(
            "{} documents, {} objects, {} entries, {} MiB read in {:.1} s: {} problems",
            report.documents,
            report.objects,
            report.entries,
            report.bytes >> 20,
            report.seconds,
            report.problems.len()
        ));
    }
    if report.problems.is_empty() { Outcome::Clean } else { Outcome::Problems }
}

/// What is no problem and still to be known.
fn remarks(report: &Report) -> Vec<String> {
    let mut remarks = Vec::new();
    if report.resumed > 0 {
        remarks.push(format!("{} of the documents were looked at by an earlier run", report.resumed));
    }
    if report.unpublished > 0 {
        remarks.push(format!("{} entries are not yet published; the server does it", report.unpublished));
    }
    if report.left_over > 0 {
        remarks.push(format!(
            "{} objects are left of uploads that were cut off; the next start of the server sweeps them away",
            report.left_over
        ));
    }
    if !report.records_compared {
        remarks.push(
            "the records were not compared with a replay: the problems above make one impossible".into(),
        );
    }
    if !report.index_compared {
        remarks.push("the search index was not looked at".into());
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::tell;
    use crate::archive::{Depth, ProblemCode, Report};
    use crate::cli::Outcome;

    #[test]
    fn a_report_without_problems_is_clean_and_one_with_is_not() {
        let mut report = Report::new(Depth::Quick, jiff::Timestamp::UNIX_EPOCH);
        assert!(matches!(tell(&report, true), Outcome::Clean));
        report.add(ProblemCode::Foreign, "x");
        assert!(matches!(tell(&report, false), Outcome::Problems));
    }
}
