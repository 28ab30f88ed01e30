//! Queries, and snippets of any text for them: the marks are balanced and nothing else is markup.
#![no_main]

use lantai::search::{Query, snippet};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (query, page) = text.split_once('\0').unwrap_or((text, text));
    let query = Query::parse(query);
    let shown = snippet(page, &query, 160);
    assert_eq!(shown.matches("<mark>").count(), shown.matches("</mark>").count());
    let rest = shown.replace("<mark>", "").replace("</mark>", "");
    assert!(!rest.contains(['<', '>', '"']), "{rest}");
});
