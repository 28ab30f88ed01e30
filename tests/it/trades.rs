//! One journey on every pack: the packs and the journeys are data, and nothing here knows a word of any trade.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::server::{Desk, Server, Setting};

/// What happens on one pack.
#[derive(Deserialize)]
struct Journey {
    people: BTreeMap<String, String>,
    dossier: NewDossier,
    opened_by: String,
    workflow: String,
    /// Whoever must see nothing of it.
    strangers: Vec<String>,
    searched_by: String,
    basket: Vec<String>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct NewDossier {
    kind: String,
    facts: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Step {
    Do(Box<Deed>),
    Upload {
        by: String,
        upload: Vec<String>,
    },
    /// The server is killed, and started again.
    Restart {
        #[expect(dead_code, reason = "only its being there matters")]
        restart: bool,
    },
}

#[derive(Deserialize)]
struct Deed {
    by: String,
    #[serde(rename = "do")]
    action: String,
    #[serde(default)]
    said: Map<String, Value>,
    refused: Option<(u16, String)>,
    state: Option<String>,
    #[serde(default)]
    points: BTreeMap<String, i64>,
}

/// The packs in `workflows/`, each with its journey.
fn packs() -> Vec<(PathBuf, Journey)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut packs: Vec<PathBuf> =
        std::fs::read_dir(root.join("workflows")).unwrap().map(|entry| entry.unwrap().path()).collect();
    packs.sort();
    let journey = |pack: PathBuf| {
        let name = pack.file_name().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(root.join(format!("fixtures/journeys/{name}.yaml")));
        assert!(text.is_ok(), "{name} has no journey in fixtures/journeys");
        (pack, serde_saphyr::from_str(&text.unwrap()).unwrap())
    };
    packs.into_iter().map(journey).collect()
}

/// A journey under way on a real server.
struct Trip {
    server: Server,
    journey: Journey,
    dossier: String,
    case: String,
    uploaded: usize,
}

impl Trip {
    async fn begin(pack: &Path, journey: Journey) -> Self {
        let people = journey.people.iter().map(|(name, role)| (name.as_str(), role.as_str()));
        let server = Server::of_pack(Setting::default(), Some(pack), people);
        let mut trip = Self { server, journey, dossier: String::new(), case: String::new(), uploaded: 0 };
        let opener = trip.desk(&trip.journey.opened_by).await;
        let NewDossier { kind, facts } = &trip.journey.dossier;
        let opened = opener.post("/api/v1/dossiers", json!({ "kind": kind, "facts": facts })).await.ok();
        trip.dossier = opened["id"].as_str().unwrap().to_owned();
        let new = json!({ "workflow": trip.journey.workflow, "dossier": trip.dossier });
        trip.case = opener.post("/api/v1/cases", new).await.ok()["id"].as_str().unwrap().to_owned();
        trip
    }

    async fn desk(&self, name: &str) -> Desk {
        Desk::sign_in_as(&self.server.base, name, &self.journey.people[name]).await
    }

    /// The case, the ledger and the length of the log: what a refused action must leave as it is.
    async fn everything(&self, desk: &Desk) -> (Value, u64) {
        self.server.settle().await;
        let mut case = desk.get(&format!("/api/v1/cases/{}", self.case)).await.ok();
        case["claimed_by"].take();
        let ready = reqwest::get(format!("{}/readyz", self.server.base)).await.unwrap();
        (case, ready.json::<Value>().await.unwrap()["log_size"].as_u64().unwrap())
    }

    async fn take(&mut self, step: &Step) {
        match step {
            Step::Restart { .. } => {
                self.server.kill();
                self.server.start();
            }
            Step::Upload { by, upload } => {
                let desk = self.desk(by).await;
                for kind in upload {
                    let query = [("dossier", self.dossier.as_str()), ("case", &self.case), ("kind", kind)];
                    let text = format!("{kind} 第 {} 份 TRADEMARK", self.uploaded);
                    desk.upload(&query, text.into_bytes()).await.ok();
                    self.uploaded += 1;
                }
            }
            Step::Do(deed) => self.deed(deed).await,
        }
    }

    async fn deed(&self, deed: &Deed) {
        let desk = self.desk(&deed.by).await;
        let said = Value::Object(deed.said.clone());
        if let Some((status, code)) = &deed.refused {
            let before = self.everything(&desk).await;
            desk.act(&self.case, &deed.action, said).await.is(*status, code);
            // Signing in was the last thing before that the log has.
            assert_eq!(
                self.everything(&desk).await,
                before,
                "{} was refused and changed something",
                deed.action
            );
            return;
        }
        let acted = desk.act(&self.case, &deed.action, said).await.ok();
        if let Some(state) = &deed.state {
            assert_eq!(acted["state"], state.as_str(), "{}", deed.action);
        }
        for (name, points) in &deed.points {
            let ledger = self.desk(name).await.get("/api/v1/penalties").await.ok();
            let found = ledger["totals"][name].as_i64().unwrap_or_default();
            assert_eq!(found, *points, "{name} after {}", deed.action);
        }
    }

    /// Whoever has nothing to do with it sees nothing, and whoever decides finds the papers.
    async fn seen(&self) {
        for name in &self.journey.strangers {
            let stranger = self.desk(name).await;
            for path in [format!("/api/v1/dossiers/{}", self.dossier), format!("/api/v1/cases/{}", self.case)]
            {
                stranger.get(&path).await.is(403, "forbidden");
            }
        }
        let found = self.desk(&self.journey.searched_by).await.find("TRADEMARK", self.uploaded as u64).await;
        assert_eq!(found["total"].as_u64(), Some(self.uploaded as u64));
    }
}

#[tokio::test]
async fn the_same_journey_runs_on_every_pack() {
    for (pack, journey) in packs() {
        let mut trip = Trip::begin(&pack, journey).await;
        let steps = std::mem::take(&mut trip.journey.steps);
        for step in &steps {
            trip.take(step).await;
        }
        let case =
            trip.desk(&trip.journey.opened_by).await.get(&format!("/api/v1/cases/{}", trip.case)).await.ok();
        let there = case["documents"].as_array().unwrap();
        for kind in &trip.journey.basket {
            assert!(
                there.iter().any(|document| document["kind"] == kind.as_str()),
                "{kind} is not in the basket"
            );
        }
        trip.seen().await;
        trip.server.stop();
        let out = trip.server.run(&["verify", "--full"]);
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
        println!("{}: {} steps, {} papers", pack.display(), steps.len(), trip.uploaded);
    }
}

#[test]
fn an_archive_is_not_made_on_a_pack_with_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    let pack = folder.path().join("pack");
    std::fs::create_dir(&pack).unwrap();
    std::fs::write(pack.join("pack.yaml"), "format: lantai-pack/1\nid: x\n").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lantai"));
    let out = command.current_dir(folder.path()).args(["init", "--pack", "pack"]).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(!out.status.success() && said.contains("E00"), "{said}");
    assert!(!folder.path().join("lantai-data").exists(), "nothing was made");
}
