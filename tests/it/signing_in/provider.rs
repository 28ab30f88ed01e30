//! Signing in through a provider that signs real tokens, and one that lies in every way that can be thought of.

use std::sync::{Arc, Mutex};

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use serde_json::{Map, Value, json};
use url::Url;

use super::{PASSWORD, cookie, entries, nobody};
use crate::app::{Answer, Client, TestApp};

const CLIENT: &str = "lantai & co";
const SECRET: &str = "a secret: with/signs";
const BACK: &str = "http://lantai.test/sign-in/provider/back";

/// With which key tokens are signed.
#[derive(Clone, Copy, PartialEq)]
enum Alg {
    Rs256,
    Es256,
    EdDsa,
}

struct Keys {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
}

impl Keys {
    fn new() -> Self {
        let random = SystemRandom::new();
        let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let ed = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let rsa = include_bytes!("../../../fixtures/keys/provider-rsa.pk8");
        Self {
            rsa: RsaKeyPair::from_pkcs8(rsa).unwrap(),
            ec: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, ec.as_ref(), &random).unwrap(),
            ed: Ed25519KeyPair::from_pkcs8(ed.as_ref()).unwrap(),
        }
    }

    fn sign(&self, alg: Alg, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match alg {
            Alg::Rs256 => {
                let mut signature = vec![0; self.rsa.public().modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            Alg::Es256 => self.ec.sign(&random, message).unwrap().as_ref().to_vec(),
            Alg::EdDsa => self.ed.sign(message).as_ref().to_vec(),
        }
    }

    fn published(&self) -> Value {
        let rsa = RsaPublicKeyComponents::<Vec<u8>>::from(self.rsa.public());
        let point = self.ec.public_key().as_ref();
        json!({ "keys": [
            { "kty": "oct", "kid": "0", "k": "AAAA" },
            { "kty": "RSA", "kid": "1", "use": "sig", "n": encode(&rsa.n), "e": encode(&rsa.e) },
            { "kty": "EC", "kid": "2", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..]) },
            { "kty": "OKP", "kid": "3", "crv": "Ed25519", "x": encode(self.ed.public_key().as_ref()) },
        ]})
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

type Lie = Box<dyn Fn(&mut Value, &mut Map<String, Value>) + Send>;

struct Inner {
    base: String,
    keys: Keys,
    alg: Alg,
    user: String,
    /// The nonce and the challenge of whoever was sent here last.
    nonce: String,
    challenge: String,
    /// What is wrong with the next token: its header and its claims.
    lie: Option<Lie>,
    /// Signed with a key that is not published.
    foreign: bool,
    now: i64,
}

/// A small provider: discovery, keys, and a token for the one code that it gives.
#[derive(Clone)]
struct TestProvider(Arc<Mutex<Inner>>);

impl TestProvider {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let now = jiff::Timestamp::now().as_second();
        let (nonce, challenge) = (String::new(), String::new());
        let (keys, user) = (Keys::new(), "li".to_owned());
        let inner =
            Inner { base, keys, alg: Alg::Rs256, user, nonce, challenge, lie: None, foreign: false, now };
        let this = Self(Arc::new(Mutex::new(inner)));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/keys", get(keys_of))
            .route("/token", post(token))
            .with_state(this.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        this
    }

    fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }
}

async fn metadata(State(provider): State<TestProvider>) -> Json<Value> {
    let base = provider.with(|inner| inner.base.clone());
    Json(json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/authorize?tenant=1"),
        "token_endpoint": format!("{base}/token"),
        "jwks_uri": format!("{base}/keys"),
    }))
}

async fn keys_of(State(provider): State<TestProvider>) -> Json<Value> {
    Json(provider.with(|inner| inner.keys.published()))
}

async fn token(
    State(provider): State<TestProvider>,
    headers: HeaderMap,
    Form(form): Form<Map<String, Value>>,
) -> Result<Json<Value>, StatusCode> {
    let basic = headers["authorization"].to_str().unwrap().strip_prefix("Basic ").unwrap().to_owned();
    let basic = String::from_utf8(BASE64_STANDARD.decode(basic).unwrap()).unwrap();
    let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    assert_eq!(basic, format!("{}:{}", encoded(CLIENT), encoded(SECRET)));
    let verifier = form["code_verifier"].as_str().unwrap();
    let challenge = encode(ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes()));
    provider.with(|inner| {
        let right = form["code"] == "the code"
            && form["redirect_uri"] == BACK
            && form["grant_type"] == "authorization_code"
            && challenge == inner.challenge;
        if right {
            Ok(Json(json!({ "id_token": signed(inner), "access_token": "x" })))
        } else {
            Err(StatusCode::BAD_REQUEST)
        }
    })
}

fn signed(inner: &mut Inner) -> String {
    let (name, kid) = match inner.alg {
        Alg::Rs256 => ("RS256", "1"),
        Alg::Es256 => ("ES256", "2"),
        Alg::EdDsa => ("EdDSA", "3"),
    };
    let mut header = json!({ "alg": name, "kid": kid, "typ": "JWT" });
    let claims = json!({
        "iss": inner.base, "aud": CLIENT, "sub": "1", "nonce": inner.nonce,
        "iat": inner.now, "exp": inner.now + 300, "preferred_username": inner.user,
    });
    let mut claims = claims.as_object().unwrap().clone();
    if let Some(lie) = inner.lie.take() {
        lie(&mut header, &mut claims);
    }
    let message = format!("{}.{}", encode(header.to_string()), encode(Value::Object(claims).to_string()));
    let foreign = Keys::new();
    let keys = if inner.foreign && inner.alg != Alg::Rs256 { &foreign } else { &inner.keys };
    format!("{message}.{}", encode(keys.sign(inner.alg, message.as_bytes())))
}

/// A browser that follows nothing by itself.
fn browser(app: &TestApp) -> Client {
    let mut client = nobody(app);
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    client.http = http.build().unwrap();
    client
}

async fn start() -> (TestApp, TestProvider) {
    let provider = TestProvider::start().await;
    let base = provider.with(|inner| inner.base.clone());
    let app = TestApp::start_with(|config| {
        config.sign_in.address = "http://lantai.test".into();
        config.oidc.issuer = base;
        config.oidc.client_id = CLIENT.into();
        config.oidc.client_secret = lantai::config::Secret::new(SECRET);
        config.oidc.title = "公司账号".into();
    })
    .await;
    app.sign_in("li").await;
    (app, provider)
}

/// Goes to the provider: the state, and the cookie that binds it to this browser.
async fn go(app: &TestApp, provider: &TestProvider, next: &str) -> (String, String) {
    let client = browser(app);
    let sent = client.get(&format!("/sign-in/provider?next={next}")).await;
    assert_eq!(sent.status, 303, "{}", String::from_utf8_lossy(&sent.body));
    let url: Url = sent.header("location").parse().unwrap();
    let asked = |name: &str| url.query_pairs().find(|(found, _)| found == name).unwrap().1.into_owned();
    assert_eq!((asked("response_type").as_str(), asked("client_id").as_str()), ("code", CLIENT));
    assert_eq!((asked("redirect_uri").as_str(), asked("tenant").as_str()), (BACK, "1"));
    assert_eq!(asked("code_challenge_method"), "S256");
    assert!(asked("scope").split(' ').any(|word| word == "openid"));
    provider.with(|inner| {
        inner.nonce = asked("nonce");
        inner.challenge = asked("code_challenge");
    });
    (asked("state"), cookie(&sent, "lantai_provider").unwrap())
}

async fn back(app: &TestApp, state: &str, bound: &str) -> Answer {
    let client = browser(app);
    let path = format!("/sign-in/provider/back?code=the%20code&state={state}");
    let request = client.request(reqwest::Method::GET, &path);
    Answer::of(request.header("cookie", format!("lantai_provider={bound}"))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_says_who_somebody_is() {
    let (app, provider) = start().await;
    let page = String::from_utf8(nobody(&app).get("/sign-in?next=/queue").await.body).unwrap();
    assert!(page.contains("公司账号") && page.contains("/sign-in/provider?next="), "{page}");
    for alg in [Alg::Rs256, Alg::Es256, Alg::EdDsa] {
        provider.with(|inner| inner.alg = alg);
        let (state, bound) = go(&app, &provider, "%2Fqueue").await;
        let signed = back(&app, &state, &bound).await;
        assert_eq!((signed.status.as_u16(), signed.header("location")), (303, "/queue"));
        let li = Client::new(&app.base, &cookie(&signed, "lantai_session").unwrap());
        assert_eq!(li.get("/api/v1/session").await.ok()["user"], json!("li"));
        assert_eq!(back(&app, &state, &bound).await.status, 422, "a state is good once");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_made_by_what_a_provider_says() {
    let (app, provider) = start().await;
    for user in ["stranger", "", "admin "] {
        provider.with(|inner| inner.user = user.to_owned());
        let (state, bound) = go(&app, &provider, "/").await;
        let refused = back(&app, &state, &bound).await;
        assert!(matches!(refused.status.as_u16(), 401 | 403), "{user}: {}", refused.status);
        assert_eq!(cookie(&refused, "lantai_session"), None);
    }
    let added = entries(&app, "person.added");
    app.app.people.disable(lantai::domain::archive_itself(), "li").await.unwrap();
    provider.with(|inner| inner.user = "li".to_owned());
    let (state, bound) = go(&app, &provider, "/").await;
    assert_eq!(back(&app, &state, &bound).await.status, 403, "who is disabled does not come in by it");
    assert_eq!(entries(&app, "person.added"), added);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_was_begun_in_another_browser_is_refused() {
    let (app, provider) = start().await;
    let (state, bound) = go(&app, &provider, "/").await;
    for planted in ["", "x", &format!("{bound}x")] {
        assert_eq!(back(&app, &state, planted).await.status, 422);
    }
    assert_eq!(back(&app, "x", &bound).await.status, 422);
    let (state, bound) = go(&app, &provider, "https%3A%2F%2Fevil.example").await;
    assert_eq!(back(&app, &state, &bound).await.header("location"), "/", "nobody is sent to another site");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_not_what_they_should_be_are_not_believed() {
    let (app, provider) = start().await;
    let lies: Vec<(&str, Lie)> = vec![
        ("another issuer", Box::new(|_, claims| drop(claims.insert("iss".into(), json!("http://evil"))))),
        ("for somebody else", Box::new(|_, claims| drop(claims.insert("aud".into(), json!("other"))))),
        ("for several", Box::new(|_, claims| drop(claims.insert("aud".into(), json!([CLIENT, "other"]))))),
        ("of another party", Box::new(|_, claims| drop(claims.insert("azp".into(), json!("other"))))),
        ("another sign-in", Box::new(|_, claims| drop(claims.insert("nonce".into(), json!("other"))))),
        ("no nonce", Box::new(|_, claims| drop(claims.remove("nonce")))),
        ("over", Box::new(|_, claims| drop(claims.insert("exp".into(), json!(1_700_000_000))))),
        ("never over", Box::new(|_, claims| drop(claims.remove("exp")))),
        (
            "from the future",
            Box::new(|_, claims| drop(claims.insert("iat".into(), json!(99_999_999_999_i64)))),
        ),
        ("no name", Box::new(|_, claims| drop(claims.remove("preferred_username")))),
        (
            "a name that is none",
            Box::new(|_, claims| drop(claims.insert("preferred_username".into(), json!(["li"])))),
        ),
        ("no algorithm", Box::new(|header, _| header["alg"] = json!("none"))),
        ("a secret's algorithm", Box::new(|header, _| header["alg"] = json!("HS256"))),
        ("another kind of key", Box::new(|header, _| header["alg"] = json!("ES256"))),
        ("another key", Box::new(|header, _| header["kid"] = json!("7"))),
    ];
    for (what, lie) in lies {
        provider.with(|inner| inner.lie = Some(lie));
        let (state, bound) = go(&app, &provider, "/").await;
        let refused = back(&app, &state, &bound).await;
        assert_eq!((refused.status.as_u16(), cookie(&refused, "lantai_session")), (401, None), "{what}");
    }
    for alg in [Alg::Es256, Alg::EdDsa] {
        provider.with(|inner| (inner.alg, inner.foreign) = (alg, true));
        let (state, bound) = go(&app, &provider, "/").await;
        assert_eq!(
            back(&app, &state, &bound).await.status,
            401,
            "signed with a key that is not the provider's"
        );
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_provider_there_is_no_way_to_one_and_a_silent_one_is_told() {
    let app = TestApp::start().await;
    assert_eq!(browser(&app).get("/sign-in/provider").await.status, 404);
    let page = String::from_utf8(nobody(&app).get("/sign-in").await.body).unwrap();
    assert!(!page.contains("/sign-in/provider"), "{page}");
    app.finish().await;
    let app = TestApp::start_with(|config| {
        config.sign_in.address = "http://lantai.test".into();
        config.oidc.issuer = "http://127.0.0.1:9".into();
    })
    .await;
    app.sign_in("li").await;
    let silent = browser(&app).get("/sign-in/provider").await;
    assert_eq!(silent.status, 503);
    assert!(
        String::from_utf8(silent.body).unwrap().contains("name=\"password\""),
        "one can sign in with a password"
    );
    assert_eq!(super::sign_in(&app, "li", PASSWORD, None).await.status, 200);
    app.finish().await;
}
