//! Lists of results that are taken out: what is in them, who may, and what the log says of it.

use std::io::{Cursor, Read};

use base64::prelude::{BASE64_STANDARD, Engine};
use lantai::objects::{Key, Prefix};
use lantai::vault;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, Client, TestApp, pdf, text, with_form};
use crate::publishing::{administrator, bundled, publish};

const PATH: &str = "/api/v1/search/export";
const REASON: &str = "年度检查";

async fn take(desk: &Client, format: &str, query: &[(&str, &str)]) -> Answer {
    let given = [("format", format), ("reason", REASON)];
    Answer::of(desk.request(Method::GET, PATH).query(&given).query(query)).await
}

/// The rows of a CSV file, its head first.
#[track_caller]
fn rows(bytes: &[u8]) -> Vec<Vec<String>> {
    let text = bytes.strip_prefix("\u{feff}".as_bytes()).expect("it begins with a byte order mark");
    assert!(text.ends_with(b"\r\n"));
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text);
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// The rows of the first sheet of a workbook, all cells of which have to be texts.
fn sheet(bytes: &[u8]) -> Vec<Vec<String>> {
    let mut book = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut part = |name: &str| {
        let mut text = String::new();
        book.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    };
    let plain = |text: &str| text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let shared = part("xl/sharedStrings.xml");
    let between = |text: &str| plain(text.split_once('>').unwrap().1.split_once("</t>").unwrap().0);
    let texts: Vec<String> =
        shared.split("<t").skip(1).filter(|text| text.contains("</t>")).map(between).collect();
    let sheet = part("xl/worksheets/sheet1.xml");
    let cell = |cell: &str| {
        let kind = cell.split_once('>').unwrap().0;
        if kind.ends_with('/') {
            return String::new();
        }
        assert!(kind.contains("t=\"s\"") && !cell.contains("<f>"), "{cell}");
        let number = cell.split_once("<v>").unwrap().1.split_once("</v>").unwrap().0;
        texts[number.parse::<usize>().unwrap()].clone()
    };
    let row = |row: &str| row.split("<c ").skip(1).map(cell).collect();
    sheet.split("<row ").skip(1).map(row).collect()
}

/// The last fact of this kind, out of the log, with its place and who did it.
async fn fact(app: &TestApp, kind: &str) -> (u64, String, Value) {
    app.settle().await;
    let size = app.app.journal.health().size;
    let entry = |at: u64| app.app.journal.entry(at).unwrap().unwrap();
    let at = (0..size).rev().find(|at| entry(*at).kind == kind).expect("there is such an entry");
    let identity = app.app.keys.get(&Key::JournalKey).await.unwrap();
    let mut found = Value::Null;
    for listed in app.app.objects.list(Prefix::Payloads).await.unwrap() {
        let lines = app.app.objects.get_bytes(&listed.key.unwrap(), 1 << 20).await.unwrap();
        for line in std::str::from_utf8(&lines).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            if line["index"] == at {
                let sealed = BASE64_STANDARD.decode(line["age"].as_str().unwrap()).unwrap();
                found = serde_json::from_slice(&vault::open(&identity, &sealed).unwrap()).unwrap();
            }
        }
    }
    (at, entry(at).actor.to_string(), found)
}

fn count(app: &TestApp, kind: &str) -> usize {
    let entries = 0..app.app.journal.health().size;
    entries.filter(|at| app.app.journal.entry(*at).unwrap().unwrap().kind == kind).count()
}

/// Two advisers with a customer each: contracts, a receipt, a returned case with a note.
async fn filled() -> (TestApp, Vec<(String, String)>) {
    let app = TestApp::start().await;
    let mut made = Vec::new();
    for (adviser, customer) in [("li", "=欧阳修远"), ("sun", "司马光")] {
        let desk = app.sign_in(adviser).await;
        let dossier = desk.open_dossier(customer).await;
        let case = desk.start_case(&dossier, 1).await;
        let contract = desk.upload(&case, "trust_contract", pdf(&["民事信托合同 <甲> & \"乙\""])).await;
        desk.upload(&case, "bank_receipt", pdf(&["回单，民事信托合同"])).await;
        made.push((dossier, text(&contract["id"])));
    }
    app.settle().await;
    (app, made)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_has_what_the_search_finds_in_words_and_harmless() {
    let (app, made) = filled().await;
    let wang = app.sign_in("wang").await;
    let taken = take(&wang, "csv", &[("q", "民事信托合同")]).await;
    assert_eq!(taken.status, 200, "{}", String::from_utf8_lossy(&taken.body));
    assert_eq!(taken.header("cache-control"), "private, no-store");
    assert_eq!(taken.header("content-type"), "text/csv; charset=utf-8; header=present");
    let disposition = taken.header("content-disposition");
    assert!(
        disposition.starts_with("attachment; filename=\"search.csv\"; filename*=UTF-8''Search%20results%2D"),
        "{disposition}"
    );
    let csv = rows(&taken.body);
    assert_eq!(
        csv[0],
        [
            "Customer",
            "Dossier number",
            "Kind",
            "File",
            "Page",
            "Date",
            "State of the case",
            "Text",
            "Document number"
        ]
    );
    assert_eq!(csv.len(), 5, "{csv:?}");
    let contract = csv.iter().find(|row| row[8] == made[0].1).unwrap();
    assert_eq!(contract[0], "'=欧阳修远", "no formula");
    assert_eq!((&contract[1], contract[3].as_str(), contract[4].as_str()), (&made[0].0, "paper.pdf", "1"));
    assert_eq!(contract[2], "Trust contract");
    assert_eq!(contract[6], "To be submitted");
    assert!(contract[7].contains("民事信托合同 <甲> & \"乙\""), "plain text without marks: {contract:?}");
    let today = lantai::domain::business_date(app.app.clock.now()).to_string();
    assert_eq!(contract[5], today);

    // The workbook says the same; an apostrophe is not needed there.
    let taken = take(&wang, "xlsx", &[("q", "民事信托合同")]).await;
    assert_eq!(
        taken.header("content-type"),
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    );
    let mut workbook = sheet(&taken.body);
    workbook.iter_mut().for_each(|row| {
        if row[0].starts_with('=') {
            row[0].insert(0, '\'');
        }
    });
    assert_eq!(workbook, csv);

    // Words in the caller's language; cards and filters as in the search.
    let query = [("format", "csv"), ("reason", REASON), ("q", "司马光")];
    let chinese = wang.http.get(format!("{}{PATH}", wang.base)).query(&query);
    let chinese = Answer::of(chinese.bearer_auth(&wang.token).header("accept-language", "zh")).await;
    assert!(chinese.header("content-disposition").contains("''%E6%A3%80%E7%B4%A2%E7%BB%93%E6%9E%9C%2D"));
    let chinese = rows(&chinese.body);
    assert_eq!((chinese[0][0].as_str(), chinese.len()), ("客户", 2));
    assert_eq!((chinese[1][2].as_str(), chinese[1][8].as_str()), ("档案信息", ""));
    for (filter, count) in [
        (("kind", "bank_receipt"), 2),
        (("dossier", made[1].0.as_str()), 2),
        (("to", "2000-01-01"), 0),
        (("from", "2000-01-01"), 4),
        (("sort", "newest"), 4),
    ] {
        let taken = take(&wang, "csv", &[("q", "民事信托合同"), filter]).await;
        assert_eq!(rows(&taken.body).len(), 1 + count, "{filter:?}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_some_may_take_a_list_out_and_the_log_says_who_and_why() {
    let (app, made) = filled().await;
    let (li, wang) = (app.sign_in("li").await, app.sign_in("wang").await);
    for name in ["li", "staff", "auditor", "station"] {
        let desk = app.sign_in(name).await;
        take(&desk, "csv", &[("q", "合同")]).await.problem(403, "forbidden");
    }
    for reason in ["", "  "] {
        let given = [("format", "csv"), ("q", "合同"), ("reason", reason)];
        Answer::of(wang.request(Method::GET, PATH).query(&given)).await.problem(422, "reason_needed");
    }
    wang.get(&format!("{PATH}?format=csv&q=x")).await.problem(422, "reason_needed");
    wang.get(&format!("{PATH}?format=doc&q=x&reason=y")).await.problem(400, "bad_request");
    let link = wang.request(Method::GET, &format!("{PATH}?format=csv&q=x&reason=y"));
    Answer::of(link.header("sec-fetch-site", "cross-site")).await.problem(403, "cross_site");
    assert_eq!(count(&app, "search.exported"), 0, "what is refused is no export");

    let (found, exported) = (count(&app, "search.made"), app.app.journal.health().size);
    let taken = take(&wang, "xlsx", &[("q", "民事信托合同"), ("kind", "trust_contract")]).await;
    assert_eq!(taken.status, 200);
    let (at, actor, fact) = fact(&app, "search.exported").await;
    assert_eq!((at, count(&app, "search.exported"), count(&app, "search.made")), (exported, 1, found));
    assert_eq!(actor, app.app.people.by_name("wang").unwrap().unwrap().id.to_string());
    let mut documents: Vec<&str> = made.iter().map(|(_, contract)| contract.as_str()).collect();
    documents.sort_unstable();
    let expected = json!({ "q": "民事信托合同", "kind": "trust_contract", "dossier": null, "from": null, "to": null, "sort": "relevance", "reason": REASON, "format": "xlsx", "rows": 2, "documents": documents });
    assert_eq!(fact, expected);

    // Whoever may take lists out and see only some dossiers gets only those: here, by a pack of one's own.
    let policies = "permit(principal, action in [Action::\"search\", Action::\"search.export\"], resource);
        @sensitive(\"person_id, legal_rep_id, proxy_record\")
        permit(principal, action in [Action::\"document.view\", Action::\"dossier.view\"], resource) when { resource.adviser == principal };";
    publish_access(&app, policies).await;
    let own = rows(&take(&li, "csv", &[("q", "民事信托合同")]).await.body);
    assert_eq!(own.len(), 3, "{own:?}");
    assert!(own[1..].iter().all(|row| row[1] == made[0].0), "{own:?}");
    assert_eq!(rows(&take(&wang, "csv", &[("q", "民事信托合同")]).await.body).len(), 1);
    assert_eq!(rows(&take(&wang, "csv", &[("q", "司马光")]).await.body).len(), 1);
    app.finish().await;
}

/// The bundled pack with other access policies; the administrator can go on.
async fn publish_access(app: &TestApp, policies: &str) {
    let mut files = bundled(&[("pack.yaml", "version: 1.1.0", "version: 1.1.1")]);
    let going_on = r#"permit(principal in Role::"admin", action == Action::"people.manage", resource);"#;
    files.insert("access.cedar".into(), format!("{policies}\n{going_on}"));
    publish(&administrator(app).await, &files).await.created();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_too_long_is_refused_as_a_whole() {
    let app = TestApp::start_with(|config| {
        config.limits.export_rows = 3;
        config.limits.list_entries = 2;
    })
    .await;
    let (li, wang) = (app.sign_in("li").await, app.sign_in("wang").await);
    let dossier = li.open_dossier("欧阳修远").await;
    let case = li.start_case(&dossier, 1).await;
    for number in 0..3 {
        li.upload(&case, "trust_contract", pdf(&[&format!("民事信托合同 {number}")])).await;
    }
    app.settle().await;
    // Three are more than a page of a list has, and as many as may be taken.
    assert_eq!(rows(&take(&wang, "csv", &[("q", "民事信托合同")]).await.body).len(), 4);
    li.upload(&case, "trust_contract", pdf(&["民事信托合同 4"])).await;
    app.settle().await;
    let size = app.app.journal.health().size;
    for format in ["csv", "xlsx"] {
        let problem = take(&wang, format, &[("q", "民事信托合同")]).await.problem(422, "too_many_rows");
        assert_eq!((&problem["rows"], &problem["limit"]), (&json!(4), &json!(3)));
        assert!(text(&problem["detail"]).contains("4 rows; at most 3"), "{problem}");
    }
    assert_eq!(app.app.journal.health().size, size);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_page_those_who_may_take_the_list_out() {
    let (app, _) = filled().await;
    let (li, wang) = (app.sign_in("li").await, app.sign_in("wang").await);
    let page = async |desk: &Client, path: &str| String::from_utf8(desk.get(path).await.body).unwrap();
    let asked = "/search?q=%E6%B0%91%E4%BA%8B&lang=en";
    assert!(!page(&li, asked).await.contains("/search/export"));
    let shown = page(&wang, asked).await;
    assert!(shown.contains("action=\"/search/export\"") && shown.contains("exported, 4 rows"), "{shown}");
    assert!(!page(&wang, "/search?q=nothing-like-it").await.contains("/search/export"));

    let send = async |desk: &Client, reason: &str, format: &str| {
        let fields = [("q", "民事"), ("sort", "oldest"), ("reason", reason), ("format", format)];
        Answer::of(with_form(desk.request(Method::POST, "/search/export"), &fields)).await
    };
    let taken = send(&wang, REASON, "csv").await;
    assert_eq!((taken.status.as_u16(), rows(&taken.body).len()), (200, 5));
    assert_eq!(sheet(&send(&wang, REASON, "xlsx").await.body).len(), 5);
    let refused = send(&wang, " ", "csv").await;
    let shown = String::from_utf8(refused.body).unwrap();
    assert!(
        refused.status == 422 && shown.contains("A reason is needed") && shown.contains("open>"),
        "{shown}"
    );
    assert_eq!(send(&li, REASON, "csv").await.status, 403);
    let (_, _, fact) = fact(&app, "search.exported").await;
    assert_eq!(
        (&fact["q"], &fact["sort"], &fact["format"]),
        (&json!("民事"), &json!("oldest"), &json!("xlsx"))
    );
    let other_site = wang.request(Method::POST, "/search/export").header("sec-fetch-site", "cross-site");
    let fields = [("q", "民事"), ("reason", REASON)];
    Answer::of(with_form(other_site, &fields)).await.problem(403, "cross_site");
    app.finish().await;
}
