//! Damage in the bucket: every kind of object x every damage. `verify --full` names exactly what is damaged, a running
//! server serves the right bytes or an error, and a start on it works or says clearly why not.
//!
//! The table that comes out of this stands in docs/damage.md; the test fails if it differs. With `LANTAI_WRITE_DAMAGE` set
//! it writes the table there.

mod cases;
mod sample;

use std::collections::BTreeSet;

use futures::StreamExt;
use lantai::app::App;
use lantai::app::verifying::{Options, verify_folder};
use lantai::archive::Depth;
use lantai::cli::Running;
use lantai::clock::Clock;
use serde_json::{Value, json};

use crate::app::Client;
use cases::{Case, cases};
use sample::{Copy, Sample};

/// How many cases are worked on at once.
const AT_ONCE: usize = 3;

/// Code and subject of problems.
type Problems = BTreeSet<(String, String)>;

/// What came of one case.
struct Outcome {
    object: &'static str,
    damage: &'static str,
    expected: Problems,
    found: Problems,
    found_running: Problems,
    start: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_damage_is_named_and_none_is_served() {
    let sample = Sample::make().await;
    let intact = offline(&sample.copy()).await;
    assert_eq!(intact, Problems::new(), "the sample is in order");
    let cases = cases(&sample);
    let outcomes = futures::stream::iter(&cases).map(|case| look(&sample, case)).buffered(AT_ONCE);
    let outcomes: Vec<Outcome> = outcomes.collect().await;
    for outcome in &outcomes {
        let name = format!("{} / {}", outcome.object, outcome.damage);
        assert_eq!(outcome.found, outcome.expected, "{name}");
        assert_eq!(outcome.found_running, outcome.expected, "{name}: through the running server");
        assert!(!outcome.expected.is_empty(), "{name} has no code");
    }
    let table = table(&outcomes);
    println!("{table}");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/damage.md");
    let mut text = std::fs::read_to_string(path).unwrap();
    if std::env::var("LANTAI_WRITE_DAMAGE").is_ok() {
        let (before, _) = text.split_once("| object |").unwrap();
        text = format!("{before}{table}\n");
        std::fs::write(path, &text).unwrap();
    }
    assert!(text.contains(&table), "docs/damage.md has another table than this:\n{table}");
}

/// Damages two copies: one that is at rest, one that is served.
async fn look(sample: &Sample, case: &Case) -> Outcome {
    let at_rest = sample.copy();
    case.apply(sample, &at_rest);
    let found = offline(&at_rest).await;
    let start = start(sample, &at_rest).await;
    let served = sample.copy();
    let found_running = running(sample, case, &served).await;
    let expected = case.expected.iter().map(|(code, path)| ((*code).to_owned(), path.clone())).collect();
    Outcome { object: case.object, damage: case.damage, expected, found, found_running, start }
}

/// What `verify --full` finds on a data folder that no server has open.
async fn offline(copy: &Copy) -> Problems {
    let before = copy.bucket_files();
    let options = Options::new(&copy.config(), Depth::Full, false);
    let report = verify_folder(copy.config(), Clock::system(), options, &|_, _, _| {}).await.unwrap();
    assert_eq!(copy.bucket_files(), before, "verify changes nothing in the bucket");
    assert!(report.entries > 256, "all of the log was looked at");
    report.problems.into_iter().map(|problem| (problem.code.to_string(), problem.subject)).collect()
}

/// A start on the damaged bucket: it works and serves nothing wrong, or there is a clear error.
async fn start(sample: &Sample, copy: &Copy) -> String {
    match App::open(copy.config(), Clock::system(), &|_, _| {}).await {
        Err(error) => {
            let sentence = error.to_string();
            assert!(sentence.len() > 20, "{sentence}");
            sentence
        }
        Ok(opened) => {
            let running = Running::start(opened.app, "127.0.0.1:0").await.unwrap();
            let client = Client::new(&format!("http://{}", running.address), &sample.token);
            let wrong = serve_nothing_wrong(sample, &client).await;
            running.stop().await.unwrap();
            match wrong {
                0 => "starts".to_owned(),
                _ => "starts; refuses what is damaged".to_owned(),
            }
        }
    }
}

/// Damage under a running server: what verifying through it finds; and it serves nothing wrong.
async fn running(sample: &Sample, case: &Case, copy: &Copy) -> Problems {
    let opened = App::open(copy.config(), Clock::system(), &|_, _| {}).await.unwrap();
    let running = Running::start(opened.app, "127.0.0.1:0").await.unwrap();
    let client = Client::new(&format!("http://{}", running.address), &sample.token);
    case.apply(sample, copy);
    let begun = client.post("/api/v1/verify", &json!({ "full": true })).await;
    assert_eq!(begun.status, 202, "{}", begun.json());
    let report = loop {
        let state = client.get("/api/v1/verify").await.ok();
        match state["state"].as_str().unwrap() {
            "running" => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            "finished" => break state["report"].clone(),
            other => unreachable!("{other}: {state}"),
        }
    };
    serve_nothing_wrong(sample, &client).await;
    running.stop().await.unwrap();
    let problem = |problem: &Value| {
        let text = |name: &str| problem[name].as_str().unwrap().to_owned();
        (text("code"), text("subject"))
    };
    report["problems"].as_array().unwrap().iter().map(problem).collect()
}

/// Asks for every original, whole and in part, and every text: what comes whole is right. Tells how often nothing came.
async fn serve_nothing_wrong(sample: &Sample, client: &Client) -> usize {
    let mut refused = 0;
    for paper in &sample.papers {
        let path = format!("/api/v1/documents/{}", paper.id);
        let content = format!("{path}/content");
        for range in [None, Some((10, 99)), Some((70_000, 70_099))] {
            let mut request = client.request(reqwest::Method::GET, &content);
            if let Some((first, last)) = range {
                request = request.header("range", format!("bytes={first}-{last}"));
            }
            // Damage that is met late breaks the connection off.
            let Ok(response) = request.send().await else {
                refused += 1;
                continue;
            };
            let (status, body) = (response.status().as_u16(), response.bytes().await);
            let right = range.map_or(&paper.bytes[..], |(first, last)| &paper.bytes[first..=last]);
            match (status, body) {
                (200 | 206, Ok(body)) => assert_eq!(body, right, "{content} {range:?}"),
                (200 | 206, Err(_)) => refused += 1,
                (500, _) => refused += 1,
                (status, body) => unreachable!("{content}: {status} {body:?}"),
            }
        }
        let text = client.get(&format!("{path}/text")).await;
        match text.status.as_u16() {
            200 => assert!(text.json()["pages"].to_string().contains(&paper.word), "the right text"),
            500 => refused += 1,
            status => unreachable!("{path}/text: {status}"),
        }
    }
    assert_eq!(client.get("/healthz").await.status, 200);
    refused
}

fn table(outcomes: &[Outcome]) -> String {
    let mut lines = vec![
        "| object | damage | expected | found | found by a server that runs | a start |".to_owned(),
        "| --- | --- | --- | --- | --- | --- |".to_owned(),
    ];
    for outcome in outcomes {
        let codes = |problems: &Problems| {
            let codes: Vec<String> = problems.iter().map(|(code, _)| format!("`{code}`")).collect();
            codes.join(", ")
        };
        lines.push(format!(
            "| {} | {} | {} | {} | {} | {} |",
            outcome.object,
            outcome.damage,
            codes(&outcome.expected),
            codes(&outcome.found),
            codes(&outcome.found_running),
            outcome.start
        ));
    }
    lines.join("\n")
}
