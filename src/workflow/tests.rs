//! The engine on the bundled pack.

mod every;
mod journey;
mod migration;
mod walks;
mod year;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    Act, Attached, Case, Definition, Effect, Event, Input, Pack, Refusal, checklist, pack, start, step, story,
};
use crate::domain::{Actor, CaseId, DocumentId, DossierId, PersonId, RawId, Role, Sha256Digest};
use crate::penalties::Penalty;

/// A case on the bundled pack, with its ledger and a clock that stands.
struct Desk {
    pack: Pack,
    def: Arc<Definition>,
    facts: Map<String, Value>,
    case: Case,
    now: Timestamp,
    lines: Vec<Penalty>,
}

impl Desk {
    fn open(kind: &str, contracts: u32) -> Self {
        let pack = Pack::bundled();
        let def = Arc::clone(pack.definition("customer-intake").unwrap());
        let facts = json!({"name": "张三", "kind": kind, "discloses": true}).as_object().unwrap().clone();
        let now = "2026-03-02T01:00:00Z".parse().unwrap();
        let (id, dossier) =
            (CaseId::from(RawId::from_bytes([1; 16])), DossierId::from(RawId::from_bytes([2; 16])));
        let case = start(&def, pack.calendar(), id, dossier, contracts, &li(), now).unwrap();
        Self { pack, def, facts, case, now, lines: Vec::new() }
    }

    fn act(&mut self, actor: &Actor, action: &str, input: Input) -> Result<(), Refusal> {
        let (actor, action, at) = (actor.clone(), action.to_owned(), self.now);
        let expected_version = self.case.version;
        self.happen(&Event::Act(Act { action, actor, at, expected_version, input }))
    }

    fn attach(&mut self, document: Attached) -> Result<(), Refusal> {
        let at = self.now;
        self.happen(&Event::Attach { document, actor: li(), at })
    }

    fn happen(&mut self, event: &Event) -> Result<(), Refusal> {
        let stepped = step(&self.def, self.pack.calendar(), &self.facts, &self.case, event)?;
        let lines = stepped.effects.into_iter().filter_map(|effect| match effect {
            Effect::Penalise(line) => Some(line),
            _ => None,
        });
        self.lines.extend(lines);
        self.case = stepped.case;
        Ok(())
    }

    /// Puts everything into the basket that is lacking.
    fn complete(&mut self) {
        for item in checklist(&self.def, &self.facts, &self.case).items {
            for _ in item.documents.len()..item.need as usize {
                let n = u8::try_from(self.case.documents.len()).unwrap();
                self.attach(document(n, &item.kinds[0])).unwrap();
            }
        }
    }

    fn points(&self) -> i64 {
        self.lines.iter().map(|line| line.points).sum()
    }
}

fn document(n: u8, kind: &str) -> Attached {
    let document = DocumentId::from(RawId::from_bytes([n; 16]));
    Attached { document, kind: kind.into(), sha256: Sha256Digest::of(&[n]) }
}

fn person(n: u8, name: &str, roles: &[&str]) -> Actor {
    let id = PersonId::from(RawId::from_bytes([n; 16]));
    Actor::new(id, name, roles.iter().map(|role| Role::new(*role)).collect())
}

fn li() -> Actor {
    person(11, "li", &["advisor"])
}

fn wang() -> Actor {
    person(12, "wang", &["cs_manager"])
}

fn zhao() -> Actor {
    person(13, "zhao", &["gm"])
}

fn failing(contracts: u32) -> Input {
    let (reason, documents) = (Some("missing".into()), vec!["person_id".into()]);
    Input { reason, documents, contracts: Some(contracts), ..Input::default() }
}

fn note(text: &str) -> Input {
    Input { note: Some(text.into()), ..Input::default() }
}

#[test]
fn the_bundled_pack_has_no_findings() {
    let files =
        pack::read_files(std::path::Path::new("workflows/customer-service"), super::Limits::default())
            .unwrap();
    assert_eq!(pack::check(&files), []);
}

#[test]
fn the_bundled_stories_pass_and_walk_everything() {
    let report = story::run(&Pack::bundled());
    for story in &report.stories {
        assert!(story.passed, "{}: {:?}", story.name, story.problem);
    }
    assert_eq!(report.unwalked, Vec::<String>::new());
    assert_eq!(report.transitions_walked, report.transitions_all);
    assert!(report.transitions_all > 60, "{}", report.transitions_all);
}

#[test]
fn a_story_that_goes_otherwise_fails() {
    let path = std::path::Path::new("workflows/customer-service");
    let files = pack::read_files(path, super::Limits::default()).unwrap();
    let file = "stories/intake.stories.yaml";
    for (find, with) in [
        ("li: 18", "li: 17"),
        ("refused: role", "refused: four_eyes"),
        ("costs: 4", "costs: 3"),
        ("state: filed", "state: cancelled"),
    ] {
        let mut files = files.clone();
        let text = String::from_utf8(files[file].clone()).unwrap();
        files.insert(file.into(), text.replacen(find, with, 1).into_bytes());
        let report = story::run(&Pack::load(&files).unwrap());
        assert_eq!(report.stories.iter().filter(|story| !story.passed).count(), 1, "{find}");
    }
}

#[test]
fn a_pack_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Pack>();
    shared::<Definition>();
}

#[test]
fn facts_follow_the_dossiers_schema() {
    let pack = Pack::bundled();
    let check = |facts: Value| pack.validate_facts("customer", facts.as_object().unwrap());
    assert_eq!(check(json!({"name": "张三", "kind": "person", "hobby": "棋"})), Ok(()));
    assert_eq!(check(json!({"name": "张三", "kind": "person"})), Ok(()));
    let problems = check(json!({"name": "张三", "kind": "robot-secret", "discloses": "no"})).unwrap_err();
    let mut paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["discloses", "kind"], "{problems:?}");
    assert!(problems.iter().all(|problem| !problem.message.contains("secret")), "{problems:?}");
    assert!(check(json!({"kind": "person"})).is_err());
    assert!(pack.validate_facts("robot", &Map::new()).is_err());
}

#[test]
fn the_pack_names_what_others_need() {
    let pack = Pack::bundled();
    for role in ["advisor", "cs_staff", "cs_manager", "gm", "auditor", "station"] {
        assert!(pack.roles().contains_key(role), "{role}");
    }
    let kinds = pack.document_kinds();
    assert!(kinds["trust_contract"].per_contract && !kinds["person_id"].per_contract);
    assert!(kinds["person_id"].sensitive && kinds["person_id"].class == "identity");
    assert!(pack.access_policies().contains("permit"));
    let read_again = Pack::load(pack.files()).unwrap();
    assert_eq!(read_again.hash(), pack.hash());
}

#[test]
fn a_comment_changes_no_hash_and_a_word_does() {
    let pack = Pack::bundled();
    let with = |more: &str| {
        let mut files = pack.files().clone();
        files.get_mut("intake.yaml").unwrap().extend_from_slice(more.as_bytes());
        Pack::load(&files).unwrap().definition("customer-intake").unwrap().reference()
    };
    let before = pack.definition("customer-intake").unwrap().reference();
    assert_eq!(with("# a remark\n"), before);
    let mut files = pack.files().clone();
    let text = String::from_utf8(files["intake.yaml"].clone()).unwrap();
    files.insert("intake.yaml".into(), text.replacen("default: 5bd", "default: 3bd", 1).into_bytes());
    assert_ne!(Pack::load(&files).unwrap().definition("customer-intake").unwrap().reference(), before);
}
