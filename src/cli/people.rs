//! People and tokens, on a data folder that no server has open, or through a server.

use std::path::{Path, PathBuf};

use anyhow::Context;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use clap::Subcommand;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::client::{Client, answer};
use super::local::{Session, operator};
use super::{Common, Outcome, output};
use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{Role, Scope, Scopes, TokenId, end_of_business_date};
use crate::people::{Kind, Wanted};

#[derive(Debug, Subcommand)]
pub(super) enum UserVerb {
    /// Adds a person.
    Add {
        /// The sign-in name.
        name: String,
        /// A role of the pack; may be given several times.
        #[arg(long = "role", required = true)]
        roles: Vec<String>,
        /// A file with the password; without it one is made and shown.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Lists everybody.
    List,
    /// Gives a person other roles. All their sessions and tokens end.
    Roles {
        /// The sign-in name.
        name: String,
        /// A role of the pack; may be given several times.
        #[arg(long = "role", required = true)]
        roles: Vec<String>,
    },
    /// Gives a person a one-time password, which is shown as the last word and has to be changed at the next sign-in. All their sessions and
    /// tokens end.
    Reset {
        /// The sign-in name.
        name: String,
        /// Takes the second factor off, too.
        #[arg(long)]
        second_factor: bool,
    },
    /// Disables a person: no sign-in, no session and no token of theirs works from then on.
    Disable {
        /// The sign-in name.
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum TokenVerb {
    /// Makes a token and prints it, once, as the last word.
    Create {
        /// The name as whom the token acts.
        #[arg(long)]
        name: String,
        /// A role, for a name that is new; may be given several times.
        #[arg(long = "role")]
        roles: Vec<String>,
        /// What it may be used for: read, search, upload, act, administer; may be given several times [default: everything].
        #[arg(long = "scope")]
        scopes: Vec<Scope>,
        /// When it ends: a date (Asia/Shanghai; its last day), an instant, or a time from now such as 90d or 12h [default: never].
        #[arg(long, value_name = "END")]
        expires: Option<String>,
        /// What it is for.
        #[arg(long, default_value = "")]
        label: String,
    },
    /// Lists the tokens that are valid.
    List,
    /// Ends a token at once.
    Revoke {
        /// Its id, as `list` shows it.
        id: String,
    },
}

pub(super) async fn user(config: Config, verb: UserVerb, common: &Common) -> anyhow::Result<Outcome> {
    if common.server.is_some() {
        return user_through(&Client::new(common)?, verb).await;
    }
    let session = Session::open(config).await?;
    let people = &session.app.people;
    match verb {
        UserVerb::Add { name, roles, password_file } => {
            let (password, made) = password(password_file.as_deref())?;
            let roles = known_roles(&session.app, &roles)?;
            people.add(Some(operator()), &name, roles, Some(&password)).await?;
            say_added(&name, made.then_some(password.as_str()));
        }
        UserVerb::List => list(&session.app, common.json)?,
        UserVerb::Roles { name, roles } => {
            let roles = known_roles(&session.app, &roles)?;
            people.set_roles(operator(), &name, roles).await?;
            output::say(&format!("{name} has other roles"));
        }
        UserVerb::Reset { name, second_factor } => {
            if second_factor {
                let person = people.by_name(&name)?.context("there is nobody of this name")?;
                people.remove_factors(operator(), person.id).await?;
            }
            let (password, until) = people.reset_password(operator(), &name).await?;
            say_reset(&name, &until.to_string(), &password);
        }
        UserVerb::Disable { name } => {
            people.disable(operator(), &name).await?;
            output::say(&format!("{name} is disabled"));
        }
    }
    session.close().await?;
    Ok(Outcome::Clean)
}

async fn user_through(client: &Client, verb: UserVerb) -> anyhow::Result<Outcome> {
    match verb {
        UserVerb::Add { name, roles, password_file } => {
            let (password, made) = password(password_file.as_deref())?;
            let body = json!({ "name": name, "roles": roles, "password": *password });
            answer(client.request(Method::POST, "/api/v1/users").json(&body)).await?;
            say_added(&name, made.then_some(password.as_str()));
        }
        UserVerb::List => {
            let people: Value = answer(client.request(Method::GET, "/api/v1/users")).await?.json().await?;
            output::say_json(&people["entries"]);
        }
        UserVerb::Roles { name, roles } => {
            let path = of_user(&name, "/roles");
            answer(client.request(Method::POST, &path).json(&json!({ "roles": roles }))).await?;
            output::say(&format!("{name} has other roles"));
        }
        UserVerb::Reset { name, second_factor } => {
            if second_factor {
                answer(client.request(Method::DELETE, &of_user(&name, "/factors"))).await?;
            }
            let path = of_user(&name, "/password");
            let reset: Value = answer(client.request(Method::POST, &path)).await?.json().await?;
            let text = |member: &str| reset[member].as_str().unwrap_or_default().to_owned();
            say_reset(&name, &text("until"), &text("password"));
        }
        UserVerb::Disable { name } => {
            answer(client.request(Method::DELETE, &of_user(&name, ""))).await?;
            output::say(&format!("{name} is disabled"));
        }
    }
    Ok(Outcome::Clean)
}

fn of_user(name: &str, what: &str) -> String {
    let name = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
    format!("/api/v1/users/{name}{what}")
}

pub(super) async fn token(config: Config, verb: TokenVerb, common: &Common) -> anyhow::Result<Outcome> {
    if common.server.is_some() {
        return token_through(&Client::new(common)?, verb, common.json).await;
    }
    let session = Session::open(config).await?;
    match verb {
        TokenVerb::Create { name, roles, scopes, expires, label } => {
            let expires_at = end(expires.as_deref(), session.app.clock.now())?;
            let wanted = Wanted { scopes: Scopes::of(scopes), expires_at, label };
            let secret = create(&session.app, &name, &roles, wanted).await?;
            say_token(&name, &secret);
        }
        TokenVerb::List => output_tokens(&local_tokens(&session.app)?, common.json),
        TokenVerb::Revoke { id } => {
            revoke(&session.app, id.parse()?).await?;
            output::say("the token is revoked");
        }
    }
    session.close().await?;
    Ok(Outcome::Clean)
}

async fn create(
    app: &App,
    name: &str,
    roles: &[String],
    wanted: Wanted,
) -> anyhow::Result<Zeroizing<String>> {
    let person = match app.people.by_name(name)? {
        Some(person) => person,
        None => {
            anyhow::ensure!(!roles.is_empty(), "there is nobody of this name: --role is needed");
            app.people.add(Some(operator()), name, known_roles(app, roles)?, None).await?
        }
    };
    Ok(app.people.make_token_for(operator(), person.id, wanted).await?.secret)
}

async fn revoke(app: &App, id: TokenId) -> anyhow::Result<()> {
    for person in app.people.list()? {
        let tokens = app.people.bearers_of(person.id, Kind::Token)?;
        if tokens.iter().any(|(token, _)| token.id == id) {
            return Ok(app.people.end(operator(), person.id, id).await?);
        }
    }
    anyhow::bail!("there is no such token")
}

fn local_tokens(app: &App) -> anyhow::Result<Vec<Value>> {
    let mut all = Vec::new();
    for person in app.people.list()?.into_iter().filter(|person| !person.disabled) {
        for (token, _) in app.people.bearers_of(person.id, Kind::Token)? {
            all.push(json!({
                "id": token.id.to_string(),
                "name": person.name,
                "label": token.label,
                "scope": token.scopes.names(),
                "made_at": token.made_at,
                "expires_at": token.expires_at,
            }));
        }
    }
    Ok(all)
}

async fn token_through(client: &Client, verb: TokenVerb, as_json: bool) -> anyhow::Result<Outcome> {
    match verb {
        TokenVerb::Create { name, roles, scopes, expires, label } => {
            let scopes: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
            let expires_at = end(expires.as_deref(), Clock::system().now())?;
            let body = json!({
                "name": name, "roles": roles, "scope": scopes, "expires_at": expires_at, "label": label
            });
            let made: Value =
                answer(client.request(Method::POST, "/api/v1/tokens").json(&body)).await?.json().await?;
            say_token(&name, made["token"].as_str().unwrap_or_default());
        }
        TokenVerb::List => {
            let request = client.request(Method::GET, "/api/v1/tokens?all=true");
            let tokens: Value = answer(request).await?.json().await?;
            output_tokens(tokens["entries"].as_array().map(Vec::as_slice).unwrap_or_default(), as_json);
        }
        TokenVerb::Revoke { id } => {
            answer(client.request(Method::DELETE, &format!("/api/v1/tokens/{id}"))).await?;
            output::say("the token is revoked");
        }
    }
    Ok(Outcome::Clean)
}

fn output_tokens(tokens: &[Value], as_json: bool) {
    if as_json {
        return output::say_json(&tokens);
    }
    for token in tokens {
        let text = |member: &str| token[member].as_str().unwrap_or("-");
        let scope = token["scope"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let scope: Vec<&str> = scope.collect();
        output::say(&format!(
            "{}  {}  {}  until {}  {}",
            text("id"),
            text("name"),
            scope.join(","),
            text("expires_at"),
            text("label")
        ));
    }
}

/// The end that somebody writes: a last day, an instant, or a time from now.
fn end(text: Option<&str>, now: Timestamp) -> anyhow::Result<Option<Timestamp>> {
    let Some(text) = text else { return Ok(None) };
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(Some(instant));
    }
    if let Ok(day) = text.parse::<Date>() {
        return Ok(Some(end_of_business_date(day)));
    }
    let (number, hours) = match text.split_at_checked(text.len().saturating_sub(1)) {
        Some((number, "d")) => (number, 24),
        Some((number, "h")) => (number, 1),
        _ => anyhow::bail!("{text} is no end: 2026-12-31, 2026-12-31T12:00:00Z, 90d or 12h is expected"),
    };
    let number: i64 = number.parse().with_context(|| format!("{text} is no time from now"))?;
    let hours = number.checked_mul(hours).filter(|hours| (1..=876_000).contains(hours));
    let hours = hours.with_context(|| format!("{text} is no time from now"))?;
    Ok(Some(now.checked_add(SignedDuration::from_hours(hours))?))
}

fn say_token(name: &str, secret: &str) {
    output::say(&format!("token of {name}, shown only now: {secret}"));
}

fn say_reset(name: &str, until: &str, password: &str) {
    output::say(&format!("{name} has a one-time password, good until {until}: {password}"));
}

fn say_added(name: &str, password: Option<&str>) {
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

#[cfg(test)]
mod tests {
    use super::end;

    #[test]
    fn ends_are_days_instants_and_times_from_now() {
        let now = "2026-03-02T01:00:00Z".parse().unwrap();
        let at = |text: &str| end(Some(text), now).ok().flatten().map(|at| at.to_string());
        assert_eq!(at("2026-12-31").as_deref(), Some("2026-12-31T16:00:00Z"));
        assert_eq!(at("2026-12-31T12:00:00Z").as_deref(), Some("2026-12-31T12:00:00Z"));
        assert_eq!(at("90d").as_deref(), Some("2026-05-31T01:00:00Z"));
        assert_eq!(at("12h").as_deref(), Some("2026-03-02T13:00:00Z"));
        for wrong in ["", "d", "-1d", "0h", "soon", "9999999999999999999d", "七天"] {
            assert!(end(Some(wrong), now).is_err(), "{wrong}");
        }
        assert!(end(None, now).unwrap().is_none());
    }
}
