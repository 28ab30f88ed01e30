//! Fields: what a clerk would type off a paper is found, compared with dossier and contract, and offered on the pages.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};

use lantai::fields::{FieldKind, Limits, find};
use lantai::reading::Line;
use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization;

use crate::app::{Answer, Client, TestApp, pdf, text};
use crate::samples::samples;

/// Keys of the sample pages that are no field of any kind: goods, places, addresses, standards, percentages, purposes, areas,
/// postcodes, serial numbers of receipts, foreign money, bank and registration codes.
const OF_NO_KIND: [&str; 26] = [
    "GB/T16439-2009",
    "江南大道3588号",
    "伺服驱动器",
    "质量保证金",
    "136.52",
    "履约保证金",
    "10.35%",
    "528303",
    "0.035%",
    "68419027-000-11-24-7",
    "USD48,750.00",
    "HSBCHKHHHKH",
    "1,170,000",
    "PN-77301-A",
    "38,912.00",
    "10,240.75",
    "QX-0091-7B",
    "广东省佛山市顺德区容桂",
    "佛山市公安局顺德分局",
    "采购伺服驱动器货款",
    "2025041700183640052917",
    "JH20250315009981726354",
    "JH20250315009981726771",
    "退还多收货款",
    "第一期技术服务费",
    "转账汇款",
];

fn plain(text: &str) -> String {
    text.nfkc().filter(|c| c.is_alphanumeric()).collect()
}

fn lines(text: &str) -> Vec<Line> {
    text.lines().map(|line| Line { text: line.to_owned(), ..Line::default() }).collect()
}

/// How many keys a page has, and which were not found.
fn missed(page: &Path) -> (usize, Vec<String>) {
    let text = std::fs::read_to_string(page).unwrap();
    let keys = std::fs::read_to_string(page.with_extension("keys")).unwrap();
    let fields = find(&lines(&text), 1, &Limits::default());
    let found = |key: &str| {
        fields.iter().any(|field| {
            plain(&field.shown).contains(&plain(key)) || plain(&field.value).contains(&plain(key))
        })
    };
    let keys: Vec<&str> = keys.lines().filter(|key| !key.is_empty() && !OF_NO_KIND.contains(key)).collect();
    (keys.len(), keys.into_iter().filter(|key| !found(key)).map(str::to_owned).collect())
}

#[test]
fn the_key_fields_of_real_pages_are_found() {
    let Some(samples) = samples() else { return };
    let entries = std::fs::read_dir(samples.join("pages")).unwrap();
    let mut pages: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    let (mut all, mut all_missed) = (0, Vec::new());
    for page in pages {
        let (keys, missed) = missed(&page);
        all += keys;
        all_missed.extend(missed);
    }
    println!("{} of {all} keys", all - all_missed.len());
    assert!(all > 60, "{all}");
    assert_eq!(all_missed, [""; 0]);
    let wrapped = std::fs::read_to_string(samples.join("pages/c10_sans12_200_rot90.txt")).unwrap();
    let fields = find(&lines(&wrapped), 1, &Limits::default());
    assert!(fields.iter().any(|field| field.kind == FieldKind::Date && field.value == "2023-09-15"));
}

async fn add(desk: &Client, dossier: &str, case: &str, kind: &str, paper: &[&str]) -> String {
    let query = [("case", case), ("filename", kind)];
    let uploaded = Answer::of(desk.upload_to(dossier, kind, &query).body(pdf(paper))).await;
    text(&uploaded.json()["id"])
}

fn codes(offer: &Value) -> Vec<&str> {
    offer["observations"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect()
}

fn value<'a>(offer: &'a Value, kind: &str) -> &'a Value {
    offer["fields"].as_array().unwrap().iter().find(|field| field["kind"] == kind).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_pointed_out_and_nothing_is_written() {
    let app = TestApp::start().await;
    let (li, wang, sun) = (app.sign_in("li").await, app.sign_in("wang").await, app.sign_in("sun").await);
    let facts =
        json!({ "name": "王小明", "kind": "person", "discloses": true, "id_number": "11010519491231002X" });
    let opened = li.post("/api/v1/dossiers", &json!({ "kind": "customer", "facts": facts })).await;
    let dossier = text(&opened.json()["id"]);
    let started = li
        .post("/api/v1/cases", &json!({ "workflow": "customer-intake", "dossier": dossier, "contracts": 1 }))
        .await;
    let case = text(&started.json()["id"]);
    let contract = [
        "民事信托合同",
        "合同编号：XT-2026-0117",
        "委托人：王小明",
        "投资金额：人民币1,000,000.00元（大写：壹佰万元整）",
    ];
    let contract = add(&li, &dossier, &case, "trust_contract", &contract).await;
    let receipt = ["银行回单", "付款人户名：王小明", "合同编号：XT-2026-0117", "金额：¥117,000.56"];
    let receipt = add(&li, &dossier, &case, "bank_receipt", &receipt).await;
    let card = ["姓名 王晓明", "公民身份号码 440524188001010014", "有效期限 2005.06.01-2015.06.01"];
    let card = add(&li, &dossier, &case, "person_id", &card).await;
    app.settle().await;

    let offer = async |desk: &Client, id: &str| desk.get(&format!("/api/v1/documents/{id}/fields")).await;
    let of_contract = offer(&li, &contract).await.json();
    assert_eq!(codes(&of_contract), [""; 0], "{of_contract:#}");
    assert_eq!(value(&of_contract, "amount")["value"], "100000000");
    assert_eq!(value(&of_contract, "contract_number")["value"], "XT-2026-0117");
    assert!(value(&of_contract, "amount")["x1"].as_f64() > value(&of_contract, "amount")["x0"].as_f64());
    let of_receipt = offer(&li, &receipt).await.json();
    assert_eq!(codes(&of_receipt), ["amount_differs"], "{of_receipt:#}");
    assert_eq!(of_receipt["observations"][0]["known"], json!(["100000000"]));
    let of_card = offer(&wang, &card).await.json();
    assert_eq!(codes(&of_card), ["id_expired", "id_number_differs", "name_differs"], "{of_card:#}");
    assert_eq!(offer(&sun, &card).await.status, 403);

    // A reviewer has it beside the checklist, and on the document's own page; each look is an entry, and no row is changed.
    let page =
        async |path: String| String::from_utf8(wang.get(&format!("{path}?lang=zh")).await.body).unwrap();
    let before = app.app.journal.health().size;
    let shown = page(format!("/cases/{case}")).await;
    for said in [
        "金额 ¥117,000.56 与合同中的 ¥1,000,000.00 不符",
        "证件已于 2015-06-01 到期",
        "姓名“王晓明”与档案中的“王小明”不符",
        "合同编号 XT-2026-0117",
    ] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    // The card was looked at above, and with it the contract.
    assert_eq!(app.app.journal.health().size, before + 1);
    let shown = page(format!("/documents/{card}")).await;
    assert!(
        shown.contains("证件已于 2015-06-01 到期") && shown.contains("2005-06-01 – 2015-06-01"),
        "{shown}"
    );
    let same = li.get(&format!("/api/v1/dossiers/{dossier}")).await.ok();
    assert_eq!(same["facts"], facts);
    app.finish().await;
}
