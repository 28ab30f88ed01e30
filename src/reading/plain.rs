//! Plain text files: UTF-8, GB 18030 (with GBK and GB 2312), or UTF-16 with a byte order mark.

use encoding_rs::{DecoderResult, Encoding, GB18030, UTF_8};

use super::normal::normalised;
use super::{About, Limits, MediaType, Page, PageState, Reading, Reason, Waiting};

/// A text file is one page, without size and places.
pub(super) fn read(bytes: &[u8], limits: &Limits) -> Reading {
    let cap = limits.text_bytes_per_page.min(limits.text_bytes);
    let cap = usize::try_from(cap).unwrap_or(usize::MAX);
    let Some(text) = decode(bytes) else {
        return Reading::unreadable(MediaType::Text, Reason::Damaged);
    };
    let mut text = text.lines().map(normalised).collect::<Vec<_>>().join("\n");
    let truncated = text.len() > cap;
    text.truncate(text.floor_char_boundary(cap));
    let blank = text.trim().is_empty();
    let state = if blank { PageState::Blank } else { PageState::Text };
    let page = Page { text, truncated, ..Page::without_text(1, (0.0, 0.0), state) };
    Reading::of_pages(MediaType::Text, vec![page], About::default(), Waiting::NeedsOcr)
}

/// Whether these bytes, the beginning of a file, are text. The last character may be cut.
pub(super) fn is_text(head: &[u8]) -> bool {
    !head.is_empty() && decode(head).is_some()
}

/// The text, if it is text in one of the encodings and holds no control characters.
fn decode(bytes: &[u8]) -> Option<String> {
    if let Some((encoding, mark_bytes)) = Encoding::for_bom(bytes) {
        return decode_as(encoding, &bytes[mark_bytes..]);
    }
    decode_as(UTF_8, bytes).or_else(|| decode_as(GB18030, bytes))
}

fn decode_as(encoding: &'static Encoding, bytes: &[u8]) -> Option<String> {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut text = String::new();
    text.try_reserve(decoder.max_utf8_buffer_length_without_replacement(bytes.len())?).ok()?;
    // `last` is false: a character that the end cuts in two is not an error.
    let (result, _) = decoder.decode_to_string_without_replacement(bytes, &mut text, false);
    (result == DecoderResult::InputEmpty && text.chars().all(is_plain)).then_some(text)
}

fn is_plain(c: char) -> bool {
    let private = matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..);
    matches!(c, '\n' | '\r' | '\t' | '\u{C}') || !(c.is_control() || private)
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::reading::{Limits, Outcome, PageState};

    fn text_of(bytes: &[u8]) -> String {
        let reading = read(bytes, &Limits::default());
        assert_eq!(reading.outcome, Outcome::Read);
        assert_eq!((reading.page_count, reading.pages[0].number), (1, 1));
        reading.pages[0].text.clone()
    }

    #[test]
    fn every_encoding_gives_the_same_text() {
        let text = "客户：张三\n金额 1,000 元";
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let expected = "客户:张三\n金额 1,000 元";
        assert_eq!(text_of(text.as_bytes()), expected);
        assert_eq!(text_of(&[b"\xEF\xBB\xBF", text.as_bytes()].concat()), expected);
        assert_eq!(text_of(&encoding_rs::GB18030.encode(text).0), expected);
        assert_eq!(text_of(&[b"\xFF\xFE", &utf16[..]].concat()), expected);
        assert_eq!(text_of(text.replace('\n', "\r\n").as_bytes()), expected);
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let limits = Limits { text_bytes_per_page: 100, ..Limits::default() };
        let reading = read("汉".repeat(50).as_bytes(), &limits);
        let page = &reading.pages[0];
        assert_eq!((page.text.len(), page.truncated, page.state), (99, true, PageState::Text));
    }
}
