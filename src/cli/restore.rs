//! Bringing an archive back, as a drill or in earnest, and comparing the copy with what it is a copy of.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::client::Client;
use super::{Common, Outcome, output};
use crate::app::restore::{Report, Restored, restore};
use crate::app::{Difference, Totals};
use crate::clock::Clock;
use crate::config::Config;
use crate::vault::{self, KeyFile, read_key_file};

/// How often the copy is brought up to a server that goes on working, before the two are compared as they are.
const ROUNDS: usize = 5;

/// What is to be restored and compared.
pub(super) struct Wanted {
    pub(super) from: String,
    pub(super) key: PathBuf,
    pub(super) key_passphrase_file: Option<PathBuf>,
    /// A server, or a file with totals that were noted before.
    pub(super) compare: Option<String>,
    /// Whether the index is made at once.
    pub(super) index: bool,
}

/// What a program is told.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    report: &'a Report,
    /// Whether the index was made now.
    indexed: bool,
    /// What differs from what was compared with; nothing if nothing was.
    differences: Option<&'a [Difference]>,
}

pub(super) async fn run(mut config: Config, wanted: Wanted, common: &Common) -> anyhow::Result<Outcome> {
    config.objects.clone_from(&wanted.from);
    let other = wanted.compare.as_deref().map(|compare| Other::new(compare, common)).transpose()?;
    let recovery = recovery_key(&wanted.key, wanted.key_passphrase_file.as_deref())?;
    let mut restored = once(&config, &recovery).await?;
    let mut there = None;
    if let Some(other) = &other {
        let mut totals = other.totals().await?;
        for _ in 1..ROUNDS {
            if !other.goes_on() || totals.entries <= restored.report.totals.entries {
                break;
            }
            restored = again(restored, &config, &recovery).await?;
            totals = other.totals().await?;
        }
        there = Some(totals);
    }
    if wanted.index {
        index(&mut restored).await?;
    }
    let report = &restored.report;
    let differences = there.map(|there| report.totals.differences(&there));
    let told = Told { report, indexed: wanted.index, differences: differences.as_deref() };
    if common.json {
        output::say_json(&told)
    } else {
        say(&config, &wanted, &told)
    }
    let differs = differences.is_some_and(|differences| !differences.is_empty());
    Ok(if differs || report.has_problems() { Outcome::Problems } else { Outcome::Clean })
}

async fn once(config: &Config, recovery: &KeyFile) -> anyhow::Result<Restored> {
    let bar = output::progress("replaying the log");
    let progress = |done: u64, total: u64| {
        bar.set_length(total);
        bar.set_position(done);
    };
    let restored = restore(config.clone(), Clock::system(), recovery, &progress).await?;
    bar.finish_and_clear();
    Ok(restored)
}

/// Takes over what the bucket has got since; the figures of both replays are added up.
async fn again(before: Restored, config: &Config, recovery: &KeyFile) -> anyhow::Result<Restored> {
    let report = before.report;
    drop(before.opened);
    let mut restored = once(config, recovery).await?;
    restored.report.replayed += report.replayed;
    restored.report.seconds += report.seconds;
    restored.report.documents_per_second = report.documents_per_second;
    Ok(restored)
}

async fn index(restored: &mut Restored) -> anyhow::Result<()> {
    let bar = output::progress("making the index");
    let progress = |done: u64, total: u64| {
        bar.set_length(total);
        bar.set_position(done);
    };
    let left = restored.opened.app.index_waiting(&progress).await?;
    bar.finish_and_clear();
    restored.report.to_index = left.indexing;
    restored.report.to_read = left.reading;
    Ok(())
}

/// The recovery key; if its file is locked, with the passphrase of a file or of whoever sits at the terminal.
fn recovery_key(file: &Path, passphrase_file: Option<&Path>) -> anyhow::Result<KeyFile> {
    let named = || file.display().to_string();
    let passphrase = passphrase_file.map(|file| {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        anyhow::Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
    });
    let passphrase = passphrase.transpose()?;
    match (read_key_file(file, None), passphrase) {
        (Err(vault::Error::Locked), Some(passphrase)) => open_locked(file, &passphrase).with_context(named),
        (Err(vault::Error::Locked), None) => {
            let asked = rpassword::prompt_password(format!("Passphrase of {}: ", file.display()));
            let passphrase = asked.context("the recovery key is locked: --key-passphrase-file is needed")?;
            open_locked(file, &Zeroizing::new(passphrase)).with_context(named)
        }
        (read, _) => read.with_context(named),
    }
}

fn open_locked(file: &Path, passphrase: &str) -> Result<KeyFile, vault::Error> {
    read_key_file(file, Some(&passphrase.to_owned().into()))
}

/// What the copy is compared with.
enum Other {
    Server(Client),
    Noted(PathBuf),
}

impl Other {
    fn new(compare: &str, common: &Common) -> anyhow::Result<Self> {
        if compare.starts_with("http://") || compare.starts_with("https://") {
            let common = Common { server: Some(compare.to_owned()), ..common.clone() };
            return Ok(Self::Server(Client::new(&common)?));
        }
        Ok(Self::Noted(compare.into()))
    }

    /// Whether its log may grow.
    fn goes_on(&self) -> bool {
        matches!(self, Self::Server(_))
    }

    async fn totals(&self) -> anyhow::Result<Totals> {
        match self {
            Self::Server(client) => client.totals().await,
            Self::Noted(file) => {
                let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
                serde_json::from_str(&text).with_context(|| format!("{} has no totals", file.display()))
            }
        }
    }
}

fn say(config: &Config, wanted: &Wanted, told: &Told<'_>) {
    let (report, totals) = (told.report, &told.report.totals);
    let line = |what: &str, figure: String| output::say(&format!("  {what:<24}{figure}"));
    output::say(&format!("{} holds the archive {} again", config.data.display(), totals.archive));
    line("objects in the bucket", report.objects.to_string());
    line("entries replayed", format!("{} of {}", report.replayed, totals.entries));
    line("root of the log", totals.root.clone());
    line("documents", totals.documents.to_string());
    line("dossiers", totals.dossiers.to_string());
    for (workflow, states) in &totals.cases {
        let states: Vec<String> = states.iter().map(|(state, count)| format!("{count} {state}")).collect();
        line("cases", format!("{workflow}: {}", states.join(", ")));
    }
    for (month, points) in &totals.penalty_points {
        line("penalty points", format!("{month}: {points}"));
    }
    let speed = report.documents_per_second.map(|speed| format!("  ({speed:.0} documents a second)"));
    line("seconds", format!("{:.1}{}", report.seconds, speed.unwrap_or_default()));
    say_missing(report);
    say_search(report);
    if let Some(differences) = told.differences {
        say_differences(differences, wanted.compare.as_deref().unwrap_or_default());
    }
    output::say(&format!("To work on it: objects = \"{}\", then `lantai serve`.", wanted.from));
}

fn say_missing(report: &Report) {
    let line = |what: &str, figure: String| output::say(&format!("  {what:<24}{figure}"));
    for (gap, spans) in &report.gaps {
        let entries: Vec<String> = spans.entries.iter().take(8).map(ToString::to_string).collect();
        let more = if spans.entries.len() > 8 { ", ..." } else { "" };
        let name = serde_json::to_value(gap).unwrap_or_default();
        let name = name.as_str().unwrap_or_default().replace('_', " ");
        line(&format!("entries {name}"), format!("{}: {}{more}", spans.count, entries.join(", ")));
    }
    if report.sealed_away > 0 {
        line(
            "entries sealed away",
            format!("{}: of dossiers that were sealed or destroyed", report.sealed_away),
        );
    }
    if let Some(index) = report.ended_at {
        line("THE LOG ENDS", format!("at entry {index}: neither it nor its hash is in the bucket"));
    }
    if report.originals_missing > 0 {
        line("originals missing", format!("{}: `lantai verify` names them", report.originals_missing));
    }
    if !report.tiles_missing.is_empty() {
        line("hash tiles missing", report.tiles_missing.join(", "));
    }
}

fn say_search(report: &Report) {
    match (report.to_index, report.to_read) {
        (0, 0) => output::say("  everything is searchable"),
        (to_index, to_read) => output::say(&format!(
            "  not searchable yet: {to_index} to be indexed (the server does it when it runs, --index does it now), {to_read} to be read (by the server)"
        )),
    }
}

fn say_differences(differences: &[Difference], with: &str) {
    if differences.is_empty() {
        output::say(&format!("  the same as {with}"));
        return;
    }
    let plain = |value: &Value| if value.is_null() { "nothing".to_owned() } else { value.to_string() };
    for Difference { figure, here, there } in differences {
        output::say(&format!("  DIFFERS  {figure}: here {}, there {}", plain(here), plain(there)));
    }
}
