//! The whole chain: a stack as one PDF, its pages drawn, their codes, the plan, the parts.

use lantai::reading::blank::is_blank;
use lantai::reading::codes::{CodeLimits, codes};
use lantai::reading::stack::cover::{Cover, Mark, parse};
use lantai::reading::stack::plan::{PageSeen, Sides, plan};
use lantai::reading::stack::split::{Media, Order, SplitLimits, split_all};

use super::build::{pictures, stack_pdf};
use super::files;

#[test]
fn a_stack_becomes_its_documents() {
    if !super::ready() {
        return;
    }
    let pages: Vec<_> = files("pages", "jpg").iter().map(|file| std::fs::read(file).unwrap()).collect();
    assert_eq!(pages.len(), 9);
    let kinds = ["contract", "id_card", "bank_receipt"];
    let marks = kinds.map(|kind| Mark::Cover(Cover::new("01j8z6w3q9v5n4m2k7h0g1f8d6", kind).unwrap()));
    let texts = marks.each_ref().map(Mark::to_string);
    let content = stack_pdf(&[(&texts[0], &pages[..3]), (&texts[1], &pages[3..7]), (&texts[2], &pages[7..])]);

    let seen: Vec<_> = pictures(&content, 200.0)
        .iter()
        .map(|page| {
            let found = codes(page, CodeLimits::default());
            PageSeen {
                marks: found.iter().filter_map(|code| parse(&code.text)).collect(),
                blank: is_blank(page),
            }
        })
        .collect();
    let plan = plan(&seen, Sides::Unknown);
    assert_eq!(plan.parts.iter().map(|part| part.mark.clone()).collect::<Option<Vec<_>>>().unwrap(), marks);
    assert!(plan.parts.iter().all(|part| !part.unsure && part.blank.is_empty()));

    let parts: Vec<_> = plan.parts.iter().map(|part| part.pages.clone()).collect();
    let order = Order { content: &content, media: Media::Pdf, page_count: 12, parts: &parts };
    let split = split_all(&order, &SplitLimits::default()).unwrap();
    let mut expected = pages.iter();
    for (bytes, count) in split.iter().zip([3, 4, 2]) {
        let part = lopdf::Document::load_mem(bytes).unwrap();
        let ids: Vec<_> = part.page_iter().collect();
        assert_eq!(ids.len(), count);
        for id in ids {
            let images = part.get_page_images(id).unwrap();
            assert_eq!(images.len(), 1);
            assert!(images[0].content == expected.next().unwrap(), "the JPEG's bytes");
        }
    }
    assert_eq!(split.len(), 3);
}
