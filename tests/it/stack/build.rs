//! Stacks and pages that are made for tests.

use std::io::Cursor;
use std::sync::Arc;

use hayro::hayro_interpret::InterpreterSettings;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings, render};
use image::codecs::jpeg::JpegEncoder;
use image::{GrayImage, Luma};
use lantai::reading::stack::cover::luma;
use lopdf::{Dictionary, Document, Object, Stream, dictionary};

/// A sheet of A4 at 200 dpi with a code upon it.
pub(crate) fn sheet(text: &str, module_pixels: u32) -> GrayImage {
    let mut sheet = GrayImage::from_pixel(1653, 2339, Luma([252]));
    image::imageops::overlay(&mut sheet, &luma(text, module_pixels).unwrap(), 620, 300);
    for line in 0..12 {
        for (x, y) in (300..1300).flat_map(|x| (0..3).map(move |y| (x, 1200 + line * 60 + y))) {
            sheet.put_pixel(x, y, Luma([40]));
        }
    }
    sheet
}

pub(crate) fn jpeg(picture: &GrayImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 80).encode_image(picture).unwrap();
    bytes
}

/// A PDF whose pages are these JPEG pictures; their boxes and resources stand in the page tree, for the pages to inherit.
pub(crate) fn pdf_of(jpegs: &[Vec<u8>]) -> Vec<u8> {
    let mut pdf = Document::with_version("1.5");
    let tree = pdf.new_object_id();
    let mut names = Dictionary::new();
    let mut kids: Vec<Object> = Vec::new();
    for (index, jpeg) in jpegs.iter().enumerate() {
        let picture = image::load_from_memory(jpeg).unwrap();
        let space = if picture.color().channel_count() == 1 { "DeviceGray" } else { "DeviceRGB" };
        let (width, height) = (i64::from(picture.width()), i64::from(picture.height()));
        let dict = dictionary! {
            "Type" => "XObject", "Subtype" => "Image", "Width" => width, "Height" => height,
            "ColorSpace" => space, "BitsPerComponent" => 8, "Filter" => "DCTDecode",
        };
        let name = format!("Im{index}");
        let drawn = pdf.add_object(Stream::new(dict, jpeg.clone()));
        names.set(name.clone(), Object::Reference(drawn));
        let (across, down) = if width > height { (842, 595) } else { (595, 842) };
        let content = format!("q {across} 0 0 {down} 0 0 cm /{name} Do Q").into_bytes();
        let content = pdf.add_object(Stream::new(dictionary! {}, content));
        let mut page = dictionary! { "Type" => "Page", "Parent" => tree, "Contents" => content };
        if width > height {
            page.set("MediaBox", vec![0.into(), 0.into(), 842.into(), 595.into()]);
        }
        kids.push(pdf.add_object(page).into());
    }
    let count = kids.len() as i64;
    let resources = pdf.add_object(dictionary! { "XObject" => names });
    let root = dictionary! {
        "Type" => "Pages", "Kids" => kids, "Count" => count, "Resources" => resources,
        "MediaBox" => vec![0.into(), 0.into(), 595.into(), 842.into()],
    };
    pdf.objects.insert(tree, root.into());
    let catalog = pdf.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
    pdf.trailer.set("Root", catalog);
    let mut bytes = Vec::new();
    pdf.save_to(&mut bytes).unwrap();
    bytes
}

/// A scanned stack: each cover with the pages that follow it.
pub(crate) fn stack_pdf(covers: &[(&str, &[Vec<u8>])]) -> Vec<u8> {
    let mut jpegs = Vec::new();
    for (text, pages) in covers {
        jpegs.push(jpeg(&sheet(text, 8)));
        jpegs.extend(pages.iter().cloned());
    }
    pdf_of(&jpegs)
}

/// The pages of a PDF as they look, at this resolution.
pub(crate) fn pictures(pdf: &[u8], pixels_per_inch: f32) -> Vec<GrayImage> {
    let pdf = hayro_syntax::Pdf::new(Arc::new(pdf.to_vec())).unwrap();
    let to =
        PixmapSettings { x_scale: pixels_per_inch / 72.0, y_scale: pixels_per_inch / 72.0, bg_color: WHITE };
    let picture = |page| {
        let cache = RenderCache::new();
        let drawn = render(page, &cache, &InterpreterSettings::default(), &RenderSettings::default(), &to);
        let luma = |pixel: &hayro::vello_cpu::color::PremulRgba8| {
            ((u32::from(pixel.r) * 299 + u32::from(pixel.g) * 587 + u32::from(pixel.b) * 114) / 1000) as u8
        };
        let pixels = drawn.data().iter().map(luma).collect();
        GrayImage::from_raw(drawn.width().into(), drawn.height().into(), pixels).unwrap()
    };
    pdf.pages().iter().map(picture).collect()
}

/// A TIFF of pages of several kinds, and what they decode to.
pub(crate) fn tiff(pages: u32) -> Vec<u8> {
    use tiff::encoder::{Rational, TiffEncoder, colortype};
    use tiff::tags::{ResolutionUnit, Tag};

    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).unwrap();
    for page in 0..pages {
        let (width, height) = (60 + page, 40 + page);
        let samples: Vec<u8> = (0..width * height * 3).map(|at| (at * 7 + page) as u8).collect();
        if page % 2 == 0 {
            let mut image = encoder.new_image::<colortype::RGB8>(width, height).unwrap();
            image.resolution(ResolutionUnit::Inch, Rational { n: 200 + page, d: 1 });
            image.encoder().write_tag(Tag::Orientation, 6_u16).unwrap();
            image.encoder().write_tag(Tag::Artist, "somebody").unwrap();
            image.write_data(&samples).unwrap();
        } else {
            let mut image = encoder.new_image::<colortype::Gray8>(width, height).unwrap();
            image.resolution(ResolutionUnit::Centimeter, Rational { n: 787, d: 10 });
            image.write_data(&samples[..(width * height) as usize]).unwrap();
        }
    }
    file.into_inner()
}
