//! Codes and blank pages on the samples, and on codes of every kind.

use std::time::{Duration, Instant};

use image::{GrayImage, Luma};
use lantai::reading::blank::{ink, is_blank};
use lantai::reading::codes::{Code, CodeFormat, CodeLimits, codes};
use lantai::reading::stack::cover::{Mark, parse};
use rxing::{BarcodeFormat, MultiFormatWriter, Writer};

use super::build::{pictures, sheet};
use super::{files, name, samples};

fn open(file: &std::path::Path) -> GrayImage {
    image::open(file).unwrap().into_luma8()
}

fn found(page: &GrayImage) -> Vec<(CodeFormat, String)> {
    let codes = codes(page, CodeLimits::default());
    codes.into_iter().map(|code| (code.format, code.text)).collect()
}

#[test]
fn the_samples_codes_are_found_and_no_others() {
    if !super::ready() {
        return;
    }
    for file in files("codes", "jpg") {
        let expected: &[(CodeFormat, &str)] = match name(&file).as_str() {
            "qr_200.jpg" | "qr_200_rot90.jpg" => &[(CodeFormat::Qr, "SEP:档案-2025-00421")],
            "qr_small20mm_on_contract_200.jpg" => &[(CodeFormat::Qr, "HT-2025-0417-083")],
            "code128_200.jpg" => &[(CodeFormat::Code128, "DOC-20250417-0083")],
            _ => &[],
        };
        let found = found(&open(&file));
        let found: Vec<_> = found.iter().map(|(format, text)| (*format, text.as_str())).collect();
        assert_eq!(found, expected, "{}", name(&file));
    }
    for file in [files("pages", "jpg"), files("scans", "png"), files("scans", "jpg")].concat() {
        assert_eq!(found(&open(&file)), [], "{}", name(&file));
    }
}

#[test]
fn the_samples_blank_pages_are_found_and_no_others() {
    if !super::ready() {
        return;
    }
    for file in [files("codes", "jpg"), files("pages", "jpg"), files("scans", "png")].concat() {
        assert_eq!(is_blank(&open(&file)), name(&file).starts_with("blank_"), "{}", name(&file));
    }
    let blank = std::fs::read(samples("scans/blank.pdf")).unwrap();
    for page in pictures(&blank, 200.0) {
        assert!(is_blank(&page), "{:?}", ink(&page));
    }
}

#[test]
fn no_page_of_the_sample_pdfs_has_a_code_or_is_blank() {
    if !super::ready() {
        return;
    }
    for file in [files("pdf", "pdf"), files("scans", "pdf")].concat() {
        if ["invalid.pdf", "blank.pdf"].contains(&name(&file).as_str()) {
            continue;
        }
        for page in pictures(&std::fs::read(&file).unwrap(), 200.0) {
            assert_eq!(found(&page), [], "{}", name(&file));
            assert!(!is_blank(&page), "{} {:?}", name(&file), ink(&page));
        }
    }
}

#[test]
fn looking_at_a_page_is_quick() {
    if !super::ready() {
        return;
    }
    let pages: Vec<_> = files("pages", "jpg").iter().map(|file| open(file)).collect();
    let (mut for_codes, mut for_ink) = (Duration::ZERO, Duration::ZERO);
    for page in &pages {
        let start = Instant::now();
        codes(page, CodeLimits::default());
        for_codes += start.elapsed();
        let start = Instant::now();
        ink(page);
        for_ink += start.elapsed();
    }
    let count = pages.len() as u32;
    println!("codes {:?}, ink {:?} a page", for_codes / count, for_ink / count);
}

/// A code on a sheet, turned clockwise by so many quarters.
fn drawn(format: BarcodeFormat, text: &str, (width, height): (i32, i32), quarters: u32) -> GrayImage {
    let matrix = MultiFormatWriter.encode(text, &format, width, height).unwrap();
    let mut sheet = GrayImage::from_pixel(1653, 2339, Luma([250]));
    for y in 0..matrix.height() {
        for x in 0..matrix.width() {
            if matrix.get(x, y) {
                sheet.put_pixel(500 + x, 700 + y, Luma([20]));
            }
        }
    }
    (0..quarters).fold(sheet, |sheet, _| image::imageops::rotate90(&sheet))
}

#[test]
fn every_kind_is_found_whichever_way_it_lies() {
    for (format, text, size, expected) in [
        (BarcodeFormat::QR_CODE, "https://例.cn/?a=1", (200, 200), CodeFormat::Qr),
        (BarcodeFormat::CODE_128, "DOC-20250417", (400, 80), CodeFormat::Code128),
        (BarcodeFormat::CODE_39, "PATCHT", (400, 80), CodeFormat::Code39),
        (BarcodeFormat::CODE_93, "ABC-12", (400, 80), CodeFormat::Code93),
        (BarcodeFormat::EAN_13, "6901234567892", (300, 80), CodeFormat::Ean13),
        (BarcodeFormat::EAN_8, "96385074", (300, 80), CodeFormat::Ean8),
        (BarcodeFormat::ITF, "00012345678905", (400, 80), CodeFormat::Itf),
        (BarcodeFormat::DATA_MATRIX, "DM-0083", (100, 100), CodeFormat::DataMatrix),
        (BarcodeFormat::PDF_417, "PDF417 of some length", (500, 200), CodeFormat::Pdf417),
    ] {
        for quarters in 0..4 {
            let page = drawn(format, text, size, quarters);
            assert_eq!(found(&page), [(expected, text.to_owned())], "{format:?} {quarters}");
            assert!(page.dimensions().0 > 0);
        }
    }
}

#[test]
fn several_codes_on_a_page_are_all_found_in_order() {
    let mut page = drawn(BarcodeFormat::CODE_128, "FIRST", (300, 80), 0);
    for (x, y, text) in [(100, 100, "top"), (900, 1500, "low"), (900, 1900, "low")] {
        let code = lantai::reading::stack::cover::luma(text, 4).unwrap();
        image::imageops::overlay(&mut page, &code, x, y);
    }
    let codes = codes(&page, CodeLimits::default());
    let texts: Vec<_> = codes.iter().map(|code| code.text.as_str()).collect();
    assert_eq!(texts, ["top", "FIRST", "low", "low"]);
    let Code { x0, y0, x1, y1, .. } = codes[1];
    assert!(x0 > 490.0 && x1 < 810.0 && y0 > 690.0 && y1 < 790.0 && x1 - x0 > 200.0, "{:?}", codes[1]);
}

#[test]
fn our_own_codes_are_read_at_every_usual_size() {
    let text = "lantai:1:cover:01j8z6w3q9v5n4m2k7h0g1f8d6:id_card";
    for module_pixels in [3, 4, 5, 8, 12, 16] {
        let page = sheet(text, module_pixels);
        let marks: Vec<_> = found(&page).iter().filter_map(|(_, text)| parse(text)).collect();
        assert_eq!(marks, [parse(text).unwrap()], "{module_pixels}");
    }
    let large = image::imageops::resize(&sheet(text, 8), 4960, 7016, image::imageops::FilterType::Triangle);
    assert_eq!(found(&large).len(), 1);
    let skewed = turned(&sheet(text, 6), 0.06);
    assert_eq!(found(&skewed).len(), 1);
    let patch = drawn(BarcodeFormat::CODE_128, "PATCHT", (400, 200), 0);
    let skewed = turned(&patch, 0.04);
    let marks: Vec<_> = found(&skewed).iter().filter_map(|(_, text)| parse(text)).collect();
    assert_eq!(marks, [Mark::Separator]);
}

/// The page turned by this angle around its corner, as paper goes in askew.
fn turned(page: &GrayImage, angle: f32) -> GrayImage {
    let (sin, cos) = angle.sin_cos();
    GrayImage::from_fn(page.width(), page.height(), |x, y| {
        let (x, y) = (x as f32, y as f32);
        let (from_x, from_y) = (x * cos + y * sin, y * cos - x * sin);
        let inside = from_x >= 0.0 && from_y >= 0.0;
        page.get_pixel_checked(from_x as u32, from_y as u32)
            .filter(|_| inside)
            .copied()
            .unwrap_or(Luma([250]))
    })
}

#[test]
fn texts_are_bounded_and_clean() {
    let page = drawn(BarcodeFormat::QR_CODE, "a\u{202e}b\n\u{7}c 金额", (300, 300), 0);
    assert_eq!(found(&page), [(CodeFormat::Qr, "abc 金额".to_owned())]);
    let limits = CodeLimits { text_bytes: 6, ..CodeLimits::default() };
    assert_eq!(codes(&page, limits)[0].text, "abc ");
    let many = (0..6).fold(drawn(BarcodeFormat::QR_CODE, "x", (100, 100), 0), |mut page, at| {
        let code = lantai::reading::stack::cover::luma(&format!("n{at}"), 4).unwrap();
        image::imageops::overlay(&mut page, &code, 100 + 200 * at, 1500);
        page
    });
    assert_eq!(codes(&many, CodeLimits { codes: 3, ..CodeLimits::default() }).len(), 3);
    assert_eq!(codes(&many, CodeLimits { pixels: 1000, ..CodeLimits::default() }).len(), 0);
}
