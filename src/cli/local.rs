//! Verbs on a data folder that no server has open.

use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde_json::json;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use super::{Outcome, UserVerb, output, serving, store};
use crate::app::{App, Recovery};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{PersonId, Role, archive_itself};
use crate::workflow::pack::ReadError;
use crate::workflow::{Finding, Pack};

pub(super) async fn init(
    config: Config,
    recovery_out: Option<PathBuf>,
    recipients: &[String],
    pack: Option<&Path>,
    as_json: bool,
) -> anyhow::Result<Outcome> {
    // What is wrong with a pack is said before anything is made.
    let pack = pack.map_or_else(|| Ok(Pack::bundled()), pack_in)?;
    let recovery = match (&recovery_out, recipients) {
        (Some(path), _) => Recovery::NewKeyFile(path.clone()),
        (None, []) => Recovery::NewKey,
        (None, recipients) => {
            Recovery::Recipients(recipients.iter().map(|text| text.parse()).collect::<Result<_, _>>()?)
        }
    };
    let data = config.data.clone();
    let fresh = App::init_with(config, Clock::system(), recovery, &pack).await?;
    let shown = fresh.recovery_key.as_ref().filter(|_| recovery_out.is_none());
    fresh.opened.app.close()?;
    let write_once = store::Told { found: &fresh.write_once, retention: &fresh.opened.app.holding };
    if as_json {
        output::say_json(&json!({
            "archive": fresh.opened.app.manifest.archive,
            "administrator": fresh.administrator,
            "password": fresh.password.as_str(),
            "recovery_key": shown.map(|key| key.as_str()),
            "write_once": write_once,
        }));
        return Ok(Outcome::Clean);
    }
    output::say(&format!("A new archive is in {}.", data.display()));
    match (&recovery_out, shown) {
        (Some(path), _) => output::say(&format!(
            "The recovery key is in {}. Keep it away from this machine: with it and the bucket everything can be read.",
            path.display()
        )),
        (None, Some(key)) => output::say(&format!(
            "The recovery key, shown only now. Keep it away from this machine: with it and the bucket everything can be read.\n\n{}",
            key.as_str()
        )),
        (None, None) => {}
    }
    store::say(&write_once);
    output::say(&format!("First administrator: {}  password: {}", fresh.administrator, *fresh.password));
    Ok(Outcome::Clean)
}

fn pack_in(folder: &Path) -> anyhow::Result<Pack> {
    match Pack::read_dir(folder) {
        Err(ReadError::Findings(findings)) => {
            let said = |found: &Finding| {
                format!("{}:{}: {} {}", found.file, found.line, found.code, found.message.en)
            };
            let said: Vec<String> = findings.iter().map(said).collect();
            anyhow::bail!("the pack has mistakes; nothing was made\n{}", said.join("\n"))
        }
        other => Ok(other?),
    }
}

/// An archive opened for one command: entries are published while it runs.
pub(super) struct Session {
    pub(super) app: App,
    publisher: JoinHandle<()>,
}

impl Session {
    pub(super) async fn open(config: Config) -> anyhow::Result<Self> {
        let app = serving::open(config).await?.app;
        let journal = app.journal.clone();
        Ok(Self { app, publisher: tokio::spawn(async move { journal.publish_forever().await }) })
    }

    pub(super) async fn close(self) -> anyhow::Result<()> {
        self.publisher.abort();
        self.app.journal.publish_waiting().await?;
        Ok(self.app.close()?)
    }
}

/// Whoever has the data folder and its key acts as the archive itself.
pub(super) fn operator() -> PersonId {
    archive_itself()
}

pub(super) async fn user(config: Config, verb: UserVerb, as_json: bool) -> anyhow::Result<Outcome> {
    let session = Session::open(config).await?;
    match verb {
        UserVerb::Add { name, roles, password_file } => {
            let (password, made) = password(password_file.as_deref())?;
            let roles = known_roles(&session.app, &roles)?;
            session.app.people.add(Some(operator()), &name, roles, Some(&password)).await?;
            say_added(&name, made.then_some(password.as_str()));
        }
        UserVerb::List => list(&session.app, as_json)?,
        UserVerb::Disable { name } => {
            session.app.people.disable(operator(), &name).await?;
            output::say(&format!("{name} is disabled"));
        }
    }
    session.close().await?;
    Ok(Outcome::Clean)
}

pub(super) fn say_added(name: &str, password: Option<&str>) {
    match password {
        Some(password) => output::say(&format!("{name} was added  password: {password}")),
        None => output::say(&format!("{name} was added")),
    }
}

/// The password of a file, or a new one; the flag tells whether it was made.
pub(super) fn password(file: Option<&Path>) -> anyhow::Result<(Zeroizing<String>, bool)> {
    match file {
        Some(path) => {
            let text = Zeroizing::new(std::fs::read_to_string(path)?);
            Ok((Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()), false))
        }
        None => {
            let bytes = Zeroizing::new(Clock::system().random_bytes::<12>());
            Ok((Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(*bytes)), true))
        }
    }
}

fn known_roles(app: &App, names: &[String]) -> anyhow::Result<Vec<Role>> {
    let in_force = app.packs.current()?;
    let known = in_force.pack.roles();
    if let Some(unknown) = names.iter().find(|name| !known.contains_key(*name) && *name != Role::ADMIN) {
        let known: Vec<&str> = known.keys().map(String::as_str).collect();
        anyhow::bail!("the pack has no role {unknown}; it has {}, and admin", known.join(", "));
    }
    Ok(names.iter().map(Role::new).collect())
}

fn list(app: &App, as_json: bool) -> anyhow::Result<()> {
    let people = app.people.list()?;
    if as_json {
        let people: Vec<_> = people
            .iter()
            .map(|person| json!({ "name": person.name, "roles": person.roles, "disabled": person.disabled }))
            .collect();
        output::say_json(&people);
        return Ok(());
    }
    for person in people {
        let roles: Vec<&str> = person.roles.iter().map(Role::as_str).collect();
        let mark = if person.disabled { "  (disabled)" } else { "" };
        output::say(&format!("{}  {}{mark}", person.name, roles.join(",")));
    }
    Ok(())
}

pub(super) async fn token(config: Config, name: &str, roles: &[String]) -> anyhow::Result<Outcome> {
    let session = Session::open(config).await?;
    let person = match session.app.people.by_name(name)? {
        Some(person) => person,
        None => {
            anyhow::ensure!(!roles.is_empty(), "there is nobody of this name: --role is needed");
            let roles = known_roles(&session.app, roles)?;
            session.app.people.add(Some(operator()), name, roles, None).await?
        }
    };
    let token = session.app.people.make_token(operator(), person.id).await?;
    session.close().await?;
    output::say(&format!("token of {name}, shown only now: {}", *token.secret));
    Ok(Outcome::Clean)
}
