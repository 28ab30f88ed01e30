//! Real files give the right text, page counts and reasons.

use std::collections::HashMap;
use std::path::Path;

use lantai::reading::{Limits, MediaType, Outcome, PageState, Reading, Reason, normalised, read};

use super::{NEEDS_OCR, samples, unreadable};

fn read_file(path: &Path) -> Reading {
    read(std::fs::read(path).unwrap(), &Limits::default())
}

pub(super) fn text(reading: &Reading) -> String {
    reading.pages.iter().map(|page| page.text.as_str()).collect::<Vec<_>>().join("\n")
}

/// Pairs of neighbouring characters, with their numbers, without white space.
fn bigrams(text: &str) -> HashMap<(char, char), usize> {
    let chars: Vec<char> = normalised(text).chars().filter(|c| !c.is_whitespace()).collect();
    let mut counts = HashMap::new();
    for pair in chars.windows(2) {
        *counts.entry((pair[0], pair[1])).or_default() += 1;
    }
    counts
}

/// The share of the pairs of `truth` that `found` has too.
pub(super) fn bigrams_recall(truth: &str, found: &str) -> f64 {
    let (truth, found) = (bigrams(truth), bigrams(found));
    let hits: usize = truth.iter().map(|(pair, n)| *n.min(found.get(pair).unwrap_or(&0))).sum();
    hits as f64 / truth.values().sum::<usize>() as f64
}

#[test]
fn recall_counts_what_is_missing() {
    assert_eq!(bigrams_recall("甲方 乙方", "甲方乙方"), 1.0);
    assert_eq!(bigrams_recall("abcde", "abXde"), 0.5);
    assert_eq!(bigrams_recall("abcde", ""), 0.0);
}

#[test]
fn text_layers_are_read_in_every_encoding() {
    let Some(samples) = samples() else { return };
    let truth = std::fs::read_to_string(samples.join("pdf/text.gt")).unwrap();
    for name in ["text_chromium", "text_gbk_euc_h", "text_typst_noto", "text_unigb_ucs2_h"] {
        let reading = read_file(&samples.join(format!("pdf/{name}.pdf")));
        let recall = bigrams_recall(&truth, &text(&reading));
        println!("{name}: {:.2} %", 100.0 * recall);
        assert!(recall >= 0.98, "{name}: {recall}");
        assert_eq!((reading.outcome, reading.page_count), (Outcome::Read, 3), "{name}");
        assert!(reading.pages.iter().all(|page| page.state == PageState::Text && !page.truncated));
    }
}

#[test]
fn lines_are_whole_and_in_place() {
    let Some(samples) = samples() else { return };
    for name in ["text_chromium", "text_gbk_euc_h", "text_typst_noto", "text_unigb_ucs2_h"] {
        let reading = read_file(&samples.join(format!("pdf/{name}.pdf")));
        let first = &reading.pages[0];
        let texts: Vec<_> = first.lines.iter().take(5).map(|line| line.text.as_str()).collect();
        let expected = [
            "产品采购合同",
            "甲方(采购方):杭州翀远智能装备有限公司",
            "乙方(供货方):深圳市璟瑞精密电子股份有限公司",
            "合同编号:HZ-CG-2025-0417-083",
            "签订日期:2025年4月17日",
        ];
        assert_eq!(texts, expected, "{name}");
        for page in &reading.pages {
            assert_eq!(page.text, page.lines.iter().map(|l| l.text.clone()).collect::<Vec<_>>().join("\n"));
            for line in &page.lines {
                assert!(0.0 <= line.x0 && line.x0 < line.x1 && line.x1 <= page.width, "{name}: {line:?}");
                assert!(0.0 <= line.y0 && line.y0 < line.y1 && line.y1 <= page.height, "{name}: {line:?}");
            }
            assert!(
                page.lines.windows(2).all(|pair| pair[0].y0 < pair[1].y0),
                "{name}: not from top to bottom"
            );
        }
    }
}

#[test]
fn text_without_meaning_waits_for_ocr() {
    let Some(samples) = samples() else { return };
    let reading = read_file(&samples.join("pdf/text_typst_noto_notounicode.pdf"));
    assert_eq!((reading.outcome, reading.page_count), (NEEDS_OCR, 3));
    assert!(reading.pages.iter().all(|page| page.state == PageState::NotReadYet));
}

/// Page counts and sizes as `pdfinfo` of poppler gives them (which does not turn the rotated ones).
#[test]
fn scans_have_their_pages_and_wait_for_ocr() {
    let Some(samples) = samples() else { return };
    for (name, pages, width, height) in [
        ("pdf/scan_ccitt.pdf", 9, 595.3, 841.9),
        ("pdf/scan_jbig2.pdf", 3, 595.3, 841.9),
        ("pdf/scan_jpeg.pdf", 10, 595.3, 841.9),
        ("pdf/scan_rotate90.pdf", 1, 841.9, 595.3),
        ("scans/c02-22.pdf", 1, 384.0, 470.9),
        ("scans/ccitt.pdf", 1, 612.0, 792.0),
        ("scans/epson.pdf", 1, 595.0, 841.0),
        ("scans/francais.pdf", 1, 216.0, 216.0),
        ("scans/jbig2.pdf", 1, 612.0, 792.0),
        ("scans/kcs.pdf", 1, 459.0, 223.0),
        ("scans/linn.pdf", 1, 612.0, 792.0),
        ("scans/multipage.pdf", 6, 384.0, 470.9),
        ("scans/rotated_skew.pdf", 1, 612.0, 792.0),
        ("scans/skew.pdf", 1, 612.0, 792.0),
    ] {
        let reading = read_file(&samples.join(name));
        println!("{name}: {:?}, {} bytes of text", reading.outcome, text(&reading).len());
        assert_eq!((reading.media_type, reading.page_count), (MediaType::Pdf, pages), "{name}");
        assert_eq!(reading.pages.len(), pages as usize, "{name}");
        let first = &reading.pages[0];
        assert!((first.width - width).abs() < 0.1 && (first.height - height).abs() < 0.1, "{name}");
        assert_eq!(reading.outcome, NEEDS_OCR, "{name}");
    }
}

#[test]
fn swapped_bytes_are_put_right() {
    let Some(samples) = samples() else { return };
    let reading = read_file(&samples.join("scans/cmyk.pdf"));
    assert_eq!((reading.outcome, reading.page_count), (Outcome::Read, 1));
    let lines = ["Multicolor Black", "Pure Black (K = 100)", "Pure Magenta", "Pure Cyan", "Pure Yellow"];
    assert_eq!(text(&reading), lines.join("\n"));
}

#[test]
fn a_page_with_nothing_on_it_is_blank() {
    let Some(samples) = samples() else { return };
    let reading = read_file(&samples.join("scans/blank.pdf"));
    assert_eq!((reading.outcome, reading.page_count), (Outcome::Read, 1));
    assert_eq!((reading.pages[0].state, reading.pages[0].text.as_str()), (PageState::Blank, ""));
}

#[test]
fn images_are_pages_that_wait_for_ocr() {
    let Some(samples) = samples() else { return };
    for (name, media_type, width, height) in [
        ("pages/c01_serif12_300_clean.jpg", MediaType::Jpeg, 2480.0, 3508.0),
        ("pages/c09_wqy12_200_g4.tif", MediaType::Tiff, 1653.0, 2339.0),
        ("scans/linn.png", MediaType::Png, 2550.0, 3300.0),
        ("scans/baiona_cmyk.jpg", MediaType::Jpeg, 640.0, 682.0),
    ] {
        let reading = read_file(&samples.join(name));
        assert_eq!((reading.media_type, reading.outcome, reading.page_count), (media_type, NEEDS_OCR, 1));
        assert_eq!((reading.pages[0].width, reading.pages[0].height), (width, height), "{name}");
    }
}

#[test]
fn what_is_no_pdf_says_so() {
    let Some(samples) = samples() else { return };
    let reading = read_file(&samples.join("scans/invalid.pdf"));
    assert_eq!(reading.outcome, unreadable(Reason::NotAPdf));
    let plain = read_file(&samples.join("scans/linn.txt"));
    assert_eq!((plain.media_type, plain.outcome), (MediaType::Text, Outcome::Read));
    assert!(plain.pages[0].text.to_lowercase().contains("linn"));
}

#[test]
fn the_document_says_who_made_it() {
    let Some(samples) = samples() else { return };
    let about = read_file(&samples.join("pdf/text_chromium.pdf")).about;
    assert_eq!(about.title.as_deref(), Some("t.html"));
    assert_eq!(about.producer.as_deref(), Some("Skia/PDF m156"));
    let about = read_file(&samples.join("scans/kcs.pdf")).about;
    assert_eq!((about.title, about.producer.as_deref()), (None, Some("Eastman Kodak Company")));
}
