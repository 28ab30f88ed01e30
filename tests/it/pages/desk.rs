//! An archive in memory, and people at its pages.

use std::path::Path;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use lantai::app::{App, Recovery};
use lantai::clock::Clock;
use lantai::config::Config;
use lantai::domain::Role;
use lantai::workflow::Pack;
use tower::ServiceExt;
use url::form_urlencoded;

/// Everybody's password.
pub(super) const PASSWORD: &str = "correct horse";

const PEOPLE: &[(&str, &str)] = &[
    ("adviser", "advisor"),
    ("other", "advisor"),
    ("manager", "cs_manager"),
    ("second", "cs_manager"),
    ("gm", "gm"),
    ("auditor", "auditor"),
    ("station", "station"),
    ("keeper", "admin"),
];

/// What a personal customer has to hand in.
const BASKET: &[&str] =
    &["trust_contract", "risk_statement", "person_id", "bank_receipt", "interview_form", "contact_sheet"];

/// A new archive with people in it.
pub(super) struct Archive {
    pub(super) app: App,
    router: Router,
    _data: tempfile::TempDir,
}

impl Archive {
    pub(super) async fn open() -> Self {
        Self::open_on(&Pack::bundled(), PEOPLE).await
    }

    /// A new archive on this pack, with people of these names and roles.
    pub(super) async fn open_on(pack: &Pack, people: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let app = make(data.path(), pack).await;
        let journal = app.journal.clone();
        tokio::spawn(async move { journal.publish_forever().await });
        for (name, role) in people {
            app.people.add(None, name, vec![Role::new(*role)], Some(PASSWORD)).await.unwrap();
        }
        Self { router: lantai::http::router(app.clone()), app, _data: data }
    }

    /// Somebody who is not signed in.
    pub(super) fn nobody(&self) -> Desk {
        Desk { router: self.router.clone(), cookies: Vec::new() }
    }

    pub(super) async fn sign_in(&self, name: &str) -> Desk {
        let answer = self.nobody().post("/sign-in", &[("user", name), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        let cookie = answer.set_cookie("lantai_session").unwrap();
        self.nobody().with_cookie(cookie.split(';').next().unwrap())
    }
}

async fn make(data: &Path, pack: &Pack) -> App {
    let mut config = Config { data: data.to_owned(), objects: "memory:".to_owned(), ..Config::default() };
    config.limits.document_bytes = 100_000;
    App::init_with(config, Clock::system(), Recovery::NewKey, pack).await.unwrap().opened.app
}

/// Somebody at the pages.
#[derive(Clone)]
pub(super) struct Desk {
    router: Router,
    cookies: Vec<String>,
}

impl Desk {
    pub(super) fn with_cookie(&self, cookie: &str) -> Self {
        let mut desk = self.clone();
        desk.cookies.push(cookie.to_owned());
        desk
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, Vec::new()).await
    }

    pub(super) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(Method::POST, path, Some("application/x-www-form-urlencoded"), body.into_bytes()).await
    }

    /// Sends the upload form with one file; with no file name as browsers do when nothing was chosen.
    pub(super) async fn upload(&self, path: &str, kind: &str, filename: &str, content: &[u8]) -> Answer {
        let mut body = format!(
            "--edge\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\n{kind}\r\n--edge\r\nContent-Disposition: \
             form-data; name=\"file\"; filename=\"{filename}\"\r\nContent-Type: text/plain\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n--edge--\r\n");
        self.send(Method::POST, path, Some("multipart/form-data; boundary=edge"), body).await
    }

    /// Takes an action on the case as its page shows it now, unless a version is among the fields.
    pub(super) async fn act(&self, case: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let page = self.get(case).await;
        let version = if page.has("name=\"version\"") { page.value_of("version") } else { "1".into() };
        let fields = [fields, &[("version", version.as_str())]].concat();
        self.post(&format!("{case}/actions/{action}"), &fields).await
    }

    /// A new personal customer with a case; the addresses of both.
    pub(super) async fn new_case(&self, name: &str) -> (String, String) {
        let opened = self.post("/dossiers/new", &[("name", name), ("kind", "person"), ("phone", "")]).await;
        assert_eq!(opened.status, StatusCode::SEE_OTHER, "{}", opened.body);
        let dossier = opened.location().split('?').next().unwrap().to_owned();
        let fields = [("workflow", "customer-intake"), ("contracts", "1")];
        let started = self.post(&format!("{dossier}/cases"), &fields).await;
        assert_eq!(started.status, StatusCode::SEE_OTHER, "{}", started.body);
        (dossier, started.location().to_owned())
    }

    /// Hands in every paper that the checklist names.
    pub(super) async fn hand_in_all(&self, case: &str) {
        for kind in BASKET {
            let content = format!("paper of the kind {kind}");
            let sent = self
                .upload(&format!("{case}/documents"), kind, &format!("{kind}.txt"), content.as_bytes())
                .await;
            assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
        }
    }

    /// Comes with a browser: it says that it takes pages.
    pub(super) async fn browse(&self, method: Method, path: &str) -> Answer {
        let request = Request::builder().method(method).uri(path).header(header::ACCEPT, "text/html,*/*");
        self.answer(request, Vec::new()).await
    }

    async fn send(&self, method: Method, path: &str, media_type: Option<&str>, body: Vec<u8>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(media_type) = media_type {
            request =
                request.header(header::CONTENT_TYPE, media_type).header(header::CONTENT_LENGTH, body.len());
        }
        self.answer(request, body).await
    }

    async fn answer(&self, mut request: http::request::Builder, body: Vec<u8>) -> Answer {
        if !self.cookies.is_empty() {
            request = request.header(header::COOKIE, self.cookies.join("; "));
        }
        let request = request.body(Body::from(body)).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn has(&self, text: &str) -> bool {
        self.body.contains(text)
    }

    /// Where it sends one.
    pub(super) fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub(super) fn set_cookie(&self, name: &str) -> Option<&str> {
        let cookies = self.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap());
        cookies.into_iter().find(|cookie| cookie.starts_with(&format!("{name}=")))
    }

    /// The value of the first input of this name.
    pub(super) fn value_of(&self, name: &str) -> String {
        let at = self.body.find(&format!("name=\"{name}\"")).unwrap();
        value_after(&self.body[at..], "value=\"")
    }
}

/// What stands between `before` and the next quotation mark.
pub(super) fn value_after(text: &str, before: &str) -> String {
    let at = text.find(before).unwrap() + before.len();
    text[at..].split('"').next().unwrap().to_owned()
}
