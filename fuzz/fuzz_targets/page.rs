//! A PDF page whose content stream is anything: glyphs become lines, and the page can be taken out of its document.
#![no_main]

use lantai::reading::stack::split::{Media, Order, SplitLimits, split_all};
use lantai::reading::{Limits, Outcome, read};
use libfuzzer_sys::fuzz_target;
use lopdf::{Document, Object, Stream, dictionary};

fn pdf(content: &[u8]) -> Vec<u8> {
    let mut pdf = Document::with_version("1.5");
    let tree = pdf.new_object_id();
    let font = pdf.add_object(dictionary! {
        "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica", "Encoding" => "WinAnsiEncoding",
    });
    let wide = pdf.add_object(dictionary! {
        "Type" => "Font", "Subtype" => "Type0", "BaseFont" => "STSong-Light", "Encoding" => "GBK-EUC-H",
        "DescendantFonts" => vec![dictionary! {
            "Type" => "Font", "Subtype" => "CIDFontType0", "BaseFont" => "STSong-Light",
            "CIDSystemInfo" => dictionary! {
                "Registry" => Object::string_literal("Adobe"), "Ordering" => Object::string_literal("GB1"), "Supplement" => 2,
            },
        }.into()],
    });
    let content = pdf.add_object(Stream::new(dictionary! {}, content.to_vec()));
    let page = pdf.add_object(dictionary! {
        "Type" => "Page", "Parent" => tree, "Contents" => content,
        "Resources" => dictionary! { "Font" => dictionary! { "F" => font, "W" => wide } },
        "MediaBox" => vec![0.into(), 0.into(), 595.into(), 842.into()],
    });
    let root = dictionary! { "Type" => "Pages", "Kids" => vec![page.into()], "Count" => 1 };
    pdf.objects.insert(tree, root.into());
    let catalog = pdf.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
    pdf.trailer.set("Root", catalog);
    let mut bytes = Vec::new();
    let _ = pdf.save_to(&mut bytes);
    bytes
}

fuzz_target!(
    // Panics of the PDF library are caught, and answers like any other; one that is not caught still ends the run.
    init: std::panic::set_hook(Box::new(|_| {})),
    |content: &[u8]| {
    let pdf = pdf(content);
    let limits = Limits { text_bytes_per_page: 4 << 10, ..Limits::default() };
    let reading = read(pdf.clone(), &limits);
    assert!(!matches!(reading.outcome, Outcome::Unreadable { .. }) || reading.page_count == 1);
    for line in reading.pages.iter().flat_map(|page| &page.lines) {
        assert!(line.x0 <= line.x1 && line.y0 <= line.y1 && line.x0 >= 0.0 && line.y0 >= 0.0, "{line:?}");
    }
    let order = Order { content: &pdf, media: Media::Pdf, page_count: 1, parts: &[vec![1]] };
    let _ = split_all(&order, &SplitLimits::default());
    }
);
