//! Nothing readable at rest: markers go in at every text-bearing door and must lie nowhere on the disk.

use std::path::Path;

use lantai::cli::demo::paper;
use reqwest::Method;
use serde_json::json;

use crate::server::{Server, Setting, files_below};

const IN_TEXT: &str = "麒麟暗记ZEBRA7731";
const IN_FILENAME: &str = "凤凰暗记QUAGGA8842";
const IN_NAME: &str = "欧阳貔貅";
const IN_NOTE: &str = "饕餮暗记OKAPI9953";
const IN_SAVED: &str = "穷奇暗记TAPIR1164";
const IN_SAVED_NAME: &str = "梼杌暗记BONGO2275";
const IN_REASON: &str = "混沌暗记GAYAL3386";
const MARKERS: [&str; 7] = [IN_TEXT, IN_FILENAME, IN_NAME, IN_NOTE, IN_SAVED, IN_SAVED_NAME, IN_REASON];

#[tokio::test]
async fn what_search_finds_lies_nowhere_in_the_clear() {
    let mut server = Server::new(Setting::default());
    let (li, wang) = (server.desk("li").await, server.desk("wang").await);
    let dossier = li.dossier(IN_NAME).await;
    let case = li.case(&dossier, 1).await;
    let pdf = paper::pdf(&[format!("合同条款 {IN_TEXT}")]).unwrap();
    let filename = format!("{IN_FILENAME}.pdf");
    let query =
        [("dossier", dossier.as_str()), ("case", &case), ("kind", "trust_contract"), ("filename", &filename)];
    li.upload(&query, pdf).await.ok();
    li.act(&case, "submit", json!({})).await.ok();
    let said = json!({ "reason": "missing", "documents": ["person_id"], "contracts": 1, "note": IN_NOTE });
    wang.act(&case, "return", said).await.ok();
    for marker in [IN_TEXT, IN_FILENAME, IN_NAME, IN_NOTE] {
        let found = wang.find(&format!("\"{marker}\""), 1).await;
        assert!(found["hits"][0]["snippet"].as_str().unwrap().contains("<mark>"), "{found}");
    }
    let saved = json!({ "name": IN_SAVED_NAME, "q": IN_SAVED, "kind": format!("kind {IN_SAVED}") });
    assert_eq!(wang.post("/api/v1/searches", saved).await.status, 201);
    for format in ["csv", "xlsx"] {
        let given = [("format", format), ("q", IN_NOTE), ("reason", IN_REASON)];
        let taken = wang.request(Method::GET, "/api/v1/search/export").query(&given).send().await.unwrap();
        assert_eq!(taken.status(), 200);
        let bytes = taken.bytes().await.unwrap();
        assert_eq!(contains(&bytes, IN_NAME.as_bytes()), format == "csv", "the row is in the file");
    }
    assert_clean(server.folder.path());
    server.kill();
    assert_clean(server.folder.path());
}

#[tokio::test]
async fn what_search_finds_is_in_no_log_and_no_metric() {
    let mut server = Server::new(Setting::default().with("LANTAI_LOG_FILTER", "trace"));
    server.stop();
    let log = tempfile::NamedTempFile::new().unwrap();
    server.start_logging(log.reopen().unwrap().into());
    let wang = server.desk("wang").await;
    let dossier = server.desk("li").await.dossier(IN_NAME).await;
    let query = [("dossier", dossier.as_str()), ("kind", "trust_contract"), ("filename", IN_FILENAME)];
    server.desk("li").await.upload(&query, format!("合同条款 {IN_TEXT}").into()).await.ok();
    wang.find(&format!("\"{IN_TEXT}\""), 1).await;
    wang.get(&format!("/api/v1/search/suggest?q={}", percent(IN_NAME))).await.ok();
    // A query that finds nothing, and one that cannot be used as a whole.
    wang.find(&format!("{IN_NOTE} amount:{IN_NOTE}"), 0).await;
    let metrics = reqwest::get(format!("{}/metrics", server.base)).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("lantai_jobs_waiting"));
    server.stop();
    let log = std::fs::read(log.path()).unwrap();
    assert!(log.len() > 1000, "the log says something: {} bytes", log.len());
    for (told, bytes) in [("log", log.as_slice()), ("metrics", metrics.as_bytes())] {
        for marker in [IN_TEXT, IN_FILENAME, IN_NAME, IN_NOTE] {
            for (encoding, needle) in encoded(marker) {
                assert!(!contains(bytes, &needle), "the {told} has a marker in {encoding}");
            }
        }
    }
}

/// So many kills must have hit a merge.
const CUT_MERGES: usize = 3;

#[tokio::test]
async fn a_merge_that_is_cut_off_leaves_nothing_readable() {
    let mut server = Server::new(Setting::default());
    let folder = server.path("lantai-data/index");
    let (mut cut, mut papers) = (0_usize, 0);
    while cut < CUT_MERGES {
        assert!(papers < 120, "only {cut} kills hit a merge");
        let li = server.desk("li").await;
        let dossier = li.dossier(IN_NAME).await;
        // Each paper is a segment of its own, until several of them become one.
        for _ in 0..16 {
            let query = [("dossier", dossier.as_str()), ("kind", "trust_contract")];
            li.upload(&query, long_text(papers).into()).await.ok();
            papers += 1;
            if merges_soon(&server, &folder).await {
                break;
            }
        }
        server.kill();
        cut += usize::from(has_unfinished_segment(&folder));
        assert_clean(server.folder.path());
        server.start();
        server.settle().await;
    }
    assert_clean(server.folder.path());
    server.desk("wang").await.find(&format!("\"{IN_TEXT}\""), papers).await;
}

/// Waits until the paper is indexed; then whatever is being written to the index is a merge.
async fn merges_soon(server: &Server, folder: &Path) -> bool {
    let mut quiet = 0;
    while quiet < 20 {
        let metrics = reqwest::get(format!("{}/metrics", server.base)).await.unwrap().text().await.unwrap();
        let indexed = metrics.contains("lantai_jobs_waiting 0\n");
        if indexed && has_unfinished_segment(folder) {
            return true;
        }
        quiet += u32::from(indexed);
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    false
}

/// Whether a segment of the index lacks parts.
fn has_unfinished_segment(folder: &Path) -> bool {
    const PARTS: usize = 6;
    let mut parts = std::collections::HashMap::<String, usize>::new();
    for path in files_below(folder) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if let Some((segment, part)) = name.split_once('.').filter(|(segment, _)| segment.len() == 32) {
            *parts.entry(segment.to_owned()).or_default() += usize::from(!part.ends_with("del"));
        }
    }
    parts.values().any(|parts| *parts < PARTS)
}

/// So much text that a merge takes a while; no two are the same.
fn long_text(paper: u64) -> String {
    let paper = usize::try_from(paper).unwrap();
    let han = |number: usize| char::from_u32(0x4e00 + u32::try_from(number % 20_000).unwrap()).unwrap();
    let text: String = (0..200_000).map(|at| han(at * (paper * 2 + 7) + at / 97)).collect();
    format!("{IN_TEXT} {text}")
}

/// No marker, in any of the encodings, in any file below the folder.
fn assert_clean(folder: &Path) {
    let files = files_below(folder);
    assert!(files.len() > 20, "there is something to look through");
    for path in files {
        let bytes = match std::fs::read(&path) {
            // A running server puts files in place of others.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            read => read.unwrap(),
        };
        for marker in MARKERS {
            for (encoding, needle) in encoded(marker) {
                assert!(!contains(&bytes, &needle), "{} holds a marker in {encoding}", path.display());
            }
        }
    }
}

fn encoded(marker: &str) -> Vec<(&'static str, Vec<u8>)> {
    use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine};
    let utf16: Vec<u16> = marker.encode_utf16().collect();
    let gbk = encoding_rs::GBK.encode(marker).0.into_owned();
    let whole_groups = marker.len() / 3 * 3;
    vec![
        ("UTF-8", marker.as_bytes().to_vec()),
        ("UTF-16LE", utf16.iter().flat_map(|unit| unit.to_le_bytes()).collect()),
        ("UTF-16BE", utf16.iter().flat_map(|unit| unit.to_be_bytes()).collect()),
        ("GBK", gbk),
        ("base64", BASE64_STANDARD_NO_PAD.encode(&marker.as_bytes()[..whole_groups]).into_bytes()),
        ("percents", percent(marker).into_bytes()),
    ]
}

fn percent(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(bytes, needle).is_some()
}

#[test]
fn the_search_for_markers_would_find_one() {
    for (encoding, needle) in encoded(IN_TEXT) {
        assert!(needle.len() > 8, "{encoding}");
        assert!(contains(&[b"before".as_slice(), &needle, b"after"].concat(), &needle));
    }
}
