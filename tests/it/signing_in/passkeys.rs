//! Passkeys as second factors, with an authenticator made of software, and with what a false one would try.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use reqwest::Method;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::json;

use super::{PASSWORD, cookie, is_known, nobody, sign_in};
use crate::app::{Answer, Client, TestApp, with_form};

const ORIGIN: &str = "https://lantai.example";
const HOST: &str = "lantai.example";

/// A private key (PKCS 8).
#[derive(Clone)]
enum Pair {
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl Pair {
    fn p256(bytes: &[u8]) -> EcdsaKeyPair {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, bytes, &SystemRandom::new()).unwrap()
    }

    fn ed25519(bytes: &[u8]) -> Ed25519KeyPair {
        Ed25519KeyPair::from_pkcs8(bytes).unwrap()
    }
}

/// A key, and how often it was used.
#[derive(Clone)]
struct Authenticator {
    pair: Pair,
    id: Vec<u8>,
    counter: u32,
    host: &'static str,
    origin: &'static str,
    present: u8,
}

impl Authenticator {
    fn new(id: &[u8]) -> Self {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new());
        let pair = Pair::P256(made.unwrap().as_ref().to_vec());
        Self { pair, id: id.to_vec(), counter: 0, host: HOST, origin: ORIGIN, present: 1 }
    }

    fn of_ed25519(id: &[u8]) -> Self {
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self { pair: Pair::Ed25519(made.as_ref().to_vec()), ..Self::new(id) }
    }

    /// The public key, as browsers give it.
    fn key(&self) -> Vec<u8> {
        let (prefix, key) = match &self.pair {
            Pair::P256(bytes) => (
                "3059301306072a8648ce3d020106082a8648ce3d030107034200",
                Pair::p256(bytes).public_key().as_ref().to_vec(),
            ),
            Pair::Ed25519(bytes) => {
                ("302a300506032b6570032100", Pair::ed25519(bytes).public_key().as_ref().to_vec())
            }
        };
        [hex::decode(prefix).unwrap(), key].concat()
    }

    fn client_data(&self, kind: &str, challenge: &str) -> String {
        json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false })
            .to_string()
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let digest = ring::digest::digest(&ring::digest::SHA256, self.host.as_bytes());
        [digest.as_ref(), &[flags], &self.counter.to_be_bytes()].concat()
    }

    fn create(&self, challenge: &str) -> Vec<(&'static str, String)> {
        let id_length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let data = [self.data(0x40 | self.present).as_slice(), &[0; 16], &id_length, &self.id].concat();
        vec![
            ("id", encode(&self.id)),
            ("client_data", encode(self.client_data("webauthn.create", challenge))),
            ("authenticator_data", encode(data)),
            ("key", encode(self.key())),
        ]
    }

    fn show(&mut self, challenge: &str) -> Vec<(&'static str, String)> {
        self.counter += 1;
        let (client_data, data) = (self.client_data("webauthn.get", challenge), self.data(self.present));
        let digest = ring::digest::digest(&ring::digest::SHA256, client_data.as_bytes());
        let signed = [data.as_slice(), digest.as_ref()].concat();
        let signature = match &self.pair {
            Pair::P256(bytes) => {
                Pair::p256(bytes).sign(&SystemRandom::new(), &signed).unwrap().as_ref().to_vec()
            }
            Pair::Ed25519(bytes) => Pair::ed25519(bytes).sign(&signed).as_ref().to_vec(),
        };
        vec![
            ("id", encode(&self.id)),
            ("client_data", encode(client_data)),
            ("authenticator_data", encode(data)),
            ("signature", encode(signature)),
        ]
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn attribute(html: &str, name: &str) -> String {
    html.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap().to_owned()
}

fn step(html: &str) -> String {
    attribute(html, "name=\"step\" value")
}

async fn post(app: &TestApp, client: &Client, path: &str, fields: &[(&str, String)]) -> (Answer, String) {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut client = client.clone();
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    client.http = http.build().unwrap();
    assert_eq!(client.base, app.base);
    let answer = Answer::of(with_form(client.request(Method::POST, path), &fields)).await;
    let html = String::from_utf8(answer.body.clone()).unwrap();
    (answer, html)
}

async fn start() -> (TestApp, Client) {
    let app = TestApp::start_with(|config| config.sign_in.address = ORIGIN.into()).await;
    let li = app.sign_in("li").await;
    (app, li)
}

fn password() -> Vec<(&'static str, String)> {
    vec![("password", PASSWORD.to_owned())]
}

/// Takes the key on: the recovery codes that are shown, and the session that goes on.
async fn enrol(app: &TestApp, client: &Client, key: &Authenticator) -> (Vec<String>, Client) {
    let (_, html) = post(app, client, "/account/passkeys", &password()).await;
    let mut fields = key.create(&attribute(&html, "data-challenge"));
    fields.extend([("step", step(&html)), ("label", "钥匙".to_owned())]);
    let (answer, html) = post(app, client, "/account/passkeys/confirm", &fields).await;
    assert_eq!(answer.status, 200, "{html}");
    let codes = html.split("<li><code>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned());
    (codes.collect(), Client::new(&app.base, &cookie(&answer, "__Host-lantai_session").unwrap()))
}

/// The first step: what the second is done with.
async fn half(app: &TestApp) -> String {
    let fields =
        [("user", "li".to_owned()), ("password", PASSWORD.to_owned()), ("next", "/queue".to_owned())];
    let (answer, html) = post(app, &nobody(app), "/sign-in", &fields).await;
    assert_eq!((answer.status.as_u16(), cookie(&answer, "__Host-lantai_session")), (200, None));
    html
}

async fn second(app: &TestApp, html: &str, mut fields: Vec<(&'static str, String)>) -> Answer {
    fields.extend([("step", step(html)), ("next", "/queue".to_owned())]);
    post(app, &nobody(app), "/sign-in/passkey", &fields).await.0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_is_taken_on_and_shown_at_the_next_sign_in() {
    let (app, li) = start().await;
    let (mut first, mut other) = (Authenticator::new(b"one"), Authenticator::of_ed25519(b"another"));
    let (codes, after) = enrol(&app, &li, &first).await;
    assert_eq!(codes.len(), 10, "there is a way in without the key");
    assert!(!is_known(&li).await && is_known(&after).await);
    let (codes, after) = enrol(&app, &after, &other).await;
    assert!(codes.is_empty(), "the codes are those of before");
    sign_in(&app, "li", PASSWORD, None).await.problem(401, "second_factor_needed");
    for key in [&mut first, &mut other] {
        let html = half(&app).await;
        assert_eq!(attribute(&html, "data-keys"), format!("{} {}", encode(b"one"), encode(b"another")));
        assert_eq!(attribute(&html, "data-party"), HOST);
        let shown = key.show(&attribute(&html, "data-challenge"));
        let signed = second(&app, &html, shown.clone()).await;
        assert_eq!((signed.status.as_u16(), signed.header("location")), (303, "/queue"));
        let session = Client::new(&app.base, &cookie(&signed, "__Host-lantai_session").unwrap());
        assert_eq!(session.get("/api/v1/session").await.ok()["second_factor"], json!(true));
        assert_eq!(second(&app, &html, shown.clone()).await.status, 422, "a step is taken once");
        let html = half(&app).await;
        assert_eq!(second(&app, &html, shown).await.status, 401, "it was for another challenge");
    }
    let factors = after.get("/api/v1/session/factors").await.ok();
    assert_eq!((&factors["app"], &factors["passkeys"]), (&json!(false), &json!(2)));
    let page = String::from_utf8(after.get("/account").await.body).unwrap();
    assert!(page.matches("</span> 钥匙").count() == 2, "{page}");
    let remove = vec![("id", encode(b"one")), ("password", PASSWORD.to_owned())];
    let (removed, _) = post(&app, &after, "/account/passkeys/remove", &remove).await;
    assert_eq!(removed.status, 200);
    let html = half(&app).await;
    let shown = first.show(&attribute(&html, "data-challenge"));
    assert_eq!(second(&app, &html, shown).await.status, 401, "it is taken off");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_shown_to_another_page_or_by_another_key_is_refused() {
    let (app, li) = start().await;
    let mut key = Authenticator::new(b"one");
    enrol(&app, &li, &key).await;
    type Change = fn(&mut Authenticator);
    let tries: [(&str, Change); 7] = [
        ("another page", |key| key.origin = "https://lantai.example.evil"),
        ("plain HTTP", |key| key.origin = "http://lantai.example"),
        ("another party", |key| key.host = "evil.example"),
        ("nobody there", |key| key.present = 0),
        ("a copy that lags behind", |key| key.counter = 0),
        ("another key", |key| key.pair = Authenticator::new(b"one").pair),
        ("an unknown key", |key| key.id = b"two".to_vec()),
    ];
    key.counter = 6;
    let html = half(&app).await;
    let shown = key.show(&attribute(&html, "data-challenge"));
    assert_eq!(second(&app, &html, shown).await.status, 303);
    for (what, change) in tries {
        let mut false_one = key.clone();
        change(&mut false_one);
        let html = half(&app).await;
        let shown = false_one.show(&attribute(&html, "data-challenge"));
        let refused = second(&app, &html, shown).await;
        assert_eq!(
            (refused.status.as_u16(), cookie(&refused, "__Host-lantai_session")),
            (401, None),
            "{what}"
        );
    }
    let html = half(&app).await;
    let created = key.create(&attribute(&html, "data-challenge"));
    assert_eq!(second(&app, &html, created).await.status, 401, "what is said of a new key opens nothing");
    let mut shown = key.show(&attribute(&html, "data-challenge"));
    shown[3].1 = "!".into();
    assert_eq!(second(&app, &html, shown).await.status, 401);
    let shown = key.show(&attribute(&html, "data-challenge"));
    assert_eq!(second(&app, &html, shown).await.status, 303, "one may try again");
    app.finish().await;
}
