//! An archive whose stores outlive it, and a client that is answered, or is not.
//!
//! The stores are in memory and can be copied, so that every fault begins where the step before it ended. A restart drops
//! everything else, and with it what the records had not flushed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use jiff::Timestamp;
use lantai::app::{App, Error, Places};
use lantai::clock::{Clock, Hands};
use lantai::config::Config;
use lantai::faults::{Faults, Plan};
use lantai::http::router;
use lantai::objects::Objects;
use lantai::records::Medium;
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tower::ServiceExt;

/// How often a restart is tried: a fault may hit the opening itself.
const OPENINGS: usize = 50;

/// Which store fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Store {
    Objects,
    Records,
}

/// What a step leaves: everything that a crash does not take.
pub(super) struct Snapshot {
    objects: Objects,
    records: Medium,
    data: TempDir,
    now: Timestamp,
}

pub(super) struct World {
    pub(super) data: TempDir,
    pub(super) config: Config,
    pub(super) clock: Clock,
    pub(super) hands: Hands,
    bare: (Objects, Medium),
    pub(super) places: Places,
    faults: [Faults; 2],
    live: Option<Live>,
    pub(super) restarts: usize,
}

struct Live {
    app: App,
    router: Router,
    publisher: JoinHandle<()>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| {
            panic!("{} {}", self.status, String::from_utf8_lossy(&self.body));
        })
    }
}

/// Memory, where the system has some that looks like a disk.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.or_else(|_| tempfile::tempdir()).unwrap()
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        match path.is_dir() {
            true => copy_folder(&path, &to.join(name)),
            false => assert!(std::fs::copy(&path, to.join(name)).is_ok()),
        }
    }
}

impl World {
    /// Nothing is there yet.
    pub(super) async fn empty() -> Self {
        let objects = Objects::open("memory:", &Config::default().s3).await.unwrap();
        let start = "2026-03-02T02:00:00Z".parse().unwrap();
        Self::over(objects, Medium::memory(), folder(), start)
    }

    /// Where a step ended.
    pub(super) fn from(snapshot: &Snapshot) -> Self {
        let data = folder();
        copy_folder(snapshot.data.path(), data.path());
        Self::over(snapshot.objects.copy().unwrap(), snapshot.records.copy().unwrap(), data, snapshot.now)
    }

    fn over(objects: Objects, records: Medium, data: TempDir, now: Timestamp) -> Self {
        let mut config = Config { data: data.path().join("data"), ..Config::default() };
        config.reading_program = Some(PathBuf::from(env!("CARGO_BIN_EXE_lantai")));
        config.journal.patience_seconds = 2;
        config.reading_font = Some(crate::app::NO_FONT.into());
        let (clock, hands) = Clock::stopped(now);
        let bare = (objects.clone(), records.clone());
        let (objects, object_faults) = objects.with_faults();
        let (records, record_faults) = records.with_faults();
        let places = Places { objects, records };
        let faults = [object_faults, record_faults];
        Self { data, config, clock, hands, bare, places, faults, live: None, restarts: 0 }
    }

    /// What is there now, after a stop that is no orderly one.
    pub(super) async fn snapshot(&mut self) -> Snapshot {
        self.kill().await;
        let data = folder();
        copy_folder(self.data.path(), data.path());
        Snapshot {
            objects: self.bare.0.copy().unwrap(),
            records: self.bare.1.copy().unwrap(),
            data,
            now: self.clock.now(),
        }
    }

    pub(super) fn faults(&self, store: Store) -> &Faults {
        &self.faults[store as usize]
    }

    pub(super) fn plan(&self, store: Store, plan: Plan) {
        self.faults(store).plan(plan);
    }

    pub(super) fn fired(&self) -> bool {
        self.faults.iter().any(Faults::fired)
    }

    /// A fault has come that nothing comes after.
    fn is_dead(&self) -> bool {
        self.faults.iter().any(Faults::is_down)
    }

    pub(super) fn app(&self) -> &App {
        &self.live.as_ref().unwrap().app
    }

    /// Begins to serve what was opened.
    pub(super) fn serve(&mut self, app: App) {
        let journal = app.journal.clone();
        let publisher = tokio::spawn(async move { journal.publish_forever().await });
        self.live = Some(Live { router: router(app.clone()), app, publisher });
    }

    /// Opens the archive; again if the fault hits just that.
    pub(super) async fn open(&mut self) {
        for _ in 0..OPENINGS {
            let places = Places { objects: self.places.objects.anew(), records: self.places.records.clone() };
            let opened = App::open_in(self.config.clone(), self.clock.clone(), places, &|_, _| {}).await;
            match opened {
                Ok(opened) => return self.serve(opened.app),
                // A reader that another thread is just starting holds every file of this process for a moment.
                Err(Error::InUse(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(error) => {
                    assert!(self.fired(), "the archive does not open: {error:?}");
                    self.after_death();
                }
            }
        }
        panic!("the archive does not open");
    }

    /// The process is gone.
    pub(super) async fn kill(&mut self) {
        if let Some(Live { app, router, publisher }) = self.live.take() {
            publisher.abort();
            let _ = publisher.await;
            drop((app, router));
        }
        self.after_death();
    }

    fn after_death(&mut self) {
        self.places.records.crash();
        for faults in &self.faults {
            faults.revive();
        }
        self.restarts += 1;
    }

    /// What whoever runs the server does when something has failed.
    pub(super) async fn recover(&mut self) {
        if self.live.is_none() || self.fired() {
            self.kill().await;
            self.open().await;
        } else {
            // The publisher pauses after a failure.
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
    }

    /// Sends a request; `None` if the process died before it was answered.
    pub(super) async fn send(&self, request: http::request::Builder, body: Body) -> Option<Reply> {
        let router = self.live.as_ref()?.router.clone();
        let of_api = request.uri_ref().is_some_and(|uri| uri.path().starts_with("/api/"));
        let answering = async {
            let response = router.oneshot(request.body(body).unwrap()).await.unwrap();
            let status = response.status().as_u16();
            let retry = response.headers().contains_key("retry-after");
            let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.ok()?;
            let reply = Reply { status, body: bytes.to_vec() };
            if status >= 500 && of_api {
                let code = reply.json()["code"].as_str().unwrap().to_owned();
                let known = ["store_unavailable", "not_durable", "records_failed"].contains(&code.as_str());
                assert!(status == 503 && retry && known, "{status} {code}");
            }
            Some(reply)
        };
        tokio::select! {
            reply = answering => reply.filter(|_| !self.is_dead()),
            () = self.death() => None,
        }
    }

    pub(super) async fn death(&self) {
        while !self.is_dead() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
