//! Cases that are moved to another version of their definition.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::{prop, prop_assert, prop_assert_eq, proptest};

use super::walks::{deed, event};
use super::{Desk, document, failing, li, note, wang};
use crate::workflow::{Case, Definition, Hindrance, Input, Pack, due_timer, gaps, migrate, pack};

/// What the bundled definition maps, and what takes its place here.
const BUNDLED: &str = "    1.0.0: {timers: keep, counters: keep}";
const MAPPED: &str = "    1.1.0: {timers: keep, counters: keep}";

/// The bundled pack with its intake at 2.0.0, changed in these places.
fn files(changes: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    let mut files = Pack::bundled().files().clone();
    let mut text = String::from_utf8(files["intake.yaml"].clone()).unwrap();
    for (find, with) in [("version: 1.1.0", "version: 2.0.0")].iter().chain(changes) {
        assert!(text.contains(find), "{find}");
        text = text.replace(find, with);
    }
    files.insert("intake.yaml".into(), text.into_bytes());
    files
}

fn newer(changes: &[(&str, &str)]) -> Arc<Definition> {
    let pack = Pack::load(&files(changes)).unwrap();
    Arc::clone(pack.definition("customer-intake").unwrap())
}

/// `review` is called `checking` and takes a day, a correction ten; counters have other names.
fn renamed(mapping: &str) -> Arc<Definition> {
    newer(&[
        ("  review:\n", "  checking:\n"),
        ("to: review", "to: checking"),
        ("submissions", "handed_in"),
        ("default: 5bd, min: 1bd", "default: 10bd, min: 1bd"),
        (BUNDLED, &format!("    1.1.0: {mapping}")),
    ])
}

fn on(to: &Definition, desk: &Desk) -> Result<Case, Vec<Hindrance>> {
    migrate(to, desk.pack.calendar(), &desk.case, desk.now)
}

/// The same rules under another version.
static SAME: LazyLock<Arc<Definition>> = LazyLock::new(|| newer(&[(BUNDLED, MAPPED)]));
/// Other names, other terms.
static OTHER: LazyLock<Arc<Definition>> = LazyLock::new(|| {
    renamed("{states: {review: checking}, timers: restart, counters: {submissions: handed_in}}")
});

/// A case that was returned once.
fn returned() -> Desk {
    let mut desk = Desk::open("person", 2);
    desk.act(&li(), "submit", Input::default()).unwrap();
    desk.act(&wang(), "return", failing(1)).unwrap();
    desk.now = desk.now.checked_add(SignedDuration::from_hours(30)).unwrap();
    desk
}

#[test]
fn terms_stay_or_begin_anew() {
    let desk = returned();
    let states = "states: {review: checking}, counters: {submissions: handed_in}";
    let kept = on(&renamed(&format!("{{{states}, timers: keep}}")), &desk).unwrap();
    assert_eq!(
        (kept.state.as_str(), kept.deadline, kept.warn_at),
        ("correction", desk.case.deadline, desk.case.warn_at)
    );
    assert_eq!((kept.version, kept.attempt, kept.counters["handed_in"]), (desk.case.version + 1, 1, 1));
    let to = renamed(&format!("{{{states}, timers: restart}}"));
    let anew = on(&to, &desk).unwrap();
    let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    // Monday 2 March: five working days; Tuesday 3 March: ten.
    assert_eq!((desk.case.deadline, anew.deadline), (at("2026-03-09T16:00:00Z"), at("2026-03-17T16:00:00Z")));
    assert_eq!((anew.state_since, anew.state_entry), (desk.now, desk.case.state_entry + 1));
    assert_eq!(due_timer(&to, &anew, desk.case.deadline.unwrap()), None);
}

#[test]
fn a_term_that_a_state_had_not_begins_with_the_migration() {
    let desk = Desk::open("person", 1);
    assert_eq!(desk.case.deadline, None);
    let to = newer(&[
        (
            "    deadline: none\n    why_no_deadline: the case starts when the adviser submits\n",
            "    deadline: {after: 3d, then: remind}\n",
        ),
        (BUNDLED, MAPPED),
    ]);
    let moved = on(&to, &desk).unwrap();
    assert_eq!(moved.deadline, Some("2026-03-05T16:00:00Z".parse().unwrap()));
}

#[test]
fn everything_that_stands_against_it_is_said() {
    let mut desk = Desk::open("person", 1);
    desk.attach(document(7, "bank_receipt")).unwrap();
    desk.act(&li(), "submit", Input::default()).unwrap();
    let to = renamed("{timers: keep, counters: keep}");
    let found = on(&to, &desk).unwrap_err();
    let (state, counter) = ("review".to_owned(), "submissions".to_owned());
    assert_eq!(
        found,
        [Hindrance::State { state: state.clone() }, Hindrance::Counter { counter: counter.clone() }]
    );
    let older = &desk.def;
    assert_eq!(gaps(older, &to), [Hindrance::State { state }, Hindrance::Counter { counter }]);
    assert_eq!(gaps(older, &renamed("{states: {review: checking}, timers: keep, counters: reset}")), []);

    let without = newer(&[("bank_receipt", "transfer_slip"), (BUNDLED, MAPPED)]);
    let document = document(7, "bank_receipt").document;
    assert_eq!(on(&without, &desk).unwrap_err(), [Hindrance::Kind { document, kind: "bank_receipt".into() }]);
    assert_eq!(on(&newer(&[]), &desk).unwrap_err(), [Hindrance::NoMapping]);
    for hindrance in found {
        assert!(!hindrance.title().zh.is_empty() && !hindrance.title().en.is_empty());
    }
}

#[test]
fn a_mapping_that_leads_nowhere_is_found() {
    for mapping in [
        "{1.1.0: {states: {review: nowhere}, timers: keep, counters: keep}}",
        "{1.1.0: {states: {review: filed}, timers: keep, counters: keep}}",
        "{1.1.0: {timers: keep, counters: {submissions: nothing}}}",
        "{1.1.0: {timers: keep, counters: {a: submissions, b: submissions}}}",
        "{2.0.0: {timers: keep, counters: keep}}",
    ] {
        let findings = pack::check(&files(&[(BUNDLED, &format!("    {mapping}"))]));
        assert!(
            findings.iter().any(|found| found.code == "E17" && !found.hint.en.is_empty()),
            "{mapping}: {findings:?}"
        );
    }
    for mapping in ["{1.1.0: {timers: keep}}", "{1.1.0: {timers: later, counters: keep}}"] {
        let findings = pack::check(&files(&[(BUNDLED, &format!("    {mapping}"))]));
        assert!(findings.iter().any(|found| found.code == "E00"), "{mapping}: {findings:?}");
    }
}

#[test]
fn what_a_later_check_would_find_does_not_shut_a_published_pack() {
    let mut files = Pack::bundled().files().clone();
    let text = String::from_utf8(files["intake.yaml"].clone()).unwrap();
    files.insert(
        "intake.yaml".into(),
        text.replacen("        not_by: case.submitted_by     # four eyes\n", "", 1).into(),
    );
    assert!(Pack::load(&files).is_err());
    let reopened = Pack::reopen(&files).unwrap();
    assert!(reopened.definition("customer-intake").is_some());
    assert_eq!(reopened.files(), &files);
}

proptest! {
    #[test]
    fn whatever_people_did_before(deeds in prop::collection::vec(deed(), 0..60), contracts in 1..4_u32) {
        let mut desk = Desk::open("person", contracts);
        let (same, other) = (&*SAME, &*OTHER);
        for deed in &deeds {
            desk.now = desk.now.checked_add(SignedDuration::from_hours(deed.hours)).unwrap();
            drop(desk.happen(&event(&desk, deed)));
            if desk.case.is_final {
                prop_assert_eq!(on(same, &desk), Err(vec![Hindrance::Ended]));
                prop_assert_eq!(on(other, &desk), Err(vec![Hindrance::Ended]));
                continue;
            }
            let moved = on(same, &desk).unwrap();
            let (definition, version) = (same.reference(), desk.case.version + 1);
            prop_assert_eq!(&moved, &Case { definition, version, ..desk.case.clone() });
            let again = migrate(same, desk.pack.calendar(), &moved, desk.now);
            prop_assert_eq!(again, Err(vec![Hindrance::NoMapping]), "it is there already");
            let moved = on(other, &desk).unwrap();
            let state = other.state(&moved.state).unwrap();
            prop_assert!(!state.is_final && !moved.is_final);
            prop_assert!(moved.state == "draft" || moved.deadline.is_some());
            prop_assert_eq!(moved.attempt, desk.case.attempt);
            prop_assert_eq!((&moved.documents, &moved.frozen, &moved.wrong), (&desk.case.documents, &desk.case.frozen, &desk.case.wrong));
        }
    }
}

#[test]
fn a_moved_case_goes_on_by_the_new_rules() {
    let mut desk = returned();
    let to =
        newer(&[("by_attempt: {1: 1, 2: 2, 3: 4}", "by_attempt: {1: 10, 2: 20, 3: 40}"), (BUNDLED, MAPPED)]);
    desk.case = on(&to, &desk).unwrap();
    desk.def = to;
    desk.act(&li(), "submit", Input::default()).unwrap();
    desk.act(&wang(), "return", failing(1)).unwrap();
    assert_eq!((desk.points(), desk.case.attempt), (1 + 20, 2));
    desk.act(&wang(), "cancel", note("enough")).unwrap();
    assert!(desk.case.is_final);
}
