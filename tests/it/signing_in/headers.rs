//! What every answer says to browsers, on every route, to somebody and to nobody.

use lantai::http::api::PATHS;
use reqwest::Method;

use super::{admin, nobody};
use crate::app::{Answer, Client, TestApp};

/// The pages' addresses, and some that are none.
const PAGES: &[&str] = &[
    "/",
    "/queue",
    "/dossiers",
    "/dossiers/new",
    "/dossiers/00000000000000000000000000",
    "/cases/00000000000000000000000000",
    "/documents/00000000000000000000000000",
    "/search",
    "/penalties",
    "/delegations",
    "/packs",
    "/account",
    "/account/password",
    "/admin",
    "/admin/access",
    "/sign-in/provider",
    "/sign-in",
    "/sign-out",
    "/nowhere",
    "/static/lantai.css",
    "/static/lantai.svg",
    "/static/nothing",
];

/// What may be kept: the same for everybody, or none of anybody's.
const MAY_BE_KEPT: &[&str] = &["/static/lantai.css", "/static/lantai.svg", "/log/"];

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_the_headers_that_keep_browsers_safe() {
    let app = TestApp::start_with(|config| config.sign_in.address = "https://lantai.example".into()).await;
    let (admin, zhao, nobody) = (admin(&app).await, app.sign_in("zhao").await, nobody(&app));
    let mut asked = 0;
    for (path, methods) in PATHS {
        let address = path.replace("{*path}", "0/000").replace("{name}", "nobody").replace("{page}", "1");
        let id = "0".repeat(26);
        let address = address.replace("{action}", "submit").split('{').fold(String::new(), |done, part| {
            let rest = part.split_once('}').map_or(part.to_owned(), |(_, rest)| format!("{id}{rest}"));
            done + &rest
        });
        for method in *methods {
            let method: Method = method.to_uppercase().parse().unwrap();
            // What one is known by must not be ended on the way.
            let ends = method == Method::DELETE && address.starts_with("/api/v1/session");
            for client in [&admin, &zhao, &nobody] {
                if ends && !client.token.is_empty() {
                    continue;
                }
                let request = client.request(method.clone(), &address);
                let endless = address == "/api/v1/events";
                check(
                    &address,
                    &if endless { Answer::head_of(request).await } else { Answer::of(request).await },
                );
                asked += 1;
            }
        }
    }
    for path in PAGES {
        for client in [&admin, &zhao, &nobody] {
            check(path, &unredirected(client, path).await);
            asked += 1;
        }
    }
    let cross = nobody.request(Method::POST, "/sign-in").header("sec-fetch-site", "cross-site");
    check("/sign-in", &Answer::of(cross).await);
    check("/api/v1/session", &Answer::of(nobody.request(Method::PATCH, "/api/v1/session")).await);
    assert!(asked > 150, "{asked}");
    app.finish().await;
}

async fn unredirected(client: &Client, path: &str) -> Answer {
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let request = http.build().unwrap().get(format!("{}{path}", client.base));
    Answer::of(if client.token.is_empty() { request } else { request.bearer_auth(&client.token) }).await
}

#[track_caller]
fn check(path: &str, answer: &Answer) {
    let said = |name: &str| answer.header(name).to_owned();
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("strict-transport-security", "max-age=31536000"),
    ] {
        assert_eq!(said(name), value, "{path} {}: {name}", answer.status);
    }
    let policy = said("content-security-policy");
    for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"] {
        assert!(policy.contains(part), "{path}: {policy}");
    }
    for word in ["unsafe-", "data:", "http:", "https:", "*"] {
        assert!(!policy.contains(word), "{path}: {policy}");
    }
    for feature in ["camera=()", "microphone=()", "geolocation=()", "payment=()", "usb=()"] {
        assert!(said("permissions-policy").contains(feature), "{path}");
    }
    let kept = MAY_BE_KEPT.iter().any(|begins| path.starts_with(begins));
    assert!(kept || said("cache-control").contains("no-store"), "{path}: {}", said("cache-control"));
    for line in answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap()) {
        assert!(line.contains("HttpOnly") && line.contains("; Secure"), "{path}: {line}");
    }
}
