//! What a page is, and which text it gives, on small PDFs.

use lantai::reading::{Limits, Outcome, Page, PageState, Reason, read};
use lopdf::{Dictionary, EncryptionState, EncryptionVersion, Object, Permissions, StringFormat, dictionary};

use super::made::{drawn, saved};
use super::unreadable;

fn page(content: &str) -> Page {
    page_with(content, Dictionary::new())
}

fn page_with(content: &str, entries: Dictionary) -> Page {
    let reading = read(saved(drawn(content, entries)), &Limits::default());
    assert_eq!(reading.page_count, 1);
    reading.pages.into_iter().next().unwrap()
}

const FULL_PICTURE: &str = "q 600 0 0 800 0 0 cm /P Do Q ";
const SMALL_PICTURE: &str = "q 100 0 0 100 0 700 cm /P Do Q ";
const PAGE_NUMBER: &str = "BT /F 10 Tf 300 20 Td (page 7 of 9) Tj ET ";

#[test]
fn what_is_drawn_tells_what_the_page_is() {
    let hidden = "BT 3 Tr /F 10 Tf 50 700 Td (text of a scan) Tj ET ";
    for (content, state, text) in [
        ("", PageState::Blank, ""),
        ("900 900 50 50 re f", PageState::Blank, ""),
        ("50 50 90 90 re f", PageState::NotReadYet, ""),
        (FULL_PICTURE, PageState::NotReadYet, ""),
        (&format!("{FULL_PICTURE}{PAGE_NUMBER}"), PageState::NotReadYet, "page 7 of 9"),
        (&format!("{FULL_PICTURE}{hidden}"), PageState::Text, "text of a scan"),
        (&format!("{SMALL_PICTURE}{PAGE_NUMBER}"), PageState::Text, "page 7 of 9"),
        (PAGE_NUMBER, PageState::Text, "page 7 of 9"),
    ] {
        let page = page(content);
        assert_eq!((page.state, page.text.as_str()), (state, text), "{content}");
        assert_eq!((page.width, page.height), (600.0, 800.0));
    }
}

#[test]
fn text_that_is_drawn_twice_counts_once() {
    for content in [
        "BT 2 Tr /F 10 Tf 50 700 Td (filled and stroked) Tj ET",
        "BT /F 10 Tf 50 700 Td (filled and stroked) Tj 0.3 0 Td (filled and stroked) Tj ET",
    ] {
        assert_eq!(page(content).text, "filled and stroked");
    }
    assert_eq!(page("BT /F 10 Tf 50 700 Td (no) Tj 20 0 Td (no) Tj ET").text, "no no");
}

#[test]
fn words_are_found_in_pieces() {
    let kerned = "BT /F 10 Tf 50 700 Td [(W) 80 (ord) -300 (two) -20 (s) ] TJ ET";
    assert_eq!(page(kerned).text, "Word twos");
    let two_lines = "BT /F 10 Tf 50 700 Td (above) Tj 0 -12 Td (below) Tj ET";
    assert_eq!(page(two_lines).text, "above\nbelow");
}

#[test]
fn places_are_those_of_the_page_as_displayed() {
    let content = "BT /F 10 Tf 100 700 Td (abc) Tj ET";
    let upright = &page(content).lines[0];
    assert!((upright.x0 - 100.0).abs() < 0.2 && (upright.y1 - 101.2).abs() < 0.2, "{upright:?}");
    let page = page_with(content, dictionary! { "Rotate" => 90 });
    let turned = &page.lines[0];
    assert_eq!((page.width, page.height), (800.0, 600.0));
    // Turned clockwise: the text runs downwards, its first letter 100 below the top and 700 from the left.
    assert!((turned.y0 - 100.0).abs() < 0.2 && (turned.x0 - 698.8).abs() < 0.2, "{turned:?}");
    let cropped = page_with(
        content,
        dictionary! {
            "CropBox" => vec![50.into(), 600.into(), 350.into(), 800.into()],
        },
    );
    assert_eq!((cropped.width, cropped.height), (300.0, 200.0));
    assert!((cropped.lines[0].x0 - 50.0).abs() < 0.2, "{:?}", cropped.lines[0]);
}

#[test]
fn the_limit_on_text_counts_for_the_document() {
    let content = "BT /F 10 Tf 50 700 Td (0123456789) Tj 0 -12 Td (0123456789) Tj ET";
    let limits = Limits { text_bytes: 50, ..Limits::default() };
    let reading = read(saved(drawn(content, Dictionary::new())), &limits);
    let page = &reading.pages[0];
    assert_eq!((page.text.as_str(), page.truncated, page.state), ("0123456789", true, PageState::Text));
    let nothing = Limits { text_bytes: 0, ..Limits::default() };
    let reading = read(saved(drawn(content, Dictionary::new())), &nothing);
    assert_eq!((reading.pages[0].truncated, reading.outcome), (true, Outcome::Read));
}

pub(super) fn encrypted(user_password: &str) -> Vec<u8> {
    let mut document = drawn(PAGE_NUMBER, Dictionary::new());
    let id = || Object::String(b"0123456789abcdef".to_vec(), StringFormat::Literal);
    document.trailer.set("ID", vec![id(), id()]);
    let state = EncryptionState::try_from(EncryptionVersion::V2 {
        document: &document,
        owner_password: "owner",
        user_password,
        key_length: 128,
        permissions: Permissions::PRINTABLE,
    });
    document.encrypt(&state.unwrap()).unwrap();
    saved(document)
}

#[test]
fn encryption_without_a_password_is_opened() {
    let reading = read(encrypted(""), &Limits::default());
    assert_eq!((reading.outcome, reading.pages[0].text.as_str()), (Outcome::Read, "page 7 of 9"));
    let reading = read(encrypted("secret"), &Limits::default());
    assert_eq!((reading.outcome, reading.pages.len()), (unreadable(Reason::Encrypted), 0));
}

#[test]
fn a_damaged_document_is_read_as_far_as_it_is_there() {
    let whole = saved(drawn(PAGE_NUMBER, Dictionary::new()));
    let place = |word: &[u8]| whole.windows(word.len()).position(|bytes| bytes == word).unwrap();
    let mut lying = whole.clone();
    lying[place(b"startxref") + 10..][..2].copy_from_slice(b"99");
    for (what, bytes) in [
        ("its table of objects is elsewhere", lying),
        ("its end is missing", whole[..place(b"startxref")].to_vec()),
        ("its table of objects is missing", whole[..place(b"xref")].to_vec()),
        ("a mail gateway wrote after its end", [&whole[..], b"\r\n--boundary--\r\n", &[0; 3000]].concat()),
    ] {
        let reading = read(bytes, &Limits::default());
        assert_eq!(reading.outcome, Outcome::Read, "{what}");
        assert_eq!(reading.pages[0].text, "page 7 of 9", "{what}");
    }
}

#[test]
fn a_header_after_junk_is_a_header() {
    let bytes =
        [&b"\r\njunk from a mail gateway\r\n"[..], &saved(drawn(PAGE_NUMBER, Dictionary::new()))].concat();
    let reading = read(bytes, &Limits::default());
    assert_eq!((reading.outcome, reading.pages[0].text.as_str()), (Outcome::Read, "page 7 of 9"));
}
