//! Broken, lying and enormous files, the same ones in every run.

use lopdf::{Dictionary, Document, Object, Stream, dictionary};

use super::made::{pdf_with_content, raw_pdf, saved, with_page};

/// A small deterministic generator (SplitMix64), so that every run tests the same files.
pub(super) struct Dice(pub(super) u64);

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
pub(super) fn broken(original: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
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

pub(super) const SMALL: [&str; 12] = [
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

/// `size` bytes of spaces, deflated twice.
pub(super) fn bomb(size: usize) -> Stream {
    let deflated = |bytes: Vec<u8>| {
        let mut stream = Stream::new(Dictionary::new(), bytes);
        stream.compress().unwrap();
        stream.content
    };
    let content = deflated(deflated(vec![b' '; size]));
    let filters: Vec<Object> = vec!["FlateDecode".into(), "FlateDecode".into()];
    Stream::new(dictionary! { "Filter" => filters }, content)
}

/// Forms, each of which draws the next one twice.
pub(super) fn doubling_pdf(levels: usize) -> Vec<u8> {
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

/// A PNG that has a header (valid, with its checksum) and nothing that deserves the name.
pub(super) fn png_header(width: u32, height: u32) -> Vec<u8> {
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

/// A page tree and a page, as the objects after the catalogue.
fn tree(objects: &[&str]) -> Vec<u8> {
    let catalogue = "<</Type /Catalog /Pages 2 0 R>>";
    let objects: Vec<String> =
        std::iter::once(catalogue).chain(objects.iter().copied()).map(str::to_owned).collect();
    raw_pdf(&objects)
}

/// A TIFF whose one directory says that its picture is so large, and that the next directory is itself.
fn tiff(side: u32) -> Vec<u8> {
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    let tags: [(u16, u32); 8] =
        [(256, side), (257, side), (258, 8), (259, 1), (262, 1), (273, 8), (278, side), (279, u32::MAX)];
    bytes.extend(8_u16.to_le_bytes());
    for (tag, value) in tags {
        bytes.extend(tag.to_le_bytes());
        bytes.extend([4, 0, 1, 0, 0, 0]);
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend(8_u32.to_le_bytes());
    bytes
}

/// A JPEG that says it is as large as one can be.
fn jpeg() -> Vec<u8> {
    let mut bytes =
        b"\xFF\xD8\xFF\xC0\0\x11\x08\xFF\xFF\xFF\xFF\x03\x01\x22\0\x02\x11\x01\x03\x11\x01".to_vec();
    bytes.extend(b"\xFF\xDA\0\x0C\x03\x01\0\x02\x11\x03\x11\0\x3F\0");
    bytes.extend([0x55; 4000]);
    bytes
}

/// Files made to hurt: recursive and nested objects, bombs, sizes that are lies.
pub(super) fn made_to_hurt() -> Vec<(&'static str, Vec<u8>)> {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let deep = format!("<</Type /Page /MediaBox [0 0 9 9] /Annots {deep}>>");
    let dictionaries = format!("{}{}", "<</A ".repeat(100_000), ">>".repeat(100_000));
    let one_page = "<</Type /Pages /Kids [3 0 R] /Count 1>>";
    let page = "<</Type /Page /MediaBox [0 0 9 9]>>";
    let vast = "<</Type /Page /MediaBox [0 0 2000000000 2000000000] /UserUnit 75000>>";
    let states = Stream::new(Dictionary::new(), b"q ".repeat(2_000_000));
    let filters: Vec<Object> = std::iter::repeat_n("FlateDecode".into(), 1000).collect();
    let filtered = Stream::new(dictionary! { "Filter" => filters }, vec![0; 100]);
    let itself = "<</Length 4 0 R>>\nstream\nq\nendstream";
    vec![
        ("own-child.pdf", tree(&["<</Type /Pages /Kids [2 0 R 2 0 R] /Count 2>>"])),
        ("circle.pdf", tree(&[one_page, "<</Type /Pages /Kids [2 0 R 4 0 R] /Count 1>>", page])),
        ("boastful.pdf", tree(&["<</Type /Pages /Kids [3 0 R] /Count 2000000000>>", page])),
        ("negative.pdf", tree(&["<</Type /Pages /Kids [3 0 R] /Count -5>>", page])),
        ("deep.pdf", tree(&[one_page, &deep])),
        ("dictionaries.pdf", tree(&[one_page, &dictionaries])),
        ("vast.pdf", tree(&[one_page, vast])),
        (
            "length-of-itself.pdf",
            tree(&[one_page, "<</Type /Page /MediaBox [0 0 9 9] /Contents 4 0 R>>", itself]),
        ),
        ("states.pdf", pdf_with_content(vec![states], 1)),
        ("filters.pdf", pdf_with_content(vec![filtered], 1)),
        ("bomb.pdf", pdf_with_content(vec![bomb(64 << 20)], 100)),
        ("doubling.pdf", doubling_pdf(45)),
        ("100000.png", png_header(100_000, 100_000)),
        ("2147483647.png", png_header(u32::MAX >> 1, u32::MAX >> 1)),
        ("narrow.png", png_header(1, 500_000_000)),
        ("empty.png", png_header(0, 0)),
        ("100000.tif", tiff(100_000)),
        ("circle.tif", tiff(10)),
        ("65535.jpg", jpeg()),
        ("half.webp", b"RIFF\xFF\xFF\xFF\x7FWEBPVP8L\xFF\xFF\xFF\x7F\x2F\xFF\xFF\xFF\xFF".to_vec()),
    ]
}
