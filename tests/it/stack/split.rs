//! Splitting the samples: pages look the same afterwards, and nothing else is left of the document.

use std::io::Cursor;

use lantai::reading::stack::split::{Media, Order, SplitError, SplitLimits, split, split_all};
use lopdf::{Document, Object, Stream, dictionary};
use tiff::decoder::{Decoder, DecodingResult};
use tiff::tags::Tag;

use super::build::{jpeg, pdf_of, pictures, sheet, tiff};
use super::{files, name, samples};

fn order<'a>(content: &'a [u8], media: Media, page_count: u32, parts: &'a [Vec<u32>]) -> Order<'a> {
    Order { content, media, page_count, parts }
}

fn parts_of(
    content: &[u8],
    media: Media,
    count: u32,
    parts: &[Vec<u32>],
) -> Result<Vec<Vec<u8>>, SplitError> {
    split_all(&order(content, media, count, parts), &SplitLimits::default())
}

fn page_count(pdf: &[u8]) -> u32 {
    Document::load_mem(pdf).unwrap().page_iter().count() as u32
}

#[test]
fn the_pages_of_the_sample_pdfs_look_the_same_afterwards() {
    if !super::ready() {
        return;
    }
    for file in [files("pdf", "pdf"), files("scans", "pdf")].concat() {
        let content = std::fs::read(&file).unwrap();
        if name(&file) == "invalid.pdf" {
            assert_eq!(parts_of(&content, Media::Pdf, 1, &[vec![1]]), Err(SplitError::Damaged));
            continue;
        }
        let before = pictures(&content, 60.0);
        let count = page_count(&content);
        let numbers: Vec<u32> = (1..=count).rev().collect();
        let parts: Vec<_> = numbers.chunks(2).map(<[u32]>::to_vec).collect();
        let split =
            parts_of(&content, Media::Pdf, count, &parts).unwrap_or_else(|e| panic!("{}: {e}", name(&file)));
        for (numbers, bytes) in parts.iter().zip(&split) {
            assert_eq!(page_count(bytes), numbers.len() as u32);
            let after = pictures(bytes, 60.0);
            for (number, picture) in numbers.iter().zip(after) {
                let other = &before[*number as usize - 1];
                let differs = picture.pixels().zip(other.pixels()).filter(|(a, b)| a != b);
                let most = differs.clone().map(|(a, b)| a[0].abs_diff(b[0])).max();
                // The renderer itself rounds a few pixels of the same page otherwise from time to time.
                let same = picture.dimensions() == other.dimensions() && most.is_none_or(|most| most <= 1);
                assert!(same, "{} {number}: {} by {most:?}", name(&file), differs.count());
            }
        }
        let total: usize = split.iter().map(Vec::len).sum();
        println!("{}: {count} pages, {} bytes, {total} in {} parts", name(&file), content.len(), split.len());
        assert_eq!(parts_of(&content, Media::Pdf, count, &parts).unwrap(), split);
    }
}

#[test]
fn pictures_keep_their_bytes() {
    let jpegs: Vec<_> = (0..3).map(|at| jpeg(&sheet(&format!("page {at}"), 6))).collect();
    let content = pdf_of(&jpegs);
    let split = parts_of(&content, Media::Pdf, 3, &[vec![2], vec![3, 1]]).unwrap();
    let holds = |bytes: &[u8], jpeg: &[u8]| bytes.windows(jpeg.len()).any(|found| found == jpeg);
    // All pages share one dictionary of resources here, and a part would hold all pictures...
    assert!(holds(&split[0], &jpegs[1]) && holds(&split[1], &jpegs[2]) && holds(&split[1], &jpegs[0]));
    // ...if its pages did not keep only what they draw.
    assert!(!holds(&split[0], &jpegs[0]) && !holds(&split[1], &jpegs[1]));
}

#[test]
fn what_is_not_the_pages_is_left_behind() {
    let mut pdf = Document::load_mem(&pdf_of(&[jpeg(&sheet("a", 6)), jpeg(&sheet("b", 6))])).unwrap();
    let pages: Vec<_> = pdf.page_iter().collect();
    let script =
        pdf.add_object(dictionary! { "S" => "JavaScript", "JS" => Object::string_literal("secret-script") });
    let appearance =
        Stream::new(dictionary! { "Type" => "XObject", "Subtype" => "Form" }, b"kept-appearance".to_vec());
    let appearance = pdf.add_object(appearance);
    let annotation = pdf.add_object(dictionary! {
        "Type" => "Annot", "Subtype" => "Widget", "Rect" => vec![0.into(), 0.into(), 9.into(), 9.into()],
        "A" => script, "Parent" => pages[1], "P" => pages[0], "AP" => dictionary! { "N" => appearance },
        "T" => Object::string_literal("secret-name"),
    });
    let page = pdf.get_dictionary_mut(pages[0]).unwrap();
    page.set("Annots", vec![annotation.into()]);
    page.set("AA", dictionary! { "O" => script });
    page.set("PieceInfo", dictionary! { "x" => Object::string_literal("secret-piece") });
    page.set("Rotate", 90);
    let info = pdf.add_object(dictionary! { "Author" => Object::string_literal("secret-author") });
    pdf.trailer.set("Info", info);
    pdf.catalog_mut().unwrap().set("OpenAction", script);
    let mut content = Vec::new();
    pdf.save_to(&mut content).unwrap();

    let split = parts_of(&content, Media::Pdf, 2, &[vec![1]]).unwrap();
    let text = String::from_utf8_lossy(&split[0]);
    assert!(text.contains("kept-appearance") && !text.contains("secret"));
    let part = Document::load_mem(&split[0]).unwrap();
    let page = part.get_dictionary(part.page_iter().next().unwrap()).unwrap();
    assert_eq!(page.get(b"Rotate").and_then(Object::as_i64).unwrap(), 90);
    assert_eq!(page.get(b"MediaBox").and_then(Object::as_array).unwrap().len(), 4);
    assert!(part.trailer.get(b"Info").is_err());
}

#[test]
fn an_order_that_does_not_fit_is_refused() {
    let content = pdf_of(&[jpeg(&sheet("a", 6))]);
    let refused = |count, parts: &[Vec<u32>]| parts_of(&content, Media::Pdf, count, parts).unwrap_err();
    assert_eq!(refused(1, &[vec![2]]), SplitError::NoSuchPage);
    assert_eq!(refused(1, &[vec![0]]), SplitError::NoSuchPage);
    assert_eq!(refused(1, &[vec![]]), SplitError::NoSuchPage);
    assert_eq!(refused(2, &[vec![1]]), SplitError::Damaged);
    assert_eq!(refused(3000, &[vec![1]]), SplitError::TooLarge);
    assert_eq!(parts_of(&content, Media::Tiff, 1, &[vec![1]]), Err(SplitError::Damaged));
    assert_eq!(page_count(&parts_of(&content, Media::Pdf, 1, &[vec![1, 1]]).unwrap()[0]), 2);
}

#[test]
fn an_encrypted_document_is_not_split() {
    use lopdf::{EncryptionState, EncryptionVersion, Permissions};

    for user in ["", "password"] {
        let mut pdf = Document::load_mem(&pdf_of(&[jpeg(&sheet("a", 6))])).unwrap();
        let id = Object::string_literal("0123456789abcdef");
        pdf.trailer.set("ID", vec![id.clone(), id]);
        let version = EncryptionVersion::V2 {
            document: &pdf,
            owner_password: "owner",
            user_password: user,
            key_length: 128,
            permissions: Permissions::all(),
        };
        let state = EncryptionState::try_from(version).unwrap();
        pdf.encrypt(&state).unwrap();
        let mut content = Vec::new();
        pdf.save_to(&mut content).unwrap();
        assert_eq!(parts_of(&content, Media::Pdf, 1, &[vec![1]]), Err(SplitError::Encrypted));
    }
}

#[test]
fn the_output_is_bounded_over_all_parts() {
    for (content, media) in [(pdf_of(&[jpeg(&sheet("a", 6))]), Media::Pdf), (tiff(1), Media::Tiff)] {
        let one = parts_of(&content, media, 1, &[vec![1]]).unwrap()[0].len() as u64;
        let limits = SplitLimits { output_bytes: one * 2 + one / 2, ..SplitLimits::default() };
        let (parts, mut given) = (vec![vec![1]; 3], Vec::new());
        let done = split(&order(&content, media, 1, &parts), &limits, &mut |index, bytes| {
            given.push((index, bytes.len() as u64));
            true
        });
        assert_eq!((done, given), (Err(SplitError::TooLarge), vec![(0, one), (1, one)]));
        let stopped = split(&order(&content, media, 1, &parts), &limits, &mut |_, _| false);
        assert_eq!(stopped, Err(SplitError::Stopped));
    }
}

/// Each page's samples, resolution, unit and orientation.
fn tiff_pages(bytes: &[u8]) -> Vec<(Vec<u8>, f32, u32, Option<u32>)> {
    let mut decoder = Decoder::new(Cursor::new(bytes)).unwrap();
    let mut pages = Vec::new();
    loop {
        let DecodingResult::U8(samples) = decoder.read_image().unwrap() else { unreachable!("8 bits") };
        let resolution = decoder.get_tag(Tag::XResolution).unwrap();
        let tiff::decoder::ifd::Value::Rational(n, d) = resolution else { unreachable!("{resolution:?}") };
        let unit = decoder.get_tag_u32(Tag::ResolutionUnit).unwrap();
        let orientation = decoder.find_tag_unsigned(Tag::Orientation).unwrap();
        assert!(decoder.find_tag(Tag::Artist).unwrap().is_none() || pages.is_empty());
        pages.push((samples, n as f32 / d as f32, unit, orientation));
        if !decoder.more_images() {
            return pages;
        }
        decoder.next_image().unwrap();
    }
}

#[test]
fn a_tiffs_pages_are_kept_without_loss() {
    let content = tiff(2);
    let whole = tiff_pages(&content);
    let split = parts_of(&content, Media::Tiff, 2, &[vec![2], vec![2, 1]]).unwrap();
    assert_eq!(tiff_pages(&split[0]), [whole[1].clone()]);
    assert_eq!(tiff_pages(&split[1]), [whole[1].clone(), whole[0].clone()]);
    assert_eq!((whole[0].1, whole[0].2, whole[0].3), (200.0, 2, Some(6)));
    assert_eq!(parts_of(&content, Media::Tiff, 2, &[vec![2], vec![2, 1]]).unwrap(), split);
    assert_eq!(parts_of(&content, Media::Tiff, 3, &[vec![3]]), Err(SplitError::Damaged));
    let many = parts_of(&tiff(9), Media::Tiff, 9, &[vec![1, 2, 3], vec![4], vec![5, 6, 7, 8, 9]]).unwrap();
    assert_eq!(many.iter().map(|part| tiff_pages(part).len()).collect::<Vec<_>>(), [3, 1, 5]);
}

#[test]
fn a_fax_becomes_grey_and_looks_the_same() {
    if !super::ready() {
        return;
    }
    let file = samples("pages/c09_wqy12_200_g4.tif");
    let content = std::fs::read(&file).unwrap();
    let split = parts_of(&content, Media::Tiff, 1, &[vec![1]]).unwrap();
    let read = |bytes: &[u8]| image::load_from_memory(bytes).unwrap().into_luma8();
    assert!(read(&content) == read(&split[0]));
    println!("g4 {} bytes becomes {}", content.len(), split[0].len());
}
