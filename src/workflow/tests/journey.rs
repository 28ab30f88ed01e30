//! One case on its way, and everybody who may not push it.

use std::collections::BTreeMap;

use super::{Desk, document, failing, li, note, person, wang, zhao};
use crate::domain::Month;
use crate::workflow::{Event, Input, Refusal, checklist, due_timer, offered};

fn names(desk: &Desk, actor: &crate::domain::Actor) -> Vec<String> {
    offered(&desk.def, &desk.facts, &desk.case, actor).into_iter().map(|offer| offer.name).collect()
}

#[test]
fn four_failing_attempts() {
    let mut desk = Desk::open("person", 2);
    for (contracts, points) in [(2, 2), (1, 2), (1, 4)] {
        desk.act(&li(), "submit", Input::default()).unwrap();
        let before = desk.points();
        desk.act(&wang(), "return", failing(contracts)).unwrap();
        assert_eq!(desk.points() - before, points);
    }
    desk.act(&li(), "submit", Input::default()).unwrap();
    let refusal = desk.act(&wang(), "return", failing(1)).unwrap_err();
    assert_eq!(refusal.code(), "guard");
    assert_eq!(refusal.sentence(&desk.def, "zh"), "已超过三次，须报告总经理（case.attempt = 4）。");
    assert_eq!(names(&desk, &wang()), ["escalate"]);
    desk.act(&wang(), "escalate", failing(1)).unwrap();
    assert_eq!((desk.case.state.as_str(), desk.case.attempt, desk.points()), ("gm_decision", 4, 8));
    let line = &desk.lines[2];
    assert_eq!((line.attempt, line.contracts, line.points, line.adviser), (3, 1, 4, li().id));
    assert_eq!((line.by, line.month, line.reason.as_str()), (wang().id, Month::of(desk.now), "missing"));
    assert!(line.id.starts_with(&format!("{}-7-", desk.case.id)), "{}", line.id);
    desk.act(&zhao(), "cancel", Input { points: Some(10), ..note("enough") }).unwrap();
    assert_eq!((desk.case.is_final, desk.points(), desk.case.deadline), (true, 18, None));
    assert!(names(&desk, &zhao()).is_empty());
}

#[test]
fn a_complete_basket_is_filed() {
    let mut desk = Desk::open("institution", 2);
    desk.complete();
    let count = desk.case.documents.len();
    let again = desk.case.documents[0].clone();
    desk.attach(again).unwrap();
    assert_eq!((desk.case.documents.len(), desk.case.version), (count, 1));
    let list = checklist(&desk.def, &desk.facts, &desk.case);
    assert!(list.complete && list.name == "institution");
    let contracts = list.items.iter().find(|item| item.kinds == ["trust_contract"]).unwrap();
    assert_eq!((contracts.need, contracts.documents.len()), (2, 2));
    desk.act(&li(), "submit", Input::default()).unwrap();
    assert_eq!((desk.case.frozen.len(), desk.case.frozen[0].documents.len()), (1, count));
    assert_eq!(desk.attach(document(99, "person_id")).unwrap_err().code(), "wrong_state");
    assert_eq!(names(&desk, &wang()), ["accept", "return"]);
    desk.act(&wang(), "accept", Input::default()).unwrap();
    assert_eq!((desk.case.state.as_str(), desk.points()), ("filed", 0));
}

#[test]
fn a_licence_with_a_unified_code_stands_for_the_organisation_code() {
    let mut desk = Desk::open("institution", 1);
    let ok = |desk: &Desk| {
        let list = checklist(&desk.def, &desk.facts, &desk.case);
        list.items.iter().find(|item| item.kinds == ["org_code"]).unwrap().ok
    };
    desk.facts.insert("unified_code".into(), "91310000".into());
    assert!(!ok(&desk));
    desk.attach(document(1, "business_licence")).unwrap();
    assert!(ok(&desk));
    desk.facts.insert("unified_code".into(), " ".into());
    assert!(!ok(&desk));
}

#[test]
fn a_document_named_as_failing_no_longer_counts() {
    let mut desk = Desk::open("person", 1);
    desk.complete();
    desk.act(&li(), "submit", Input::default()).unwrap();
    let bad = desk.case.documents.iter().find(|found| found.kind == "person_id").unwrap().document;
    desk.act(&wang(), "return", Input { documents: vec![bad.to_string()], ..failing(1) }).unwrap();
    assert_eq!(desk.case.wrong, [bad]);
    desk.act(&li(), "submit", Input::default()).unwrap();
    assert_eq!(desk.act(&wang(), "accept", Input::default()).unwrap_err().code(), "guard");
    desk.act(&wang(), "return", failing(1)).unwrap();
    desk.attach(document(77, "person_id")).unwrap();
    desk.act(&li(), "submit", Input::default()).unwrap();
    desk.act(&wang(), "accept", Input::default()).unwrap();
}

#[test]
fn each_document_can_fail_for_a_reason_of_its_own() {
    let mut desk = Desk::open("person", 1);
    desk.complete();
    desk.act(&li(), "submit", Input::default()).unwrap();
    let of_kind = |desk: &Desk, kind: &str| {
        desk.case.documents.iter().find(|found| found.kind == kind).unwrap().document
    };
    let (id, receipt) = (of_kind(&desk, "person_id"), of_kind(&desk, "bank_receipt"));
    let documents = vec![id.to_string(), receipt.to_string(), "contact_sheet".into()];
    let reasons = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, reason)| ((*name).to_owned(), (*reason).to_owned())).collect()
    };
    let own = reasons(&[(&id.to_string(), "expired_id")]);
    let input = Input { documents: documents.clone(), reasons: own.clone(), ..failing(1) };
    let before = desk.case.clone();
    let foreign = Input { reasons: reasons(&[("risk_statement", "missing")]), ..input.clone() };
    let unknown = Input { reasons: reasons(&[("contact_sheet", "mood")]), ..input.clone() };
    let without_note = Input { reasons: reasons(&[("contact_sheet", "mismatch")]), ..input.clone() };
    let not_for_all = Input { reason: None, ..input.clone() };
    for (input, code) in [
        (foreign, "bad_value"),
        (unknown, "unknown_reason"),
        (without_note, "missing_input"),
        (not_for_all, "missing_input"),
    ] {
        assert_eq!(desk.act(&wang(), "return", input).unwrap_err().code(), code);
        assert_eq!(desk.case, before);
    }
    desk.act(&wang(), "return", input).unwrap();
    assert_eq!(desk.case.wrong.len(), 2);
    let expected = [(id, "expired_id".to_owned()), (receipt, "missing".to_owned())];
    assert_eq!(desk.case.wrong_reasons, expected.into());
    assert_eq!(desk.lines.last().unwrap().reason, "missing");

    desk.act(&li(), "submit", Input::default()).unwrap();
    let all = reasons(&[("contact_sheet", "unsigned")]);
    let input = Input { reason: None, documents: vec!["contact_sheet".into()], reasons: all, ..failing(1) };
    desk.act(&wang(), "return", input).unwrap();
    assert_eq!(desk.lines.last().unwrap().reason, "unsigned", "one reason is enough");
    // What was written before there were such reasons is read as before.
    let old: Input = serde_json::from_str(r#"{"reason":"missing","documents":["person_id"]}"#).unwrap();
    assert_eq!((old.reasons.len(), old.handover), (0, None));
    assert!(!serde_json::to_string(&Input::default()).unwrap().contains("reasons"));
}

#[test]
fn whoever_may_not_is_told_why_and_nothing_changes() {
    let mut desk = Desk::open("person", 2);
    let both = person(21, "qian", &["advisor", "cs_manager"]);
    desk.complete();
    desk.act(&both, "submit", Input::default()).unwrap();
    let before = desk.case.clone();
    let mut refused = |actor: &crate::domain::Actor, action: &str, input: Input, code: &str| {
        let refusal = desk.act(actor, action, input).expect_err(action);
        assert_eq!(refusal.code(), code, "{refusal:?}");
        for lang in ["zh", "en"] {
            let sentence = refusal.sentence(&desk.def, lang);
            assert!(
                sentence.len() > 10 && sentence.is_ascii() != (lang == "zh") || sentence.contains('“'),
                "{sentence}"
            );
        }
        assert_eq!(desk.case, before);
        refusal
    };
    refused(&li(), "accept", Input::default(), "role");
    refused(&both, "accept", Input::default(), "four_eyes");
    refused(&both, "return", failing(1), "four_eyes");
    refused(&wang(), "submit", Input::default(), "wrong_state");
    refused(&wang(), "dance", Input::default(), "wrong_state");
    refused(&wang(), "escalate", failing(1), "guard");
    refused(&wang(), "return", failing(3), "bad_value");
    refused(&wang(), "return", failing(0), "bad_value");
    refused(&wang(), "return", Input { documents: vec!["hat".into()], ..failing(1) }, "bad_value");
    refused(&wang(), "return", Input { reason: Some("mood".into()), ..failing(1) }, "unknown_reason");
    let missing = refused(&wang(), "return", Input::default(), "missing_input");
    assert_eq!(
        missing,
        Refusal::Missing { inputs: vec!["reason".into(), "documents".into(), "contracts".into()] }
    );
    let blank = Input { reason: Some("mismatch".into()), note: Some("  ".into()), ..failing(1) };
    assert_eq!(
        refused(&wang(), "return", blank, "missing_input"),
        Refusal::Missing { inputs: vec!["note".into()] }
    );
}

#[test]
fn of_two_reviewers_one_wins() {
    let mut desk = Desk::open("person", 1);
    desk.act(&li(), "submit", Input::default()).unwrap();
    let seen = desk.case.version;
    desk.act(&wang(), "return", failing(1)).unwrap();
    desk.act(&li(), "submit", Input::default()).unwrap();
    let (actor, action, at) = (person(22, "sun", &["cs_manager"]), "return".to_owned(), desk.now);
    let stale =
        Event::Act(crate::workflow::Act { action, actor, at, expected_version: seen, input: failing(1) });
    let before = desk.case.clone();
    assert_eq!(desk.happen(&stale), Err(Refusal::StaleVersion { current: seen + 2 }));
    assert_eq!((desk.case == before, desk.points()), (true, 1));
}

#[test]
fn a_deadline_acts_late_but_once_and_never_deducts() {
    let mut desk = Desk::open("person", 1);
    desk.act(&li(), "submit", Input::default()).unwrap();
    assert_eq!(desk.case.deadline.unwrap().to_string(), "2026-03-04T16:00:00Z");
    assert_eq!(desk.case.warn_at.unwrap().to_string(), "2026-03-03T16:00:00Z");
    assert_eq!(due_timer(&desk.def, &desk.case, "2027-01-01T00:00:00Z".parse().unwrap()), None);
    desk.act(&wang(), "return", failing(1)).unwrap();
    let deadline = desk.case.deadline.unwrap();
    assert_eq!(deadline.to_string(), "2026-03-09T16:00:00Z");
    let just_before = deadline.checked_sub(jiff::SignedDuration::from_secs(1)).unwrap();
    assert_eq!(due_timer(&desk.def, &desk.case, just_before), None);
    let early = Event::Timer { action: "overdue".into(), at: just_before };
    assert_eq!(desk.happen(&early).unwrap_err().code(), "wrong_state");
    assert_eq!(desk.act(&wang(), "overdue", Input::default()).unwrap_err().code(), "wrong_state");
    let late = "2026-04-01T00:00:00Z".parse().unwrap();
    assert_eq!(due_timer(&desk.def, &desk.case, late).as_deref(), Some("overdue"));
    let timer = Event::Timer { action: "overdue".into(), at: late };
    desk.happen(&timer).unwrap();
    assert_eq!((desk.case.state.as_str(), desk.points(), desk.case.state_since), ("gm_decision", 1, late));
    assert_eq!(desk.happen(&timer).unwrap_err().code(), "wrong_state");
    assert_eq!(due_timer(&desk.def, &desk.case, late), None);
}

#[test]
fn a_basket_has_a_sensible_number_of_contracts() {
    let desk = Desk::open("person", 1);
    for contracts in [0, 1001, u32::MAX] {
        let case = &desk.case;
        let result = crate::workflow::start(
            &desk.def,
            desk.pack.calendar(),
            case.id,
            case.dossier,
            contracts,
            &li(),
            desk.now,
        );
        assert_eq!(result.unwrap_err().code(), "bad_value");
    }
}
