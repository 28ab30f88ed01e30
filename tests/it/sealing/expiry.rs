//! What is open is closed when its time is over, by itself; and the bucket gives the same totals back.

use std::path::PathBuf;
use std::time::Duration;

use lantai::access::{Action, Subject};
use lantai::app::{App, Recovery, restore::restore};
use lantai::archive::{Depth, ProblemCode};
use lantai::cases::{self, Ground};
use lantai::clock::Clock;
use lantai::config::Config;
use lantai::domain::{Actor, Role, archive_itself};
use lantai::dossiers::Dossier;
use lantai::journal;
use lantai::records::Records;
use lantai::vault::read_key_file;
use lantai::workflow::Input;
use secrecy::SecretString;
use serde_json::json;
use tempfile::TempDir;

/// An archive in one process, with a clock that stands still.
struct Still {
    dir: TempDir,
    clock: Clock,
    hands: lantai::clock::Hands,
}

const PASSPHRASE: &str = "the general manager's";

fn secret() -> SecretString {
    SecretString::from(PASSPHRASE.to_owned())
}

impl Still {
    async fn new() -> (Self, App, Dossier) {
        let (clock, hands) = Clock::fixed("2026-03-02T03:00:00Z".parse().unwrap());
        let dir = tempfile::tempdir().unwrap();
        let still = Self { dir, clock, hands };
        let recovery = Recovery::NewKeyFile(still.dir.path().join("recovery.key"));
        let app = App::init(still.config("data"), still.clock.clone(), recovery).await.unwrap().opened.app;
        publish(&app);
        app.set_manager(archive_itself(), secret(), None).await.unwrap();
        let dossier = returned_case(&app).await;
        app.run_all_jobs().await.unwrap();
        (still, app, dossier)
    }

    fn config(&self, name: &str) -> Config {
        let objects = format!("file://{}", self.dir.path().join("bucket").display());
        Config { data: self.dir.path().join(name), objects, ..Config::default() }
    }

    fn key_object(&self, dossier: &Dossier) -> PathBuf {
        self.dir.path().join(format!("bucket/keys/{}.age", dossier.id))
    }
}

fn publish(app: &App) {
    let journal = app.journal.clone();
    tokio::spawn(async move { journal.publish_forever().await });
}

async fn person(app: &App, name: &str, role: &str) -> Actor {
    app.people.add(None, name, vec![Role::new(role)], None).await.unwrap().actor()
}

/// A dossier whose case was returned once: two points for the adviser.
async fn returned_case(app: &App) -> Dossier {
    let (li, wang) = (person(app, "li", "advisor").await, person(app, "wang", "cs_manager").await);
    let rules = app.packs.current().unwrap();
    let permit = |actor: &Actor, action, subject| rules.policies.permit(actor, action, subject).unwrap();
    let facts = json!({ "name": "欧阳", "kind": "person", "discloses": true });
    let facts = facts.as_object().unwrap().clone();
    let opening = permit(&li, Action::OpenDossier, Subject::Archive);
    let dossier = app.dossiers.open(&opening, "customer", facts, li.id).await.unwrap();
    let definition = rules.pack.definition("customer-intake").unwrap();
    let ground = Ground::of(definition, &rules.pack);
    let subject = dossier.subject();
    let starting = permit(&li, Action::StartCase, subject);
    let case = app.cases.start(&starting, ground, dossier.id, 2).await.unwrap();
    let acting = permit(&li, Action::ActOnCase, subject);
    let case =
        app.cases.act(&acting, ground, case.id, "submit", case.version, Input::default()).await.unwrap();
    let input = Input {
        reason: Some("missing".into()),
        documents: vec!["person_id".into()],
        contracts: Some(2),
        points: None,
        note: Some("欧阳缺身份证".into()),
        ..Input::default()
    };
    let acting = permit(&wang, Action::ActOnCase, subject);
    app.cases.act(&acting, ground, case.id, "return", case.version, input).await.unwrap();
    dossier
}

fn totals(records: &Records) -> String {
    let account = cases::account(records, None, None).unwrap();
    format!("{:?} {:?}", account.totals, account.entries)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opened_dossier_closes_by_itself() {
    let (still, app, dossier) = Still::new().await;
    let zhao = person(&app, "zhao", "gm").await;
    let rules = app.packs.current().unwrap();
    let permit = |action| rules.policies.permit(&zhao, action, dossier.subject()).unwrap();
    app.seal_dossier(&permit(Action::SealDossier), dossier.id, "客户退出").await.unwrap();
    let unseal = permit(Action::UnsealDossier);
    let until = app.unseal_dossier(&unseal, dossier.id, secret(), None).await.unwrap();
    let minutes = until.duration_since(still.clock.now()).as_mins();
    assert_eq!(minutes, i64::from(app.config.sealing.open_minutes), "the default");
    assert!(app.opened(dossier.id).is_some());
    still.hands.advance(Duration::from_secs(30 * 60 - 1));
    assert!(app.opened(dossier.id).is_some());
    assert_eq!(app.close_expired().await.unwrap(), 0);
    still.hands.advance(Duration::from_secs(1));
    assert!(app.opened(dossier.id).is_none(), "at once, before anything is cleared away");
    assert_eq!(app.close_expired().await.unwrap(), 1);
    let last = app.journal.entry(app.journal.health().size - 1).unwrap().unwrap();
    assert_eq!((last.kind.as_str(), last.actor), ("dossier.closed", archive_itself()));
    assert_eq!(app.close_expired().await.unwrap(), 0);

    // What was permitted before the sealing is refused by the log itself.
    let starting = permit(Action::StartCase);
    let definition = rules.pack.definition("customer-intake").unwrap();
    let ground = Ground::of(definition, &rules.pack);
    let started = app.cases.start(&starting, ground, dossier.id, 1).await;
    assert!(matches!(started, Err(cases::Error::Journal(journal::Error::Closed))));

    // A question of destruction is open for so long, and no longer.
    let wang = app.people.by_name("wang").unwrap().unwrap().actor();
    let asking = permit(Action::DestroyDossier);
    let confirming = rules.policies.permit(&wang, Action::DestroyDossier, dossier.subject()).unwrap();
    app.ask_destruction(&asking, dossier.id, "保存期满").await.unwrap();
    still.hands.advance(Duration::from_secs(u64::from(app.config.sealing.destroy_hours) * 3600));
    let late = app.destroy_dossier(&confirming, dossier.id).await;
    assert!(matches!(late, Err(lantai::app::Error::Sealing(lantai::sealing::Error::NotAsked))));
    app.ask_destruction(&asking, dossier.id, "保存期满").await.unwrap();

    // Whatever is asked for, the setting is the longest.
    let until = app.unseal_dossier(&unseal, dossier.id, secret(), Some(1_000_000)).await.unwrap();
    let minutes = until.duration_since(still.clock.now()).as_mins();
    assert_eq!(minutes, i64::from(app.config.sealing.open_minutes_max));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_gives_equal_totals_with_and_without_the_dossiers_key() {
    let (still, app, dossier) = Still::new().await;
    let key_object = still.key_object(&dossier);
    let before = std::fs::read(&key_object).unwrap();
    let points = cases::account(&app.records, None, None).unwrap().totals;
    assert_eq!(points["li"], 2);
    let zhao = person(&app, "zhao", "gm").await;
    let rules = app.packs.current().unwrap();
    let permit = rules.policies.permit(&zhao, Action::SealDossier, dossier.subject()).unwrap();
    app.seal_dossier(&permit, dossier.id, "客户退出").await.unwrap();
    let live = totals(&app.records);
    assert_eq!(cases::account(&app.records, None, None).unwrap().totals, points);
    assert!(!live.contains("欧阳"));
    app.close().unwrap();
    drop(app);
    let restored = async |name: &str| {
        let recovery = read_key_file(&still.dir.path().join("recovery.key"), None).unwrap();
        let restored = restore(still.config(name), still.clock.clone(), &recovery, &|_, _| {}).await.unwrap();
        let caught_up = restored.opened.caught_up;
        drop(restored.opened.app);
        // A restore only reads the bucket; what is left to be done in it is for whoever works on the archive then.
        (caught_up, App::open(still.config(name), still.clock.clone(), &|_, _| {}).await.unwrap().app)
    };

    // Without the dossier's key: its entries make no rows.
    let (caught_up, without) = restored("without").await;
    assert!(caught_up.without_key.len() > 3 && caught_up.gone.len() == 1);
    assert_eq!(totals(&without.records), live);
    without.run_all_jobs().await.unwrap();
    let verify = async |app: &App| app.verify(Depth::Full, &|_, _| {}).await.unwrap().problems;
    assert_eq!(verify(&without).await, []);

    // With it: somebody has put the key object of before back.
    std::fs::write(&key_object, &before).unwrap();
    let (caught_up, with) = restored("with").await;
    assert_eq!(caught_up.without_key, Vec::<u64>::new());
    assert_eq!(totals(&with.records), live);
    let found: Vec<_> = verify(&with).await.iter().map(|problem| problem.code).collect();
    assert_eq!(found, [ProblemCode::SealBroken], "and nothing else: the rows are the same");
    with.run_all_jobs().await.unwrap();
    assert_eq!(verify(&with).await, [], "the job of the sealing takes it away again");
    assert!(std::fs::read(&key_object).unwrap() != before);
}
