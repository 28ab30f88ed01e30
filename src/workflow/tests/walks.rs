//! Random walks: whatever people do, nothing panics, refusals change nothing, and the points add up.

use jiff::SignedDuration;
use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, proptest};

use super::{Desk, document, li, person, wang, zhao};
use crate::domain::Actor;
use crate::penalties::totals;
use crate::workflow::{Act, Case, Event, Input, due_timer, offered};

#[derive(Debug, Clone)]
struct Deed {
    who: usize,
    action: usize,
    stale: bool,
    reason: Option<usize>,
    documents: Vec<usize>,
    contracts: Option<u32>,
    points: Option<u32>,
    note: Option<String>,
    hours: i64,
    attach: Option<(u8, usize)>,
}

const ACTIONS: [&str; 9] =
    ["submit", "return", "accept", "escalate", "overdue", "cancel", "allow_correction", "nonsense", ""];
const REASONS: [&str; 4] = ["missing", "mismatch", "unsigned", "no such reason"];
const KINDS: [&str; 5] = ["person_id", "trust_contract", "bank_receipt", "hat", ""];

fn deed() -> impl Strategy<Value = Deed> {
    let first = (0..5_usize, 0..ACTIONS.len(), prop::bool::weighted(0.1), prop::option::of(0..REASONS.len()));
    let second = (
        prop::collection::vec(0..KINDS.len(), 0..3),
        prop::option::of(0..4_u32),
        prop::option::of(any::<u32>().prop_map(|points| points % 1200)),
        prop::option::of("[ a-z说明]{0,6}"),
        0..60_i64,
        prop::option::of((any::<u8>(), 0..KINDS.len())),
    );
    (first, second).prop_map(
        |((who, action, stale, reason), (documents, contracts, points, note, hours, attach))| Deed {
            who,
            action,
            stale,
            reason,
            documents,
            contracts,
            points,
            note,
            hours,
            attach,
        },
    )
}

fn people() -> [Actor; 5] {
    let everything = person(33, "everyone", &["advisor", "cs_manager", "gm"]);
    [li(), wang(), zhao(), everything, person(34, "nobody", &[])]
}

fn event(desk: &Desk, deed: &Deed) -> Event {
    if let Some((n, kind)) = deed.attach {
        return Event::Attach { document: document(n, KINDS[kind]), actor: li(), at: desk.now };
    }
    let input = Input {
        reason: deed.reason.map(|reason| REASONS[reason].to_owned()),
        documents: deed.documents.iter().map(|kind| KINDS[*kind].to_owned()).collect(),
        contracts: deed.contracts,
        points: deed.points,
        note: deed.note.clone(),
        ..Input::default()
    };
    let expected_version = if deed.stale { desk.case.version - 1 } else { desk.case.version };
    let (actor, action) = (people()[deed.who].clone(), ACTIONS[deed.action].to_owned());
    Event::Act(Act { action, actor, at: desk.now, expected_version, input })
}

proptest! {
    #[test]
    fn whatever_people_do(deeds in prop::collection::vec(deed(), 0..80), contracts in 1..4_u32) {
        let mut desk = Desk::open("person", contracts);
        let mut accepted = Vec::new();
        let first = desk.case.clone();
        for deed in &deeds {
            desk.now = desk.now.checked_add(SignedDuration::from_hours(deed.hours)).unwrap();
            if let Some(action) = due_timer(&desk.def, &desk.case, desk.now) {
                let timer = Event::Timer { action, at: desk.now };
                desk.happen(&timer).unwrap();
                accepted.push(timer);
            }
            let (before, points, event) = (desk.case.clone(), desk.points(), event(&desk, deed));
            match desk.happen(&event) {
                Ok(()) => {
                    let acted = u64::from(matches!(event, Event::Act(_)));
                    prop_assert_eq!(desk.case.version, before.version + acted);
                    accepted.push(event);
                }
                Err(refusal) => {
                    prop_assert_eq!(&desk.case, &before);
                    prop_assert_eq!(desk.points(), points);
                    prop_assert!(!refusal.sentence(&desk.def, "zh").is_empty());
                }
            }
            prop_assert!(desk.points() >= points, "points are never taken back by a case");
            let state = desk.def.state(&desk.case.state).unwrap();
            prop_assert!(desk.case.is_final == state.is_final);
            prop_assert!(state.is_final || desk.case.state == "draft" || desk.case.deadline.is_some());
            let json = serde_json::to_string(&desk.case).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Case>(&json).unwrap(), &desk.case);
        }
        prop_assert_eq!(totals(&desk.lines).values().sum::<i64>(), desk.points());
        let mut ids: Vec<&str> = desk.lines.iter().map(|line| line.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(ids.len(), desk.lines.len());
        // The same events give the same case and the same lines.
        let mut again = Desk { case: first, lines: Vec::new(), ..Desk::open("person", contracts) };
        for event in &accepted {
            again.happen(event).unwrap();
        }
        prop_assert_eq!(&again.case, &desk.case);
        prop_assert_eq!(&again.lines, &desk.lines);
    }

    #[test]
    fn what_is_offered_is_not_refused_for_who_one_is(deeds in prop::collection::vec(deed(), 0..30)) {
        let mut desk = Desk::open("person", 2);
        desk.complete();
        for deed in &deeds {
            drop(desk.happen(&event(&desk, deed)));
            for actor in people() {
                for offer in offered(&desk.def, &desk.facts, &desk.case, &actor) {
                    let before = desk.case.clone();
                    if let Err(refusal) = desk.act(&actor, &offer.name, Input::default()) {
                        prop_assert_eq!(refusal.code(), "missing_input");
                        prop_assert!(!offer.needs.is_empty());
                    }
                    desk.case = before;
                }
            }
        }
    }
}
