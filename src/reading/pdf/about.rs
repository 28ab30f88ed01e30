//! What a PDF says about itself: its information dictionary (ISO 32000-1, 14.3.3).

use encoding_rs::GB18030;
use hayro_syntax::Pdf;
use lopdf::{Object, StringFormat, decode_text_string};

use crate::reading::About;
use crate::reading::normal::{is_han, normalised};

const MOST_BYTES: usize = 512;

/// Title, author and producer, each cut to 512 bytes.
pub(super) fn about(pdf: &Pdf) -> About {
    let said = pdf.metadata();
    About {
        title: said.title.as_deref().and_then(text),
        author: said.author.as_deref().and_then(text),
        producer: said.producer.as_deref().and_then(text),
    }
}

/// A text string: by the standard UTF-16 or UTF-8 with a mark, else PDFDocEncoding; but Chinese programs also
/// write UTF-8 and GBK without any mark.
fn text(bytes: &[u8]) -> Option<String> {
    let bytes = &bytes[..bytes.len().min(4 * MOST_BYTES)];
    let decoded = unmarked(bytes)
        .or_else(|| decode_text_string(&Object::String(bytes.to_vec(), StringFormat::Literal)).ok())?;
    let mut text = normalised(&decoded).trim().to_owned();
    text.truncate(text.floor_char_boundary(MOST_BYTES));
    (!text.is_empty()).then_some(text)
}

fn unmarked(bytes: &[u8]) -> Option<String> {
    let marked = [b"\xFE\xFF".as_slice(), b"\xEF\xBB\xBF"].iter().any(|mark| bytes.starts_with(mark));
    if marked || bytes.is_ascii() {
        return None;
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(text.to_owned());
    }
    let text = GB18030.decode_without_bom_handling_and_without_replacement(bytes)?;
    text.chars().all(|c| c.is_ascii() || is_han(c)).then(|| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn every_encoding_is_understood() {
        let utf16: Vec<u8> = "\u{FEFF}合同 A".encode_utf16().flat_map(u16::to_be_bytes).collect();
        let gbk = encoding_rs::GBK.encode("合同 A").0;
        for bytes in [&utf16[..], "合同 A".as_bytes(), "\u{FEFF}合同 A".as_bytes(), &gbk] {
            assert_eq!(text(bytes).as_deref(), Some("合同 A"));
        }
        assert_eq!(text(b"Caf\xE9 \x92 Contract").as_deref(), Some("Café TM Contract"));
        assert_eq!(text(b" \0 "), None);
        assert_eq!(text(&[b'x'; 10_000]).map(|text| text.len()), Some(512));
    }
}
