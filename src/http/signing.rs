//! Signing in, for the API and the pages alike: who tries, from where, how often; one step, or two.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::{COOKIE, SET_COOKIE, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use zeroize::Zeroizing;

use super::attempts::Guessed;
use super::{Door, Problem};
use crate::config::SignIn;
use crate::domain::{PersonId, Sha256Digest};
use crate::people::{self, NewToken, Person, Shown, Used};

/// The session cookie of the pages.
pub(crate) const SESSION: &str = "lantai_session";
/// Marks a browser from which somebody has signed in.
const DEVICE: &str = "lantai_device";
const YEAR_SECONDS: u64 = 31_536_000;

/// Whoever is at the other end of a request.
pub(crate) struct Client {
    /// Where they are, as far as the setting of the proxy tells.
    pub(crate) address: IpAddr,
    /// The mark of their browser: a nonce, and what only the archive can make of it.
    device: Option<(String, String)>,
    /// What the browser says it is.
    agent: String,
    /// The session that the browser has so far.
    former: Option<Zeroizing<String>>,
}

impl FromRequestParts<Door> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, Infallible> {
        let settings = &door.app.config.sign_in;
        let agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        let device = cookie(&parts.headers, settings, DEVICE);
        let device = device
            .and_then(|mark| mark.split_once('.').map(|(nonce, mark)| (nonce.to_owned(), mark.to_owned())));
        Ok(Self {
            address: address(parts, settings),
            device,
            agent: agent.unwrap_or_default().to_owned(),
            former: cookie(&parts.headers, settings, SESSION),
        })
    }
}

/// Checks name and password, as often as one may try.
pub(crate) async fn check_password(
    door: &Door,
    client: &Client,
    name: &str,
    password: &str,
) -> Result<Person, Problem> {
    door.attempts.let_address(client.address)?;
    let person = door.app.people.by_name(name)?;
    let nonce = person.as_ref().and_then(|person| client.nonce_for(door, person));
    let guessed = match &nonce {
        Some(nonce) => Guessed::Device(name, nonce),
        None => Guessed::Name(name),
    };
    let turn = door.attempts.turn().await?;
    door.attempts.check(guessed)?;
    let right = door.app.people.is_password(person.as_ref(), password).await;
    drop(turn);
    if right && let Some(person) = person {
        door.attempts.right(guessed);
        return Ok(person);
    }
    let failures = door.attempts.wrong(guessed);
    note_paused(door, client, person, failures);
    Err(Problem::new("wrong_password"))
}

/// The second factor that this code of somebody is, as often as one may try.
pub(crate) async fn check_code(
    door: &Door,
    client: &Client,
    person: &Person,
    code: &str,
) -> Result<Used, Problem> {
    door.attempts.let_address(client.address)?;
    let guessed = Guessed::Code(&person.name);
    door.attempts.check(guessed)?;
    match door.app.people.check_code(person.id, code) {
        Ok(used) => {
            door.attempts.right(guessed);
            Ok(used)
        }
        Err(people::Error::WrongCode) => {
            let failures = door.attempts.wrong(guessed);
            note_paused(door, client, Some(person.clone()), failures);
            Err(Problem::new("wrong_code"))
        }
        Err(error) => Err(error.into()),
    }
}

/// The second factor that this passkey of somebody is.
pub(crate) fn check_passkey(
    door: &Door,
    client: &Client,
    challenged: &Challenged,
    shown: &Shown,
) -> Result<Used, Problem> {
    door.attempts.let_address(client.address)?;
    let party = door.party.as_ref().ok_or_else(|| Problem::new("no_passkeys_here"))?;
    Ok(door.app.people.check_passkey(challenged.person, party, &challenged.challenge, shown)?)
}

/// Somebody who is to show or to make a passkey, and for which challenge.
#[derive(Clone)]
pub(crate) struct Challenged {
    pub(crate) person: PersonId,
    pub(crate) challenge: String,
}

impl Challenged {
    /// A challenge that nobody was given before.
    pub(crate) fn new(door: &Door, person: PersonId) -> Self {
        Self { person, challenge: BASE64_URL_SAFE_NO_PAD.encode(door.app.clock.random_bytes::<32>()) }
    }
}

/// Starts a session, and ends the one that the browser had: what somebody planted there before is worth nothing.
pub(crate) async fn enter(
    door: &Door,
    client: &Client,
    person: &Person,
    used: Option<Used>,
) -> Result<Entered, Problem> {
    let people = &door.app.people;
    if let Some(former) = &client.former
        && let Some(known) = people.authenticate(former)?
        && known.bearer.kind == people::Kind::Session
    {
        people.end_session(known.person.id, former).await?;
    }
    let hours = door.app.config.session.hours;
    let lasts = Duration::from_secs(hours.saturating_mul(3600));
    let token = people.start_session(person.id, lasts, &client.agent, used).await?;
    let settings = &door.app.config.sign_in;
    let nonce = client.nonce_for(door, person).unwrap_or_else(|| new_nonce(door));
    let mark = format!("{nonce}.{}", people.device_mark(person.id, &nonce));
    let cookies = [
        set_cookie(settings, SESSION, &token.secret, hours.saturating_mul(3600))?,
        set_cookie(settings, DEVICE, &mark, YEAR_SECONDS)?,
    ];
    Ok(Entered { token, cookies })
}

/// A session that has begun.
pub(crate) struct Entered {
    /// Its secret.
    pub(crate) token: NewToken,
    cookies: [HeaderValue; 2],
}

impl Entered {
    /// Puts the cookies of the pages into the answer.
    pub(crate) fn put_cookies(&self, headers: &mut HeaderMap) {
        for cookie in &self.cookies {
            headers.append(SET_COOKIE, cookie.clone());
        }
    }
}

impl Client {
    /// The nonce of the browser's mark, if the mark is this person's.
    fn nonce_for(&self, door: &Door, person: &Person) -> Option<String> {
        let (nonce, mark) = self.device.as_ref()?;
        let wanted = door.app.people.device_mark(person.id, nonce);
        // Digests are compared, so that the time it takes tells nothing.
        let same = Sha256Digest::of(wanted.as_bytes()) == Sha256Digest::of(mark.as_bytes());
        same.then(|| nonce.clone())
    }
}

/// A pause is in the log, if there is somebody of this name. What was typed for nobody's name is written nowhere: it may
/// be a password that went into the wrong field. It goes on beside the answer, whose time tells nothing so.
fn note_paused(door: &Door, client: &Client, person: Option<Person>, failures: Option<u32>) {
    let Some(failures) = failures else { return };
    tracing::warn!(failures, "too many wrong passwords or codes for one name: it pauses");
    if let Some(person) = person {
        let (people, address) = (door.app.people.clone(), client.address.to_string());
        tokio::spawn(async move {
            if let Err(error) = people.note_paused(person.id, failures, address).await {
                tracing::warn!(%error, "a pause could not be noted in the log");
            }
        });
    }
}

fn new_nonce(door: &Door) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(door.app.clock.random_bytes::<16>())
}

fn address(parts: &Parts, settings: &SignIn) -> IpAddr {
    let connected = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let connected = connected.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    if settings.client_header.is_empty() {
        return connected;
    }
    let lines = parts.headers.get_all(settings.client_header.as_str()).iter();
    let last = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).next_back();
    let read = |text: &str| text.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|at| at.ip()));
    last.and_then(|text| read(text.trim())).unwrap_or(connected)
}

/// The name under which a cookie of ours goes over the line. With `__Host-` a browser takes it over TLS only, from this
/// host only: no neighbour can plant one.
fn name_of(settings: &SignIn, name: &str) -> String {
    if settings.is_tls() { format!("__Host-{name}") } else { name.to_owned() }
}

/// The value of a cookie of ours.
pub(crate) fn cookie(headers: &HeaderMap, settings: &SignIn, name: &str) -> Option<Zeroizing<String>> {
    let name = name_of(settings, name);
    let lines = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| Zeroizing::new(value.to_owned()))
}

/// A cookie that browsers send only to us, only from our own pages, and show to no script.
pub(crate) fn set_cookie(
    settings: &SignIn,
    name: &str,
    value: &str,
    seconds: u64,
) -> Result<HeaderValue, Problem> {
    let secure = if settings.is_tls() { "; Secure" } else { "" };
    let name = name_of(settings, name);
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    HeaderValue::from_str(&text).map_err(Problem::bad_request)
}

/// The end of the session cookie.
pub(crate) fn no_session_cookie(settings: &SignIn) -> Result<HeaderValue, Problem> {
    set_cookie(settings, SESSION, "", 0)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::extract::ConnectInfo;
    use axum::http::{HeaderMap, Request};

    use super::{SESSION, address, cookie, set_cookie};
    use crate::config::SignIn;

    #[test]
    fn the_address_is_the_proxys_word_only_if_there_is_one() {
        let asked = |client_header: &str, forwarded: &[&str]| {
            let mut request = Request::new(());
            let from: SocketAddr = "192.0.2.1:5000".parse().unwrap();
            request.extensions_mut().insert(ConnectInfo(from));
            for line in forwarded {
                request.headers_mut().append("x-forwarded-for", line.parse().unwrap());
            }
            let settings = SignIn { client_header: client_header.to_owned(), ..SignIn::default() };
            address(&request.into_parts().0, &settings).to_string()
        };
        assert_eq!(asked("", &["198.51.100.9"]), "192.0.2.1");
        assert_eq!(asked("x-forwarded-for", &["203.0.113.5, 198.51.100.9"]), "198.51.100.9");
        assert_eq!(asked("x-forwarded-for", &["203.0.113.5", "[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(asked("x-forwarded-for", &["unknown"]), "192.0.2.1");
        assert_eq!(asked("x-forwarded-for", &[]), "192.0.2.1");
    }

    #[test]
    fn behind_tls_only_a_cookie_of_this_host_counts() {
        let plain = SignIn::default();
        let tls = SignIn { address: "https://lantai.example".into(), ..SignIn::default() };
        let mut headers = HeaderMap::new();
        headers.append("cookie", "lantai_session=planted; other=1".parse().unwrap());
        assert_eq!(cookie(&headers, &plain, SESSION).unwrap().as_str(), "planted");
        assert_eq!(cookie(&headers, &tls, SESSION), None);
        headers.append("cookie", "__Host-lantai_session=ours".parse().unwrap());
        assert_eq!(cookie(&headers, &tls, SESSION).unwrap().as_str(), "ours");
        let told = set_cookie(&tls, SESSION, "x", 7).unwrap();
        let told = told.to_str().unwrap();
        assert_eq!(told, "__Host-lantai_session=x; Path=/; HttpOnly; SameSite=Lax; Max-Age=7; Secure");
        assert!(!set_cookie(&plain, SESSION, "x", 7).unwrap().to_str().unwrap().contains("Secure"));
    }
}
