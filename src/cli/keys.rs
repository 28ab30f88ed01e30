//! The archive's keys, on a data folder that no server has open.

use std::path::Path;

use anyhow::Context;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::local::{Session, operator};
use super::{KeysVerb, ManagerVerb, Outcome, RecoveryVerb, output};
use crate::app::rotating::KeyList;
use crate::config::Config;
use crate::manifest::Because;
use crate::vault::Recipient;

pub(super) async fn run(config: Config, verb: KeysVerb, as_json: bool) -> anyhow::Result<Outcome> {
    let session = Session::open(config).await?;
    let outcome = change(&session, verb, as_json).await;
    session.close().await?;
    outcome
}

async fn change(session: &Session, verb: KeysVerb, as_json: bool) -> anyhow::Result<Outcome> {
    let app = &session.app;
    let bar = output::progress("wrapping keys");
    let progress = |done: u64, total: u64| {
        bar.set_length(total);
        bar.set_position(done);
    };
    let done = match verb {
        KeysVerb::List => {
            say_list(&app.key_list().await?, as_json);
            return Ok(Outcome::Clean);
        }
        KeysVerb::Rotate => app.rotate_keys(operator(), &progress).await?,
        KeysVerb::Recovery(verb) => {
            let (recipient, because) = match verb {
                RecoveryVerb::Add { recipient } => (recipient, Because::RecoveryAdded),
                RecoveryVerb::Remove { recipient } => (recipient, Because::RecoveryRemoved),
            };
            let recipient: Recipient = recipient.parse()?;
            app.change_recovery(operator(), &recipient, because, &progress).await?
        }
        KeysVerb::Manager(ManagerVerb::Set { passphrase_file, former_passphrase_file }) => {
            let former = former_passphrase_file.as_deref().map(passphrase).transpose()?;
            let recipient = app.set_manager(operator(), passphrase(&passphrase_file)?, former).await?;
            if as_json {
                output::say_json(&json!({ "manager_recipient": recipient.to_string() }));
            } else {
                output::say(&format!("the general manager's key is {recipient}"));
            }
            return Ok(Outcome::Clean);
        }
    };
    bar.finish_and_clear();
    Ok(say_rewrapped(&json!(done), &json!(app.key_list().await?), as_json))
}

/// The passphrase in a file: its first line.
pub(super) fn passphrase(file: &Path) -> anyhow::Result<SecretString> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    Ok(SecretString::from(text.lines().next().unwrap_or_default().to_owned()))
}

/// What wrapping again did, wherever it was done.
pub(super) fn say_rewrapped(done: &Value, list: &Value, as_json: bool) -> Outcome {
    let unreadable = done["unreadable"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let unreadable: Vec<&str> = unreadable.collect();
    if as_json {
        output::say_json(&json!({ "done": done, "keys": list }));
    } else {
        for path in &unreadable {
            output::say(&format!("not opened, left as it is: {path}"));
        }
        let (wrapped, right, sealed) = (&done["wrapped"], &done["right_already"], &done["sealed"]);
        output::say(&format!("{wrapped} keys wrapped, {right} were right already"));
        if sealed.as_u64() > Some(0) {
            output::say(&format!("{sealed} sealed dossiers keep the recipients that they were sealed to"));
        }
    }
    if unreadable.is_empty() { Outcome::Clean } else { Outcome::Problems }
}

fn say_list(list: &KeyList, as_json: bool) {
    if as_json {
        output::say_json(list);
    } else {
        say_listed(&json!(list));
    }
}

/// The list as people read it, wherever it comes from.
pub(super) fn say_listed(list: &Value) {
    let text = |name: &str| list[name].as_str().unwrap_or("none").to_owned();
    output::say(&format!("archive    {}", text("archive_recipient")));
    for recipient in list["recovery_recipients"].as_array().into_iter().flatten() {
        output::say(&format!("recovery   {}", recipient.as_str().unwrap_or_default()));
    }
    output::say(&format!("manager    {}", text("manager_recipient")));
    let sealed: Vec<&str> =
        list["sealed"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    output::say(&format!("{} dossier keys, {} of them sealed", list["dossier_keys"], sealed.len()));
    for dossier in sealed {
        output::say(&format!("sealed     {dossier}"));
    }
    if list["rewrapping"].as_bool() == Some(true) {
        output::say(
            "a change of keys was cut off: `lantai keys rotate` or the next `lantai serve` finishes it",
        );
    }
}
