//! What codes say, and the plan of a stack: every page is in exactly one part or left out.
#![no_main]

use lantai::reading::normalised;
use lantai::reading::stack::collation::{printed_number, suggests_collation};
use lantai::reading::stack::{PageSeen, Sides, parse, plan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let lines: Vec<&str> = text.lines().take(200).collect();
    let page = |line: &&str| {
        let marks = line.split('\t').filter_map(parse).collect();
        PageSeen { marks, blank: line.is_empty() }
    };
    let pages: Vec<PageSeen> = lines.iter().map(page).collect();
    for sides in [Sides::Unknown, Sides::One, Sides::Both] {
        let plan = plan(&pages, sides);
        let mut all: Vec<u32> = plan.parts.iter().flat_map(|part| part.pages.clone()).collect();
        all.extend(&plan.left_out);
        all.sort_unstable();
        assert!(all.iter().copied().eq(1..=pages.len() as u32), "{all:?}");
    }
    for line in &lines {
        let _ = printed_number(line);
        if let Some(mark) = parse(line) {
            assert_eq!(parse(&mark.to_string()), Some(mark));
        }
    }
    let _ = (suggests_collation(&lines), normalised(text));
});
