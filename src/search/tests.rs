//! The index as its users see it: what is found, what is not, and what lies on the disk.

mod amounts;
mod cases;
mod drawn;
mod judged;
mod near;
mod numbers;
mod order;
mod paging;
mod renewing;
mod resting;
mod rotating;

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::{Strategy, any, proptest};
use proptest::strategy::ValueTree;
use tempfile::TempDir;

use super::{Error, Hit, Index, IndexKey, Item, Limits, Query, Scope, Source, snippet};
use crate::clock::Clock;
use crate::domain::{CaseId, DossierId, RawId};

const TEXT: &str = "\
基金合同当事人应当遵守本办法。投资者张三（身份证号11010519491231002X）于2023年4月17日签署风险揭示书，\
认购金额人民币1,286,450.00元，合同编号：HT-2023-000123。\n管理人：杭州翀远智能装备有限公司；托管人：璟瑞精密电子。\n\
客户服务部负责回访，回访录音保存不少于二十年。The quick brown Fox signs a side letter.";

struct Fixture {
    dir: TempDir,
    index: Index,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let index = open(dir.path()).unwrap();
        Self { dir, index }
    }

    /// Each text is page 1 of document 1, 2, ... in dossier 1, 2, ...
    fn with(texts: &[&str]) -> Self {
        let fixture = Self::new();
        for (number, text) in (1..).zip(texts) {
            fixture.put(number, number, &[text]);
        }
        fixture.index.commit().unwrap();
        fixture
    }

    fn put(&self, document: u8, dossier: u8, pages: &[&str]) {
        let items: Vec<_> = (1..).zip(pages).map(|(n, text)| page(document, dossier, n, text)).collect();
        self.index.replace_document(id(document), &items).unwrap();
    }

    fn hits(&self, query: &str, scope: &Scope) -> Vec<Hit> {
        let results = self.index.search(&Query::parse(query), scope, 0, 200).unwrap();
        assert_eq!(results.total, results.hits.len(), "{query}");
        results.hits
    }

    /// The numbers of the documents that were found.
    fn found(&self, query: &str) -> Vec<u8> {
        let mut found: Vec<_> = self.hits(query, &Scope::All).iter().map(document_of).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    fn check(&self, query: &str, expected: &[u8]) {
        assert_eq!(self.found(query), expected, "{query}");
    }
}

fn open(dir: &Path) -> Result<Index, Error> {
    Index::open(dir, IndexKey::from_bytes([42; 32]), Clock::system(), Limits::default())
}

fn id<T: From<RawId>>(number: u8) -> T {
    RawId::from_bytes([number; 16]).into()
}

fn page(document: u8, dossier: u8, page: u32, text: &str) -> Item {
    Item {
        source: Source::Page { document: id(document), page },
        dossier: id(dossier),
        kind: "contract".into(),
        text: text.into(),
        title: String::new(),
        date: None,
        numbers: Vec::new(),
        case: None,
    }
}

fn document_of(hit: &Hit) -> u8 {
    match hit.source {
        Source::Page { document, .. } => document.as_bytes()[0],
        other => panic!("{other:?}"),
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn a_quoted_phrase_is_exact() {
    let fixture = Fixture::with(&["本基金合同有效", "基金的合同条款", "合同约定投资基金", "基金，合同"]);
    fixture.check("\"基金合同\"", &[1]);
    fixture.check("“基金合同”", &[1]);
    fixture.check("\"基金的合同\"", &[2]);
    fixture.check("\"基金、合同\"", &[4]);
}

#[test]
fn words_mean_all_of_them() {
    let fixture = Fixture::with(&["基金与合同", "只有基金", "只有合同", "合同和基金"]);
    fixture.check("基金 合同", &[1, 4]);
    fixture.check("基金合同", &[1, 4]);
    fixture.check("基金 OR 合同", &[1, 2, 3, 4]);
    fixture.check("基金 -合同", &[2]);
    fixture.check("-基金", &[3]);
    fixture.check("基金 -\"与合同\"", &[2, 4]);
}

#[test]
fn one_character_finds() {
    let fixture = Fixture::with(&["合同", "联合", "合", "3合1", "（合）", "同"]);
    fixture.check("合", &[1, 2, 3, 4, 5]);
    fixture.check("\"合\"", &[1, 2, 3, 4, 5]);
    fixture.check("合 联", &[2]);
    fixture.check("-合", &[6]);
}

#[test]
fn a_hit_has_a_snippet_with_marks() {
    let query = Query::parse("回访录音");
    let fixture = Fixture::with(&[TEXT]);
    assert_eq!(fixture.index.search(&query, &Scope::All, 0, 1).unwrap().total, 1);
    let shown = snippet(TEXT, &query, 20);
    assert!(shown.contains("<mark>回访录音</mark>"), "{shown}");
}

#[test]
fn different_writings_find_each_other() {
    let fixture = Fixture::with(&[
        "编号１２３号",
        "歐陽修遠先生",
        "金额1,000,000元",
        "合 同 编 号 见 附 件",
        "编号HT-2023-000123",
        "第 3 条",
        "金额1000000元",
    ]);
    fixture.check("123", &[1]);
    fixture.check("１２３", &[1]);
    fixture.check("欧阳修远", &[2]);
    fixture.check("歐陽", &[2]);
    fixture.check("修遠", &[2]);
    fixture.check("1000000", &[3, 7]);
    fixture.check("1,000,000", &[3, 7]);
    fixture.check("\"合同编号\"", &[4]);
    fixture.check("合同编号", &[4]);
    fixture.check("\"第3条\"", &[6]);
    fixture.check("第3条", &[6]);
}

#[test]
fn ids_are_found_with_and_without_dashes() {
    let fixture = Fixture::with(&[
        "编号HT-2023-000123，",
        "编号HT2023000123",
        "账号6222 0212 3456 7890 123",
        "身份证11010519491231002X",
        "2023年",
    ]);
    for query in ["HT-2023-000123", "ht2023000123", "HT2023-000123", "ＨＴ－２０２３－０００１２３", "ht2023"]
    {
        fixture.check(query, &[1, 2]);
    }
    fixture.check("\"HT-2023-000123\"", &[1]);
    fixture.check("6222021234567890123", &[3]);
    fixture.check("0123", &[1, 2, 3]);
    fixture.check("11010519491231002x", &[4]);
    fixture.check("002X", &[4]);
    fixture.check("合同HT", &[]);
    fixture.check("编号HT", &[1]);
}

#[test]
fn english_is_found_by_words() {
    let fixture = Fixture::with(&["The Quick brown fox", "quicksand party", "art of brown-quick"]);
    fixture.check("quick", &[1, 3]);
    fixture.check("\"quick brown\"", &[1]);
    fixture.check("QUICK brown", &[1, 3]);
    fixture.check("art", &[3]);
    fixture.check("quick-brown", &[1]);
}

#[test]
fn narrowing_by_kind_dossier_and_date() {
    let fixture = Fixture::new();
    for (number, kind, date) in
        [(1, "contract", "2023-01-31"), (2, "receipt", "2023-06-30"), (3, "receipt", "")]
    {
        let item = Item { kind: kind.into(), date: date.parse().ok(), ..page(number, number, 1, "合同") };
        fixture.index.replace_document(id(number), &[item]).unwrap();
    }
    fixture.index.commit().unwrap();
    fixture.check("合同 kind:receipt", &[2, 3]);
    fixture.check("kind:receipt", &[2, 3]);
    fixture.check("kind:contract,receipt -kind:contract", &[2, 3]);
    fixture.check("date:2023", &[1, 2]);
    fixture.check("date:2023-02..", &[2]);
    fixture.check("合同 date:..2023-01", &[1]);
    fixture.check(&format!("dossier:{}", id::<DossierId>(3)), &[3]);
    fixture.check(&format!("-dossier:{}", id::<DossierId>(3)), &[1, 2]);
    fixture.check("", &[]);
    fixture.check("。。", &[]);

    let query = Query::parse("合同").and_kind("receipt").and_dossier(id(2)).and_dossier(id(1));
    assert_eq!(fixture.index.search(&query, &Scope::All, 0, 9).unwrap().total, 1);
    let query = Query::parse("date:2023-01..2023-06").and_dates("2023-02-01".parse().ok(), None);
    assert_eq!(fixture.index.search(&query, &Scope::All, 0, 9).unwrap().total, 1);
}

#[test]
fn nothing_outside_the_scope_shows() {
    let fixture = Fixture::with(&["基金合同", "基金合同", "基金合同"]);
    let queries =
        ["基金合同", "合", "-没有", "kind:contract", "基金 OR 合同", "\"基金合同\"", "date:..2030 OR 基金"];
    let all: Vec<u8> = vec![1, 2, 3];
    for mine in [vec![], vec![2], vec![1, 3], all, vec![9]] {
        let scope = Scope::Dossiers(mine.iter().map(|number| id(*number)).collect());
        for query in queries.iter().filter(|query| !query.contains("date")) {
            let hits = fixture.hits(query, &scope);
            let expected = mine.iter().filter(|number| **number <= 3).count();
            assert_eq!(hits.len(), expected, "{query} within {mine:?}");
            assert!(hits.iter().all(|hit| mine.contains(&hit.dossier.as_bytes()[0])), "{query}");
        }
        let asked = format!("基金 dossier:{}", id::<DossierId>(1));
        assert_eq!(fixture.hits(&asked, &scope).len(), usize::from(mine.contains(&1)));
    }
}

#[test]
fn paging_gives_every_hit_once() {
    let texts: Vec<String> = (0..25).map(|n| format!("合同{}", "甲".repeat(n))).collect();
    let fixture = Fixture::with(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let query = Query::parse("合同");
    let mut found: Vec<u8> = Vec::new();
    for offset in (0..30).step_by(10) {
        let results = fixture.index.search(&query, &Scope::All, offset, 10).unwrap();
        assert_eq!(results.total, 25);
        found.extend(results.hits.iter().map(document_of));
    }
    found.sort_unstable();
    assert_eq!(found, (1..=25).collect::<Vec<_>>());
    assert!(fixture.index.search(&query, &Scope::All, usize::MAX, usize::MAX).unwrap().hits.is_empty());
    assert_eq!(fixture.index.search(&query, &Scope::All, 0, 0).unwrap().total, 25);
}

#[test]
fn titles_count_more_and_cards_and_notes_are_found() {
    let fixture = Fixture::new();
    let card =
        Item { source: Source::Dossier, title: "欧阳修远".into(), ..page(0, 1, 1, "机构客户") };
    let note = Source::Note { case: id::<CaseId>(7), seq: 2 };
    let note = Item { source: note, ..page(0, 1, 1, "欧阳修远的身份证模糊，请重新扫描") };
    fixture.index.replace_items(&[note.clone(), card.clone()]).unwrap();
    fixture.put(3, 1, &["甲方欧阳修远"]);
    fixture.index.commit().unwrap();
    let hits = fixture.hits("欧阳修远", &Scope::All);
    assert_eq!((hits.len(), hits[0].source), (3, Source::Dossier));
    assert_eq!(fixture.hits("模糊", &Scope::All)[0].source, note.source);

    let renamed = Item { title: "张三".into(), ..card };
    fixture.index.replace_items(&[renamed]).unwrap();
    fixture.index.commit().unwrap();
    assert_eq!(fixture.hits("欧阳修远", &Scope::All).len(), 2);
    assert_eq!(fixture.hits("张三", &Scope::All).len(), 1);
}

#[test]
fn names_are_found_as_they_are_typed() {
    let fixture = Fixture::new();
    let card = |number: u8, name: &str| Item {
        source: Source::Dossier,
        title: name.into(),
        ..page(0, number, 1, "个人客户")
    };
    fixture
        .index
        .replace_items(&[card(1, "歐陽修遠"), card(2, "单吕"), card(3, "杭州翀远智能装备有限公司")])
        .unwrap();
    fixture.index.commit().unwrap();
    let check = |query: &str, expected: &[u8]| {
        let mut found: Vec<_> =
            fixture.hits(query, &Scope::All).iter().map(|hit| hit.dossier.as_bytes()[0]).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{query}");
    };
    for query in
        ["欧阳修远", "ouyang", "oyxy", "OuYang XiuYuan", "xiuyuan", "ouy", "欧阳修运", "欧阴修远", "区阳修远"]
    {
        check(query, &[1]);
    }
    check("shan", &[2]);
    check("danlv", &[2]);
    check("yuan", &[1, 3]);
    check("chongyuan", &[3]);
    check("杭州冲远智能装备有限公司", &[3]);
    check("王小明", &[]);
}

#[test]
fn one_misread_character_still_finds() {
    let fixture = Fixture::with(&[
        "甲方：张健国，电话",
        "甲方：欧阳修还先生",
        "建国大业",
        "本人确认己阅读并知悉风险揭示书的全部内容",
    ]);
    let near = |query: &str| {
        let results = fixture.index.search(&Query::parse(query), &Scope::All, 0, 9).unwrap();
        assert!(results.approximate || results.total == 0, "{query}");
        results.hits.iter().map(document_of).collect::<Vec<_>>()
    };
    assert!(near("张建国").contains(&1));
    assert_eq!(near("欧阳修远"), [2]);
    assert_eq!(near("张建国 电话"), [1]);
    assert_eq!(near("本人确认已阅读并知悉风险揭示书的全部内容"), [4]);
    assert_eq!(near("\"张建国\""), Vec::<u8>::new());
    assert_eq!(near("乙丙丁"), Vec::<u8>::new());
    let exact = fixture.index.search(&Query::parse("张健国"), &Scope::All, 0, 9).unwrap();
    assert_eq!((exact.total, exact.approximate), (1, false));
}

#[test]
fn replacing_never_doubles() {
    let fixture = Fixture::new();
    for text in ["旧文本", "旧文本", "新文本"] {
        fixture.put(1, 1, &[text, "第二页"]);
        fixture.put(1, 1, &[text, "第二页"]);
        fixture.index.commit().unwrap();
    }
    assert_eq!(fixture.hits("文本", &Scope::All).len(), 1);
    fixture.check("\"旧文本\"", &[]);
    fixture.put(1, 1, &["新文本"]);
    fixture.index.commit().unwrap();
    assert_eq!(fixture.hits("第二页", &Scope::All).len(), 0);
    fixture.put(1, 1, &[]);
    fixture.index.commit().unwrap();
    assert!(fixture.index.is_empty());
}

#[test]
fn a_removed_dossier_leaves_the_files() {
    let fixture = Fixture::with(&["甲甲合同", "乙乙合同"]);
    fixture.put(3, 1, &["丙丙合同"]);
    fixture.index.commit().unwrap();
    fixture.index.remove_dossier(id(1)).unwrap();
    fixture.check("合同", &[1, 2, 3]);
    fixture.index.commit().unwrap();
    fixture.check("合同", &[2]);
    assert!(!files(fixture.dir.path()).iter().any(|path| path.extension().is_some_and(|e| e == "del")));
    fixture.put(4, 4, &["丁丁合同"]);
    fixture.index.commit().unwrap();
    fixture.check("合同", &[2, 4]);
}

#[test]
fn what_is_committed_survives_and_the_rest_does_not() {
    let Fixture { dir, index } = Fixture::with(&["甲合同"]);
    index.replace_document(id(2), &[page(2, 2, 1, "乙合同")]).unwrap();
    drop(index);
    let index = open(dir.path()).unwrap();
    let fixture = Fixture { dir, index };
    fixture.check("合同", &[1]);
    fixture.put(3, 3, &["丙合同"]);
    fixture.index.rest().unwrap();
    fixture.check("合同", &[1, 3]);
    fixture.index.rest().unwrap();
    fixture.put(4, 4, &["丁合同"]);
    fixture.index.commit().unwrap();
    fixture.check("合同", &[1, 3, 4]);
}

#[test]
fn only_one_process_writes() {
    let fixture = Fixture::with(&["甲合同"]);
    let second = open(fixture.dir.path()).unwrap();
    let item = page(2, 2, 1, "乙合同");
    assert!(matches!(second.replace_document(id(2), std::slice::from_ref(&item)), Err(Error::Busy)));
    fixture.index.rest().unwrap();
    second.replace_document(id(2), &[item]).unwrap();
    second.commit().unwrap();
}

#[test]
fn no_word_lies_readable_on_the_disk() {
    let fixture = Fixture::with(&[&MARKER.repeat(50), TEXT]);
    put_marked_card(&fixture.index);
    assert_eq!(fixture.found("ZXCVMARKER9876").len(), 2);
    check_unreadable(fixture.dir.path());
}

const MARKER: &str = "璟翀秘密标记ZXCVMARKER9876";

/// What [`check_unreadable`] looks for.
fn put_marked_card(index: &Index) {
    let card = Item { title: MARKER.into(), kind: "secretkind".into(), ..page(5, 5, 1, MARKER) };
    index.replace_document(id(5), &[card]).unwrap();
    index.commit().unwrap();
}

/// No file of the index in this folder has a word of the marked card, its id or a name of a field in the clear.
fn check_unreadable(dir: &Path) {
    let utf16 = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    for path in files(dir) {
        let bytes = fs::read(&path).unwrap();
        for word in ["ZXCVMARKER", "zxcvmarker", "秘密", "标记", "secretkind", "body_words", "segments"] {
            for needle in [word.as_bytes().to_vec(), utf16(word)] {
                assert!(!bytes.windows(needle.len()).any(|w| w == needle), "{word} in {path:?}");
            }
        }
        let id = [5_u8; 16];
        assert!(!bytes.windows(id.len()).any(|w| w == id), "an id in {path:?}");
    }
}

#[test]
fn an_altered_byte_gives_an_error_or_changes_nothing() {
    let Fixture { dir, index } = Fixture::with(&[TEXT, "基金合同 二", "别的"]);
    index.remove_dossier(id(9)).unwrap();
    index.replace_document(id(3), &[page(3, 3, 1, "又别的")]).unwrap();
    index.rest().unwrap();
    drop(index);
    let queries = ["基金合同", "\"基金合同\"", "合", "HT-2023", "-别的", "回访 date:..2030", "kind:contract"];
    let answers = |index: &Index| -> Vec<Result<Vec<Hit>, Error>> {
        let ask = |query: &&str| Ok(index.search(&Query::parse(query), &Scope::All, 0, 10)?.hits);
        queries.iter().map(ask).collect()
    };
    let right: Vec<_> = answers(&open(dir.path()).unwrap()).into_iter().map(Result::unwrap).collect();
    // How many times an error was the answer; anything but that or the right answer fails.
    let check = |path: &Path| match open(dir.path()) {
        Err(Error::Corrupt) => 1,
        Err(other) => panic!("{other:?} for {path:?}"),
        Ok(index) => {
            let answers = answers(&index);
            let refused = answers.iter().zip(&right).filter(|(answer, right)| match answer {
                Ok(hits) => {
                    assert_eq!(&hits, right, "{path:?}");
                    false
                }
                Err(Error::Corrupt) => true,
                Err(other) => panic!("{other:?} for {path:?}"),
            });
            refused.count()
        }
    };
    let (mut refused, mut tried) = (0, 0);
    for path in files(dir.path()) {
        let bytes = fs::read(&path).unwrap();
        let step = (bytes.len() / 40).max(1);
        for at in (0..bytes.len()).step_by(step).chain(bytes.len().checked_sub(1)) {
            let mut altered = bytes.clone();
            altered[at] ^= 0x40;
            fs::write(&path, &altered).unwrap();
            tried += 1;
            refused += check(&path);
        }
        for cut in [0, bytes.len() / 2, bytes.len().saturating_sub(1)] {
            fs::write(&path, &bytes[..cut]).unwrap();
            refused += check(&path);
        }
        fs::remove_file(&path).unwrap();
        refused += check(&path);
        fs::write(&path, &bytes).unwrap();
    }
    assert!(refused > 100 && tried > 100, "{refused} of {tried}");
    assert!(answers(&open(dir.path()).unwrap()).iter().zip(&right).all(|(a, r)| a.as_ref().unwrap() == r));
}

#[test]
fn another_key_opens_nothing() {
    let fixture = Fixture::with(&["甲"]);
    let key = IndexKey::from_bytes([43; 32]);
    let other = Index::open(fixture.dir.path(), key, Clock::system(), Limits::default());
    assert!(matches!(other.map(drop), Err(Error::Corrupt)));
}

/// Chinese text: the sample document where it is there, and always the text above.
fn chinese() -> String {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/samples/pdf/text.gt");
    fs::read_to_string(sample).unwrap_or_default() + TEXT
}

#[test]
fn every_piece_of_a_text_finds_it() {
    let text = chinese();
    let fixture = Fixture::with(&[&text, "别的文本"]);
    let chars: Vec<char> = text.chars().collect();
    let han = |c: &char| super::normal::is_han(*c);
    for len in 1..=7 {
        for piece in chars.windows(len).step_by(5).filter(|piece| piece.iter().all(han)) {
            let piece: String = piece.iter().collect();
            assert!(fixture.found(&piece).contains(&1), "{piece}");
            assert!(fixture.found(&format!("\"{piece}\"")).contains(&1), "\"{piece}\"");
            let shown = snippet(&text, &Query::parse(&format!("\"{piece}\"")), 40);
            assert!(shown.contains(&format!("<mark>{piece}</mark>")), "{piece}: {shown}");
        }
    }
}

#[test]
fn malformed_queries_are_answered() {
    let fixture = Fixture::with(&[TEXT, "基金合同"]);
    let scope = Scope::Dossiers(vec![id(1)]);
    let answered = |text: &str| {
        let results = fixture.index.search(&Query::parse(text), &scope, 0, 10).unwrap();
        assert!(results.total <= 1);
        snippet(TEXT, &Query::parse(text), 30);
    };
    proptest!(|(text in any::<String>())| answered(&text));
    let alphabet = r#"([-"“”:：. ]|OR|kind:|date:|dossier:|2023|[a-zA-Z0-9]|[基金合同，（）①㈱]|\PC){0,30}"#;
    proptest!(|(text in alphabet.prop_map(|text| text))| answered(&text));
}

/// Whether the phrase stands in the text, looked for without any index.
fn stands_in(text: &str, phrase: &str) -> bool {
    let row = |text: &str| -> Vec<char> { super::normal::normalise(text).iter().map(|n| n.char).collect() };
    let (text, phrase) = (row(text), row(phrase));
    let in_run = |at: Option<&char>| at.is_some_and(|c| c.is_alphanumeric() && !super::normal::is_han(*c));
    let same_run = |a: Option<usize>, b: usize| in_run(a.and_then(|a| text.get(a))) && in_run(text.get(b));
    let mut places = (0..text.len()).filter(|from| text[*from..].starts_with(&phrase));
    !phrase.is_empty()
        && places.any(|from| {
            !same_run(from.checked_sub(1), from) && {
                let to = from + phrase.len();
                !same_run(Some(to - 1), to)
            }
        })
}

#[test]
fn phrases_are_found_where_they_stand_and_nowhere_else() {
    let fixture = Fixture::new();
    let texts: std::cell::RefCell<Vec<(u8, String)>> = std::cell::RefCell::default();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut draw = |pattern: &str| {
        let strategy = proptest::string::string_regex(pattern).unwrap();
        strategy.new_tree(&mut runner).unwrap().current()
    };
    for number in 1..=120 {
        let text = draw("[基金合a1，甲 -]{0,40}");
        fixture.put(number, number, &[&text]);
        texts.borrow_mut().push((number, text));
        if number % 25 == 0 {
            fixture.put(number / 2, number, &[]);
            texts.borrow_mut().retain(|(kept, _)| *kept != number / 2);
            fixture.index.commit().unwrap();
        }
    }
    fixture.index.commit().unwrap();
    let mut found = 0;
    for _ in 0..1500 {
        let (one, other) = (draw("[基金合a1，甲 -]{1,5}"), draw("[基金合a1，甲]{1,3}"));
        if ![&one, &other].iter().all(|text| text.chars().any(char::is_alphanumeric)) {
            continue;
        }
        let check = |query: &str, expected: &dyn Fn(&str) -> bool| {
            let texts = texts.borrow();
            let right: Vec<_> = texts.iter().filter(|(_, text)| expected(text)).map(|(n, _)| *n).collect();
            assert_eq!(fixture.found(query), right, "{query}");
            right.len()
        };
        found += check(&format!("\"{one}\""), &|text| stands_in(text, &one));
        check(&format!("\"{one}\" \"{other}\""), &|text| stands_in(text, &one) && stands_in(text, &other));
        check(&format!("\"{one}\" -\"{other}\""), &|text| stands_in(text, &one) && !stands_in(text, &other));
        check(&format!("\"{one}\" OR \"{other}\""), &|text| stands_in(text, &one) || stands_in(text, &other));
    }
    assert!(found > 2000, "{found}");
}
