use super::{Reply, Simulation};
use crate::workflow::Pack;

/// What the lines of a script show, one after the other.
fn run(lang: &str, script: &[&str]) -> Vec<String> {
    let pack = Pack::bundled();
    let def = pack.definition("customer-intake").unwrap();
    let at = "2026-03-02T01:00:00Z".parse().unwrap();
    let mut simulation = Simulation::new(&pack, def, lang, 1, at).unwrap();
    let mut said = Vec::new();
    for line in script {
        match simulation.command(line) {
            Reply::Said(lines) => said = lines,
            Reply::Quit => return vec!["quit".into()],
        }
    }
    said
}

fn has(said: &[String], line: &str) {
    assert!(said.iter().any(|found| found.contains(line)), "{line}\n{}", said.join("\n"));
}

#[test]
fn a_case_is_walked_to_its_end() {
    let said = run("en", &["attach complete", "advisor submit", "cs_manager accept"]);
    has(&said, "-> archive customer_file");
    has(&said, "Filed (filed) | attempt 1 | points 0");
    has(&said, "It has ended.");
}

#[test]
fn what_is_refused_is_told_and_changes_nothing() {
    let said = run("en", &["advisor submit", "cs_manager accept"]);
    has(&said, "refused (guard): The basket is not complete yet");
    let said = run("en", &["advisor submit", "cs_manager accept", "show"]);
    has(&said, "Under review (review) | attempt 1 | points 0");
    has(&said, "cs_manager: accept (Accept and file) -- not now: The basket is not complete yet");
    has(&said, "[ ] person_id 0/1");
    has(&run("zh", &["advisor submit", "advisor accept"]), "不予办理 (role)");
    has(&run("en", &["advisor+cs_manager/li submit", "attach complete"]), "refused (wrong_state)");
    has(
        &run("en", &["attach complete", "advisor+cs_manager/li submit", "advisor+cs_manager/li accept"]),
        "(four_eyes)",
    );
}

#[test]
fn time_moves_and_deadlines_fall_due_on_the_way() {
    let correction = ["advisor submit", "cs_manager return reason=missing documents=person_id contracts=1"];
    let said = run("en", &[&correction[..], &["+9bd"]].concat());
    has(&said, "2026-03-10 00:00 the clock acts: Correction overdue (overdue)");
    has(&said, "== 2026-03-14 00:00 | General manager decides (gm_decision)");
    has(&said, "deadline: 2026-03-17 24:00");
    let said = run("en", &[&correction[..], &["next", "next"]].concat());
    has(&said, "2026-03-18 00:00 the deadline is over: a reminder");
    has(&run("en", &[&correction[..], &["next", "next", "next"]].concat()), "There is no deadline ahead.");
    let said = run("en", &[&correction[..], &["next", "gm cancel points=10 note=it is enough now"]].concat());
    has(&said, "Cancelled (cancelled) | attempt 1 | points 11");
}

#[test]
fn lines_are_taken_back() {
    let said = run("en", &["advisor submit", "+1bd", "undo"]);
    has(&said, "== 2026-03-02 09:00 | Under review");
    let said = run("en", &["advisor submit", "+1bd", "undo", "undo"]);
    has(&said, "To be submitted (draft) | attempt 0");
    has(&run("en", &["nonsense", "undo"]), "There is nothing to undo.");
}

#[test]
fn facts_choose_the_checklist() {
    has(&run("en", &["show"]), "checklist: Personal customer");
    has(&run("en", &["facts kind=institution"]), "checklist: Institutional customer");
    has(&run("zh", &["facts discloses=false"]), "清单: 不愿透露个人信息的特殊客户");
    has(&run("en", &["facts kind=person discloses=false", "facts"]), "discloses=false");
}

#[test]
fn what_is_not_understood_is_answered_with_what_is() {
    let lines = ["dance", "cs_manager", "+3weeks", "attach", "attach hat many", "kind"];
    for said in lines {
        let line = if said == "kind" { "facts kind" } else { said };
        let found = run("en", &[line]);
        has(&found, &format!("not understood: {said}"));
        has(&found, "move the clock");
    }
    has(&run("en", &["attach hat"]), "there is no such kind: hat (bank_receipt,");
    has(&run("en", &["advisor cancel colour=red"]), "not understood: colour=red");
    assert_eq!(run("en", &["quit"]), ["quit"]);
}
