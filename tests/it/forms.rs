//! Forms that a workflow orders: the PDF itself, its number, its way into the archive and back signed; and who holds the papers.

mod custody;
mod sheet;

use std::collections::BTreeSet;

use futures::future::join_all;
use lantai::config::Config;
use lantai::reading::{Limits, read, usual_font};
use serde_json::{Value, json};

use crate::app::{Answer, BASKET, Client, TestApp, pdf, text, until};
use crate::stack::build::{jpeg, pdf_of, pictures};

/// Whether there is a font to print with; a test without one is skipped, unless one is required.
fn can_print() -> bool {
    let there = usual_font().is_some();
    assert!(there || !crate::server::required("font"), "a Chinese font is required and not there");
    if !there {
        println!("skipped: there is no Chinese font on this machine");
    }
    there
}

/// An archive that finds the machine's font.
async fn with_font() -> TestApp {
    TestApp::start_with(|config| config.reading_font = None).await
}

/// The case as soon as so many of its forms are made.
async fn with_forms(client: &Client, case: &Value, count: usize) -> Value {
    let id = text(&case["id"]);
    let made = async || {
        let case = client.case(&id).await;
        case["forms"].as_array().unwrap().iter().filter(|form| form["document"].is_string()).count()
    };
    assert!(until(|| async { made().await >= count }).await, "the forms are not made");
    client.case(&id).await
}

async fn file(client: &Client, document: &Value) -> Vec<u8> {
    let path = format!("/api/v1/documents/{}/content", text(document));
    let answer = client.get(&path).await;
    assert_eq!(answer.status.as_u16(), 200);
    answer.body
}

/// What our own reader finds on the pages of a PDF.
fn pages(pdf: &[u8]) -> Vec<String> {
    read(pdf.to_vec(), &Limits::default()).pages.iter().map(|page| page.searchable()).collect()
}

fn numbers(case: &Value) -> Vec<String> {
    case["forms"].as_array().unwrap().iter().map(|form| text(&form["number"])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_and_a_return_leave_numbered_forms_that_say_what_happened() {
    if !can_print() {
        return;
    }
    let app = with_font().await;
    let (li, wang) = (app.sign_in("li").await, app.sign_in("wang").await);
    let dossier = li.open_dossier("欧阳修远").await;
    let case = li.start_case(&dossier, 2).await;
    for kind in BASKET {
        li.upload(&case, kind, pdf(&[kind])).await;
    }
    let handover = json!({ "channel": "courier", "carrier": "顺丰 SF1234", "paper": "7号箱 第3夹" });
    let case = li.act(&case, "submit", json!({ "handover": handover })).await.ok();
    let case = with_forms(&wang, &case, 1).await;
    let receipt = case["documents"].as_array().unwrap().iter().find(|found| found["kind"] == "bank_receipt");
    let receipt = text(&receipt.unwrap()["document"]);
    let said = json!({
        "reason": "missing", "documents": [&receipt, "person_id"], "contracts": 2, "note": "回执金额看不清",
        "reasons": { &receipt: "illegible" },
    });
    let case = wang.act(&case, "return", said).await.ok();
    let case = with_forms(&wang, &case, 2).await;

    let year = text(&case["forms"][0]["ordered_at"])[..4].to_owned();
    assert_eq!(numbers(&case), [format!("JJ-{year}-000001"), format!("BQ-{year}-000001")]);
    assert_eq!(case["wrong"], json!([{ "document": receipt, "reason": "illegible" }]));
    assert_eq!(case["documents"].as_array().unwrap().len(), BASKET.len(), "forms are in no basket");
    let sheet = file(&wang, &case["forms"][0]["document"]).await;
    let found = pages(&sheet).concat().replace(char::is_whitespace, "");
    let sha: String = text(&case["documents"][0]["sha256"]).chars().take(16).collect();
    for wanted in [
        "客户服务管理办法",
        "客户资料交接表",
        &numbers(&case)[0],
        "欧阳修远",
        "个人客户",
        "民事信托合同",
        "快递",
        "顺丰SF1234",
        "7号箱第3夹",
        "理财顾问",
        "客服经理",
        "1/2",
        &sha,
        "尚缺资料",
    ] {
        assert!(found.contains(wanted), "{wanted} is not on the sheet: {found}");
    }
    let sheet = file(&wang, &case["forms"][1]["document"]).await;
    let found = pages(&sheet).concat().replace(char::is_whitespace, "");
    for wanted in [
        "客户资料补齐信息表",
        &numbers(&case)[1],
        "影像不清",
        "资料缺失",
        "身份证复印件",
        "回执金额看不清",
        "不合格合同:2份",
        "扣li2分",
        "总经理拟定处罚",
        "补齐期限",
    ] {
        assert!(found.contains(wanted), "{wanted} is not on the sheet: {found}");
    }
    let document = li.get(&format!("/api/v1/documents/{}", text(&case["forms"][0]["document"]))).await.ok();
    assert_eq!((&document["kind"], &document["case"]), (&json!("handover_form"), &case["id"]));
    assert_eq!(document["media_type"], "application/pdf");
    println!("forms {:?}, {} bytes", numbers(&case), sheet.len());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_have_neither_gaps_nor_doubles_whoever_acts_at_once() {
    let app = TestApp::start().await;
    let li = app.sign_in("li").await;
    let mut cases = Vec::new();
    for customer in 0..24 {
        let dossier = li.open_dossier(&format!("客户{customer}")).await;
        cases.push(li.start_case(&dossier, 1).await);
    }
    // What is refused takes no number.
    li.act(&cases[0], "submit", json!({ "version": 9 })).await.problem(409, "stale_version");
    let submitted = join_all(cases.iter().map(|case| li.act(case, "submit", json!({})))).await;
    let submitted: Vec<Value> = submitted.iter().map(Answer::ok).collect();
    let found: BTreeSet<String> = submitted.iter().flat_map(numbers).collect();
    let year = text(&submitted[0]["forms"][0]["ordered_at"])[..4].to_owned();
    let expected: BTreeSet<String> = (1..=24).map(|number| format!("JJ-{year}-{number:06}")).collect();
    assert_eq!(found, expected);
    println!("24 submissions at once: {} to {}", found.first().unwrap(), found.last().unwrap());
    // A replay of the log gives the same rows: numbers too.
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_made_once_however_often_its_job_runs() {
    if !can_print() {
        return;
    }
    let app = with_font().await;
    let li = app.sign_in("li").await;
    let dossier = li.open_dossier("司马云长").await;
    let case = li.start_case(&dossier, 1).await;
    let case = li.act(&case, "submit", json!({})).await.ok();
    let made = with_forms(&li, &case, 1).await;
    app.settle().await;
    let before = app.standing(Some(&text(&case["id"]))).await;
    let id = text(&case["id"]).parse().unwrap();
    for at in lantai::cases::forms_of(&app.app.records, id).unwrap().into_iter().map(|form| form.at) {
        for _ in 0..3 {
            assert!(app.app.make_form(id, at).await.unwrap());
        }
    }
    assert_eq!(app.standing(Some(&text(&case["id"]))).await, before);
    assert_eq!(numbers(&made).len(), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_font_a_form_waits_and_is_made_when_there_is_one() {
    if !can_print() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let font = folder.path().join("font.ttc");
    let named = font.clone();
    let app = TestApp::start_with(move |config: &mut Config| config.reading_font = Some(named)).await;
    let li = app.sign_in("li").await;
    let dossier = li.open_dossier("诸葛孔明").await;
    let case = li.start_case(&dossier, 1).await;
    let case = li.act(&case, "submit", json!({})).await.ok();
    app.settle().await;
    let waiting = li.case(&text(&case["id"])).await;
    assert_eq!(waiting["forms"][0]["document"], Value::Null);
    assert!(waiting["forms"][0]["number"].is_string());
    std::fs::copy(usual_font().unwrap(), &font).unwrap();
    let made = with_forms(&li, &case, 1).await;
    assert_eq!(numbers(&made), numbers(&waiting));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_of_the_signed_form_finds_its_way_back() {
    if !can_print() {
        return;
    }
    let app = with_font().await;
    let li = app.sign_in("li").await;
    let dossier = li.open_dossier("欧阳修远").await;
    let case = li.start_case(&dossier, 1).await;
    for kind in BASKET {
        li.upload(&case, kind, pdf(&[kind])).await;
    }
    let case = li.act(&case, "submit", json!({})).await.ok();
    let case = with_forms(&li, &case, 1).await;
    let printed = file(&li, &case["forms"][0]["document"]).await;
    let scanned: Vec<Vec<u8>> = pictures(&printed, 150.0).iter().map(jpeg).collect();
    let scan = pdf_of(&scanned);
    let query = [("filename", "签字件.pdf")];
    let stack = Answer::of(li.upload_to(&dossier, "scan_stack", &query).body(scan)).await.created();
    let id = text(&case["id"]);
    let signed = async || li.case(&id).await["forms"][0]["signed"].is_string();
    assert!(until(|| async { signed().await }).await, "the signed form is not filed");
    let case = li.case(&id).await;
    assert_eq!(case["state"], "review", "it comes back in a state that takes no papers");
    assert_eq!(case["documents"].as_array().unwrap().len(), BASKET.len());
    let path = format!("/api/v1/documents/{}", text(&case["forms"][0]["signed"]));
    let document = li.get(&path).await.ok();
    assert_eq!((&document["kind"], &document["case"]), (&json!("handover_form"), &case["id"]));
    assert_eq!(document["part_of"], json!({ "document": stack["id"], "pages": [1] }));
    println!("{} came back as {}", text(&case["forms"][0]["number"]), text(&case["forms"][0]["signed"]));
    app.finish().await;
}
