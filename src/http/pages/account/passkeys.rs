//! The visitor's passkeys: taking one on, and taking one off.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};

use super::{after, refused};
use crate::http::api::session as own;
use crate::http::pages::form::{Fields, Form};
use crate::http::pages::frame::{Frame, page};
use crate::http::pages::visit::Own;
use crate::http::signing::Client;
use crate::http::{Door, Problem};
use crate::people::{ALGORITHMS, Created};
use crate::text::say;

#[derive(Template)]
#[template(path = "account_passkey.html")]
struct Page {
    frame: Frame,
    challenge: String,
    party: String,
    user: String,
    name: String,
    keys: String,
    algorithms: String,
    step: String,
}

/// `POST /account/passkeys`: the page that asks the browser for a new one.
pub(in crate::http::pages) async fn begin(
    State(door): State<Door>,
    Own(signed): Own,
    client: Client,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let password = fields.all("password").into_iter().next().unwrap_or_default();
    let offered = match own::offer_passkey(&door, &signed.caller, &client, &password).await {
        Ok(offered) => offered,
        Err(problem) => return refused(&door, &signed, &problem),
    };
    let factors = door.app.people.factors(offered.person.id)?;
    let keys: Vec<&str> = factors.passkeys().iter().map(|key| key.id.as_str()).collect();
    let content = Page {
        frame: Frame::of(&door, &signed.visit, say(signed.visit.lang, "page-passkey-title")),
        challenge: offered.challenge,
        party: offered.party,
        user: BASE64_URL_SAFE_NO_PAD.encode(offered.person.id.as_bytes()),
        name: offered.person.name,
        keys: keys.join(" "),
        algorithms: ALGORITHMS.map(|number| number.to_string()).join(" "),
        step: offered.step,
    };
    page(StatusCode::OK, &content)
}

/// `POST /account/passkeys/confirm`
pub(in crate::http::pages) async fn confirm(
    State(door): State<Door>,
    Own(signed): Own,
    client: Client,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let said = |name: &str| fields.get(name).to_owned();
    let created = Created {
        id: said("id"),
        client_data: said("client_data"),
        authenticator_data: said("authenticator_data"),
        key: said("key"),
    };
    let (step, label) = (fields.get("step"), fields.get("label"));
    match own::enrol_passkey(&door, &signed.caller, &client, step, &created, label).await {
        Ok((_, entered, codes)) => {
            after(&door, &signed, &entered, "page-passkey-added", |page| page.codes = codes)
        }
        Err(problem) => refused(&door, &signed, &problem),
    }
}

/// `POST /account/passkeys/remove`
pub(in crate::http::pages) async fn remove(
    State(door): State<Door>,
    Own(signed): Own,
    client: Client,
    Form(fields): Form<Fields>,
) -> Result<Response, Problem> {
    let password = fields.all("password").into_iter().next().unwrap_or_default();
    match own::remove_passkey(&door, &signed.caller, &client, fields.get("id"), &password).await {
        Ok((_, entered)) => after(&door, &signed, &entered, "page-passkey-removed", |_| ()),
        Err(problem) => refused(&door, &signed, &problem),
    }
}
