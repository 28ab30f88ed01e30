//! Pictures of text become text: sample pages, scans, and what limits do.

use std::path::{Path, PathBuf};

use image::RgbImage;
use lantai::reading::ocr::{Error, ModelFiles, Ocr, Recognise, Recognised, Threads};
use lantai::reading::{Limits, Outcome, PageState, Reading, Waiting, normalised};

use super::samples::{bigrams_recall, text};
use super::{NEEDS_OCR, reader, samples};
use crate::models::models;
use crate::server::{Server, Setting};

/// Limits that a busy machine keeps too.
fn patient() -> Limits {
    Limits { seconds: 600, ocr_page_seconds: 600, ocr_seconds: 1800, ..Limits::default() }
}

/// Samples and models.
fn ready() -> Option<(PathBuf, PathBuf)> {
    samples().zip(models())
}

async fn read(models: &Path, path: &Path, limits: Limits) -> Reading {
    let bytes = std::fs::read(path).unwrap();
    reader(limits).with_models(Some(models.to_owned())).read(bytes).await.unwrap()
}

fn without_space(text: &str) -> String {
    normalised(text).chars().filter(|c| !c.is_whitespace()).collect()
}

fn check_places(reading: &Reading) {
    for page in reading.pages.iter().filter(|page| page.state == PageState::Recognised) {
        for line in &page.lines {
            assert!(0.0 <= line.x0 && line.x0 < line.x1 && line.x1 <= page.width, "{line:?}");
            assert!(0.0 <= line.y0 && line.y0 < line.y1 && line.y1 <= page.height, "{line:?}");
            assert!(line.confidence.is_some_and(|sure| (0.5..=1.0).contains(&sure)), "{line:?}");
        }
    }
}

#[tokio::test]
async fn the_fields_of_all_pages_are_found() {
    let Some((samples, models)) = ready() else { return };
    let (mut found, mut all) = (0, 0);
    for entry in std::fs::read_dir(samples.join("pages")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "txt" || end == "keys") {
            continue;
        }
        let reading = read(&models, &path, patient()).await;
        check_places(&reading);
        assert!(
            matches!(reading.outcome, Outcome::Recognised { least_percent: 85.. }),
            "{:?}",
            reading.outcome
        );
        let page = &reading.pages[0];
        assert_eq!(
            page.turn,
            if path.to_string_lossy().contains("rot90") { 90 } else { 0 },
            "{}",
            path.display()
        );
        assert!(page.turn == 0 || page.width < page.height);
        let text = without_space(&page.searchable());
        let keys = std::fs::read_to_string(path.with_extension("keys")).unwrap();
        let keys: Vec<String> = keys.lines().map(without_space).filter(|key| !key.is_empty()).collect();
        let missing: Vec<&String> = keys.iter().filter(|key| !text.contains(*key)).collect();
        println!("{}: {missing:?} of {} not found", path.display(), keys.len());
        found += keys.len() - missing.len();
        all += keys.len();
    }
    assert!(all >= 97 && found * 100 >= all * 97, "{found} of {all}");
}

#[tokio::test]
async fn scans_are_read_however_they_lie() {
    let Some((samples, models)) = ready() else { return };
    for name in ["linn", "skew", "rotated_skew", "ccitt", "jbig2"] {
        let reading = read(&models, &samples.join(format!("scans/{name}.pdf")), patient()).await;
        check_places(&reading);
        assert!(text(&reading).to_lowercase().contains("sequencer"), "{name}: {}", text(&reading));
    }
}

/// Six pages whose pictures take more than a gigabyte of address space beside the models.
#[tokio::test]
async fn a_scan_of_several_pages_fits_into_the_usual_limits() {
    let Some((samples, models)) = ready() else { return };
    let reading = read(&models, &samples.join("scans/multipage.pdf"), patient()).await;
    assert!(matches!(reading.outcome, Outcome::Recognised { .. }), "{:?}", reading.outcome);
    assert_eq!(reading.pages.len(), 6);
}

#[tokio::test]
async fn a_text_layer_without_meaning_is_read_by_ocr() {
    let Some((samples, models)) = ready() else { return };
    let truth = std::fs::read_to_string(samples.join("pdf/text.gt")).unwrap();
    let path = samples.join("pdf/text_typst_noto_notounicode.pdf");
    let reading = read(&models, &path, patient()).await;
    let recall = bigrams_recall(&truth, &text(&reading));
    println!("by OCR: {:.2} %", 100.0 * recall);
    assert!(recall >= 0.95, "{recall}");
    assert!(matches!(reading.outcome, Outcome::Recognised { .. }));
    let kept = read(&models, &samples.join("pdf/text_typst_noto.pdf"), patient()).await;
    assert_eq!(kept.outcome, Outcome::Read, "a good text layer is not read again");
}

#[tokio::test]
async fn limits_of_ocr_hold_and_say_so() {
    let Some((samples, models)) = ready() else { return };
    let path = samples.join("pages/i01_id_200.jpg");
    let waits = Outcome::NotReadYet { reason: Waiting::BeyondLimits };
    for limits in [
        Limits { ocr_page_seconds: 0, ..Limits::default() },
        Limits { ocr_seconds: 0, ..Limits::default() },
        Limits { memory_bytes: 510 << 20, ..Limits::default() },
    ] {
        let reading = read(&models, &path, limits).await;
        assert_eq!((reading.outcome, reading.page_count), (waits, 1));
    }
    let nowhere = tempfile::tempdir().unwrap();
    assert_eq!(read(nowhere.path(), &path, Limits::default()).await.outcome, NEEDS_OCR);
}

/// Says the same of every line.
struct Parrot;

impl Recognise for Parrot {
    fn recognise(&self, line: &RgbImage) -> Result<Recognised, Error> {
        assert_eq!(line.height(), 48);
        Ok(Recognised { text: "line".to_owned(), confidence: 0.9 })
    }
}

#[test]
fn another_recogniser_can_stand_in() {
    let Some((samples, models)) = ready() else { return };
    let engine = Ocr::load(&ModelFiles::open(&models).unwrap(), Threads::start(1)).unwrap();
    let engine = engine.with_recogniser(Box::new(Parrot));
    let page = image::open(samples.join("pages/e01_english_200.jpg")).unwrap().to_rgb8();
    let found = engine.read(page, std::time::Duration::from_secs(600)).unwrap();
    assert!(found.complete && found.lines.len() >= 30, "{}", found.lines.len());
    assert!(found.lines.iter().all(|line| line.text == "line"));
}

#[tokio::test]
async fn scans_are_found_by_what_they_say_and_have_pictures() {
    let Some((samples, models)) = ready() else { return };
    let server = Server::new(Setting::default().with("LANTAI_OCR_MODELS", models.to_str().unwrap()));
    let li = server.desk("li").await;
    let dossier = li.dossier("客户").await;
    let mut sent = Vec::new();
    for name in ["linn.pdf", "skew.pdf", "rotated_skew.pdf", "ccitt.pdf", "jbig2.pdf", "invalid.pdf"] {
        let query = [("dossier", dossier.as_str()), ("kind", "trust_contract"), ("filename", name)];
        let bytes = std::fs::read(samples.join("scans").join(name)).unwrap();
        sent.push((name, li.upload(&query, bytes).await.ok()["id"].as_str().unwrap().to_owned()));
    }
    server.settle().await;
    let found = li.find("sequencer", 5).await;
    for (name, id) in &sent {
        let document = li.get(&format!("/api/v1/documents/{id}")).await.ok();
        if *name == "invalid.pdf" {
            assert_eq!(document["reading"]["reason"], "not_a_pdf", "{document}");
            continue;
        }
        println!("{name}: {}", document["reading"]);
        let hit = found["hits"].as_array().unwrap().iter().find(|hit| hit["document"] == **id);
        assert!(
            hit.is_some_and(|hit| hit["snippet"].as_str().unwrap().contains("<mark>")),
            "{name}: {found}"
        );
        for page in 1..=document["pages"].as_u64().unwrap() {
            let picture = li.request(reqwest::Method::GET, &format!("/api/v1/documents/{id}/pages/{page}"));
            assert_eq!(picture.send().await.unwrap().status(), 200, "{name} {page}");
        }
    }
}
