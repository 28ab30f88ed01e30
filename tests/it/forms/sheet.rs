//! The PDF by itself: any text, long tables, a small file, and text that can be had out of it again.

use lantai::print::{Block, Both, Code, Error, Face, Sheet, Signatures, Table, pdf};
use lantai::reading::chinese_font;
use lantai::reading::stack::runs;

use super::{can_print, pages};

fn face() -> Face {
    let (data, index) = chinese_font(None).unwrap().unwrap();
    Face::new(data, index).unwrap()
}

fn sheet(name: &str, rows: usize) -> Sheet {
    let row = |row: usize| {
        let file = format!("a file whose name is rather long and has no end {row}.pdf");
        let title = Both::new("民事信托之信托风险申明书", file);
        vec![Both::same(row.to_string()), title, Both::same("0123456789abcdef")]
    };
    let columns = vec![
        (Both::new("序号", "No."), 0.5),
        (Both::new("资料名称列", "Paper"), 4.0),
        (Both::new("摘要", "Digest"), 2.0),
    ];
    let (side, runs) = runs("lantai:1:form:01j8z6w3q9v5n4m2k7h0g1f8d6:JJ-2026-000012").unwrap();
    Sheet {
        over: Both::new("客户服务管理办法", "Customer service rules"),
        title: Both::new("客户资料交接表", "Handover sheet"),
        number_label: Both::new("编号", "No."),
        number: "JJ-2026-000012".into(),
        foot: "01j8z6w3q9v5n4m2k7h0g1f8d6".into(),
        code: Some(Code { side, runs }),
        made_at: "2026-11-27T01:00:00Z".parse().unwrap(),
        blocks: vec![
            Block::Facts(vec![(Both::new("客户", "Customer"), Both::same(name)); 3]),
            Block::Heading(Both::new("资料", "Papers")),
            Block::Table(Table { columns, rows: (1..=rows).map(row).collect() }),
            Block::Text(Both::new("清单所列资料齐全。", "Everything is there.")),
            Block::Signatures(Signatures {
                fields: vec![Both::new("理财顾问", "Adviser"), Both::new("客服经理", "Manager")],
                sign: Both::new("签字", "Signature"),
                date: Both::new("日期", "Date"),
            }),
        ],
    }
}

#[test]
fn a_long_sheet_goes_over_pages_each_with_head_and_number() {
    if !can_print() {
        return;
    }
    let bytes = pdf(&sheet("欧阳修远", 150), &face()).unwrap();
    let found = pages(&bytes);
    assert!(found.len() > 3, "{}", found.len());
    for (number, page) in (1..).zip(&found) {
        let of = format!("{number}/{}", found.len());
        assert!(page.contains(&of) && page.contains("JJ-2026-000012"), "{page}");
        let has_rows = page.contains("0123456789abcdef");
        assert!(!has_rows || page.contains("资料名称列"), "the head is repeated: {page}");
    }
    let all = found.concat();
    assert!(all.contains("欧阳修远"), "{all}");
    assert_eq!(all.matches("0123456789abcdef").count(), 150, "every row is there once");
    assert!(found.last().unwrap().contains("客服经理"));
    assert!(bytes.len() < 200_000, "only what is used of the font is in it: {} bytes", bytes.len());
    assert!(bytes.windows(6).any(|window| window == b"pdfaid"), "it says that it is a PDF/A");
    println!("{} pages, {} bytes", found.len(), bytes.len());
}

#[test]
fn the_same_sheet_is_the_same_file() {
    if !can_print() {
        return;
    }
    let (face, sheet) = (face(), sheet("欧阳修远", 3));
    assert_eq!(pdf(&sheet, &face).unwrap(), pdf(&sheet, &face).unwrap());
}

#[test]
fn any_text_can_be_printed() {
    if !can_print() {
        return;
    }
    let face = face();
    for name in [
        "",
        " \u{0}\t\r\n\u{7f}",
        "欧阳\u{202e}修远\u{200d}",
        "👩‍👩‍👧‍👦 😀 \u{1f9ff}",
        "𠮷野家 𪚥 \u{e000} \u{f8ff} \u{10ffff} \u{feff}",
        "مرحبا שלום ไทย हिन्दी",
        "e\u{301}e\u{301}\u{301}\u{301} ﬁ ㍿",
        &"长".repeat(20_000),
        &"x".repeat(20_000),
        "<script>alert(1)</script> () \\ %PDF endstream endobj",
    ] {
        let bytes = pdf(&sheet(name, 1), &face).unwrap();
        let found = pages(&bytes).concat();
        assert!(found.contains("客户资料交接表"), "{name:?}: {found}");
    }
    let lacking = pages(&pdf(&sheet("欧阳😀修远", 1), &face).unwrap()).concat();
    assert!(lacking.contains("欧阳〓修远"), "{lacking}");
}

#[test]
fn what_is_no_font_is_refused() {
    for bytes in [Vec::new(), b"no font".to_vec(), vec![0; 4096]] {
        assert!(matches!(Face::new(bytes, 0), Err(Error::Font)));
    }
    if can_print() {
        let (data, _) = chinese_font(None).unwrap().unwrap();
        assert!(matches!(Face::new(data.clone(), 99), Err(Error::Font)));
        // A font that is cut off is refused or prints: it does not panic.
        for len in [64, 4096, data.len() / 2] {
            if let Ok(face) = Face::new(data[..len].to_vec(), 0) {
                let _ = pdf(&sheet("x", 1), &face);
            }
        }
    }
}
