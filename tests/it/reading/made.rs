//! Small PDFs that tests make.

use std::io::Write;

use lopdf::{Dictionary, Document, Object, Stream, dictionary};

/// The document with one page, 600 x 800 points, with these entries.
pub(super) fn with_page(mut document: Document, entries: Dictionary) -> Document {
    let pages = document.new_object_id();
    let mut page = dictionary! {
        "Type" => "Page", "Parent" => pages,
        "MediaBox" => vec![0.into(), 0.into(), 600.into(), 800.into()],
    };
    page.extend(&entries);
    let page = document.add_object(page);
    document
        .objects
        .insert(pages, dictionary! { "Type" => "Pages", "Kids" => vec![page.into()], "Count" => 1 }.into());
    let root = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => pages });
    document.trailer.set("Root", root);
    document
}

/// The bytes of the document.
pub(super) fn saved(mut document: Document) -> Vec<u8> {
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}

/// A page whose content is these streams, the whole list repeated.
pub(super) fn pdf_with_content(contents: Vec<Stream>, repeat: usize) -> Vec<u8> {
    let mut document = Document::with_version("1.7");
    let ids: Vec<Object> = contents.into_iter().map(|stream| document.add_object(stream).into()).collect();
    let contents: Vec<Object> = std::iter::repeat_n(ids, repeat).flatten().collect();
    saved(with_page(document, dictionary! { "Contents" => contents }))
}

/// A page that is drawn by `content`, with the font `/F` (Helvetica), the picture `/P` (one grey pixel) and
/// these further entries.
pub(super) fn drawn(content: &str, entries: Dictionary) -> Document {
    let mut document = Document::with_version("1.7");
    let font = dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica" };
    let font = document.add_object(font);
    let picture = dictionary! {
        "Type" => "XObject", "Subtype" => "Image", "Width" => 1, "Height" => 1,
        "ColorSpace" => "DeviceGray", "BitsPerComponent" => 8,
    };
    let picture = document.add_object(Stream::new(picture, vec![128]));
    let content = document.add_object(Stream::new(Dictionary::new(), content.as_bytes().to_vec()));
    let resources = dictionary! {
        "Font" => dictionary! { "F" => font },
        "XObject" => dictionary! { "P" => picture },
    };
    let mut page = dictionary! { "Contents" => content, "Resources" => resources };
    page.extend(&entries);
    with_page(document, page)
}

/// A PDF file of these objects, numbered from 1; the first is the catalogue.
pub(super) fn raw_pdf(objects: &[String]) -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n".to_vec();
    let mut offsets = Vec::new();
    for (number, object) in (1..).zip(objects) {
        offsets.push(bytes.len());
        writeln!(bytes, "{number} 0 obj\n{object}\nendobj").unwrap();
    }
    let start = bytes.len();
    writeln!(bytes, "xref\n0 {}\n0000000000 65535 f ", objects.len() + 1).unwrap();
    for offset in offsets {
        writeln!(bytes, "{offset:010} 00000 n ").unwrap();
    }
    writeln!(bytes, "trailer <</Size {} /Root 1 0 R>>\nstartxref\n{start}\n%%EOF", objects.len() + 1)
        .unwrap();
    bytes
}
