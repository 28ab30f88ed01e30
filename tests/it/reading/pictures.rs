//! What pages look like: every page of every scan has a picture, upright, and only who may see the document gets it.

use std::io::Cursor;
use std::path::PathBuf;
use std::process::Command;

use image::{DynamicImage, ImageFormat, ImageReader, Rgb, RgbImage};
use lantai::reading::{LONGEST_SIDE, Limits, Outcome, PageState, Reason, Sign, THUMBNAIL_SIDE, usual_font};
use reqwest::Method;
use serde_json::Value;
use tokio::sync::mpsc;

use super::{reader, samples};
use crate::server::{Desk, Server, Setting};

async fn json(desk: &Desk, path: &str) -> Value {
    desk.request(Method::GET, path).send().await.unwrap().json().await.unwrap()
}

fn size(webp: &[u8]) -> (u32, u32) {
    ImageReader::with_format(Cursor::new(webp), ImageFormat::WebP).into_dimensions().unwrap()
}

#[tokio::test]
async fn each_page_of_each_scan_has_a_picture() {
    let Some(samples) = samples() else { return };
    let server = Server::new(Setting::default());
    let li = server.desk("li").await;
    let dossier = li.dossier("客户").await;
    let mut uploaded = Vec::new();
    for folder in ["scans", "pages", "codes"] {
        for entry in std::fs::read_dir(samples.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if name.ends_with(".txt") || name.ends_with(".keys") {
                continue;
            }
            let query = [("dossier", dossier.as_str()), ("kind", "trust_contract"), ("filename", &name)];
            let bytes = std::fs::read(&path).unwrap();
            let id = li.upload(&query, bytes).await.ok()["id"].as_str().unwrap().to_owned();
            uploaded.push((name, id));
        }
    }
    let mut seen = 0;
    for (name, id) in &uploaded {
        let path = format!("/api/v1/documents/{id}");
        let mut document = json(&li, &path).await;
        while document["progress"]["stage"] != "searchable" {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            document = json(&li, &path).await;
        }
        let pages = document["pages"].as_u64().unwrap();
        if name == "invalid.pdf" {
            assert_eq!(document["reading"]["reason"], "not_a_pdf");
            continue;
        }
        assert!(pages > 0, "{name}");
        let text = json(&li, &format!("{path}/text")).await;
        for number in 1..=pages {
            let picture = format!("{path}/pages/{number}");
            let answer = li.request(Method::GET, &picture).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{name} {number}");
            assert_eq!(answer.headers()["content-type"], "image/webp");
            assert_eq!(answer.headers()["cache-control"], "private, no-store");
            let (width, height) = size(&answer.bytes().await.unwrap());
            assert!(width.max(height) <= LONGEST_SIDE && width.min(height) > 100, "{name}: {width}x{height}");
            let page = &text["pages"][number as usize - 1];
            let shape = page["width"].as_f64().unwrap() / page["height"].as_f64().unwrap();
            assert!((shape - f64::from(width) / f64::from(height)).abs() < 0.02, "{name}: {shape}");
            let small = li.request(Method::GET, &format!("{picture}?thumbnail=true")).send().await.unwrap();
            let (width, height) = size(&small.bytes().await.unwrap());
            assert!(width.max(height) <= THUMBNAIL_SIDE, "{name}");
            seen += 1;
        }
    }
    assert!(seen >= 38, "{seen}");
    let (_, id) = &uploaded[0];
    let beyond = json(&li, &format!("/api/v1/documents/{id}/pages/99")).await;
    assert_eq!(beyond["code"], "no_page");
}

#[tokio::test]
async fn pictures_are_for_those_who_may_see_the_document_and_a_look_is_one_entry() {
    let Some(samples) = samples() else { return };
    let server = Server::new(Setting::default());
    let (li, other) = (server.desk("li").await, server.desk("sun").await);
    let dossier = li.dossier("客户").await;
    let query = [("dossier", dossier.as_str()), ("kind", "trust_contract"), ("filename", "扫描件.pdf")];
    let bytes = std::fs::read(samples.join("scans/linn.pdf")).unwrap();
    let id = li.upload(&query, bytes).await.ok()["id"].as_str().unwrap().to_owned();
    li.find("扫描件", 1).await;
    let path = format!("/api/v1/documents/{id}/pages/1");
    let refused = other.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(refused.status(), 403);
    let size = async || {
        let metrics = reqwest::get(format!("{}/metrics", server.base)).await.unwrap().text().await.unwrap();
        let line = metrics.lines().find(|line| line.starts_with("lantai_log_entries ")).unwrap();
        line.split_once(' ').unwrap().1.parse::<u64>().unwrap()
    };
    let before = size().await;
    for _ in 0..3 {
        assert_eq!(li.request(Method::GET, &path).send().await.unwrap().status(), 200);
    }
    assert_eq!(size().await, before + 1, "one look is one entry");
}

#[tokio::test]
async fn stock_tools_open_the_pictures() {
    let Some(samples) = samples() else { return };
    if Command::new("age").arg("--version").output().is_err() {
        assert!(!crate::server::required("age"), "age is required and not there");
        return;
    }
    let mut server = Server::new(Setting::default());
    let li = server.desk("li").await;
    let dossier = li.dossier("客户").await;
    let query = [("dossier", dossier.as_str()), ("kind", "trust_contract"), ("filename", "扫描件.pdf")];
    let bytes = std::fs::read(samples.join("scans/multipage.pdf")).unwrap();
    let id = li.upload(&query, bytes).await.ok()["id"].as_str().unwrap().to_owned();
    li.find("扫描件", 1).await;
    server.stop();
    let (bucket, work) = (server.path("lantai-data/objects"), server.path("pictures"));
    std::fs::create_dir(&work).unwrap();
    let script = format!(
        "set -e; age -d -i {recovery} {bucket}/keys/{dossier}.age > {work}/key\n\
         age -d -i {work}/key {bucket}/documents/{dossier}/{id}/pages.age | tar x -C {work}\n\
         cd {work}; ls *.webp",
        recovery = server.path("recovery.key").display(),
        bucket = bucket.display(),
        work = work.display(),
    );
    let out = Command::new("sh").args(["-c", &script]).output().unwrap();
    let listed = String::from_utf8(out.stdout).unwrap();
    assert!(listed.starts_with("page-0001-small.webp\npage-0001.webp\n"), "{listed}{:?}", out.stderr);
}

#[tokio::test]
async fn what_brings_drawing_down_does_not_cost_the_text() {
    let Some(samples) = samples() else { return };
    // So little time that no page can be drawn, and enough for the text.
    let limits = Limits { picture_page_seconds: 0, picture_seconds: 0, ..Limits::default() };
    let bytes = std::fs::read(samples.join("pdf/text_typst_noto.pdf")).unwrap();
    let (signs, mut heard) = mpsc::channel(1000);
    let reading = reader(limits).watch_stream(bytes.len() as u64, &bytes[..], true, signs).await.unwrap();
    assert_eq!(reading.outcome, Outcome::Read);
    let mut said = Vec::new();
    while let Some(sign) = heard.recv().await {
        said.push(sign);
    }
    assert_eq!(said.last(), Some(&Sign::End));
    assert!(!said.iter().any(|sign| matches!(sign, Sign::Picture(_))));
    assert_eq!(said[0], Sign::Page { number: 1, of: reading.page_count });
}

#[tokio::test]
async fn a_picture_that_cannot_be_decoded_is_said_to_be_unreadable() {
    let Some(samples) = samples() else { return };
    let mut bytes = std::fs::read(samples.join("pages/c09_wqy12_200_g4.tif")).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle..middle + 4000].fill(0xAA);
    let (signs, _heard) = mpsc::channel(1000);
    let reading =
        reader(Limits::default()).watch_stream(bytes.len() as u64, &bytes[..], true, signs).await.unwrap();
    let fine = reading.pages.iter().all(|page| page.state == PageState::NotReadYet);
    assert!(
        fine || reading.outcome == Outcome::Unreadable { reason: Reason::Damaged },
        "{:?}",
        reading.outcome
    );
}

/// The pictures of a document's pages.
async fn pictures(bytes: Vec<u8>) -> Vec<RgbImage> {
    let (signs, mut heard) = mpsc::channel(100);
    let reading = reader(Limits::default());
    let read = reading.watch_stream(bytes.len() as u64, &bytes[..], true, signs);
    let hear = async {
        let mut pictures = Vec::new();
        while let Some(sign) = heard.recv().await {
            if let Sign::Picture(picture) = sign {
                let image = image::load_from_memory_with_format(&picture.image, ImageFormat::WebP);
                pictures.push(image.unwrap().to_rgb8());
            }
        }
        pictures
    };
    let (read, pictures) = tokio::join!(read, hear);
    assert_eq!(read.unwrap().outcome, super::NEEDS_OCR);
    pictures
}

/// A picture that is dark at its left end only, and lies on its side.
fn dark_left() -> RgbImage {
    RgbImage::from_fn(400, 200, |x, _| Rgb(if x < 100 { [20, 20, 20] } else { [235, 235, 235] }))
}

/// Whether it is dark around this place, given in hundredths of the sides.
fn is_dark(picture: &RgbImage, x: u32, y: u32) -> bool {
    picture.get_pixel(picture.width() * x / 100, picture.height() * y / 100).0[1] < 128
}

#[tokio::test]
async fn a_photograph_is_shown_as_its_exif_says() {
    let mut jpeg = Vec::new();
    dark_left().write_to(&mut Cursor::new(&mut jpeg), ImageFormat::Jpeg).unwrap();
    let plain = &pictures(jpeg.clone()).await[0];
    assert!(plain.width() > plain.height() && is_dark(plain, 5, 50) && !is_dark(plain, 90, 50));
    for (orientation, dark) in [(3_u8, (95, 50)), (6, (50, 5)), (8, (50, 95))] {
        // An EXIF block with nothing but the orientation, after the start of the image.
        let mut exif = b"\xFF\xE1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
        let turned = [&jpeg[..2], &exif, &jpeg[2..]].concat();
        let turned = &pictures(turned).await[0];
        assert_eq!(turned.width() > turned.height(), orientation == 3, "{orientation}");
        assert!(
            is_dark(turned, dark.0, dark.1) && !is_dark(turned, 100 - dark.0, 100 - dark.1),
            "{orientation}"
        );
    }
}

#[tokio::test]
async fn pictures_of_16_bit_and_with_alpha_are_shown() {
    let deep = DynamicImage::ImageRgb8(dark_left());
    for (name, image) in [
        ("rgb16", DynamicImage::ImageRgb16(deep.to_rgb16())),
        ("luma16", DynamicImage::ImageLuma16(deep.to_luma16())),
        ("rgba16", DynamicImage::ImageRgba16(deep.to_rgba16())),
        ("rgba8", DynamicImage::ImageRgba8(deep.to_rgba8())),
    ] {
        for format in [ImageFormat::Png, ImageFormat::Tiff] {
            let mut bytes = Vec::new();
            image.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
            let shown = pictures(bytes).await;
            assert_eq!(shown.len(), 1, "{name} {format:?}");
            assert!(is_dark(&shown[0], 5, 50) && !is_dark(&shown[0], 90, 50), "{name} {format:?}");
        }
    }
}

/// The share of the picture that is ink, in thousandths.
fn ink(picture: &RgbImage) -> usize {
    let dark = picture.pixels().filter(|pixel| pixel.0[1] < 128).count();
    dark * 1000 / (picture.width() * picture.height()) as usize
}

#[tokio::test]
async fn chinese_whose_font_is_not_in_the_document_is_drawn_all_the_same() {
    let Some(samples) = samples() else { return };
    let Some(font) = usual_font() else {
        assert!(!crate::server::required("font"), "a Chinese font is required and not there");
        println!("skipped: there is no Chinese font on this machine");
        return;
    };
    let bytes = std::fs::read(samples.join("pdf/text_gbk_euc_h.pdf")).unwrap();
    let drawn = async |font: Option<PathBuf>| {
        let (signs, mut heard) = mpsc::channel(100);
        let reader = reader(Limits::default()).with_font(font);
        let hear = async {
            let mut first = None;
            while let Some(sign) = heard.recv().await {
                if let (Sign::Picture(picture), None) = (sign, &first) {
                    first =
                        Some(image::load_from_memory_with_format(&picture.image, ImageFormat::WebP).unwrap());
                }
            }
            first.unwrap().to_rgb8()
        };
        tokio::join!(reader.watch_stream(bytes.len() as u64, &bytes[..], true, signs), hear).1
    };
    let (without, with) = (ink(&drawn(None).await), ink(&drawn(Some(font)).await));
    println!("ink: {without} ‰ without the font, {with} ‰ with it");
    assert!(with > 10 && with > 3 * without, "{with} {without}");
}
