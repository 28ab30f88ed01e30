//! Broken, lying and enormous documents: always an answer, within the limits.

use std::fs;
use std::time::{Duration, Instant};

use lantai::reading::worker::Reader;
use lantai::reading::{Limits, Outcome, Reading, Reason};
use lopdf::{Dictionary, Stream};
use tokio::sync::mpsc;

use super::corpus::{Dice, SMALL, bomb, broken, doubling_pdf, png_header};
use super::made::{pdf_with_content, raw_pdf};
use super::{reader, samples, unreadable};

fn tight() -> Limits {
    Limits { seconds: 10, memory_bytes: 512 << 20, text_bytes: 1 << 20, ..Limits::default() }
}

/// What every answer must be, whatever was asked.
fn check(reading: &Reading, limits: &Limits) {
    assert!(reading.pages.len() as u64 <= u64::from(limits.pages));
    let text: usize = reading.pages.iter().map(|page| page.text.len()).sum();
    assert!(text as u64 <= limits.text_bytes + reading.pages.len() as u64);
    assert!(reading.pages.iter().all(|page| page.text.len() as u64 <= limits.text_bytes_per_page));
    if let Outcome::Unreadable { reason } = reading.outcome {
        assert!(reading.pages.is_empty() || reason == Reason::Damaged);
    }
}

/// The reading, with every page drawn and looked at for codes.
async fn drawn(reader: &Reader, bytes: &[u8]) -> Reading {
    let (signs, mut heard) = mpsc::channel(8);
    let listening = async { while heard.recv().await.is_some() {} };
    let (reading, ()) = tokio::join!(reader.watch_stream(bytes.len() as u64, bytes, true, signs), listening);
    reading.unwrap()
}

#[tokio::test]
async fn broken_files_always_have_an_answer() {
    let Some(samples) = samples() else { return };
    let files: Vec<_> = SMALL.iter().map(|name| fs::read(samples.join(name)).unwrap()).collect();
    let limits = tight();
    let reader = reader(limits.clone());
    let mut dice = Dice(20_250_417);
    let mut ends = std::collections::BTreeMap::<String, usize>::new();
    for round in 0..10 {
        for (index, original) in files.iter().enumerate() {
            let other = &files[(index + round + 1) % files.len()];
            let bytes = broken(original, other, &mut dice);
            let started = Instant::now();
            let reading = match (index + round) % 3 {
                0 => drawn(&reader, &bytes).await,
                _ => reader.read(bytes).await.unwrap(),
            };
            assert!(started.elapsed() < Duration::from_secs(35), "{} in round {round}", SMALL[index]);
            check(&reading, &limits);
            *ends.entry(format!("{:?}", reading.outcome)).or_default() += 1;
        }
    }
    println!("{ends:#?}");
    assert_eq!(ends.values().sum::<usize>(), 120);
    assert!(ends.contains_key("Read") && ends.len() > 2, "the breaking does too much or too little");
}

#[tokio::test]
async fn a_decompression_bomb_is_stopped() {
    // 64 MB in a kilobyte, a hundred times over: 6.4 GB.
    let bytes = pdf_with_content(vec![bomb(64 << 20)], 100);
    assert!(bytes.len() < 10_000, "{}", bytes.len());
    let reading = reader(tight()).read(bytes).await.unwrap();
    assert_eq!(reading.outcome, unreadable(Reason::OutOfMemory));
}

#[tokio::test]
async fn endless_work_is_stopped() {
    // A form that draws itself twice at every level.
    let limits = Limits { seconds: 2, ..tight() };
    let started = Instant::now();
    let reading = reader(limits).read(doubling_pdf(45)).await.unwrap();
    assert_eq!(reading.outcome, unreadable(Reason::TimedOut));
    assert!(started.elapsed() < Duration::from_secs(12), "{:?}", started.elapsed());
}

async fn outcome_of(objects: &[&str]) -> (Outcome, u32) {
    let objects: Vec<_> = objects.iter().map(|text| (*text).to_owned()).collect();
    let reading = reader(tight()).read(raw_pdf(&objects)).await.unwrap();
    check(&reading, &tight());
    (reading.outcome, reading.page_count)
}

#[tokio::test]
async fn page_trees_may_lie() {
    let catalogue = "<</Type /Catalog /Pages 2 0 R>>";
    let own_child = outcome_of(&[catalogue, "<</Type /Pages /Kids [2 0 R 2 0 R] /Count 2>>"]).await;
    assert_eq!(own_child, (unreadable(Reason::Damaged), 0));

    let circle = ["<</Type /Pages /Kids [3 0 R] /Count 1>>", "<</Type /Pages /Kids [2 0 R 4 0 R] /Count 1>>"];
    let page = "<</Type /Page /MediaBox [0 0 9 9]>>";
    assert_eq!(outcome_of(&[catalogue, circle[0], circle[1], page]).await, (Outcome::Read, 1));

    let boastful = "<</Type /Pages /Kids [3 0 R] /Count 2000000000>>";
    assert_eq!(outcome_of(&[catalogue, boastful, page]).await, (Outcome::Read, 1));

    let negative = "<</Type /Pages /Kids [3 0 R] /Count -5>>";
    assert_eq!(outcome_of(&[catalogue, negative, page]).await, (Outcome::Read, 1));
}

#[tokio::test]
async fn many_pages_are_refused_and_counted() {
    let page = "<</Type /Page /MediaBox [0 0 9 9]>>";
    let kids: String = (3..53).map(|id| format!("{id} 0 R ")).collect();
    let tree = format!("<</Type /Pages /Kids [{kids}] /Count 50>>");
    let mut objects = vec!["<</Type /Catalog /Pages 2 0 R>>".to_owned(), tree];
    objects.extend(std::iter::repeat_n(page.to_owned(), 50));
    let limits = Limits { pages: 49, ..tight() };
    let reading = reader(limits).read(raw_pdf(&objects)).await.unwrap();
    assert_eq!((reading.outcome, reading.page_count), (unreadable(Reason::TooManyPages), 50));
    assert!(reading.pages.is_empty());
}

#[tokio::test]
async fn deep_nesting_harms_nobody() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let page = format!("<</Type /Page /MediaBox [0 0 9 9] /Annots {deep}>>");
    let tree = "<</Type /Pages /Kids [3 0 R] /Count 1>>";
    let (outcome, _) = outcome_of(&["<</Type /Catalog /Pages 2 0 R>>", tree, &page]).await;
    println!("{outcome:?}");
    let many_states = Stream::new(Dictionary::new(), b"q ".repeat(2_000_000));
    let reading = reader(tight()).read(pdf_with_content(vec![many_states], 1)).await.unwrap();
    check(&reading, &tight());
    println!("{:?}", reading.outcome);
}

#[tokio::test]
async fn much_text_is_cut() {
    let line = b"BT /F1 10 Tf 10 700 Td (0123456789) Tj 300 0 Td (abc) Tj 0 -500 Td (xyz) Tj ET\n";
    let content = Stream::new(Dictionary::new(), line.repeat(100_000));
    let limits = Limits { text_bytes_per_page: 10_000, ..tight() };
    let reading = reader(limits.clone()).read(pdf_with_content(vec![content], 1)).await.unwrap();
    check(&reading, &limits);
    assert_eq!(reading.outcome, Outcome::Read);
    assert!(reading.pages[0].truncated && reading.pages[0].text.len() > 1_000);
}

#[tokio::test]
async fn enormous_images_are_refused_unseen() {
    let reader = reader(tight());
    let small = reader.read(png_header(100, 100)).await.unwrap();
    assert_eq!((small.outcome, small.pages[0].width), (super::NEEDS_OCR, 100.0));
    for (width, height) in [(100_000, 100_000), (u32::MAX >> 1, u32::MAX >> 1), (1, 500_000_000)] {
        let started = Instant::now();
        let reading = reader.read(png_header(width, height)).await.unwrap();
        assert_eq!(reading.outcome, unreadable(Reason::TooLarge), "{width} x {height}");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn what_cannot_be_read_says_so() {
    let reader = reader(tight());
    for (bytes, reason) in [
        (&b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"[..], Reason::UnsupportedType),
        (b"PK\x03\x04\x14\0\0\0\0\0", Reason::UnsupportedType),
        (b"\x7fELF\x02\x01\x01\0", Reason::UnsupportedType),
        (b"", Reason::UnsupportedType),
        (b"%PDF-1.4\n1 0 obj\n<</Type", Reason::Damaged),
        (b"%PDF-1.4\nnothing\n%%EOF", Reason::NotAPdf),
        (b"\xFF\xD8\xFF\xE0\0\x10JFIF", Reason::Damaged),
    ] {
        let reading = reader.read(bytes).await.unwrap();
        assert_eq!(reading.outcome, unreadable(reason), "{:?}", String::from_utf8_lossy(bytes));
    }
}
