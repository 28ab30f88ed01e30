//! A crash at every call of sealing and of destroying: what was decided is finished at the next start, what was not is undone.

use lantai::access::{Action, Permit, Subject};
use lantai::app::{App, Recovery};
use lantai::archive::{Depth, NewDocument};
use lantai::clock::Clock;
use lantai::config::Config;
use lantai::domain::{Actor, Role, archive_itself};
use lantai::dossiers::Dossier;
use lantai::faults::{Calls, Fault, Faults};
use lantai::manifest::{Because, Manifest, describe};
use lantai::objects::{Key, Objects, Prefix};
use lantai::sealing::stub;
use lantai::vault::{Identity, read_key_file};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// A store in memory that outlives the archives that are opened on it.
struct Bench {
    dir: TempDir,
    objects: Objects,
    faults: Faults,
}

/// An open archive that publishes, until it is dropped as a crash drops it.
struct Open {
    app: App,
    publisher: JoinHandle<()>,
}

impl Open {
    fn of(app: App) -> Self {
        let journal = app.journal.clone();
        let publisher = tokio::spawn(async move { journal.publish_forever().await });
        Self { app, publisher }
    }

    async fn crash(self) {
        self.publisher.abort();
        let _ = self.publisher.await;
    }
}

impl Bench {
    async fn new() -> Self {
        let (objects, faults) = Objects::open("memory:", &Config::default().s3).await.unwrap().with_faults();
        Self { dir: tempfile::tempdir().unwrap(), objects, faults }
    }

    fn config(&self) -> Config {
        let mut config = Config { data: self.dir.path().join("data"), ..Config::default() };
        config.journal.patience_seconds = 1;
        config.reading_program = Some(env!("CARGO_BIN_EXE_lantai").into());
        config
    }

    async fn made(&self) -> Open {
        let recovery = Recovery::NewKeyFile(self.dir.path().join("recovery.key"));
        let fresh = App::init_on(self.config(), Clock::system(), recovery, self.objects.clone()).await;
        Open::of(fresh.unwrap().opened.app)
    }

    async fn open(&self) -> Open {
        let opened = App::open_on(self.config(), Clock::system(), self.objects.clone(), &|_, _| {}).await;
        Open::of(opened.unwrap().app)
    }

    async fn archive_opens(&self, dossier: &Dossier) -> bool {
        let archive = read_key_file(&self.config().data.join("archive.key"), None).unwrap().identity;
        let sealed = self.objects.get_bytes(&Key::DossierKey(dossier.id), 1 << 16).await.unwrap();
        lantai::vault::open(&archive, &sealed).is_ok()
    }
}

async fn person(app: &App, name: &str, role: &str) -> Actor {
    app.people.add(None, name, vec![Role::new(role)], None).await.unwrap().actor()
}

fn permit(app: &App, actor: &Actor, action: Action, subject: Subject) -> Permit {
    app.packs.current().unwrap().policies.permit(actor, action, subject).unwrap()
}

/// A dossier with one paper, and a manager's key.
async fn with_paper(app: &App, zhao: &Actor) -> Dossier {
    // Nobody opens anything here, so that the manager's key need not be locked, which is slow on purpose.
    let manager = Some(Identity::generate().recipient().to_string());
    let manifest = Manifest { manager_recipient: manager, ..app.described().unwrap() };
    let index = describe(&app.journal, archive_itself(), &manifest, Because::ManagerSet).await.unwrap();
    app.journal.published(index).await.unwrap();
    manifest.put(&app.objects).await.unwrap();
    let facts = json!({ "name": "欧阳", "kind": "person" }).as_object().unwrap().clone();
    let opening = permit(app, zhao, Action::OpenDossier, Subject::Archive);
    let dossier = app.dossiers.open(&opening, "customer", facts, zhao.id).await.unwrap();
    let adding = permit(app, zhao, Action::AddDocument, dossier.subject());
    let new = NewDocument {
        dossier: dossier.id,
        case: None,
        kind: "person_id".into(),
        filename: None,
        digest: None,
        idempotency_key: Some("once".into()),
        part_of: None,
    };
    let content = futures::stream::iter([Ok(bytes::Bytes::from("MARK"))]);
    app.archive.ingest(&adding, new, content).await.unwrap();
    dossier
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealing_that_is_cut_off_is_finished_or_has_not_happened() {
    let (mut points, mut sealed_after_all) = (0, 0);
    for fault in [Fault::Before, Fault::After] {
        for nth in 1.. {
            let bench = Bench::new().await;
            let open = bench.made().await;
            let zhao = person(&open.app, "zhao", "gm").await;
            let dossier = with_paper(&open.app, &zhao).await;
            let sealing = permit(&open.app, &zhao, Action::SealDossier, dossier.subject());
            bench.faults.fail_nth(nth, fault);
            let done = open.app.seal_dossier(&sealing, dossier.id, "x").await;
            let reached = bench.faults.calls(Calls::Writes) >= nth;
            bench.faults.fail_nth(0, fault);
            open.crash().await;
            if !reached {
                assert!(done.is_ok());
                break;
            }
            points += 1;

            let open = bench.open().await;
            open.app.run_all_jobs().await.unwrap();
            match stub(&open.app.records, dossier.id).unwrap() {
                Some(_) => {
                    sealed_after_all += 1;
                    assert!(!bench.archive_opens(&dossier).await, "{fault:?} {nth}");
                    assert!(open.app.dossiers.get(dossier.id).unwrap().is_none());
                    assert!(open.app.index.is_empty());
                }
                None => {
                    assert!(done.is_err(), "{fault:?} {nth}");
                    assert!(bench.archive_opens(&dossier).await, "{fault:?} {nth}");
                    assert!(open.app.dossiers.get(dossier.id).unwrap().is_some());
                }
            }
            assert_eq!(
                open.app.verify(Depth::Full, &|_, _| {}).await.unwrap().problems,
                [],
                "{fault:?} {nth}"
            );
            open.crash().await;
        }
    }
    println!("{points} points of failure, sealed after all in {sealed_after_all}");
    assert!(points >= 8 && sealed_after_all > 0, "{points} {sealed_after_all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destruction_that_is_cut_off_is_finished_or_has_not_happened() {
    let (mut points, mut destroyed_after_all) = (0, 0);
    for fault in [Fault::Before, Fault::After] {
        for nth in 1.. {
            let bench = Bench::new().await;
            let open = bench.made().await;
            let (zhao, wang) = (person(&open.app, "zhao", "gm").await, person(&open.app, "wang", "gm").await);
            let dossier = with_paper(&open.app, &zhao).await;
            let may = |actor: &Actor, action| permit(&open.app, actor, action, dossier.subject());
            open.app.seal_dossier(&may(&zhao, Action::SealDossier), dossier.id, "x").await.unwrap();
            let asking = may(&zhao, Action::DestroyDossier);
            open.app.ask_destruction(&asking, dossier.id, "y").await.unwrap();
            let confirming = may(&wang, Action::DestroyDossier);
            bench.faults.fail_nth(nth, fault);
            let done = open.app.destroy_dossier(&confirming, dossier.id).await;
            let reached = bench.faults.calls(Calls::Writes) >= nth;
            bench.faults.fail_nth(0, fault);
            open.crash().await;
            if !reached {
                assert!(done.is_ok());
                break;
            }
            points += 1;

            let open = bench.open().await;
            open.app.run_all_jobs().await.unwrap();
            let stub = stub(&open.app.records, dossier.id).unwrap().unwrap();
            let listed = bench.objects.list(Prefix::All).await.unwrap();
            let left = listed.iter().filter(|object| object.path.contains(&dossier.id.to_string())).count();
            match stub.destroyed {
                true => {
                    destroyed_after_all += 1;
                    assert_eq!(left, 0, "{fault:?} {nth}");
                }
                false => assert!(done.is_err() && left >= 2, "{fault:?} {nth}"),
            }
            assert_eq!(
                open.app.verify(Depth::Full, &|_, _| {}).await.unwrap().problems,
                [],
                "{fault:?} {nth}"
            );
            open.crash().await;
        }
    }
    println!("{points} points of failure, destroyed after all in {destroyed_after_all}");
    assert!(points >= 8 && destroyed_after_all > 0, "{points} {destroyed_after_all}");
}
