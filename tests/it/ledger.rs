//! The penalty ledger through the doors: counter-entries, appeals, the month as a file, and what `verify` says of it.

use lantai::archive::{Depth, ProblemCode};
use lantai::cases;
use lantai::penalties::Penalty;
use lantai::records::{Batch, Table};
use serde_json::{Value, json};

use crate::app::{Client, TestApp, text};

/// A case that was returned with so many failing contracts: its adviser has a line.
async fn returned(li: &Client, wang: &Client, contracts: u32) -> Value {
    let dossier = li.open_dossier("客户甲").await;
    let case = li.start_case(&dossier, contracts).await;
    let case = li.act(&case, "submit", json!({})).await.ok();
    let said = json!({
        "reason": "missing", "documents": ["person_id"], "contracts": contracts, "note": "=缺少身份证复印件"
    });
    wang.act(&case, "return", said).await.ok()
}

async fn lines(client: &Client) -> Vec<Value> {
    client.get("/api/v1/penalties").await.ok()["entries"].as_array().unwrap().clone()
}

async fn points(client: &Client) -> Value {
    client.get("/api/v1/penalties").await.ok()["totals"].clone()
}

/// How many entries of a kind are in the log.
fn entries(app: &TestApp, kind: &str) -> usize {
    let size = app.app.journal.health().size;
    let kinds = (0..size).map(|index| app.app.journal.entry(index).unwrap().unwrap().kind);
    kinds.filter(|found| found == kind).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_taken_back_once_by_whom_the_definition_names() {
    let app = TestApp::start().await;
    let (li, wang, zhao) = (app.sign_in("li").await, app.sign_in("wang").await, app.sign_in("zhao").await);
    returned(&li, &wang, 2).await;
    let line = lines(&zhao).await.remove(0);
    assert_eq!(
        (&line["rule"], &line["documents"], &line["note"], &line["reversed"]),
        (&json!("incomplete_submission"), &json!(["person_id"]), &json!("=缺少身份证复印件"), &json!(false))
    );
    let reverse = format!("/api/v1/penalties/{}/reverse", text(&line["id"]));
    let why = json!({ "reason": "扫描故障" });
    let auditor = app.sign_in("auditor").await;
    let before = app.standing(None).await;
    wang.post(&reverse, &why).await.problem(403, "role");
    li.post(&reverse, &why).await.problem(403, "role");
    auditor.post(&reverse, &why).await.problem(403, "forbidden");
    zhao.post(&reverse, &json!({ "reason": "  " })).await.problem(422, "reason_needed");
    zhao.post(&reverse, &json!({ "reason": "长".repeat(4001) })).await.problem(422, "long_words");
    zhao.post("/api/v1/penalties/nothing/reverse", &why).await.problem(404, "unknown_penalty");
    assert_eq!(app.standing(None).await, before);

    let back = zhao.post(&reverse, &why).await.created();
    assert_eq!((&back["points"], &back["reverses"]), (&json!(-2), &line["id"]));
    assert_eq!((&back["month"], &back["reason"]), (&line["month"], &json!("扫描故障")));
    zhao.post(&reverse, &why).await.problem(409, "already_reversed");
    let counter = format!("/api/v1/penalties/{}/reverse", text(&back["id"]));
    zhao.post(&counter, &why).await.problem(409, "counter_entry");
    assert_eq!((points(&zhao).await, lines(&li).await.len()), (json!({ "li": 0 }), 2));
    assert_eq!(entries(&app, "penalty.reversed"), 1);
    // What is in the records is what a replay of the log makes.
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_eight_who_take_a_line_back_at_once_one_does() {
    let app = TestApp::start().await;
    let (li, wang, zhao) = (app.sign_in("li").await, app.sign_in("wang").await, app.sign_in("zhao").await);
    returned(&li, &wang, 1).await;
    let reverse = format!("/api/v1/penalties/{}/reverse", text(&lines(&zhao).await[0]["id"]));
    let why = json!({ "reason": "误扣" });
    let tries = (0..8).map(|_| zhao.post(&reverse, &why));
    let mut statuses: Vec<u16> =
        futures::future::join_all(tries).await.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
    assert_eq!((points(&zhao).await, entries(&app, "penalty.reversed")), (json!({ "li": 0 }), 1));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_appeal_is_the_advisers_own_and_seen_by_those_who_may_reverse() {
    let app = TestApp::start().await;
    let (li, wang, zhao) = (app.sign_in("li").await, app.sign_in("wang").await, app.sign_in("zhao").await);
    returned(&li, &wang, 1).await;
    let id = text(&lines(&li).await[0]["id"]);
    let appeal = format!("/api/v1/penalties/{id}/appeal");
    let note = json!({ "note": "身份证已随合同交出" });
    let sun = app.sign_in("sun").await;
    let before = app.standing(None).await;
    sun.post(&appeal, &note).await.problem(403, "forbidden");
    zhao.post(&appeal, &note).await.problem(403, "forbidden");
    li.post(&appeal, &json!({ "note": "" })).await.problem(422, "reason_needed");
    assert_eq!(app.standing(None).await, before);
    assert_eq!(li.post(&appeal, &note).await.created()["note"], note["note"]);
    li.post(&appeal, &note).await.problem(409, "already_appealed");
    assert_eq!(lines(&zhao).await[0]["appeal"]["note"], note["note"]);
    assert_eq!(lines(&li).await[0]["appeal"]["by"], "li");
    assert_eq!(lines(&wang).await[0]["appeal"], Value::Null, "who returned it is not its judge");
    assert_eq!(lines(&app.sign_in("auditor").await).await[0]["appeal"], Value::Null);
    zhao.post(&format!("/api/v1/penalties/{id}/reverse"), &json!({ "reason": "申诉成立" })).await.created();
    assert_eq!(points(&li).await, json!({ "li": 0 }));
    returned(&li, &wang, 1).await;
    let second = lines(&li).await.into_iter().find(|line| line["reversed"] == false && line["points"] == 1);
    let second = text(&second.unwrap()["id"]);
    zhao.post(&format!("/api/v1/penalties/{second}/reverse"), &json!({ "reason": "误扣" })).await.created();
    li.post(&format!("/api/v1/penalties/{second}/appeal"), &note).await.problem(409, "already_reversed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_month_is_taken_out_as_a_file_with_an_entry_before_it() {
    let app = TestApp::start().await;
    let (li, wang) = (app.sign_in("li").await, app.sign_in("wang").await);
    returned(&li, &wang, 2).await;
    let month = text(&lines(&wang).await[0]["month"]);
    let path = format!("/api/v1/penalties?month={month}&adviser=li&format=csv");
    li.get(&path).await.problem(403, "forbidden");
    let foreign = wang.request(reqwest::Method::GET, &path).header("sec-fetch-site", "cross-site");
    crate::app::Answer::of(foreign).await.problem(403, "cross_site");
    assert_eq!(entries(&app, "penalties.exported"), 0);
    let taken = wang.get(&path).await;
    assert_eq!((taken.status.as_u16(), taken.header("cache-control")), (200, "private, no-store"));
    let csv = String::from_utf8(taken.body).unwrap();
    let row = csv.lines().nth(1).unwrap();
    assert!(row.starts_with(&format!("{month},li,2,Failing submission,Document missing,1,2,")), "{csv}");
    assert!(row.contains("'=缺少身份证复印件"), "no cell is a formula: {csv}");
    assert_eq!((csv.lines().count(), entries(&app, "penalties.exported")), (2, 1));
    let line = text(&lines(&wang).await[0]["id"]);
    let why = json!({ "reason": "误扣" });
    let zhao = app.sign_in("zhao").await;
    zhao.post(&format!("/api/v1/penalties/{line}/reverse"), &why).await.created();
    let csv = String::from_utf8(wang.get(&path).await.body).unwrap();
    assert!(csv.contains(&format!("{month},li,-2,Failing submission,误扣,1,2,")), "{csv}");
    let book = app.sign_in("auditor").await.get("/api/v1/penalties?format=xlsx").await;
    assert!(book.header("content-type").contains("spreadsheetml") && book.body.starts_with(b"PK"));
    assert_eq!(entries(&app, "penalties.exported"), 3);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tampered_line_or_total_is_named_by_verify() {
    let app = TestApp::start().await;
    let (li, wang) = (app.sign_in("li").await, app.sign_in("wang").await);
    let case = returned(&li, &wang, 2).await;
    app.settle().await;
    let account = cases::account(&app.app.records, None, None).unwrap();
    let line = account.entries[0].clone();
    let place = [line.month.to_string().as_bytes(), line.adviser.as_bytes()].concat();
    let key = [place.as_slice(), line.id.as_bytes()].concat();
    let (lines, totals) = (Table::<Penalty>::new("penalties"), Table::<i64>::new("penalties.totals"));
    let counters = Table::<Value>::new("cases");
    let mut right = Batch::new();
    right.put(&lines, &key, &line).unwrap();
    right.put(&totals, &place, &2).unwrap();
    let mut wrong = Batch::new();
    wrong.put(&lines, &key, &Penalty { points: 1, ..line.clone() }).unwrap();
    wrong.put(&totals, &place, &1).unwrap();
    // The counter of submissions, which decides what the next failure costs.
    let stored = app.app.records.get(&counters, line.case.as_bytes()).unwrap().unwrap();
    let mut fewer = stored.clone();
    fewer["counters"]["submissions"] = json!(0);
    wrong.put(&counters, line.case.as_bytes(), &fewer).unwrap();
    app.app.records.commit(wrong).unwrap();
    let report = app.app.verify(Depth::Full, &|_, _| {}).await.unwrap();
    let mut found: Vec<_> = report.problems.iter().map(|problem| (problem.code, &*problem.subject)).collect();
    found.sort_unstable_by_key(|(_, subject)| (*subject).to_owned());
    let hex = |name: &str, key: &[u8]| format!("{name} {}", hex::encode(key));
    let mut expected =
        [hex("cases", line.case.as_bytes()), hex("penalties", &key), hex("penalties.totals", &place)];
    expected.sort_unstable();
    let expected: Vec<_> = expected.iter().map(|row| (ProblemCode::RecordDiffers, row.as_str())).collect();
    assert_eq!(found, expected);
    println!("verify names {} tampered rows: {found:?}", found.len());
    let mut put_right = right;
    put_right.put(&counters, line.case.as_bytes(), &stored).unwrap();
    app.app.records.commit(put_right).unwrap();
    assert_eq!(case["state"], "correction");
    app.finish().await;
}

/// Whatever is charged and taken back: the ledger is the fold of what happened, and nobody falls below nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_is_the_fold_of_the_log_and_never_negative() {
    let app = TestApp::start().await;
    let (li, sun) = (app.sign_in("li").await, app.sign_in("sun").await);
    let (wang, zhao) = (app.sign_in("wang").await, app.sign_in("zhao").await);
    let mut seed: u64 = 0x1a_47a1;
    let mut draw = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let (mut returns, mut reversals) = (0, 0);
    for _ in 0..40 {
        let all = lines(&zhao).await;
        if draw(3) == 0 || all.is_empty() {
            let adviser = if draw(2) == 0 { &li } else { &sun };
            returned(adviser, &wang, u32::try_from(draw(4)).unwrap() + 1).await;
            returns += 1;
        } else {
            // Any line: open, taken back already, or a counter-entry.
            let line = &all[usize::try_from(draw(all.len() as u64)).unwrap()];
            let path = format!("/api/v1/penalties/{}/reverse", text(&line["id"]));
            let answer = zhao.post(&path, &json!({ "reason": "误扣" })).await;
            let open = line["reverses"].is_null() && line["reversed"] == false;
            assert_eq!(answer.status.as_u16(), if open { 201 } else { 409 }, "{line}");
            reversals += u32::from(open);
        }
        let account = cases::account(&app.app.records, None, None).unwrap();
        let folded = lantai::penalties::totals(&account.entries);
        assert!(folded.values().all(|points| *points >= 0), "{folded:?}");
        let said: i64 = account.totals.values().sum();
        assert_eq!(said, folded.values().sum::<i64>());
        assert!(account.totals.values().all(|points| *points >= 0), "{:?}", account.totals);
    }
    // The events themselves, of every case, with what was taken back since.
    let account = cases::account(&app.app.records, None, None).unwrap();
    let mut from_events = 0;
    for case in cases::open_cases(&app.app.records).unwrap() {
        for item in cases::history(&app.app.records, case.id).unwrap() {
            for effect in item.effects {
                let lantai::workflow::Effect::Penalise(line) = effect else { continue };
                let back = account.entries.iter().any(|entry| entry.reverses.as_ref() == Some(&line.id));
                from_events += if back { 0 } else { line.points };
            }
        }
    }
    assert_eq!(account.totals.values().sum::<i64>(), from_events);
    assert!(returns > 5 && reversals > 5, "{returns} {reversals}");
    println!("{returns} returns, {reversals} reversals, {from_events} points left");
    app.finish().await;
}
