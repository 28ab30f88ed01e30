//! Deadlines in a running archive: warned of and reminded of once, also after downtime, and counted anew when the
//! calendar is changed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lantai::access::{Action, Subject};
use lantai::app::{App, Recovery};
use lantai::archive::Depth;
use lantai::cases::{self, Clocked, Ground};
use lantai::clock::{Clock, Hands};
use lantai::config::Config;
use lantai::domain::{Actor, CaseId, Role};
use lantai::workflow::{Case, Effect, Input, NoticeKind, Pack};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// An archive in one process whose clock stands still, which can be stopped and started.
struct Office {
    dir: TempDir,
    clock: Clock,
    hands: Hands,
    app: App,
    publishing: JoinHandle<()>,
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

impl Office {
    /// Monday 2 March 2026, 11 o'clock in Shanghai.
    async fn open() -> Self {
        let (clock, hands) = Clock::fixed(at("2026-03-02T03:00:00Z"));
        let dir = tempfile::tempdir().unwrap();
        let app = App::init(config(&dir), clock.clone(), Recovery::NewKey).await.unwrap().opened.app;
        let publishing = publish(&app);
        Self { dir, clock, hands, app, publishing }
    }

    /// Down until an instant.
    async fn restart_at(self, now: &str) -> Self {
        let Self { dir, clock, hands, app, publishing } = self;
        app.close().unwrap();
        publishing.abort();
        let _ = publishing.await;
        drop(app);
        hands.set(at(now));
        let app = App::open(config(&dir), clock.clone(), &|_, _| {}).await.unwrap().app;
        let publishing = publish(&app);
        Self { dir, clock, hands, app, publishing }
    }

    async fn actor(&self, name: &str, role: &str) -> Actor {
        match self.app.people.by_name(name).unwrap() {
            Some(person) => person.actor(),
            None => self.app.people.add(None, name, vec![Role::new(role)], None).await.unwrap().actor(),
        }
    }

    /// A case that an adviser has submitted.
    async fn submitted(&self) -> CaseId {
        let li = self.actor("li", "advisor").await;
        let rules = self.app.packs.current().unwrap();
        let facts =
            json!({ "name": "欧阳", "kind": "person", "discloses": true }).as_object().unwrap().clone();
        let opening = rules.policies.permit(&li, Action::OpenDossier, Subject::Archive).unwrap();
        let dossier = self.app.dossiers.open(&opening, "customer", facts, li.id).await.unwrap();
        let definition = rules.pack.definition("customer-intake").unwrap();
        let ground = Ground::of(definition, &rules.pack);
        let starting = rules.policies.permit(&li, Action::StartCase, dossier.subject()).unwrap();
        let case = self.app.cases.start(&starting, ground, dossier.id, 1).await.unwrap();
        let acting = rules.policies.permit(&li, Action::ActOnCase, dossier.subject()).unwrap();
        let input = Input::default();
        self.app.cases.act(&acting, ground, case.id, "submit", case.version, input).await.unwrap().id
    }

    async fn publish(&self, files: &BTreeMap<String, Vec<u8>>) {
        let zhao = self.actor("zhao", "gm").await;
        let rules = self.app.packs.current().unwrap();
        let permit = rules.policies.permit(&zhao, Action::PublishPack, Subject::Archive).unwrap();
        self.app.publish_pack(&permit, files, None).await.unwrap();
    }

    async fn return_it(&self, id: CaseId) {
        let wang = self.actor("wang", "cs_manager").await;
        let rules = self.app.packs.current().unwrap();
        let case = self.case(id);
        let dossier = self.app.dossiers.get(case.dossier).unwrap().unwrap();
        let (own, definition) = self.app.packs.definition(&case.definition, &case.workflow).unwrap();
        let counting = self.app.packs.counting(&own).unwrap();
        let calendar = counting.pack.calendar();
        let ground = Ground { definition: &definition, pack: &own.pack, calendar };
        let acting = rules.policies.permit(&wang, Action::ActOnCase, dossier.subject()).unwrap();
        let input = Input {
            reason: Some("missing".into()),
            documents: vec!["person_id".into()],
            contracts: Some(1),
            ..Input::default()
        };
        self.app.cases.act(&acting, ground, id, "return", case.version, input).await.unwrap();
    }

    fn case(&self, id: CaseId) -> Case {
        self.app.cases.get(id).unwrap().unwrap()
    }

    /// Sets the clock and lets the scanner go round twice; what it did.
    async fn scan_at(&self, now: &str) -> usize {
        self.hands.set(at(now));
        let done = self.app.run_timers().await.unwrap();
        assert_eq!(self.app.run_timers().await.unwrap(), 0, "once");
        done
    }

    fn entries(&self, kind: &str) -> usize {
        let size = self.app.journal.health().size;
        let kinds = (0..size).map(|index| self.app.journal.entry(index).unwrap().unwrap().kind);
        kinds.filter(|found| found == kind).count()
    }

    fn said(&self, id: CaseId) -> Vec<Clocked> {
        let history = cases::history(&self.app.records, id).unwrap();
        history.into_iter().filter_map(|item| item.clocked).collect()
    }

    async fn points(&self) -> i64 {
        cases::account(&self.app.records, None, None).unwrap().totals.values().sum()
    }

    /// Everything is as the log says.
    async fn verified(&self) {
        let report = self.app.verify(Depth::Full, &|_, _| {}).await.unwrap();
        assert_eq!(report.problems, []);
        assert!(report.records_compared);
    }
}

fn config(dir: &TempDir) -> Config {
    let objects = format!("file://{}", dir.path().join("bucket").display());
    Config { data: dir.path().join("data"), objects, ..Config::default() }
}

fn publish(app: &App) -> JoinHandle<()> {
    let journal = app.journal.clone();
    tokio::spawn(async move { journal.publish_forever().await })
}

/// The bundled pack with another calendar file.
/// The bundled pack under another version, with another calendar.
fn with_calendar(version: &str, change: impl FnOnce(String) -> String) -> BTreeMap<String, Vec<u8>> {
    let mut files: BTreeMap<String, Vec<u8>> = Pack::bundled().files().clone();
    let name = files.keys().find(|name| name.starts_with("calendars/")).unwrap().clone();
    let text = String::from_utf8(files.remove(&name).unwrap()).unwrap();
    let changed = change(text.clone()).replace("2026.1.0", version);
    assert_ne!(changed, text);
    files.insert(name, changed.into_bytes());
    let manifest = String::from_utf8(files.remove("pack.yaml").unwrap()).unwrap();
    let manifest = manifest.replace("\nversion: 1.", &format!("\nversion: {}.", &version[5..6]));
    files.insert("pack.yaml".to_owned(), manifest.into_bytes());
    files
}

fn notice(kind: NoticeKind, deadline: &str) -> Clocked {
    Clocked::Notice { kind, deadline: at(deadline) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_is_warned_of_and_reminded_of_once_each_also_after_downtime() {
    let office = Office::open().await;
    let id = office.submitted().await;
    // Two working days for the review: until Wednesday 4 March, 24:00.
    let deadline = "2026-03-04T16:00:00Z";
    assert_eq!(office.case(id).deadline, Some(at(deadline)));
    assert_eq!(office.scan_at("2026-03-03T15:59:59Z").await, 0);
    assert_eq!(office.scan_at("2026-03-03T16:00:00Z").await, 1);
    assert_eq!(office.said(id), [notice(NoticeKind::Warning, deadline)]);
    assert_eq!(office.scan_at("2026-03-04T15:59:59Z").await, 0);

    // Down over two due times: Wednesday's and Thursday's.
    let office = office.restart_at("2026-03-06T01:00:00Z").await;
    let version = office.case(id).version;
    assert_eq!(office.scan_at("2026-03-06T01:00:00Z").await, 1, "one reminder speaks for both");
    assert_eq!(office.case(id).notices.last, Some(at("2026-03-05T16:00:00Z")));
    assert_eq!(office.scan_at("2026-03-06T15:59:59Z").await, 0);
    assert_eq!(office.scan_at("2026-03-06T16:00:00Z").await, 1, "and it goes on: Friday is over");
    assert_eq!(office.scan_at("2026-03-09T15:59:59Z").await, 0, "there are none at the weekend");
    assert_eq!(office.scan_at("2026-03-09T16:00:00Z").await, 1);
    let reminder = notice(NoticeKind::Reminder, deadline);
    let warning = notice(NoticeKind::Warning, deadline);
    assert_eq!(office.said(id), [warning, reminder.clone(), reminder.clone(), reminder]);
    assert_eq!((office.case(id).version, office.case(id).state.as_str()), (version, "review"));
    let history = cases::history(&office.app.records, id).unwrap();
    let told = history.last().unwrap().effects.clone();
    assert!(matches!(&told[..], [Effect::Notify { roles, .. }] if roles == &["cs_manager"]), "{told:?}");
    assert_eq!((office.points().await, office.entries("case.reminded")), (0, 4), "the clock charges nobody");

    // Where a deadline leads to an action, there is one action and nothing said after it; no points either.
    office.return_it(id).await;
    assert_eq!(office.points().await, 1);
    office.hands.set(at("2026-04-20T00:00:00Z"));
    assert_eq!(office.app.run_timers().await.unwrap(), 1);
    assert_eq!((office.case(id).state.as_str(), office.points().await), ("gm_decision", 1));
    office.verified().await;
    println!("{} notices, one timer, 1 point: of the return alone", office.entries("case.reminded"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_calendar_counts_all_open_cases_anew_in_one_entry() {
    let office = Office::open().await;
    let (first, second) = (office.submitted().await, office.submitted().await);
    office.hands.set(at("2026-03-03T03:00:00Z"));
    let third = office.submitted().await;
    office.return_it(third).await;
    office.hands.set(at("2026-03-03T04:00:00Z"));
    assert_eq!(office.app.run_timers().await.unwrap(), 0);
    let before = office.case(third);

    // Wednesday 4 March becomes free.
    let free = |text: String| {
        let day = "  - {zh: 某日, en: A day, from: 2026-03-04, to: 2026-03-04}\nworkdays:";
        text.replace("workdays:", day)
    };
    office.publish(&with_calendar("2026.2.0", free)).await;
    assert_eq!(office.app.run_timers().await.unwrap(), 0);
    assert_eq!(office.app.run_timers().await.unwrap(), 0);
    assert_eq!(office.entries("deadlines.recomputed"), 1, "one entry for all, and once");
    // Two working days from Monday the 2nd: Tuesday, Thursday. Five from Tuesday the 3rd: 5, 6, 9, 10, 11.
    for id in [first, second] {
        let (from, to) = (at("2026-03-04T16:00:00Z"), at("2026-03-05T16:00:00Z"));
        assert_eq!(office.case(id).deadline, Some(to));
        assert_eq!(office.said(id), [Clocked::Recount { from: Some(from), to: Some(to) }]);
    }
    let after = office.case(third);
    assert_eq!(before.deadline, Some(at("2026-03-10T16:00:00Z")));
    assert_eq!(after.deadline, Some(at("2026-03-11T16:00:00Z")));
    assert_eq!((after.version, after.definition == before.definition), (before.version, true));
    // A case that runs on the older pack is counted with the calendar in force when it goes on.
    let office = office.restart_at("2026-03-03T05:00:00Z").await;
    assert_eq!(office.app.run_timers().await.unwrap(), 0);
    office.return_it(first).await;
    assert_eq!(office.case(first).deadline, Some(at("2026-03-11T16:00:00Z")));
    assert_eq!(office.entries("deadlines.recomputed"), 1);

    // Back again: whatever was counted is counted anew, from when the case came into its state.
    office.publish(&with_calendar("2026.3.0", |text| text)).await;
    let office = office.restart_at("2026-03-03T06:00:00Z").await;
    assert_eq!(office.app.run_timers().await.unwrap(), 0);
    assert_eq!(office.case(second).deadline, Some(at("2026-03-04T16:00:00Z")));
    assert_eq!(office.entries("deadlines.recomputed"), 2);
    assert_eq!(office.said(second).len(), 2);
    office.verified().await;
    println!("3 open cases, 2 changes of the calendar, {} entries", office.entries("deadlines.recomputed"));
}
