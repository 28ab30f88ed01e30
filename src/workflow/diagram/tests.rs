use std::collections::BTreeMap;

use super::{dot, mermaid, svg, svg_in_page};
use crate::workflow::Pack;

#[test]
fn mermaid_says_who_when_and_where_it_ends() {
    let pack = Pack::bundled();
    let text = mermaid(pack.definition("customer-intake").unwrap(), "en");
    let has = |line: &str| assert!(text.lines().any(|found| found.trim() == line), "{line}\n{text}");
    has("[*] --> s_draft");
    has("s_filed --> [*]");
    has(
        "state \"Under review<br>waits for Customer-service manager · 2 working days, then a reminder\" as s_review",
    );
    has(
        "s_review --> s_correction : Return for correction<br>Customer-service manager · if case.attempt #60;= 3",
    );
    has("s_correction --> s_gm_decision : Correction overdue<br>when the time is over");
    assert_eq!(text.matches("-->").count(), 10 + 1 + 2);
}

#[test]
fn dot_has_every_state_and_every_way() {
    let pack = Pack::bundled();
    let text = dot(pack.definition("customer-intake").unwrap(), "zh");
    assert!(text.starts_with("digraph \"customer-intake\" {\n") && text.ends_with("}\n"));
    assert!(text.contains("\"filed\" [label=\"已归档\", peripheries=2];"), "{text}");
    assert!(
        text.contains("\"correction\" -> \"gm_decision\" [label=\"逾期未补齐\\n到期自动\", style=dashed];"),
        "{text}"
    );
    assert_eq!(text.matches(" -> ").count(), 10 + 1);
}

#[test]
fn the_drawing_is_complete_and_holds_no_markup_of_the_packs() {
    let pack = Pack::bundled();
    let mut files = pack.files().clone();
    let text = String::from_utf8(files["intake.yaml"].clone()).unwrap();
    let text = text.replacen("en: Under review", "en: '<script>\"&'", 1);
    files.insert("intake.yaml".into(), text.into_bytes());
    let pack = Pack::load(&files).unwrap();
    let def = pack.definition("customer-intake").unwrap();
    let drawn = svg(def, "en");
    assert!(!drawn.contains("<script") && drawn.contains("&lt;script&gt;&quot;&amp;"));
    assert!(
        drawn.contains("role=\"img\"") && drawn.contains("<title id=\"d-title\">") && drawn.contains("<desc")
    );
    assert_eq!(drawn.matches("<rect class=\"d-card").count(), 6);
    assert_eq!(drawn.matches("class=\"d-action\"").count(), 10);
    assert_eq!(drawn.matches("<path class=\"d-way").count(), 10);
    let running = BTreeMap::from([("review".to_owned(), 7), ("nowhere".to_owned(), 3)]);
    let in_page = svg_in_page(def, "zh", &running);
    assert!(in_page.contains("7 件在办") && !in_page.contains("3 件在办") && !in_page.contains("<style>"));
}
