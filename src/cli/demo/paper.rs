//! Small PDFs with Chinese text, made on the spot for the demo and for tests: no real paper is shipped.
//!
//! The font is one of Adobe's predefined CJK fonts, named and not embedded (ISO 32000-1, 9.7.5.2), with the text in
//! UCS-2: readers find the text, and a viewer brings its own font.

use lopdf::content::{Content, Operation};
use lopdf::{Document, Object, Stream, StringFormat, dictionary};

/// Lines of a page at most; more go on to the next.
const LINES: usize = 36;

/// A PDF (A4) with these lines, one below the other.
pub fn pdf(lines: &[String]) -> anyhow::Result<Vec<u8>> {
    let mut document = Document::with_version("1.5");
    let pages_id = document.new_object_id();
    let font_id = add_font(&mut document);
    let resources_id = document.add_object(dictionary! { "Font" => dictionary! { "F1" => font_id } });
    let mut kids: Vec<Object> = Vec::new();
    for page in lines.chunks(LINES) {
        let content_id = document.add_object(Stream::new(dictionary! {}, page_content(page)?));
        let page_id = document.add_object(dictionary! {
            "Type" => "Page", "Parent" => pages_id, "Contents" => content_id, "Resources" => resources_id,
            "MediaBox" => vec![0.into(), 0.into(), 595.into(), 842.into()],
        });
        kids.push(page_id.into());
    }
    let count = i64::try_from(kids.len())?;
    let pages = dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count };
    document.objects.insert(pages_id, Object::Dictionary(pages));
    let catalog_id = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => pages_id });
    document.trailer.set("Root", catalog_id);
    let mut bytes = Vec::new();
    document.save_to(&mut bytes)?;
    Ok(bytes)
}

fn add_font(document: &mut Document) -> lopdf::ObjectId {
    let descriptor = document.add_object(dictionary! {
        "Type" => "FontDescriptor", "FontName" => "STSong-Light", "Flags" => 6, "ItalicAngle" => 0, "Ascent" => 880,
        "Descent" => -120, "CapHeight" => 700, "StemV" => 93,
        "FontBBox" => vec![(-25).into(), (-254).into(), 1000.into(), 880.into()],
    });
    let system = dictionary! {
        "Registry" => Object::string_literal("Adobe"), "Ordering" => Object::string_literal("GB1"), "Supplement" => 2,
    };
    let descendant = document.add_object(dictionary! {
        "Type" => "Font", "Subtype" => "CIDFontType0", "BaseFont" => "STSong-Light", "CIDSystemInfo" => system,
        "FontDescriptor" => descriptor, "DW" => 1000,
    });
    document.add_object(dictionary! {
        "Type" => "Font", "Subtype" => "Type0", "BaseFont" => "STSong-Light-UniGB-UCS2-H", "Encoding" => "UniGB-UCS2-H",
        "DescendantFonts" => vec![descendant.into()],
    })
}

fn page_content(lines: &[String]) -> anyhow::Result<Vec<u8>> {
    let mut operations = vec![
        Operation::new("BT", vec![]),
        Operation::new("Tf", vec!["F1".into(), 14.into()]),
        Operation::new("TL", vec![21.into()]),
        Operation::new("Td", vec![60.into(), 780.into()]),
    ];
    for line in lines {
        let text: Vec<u8> = line.encode_utf16().flat_map(u16::to_be_bytes).collect();
        operations.push(Operation::new("Tj", vec![Object::String(text, StringFormat::Hexadecimal)]));
        operations.push(Operation::new("T*", vec![]));
    }
    operations.push(Operation::new("ET", vec![]));
    Ok(Content { operations }.encode()?)
}

/// The papers of a person's basket: document kind, title, lines.
pub(super) fn basket(customer: &str, number: usize) -> Vec<(&'static str, &'static str, Vec<String>)> {
    let contract = format!("示例-2026-{:04}", number + 1);
    let amount = ["1,000,000.00", "3,500,000.00", "5,200,000.00"][number % 3];
    let lines = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let head =
        |title: &str| vec![title.to_owned(), format!("合同编号：{contract}"), format!("委托人：{customer}")];
    let mut trust = head("民事信托合同");
    trust.push(format!("认购金额：人民币 {amount} 元"));
    trust.extend(lines(&["本合同自双方签字之日起生效。", "This is a demonstration paper."]));
    let mut risk = head("民事信托之信托风险申明书");
    risk.extend(lines(&["委托人已阅读并理解本信托的风险。", "签字：（示例）"]));
    let mut receipt = head("银行打款回执单");
    receipt.push(format!("金额：人民币 {amount} 元"));
    let person = vec!["居民身份证复印件（示例）".to_owned(), format!("姓名：{customer}")];
    let interview =
        vec!["客户访谈信息表".to_owned(), format!("受访人：{customer}"), "投资经验：三年".to_owned()];
    let contact = vec!["客户联系方式".to_owned(), format!("姓名：{customer}"), "电话：见系统".to_owned()];
    vec![
        ("trust_contract", "民事信托合同", trust),
        ("risk_statement", "风险申明书", risk),
        ("bank_receipt", "打款回执", receipt),
        ("person_id", "身份证", person),
        ("interview_form", "访谈表", interview),
        ("contact_sheet", "联系方式", contact),
    ]
}
