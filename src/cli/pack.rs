//! Policy packs on the command line.

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use jiff::Timestamp;
use serde_json::json;

use super::{Common, Outcome, PackVerb, output, publish};
use crate::app::WantedMigration;
use crate::clock::Clock;
use crate::config::Config;
use crate::workflow::pack::{ReadError, check as check_files, read_files};
use crate::workflow::simulate::{Reply, Simulation};
use crate::workflow::{Definition, Finding, Limits, Pack, diagram, diff, story};

/// The word for the pack that comes with the program.
const BUNDLED: &str = "bundled";

pub(super) async fn run(config: Config, verb: PackVerb, common: &Common) -> anyhow::Result<Outcome> {
    let as_json = common.json;
    match verb {
        PackVerb::Publish { pack, note } => publish::publish(config, &pack, note.as_deref(), common).await,
        PackVerb::List => publish::list(config, common).await,
        PackVerb::Migrate { workflow, from, to, dry_run } => {
            publish::migrate(config, WantedMigration { workflow, from, to, dry_run }, common).await
        }
        PackVerb::Check { pack } => check(&pack, as_json),
        PackVerb::Test { pack } => test(&pack, as_json),
        PackVerb::Diff { old, new, lang } => differences(&old, &new, &lang, as_json),
        PackVerb::Diagram { pack, workflow, format, lang } => {
            let (_, definition) = workflow_of(&pack, &workflow)?;
            let drawn = match format.as_str() {
                "mermaid" => diagram::mermaid(&definition, &lang),
                "dot" => diagram::dot(&definition, &lang),
                _ => diagram::svg(&definition, &lang),
            };
            output::say(drawn.trim_end());
            Ok(Outcome::Clean)
        }
        PackVerb::Simulate { pack, workflow, contracts, at, lang } => {
            let (pack, definition) = workflow_of(&pack, &workflow)?;
            simulate(&pack, &definition, contracts, at, &lang)
        }
    }
}

/// The pack in a folder, or the bundled one. What is wrong with it is said on standard error.
fn pack_of(path: &Path) -> anyhow::Result<Pack> {
    if path == Path::new(BUNDLED) {
        return Ok(Pack::bundled());
    }
    Pack::read_dir(path).map_err(|error| {
        if let ReadError::Findings(findings) = &error {
            for Finding { file, line, column, code, message, .. } in findings {
                output::complain(&format!("{file}:{line}:{column}: {code} {}", message.en));
            }
        }
        anyhow::Error::from(error).context(path.display().to_string())
    })
}

fn workflow_of(path: &Path, workflow: &str) -> anyhow::Result<(Pack, Arc<Definition>)> {
    let pack = pack_of(path)?;
    let known: Vec<&str> = pack.definitions().keys().map(String::as_str).collect();
    let unknown = || format!("the pack has no workflow {workflow}; it has {}", known.join(", "));
    let definition = Arc::clone(pack.definition(workflow).with_context(unknown)?);
    Ok((pack, definition))
}

fn differences(old: &Path, new: &Path, lang: &str, as_json: bool) -> anyhow::Result<Outcome> {
    let sentences = diff(&pack_of(old)?, &pack_of(new)?);
    if as_json {
        output::say_json(&sentences);
    } else {
        sentences.iter().for_each(|sentence| output::say(sentence.get(lang)));
    }
    Ok(if sentences.is_empty() { Outcome::Clean } else { Outcome::Problems })
}

/// Reads lines from standard input, from a person or from a script, until it ends.
fn simulate(
    pack: &Pack,
    definition: &Definition,
    contracts: u32,
    at: Option<Timestamp>,
    lang: &str,
) -> anyhow::Result<Outcome> {
    let at = at.unwrap_or_else(|| Clock::system().now());
    let mut simulation = Simulation::new(pack, definition, lang, contracts, at)
        .map_err(|refusal| anyhow::anyhow!(refusal.sentence(definition, lang)))?;
    simulation.shown().iter().for_each(|line| output::say(line));
    let input = std::io::stdin();
    let by_hand = input.is_terminal();
    let prompt = || {
        let mut out = std::io::stdout();
        let _ = out.write_all(b"> ").and_then(|()| out.flush());
    };
    if by_hand {
        prompt();
    }
    for line in input.lock().lines() {
        let line = line?;
        if !by_hand {
            // A script's answers can be told apart only when each line stands above its own.
            output::say(&format!("> {line}"));
        }
        match simulation.command(&line) {
            Reply::Said(said) => said.iter().for_each(|line| output::say(line)),
            Reply::Quit => break,
        }
        if by_hand {
            prompt();
        }
    }
    Ok(Outcome::Clean)
}

fn check(path: &Path, as_json: bool) -> anyhow::Result<Outcome> {
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

fn test(path: &Path, as_json: bool) -> anyhow::Result<Outcome> {
    let pack = pack_of(path)?;
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
