//! The pages' sentences are all there, and nobody is sent to another site.

use std::collections::BTreeSet;
use std::path::Path;

use super::visit::local_path;
use crate::text::{Lang, say};

/// Every `page-…` that stands in the folder's sources.
fn ids_in(folder: &Path, ids: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            ids_in(&path, ids);
        } else if path.extension().is_some_and(|end| end == "rs" || end == "html")
            && !path.ends_with("tests.rs")
        {
            let text = std::fs::read_to_string(&path).unwrap();
            let begins = text.match_indices("\"page-").map(|(at, _)| &text[at + 1..]);
            ids.extend(begins.filter_map(|rest| rest.split('"').next()).map(str::to_owned));
        }
    }
}

#[test]
fn every_sentence_of_the_pages_is_there_in_both_languages_and_is_used() {
    let mut ids = BTreeSet::new();
    ids_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/pages"), &mut ids);
    assert!(ids.len() > 100, "{}", ids.len());
    for id in &ids {
        for lang in [Lang::Zh, Lang::En] {
            assert_ne!(&say(lang, id), id, "{lang:?} lacks it");
        }
    }
    let written = concat!(include_str!("../../text/zh.ftl"), include_str!("../../text/desks.zh.ftl"))
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(id, _)| id);
    let unused: Vec<&str> = written.filter(|id| id.starts_with("page-") && !ids.contains(*id)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

/// What the pages' content security policy forbids.
const FORBIDDEN: &[&str] = &[
    "style=",
    "<style",
    "<script",
    "javascript:",
    "http://",
    "https://",
    "onclick",
    "onchange",
    "oninput",
    "onsubmit",
    "onload",
];

fn check_templates(folder: &Path) -> usize {
    let mut checked = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            checked += check_templates(&path);
        } else if path.extension().is_some_and(|end| end == "html") {
            // A script is a file of ours, never a part of the page.
            let text = std::fs::read_to_string(&path).unwrap().replace("<script src=\"{{ frame.", "");
            let found = FORBIDDEN.iter().find(|forbidden| text.contains(**forbidden));
            assert_eq!(found, None, "{}", path.display());
            checked += 1;
        }
    }
    checked
}

#[test]
fn templates_have_nothing_that_the_content_security_policy_forbids() {
    assert!(check_templates(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/pages")) > 8);
}

#[test]
fn only_paths_of_our_own_are_returned_to() {
    for good in ["/", "/queue", "/cases/0abc?done=action", "/search?q=%E5%90%88&kind=x#document-1"] {
        assert_eq!(local_path(good), Some(good));
    }
    for bad in [
        "",
        "queue",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/\t/evil.example",
        "/a b",
        "/客户",
        "/sign-in",
        "/sign-out",
        "\\/evil",
        "javascript:alert(1)",
    ] {
        assert_eq!(local_path(bad), None, "{bad}");
    }
}
