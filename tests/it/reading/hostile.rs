//! Broken, lying and enormous documents: always an answer, within the limits.

use std::fs;
use std::time::{Duration, Instant};

use lantai::reading::worker::Reader;
use lantai::reading::{Limits, Outcome, Reading, Reason};
use lopdf::{Dictionary, Document, Object, Stream, dictionary};
use tokio::sync::mpsc;

use super::made::{pdf_with_content, raw_pdf, saved, with_page};
use super::{reader, samples, unreadable};

/// A small deterministic generator (SplitMix64), so that every run tests the same files.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most.max(1) as u64).unwrap()
    }
}

/// The file, broken in one of seven ways.
fn broken(original: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = original.to_vec();
    let at = dice.below(bytes.len());
    match dice.below(7) {
        0 => bytes.truncate(at),
        1 => (0..=dice.below(50)).for_each(|_| {
            let at = dice.below(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
        }),
        2 => drop(bytes.splice(at..(at + dice.below(2000)).min(original.len()), [])),
        3 => {
            let from = dice.below(other.len());
            let piece = &other[from..(from + dice.below(5000)).min(other.len())];
            drop(bytes.splice(at..at, piece.iter().copied()));
        }
        4 => lie_about_numbers(&mut bytes, dice),
        5 => bytes.copy_within(at.., at / 2),
        _ => (0..=dice.below(400)).for_each(|i| {
            let len = bytes.len();
            bytes[(at + i) % len] = dice.next() as u8;
        }),
    }
    bytes
}

/// Numbers in the text parts (lengths, offsets, references, sizes) become other numbers of the same width.
fn lie_about_numbers(bytes: &mut [u8], dice: &mut Dice) {
    let digits: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at].is_ascii_digit()).collect();
    for _ in 0..=dice.below(30) {
        if !digits.is_empty() {
            bytes[digits[dice.below(digits.len())]] = b'0' + dice.below(10) as u8;
        }
    }
}

const SMALL: [&str; 12] = [
    "pdf/text_gbk_euc_h.pdf",
    "pdf/text_unigb_ucs2_h.pdf",
    "pdf/text_typst_noto.pdf",
    "pdf/scan_jbig2.pdf",
    "scans/epson.pdf",
    "scans/kcs.pdf",
    "scans/linn.pdf",
    "scans/jbig2.pdf",
    "pages/c09_wqy12_200_g4.tif",
    "scans/baiona_alpha.png",
    "scans/baiona_cmyk.jpg",
    "pdf/text_typst_noto_notounicode.pdf",
];

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
    for round in 0..30 {
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
    assert_eq!(ends.values().sum::<usize>(), 360);
    assert!(ends.contains_key("Read") && ends.len() > 2, "the breaking does too much or too little");
}

/// `size` bytes of spaces, deflated twice.
fn bomb(size: usize) -> Stream {
    let deflated = |bytes: Vec<u8>| {
        let mut stream = Stream::new(Dictionary::new(), bytes);
        stream.compress().unwrap();
        stream.content
    };
    let content = deflated(deflated(vec![b' '; size]));
    let filters: Vec<Object> = vec!["FlateDecode".into(), "FlateDecode".into()];
    Stream::new(dictionary! { "Filter" => filters }, content)
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

/// Forms, each of which draws the next one twice.
fn doubling_pdf(levels: usize) -> Vec<u8> {
    let mut document = Document::with_version("1.7");
    let form = |resources: Dictionary, content: &[u8]| {
        let dict = dictionary! {
            "Type" => "XObject", "Subtype" => "Form", "Resources" => resources,
            "BBox" => vec![0.into(), 0.into(), 600.into(), 800.into()],
        };
        Stream::new(dict, content.to_vec())
    };
    let mut inner = document.add_object(form(Dictionary::new(), b"0 0 9 9 re f"));
    for _ in 0..levels {
        let resources = dictionary! { "XObject" => dictionary! { "X" => inner } };
        inner = document.add_object(form(resources, b"/X Do /X Do"));
    }
    let content = document.add_object(Stream::new(Dictionary::new(), b"/X Do".to_vec()));
    let resources = dictionary! { "XObject" => dictionary! { "X" => inner } };
    saved(with_page(document, dictionary! { "Contents" => content, "Resources" => resources }))
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

/// A PNG that has a header (valid, with its checksum) and nothing that deserves the name.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 6, 0, 0, 0]);
    let crc = header.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 },
        )
    });
    let idat = b"\0\0\0\0IDAT\x35\xaf\x06\x1e\0\0\0\0IEND\xae\x42\x60\x82";
    [b"\x89PNG\r\n\x1a\n\0\0\0\x0D", &header[..], &(!crc).to_be_bytes(), idat].concat()
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
