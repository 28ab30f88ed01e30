//! `lantai pack publish`, `migrate` and `list`: on a data folder that no server has open, or through a server.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::client::Client;
use super::local::{Session, operator};
use super::{Common, Outcome, output};
use crate::access::{Action, Permit, Subject};
use crate::app::{self, CaseMove, Migration, MigrationError, Place, WantedMigration};
use crate::config::Config;
use crate::domain::Actor;
use crate::packs;
use crate::workflow::{Finding, Limits, Title, pack};

/// Publishes the pack of a folder.
pub(super) async fn publish(
    config: Config,
    path: &Path,
    note: Option<&str>,
    common: &Common,
) -> anyhow::Result<Outcome> {
    let files = pack::read_files(path, Limits::default())?;
    if common.server.is_some() {
        return publish_through(&Client::new(common)?, &files, note, common.json).await;
    }
    let session = Session::open(config).await?;
    let published = session.app.publish_pack(&permit(), &files, note).await;
    session.close().await?;
    let published = match published {
        Err(app::Error::Packs(
            ref error @ (packs::Error::Findings(ref findings) | packs::Error::Unexplained(ref findings)),
        )) => {
            say_findings(findings, common.json);
            output::complain(&format!("lantai: {error}"));
            return Ok(Outcome::Problems);
        }
        other => other?,
    };
    let pack = &published.in_force.pack;
    let gone: Vec<Title> = published.roles_gone.iter().map(packs::RoleGone::title).collect();
    let said = json!({
        "id": pack.id, "version": pack.version, "hash": pack.hash(), "repeated": published.repeated,
        "findings": published.warnings, "warnings": gone,
    });
    say_published(&said, common.json);
    Ok(Outcome::Clean)
}

async fn publish_through(
    client: &Client,
    files: &BTreeMap<String, Vec<u8>>,
    note: Option<&str>,
    as_json: bool,
) -> anyhow::Result<Outcome> {
    let text = |(path, bytes): (&String, &Vec<u8>)| {
        let text = String::from_utf8(bytes.clone()).with_context(|| format!("{path} is not UTF-8 text"))?;
        anyhow::Ok((path.clone(), text))
    };
    let files = files.iter().map(text).collect::<anyhow::Result<BTreeMap<_, _>>>()?;
    let request = client.request(Method::POST, "/api/v1/packs").json(&files);
    let note: Vec<_> = note.map(|note| ("note", note)).into_iter().collect();
    match send(request.query(&note)).await? {
        (Some(mut published), status) => {
            published["repeated"] = json!(status == 200);
            say_published(&published, as_json);
            Ok(Outcome::Clean)
        }
        (None, _) => Ok(Outcome::Problems),
    }
}

/// Lists what was published.
pub(super) async fn list(config: Config, common: &Common) -> anyhow::Result<Outcome> {
    if common.server.is_some() {
        let listed = Client::new(common)?.get_json("/api/v1/packs").await?;
        for entry in listed["entries"].as_array().into_iter().flatten() {
            let running = entry["definitions"].as_array().into_iter().flatten();
            let running =
                running.map(|one| (word(&one["workflow"]), word(&one["version"]), one["running"].as_u64()));
            let running: Vec<String> = running
                .map(|(name, version, count)| format!("{name} {version}: {}", count.unwrap_or_default()))
                .collect();
            let by = entry["published_by"].as_str().unwrap_or("-");
            say_listed(
                entry,
                &(word(&entry["published_at"]), by.to_owned(), running.join(", ")),
                common.json,
            );
        }
        return Ok(Outcome::Clean);
    }
    let session = Session::open(config).await?;
    for listed in session.app.listed_packs()? {
        let pack = &listed.in_force.pack;
        let running =
            listed.definitions.iter().map(|one| format!("{} {}: {}", one.workflow, one.version, one.running));
        let running = running.collect::<Vec<_>>().join(", ");
        let entry = json!({
            "id": pack.id, "version": pack.version, "hash": pack.hash(), "in_force": listed.is_current,
            "published_at": listed.publication.as_ref().map(|found| found.at), "published_by": listed.by_name,
            "note": listed.publication.as_ref().and_then(|found| found.note.clone()), "definitions": listed.definitions,
        });
        let by = listed.by_name.unwrap_or_else(|| "-".into());
        say_listed(&entry, &(word(&entry["published_at"]), by, running), common.json);
    }
    session.close().await?;
    Ok(Outcome::Clean)
}

/// Moves the running cases of a version to another one, or says what would be done.
pub(super) async fn migrate(
    config: Config,
    wanted: WantedMigration,
    common: &Common,
) -> anyhow::Result<Outcome> {
    let migration = match common.server.is_some() {
        true => migrate_through(&Client::new(common)?, &wanted).await?,
        false => {
            let session = Session::open(config).await?;
            let migrated = session.app.migrate_cases(&permit(), wanted.clone()).await;
            session.close().await?;
            match migrated {
                Err(app::Error::Migration(refused @ MigrationError::Refused(_))) => {
                    output::complain(&format!("lantai: {refused}"));
                    let MigrationError::Refused(migration) = refused else { return Ok(Outcome::Problems) };
                    *migration
                }
                other => other?,
            }
        }
    };
    say_migration(&migration, common.json);
    let whole = migration.refused() == 0 && (wanted.dry_run || migration.moved == migration.cases.len());
    Ok(if whole { Outcome::Clean } else { Outcome::Problems })
}

async fn migrate_through(client: &Client, wanted: &WantedMigration) -> anyhow::Result<Migration> {
    let request = client.request(Method::POST, "/api/v1/packs/migrate").json(wanted);
    let response = request.send().await?;
    let (status, body) = (response.status(), response.json::<Value>().await.unwrap_or_default());
    if status.is_success() {
        return Ok(serde_json::from_value(body)?);
    }
    let detail = body["detail"].as_str().unwrap_or("the server refused").to_owned();
    anyhow::ensure!(body["code"] == "migration_refused", "{detail} ({status})");
    output::complain(&format!("lantai: {detail}"));
    let cases: Vec<CaseMove> = serde_json::from_value(body["cases"].clone())?;
    Ok(Migration { wanted: wanted.clone(), cases, moved: 0 })
}

/// A success with its status; or none, after the findings were said.
async fn send(request: RequestBuilder) -> anyhow::Result<(Option<Value>, u16)> {
    let response = request.send().await?;
    let (status, body) = (response.status(), response.json::<Value>().await.unwrap_or_default());
    if status.is_success() {
        return Ok((Some(body), status.as_u16()));
    }
    let Ok(findings) = serde_json::from_value::<Vec<Finding>>(body["findings"].clone()) else {
        anyhow::bail!("{} ({status})", body["detail"].as_str().unwrap_or("the server refused"));
    };
    say_findings(&findings, false);
    output::complain(&format!("lantai: {}", body["detail"].as_str().unwrap_or("the server refused")));
    Ok((None, status.as_u16()))
}

/// Whoever has the data folder and its key may publish.
fn permit() -> Permit {
    let actor = Actor::new(operator(), "operator", Vec::new());
    Permit::of_operator(actor, Action::PublishPack, Subject::Archive)
}

fn say_findings(findings: &[Finding], as_json: bool) {
    if as_json {
        return output::say_json(&findings);
    }
    for found in findings {
        output::say(&format!("{}:{}: {} {}", found.file, found.line, found.code, found.message.en));
        output::say(&format!("    {}", found.hint.en));
    }
    output::say(&format!("{} findings; nothing was published", findings.len()));
}

fn say_published(said: &Value, as_json: bool) {
    if as_json {
        return output::say_json(said);
    }
    let (id, version) = (word(&said["id"]), word(&said["version"]));
    match said["repeated"] == true {
        true => output::say(&format!("{id} {version} was published before; nothing was done")),
        false => output::say(&format!("{id} {version} is in force: new cases start on it")),
    }
    for found in said["findings"].as_array().into_iter().flatten() {
        let (file, code, what) = (word(&found["file"]), word(&found["code"]), word(&found["message"]["en"]));
        output::say(&format!("{file}:{}: {code} {what}", found["line"]));
    }
    for warning in said["warnings"].as_array().into_iter().flatten() {
        output::say(&format!("warning: {}", word(&warning["en"])));
    }
}

fn say_listed(entry: &Value, (at, by, running): &(String, String, String), as_json: bool) {
    if as_json {
        return output::say_json(entry);
    }
    let mark = if entry["in_force"] == true { "  (in force)" } else { "" };
    let (id, version) = (word(&entry["id"]), word(&entry["version"]));
    output::say(&format!("{id} {version}  {at}  {by}  {running}{mark}"));
}

fn say_migration(migration: &Migration, as_json: bool) {
    if as_json {
        return output::say_json(migration);
    }
    for one in &migration.cases {
        let new = one.new.as_ref().map_or_else(|| "-".to_owned(), said);
        output::say(&format!("{}  {}  ->  {new}", one.case, said(&one.old)));
        for refused in &one.refused {
            output::say(&format!("    refused: {}", refused.message.en));
        }
    }
    let WantedMigration { from, to, dry_run, .. } = &migration.wanted;
    let (all, moved) = (migration.cases.len(), migration.moved);
    match dry_run {
        true => {
            output::say(&format!("{all} cases on {from}; {} cannot be moved to {to}", migration.refused()))
        }
        false => output::say(&format!("{moved} of {all} cases were moved from {from} to {to}")),
    }
}

/// State, deadline and counters.
fn said(place: &Place) -> String {
    let counters = place.counters.iter().map(|(name, count)| format!("{name} {count}"));
    let counters = counters.collect::<Vec<_>>().join(", ");
    let deadline = place.deadline.map_or_else(|| "no deadline".to_owned(), |at| at.to_string());
    format!("{} ({deadline}; {counters})", place.state)
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or("-").to_owned()
}
